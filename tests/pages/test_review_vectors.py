"""The two performance vectors on a review."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.metrics.periods import Period
from data_contracts.metrics.vectors import VECTORS_SCHEMA, AgainstPlan, Measure, Vectors
from pages.formats import Formats
from pages.review_vectors import vectors_section
from tests.example_sections import seen_of
from tests.example_site import EVIL

FORMATS = Formats("en", "EUR", "America/New_York")  # behind UTC: a local day that is shown as a moment is a day early
LAST, BEFORE, RUNNING = dt.datetime(2026, 4, 1), dt.datetime(2026, 1, 1), dt.datetime(2026, 7, 1)


def cohort(at: dt.datetime = LAST, **changes: Any) -> dict[str, Any]:
    told = {
        "cohort": at,
        "group": None,
        "horizon_days": 90,
        "is_mature": at < LAST,
        "n_created": 4,
        "n_open": 1,
        "n_won": 1,
        "n_lost": 2,
        "n_without_amount": 0,
        "n_undated": 0,
        "created_amount": 1_000.0,
        "open_amount": 300.0,
        "won_amount": 200.0,
        "lost_amount": 500.0,
        "qualified_amount": 500.0,
        "share_so_far": 0.2,
        "share": 0.25,
        "share_low": 0.15,
        "share_high": 0.4,
    }
    return told | changes


def against(measure: Measure, measured: float, planned: float, period: str = "2026-Q2") -> AgainstPlan:
    is_over = period != "2026-Q3"
    return AgainstPlan(period=period, measure=measure, is_over=is_over, planned=planned, measured=measured)


def vectors(*rows: dict[str, Any], **changes: Any) -> Vectors:
    told: dict[str, Any] = {
        "rows": pa.Table.from_pylist(list(rows), schema=VECTORS_SCHEMA),
        "plan": (),
        "planned_shares": (),
        "as_of": dt.datetime(2026, 7, 3, 12),
        "period": Period.QUARTER,
        "by": "",
        "currency": "EUR",
        "definitions_version": "1",
        "targets_version": "1",
        "notes": (),
    }
    return Vectors(**(told | changes))


PLAN = (
    against(Measure.QUALIFIED, 500.0, 800.0),
    against(Measure.CREATED, 1_000.0, 800.0),
    against(Measure.REVENUE, 450.0, 400.0),
    against(Measure.REVENUE, 10.0, 400.0, "2026-Q3"),
)


def test_the_finding_holds_both_vectors_against_plan():
    section = vectors_section(vectors(cohort(), plan=PLAN), FORMATS, name="quarter")
    assert section.heading == (
        "Q2 2026: pipeline created reached 125% of its target (€1,000 of €800), "
        "revenue reached 112% of its target (€450 of €400)"
    )
    assert section.said.startswith("Enough pipeline was created for the target: what is missing was lost since.")
    assert [(one.value, one.is_bad) for one in section.figures[:3]] == [
        ("€500", True), ("€1,000", False), ("€450", False),
    ]  # fmt: skip


@pytest.mark.parametrize(("qualified", "created"), [(500.0, 799.0), (800.0, 900.0)])
def test_pipeline_was_lost_only_where_enough_was_created_and_not_enough_is_left(qualified, created):
    plan = (against(Measure.QUALIFIED, qualified, 800.0), against(Measure.CREATED, created, 800.0))
    assert "lost since" not in vectors_section(vectors(cohort(), plan=plan), FORMATS, name="q").said


def test_only_the_last_period_that_is_over_is_seen_at_once(tmp_path):
    told = vectors(cohort(BEFORE), cohort(), cohort(RUNNING, created_amount=77.0), plan=PLAN)
    section = vectors_section(told, FORMATS, name="q")
    assert [table.rows["period"].to_pylist() for table in section.tables] == [["2026-Q2"] * 3]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("2026-Q3")[-1] == "not yet"
    assert seen.row_of("Apr 1, 2026")[2:7] == ["€1,000", "€500", "€200", "25% 15% to 40%", "20%"]
    assert seen.row_of("Jul 1, 2026")[2] == "€77"


def test_without_a_plan_the_period_before_is_the_yardstick():
    told = vectors(cohort(BEFORE, created_amount=2_000.0), cohort(), cohort(RUNNING))
    section = vectors_section(told, FORMATS, name="q")
    assert (
        section.heading == "Q2 2026: €1,000 of pipeline created, €2,000 the quarter before; €500 of it is lost by now"
    )
    assert [one.beside for one in section.figures] == ["no target given", "no target given", "15% to 40%"]
    alone = vectors_section(vectors(cohort()), FORMATS, name="q").heading
    assert alone == "Q2 2026: €1,000 of pipeline created; €500 of it is lost by now"


def test_the_second_vector_is_that_of_the_latest_period_of_which_it_is_known():
    unknown = {"share": None, "share_low": None, "share_high": None}
    shares = (("2026-Q1", 0.5),)
    told = vectors(cohort(BEFORE), cohort(**unknown), cohort(RUNNING), planned_shares=shares)
    section = vectors_section(told, FORMATS, name="q")
    assert section.said.startswith(
        "Of the pipeline of Q1 2026, 25% becomes revenue within 90 days (15% to 40%); the plan's revenue is 50% of its "
        "pipeline."
    )
    assert "Translated into revenue" not in [one.name for one in section.figures]
    nobody = vectors_section(vectors(cohort(**unknown)), FORMATS, name="q")
    assert nobody.said.startswith("How much pipeline becomes revenue nobody can say yet")


def test_deals_of_unknown_amount_are_no_pipeline_of_nothing():
    zero = dict.fromkeys(("created_amount", "open_amount", "won_amount", "lost_amount", "qualified_amount"), 0.0)
    section = vectors_section(vectors(cohort(n_without_amount=4, **zero)), FORMATS, name="q")
    assert section.heading == "Q2 2026: nobody knows the amount of the 4 deals that were created"
    assert "€0" not in [one.value for one in section.figures]


def test_a_period_without_deals_says_so():
    assert vectors_section(vectors(cohort(BEFORE)), FORMATS, name="q").heading == "Q2 2026: no deal was created"


def test_groups_are_told_by_the_largest(tmp_path):
    told = vectors(cohort(group="Event"), cohort(group="Web", created_amount=9_000.0), cohort(group=None), by="source")
    section = vectors_section(told, FORMATS, name="q")
    assert section.heading == "Q2 2026: most pipeline was created by source Web, €9,000"
    assert section.tables[0].rows["group"].to_pylist()[0] == "Web"
    assert seen_of(tmp_path, section).row_of("Apr 1, 2026")[1] == "Web"


def test_without_any_deal_it_says_what_to_deliver(tmp_path):
    assert "deliver opportunities" in seen_of(tmp_path, vectors_section(vectors(), FORMATS, name="q")).text


def test_targets_without_deals_are_shown_all_the_same(tmp_path):
    seen = seen_of(tmp_path, vectors_section(vectors(plan=PLAN), FORMATS, name="q"))
    assert "pipeline created reached 125% of its target" in seen.text


def test_names_from_the_crm_never_run(tmp_path):
    seen = seen_of(
        tmp_path, vectors_section(vectors(cohort(group=EVIL), by="source", notes=(EVIL,)), FORMATS, name="q")
    )
    assert "{{ 7*7 }}" in seen.text
