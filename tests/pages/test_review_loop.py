"""What became of hand-offs, on a page."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.metrics.closed_loop import CLOSED_LOOP_SCHEMA, RATINGS_SCHEMA, ClosedLoop
from data_contracts.metrics.periods import Period, Span
from pages.review_loop import loop_section
from tests.example_sections import FORMATS, estimate, html_of, rows_of, seen_of
from tests.example_site import EVIL

SPAN = Span.of(Period.MONTH, dt.date(2026, 5, 1), time_zone="UTC")


def loop(*rows, ratings="Sales rated none of these hand-offs."):
    return ClosedLoop(SPAN, dt.datetime(2026, 7, 1), rows_of(CLOSED_LOOP_SCHEMA, *rows), ratings)


@pytest.mark.parametrize(
    ("came", "side"), [(12, "as the scores let expect by now"), (3, "not what the scores let expect by now")]
)
def test_the_heading_holds_what_came_against_what_the_scores_let_expect(tmp_path, came, side):
    whole = {"handed_off": 42, "gone": 2, "touched": 30, "came": came} | estimate("expected", 11.0, 6.0, 17.0)
    section = loop_section(loop(whole), FORMATS, name="month")
    assert section.heading == f"Sales touched 30 of 40 hand-offs, and {came} came: {side} (6 to 17)"
    assert section.said == "Sales rated none of these hand-offs."
    assert seen_of(tmp_path, section).text


def test_where_nobody_was_touched_nothing_is_expected():
    section = loop_section(loop({"handed_off": 4}), FORMATS, name="month")
    assert section.heading == "Sales touched 0 of 4 hand-offs, and 0 came"


def test_where_touches_are_assumed_that_is_said(tmp_path):
    told = replace(loop({"handed_off": 4, "touched": 4, "came": 1}), assumed_because="sales calls everybody")
    section = loop_section(told, FORMATS, name="month")
    assert section.heading == "Of 4 hand-offs 1 came"
    assert section.said.startswith("All are taken as touched: sales calls everybody. ")


def test_without_hand_offs_it_says_how_to_make_some(tmp_path):
    section = loop_section(loop(), FORMATS, name="month")
    assert "leadscore publish" in seen_of(tmp_path, section).text


def test_ratings_are_shown_in_the_words_of_the_crm_and_none_runs(tmp_path):
    rated = rows_of(RATINGS_SCHEMA, {"grade": "A1", "rating": EVIL, "hand_offs": 2})
    section = loop_section(loop({"handed_off": 4}, ratings=rated), FORMATS, name="month")
    seen_of(tmp_path, section)
    assert "{{ 7*7 }}" in html_of(tmp_path / "again", section)
