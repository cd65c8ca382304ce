"""Sources on a review: what they brought, whether they differ, and who is off the profile."""

import datetime as dt
from typing import Any

import pyarrow as pa

from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import FUNNEL_SCHEMA, CohortFunnel, Step
from data_contracts.metrics.off_icp import OFF_ICP_SCHEMA, OffIcp
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.ranking import RANKING_SCHEMA, Ranking
from data_contracts.metrics.sources import SOURCES_SCHEMA, Sources
from pages.formats import Formats
from pages.review_sources import NOBODY_JUDGED, off_icp_section, ranking_section, sources_section
from tests.example_sections import seen_of
from tests.example_site import EVIL

ENGLISH = Formats("en", "EUR", "America/New_York")
AS_OF = dt.datetime(2026, 6, 20, 12)
APRIL, MAY, JUNE = (Span.named(f"2026-0{month}", time_zone="America/New_York") for month in (4, 5, 6))


def local(span: Span) -> dt.datetime:
    return dt.datetime.combine(span.first, dt.time())


def brought(group: str | None, span: Span = MAY, **changes: Any) -> dict[str, Any]:
    told = dict.fromkeys(SOURCES_SCHEMA.names, 0) | {"won_of_closed": 0.5, "won_of_closed_low": 0.3}
    told |= {"won_of_closed_high": 0.7, "pipeline": 0.0, "revenue": 0.0}
    return told | {"period": local(span), "group": group} | changes


def funnel(*rows: dict[str, Any]) -> CohortFunnel:
    told = pa.Table.from_pylist(list(rows), schema=FUNNEL_SCHEMA)
    return CohortFunnel(told, AS_OF, Period.MONTH, "source", (), "1")


def cohort(group: str | None, step: Step = Step.SQL_TO_CUSTOMER) -> dict[str, Any]:
    told = dict.fromkeys(FUNNEL_SCHEMA.names, 0) | {"cohort": MAY.first, "group": group, "step": step.value}
    told |= {"is_mature": False, "rate": 0.25, "rate_low": 0.1, "rate_high": 0.4, "days_median": 40.0}
    return told | {f"is_least_{name}": True for name in ("lower_quartile", "median", "upper_quartile")}


def sources(*rows: dict[str, Any], totals: tuple[dict[str, Any], ...] = (), **changes: Any) -> Sources:
    told: dict[str, Any] = {
        "rows": pa.Table.from_pylist(list(rows), schema=SOURCES_SCHEMA),
        "totals": pa.Table.from_pylist(list(totals), schema=SOURCES_SCHEMA),
        "cohorts": funnel(),
        "total_cohorts": funnel(),
        "spans": (APRIL, MAY, JUNE),
        "undated_wins": 0,
        "why_no_deals": "",
        "as_of": AS_OF,
        "by": "source",
        "currency": "EUR",
        "definitions_version": "1",
    }
    return Sources(**(told | changes))


def two(**changes: Any) -> Sources:
    return sources(
        brought("Event", customers=1, leads=50, revenue=900.0),
        brought("Web", customers=3, leads=20, revenue=300.0),
        brought(None, customers=9),
        brought("Fair", JUNE, customers=99),
        totals=(
            brought(None, APRIL, customers=22, revenue=2_500.0),  # known longer after its end than May
            brought(None, MAY, customers=13, leads=70, revenue=1_200.0),
            brought(None, JUNE, customers=99),
        ),
        **({"before": as_it_was(brought(None, APRIL, customers=20, revenue=2_000.0))} | changes),
    )


def as_it_was(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SOURCES_SCHEMA)


def test_the_finding_names_who_brought_most_of_what_matters_most_in_the_last_period_that_is_over():
    heading = sources_section(two(), ENGLISH, name="month").heading
    assert heading == (
        "May 2026: source Web brought most customers, 3 of 13; most revenue came by Event, €900 of €1,200"
    )


def test_groups_stand_above_their_total_and_leads_of_no_known_group_are_one(tmp_path):
    section = sources_section(two(), ENGLISH, name="month")
    assert section.tables[0].rows["group_said"].to_pylist() == ["not known", "Web", "Event", "all"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("Event") == ["Event", "50", "0", "0", "1", "€0", "€900", "50% 30% to 70%"]
    assert seen.row_of("Jun 1, 2026")[1] == "Fair"


def test_totals_stand_beside_the_period_before_as_it_was_known_as_long_after_its_end():
    figures = {one.name: (one.value, one.beside) for one in sources_section(two(), ENGLISH, name="month").figures}
    assert figures["Customers"] == ("13", "20 the month before")
    assert figures["Revenue"] == ("€1,200", "€2,000 the month before")
    alone = sources_section(two(before=as_it_was()), ENGLISH, name="month").figures
    assert {one.beside for one in alone} == {"nothing to compare"}


def test_pipeline_of_deals_whose_worth_then_nobody_knows_is_compared_with_nothing():
    before = as_it_was(brought(None, APRIL, customers=20, pipeline=100.0, pipeline_without_amount=7))
    figures = {one.name: one.beside for one in sources_section(two(before=before), ENGLISH, name="month").figures}
    assert figures["Qualified pipeline"] == (
        "nothing to compare: what open deals were worth the month before nobody knows"
    )
    assert figures["Customers"] == "20 the month before"


def test_what_a_crm_without_deals_cannot_say_is_said():
    nothing = dict.fromkeys(("pipeline", "revenue", "customers", "won_of_closed"))
    told = sources(
        brought("Web", sqls=2, **nothing),
        totals=(brought(None, sqls=2, **nothing),),
        why_no_deals="no deals in the CRM",
    )
    section = sources_section(told, ENGLISH, name="month")
    assert section.heading == "May 2026: source Web brought most SQLs, 2 of 2"
    assert section.points == ("No pipeline and no revenue: no deals in the CRM.",)
    assert [one.name for one in section.figures] == ["MQLs"]


def test_money_that_is_in_no_sum_is_counted():
    told = sources(brought("Web"), totals=(brought(None, revenue_without_amount=2),), undated_wins=3)
    assert sources_section(told, ENGLISH, name="month").points == (
        "2 deals of the revenue have no known amount: they add nothing.",
        "3 won deals have no date of their close: they are in no period.",
    )


def test_where_all_came_by_nothing_known_nobody_is_named():
    told = sources(brought(None, leads=4), totals=(brought(None, leads=4),))
    heading = sources_section(told, ENGLISH, name="month").heading
    assert heading == "May 2026: nobody knows by which source anything came"


def test_win_rates_are_those_of_cohorts(tmp_path):
    rows = (cohort("Web"), cohort("Web", Step.LEAD_TO_MQL), cohort("Web", Step.LEAD_TO_CUSTOMER))
    told = two(cohorts=funnel(*rows), total_cohorts=funnel(cohort(None)))
    section = sources_section(told, ENGLISH, name="month")
    folded = section.folded["Win rate and sales cycle by cohort"].rows
    assert folded["step_said"].to_pylist() == ["SQL → customer", "lead → customer", "SQL → customer"]
    row = seen_of(tmp_path, section).row_of("SQL → customer")
    assert row == ["May 1, 2026", "Web", "SQL → customer", "0", "25% 10% to 40%", "40.0", "at least", "not yet"]


def test_without_a_period_that_is_over_nothing_is_said(tmp_path):
    for told in (two(spans=(JUNE,)), sources()):
        section = sources_section(told, ENGLISH, name="month")
        assert "No lead came by any source in a period that is over." in seen_of(tmp_path, section).text


def ranked(place: int | None, group: str | None, shrunken: float | None = 0.3) -> dict[str, Any]:
    ends = dict.fromkeys(("rate_low", "rate_high", "shrunken_low", "shrunken_high"))
    if shrunken is not None:
        ends |= {"shrunken_low": shrunken - 0.1, "shrunken_high": shrunken + 0.1}
    told = {"place": place, "group": group, "entered": 30, "reached": 9, "worth": 25.0, "rate": shrunken}
    return told | {"shrunken": shrunken} | ends


def ranking(*rows: dict[str, Any], p_value: float | None) -> Ranking:
    told = pa.Table.from_pylist(list(rows), schema=RANKING_SCHEMA)
    rate = Estimate(value=0.2, low=0.18, high=0.22)
    return Ranking(told, Step.MQL_TO_SQL, 90, rate, p_value, (MAY,), AS_OF, "source", "1")


def test_a_ranking_names_the_first_by_its_shrunken_rate(tmp_path):
    told = ranking(ranked(1, "Web"), ranked(2, "Event", 0.2), ranked(None, None), p_value=0.001)
    section = ranking_section(told, ENGLISH, name="month")
    assert section.heading == (
        "MQL → SQL differs by source beyond chance: Web is first with 30% (20% to 40%), all have 20%"
    )
    assert section.figures[1].value == "0.1%"
    assert seen_of(tmp_path, section).row_of("Web") == ["1", "Web", "30% 20% to 40%", "30%", "30", "9"]


def test_where_chance_explains_the_difference_there_is_no_order():
    section = ranking_section(ranking(ranked(None, "Web"), ranked(None, "Event"), p_value=0.4), ENGLISH, name="month")
    assert section.heading == (
        "Chance alone explains how MQL → SQL differs by source: there is no ranking, all together take it at 20%"
    )
    assert "move no budget" in section.said
    assert section.figures[1].value == "40%"
    assert "Place" not in [one.heading for one in section.tables[0].columns]


def test_differences_among_groups_too_small_for_a_place_name_nobody():
    told = ranking(ranked(None, "Web"), ranked(None, "Event"), p_value=0.0002)
    assert ranking_section(told, ENGLISH, name="month").figures[1].value == "below 0.1%"
    assert ranking_section(told, ENGLISH, name="month").heading.endswith("but each has too few leads for a place")


def test_with_fewer_than_two_groups_nothing_is_compared(tmp_path):
    section = ranking_section(ranking(p_value=None), ENGLISH, name="month")
    assert "It takes two, of which leads were watched for 90 days." in seen_of(tmp_path, section).text


def off(group: str | None, share: float | None, span: Span = MAY, **changes: Any) -> dict[str, Any]:
    ends = {} if share is None else {"off_icp_share_low": share - 0.1, "off_icp_share_high": share + 0.1}
    told = {"period": local(span), "group": group, "hand_offs": 50, "known": 40, "misses": 10, "is_above": False}
    return told | {"off_icp_share": share, "most_missed": "region"} | ends | changes


def off_icp(*rows: dict[str, Any], total: float | None = 0.3, **changes: Any) -> OffIcp:
    told: dict[str, Any] = {
        "rows": pa.Table.from_pylist(list(rows), schema=OFF_ICP_SCHEMA),
        "totals": pa.Table.from_pylist([off(None, total), off(None, 0.9, JUNE)], schema=OFF_ICP_SCHEMA),
        "spans": (MAY, JUNE),
        "yardsticks": (0.1, 0.1),
        "is_agreed": True,
        "why_not": "",
        "as_of": AS_OF,
        "by": "source",
        "definitions_version": "1",
    }
    return OffIcp(**(told | changes))


ROWS = (off("Web", 0.1, misses=30), off("Event", 0.6, is_above=True), off("Fair", 0.5, is_above=True, misses=9))


def test_the_share_off_the_profile_stands_beside_the_agreed_one_and_who_is_clearly_above(tmp_path):
    section = off_icp_section(off_icp(*ROWS), ENGLISH, name="month")
    assert (
        section.heading == "May 2026: source Event and 1 more miss the profile clearly more often than the agreed 10%"
    )
    assert [(one.value, one.is_bad) for one in section.figures] == [("30%", True), ("2", False)]
    assert section.tables[0].rows["group_said"].to_pylist() == ["Event", "Fair", "Web"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("Event") == ["Event", "60% 50% to 70%", "yes", "10", "40", "50", "region"]


def test_what_may_be_chance_is_no_bad_news():
    figure = off_icp_section(off_icp(*ROWS, total=0.15), ENGLISH, name="month").figures[0]
    assert not figure.is_bad


def test_where_nothing_is_agreed_it_says_so():
    section = off_icp_section(off_icp(off("Web", 0.1), is_agreed=False, yardsticks=(0.3, 0.9)), ENGLISH, name="month")
    assert section.heading == "May 2026: no source misses the profile clearly more often than all hand-offs"
    assert section.figures[0].beside == "nothing is agreed"
    assert not section.figures[0].is_bad


def test_hand_offs_that_nobody_can_judge_are_no_share_of_nothing(tmp_path):
    for told, said in (
        (off_icp(why_not="no criterion"), "no criterion"),
        (off_icp(total=None), NOBODY_JUDGED),
        (off_icp(spans=(), yardsticks=()), NOBODY_JUDGED),
    ):
        text = seen_of(tmp_path, off_icp_section(told, ENGLISH, name="month")).text
        assert f"Hand-offs are held against no profile: {said}." in text


def test_names_from_the_crm_and_the_settings_never_run(tmp_path):
    evil = sources(brought(EVIL, leads=1, revenue=1.0), totals=(brought(None, leads=1, revenue=1.0),))
    missed = off(EVIL, 0.6, is_above=True, most_missed=EVIL)
    totals = pa.Table.from_pylist([off(None, 0.5, most_missed=EVIL)], schema=OFF_ICP_SCHEMA)
    for section in (
        sources_section(evil, ENGLISH, name="month"),
        ranking_section(ranking(ranked(1, EVIL), ranked(2, "b"), p_value=0.01), ENGLISH, name="month"),
        off_icp_section(off_icp(missed, totals=totals, why_not=""), ENGLISH, name="month"),
        off_icp_section(off_icp(why_not=EVIL), ENGLISH, name="month"),
    ):
        assert "{{ 7*7 }}" in seen_of(tmp_path, section).text
