"""How many MQLs marketing delivered, on a page of reviews."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.metrics.mqls_delivered import MQLS_DELIVERED_SCHEMA, MqlsDelivered
from pages.review_delivered import mqls_delivered_section
from tests.example_sections import FORMATS, rows_of, seen_of
from tests.example_site import AS_OF

OLD, LAST, RUNNING = (dt.datetime(2026, *day) for day in ((5, 18), (6, 22), (6, 29)))
"""Mondays: one of long ago, the last week that is over, and the running one."""

WEEK = {
    "is_complete": True,
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
}


def delivered(*rows, **changes):
    told = rows or (
        WEEK | {"week": OLD, "of_quality": 99},
        WEEK | {"week": LAST},
        WEEK | {"week": RUNNING, "is_complete": False, "of_quality": 2},
    )
    noun = MqlsDelivered(
        rows=rows_of(MQLS_DELIVERED_SCHEMA, *told),
        as_of=AS_OF,
        owed=45.0,
        least_fit_share=0.4,
        weeks=12,
        weeks_kept=9,
        definitions_version="1",
        targets_version="1",
    )
    return replace(noun, **changes)


def test_mqls_of_the_last_week_stand_beside_those_that_are_owed(tmp_path):
    section = mqls_delivered_section(delivered(), FORMATS, name="week")
    assert (
        section.heading == "In the week of Jun 22, 2026 marketing delivered 38 MQLs of the agreed quality, owed are 45"
    )
    assert section.said == (
        "In the week of Jun 22, 2026. As many as owed came in 9 of 12 weeks. Nothing of the profile was known of 6 "
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
    row = WEEK | {"week": LAST, "of_quality": 45, "delivered_share": 1.0}
    section = mqls_delivered_section(delivered(row), FORMATS, name="week")
    assert not section.figures[0].is_bad
    assert section.said.endswith("As many as owed came in 9 of 12 weeks.")


def test_where_no_mqls_or_no_quality_are_agreed_none_is_claimed():
    row = WEEK | {"week": LAST, "owed": None, "delivered_share": None}
    nothing = delivered(row, owed=None, weeks_kept=None, least_fit_share=0.0)
    section = mqls_delivered_section(nothing, FORMATS, name="week")
    assert section.heading == "In the week of Jun 22, 2026 marketing delivered 38 MQLs; how many it owes is not agreed"
    assert "`mqls_per_week`" in section.said
    assert [figure.name for figure in section.figures] == ["MQLs"]
    half = mqls_delivered_section(delivered(owed=12.5), FORMATS, name="week")
    assert half.heading.endswith("owed are 12.5")


@pytest.mark.parametrize("rows", [[], [WEEK | {"week": RUNNING, "is_complete": False}]])
def test_before_a_week_is_over_nothing_is_said_of_mqls(tmp_path, rows):
    noun = replace(delivered(), rows=rows_of(MQLS_DELIVERED_SCHEMA, *rows))
    section = mqls_delivered_section(noun, FORMATS, name="week")
    assert "look again next week" in section.missing.because
    seen_of(tmp_path, section)
