import datetime as dt

import numpy as np
import pytest

from data_contracts.scores import Action
from data_contracts.vocabulary import CLOSED_STAGES, Stage
from serving.decide import actions, is_eligible, kept_from, recheck_at
from tests.example_history import POLICY
from tests.example_release import GRADING

# The hand-off boundary is 0.3, the least fit of letter C is 0.4.
TABLE = [
    # stage, p_first, icp_fit, action
    ("lead", 0.30, 1.00, "wait"),
    ("lead", 0.29, 1.00, "nurture"),
    ("mql", 0.90, 0.70, "wait"),
    ("mql", 0.00, 0.40, "nurture"),
    ("mql", 0.29, 0.39, "reject"),
    ("mql", 0.29, 0.00, "reject"),
    ("mql", 0.30, 0.00, "wait"),
    ("mql", 0.29, np.nan, "nurture"),
    ("mql", 0.30, np.nan, "wait"),
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


@pytest.mark.parametrize(("boundary", "kept"), [(0.5, 0.45), (0.0, 0.0), (-100.0, -110.0)])
def test_a_waiting_lead_is_kept_a_share_of_the_boundary_below_it(boundary, kept):
    assert kept_from(boundary, share=0.1) == pytest.approx(kept)


@pytest.mark.parametrize(
    ("days_in_stage", "in_days"), [(0, 30), (1, 29), (29.5, 0.5), (30, 30), (75, 15), (np.nan, 30)]
)
def test_a_nurtured_lead_is_looked_at_again_every_thirty_days_since_it_entered_its_stage(days_in_stage, in_days):
    thursday, policy = dt.datetime(2026, 4, 30, 16), POLICY.model_copy(update={"recheck_after_days": 30})
    found = recheck_at(["nurture"], as_of=[thursday], days_in_stage=[days_in_stage], policy=policy)
    assert found.tolist() == [thursday + dt.timedelta(days=in_days)]


def test_a_recheck_date_stands_until_it_is_there():
    entered, policy = dt.datetime(2026, 4, 1, 8, 30, 7), POLICY.model_copy(update={"recheck_after_days": 30})
    moments = [entered + dt.timedelta(days=days) for days in np.linspace(0.001, 29.999, 50)]
    waited = [(moment - entered) / dt.timedelta(days=1) for moment in moments]
    found = recheck_at(["nurture"] * 50, as_of=moments, days_in_stage=waited, policy=policy)
    rounded = set(found.astype("M8[m]").tolist())
    assert rounded == {dt.datetime(2026, 5, 1, 8, 30)}


def test_only_a_nurtured_lead_has_a_recheck_date():
    now = [dt.datetime(2026, 4, 30)] * len(Action)
    found = recheck_at(list(Action), as_of=now, days_in_stage=[1.0] * len(Action), policy=POLICY)
    assert [action for action, at in zip(Action, found.tolist(), strict=True) if at is not None] == [Action.NURTURE]


def test_no_lead_gives_no_action():
    assert decided([], [], []) == []
