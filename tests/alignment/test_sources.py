"""What sources bring: the worked examples of their page, and what always adds up."""

import dataclasses
import datetime as dt
import re

import pytest

from alignment.attribution import attribution
from alignment.costs import costs
from alignment.judged import guaranteed_hand_offs, judged_hand_offs
from alignment.milestones import milestones_of, reached_at
from alignment.off_icp import off_icp
from alignment.own_pipeline import own_pipeline
from alignment.ranking import ranking
from alignment.sources import sources
from data_contracts.metrics import attribution as attribution_nouns
from data_contracts.metrics import costs as cost_nouns
from data_contracts.metrics import off_icp as off_icp_nouns
from data_contracts.metrics import own_pipeline as own_pipeline_nouns
from data_contracts.metrics import ranking as ranking_nouns
from data_contracts.metrics import sources as source_nouns
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Period, Span
from features.known_before import known_before
from tests.alignment.metric_pages import PAGES, assert_as_worked_out, page_specs

NOUNS = (source_nouns, cost_nouns, attribution_nouns, off_icp_nouns, own_pipeline_nouns, ranking_nouns)


def _month(month):
    return Span.of(Period.MONTH, dt.date(2026, month, 1), time_zone="UTC")


FIRST_MONTHS = [_month(1), _month(2), _month(3)]


def _of(function, spans, *, table="rows", **more):
    def compute(history, settings):
        found = function(history, milestones_of(history, settings), spans, **more)
        return getattr(found, table).to_pylist()

    return compute


def _cohorts(step):
    def compute(history, settings):
        found = sources(history, milestones_of(history, settings), FIRST_MONTHS)
        return [row for row in found.cohorts.rows.to_pylist() if row["step"] == step]

    return compute


def _own_pipeline(history, settings):
    agreed = settings.model_copy(
        update={"targets": settings.targets.model_copy(update={"sales_sources": ("Outbound",)})}
    )
    return own_pipeline(history, milestones_of(history, agreed), [_month(1)]).rows.to_pylist()


def _off_icp(history, settings):
    milestones, agreed = milestones_of(history, settings), [settings.definitions]
    judged = judged_hand_offs(guaranteed_hand_offs(history, settings), history, versions=agreed, settings=settings)
    found = off_icp(milestones, judged, [_month(1)])
    return found.rows.to_pylist()


COMPUTED = {
    "sources by month": _of(sources, FIRST_MONTHS),
    "totals by month": _of(sources, FIRST_MONTHS, table="totals"),
    "win rate by month": _cohorts(Step.SQL_TO_CUSTOMER),
    "sales cycle by month": _cohorts(Step.LEAD_TO_CUSTOMER),
    "costs in January": _of(costs, [_month(1)]),
    "costs in the week of 2026-01-05": _of(costs, [Span.of(Period.WEEK, dt.date(2026, 1, 5), time_zone="UTC")]),
    "attribution in March": _of(attribution, [_month(3)]),
    "attributed in all in March": _of(attribution, [_month(3)], table="totals"),
    "off-ICP hand-offs in January": _off_icp,
    "own pipeline in January": _own_pipeline,
    "ranking by source in January": lambda history, settings: ranking(
        milestones_of(history, settings), [_month(1)]
    ).rows.to_pylist(),
}


@pytest.mark.parametrize("spec", page_specs("sources", COMPUTED), ids=str)
def test_the_page_of_sources_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def test_the_page_says_every_formula_as_the_code_does():
    page = re.sub(r"\s+", " ", (PAGES / "sources.md").read_text(encoding="utf-8"))
    formulas = [one for noun in NOUNS for one in noun.FORMULAS]
    assert [one.name for one in formulas if f"**{one.name}** = {one.says}" not in page] == []


MONEY = ("pipeline", "revenue")
DIMENSIONS = ("source", "campaign", "persona", "team", "region")


@pytest.mark.parametrize("by", DIMENSIONS)
@pytest.mark.parametrize("seed", range(2))
def test_the_groups_of_a_period_add_up_to_its_total(by, seed, mixed_history, settings):
    history = mixed_history(seed)
    found = sources(history, milestones_of(history, settings), FIRST_MONTHS, by=by)
    counts = [*source_nouns.COUNTS.values(), "deals_created", "deals_won", "deals_lost"]
    parts, wholes = (
        table.to_pandas().groupby("period")[[*counts, *MONEY]].sum() for table in (found.rows, found.totals)
    )
    assert parts["leads"].sum() > 0
    assert parts.reindex(wholes.index).fillna(0).to_numpy(float) == pytest.approx(wholes.to_numpy(float))


@pytest.mark.parametrize("seed", range(2))
def test_each_lead_counts_once_a_stage_over_all_periods(seed, mixed_history, settings):
    history = mixed_history(seed)
    milestones = milestones_of(history, settings)
    year = [_month(month) for month in range(1, 13)]
    totals = sources(history, milestones, year).totals.to_pandas()
    for milestone, column in source_nouns.COUNTS.items():
        if milestone in milestones.recorded:
            assert totals[column].sum() == milestones.frame[reached_at(milestone)].notna().sum()


@pytest.mark.parametrize("seed", range(2))
def test_cohorts_are_the_leads_that_are_counted(seed, mixed_history, settings):
    history = mixed_history(seed)
    found = sources(history, milestones_of(history, settings), FIRST_MONTHS)
    for cohorts, table in ((found.cohorts, found.rows), (found.total_cohorts, found.totals)):
        rows = cohorts.rows.to_pylist()
        for step in {Step(row["step"]) for row in rows}:
            counts = source_nouns.COUNTS[step.start]
            entered = {(row["cohort"], row["group"]): row["entered"] for row in rows if row["step"] == step}
            counted = {(row["period"].date(), row["group"]): row[counts] for row in table.to_pylist() if row[counts]}
            assert entered == counted


def test_spans_are_put_in_order_and_count_once(mixed_history, settings):
    history = mixed_history(0)
    milestones = milestones_of(history, settings)
    found = sources(history, milestones, [_month(3), _month(1), _month(3), _month(2)])
    assert found.spans == tuple(FIRST_MONTHS)
    assert found.rows.equals(sources(history, milestones, FIRST_MONTHS).rows)


def test_a_history_without_rows_has_totals_of_nothing(make_history, settings):
    history = make_history({})
    found = sources(history, milestones_of(history, settings), [_month(1)])
    assert found.rows.num_rows == 0
    assert [(row["leads"], row["mqls"], row["pipeline"]) for row in found.totals.to_pylist()] == [(0, None, 0.0)]


def test_without_a_table_of_deals_there_is_no_money_and_it_says_why(make_history, settings):
    history = dataclasses.replace(
        make_history({"leads": [{"lead_id": "A", "source": "search"}]}), absent=("opportunities",)
    )
    found = sources(history, milestones_of(history, settings), [_month(1)])
    [row] = found.rows.to_pylist()
    assert (row["leads"], row["pipeline"], row["revenue"], row["deals_won"]) == (1, None, None, None)
    assert found.why_no_deals == source_nouns.NO_DEALS


def test_a_win_that_nobody_can_date_is_in_no_period_and_is_told(make_history, settings):
    deals = [{"opportunity_id": "1", "lead_id": "A", "amount": 9.0, "created_at": "2026-01-02", "outcome": "won"}]
    history = make_history({"leads": [{"lead_id": "A"}], "opportunities": deals})
    found = sources(history, milestones_of(history, settings), FIRST_MONTHS)
    assert found.undated_wins == 1
    assert sum(row["revenue"] for row in found.totals.to_pylist()) == 0


def test_leads_are_not_grouped_by_what_nobody_records(mixed_history, settings):
    history = mixed_history(0)
    with pytest.raises(KeyError, match=r"not grouped by 'colour'; there are source, campaign, persona, team, region"):
        sources(history, milestones_of(history, settings), [_month(1)], by="colour")


@pytest.mark.parametrize(
    "spans", [[], [_month(1), Span.of(Period.WEEK, dt.date(2026, 1, 5), time_zone="UTC")]], ids=["none", "two lengths"]
)
def test_spans_of_several_lengths_or_none_are_refused(spans, mixed_history, settings):
    history = mixed_history(0)
    with pytest.raises(ValueError, match="the spans are to be of one length, and they are of"):
        sources(history, milestones_of(history, settings), spans)


def test_a_period_begins_at_local_midnight(make_history, settings_with):
    berlin = settings_with(policy={"calendar": {"time_zone": "Europe/Berlin"}})
    history = make_history({"leads": [{"lead_id": "A", "created_at": "2026-01-31 23:30"}]}, under=berlin)
    february = Span.of(Period.MONTH, dt.date(2026, 2, 1), time_zone="Europe/Berlin")
    found = sources(history, milestones_of(history, berlin), [february.earlier(time_zone="Europe/Berlin"), february])
    assert [row["leads"] for row in found.totals.to_pylist()] == [0, 1]


def test_what_was_recorded_after_a_moment_is_in_no_number_of_it(mixed_history, settings):
    history = mixed_history(0)
    moment = dt.datetime(2026, 3, 1)
    then = known_before(history, moment, attributes=settings.crm.attributes)
    found = sources(then, milestones_of(then, settings), FIRST_MONTHS)
    totals = found.totals.to_pandas()
    assert totals.loc[2, ["leads", "deals_created", "deals_won", "revenue"]].tolist() == [0, 0, 0, 0]
    assert totals.loc[:1, "leads"].sum() > 0
