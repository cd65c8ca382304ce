"""A target worked backwards: what a reader finds in the review."""

import datetime as dt

from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import Capacity, NeededFlow, Plan, Reach, SourcePart, Target
from pages.review_plan import plan_section
from tests.example_sections import FORMATS, html_of, opened, seen_of
from tests.example_site import EVIL, nothing_runs

UNKNOWN = Estimate(value=None, low=None, high=None)


def sure(value):
    return Estimate(value=value, low=0.8 * value, high=1.2 * value)


def flow(milestone=Milestone.MQL, **changes):
    told = {
        "milestone": milestone,
        "waiting": 200,
        "under_way": sure(10.0),
        "chance": sure(0.05),
        "is_least_chance": False,
        "per_week": sure(50.0),
        "per_week_80": 57.5,
        "per_week_90": 62.0,
        "expected_per_week": 49.0,
        "now_per_week": 38.0,
        "reached_share": 0.1,
        "product_per_week": 40.0,
    }
    return NeededFlow(**(told | changes))


def source(name, **changes):
    told = {
        "source": name,
        "now_mqls": 90,
        "rate": 0.04,
        "per_week": {Milestone.LEAD: 80.0, Milestone.MQL: 50.0},
        "customers": 12.0,
        "money_per_mql": None,
        "money_per_week": None,
    }
    return SourcePart(**(told | changes))


def reach(**changes):
    told = {"greatest_per_week": 60.0, "as_now": sure(30.0), "at_greatest": sure(45.0), "last_start": None}
    return Reach(**(told | {"is_out_of_reach": False, "reached_on": None} | changes))


def plan(*flows, **changes):
    told = {
        "target": Target(customers=40, by=dt.date(2026, 12, 31)),
        "as_of": dt.datetime(2026, 7, 1),
        "starts_on": dt.date(2026, 7, 1),
        "weeks": 26.0,
        "definitions_version": "1",
        "currency": "EUR",
        "measured_since": dt.date(2024, 7, 1),
        "n_customers": 300,
        "drift": None,
        "n_draws": 500,
        "won": 0.0,
        "amount": None,
        "meanwhile": None,
        "flows": flows or (flow(Milestone.LEAD), flow()),
        "sources": (),
        "money_per_week": None,
        "capacity": Capacity(
            per_week=45.0,
            worked_share=sure(0.5),
            to_work=25.0,
            to_work_80=29.0,
            now_to_work=19.0,
            missing=0.0,
            missing_80=0.0,
        ),
        "reach": reach(),
        "notes": (),
    }
    return Plan(**(told | changes))


def section_of(told):
    return plan_section(told, FORMATS, name="quarter")


def test_a_target_that_takes_more_says_how_many_more_and_until_when():
    section = section_of(plan(reach=reach(last_start=dt.date(2026, 9, 1))))
    assert section.heading == "40 customers by Dec 31, 2026: 50 (40 to 60) MQLs a week are needed, 38 come"
    assert "As now, 30 (24 to 36) come by then. More have to come from Sep 1, 2026 on at the latest" in section.said
    assert "then 60 MQLs a week." in section.said
    assert section.figures[0].is_bad
    assert section.figures[0].beside == "40 to 60 · to be 80% sure 57.5 · 38 come"


def test_a_plan_that_holds_says_with_what_chance():
    section = section_of(plan(flow(reached_share=0.5)))
    assert section.heading == "40 customers by Dec 31, 2026: 38 MQLs a week are enough, with a chance of 50%"
    assert "latest" not in section.said
    assert not any(one.is_bad for one in section.figures)


def test_a_target_out_of_reach_says_what_comes_and_when_it_would_be_reached():
    told = plan(reach=reach(is_out_of_reach=True, reached_on=dt.date(2027, 5, 2)))
    section = section_of(told)
    assert section.heading == (
        "40 customers by Dec 31, 2026: no flow that can be worked makes it likely; "
        "at 38 MQLs a week, as now, 30 (24 to 36) come, chance 10%"
    )
    assert "bring 45 (36 to 54); with it the target is reached by May 2, 2027. Agree on another target" in section.said
    never = section_of(plan(reach=reach(is_out_of_reach=True)))
    assert "bring 45 (36 to 54). Agree" in never.said


def test_where_no_flow_is_enough_nothing_is_said_to_be_needed(tmp_path):
    section = section_of(plan(flow(per_week=UNKNOWN, per_week_80=None, per_week_90=None, expected_per_week=None)))
    assert "makes it likely" in section.heading
    assert section.figures[0].value == "–"
    seen_of(tmp_path, section)


def test_a_target_that_is_reached_asks_for_nothing():
    told = plan(won=41.0, target=Target(customers=40, since=dt.date(2026, 1, 1), by=dt.date(2026, 12, 31)))
    section = section_of(told)
    assert section.heading == "40 customers by Dec 31, 2026: reached already, with 41"
    assert section.said == ""
    assert section.figures[1].beside == "41 won already, 10 (8 to 12) under way"


def test_a_revenue_is_told_as_money():
    told = plan(
        target=Target(revenue=500_000.0, by=dt.date(2026, 12, 31)),
        reach=reach(as_now=sure(300_000.0), is_out_of_reach=True),
    )
    assert section_of(told).heading == (
        "€500,000 by Dec 31, 2026: no flow that can be worked makes it likely; "
        "at 38 MQLs a week, as now, €300,000 (€240,000 to €360,000) come, chance 10%"
    )


def test_more_than_sales_can_work_is_bad_news():
    capacity = plan().capacity.model_copy(update={"to_work": 120.4, "missing": 75.4})
    section = section_of(plan(capacity=capacity))
    assert "sales would have 120 a week to work, and can work 45." in section.said
    assert [one.name for one in section.figures if one.is_bad] == ["MQLs needed a week", "To work a week"]
    assert "can work" not in section_of(plan()).said


def test_flows_are_ways_to_count_one_plan_and_sources_are_folded(tmp_path):
    sources = (source("Webinar", money_per_mql=80.0, money_per_week=4_000.0), source(None))
    section = section_of(plan(sources=sources, money_per_week=4_000.0, notes=("the history is short",)))
    seen = seen_of(tmp_path, section)
    assert seen.row_of("MQL")[:5] == ["MQL", "50.0 40.0 to 60.0", "38.0", "57.5", "10%"]
    assert seen.row_of("Webinar") == ["Webinar", "80.0", "50.0", "4.0%", "12.0", "€80", "€4,000", "90"]
    assert [row["source"] for row in opened(section, "By source")] == ["Webinar", "unknown"]
    assert section.points == ("The history is short.",)
    assert (section.figures[3].value, section.figures[3].beside) == ("€4,000", "of 1 of 2 sources with a spend")
    assert "Leads a week" in seen.text


def test_without_mqls_the_plan_is_counted_at_leads(tmp_path):
    section = section_of(plan(flow(Milestone.LEAD)))
    assert "50 (40 to 60) leads a week are needed" in section.heading
    assert section.figures[0].name == "Leads needed a week"
    assert section.folded == {}
    seen_of(tmp_path, section)


def test_sources_and_notes_never_run(tmp_path):
    html = html_of(tmp_path, section_of(plan(sources=(source(EVIL),), notes=(EVIL,))))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in html
