"""The black hole on a page of reviews."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.metrics.black_hole import AGE_BANDS, BLACK_HOLE_SCHEMA, SUMMARY_SCHEMA, BlackHole
from pages.review_black_hole import black_hole_section
from tests.example_sections import FORMATS, html_of, rows_of, seen_of
from tests.example_site import AS_OF, EVIL

FIRST = {
    "lead_id": "L-1",
    "handed_off_at": AS_OF - dt.timedelta(days=45),
    "age_days": 45.2,
    "age": "30 to 90 days",
    "respond_by_at": AS_OF - dt.timedelta(days=44),
    "is_overdue": True,
    "hours_overdue": 310.5,
    "team": "sales",
    "owner_id": "U-1",
    "grade": "A1",
    "expected_value": 8_800.0,
}
SECOND = FIRST | {"lead_id": "L-2", "is_overdue": False, "age_days": 0.5, "hours_overdue": 0.0, "expected_value": None}
BANDS = [{"by": "age", "group": band, "leads": 0} for band in AGE_BANDS]
SUMMARY = (
    *BANDS,
    {"by": "team", "group": "sales", "leads": 1, "overdue": 1, "scored": 1, "expected_value": 8_800.0},
    {"by": "team", "group": None, "leads": 1},
)


def hole(*rows, summary=SUMMARY, **changes):
    noun = BlackHole(
        rows=rows_of(BLACK_HOLE_SCHEMA, *(rows or (FIRST, SECOND))),
        summary=rows_of(SUMMARY_SCHEMA, *summary),
        as_of=AS_OF,
        unsettled=0,
        unknown_because="",
    )
    return replace(noun, **changes)


def told_of(noun):
    return black_hole_section(noun, FORMATS, name="week")


def test_the_finding_is_how_many_nobody_touched_and_how_many_are_overdue(tmp_path):
    section = told_of(hole())
    assert section.heading == (
        "2 leads are in the black hole: handed off and touched by nobody, 1 of them overdue"
    )  # fmt: skip
    overdue, worth = section.figures
    assert (overdue.value, overdue.is_bad) == ("1", True)
    assert overdue.beside == "of 2 in the black hole · the oldest for 45 days"
    assert (worth.value, worth.beside) == ("€8,800", "of the 1 that have a score")
    seen_of(tmp_path, section)


def test_ages_are_seen_and_leads_and_teams_are_opened(tmp_path):
    section = told_of(hole())
    assert [table.name for table in section.tables] == ["week-black-hole-by-age"]
    assert list(section.folded) == ["By team", "The 2 leads, what is worth most first"]
    seen = seen_of(tmp_path, section)
    assert [row[0] for row in seen.rows[1:6]] == list(AGE_BANDS)
    assert seen.row_of("not known") == ["not known", "1", "0", "–", "0"]
    assert seen.row_of("L-1")[1:] == ["€8,800", "A1", "45", "overdue", "310.5", "sales", "U-1"]
    assert seen.row_of("L-2")[1:5] == ["–", "A1", "0", "due"]


def test_figures_by_owner_are_there_only_where_the_noun_has_them():
    owned = hole(summary=(*SUMMARY, {"by": "owner_id", "group": "U-1", "leads": 2}))
    assert "By owner" in told_of(owned).folded


def test_nothing_overdue_is_no_bad_news_and_without_scores_no_worth_is_claimed():
    overdue, worth = told_of(hole(SECOND)).figures
    assert not overdue.is_bad
    assert (worth.value, worth.beside) == ("–", "none of them has a score yet")


def test_an_empty_black_hole_is_said_plainly_with_what_is_not_known_of_it(tmp_path):
    nothing = replace(hole(unsettled=3), rows=rows_of(BLACK_HOLE_SCHEMA))
    section = told_of(nothing)
    assert section.heading == "No lead is in the black hole"
    assert "Of 3 further leads nobody knows when it was closed." in section.said
    assert not section.all_tables
    seen_of(tmp_path, section)


def test_where_no_touch_is_recorded_nobody_is_said_to_be_in_it(tmp_path):
    section = told_of(hole(unknown_because=f"nothing records it {EVIL}"))
    assert section.missing.because.startswith("Nothing records it")
    assert "counts_as_contact" in section.missing.because
    seen_of(tmp_path, section)


@pytest.mark.parametrize("column", ["lead_id", "grade", "team", "owner_id"])
def test_what_the_crm_holds_never_runs(tmp_path, column):
    section = told_of(hole(FIRST | {column: EVIL}, summary=({"by": "team", "group": EVIL, "leads": 1},)))
    seen_of(tmp_path, section)
    assert html_of(tmp_path / "html", section).count("{{ 7*7 }}") >= 2
