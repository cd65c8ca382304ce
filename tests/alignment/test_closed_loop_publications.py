"""Several publications, kept in the store's own files, and what became of their hand-offs as time passes."""

import datetime as dt

import numpy as np
import pytest

from alignment.closed_loop import closed_loop, share_come
from alignment.milestones import Milestones, milestones_of
from crm.score_folder import ScoreFolder
from data_contracts.history import CrmHistory
from data_contracts.metrics.closed_loop import ClosedLoop
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Period, Span
from features.known_before import known_before
from tests.example_calls import day, listed, sales
from tests.example_publication import write_back_plan

THRESHOLDS = sales(10)
"""Two leads a working day."""

SCORES = {
    1: {"A": (0.9, "A1"), "B": (0.7, "A2"), "C": (0.6, "B1"), "D": (0.55, "B1")},
    2: {"A": (0.1, "D4"), "B": (0.2, "D4"), "C": (0.65, "A2"), "D": (0.55, "B2")},
    8: {"C": (0.1, "D4"), "D": (0.9, "A1"), "E": (0.8, "A1"), "F": (0.6, "B1")},
}
"""By day in June, the probability and the grade of each lead: A and B are handed off first, then C and D, E and F."""


def at(number: int, hours: int = 3) -> dt.datetime:
    return day(number) + dt.timedelta(hours=hours)


STAGES = {
    "A": [("sal", at(1)), ("sql", at(5)), ("won", at(50))],
    "B": [("sal", at(2)), ("disqualified", at(4))],
    "C": [("sal", at(3)), ("sql", at(3 + 28))],
    "E": [("sal", at(9)), ("nurture", at(10))],
    "F": [("sal", at(8)), ("sql", at(8 + 40))],
    "X": [("mql", day(-99)), ("sal", day(-98)), ("sql", day(-95))],
    "Y": [("mql", day(-99)), ("sal", day(-98)), ("sql", day(-80))],
}
"""X and Y were never handed off by us: they show how soon conversions come."""


@pytest.fixture
def published(tmp_path) -> ScoreFolder:
    """The publications of three days; that of the second day twice."""
    kept = ScoreFolder(tmp_path / "score_history", keep_days=400)
    for number in (1, 2, 2, 8):
        scores = {lead: {"p_sql": p, "grade": grade} for lead, (p, grade) in SCORES[number].items()}
        values = {lead: told["p_sql"] for lead, told in scores.items()}
        calls = listed(values, kept.calls_before(day(number)), at=day(number), thresholds=THRESHOLDS)
        kept.append(write_back_plan(tmp_path, calls, scores, thresholds=THRESHOLDS), calls)
    return kept


@pytest.fixture
def known_on(make_history, settings):
    """From a day in June to the history as it was known on it, and its milestones."""
    changes = [
        {"lead_id": lead, "stage": stage, "entered_at": moment}
        for lead, told in STAGES.items()
        for stage, moment in told
    ]
    leads = [{"lead_id": lead, "created_at": day(-100)} for lead in "ABCDEFXY"]
    history = make_history({"leads": leads, "stage_changes": changes})

    def known(number: int) -> tuple[CrmHistory, Milestones]:
        before = known_before(history, day(number), attributes=settings.crm.attributes)
        return before, milestones_of(before, settings)

    return known


@pytest.fixture
def loop(published, known_on):
    """From a day in June to what is known on it of the hand-offs of a period."""

    def told(number: int, span: Span) -> ClosedLoop:
        history, milestones = known_on(number)
        return closed_loop(history, milestones, handed_off=published.handed_off(day(number)), span=span)

    return told


JUNE = Span.of(Period.MONTH, dt.date(2026, 6, 1), time_zone="UTC")
WEEKS = [Span.of(Period.WEEK, dt.date(2026, 6, first), time_zone="UTC") for first in (1, 8, 15)]


def test_each_hand_off_keeps_the_grade_and_probability_of_its_publication(loop):
    told = {row["grade"]: row for row in loop(90, JUNE).rows.to_pylist()}
    assert {grade: row["handed_off"] for grade, row in told.items()} == {None: 6, "A1": 2, "A2": 2, "B1": 1, "B2": 1}
    assert told["A1"]["expected"] == pytest.approx(0.9 + 0.8)
    assert told["A2"]["expected"] == pytest.approx(0.7 + 0.65)
    assert told[None]["expected_in_all"] == pytest.approx(0.9 + 0.7 + 0.65 + 0.8 + 0.6)
    assert told["B2"]["not_touched"] == 1
    assert told["B2"]["expected"] is None


def test_predictions_and_outcomes_come_as_time_passes(loop):
    """On June 3 A, B and C are touched or not; later A comes, then C, and F too late for its horizon."""
    names = ("handed_off", "not_touched", "came", "turned_down", "nurtured", "open", "won")
    by_day = {number: loop(number, JUNE).rows.to_pylist()[0] for number in (3, 9, 32, 90)}
    assert {number: tuple(row[name] for name in names) for number, row in by_day.items()} == {
        3: (4, 2, 0, 0, 0, 2, 0),
        9: (6, 2, 1, 1, 0, 2, 0),
        32: (6, 1, 2, 1, 1, 1, 0),
        90: (6, 1, 2, 1, 1, 1, 1),
    }
    due = [by_day[number]["expected"] / by_day[number]["expected_in_all"] for number in by_day]
    assert due == sorted(due)
    assert due[-1] == pytest.approx(1)


def test_what_is_due_is_the_part_of_each_probability_for_the_time_since_its_own_touch(loop, known_on):
    row = loop(9, JUNE).rows.to_pylist()[0]
    _, milestones = known_on(9)
    a, b, c, f = share_come(milestones, Step.MQL_TO_SQL, days=np.array([8, 7, 6, 1]) - 3 / 24)
    assert 0 < c <= a < 1
    assert row["expected"] == pytest.approx(0.9 * a + 0.7 * b + 0.65 * c + 0.6 * f)


def test_the_weeks_of_a_month_make_it_up(loop):
    month = loop(90, JUNE).rows.to_pylist()[0]
    weeks = [rows[0] for rows in (loop(90, week).rows.to_pylist() for week in WEEKS) if rows]
    assert [week["handed_off"] for week in weeks] == [4, 2]
    for name in ("handed_off", "touched", "came", "turned_down", "nurtured", "open", "not_touched", "gone", "won"):
        assert sum(week[name] for week in weeks) == month[name], name
    assert sum(week["expected"] for week in weeks) == pytest.approx(month["expected"])
