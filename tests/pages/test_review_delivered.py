"""How many MQLs marketing delivered, on a page of reviews."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.metrics.mqls_delivered import MQLS_DELIVERED_SCHEMA, MqlsDelivered
from data_contracts.metrics.periods import Period, Span
from pages.review_delivered import mqls_delivered_section
from tests.example_sections import FORMATS, rows_of, seen_of
from tests.example_site import AS_OF

OLD, LAST, RUNNING = (dt.datetime(2026, *day) for day in ((5, 18), (6, 22), (6, 29)))
"""Mondays: one of long ago, the last week that is over, and the running one."""

WEEK = {
    "is_complete": True,
    "days": 7,
    "handed_off": 50,
    "recycled": 4,
    "of_quality": 38,
    "below": 6,
    "unknown_fit": 6,
    "quality_share": 0.76,
    "quality_share_low": 0.62,
    "quality_share_high": 0.86,
    "owed": 45.0,
    "delivered_share": 38 / 45,
    "weeks": 1,
    "weeks_kept": 0,
}
SPAN = Span.of(Period.WEEK, LAST.date(), time_zone=FORMATS.time_zone)
JUNE = Span.of(Period.MONTH, LAST.date(), time_zone=FORMATS.time_zone)


def told_by(*weeks, months=()):
    """The rows of each length of period."""
    told = dict.fromkeys(Period, ()) | {Period.WEEK: weeks, Period.MONTH: months}
    return {period: rows_of(MQLS_DELIVERED_SCHEMA, *rows) for period, rows in told.items()}


def delivered(*rows, **changes):
    told = rows or (
        WEEK | {"period": OLD, "of_quality": 99, "weeks_kept": 1},
        WEEK | {"period": LAST},
        WEEK | {"period": RUNNING, "is_complete": False, "of_quality": 2, "weeks": 0},
    )
    noun = MqlsDelivered(
        rows=told_by(*told),
        as_of=AS_OF,
        owed=45.0,
        least_fit_share=0.4,
        definitions_version="1",
        targets_version="1",
    )
    return replace(noun, **changes)


def test_mqls_of_the_last_week_stand_beside_those_that_are_owed(tmp_path):
    section = mqls_delivered_section(delivered(), FORMATS, span=SPAN, name="week")
    assert (
        section.heading == "In the week of Jun 22, 2026 marketing delivered 38 MQLs of the agreed quality, owed are 45"
    )
    assert section.said == (
        "In the week of Jun 22, 2026. As many as owed came in 1 of 2 weeks. Nothing of the profile was known of 6 "
        "further ones: fill that in before the hand-off, and they may count."
    )
    first, second, third = section.figures
    assert first.is_bad
    assert second.value == "76%"
    assert second.beside == "62% to 86% · at least 40% of the profile"
    assert third.beside == "6 are known to meet less"
    seen = seen_of(tmp_path, section)
    assert seen.rows[1][-1] == "not yet"
    assert seen.row_of("Jun 22, 2026")[:5] == ["Jun 22, 2026", "38", "45.0", "84%", "50"]


def test_as_many_mqls_as_owed_are_no_bad_news():
    row = WEEK | {"period": LAST, "of_quality": 45, "delivered_share": 1.0, "weeks_kept": 1}
    section = mqls_delivered_section(delivered(row), FORMATS, span=SPAN, name="week")
    assert not section.figures[0].is_bad
    assert section.said.endswith("As many as owed came in 1 of 1 week.")


MONTH = WEEK | {
    "period": dt.datetime(2026, 6, 1),
    "days": 30,
    "handed_off": 210,
    "of_quality": 160,
    "owed": 45 * 30 / 7,
    "delivered_share": 160 / (45 * 30 / 7),
    "weeks": 5,
    "weeks_kept": 2,
}


def test_a_month_tells_what_was_owed_and_delivered_in_it(tmp_path):
    weeks = (WEEK | {"period": LAST}, WEEK | {"period": RUNNING, "is_complete": False, "weeks": 0})
    section = mqls_delivered_section(delivered(rows=told_by(*weeks, months=(MONTH,))), FORMATS, span=JUNE, name="month")
    assert section.heading == "In June 2026 marketing delivered 160 MQLs of the agreed quality, owed are 192.9"
    assert section.said.startswith("In June 2026. As many as owed came in 2 of 5 weeks that began in it. Nothing of")
    assert section.figures[0].is_bad
    assert list(section.folded) == ["Every month", "Every week"]
    assert [table.name for table in section.folded.values()] == ["month-mqls-delivered", "month-mqls-delivered-by-week"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("Jun 1, 2026")[:5] == ["Jun 1, 2026", "160", "192.9", "83%", "210"]
    assert seen.row_of("Jun 1, 2026")[-3:] == ["2", "5", "yes"]


def test_where_no_mqls_or_no_quality_are_agreed_none_is_claimed():
    row = WEEK | {"period": LAST, "owed": None, "delivered_share": None, "weeks_kept": None}
    nothing = delivered(row, owed=None, least_fit_share=0.0)
    section = mqls_delivered_section(nothing, FORMATS, span=SPAN, name="week")
    assert section.heading == "In the week of Jun 22, 2026 marketing delivered 38 MQLs; how many it owes is not agreed"
    assert "`mqls_per_week`" in section.said
    assert [figure.name for figure in section.figures] == ["MQLs"]
    row = WEEK | {"period": LAST, "owed": 12.5}
    half = mqls_delivered_section(delivered(row), FORMATS, span=SPAN, name="week")
    assert half.heading.endswith("owed are 12.5")


@pytest.mark.parametrize("rows", [[], [WEEK | {"period": LAST, "is_complete": False}]])
def test_before_a_week_is_over_nothing_is_said_of_mqls(tmp_path, rows):
    noun = replace(delivered(), rows=told_by(*rows))
    section = mqls_delivered_section(noun, FORMATS, span=SPAN, name="week")
    assert "look again next week" in section.missing.because
    seen_of(tmp_path, section)
