"""The cohort funnel: the worked examples of its page, and what always adds up."""

import datetime as dt
import itertools

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from alignment.funnel import cohort_funnel, horizon_days, recorded_steps
from alignment.milestones import milestones_of, reached_at
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.periods import Period
from data_contracts.vocabulary import Stage
from tests.alignment.metric_pages import assert_as_worked_out, page_specs


def _steps(step):
    def compute(history, settings):
        told = cohort_funnel(milestones_of(history, settings))
        return [row for row in told.rows.to_pylist() if row["step"] == step]

    return compute


COMPUTED = {
    "funnel from MQL to SQL by month": _steps(Step.MQL_TO_SQL),
    "milestones": lambda history, settings: milestones_of(history, settings).frame.to_dict("records"),
}


@pytest.mark.parametrize("spec", page_specs("funnel", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


STAGES = [stage.value for stage in Stage]
MOMENTS = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 30))
WAYS = st.lists(st.lists(st.tuples(MOMENTS, st.sampled_from(STAGES)), max_size=6), min_size=1, max_size=40)


@settings_of_hypothesis(
    max_examples=6,
    deadline=None,
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ],  # each example is a history in an engine: shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ways=WAYS, unsettled=st.integers(0, 3), every=st.sampled_from(list(Period)), by=st.sampled_from(["", "source"]))
def test_whatever_way_leads_take_each_counts_once_and_the_parts_make_up_the_whole(
    make_history, settings, ways, unsettled, every, by
):
    history = make_history(
        {
            "leads": [{"lead_id": str(n), "source": ["web", "event", None][n % 3]} for n in range(len(ways))],
            "stage_changes": [
                {"lead_id": str(n), "stage": stage, "entered_at": at}
                for n, way in enumerate(ways)
                for at, stage in {at: (at, stage) for at, stage in way}.values()
            ],
            "unsettled": [
                {"lead_id": str(n), "stage": "won", "reason": "deal_undated", "is_ending": "true"}
                for n in range(min(unsettled, len(ways)))
            ],
        }
    )
    milestones = milestones_of(history, settings)
    rows = cohort_funnel(milestones, every=every, by=by).rows.to_pylist()
    for row in rows:
        assert row["entered"] == row["reached"] + row["ended"] + row["open"] + row["unsettled"]
        assert row["skipped"] <= row["reached"]
        assert row["rate"] is None or row["rate_low"] <= row["rate"] <= row["rate_high"]
    for step in recorded_steps(milestones):
        entered = sum(row["entered"] for row in rows if row["step"] == step)
        assert entered == milestones.frame[reached_at(step.start)].notna().sum()
    moments = milestones.frame[[reached_at(one) for one in Milestone if one is not Milestone.SALES_READY]]
    for earlier, later in itertools.pairwise(moments):
        both = moments[moments[later].notna()]
        assert (both[earlier] <= both[later]).all()


def test_groups_are_told_apart_and_those_of_which_nothing_is_known_come_last(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": "A", "source": "web"}, {"lead_id": "B"}, {"lead_id": "C", "source": "event"}],
            "stage_changes": [{"lead_id": name, "stage": "mql", "entered_at": "2026-02-01"} for name in "ABC"],
        }
    )
    told = cohort_funnel(milestones_of(history, settings), every=Period.YEAR, by="source")
    assert [row["group"] for row in told.rows.to_pylist()] == ["event", "web", None]
    with pytest.raises(KeyError, match="weather"):
        cohort_funnel(milestones_of(history, settings), by="weather")


def test_a_cohort_begins_at_local_midnight(make_history, settings_with):
    berlin = {"time_zone": "Europe/Berlin"}
    under = settings_with(policy={"calendar": berlin})
    history = make_history(
        {
            "leads": [{"lead_id": "A"}],
            "stage_changes": [{"lead_id": "A", "stage": "mql", "entered_at": "2026-01-31 23:30"}],
        },
        under=under,
    )
    rows = cohort_funnel(milestones_of(history, under)).rows.to_pylist()
    assert {row["cohort"] for row in rows if row["step"] == Step.MQL_TO_SQL} <= {dt.date(2026, 2, 1)}


@pytest.mark.parametrize(
    ("step", "days"),
    [(Step.MQL_TO_SAL, 30), (Step.SQL_TO_CUSTOMER, 90), (Step.MQL_TO_CUSTOMER, 120), (Step.LEAD_TO_MQL, 120)],
)
def test_a_step_counts_for_the_transitions_that_it_lies_in(settings, step, days):
    assert horizon_days(step, settings.definitions) == days


def test_where_only_the_win_is_predicted_its_horizon_holds_for_every_step(settings_with):
    under = settings_with(definitions={"transitions": {"mql_to_win": {"horizon_days": 60}}})
    assert {horizon_days(step, under.definitions) for step in Step} == {60}
