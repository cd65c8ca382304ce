"""Response: the worked examples of its page, what always adds up, and what is not shown."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from alignment.handed_off import hand_offs_of
from alignment.milestones import milestones_of
from alignment.response import response
from data_contracts.errors import SettingsError
from data_contracts.metrics.periods import Period
from tests.alignment.metric_pages import assert_as_worked_out, page_specs


def _response(by):
    def compute(history, settings):
        return response(hand_offs(history, settings), every=Period.MONTH, by=by).rows.to_pylist()

    return compute


def hand_offs(history, settings):
    return hand_offs_of(history, milestones_of(history, settings))


COMPUTED = {
    "hand-offs": lambda history, settings: hand_offs(history, settings).frame.to_dict("records"),
    "response by month": _response(""),
    "response by team": _response("team"),
}


@pytest.mark.parametrize("spec", page_specs("response", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def entered(lead_id, stage, at, **told):
    return {"lead_id": lead_id, "stage": stage, "entered_at": at, **told}


def call(lead_id, at):
    return {"lead_id": lead_id, "kind": "call", "direction": "outbound", "occurred_at": at}


def test_without_hand_offs_there_is_nothing_to_say(make_history, settings):
    told = response(hand_offs(make_history({}), settings), by="source")
    assert (len(told.rows), told.not_shown) == (0, 0)
    assert (told.definitions_version, told.policy_version) == ("2026.1", "2026.1")


MOMENTS = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 30))
STAGES = st.sampled_from(["mql", "sal", "sql", "lost", "nurture"])
WAYS = st.lists(st.lists(st.tuples(MOMENTS, STAGES), max_size=5), min_size=1, max_size=30)


@settings_of_hypothesis(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ways=WAYS,
    touches=st.lists(st.tuples(st.integers(0, 29), MOMENTS), max_size=20),
    every=st.sampled_from([Period.WEEK, Period.QUARTER]),
    by=st.sampled_from(["", "source"]),
)
def test_whatever_happens_each_hand_off_counts_once_and_the_parts_are_parts(
    make_history, settings, ways, touches, every, by
):
    history = make_history(
        {
            "leads": [{"lead_id": str(n), "source": ["web", "event", None][n % 3]} for n in range(len(ways))],
            "stage_changes": [
                entered(str(n), stage, at)
                for n, way in enumerate(ways)
                for at, stage in {at: (at, stage) for at, stage in way}.values()
            ],
            "activities": [call(str(n), at) for n, at in touches],
            "unsettled": [{"lead_id": "0", "stage": "won", "reason": "deal_undated", "is_ending": "true"}],
        }
    )
    told = hand_offs(history, settings)
    rows = response(told, every=every, by=by).rows.to_pylist()
    assert sum(row["handed_off"] for row in rows) == len(told.frame)
    assert sum(row["handed_off"] - row["skipped"] - row["unsettled"] for row in rows) == told.counted.sum()
    for row in rows:
        left = row["handed_off"] - row["skipped"] - row["unsettled"]
        assert row["in_time"] <= row["due"] <= left
        assert row["never_contacted"] <= row["aged"] <= left
        assert row["disposed"] <= row["worked"] <= left
        for name in ("compliance", "never_contacted_share", "disposition_share", "hours_if_touched"):
            value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
            assert value is None or (low <= value and (high is None or value <= high))
        assert row["hours_median"] is None or row["hours_median_low"] <= row["hours_median"] <= row["hours_p90"]


def test_a_deadline_that_a_new_hand_off_overtook_is_not_held_against_sales(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": "A"}],
            "stage_changes": [
                entered("A", "mql", "2026-03-02 10:00"),
                entered("A", "nurture", "2026-03-02 10:05"),
                entered("A", "mql", "2026-03-02 10:10"),
            ],
            "activities": [call("A", "2026-03-02 11:00")],
        }
    )
    (row,) = response(hand_offs(history, settings)).rows.to_pylist()
    assert (row["handed_off"], row["due"], row["in_time"]) == (2, 1, 1)
    assert (row["aged"], row["never_contacted"]) == (2, 0), "an hour after the first hand-off the lead was contacted"
    assert row["hours_if_touched"] == pytest.approx(50 / 60)


def test_a_touch_in_the_last_minute_of_the_time_is_in_time_and_one_after_it_is_late(make_history, settings):
    calls = {"A": "2026-03-03 10:00", "B": "2026-03-03 10:01"}
    history = make_history(
        {
            "leads": [{"lead_id": name} for name in calls],
            "stage_changes": [entered(name, "mql", "2026-03-02 10:00") for name in calls],
            "activities": [call(name, at) for name, at in calls.items()],
        }
    )
    (row,) = response(hand_offs(history, settings)).rows.to_pylist()
    assert (row["due"], row["in_time"]) == (2, 1)


def test_only_what_is_old_enough_counts_as_never_contacted(make_history, settings):
    at = {"A": "2026-03-02", "B": "2026-03-03", "C": "2026-03-02"}
    history = make_history(
        {
            "leads": [{"lead_id": name} for name in at],
            "stage_changes": [entered(name, "mql", when) for name, when in at.items()],
            "activities": [call("C", "2026-04-01 00:01")],
        },
        extracted_at=dt.datetime(2026, 4, 1, 12),
    )
    (row,) = response(hand_offs(history, settings), every=Period.MONTH).rows.to_pylist()
    assert (row["aged"], row["never_contacted"]) == (2, 2), "A, and C, which was called after the 30 days"
    assert not row["is_mature"]


def test_a_hand_off_that_was_touched_after_the_horizon_was_not_worked_within_it(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": "A"}],
            "stage_changes": [entered("A", "mql", "2026-03-02"), entered("A", "sql", "2026-04-10")],
            "activities": [call("A", "2026-04-09")],
        }
    )
    (row,) = response(hand_offs(history, settings)).rows.to_pylist()
    assert (row["aged"], row["worked"], row["hours_if_touched"]) == (1, 0, None)


def test_leads_that_sales_took_by_itself_or_that_cannot_be_dated_stand_beside_the_rates(make_history, settings):
    stages = {"A": "mql", "B": "sql", "C": "mql", "D": "sql"}
    history = make_history(
        {
            "leads": [{"lead_id": name} for name in stages],
            "stage_changes": [entered(name, stage, "2026-03-02") for name, stage in stages.items()],
            "unsettled": [
                {"lead_id": name, "stage": "won", "reason": "deal_undated", "is_ending": "true"} for name in "CD"
            ],
        }
    )
    (row,) = response(hand_offs(history, settings)).rows.to_pylist()
    assert (row["handed_off"], row["skipped"], row["unsettled"], row["due"]) == (4, 2, 1, 1)


MANY = [f"{n:02d}" for n in range(16)]


@pytest.fixture
def owned(make_history):
    """Hand-offs of eleven leads of `u`, four of `v`, and one of nobody."""

    def made(under):
        owners = ["u"] * 11 + ["v"] * 4 + [None]
        history = make_history(
            {
                "leads": [{"lead_id": name, "owner_id": owner} for name, owner in zip(MANY, owners, strict=True)],
                "stage_changes": [entered(name, "mql", "2026-03-02 10:00") for name in MANY],
                "activities": [call(name, "2026-03-02 12:00") for name in MANY[:6]],
            },
            under=under,
        )
        return hand_offs(history, under)

    return made


def test_figures_by_owner_are_refused_where_nobody_agreed_on_them(owned, settings):
    with pytest.raises(SettingsError, match="figures_by_owner = true"):
        response(owned(settings), by="owner_id")


def test_an_owner_with_few_hand_offs_is_not_shown_and_told_as_left_out(owned, settings_with):
    under = settings_with(pages={"figures_by_owner": True, "least_group": 10})
    told = response(owned(under), by="owner_id")
    assert [(row["group"], row["handed_off"]) for row in told.rows.to_pylist()] == [("u", 11), (None, 1)]
    assert told.not_shown == 4
    assert response(owned(under), by="team").not_shown == 0


def test_groups_are_compared_by_shares_that_are_drawn_to_that_of_all(make_history, settings):
    leads = [(source, n) for source, count in (("web", 40), ("fair", 2)) for n in range(count)]
    history = make_history(
        {
            "leads": [{"lead_id": f"{source}{n}", "source": source} for source, n in leads],
            "stage_changes": [entered(f"{source}{n}", "mql", "2026-03-02 10:00") for source, n in leads],
            "activities": [call(f"web{n}", "2026-03-02 11:00") for n in range(20)],
        }
    )
    fair, web = response(hand_offs(history, settings), by="source").rows.to_pylist()
    assert (fair["compliance"], web["compliance"]) == (0.0, 0.5)
    assert 0.25 < fair["compliance_shrunken"] <= web["compliance_shrunken"] <= 0.51, "two hand-offs say little"
    (whole,) = response(hand_offs(history, settings)).rows.to_pylist()
    assert whole["compliance_shrunken"] is None


def test_where_contact_is_assumed_decisions_count_and_answers_are_not_known(make_history, settings_with):
    under = settings_with(definitions={"contact": {"assume_contacted_because": "everybody is called"}})
    history = make_history(
        {
            "leads": [{"lead_id": "A"}, {"lead_id": "B"}],
            "stage_changes": [
                entered("A", "mql", "2026-03-02"),
                entered("A", "lost", "2026-03-03", reason="Price"),
                entered("B", "mql", "2026-03-02"),
            ],
        },
        under=under,
    )
    told = response(hand_offs(history, under))
    (row,) = told.rows.to_pylist()
    assert "everybody is called" in told.unknown_because
    assert (row["worked"], row["disposed"], row["disposition_share"]) == (2, 1, 0.5)
    unknown = ("due", "in_time", "compliance", "hours_median", "never_contacted", "hours_if_touched")
    assert [row[name] for name in (*unknown, "decided_untouched")] == [None] * (len(unknown) + 1)


def test_periods_begin_at_midnight_where_sales_is(make_history, settings_with):
    under = settings_with(policy={"calendar": {"time_zone": "Asia/Tokyo"}})
    tables = {"leads": [{"lead_id": "A"}], "stage_changes": [entered("A", "mql", "2026-03-31 16:00")]}
    (row,) = response(hand_offs(make_history(tables, under=under), under), every=Period.MONTH).rows.to_pylist()
    assert row["cohort"] == dt.datetime(2026, 4, 1)


def test_nothing_to_group_by_is_a_clear_error(make_history, settings):
    with pytest.raises(KeyError, match="shoe_size"):
        response(hand_offs(make_history({}), settings), by="shoe_size")
