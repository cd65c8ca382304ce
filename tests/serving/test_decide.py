import datetime as dt

import numpy as np
import pytest

from data_contracts.calendar import WorkingCalendar
from data_contracts.scores import Action
from data_contracts.vocabulary import CLOSED_STAGES, Stage
from serving.decide import actions, is_eligible, respond_by
from tests.example_history import POLICY
from tests.example_release import GRADING

# The hand-off boundary is 0.3, the least fit of letter C is 0.4.
TABLE = [
    # stage, p_first, icp_fit, action
    ("lead", 0.30, 1.00, "hand_off"),
    ("lead", 0.29, 1.00, "nurture"),
    ("mql", 0.90, 0.70, "hand_off"),
    ("mql", 0.00, 0.40, "nurture"),
    ("mql", 0.29, 0.39, "off_icp"),
    ("mql", 0.29, 0.00, "off_icp"),
    ("mql", 0.30, 0.00, "hand_off"),
    ("mql", 0.29, np.nan, "nurture"),
    ("mql", 0.30, np.nan, "hand_off"),
    ("sal", 0.00, 0.00, "work"),
    ("sal", 0.99, 1.00, "work"),
    ("sql", 1.00, np.nan, "work"),
    ("opportunity", 1.00, 0.00, "work"),
]


def decided(stages, p_first, icp_fit, *, suppressed=None):
    eligible = is_eligible(p_first, team=["sales"] * len(stages), boundaries={"sales": 0.3})
    is_suppressed = np.array(suppressed or [False] * len(stages), dtype=bool)
    found = actions(stages, eligible=eligible, suppressed=is_suppressed, icp_fit=icp_fit, grading=GRADING)
    return found.tolist()


@pytest.mark.parametrize(("stage", "p_first", "icp_fit", "action"), TABLE)
def test_the_next_action_follows_from_stage_boundary_and_fit(stage, p_first, icp_fit, action):
    assert decided([stage], [p_first], [icp_fit]) == [action]


def test_many_leads_are_decided_as_each_one_is():
    stage, p_first, icp_fit, expected = zip(*TABLE, strict=True)
    assert tuple(decided(stage, p_first, icp_fit)) == expected


def test_every_open_stage_has_an_action():
    open_stages = [stage for stage in Stage if stage not in CLOSED_STAGES]
    assert {row[0] for row in TABLE} == set(open_stages)


@pytest.mark.parametrize(("stage", "action"), [("lead", "suppress"), ("mql", "suppress"), ("sal", "work")])
def test_a_suppressed_lead_is_never_handed_off_however_likely_it_is(stage, action):
    assert decided([stage], [0.99], [1.0], suppressed=[True]) == [action]


def test_each_team_has_its_own_boundary_and_a_lead_of_no_team_reaches_none():
    team = np.array(["DACH", "UK", None], dtype=object)
    assert is_eligible([0.3, 0.3, 0.3], team=team, boundaries={"DACH": 0.3, "UK": 0.31}).tolist() == [
        True,
        False,
        False,
    ]


def test_a_hand_off_is_due_after_the_agreed_working_time_and_nothing_else_is():
    thursday = np.array([dt.datetime(2026, 4, 30, 16)] * len(Action), dtype="datetime64[us]")
    weekdays = POLICY.model_copy(update={"calendar": WorkingCalendar(), "respond_within_working_hours": 1.5})
    due = respond_by(list(Action), as_of=thursday, policy=weekdays)
    assert dict(zip(Action, due.tolist(), strict=True)) == {
        Action.HAND_OFF: dt.datetime(2026, 5, 1, 9, 30),
        Action.WORK: None,
        Action.NURTURE: None,
        Action.OFF_ICP: None,
        Action.SUPPRESS: None,
    }


def test_no_lead_gives_no_action():
    assert decided([], [], []) == []
