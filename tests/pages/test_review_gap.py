"""Where a target was missed, on a review."""

import datetime as dt
from typing import Any

import pytest

from data_contracts.estimates import Estimate
from data_contracts.metrics.gap import Answer, Gap, GapPart, Goal, Origin, Part
from pages.formats import Formats
from pages.review_gap import CALLED, gap_section
from tests.example_sections import seen_of
from tests.example_site import EVIL

FORMATS = Formats("en", "EUR", "America/New_York")
UNKNOWN = Estimate(value=None, low=None, high=None)


def about(value: float, by: float) -> Estimate:
    return Estimate(value=value, low=value - by, high=value + by)


def part(one: Part, effect: float, **changes: Any) -> GapPart:
    told: dict[str, Any] = {
        "part": one,
        "yardstick": 0.3,
        "origin": Origin.AGREED,
        "origin_period": None,
        "measured": about(0.2, 0.05),
        "is_least": False,
        "effect": about(effect, 100.0),
    }
    return GapPart(**(told | changes))


PARTS = (
    part(Part.VOLUME, 200.0, yardstick=651.0, measured=about(786.0, 60.0), origin=Origin.PERIOD_TARGET),
    part(Part.CLOSE, -900.0, is_least=True),
    part(Part.SIZE, -300.0, yardstick=70.0, measured=about(60.0, 5.0), origin=Origin.EARLIER, origin_period="2025-05"),
    part(Part.TIMING, 0.0, yardstick=None, measured=UNKNOWN, origin=Origin.NONE),
)


def gap(**changes: Any) -> Gap:
    told: dict[str, Any] = {
        "period": "2026-05",
        "goal": Goal.REVENUE,
        "currency": "EUR",
        "target": 3_000.0,
        "is_planned": True,
        "result": 2_000.0,
        "run_rate": about(2_100.0, 300.0),
        "parts": PARTS,
        "rate_in_time": about(0.4, 0.1),
        "rate_late": about(0.2, 0.1),
        "marketing": about(200.0, 150.0),
        "sales": about(-1_200.0, 400.0),
        "difference": about(1_400.0, 500.0),
        "answer": Answer.SALES,
        "notes": (),
        "as_of": dt.datetime(2026, 6, 30, 18),
        "definitions_version": "1",
        "targets_version": "1",
    }
    return Gap(**(told | changes))


SHORT = "May 2026: €2,000 of revenue, €1,000 short of the target of €3,000"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer.SALES, f"{SHORT}: it is sales (−€1,200; −€1,600 to −€800)"),
        (Answer.LEADS, f"{SHORT}: it is the leads (+€200; +€50 to +€350)"),
        (Answer.BOTH, f"{SHORT}: it is both, leads (+€200) and sales (−€1,200)"),
        (Answer.NEITHER, f"{SHORT}: it is neither leads nor sales, but when wins fell"),
        (Answer.UNKNOWN, f"{SHORT}; whether it is leads or sales nobody can say"),
    ],
)
def test_the_finding_is_how_much_is_missing_and_whose_it_is(answer, said):
    section = gap_section(gap(answer=answer), FORMATS, name="month")
    assert section.heading == said
    assert section.said == answer.says


def test_a_target_that_was_reached_is_said_so():
    section = gap_section(gap(answer=Answer.REACHED, result=3_000.0), FORMATS, name="month")
    assert section.heading == "May 2026: €3,000 of revenue reached the target of €3,000"
    assert not section.figures[0].is_bad


def test_without_a_target_of_the_plan_it_says_what_the_result_is_held_against():
    section = gap_section(gap(is_planned=False), FORMATS, name="month")
    assert "short of the €3,000 that its yardsticks would bring" in section.heading
    assert section.figures[0].beside == "yardsticks bring €3,000"
    assert section.said.endswith(
        "The plan has no target: the result is held against what the period's yardsticks would bring."
    )
    reached = gap_section(gap(is_planned=False, answer=Answer.REACHED), FORMATS, name="month")
    assert "The target was reached" not in reached.said


def test_the_part_that_cost_most_stands_first_with_its_yardstick_and_where_that_comes_from(tmp_path):
    section = gap_section(gap(), FORMATS, name="month")
    assert section.tables[0].rows["part_said"].to_pylist() == [
        CALLED[one] for one in (Part.CLOSE, Part.SIZE, Part.TIMING, Part.VOLUME)
    ]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("Close rate") == [
        "Close rate: SQL → customer", "sales", "-€900 -€1,000 to -€800", "at least 20% (15% to 25%)", "30%",
        "agreed figure",
    ]  # fmt: skip
    assert seen.row_of("Deal size")[3:] == ["€60 (€55 to €65)", "€70", "May 2025"]
    assert seen.row_of("Number of MQLs")[3:] == ["786 (726 to 846)", "651", "period target"]
    assert seen.row_of("Wins of leads")[1:] == ["neither alone", "€0 -€100 to €100", "–", "–", "–"]


def test_a_side_is_bad_news_only_where_its_interval_says_so():
    figures = gap_section(gap(marketing=about(-100.0, 150.0)), FORMATS, name="month").figures
    assert [(one.name, one.is_bad) for one in figures] == [
        ("Result", True), ("Run rate", False), ("Leads' side", False), ("Sales' side", True),
    ]  # fmt: skip


def test_that_answers_go_with_a_rate_is_no_proof():
    told = gap_section(gap(notes=("A note.",)), FORMATS, name="month").points
    assert told[0].startswith("Of MQLs answered in time 40% (30% to 50%) become SQL, of the others 20% (10% to 30%).")
    assert "does not prove" in told[0]
    assert told[1] == "A note."
    assert gap_section(gap(rate_late=UNKNOWN), FORMATS, name="month").points == ()


def test_where_a_factor_is_unknown_the_gap_stands_without_parts(tmp_path):
    nothing = {"parts": (), "marketing": UNKNOWN, "sales": UNKNOWN, "difference": UNKNOWN, "run_rate": UNKNOWN}
    told = gap(**nothing, answer=Answer.UNKNOWN, notes=("Not known: close.",))
    section = gap_section(told, FORMATS, name="month")
    assert section.tables == ()
    assert [one.name for one in section.figures] == ["Result"]
    text = seen_of(tmp_path, section).text
    assert "What made the difference nobody can say." in text
    assert "Not known: close." in text


def test_without_target_and_yardstick_it_says_what_to_give(tmp_path):
    section = gap_section(gap(target=None, is_planned=False, parts=(), answer=Answer.UNKNOWN), FORMATS, name="month")
    text = seen_of(tmp_path, section).text
    assert "€2,000 of revenue with nothing to hold it against. Give a target of revenue in [[targets.periods]]." in text


def test_customers_are_no_money():
    told = gap(goal=Goal.CUSTOMERS, target=12.5, result=9.0, period="2026-06-22")
    heading = gap_section(told, FORMATS, name="week").heading
    assert heading.startswith("Week of Jun 22, 2026: 9 customers, 3.5 short of the target of 12.5")


def test_notes_never_run(tmp_path):
    assert "{{ 7*7 }}" in seen_of(tmp_path, gap_section(gap(notes=(EVIL,)), FORMATS, name="month")).text
