"""Where leads and deals are stuck, on a page of reviews."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.metrics.stuck import STUCK_BY_STAGE_SCHEMA, STUCK_SCHEMA, USUAL_SCHEMA, Stuck
from pages.review_stuck import stuck_section
from tests.example_sections import FORMATS, html_of, rows_of, seen_of
from tests.example_site import AS_OF, EVIL

MQL, SQL, DEAL = (
    {"waits": waits, "stage": stage} for waits, stage in (("lead", "mql"), ("lead", "sql"), ("deal", "opportunity"))
)

MQLS = MQL | {
    "open": 300,
    "slow": 200,
    "listed": 200,
    "never_touched": 190,
    "without_value": 5,
    "value_open": 90_000.0,
    "value_listed": 40_000.0,
    "days_median": 80.0,
    "usual_days": 21.0,
}
SQLS = SQL | {
    "open": 120,
    "slow": 31,
    "listed": 31,
    "value_open": 10_000.0,
    "value_listed": 2_000.0,
    "usual_days": 60.0,
}
DEALS = DEAL | {
    "open": 40,
    "slow": 3,
    "past_close": 12,
    "listed": 14,
    "value_open": 1_200_000.0,
    "value_listed": 340_000.0,
    "days_median": 30.0,
}
USUAL_SQL = SQL | {
    "goal": "won",
    "began": 500,
    "went_well": 120,
    "usual_days": 60.0,
    "usual_days_low": 52.0,
    "usual_days_high": 71.0,
    "rate": 0.24,
    "slow": 90,
    "late_rate": 0.08,
    "late_rate_low": 0.04,
    "late_rate_high": 0.14,
}
USUAL_DEAL = DEAL | {"goal": "won", "why_not": "too few to say: 3 went well, and 20 are needed"}
STALE = SQL | {
    "lead_id": "L-1",
    "since_at": AS_OF - dt.timedelta(days=100),
    "days": 100.0,
    "usual_days": 60.0,
    "is_slow": True,
    "expected_value": 2_000.0,
    "was_touched": False,
    "owner_id": "U-1",
}
LATE = DEAL | {
    "lead_id": "L-2",
    "opportunity_id": "D-1",
    "since_at": AS_OF - dt.timedelta(days=20),
    "days": 20.0,
    "is_past_close": True,
    "amount": 340_000.0,
    "was_touched": True,
}


def stuck(stages=(MQLS, SQLS, DEALS), usual=(USUAL_SQL, USUAL_DEAL), listed=(LATE, STALE)):
    return Stuck(
        usual=rows_of(USUAL_SCHEMA, *usual),
        listed=rows_of(STUCK_SCHEMA, *listed),
        by_stage=rows_of(STUCK_BY_STAGE_SCHEMA, *stages),
        as_of=AS_OF,
        definitions_version="1",
    )


def told_of(noun):
    return stuck_section(noun, FORMATS, name="week")


def test_the_finding_is_the_stage_in_which_most_is_stuck_of_what_sales_touched():
    section = told_of(stuck())
    assert section.heading == (
        "Of what sales began most is stuck in SQL: 31 are open for longer than usual or past the expected close; "
        "190 more it never touched"
    )
    assert section.said == (
        "Decide on each: a next step with a day, or an end with a reason. Of those that were slow before, 8.0% (4.0% "
        "to 14%) still got on, of all 24%. Sales never touched 190 of what is stuck: first of all, these were not "
        "called."
    )


def test_money_of_leads_and_of_deals_is_told_apart():
    leads, deals = told_of(stuck()).figures
    assert (leads.name, leads.value) == ("Leads that are stuck", "231")
    assert leads.beside == "of 420 open leads · €42,000 of €100,000 expected · 5 of unknown worth"
    assert (deals.name, deals.value) == ("Deals that are stuck", "14")
    assert deals.beside == "of 40 open deals · 12 past the expected close · €340,000 of €1,200,000 in amounts"


def test_stages_are_seen_and_what_is_stuck_and_usual_is_opened(tmp_path):
    section = told_of(stuck())
    assert list(section.folded) == ["All 2 that are stuck, the furthest first", "How long each stage usually takes"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("leads in MQL") == [
        "leads in MQL", "300", "200", "0", "190", "€40,000", "80.0", "21.0",
    ]  # fmt: skip
    assert seen.row_of("L-1")[1:] == ["SQL", "€2,000", "100", "60", "no", "never", "U-1"]
    assert seen.row_of("L-2")[1:] == ["deal", "€340,000", "20", "–", "yes", "yes", "–"]
    assert "60.0 (52.0 to 71.0)" in seen.text
    assert "too few to say: 3 went well, and 20 are needed" in seen.text


def test_where_deals_are_stuck_most_the_heading_says_deals():
    assert told_of(stuck(stages=(DEALS,))).heading.startswith("Most is stuck in deals: 14 of 40")


def test_a_usual_time_that_may_still_grow_is_a_least_one(tmp_path):
    seen = seen_of(tmp_path, told_of(stuck(usual=(USUAL_SQL | {"is_least": True},))))
    assert "at least 60.0 (52.0 to 71.0)" in seen.text


def test_where_nothing_is_usual_only_the_close_is_spoken_of():
    unknown = told_of(stuck(stages=(DEALS,), usual=(USUAL_DEAL,)))
    assert unknown.heading == "Most is stuck in deals: 14 of 40 are open past the expected close"
    assert "slow before" not in unknown.said
    none = told_of(stuck(stages=(DEALS | {"listed": 0, "past_close": 0},), usual=(USUAL_DEAL,), listed=()))
    assert none.heading == "What is stuck nobody can say yet: too few went well to know how long that takes"


def test_nothing_stuck_is_good_news(tmp_path):
    section = told_of(stuck(stages=(SQLS | {"listed": 0, "slow": 0},), listed=()))
    assert section.heading == "Nothing is stuck: none of 120 is slower than usual"
    assert list(section.folded) == ["How long each stage usually takes"]
    seen_of(tmp_path, section)


@pytest.mark.parametrize("stages", [(), (SQLS | {"open": 0, "listed": 0},)])
def test_nothing_open_says_what_to_look_at(tmp_path, stages):
    section = told_of(stuck(stages=stages, usual=(), listed=()))
    assert "`[crm.stages]`" in section.missing.because
    seen_of(tmp_path, section)


@pytest.mark.parametrize("column", ["lead_id", "owner_id"])
def test_what_the_crm_holds_never_runs(tmp_path, column):
    section = told_of(replace(stuck(listed=(STALE | {column: EVIL},))))
    seen_of(tmp_path, section)
    assert "{{ 7*7 }}" in html_of(tmp_path / "html", section)
