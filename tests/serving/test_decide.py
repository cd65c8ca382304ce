import datetime as dt

import numpy as np
import pytest

from data_contracts.definitions import ServiceLevel
from data_contracts.scores import Action
from data_contracts.vocabulary import CLOSED_STAGES, Stage
from serving.decide import actions, respond_by
from tests.example_release import THRESHOLDS

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


@pytest.mark.parametrize(("stage", "p_first", "icp_fit", "action"), TABLE)
def test_the_next_action_follows_from_stage_boundary_and_fit(stage, p_first, icp_fit, action):
    assert actions([stage], p_first=[p_first], icp_fit=[icp_fit], thresholds=THRESHOLDS).tolist() == [action]


def test_many_leads_are_decided_as_each_one_is():
    stage, p_first, icp_fit, expected = zip(*TABLE, strict=True)
    assert tuple(actions(stage, p_first=p_first, icp_fit=icp_fit, thresholds=THRESHOLDS)) == expected


def test_every_open_stage_has_an_action():
    open_stages = [stage for stage in Stage if stage not in CLOSED_STAGES]
    assert {row[0] for row in TABLE} == set(open_stages)


def test_a_hand_off_is_due_after_the_agreed_hours_and_nothing_else_is():
    due = respond_by(list(Action), as_of=dt.datetime(2026, 5, 1, 12), sla=ServiceLevel(respond_within_hours=1.5))
    assert dict(zip(Action, due.tolist(), strict=True)) == {
        Action.HAND_OFF: dt.datetime(2026, 5, 1, 13, 30),
        Action.WORK: None,
        Action.NURTURE: None,
        Action.OFF_ICP: None,
    }


def test_no_lead_gives_no_action():
    assert actions([], p_first=[], icp_fit=[], thresholds=THRESHOLDS).tolist() == []
