"""How sales answered hand-offs, on a page of reviews."""

import datetime as dt
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from data_contracts.metrics.periods import Period
from data_contracts.metrics.response import COMPLIANCE, RESPONSE_SCHEMA, Response
from data_contracts.targets import Targets
from pages.review_response import response_section
from tests.example_sections import FORMATS, html_of, rows_of, seen_of
from tests.example_site import AS_OF, EVIL, frame

OLD, LAST, RUNNING = (dt.datetime(2026, *day) for day in ((5, 18), (6, 22), (6, 29)))
"""Mondays: one whose times have all passed, the last that is over, and that of the running week."""

ANSWERED = {
    "handed_off": 50,
    "due": 40,
    "in_time": 26,
    "compliance": 0.64,
    "compliance_low": 0.58,
    "compliance_high": 0.70,
    "compliance_shrunken": 0.63,
    "hours_median": 5.25,
    "is_least_hours_median": False,
    "hours_p90": 30.0,
    "is_least_hours_p90": True,
    "decided_untouched": 3,
}
MATURE = {
    "is_mature": True,
    "aged": 60,
    "never_contacted": 42,
    "never_contacted_share": 0.7,
    "worked": 18,
    "disposed": 9,
    "disposition_share": 0.5,
    "disposition_share_low": 0.3,
    "disposition_share_high": 0.7,
}
AGREED = Targets(compliance_share=0.9, disposition_share=0.95)


def response(*rows, **changes):
    told = rows or (
        ANSWERED | MATURE | {"cohort": OLD, "compliance": 0.3, "in_time": 12},
        ANSWERED | {"cohort": LAST},
        ANSWERED | {"cohort": RUNNING, "compliance": 0.01},
    )
    noun = Response(
        rows=rows_of(RESPONSE_SCHEMA, *told),
        as_of=AS_OF,
        period=Period.WEEK,
        by="",
        not_shown=0,
        unknown_because="",
        definitions_version="1",
        policy_version="1",
    )
    return replace(noun, **changes)


def told_of(noun, targets=AGREED, **more):
    return response_section(noun, FORMATS, targets=targets, name="week", **more)


def test_the_finding_is_the_last_week_that_is_over_beside_what_is_agreed():
    section = told_of(response())
    assert section.heading == "Sales answered 64% in time (58% to 70%), agreed are 90%"
    assert section.said == "That is less than agreed, and chance does not explain it: settle what holds sales up."
    assert section.figures[0].is_bad
    assert section.figures[0].beside == (
        "58% to 70% · 26 of 40 handed off in the week of Jun 22, 2026 · agreed at least 90%"
    )


@pytest.mark.parametrize(
    ("agreed", "said", "is_bad"),
    [
        (0.64, "That is as agreed.", False),
        (0.70, "That is less than agreed; with so few, chance alone may explain it.", False),
        (0.71, "That is less than agreed, and chance does not explain it: settle what holds sales up.", True),
    ],
)
def test_what_is_agreed_is_missed_only_beyond_chance(agreed, said, is_bad):
    section = told_of(response(), Targets(compliance_share=agreed))
    assert (section.said, section.figures[0].is_bad) == (said, is_bad)


def test_where_nothing_is_agreed_the_section_says_what_to_give():
    section = told_of(response(), Targets())
    assert section.heading == "Sales answered 64% in time (58% to 70%)"
    assert "`compliance_share`" in section.said


def test_what_takes_longer_to_know_is_told_of_the_last_week_that_is_old_enough():
    figures = {figure.name: figure for figure in told_of(response()).figures}
    assert figures["Never contacted"].value == "70%"
    assert figures["Never contacted"].beside == "42 of 60 handed off in the week of May 18, 2026"
    assert figures["Decided on"].value == "50%"
    assert figures["Decided on"].beside == (
        "30% to 70% · 9 of 18 handed off in the week of May 18, 2026 · agreed at least 95%"
    )  # fmt: skip
    assert figures["Decided on"].is_bad
    early = told_of(response(ANSWERED | MATURE | {"cohort": OLD, "is_mature": False}))
    assert [figure.name for figure in early.figures] == ["Answered in time", "Half answered within"]


def test_beside_other_periods_a_time_in_which_fewer_than_half_answered_is_no_number():
    waits = ANSWERED | {"is_least_hours_median": True}
    noun = response(
        waits | MATURE | {"cohort": OLD, "hours_median": 208.0},
        waits | {"cohort": LAST},
        ANSWERED | {"cohort": RUNNING},
    )
    (table,) = told_of(noun).folded.values()
    assert table.rows["half_within"].to_pylist() == ["5.2", "not half of them yet", "not half of them yet"]


def test_a_response_time_is_a_least_one_where_fewer_than_half_answered():
    figure = told_of(response()).figures[1]
    assert (figure.value, figure.beside) == ("5.2", "working hours; 9 in 10 within at least 30.0")
    least = told_of(response(ANSWERED | {"cohort": LAST, "is_least_hours_median": True})).figures[1]
    assert (least.value, least.beside) == ("not half of them yet", "working hours; fewer than half have one")


def test_every_week_is_opened_the_running_one_first_its_day_that_of_the_business(tmp_path):
    new_york = frame(time_zone="America/New_York")
    section = response_section(response(), new_york.formats, targets=AGREED, name="week")
    seen = seen_of(tmp_path, section, told=new_york)
    assert seen.row_of("Jun 22, 2026") == [
        "Jun 22, 2026", "50", "64% 58% to 70%", "5.2", "–", "–", "3", "not yet",
    ]  # fmt: skip
    assert [row[0] for row in seen.rows[1:]] == ["Jun 29, 2026", "Jun 22, 2026", "May 18, 2026"]
    assert pq.read_table(tmp_path / "tables/week-response.parquet")["cohort"][0].as_py() == dt.date(2026, 6, 29)
    assert str(COMPLIANCE) in seen.text


def test_groups_are_those_of_the_same_week_by_their_shrunken_share(tmp_path):
    by = [
        ANSWERED | {"cohort": LAST, "group": "north", "compliance_shrunken": 0.7},
        ANSWERED | {"cohort": LAST, "group": None, "compliance_shrunken": 0.6},
        ANSWERED | {"cohort": OLD, "group": "south"},
    ]
    split = response(*by, by="owner_id", not_shown=7)
    section = told_of(response(), splits=(split,))
    assert list(section.folded) == ["Every week", "By owner, the week of Jun 22, 2026"]
    table = section.folded["By owner, the week of Jun 22, 2026"]
    assert table.rows["named"].to_pylist() == ["not known", "north"]
    assert "7 hand-offs of groups with too few are not shown" in table.how
    assert table.name == "week-response-by-owner-id"
    seen_of(tmp_path, section)


def test_where_no_touch_is_recorded_decisions_are_told_and_the_rest_is_not_made_up(tmp_path):
    unknown = {"cohort": OLD, "handed_off": 60} | {name: MATURE[name] for name in MATURE if "contact" not in name}
    unknown["aged"] = None
    noun = response(unknown, unknown_because="nothing records whom sales contacted; it is agreed that <all> were")
    section = told_of(noun)
    assert section.heading == (
        "Sales decided on 50% (30% to 70%) of the hand-offs, agreed are 95%; how soon it answers nobody can say"
    )
    assert [figure.name for figure in section.figures] == ["Decided on"]
    assert "Nothing records whom sales contacted; it is agreed that <all> were." in seen_of(tmp_path, section).text
    young = unknown | {"cohort": LAST, "is_mature": False, "disposition_share": 0.01}
    assert told_of(replace(noun, rows=response(unknown, young).rows)).heading == section.heading
    early = told_of(response({"cohort": OLD, "handed_off": 60}, unknown_because="nobody knows"))
    assert early.heading == "How soon sales answers nobody can say"


def test_hand_offs_that_are_not_due_yet_say_so():
    assert told_of(response({"cohort": LAST, "due": 0})).heading == (
        "Of no hand-off the time to respond has passed yet"
    )  # fmt: skip


@pytest.mark.parametrize("rows", [[], [ANSWERED | {"cohort": RUNNING}]])
def test_without_a_week_that_is_over_nothing_is_said_of_answers(tmp_path, rows):
    noun = replace(response(), rows=rows_of(RESPONSE_SCHEMA, *rows))
    section = told_of(noun)
    assert "No lead was handed off in a week that is over" in section.missing.because
    seen_of(tmp_path, section)


def test_what_groups_are_called_never_runs(tmp_path):
    split = response(ANSWERED | {"cohort": LAST, "group": EVIL}, by="source")
    section = told_of(response(unknown_because=EVIL), splits=(split,))
    seen_of(tmp_path, section)
    assert "{{ 7*7 }}" in html_of(tmp_path / "html", told_of(response(), splits=(split,)))
