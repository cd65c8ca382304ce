"""Nurture on a page of reviews."""

import datetime as dt

import pyarrow.parquet as pq
import pytest

from data_contracts.metrics.nurture import NURTURE_SCHEMA, NURTURED_SCHEMA, Nurture
from data_contracts.metrics.periods import Period
from pages.review_nurture import SEEN_LEADS, nurture_section
from tests.example_sections import FORMATS, html_of, rows_of, seen_of
from tests.example_site import AS_OF, EVIL

OLDER, MATURE, YOUNG = dt.datetime(2025, 11, 1), dt.datetime(2025, 12, 1), dt.datetime(2026, 5, 1)

COHORT = {
    "cohort": MATURE,
    "horizon_days": 180,
    "is_mature": True,
    "nurtured": 303,
    "returned": 60,
    "became_sql": 6,
    "ended": 40,
    "waiting": 203,
    "recycle_yield": 0.02,
    "recycle_yield_low": 0.009,
    "recycle_yield_high": 0.043,
    "return_rate": 0.21,
    "return_rate_low": 0.16,
    "return_rate_high": 0.27,
    "days_to_return": 69.0,
}
COHORTS = (
    COHORT | {"cohort": OLDER, "recycle_yield": 0.5},
    COHORT,
    COHORT
    | {"cohort": YOUNG, "is_mature": False, "is_least_days_to_return": True}
    | dict.fromkeys(["recycle_yield", "recycle_yield_low", "recycle_yield_high"]),
)
DUE = {
    "lead_id": "L-1",
    "since_at": AS_OF - dt.timedelta(days=60),
    "recheck_due_at": AS_OF - dt.timedelta(days=30),
    "is_due": True,
    "came_from": "sql",
    "why": "No budget",
    "source": "Webinar",
}
WAITING = DUE | {
    "lead_id": "L-2",
    "recheck_due_at": AS_OF + dt.timedelta(days=3),
    "is_due": False,
    "came_from": "disqualified",
    "touched_at": AS_OF,
}


def nurture(leads=(DUE, WAITING), rows=COHORTS, by=""):
    return Nurture(
        leads=rows_of(NURTURED_SCHEMA, *leads),
        rows=rows_of(NURTURE_SCHEMA, *rows),
        as_of=AS_OF,
        period=Period.MONTH,
        by=by,
        definitions_version="1",
    )


def told_of(noun, **more):
    return nurture_section(noun, FORMATS, name="month", **more)


def test_the_finding_is_who_is_due_and_what_became_of_the_last_ones_whose_time_is_over():
    section = told_of(nurture())
    assert section.heading == (
        "1 of 2 leads in nurture is due for a recheck; of earlier ones 2.0% (0.9% to 4.3%) became an SQL within 180 "
        "days"
    )
    due, back, sql = section.figures
    assert (due.value, due.beside) == ("1", "of 2 in nurture · nobody approached 1 of them since")
    assert back.value == "21%"
    assert back.beside == "16% to 27% · of 303 nurtured in December 2025 · half of them within 69 days"
    assert (sql.value, sql.beside) == ("2.0%", "0.9% to 4.3% · of the same, within 180 days")


def test_those_that_have_been_due_longest_are_seen_and_all_of_them_are_opened(tmp_path):
    many = [DUE | {"lead_id": f"D-{place}"} for place in range(SEEN_LEADS + 5)]
    section = told_of(nurture(leads=(*many, WAITING)))
    assert section.tables[0].rows["lead_id"].to_pylist() == [f"D-{place}" for place in range(SEEN_LEADS)]
    assert list(section.folded) == ["All 16 leads in nurture", "Every month"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("L-2")[1:] == [
        "Jul 3, 2026", "not yet", "disqualified", "No budget", "Jun 30, 2026", "–", "Webinar",
    ]  # fmt: skip
    assert pq.read_table(tmp_path / "tables/month-nurture.parquet").num_rows == 16
    assert not (tmp_path / "tables/month-nurture-due.parquet").exists()


def test_who_is_not_due_yet_is_not_among_those_that_are_seen():
    assert told_of(nurture()).tables[0].rows["lead_id"].to_pylist() == ["L-1"]


def test_every_month_is_opened_the_latest_first(tmp_path):
    seen = seen_of(tmp_path, told_of(nurture()))
    assert seen.row_of("May 1, 2026") == [
        "May 1, 2026", "303", "21% 16% to 27%", "–", "at least 69", "40", "203", "not yet",
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [(), COHORTS[2:], (COHORT | {"recycle_yield": None},)])
def test_what_nobody_can_say_yet_of_those_that_come_back_is_not_made_up(tmp_path, rows):
    section = told_of(nurture(rows=rows))
    assert section.heading.endswith("how many come back nobody can say yet")
    assert len(section.figures) == 1
    seen_of(tmp_path, section)


def test_nobody_due_leaves_nothing_to_do(tmp_path):
    section = told_of(nurture(leads=(WAITING,)))
    assert section.heading.startswith("No lead in nurture is due")
    assert (section.said, section.tables) == ("", ())
    seen_of(tmp_path, section)


def test_an_empty_nurture_says_what_to_look_at(tmp_path):
    section = told_of(nurture(leads=(), rows=()))
    assert "`[crm.stages]`" in section.missing.because
    seen_of(tmp_path, section)
    assert told_of(nurture(leads=())).heading.startswith("No lead in nurture is due")


@pytest.mark.parametrize("column", ["lead_id", "why", "source"])
def test_what_the_crm_holds_never_runs(tmp_path, column):
    section = told_of(nurture(leads=(DUE | {column: EVIL},)))
    seen_of(tmp_path, section)
    assert html_of(tmp_path / "html", section).count("{{ 7*7 }}") >= 2
