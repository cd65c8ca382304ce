"""What to do next with a lead, and by when."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.policy import Policy
from data_contracts.scores import Action
from data_contracts.thresholds import Grading
from data_contracts.vocabulary import Stage

WITH_SALES = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY)
"""Open stages in which sales has already taken the lead."""

Flags = npt.NDArray[np.bool_]


def is_eligible(ranking_value: npt.ArrayLike, *, team: npt.ArrayLike, boundaries: Mapping[str, float]) -> Flags:
    """Whether each lead reaches the boundary of its team. A lead of no team reaches none.

    Examples
    --------
    >>> is_eligible([0.3, 0.3, 0.9], team=["DACH", "UK", None], boundaries={"DACH": 0.3, "UK": 0.4}).tolist()
    [True, False, False]
    """
    boundary = pd.Series(np.asarray(team, dtype=object)).map(boundaries).to_numpy(dtype=np.float64)
    return np.asarray(np.asarray(ranking_value, dtype=np.float64) >= boundary)


def actions(
    stages: npt.ArrayLike, *, eligible: Flags, suppressed: Flags, icp_fit: npt.ArrayLike, grading: Grading
) -> npt.NDArray[np.object_]:
    """The next `Action` of each lead.

    ========================= ========================================= ============
    stage                     and                                       action
    ========================= ========================================= ============
    with sales already        –                                         `work`
    before sales accepted it  suppressed by the policy                  `suppress`
    before sales accepted it  at or above the boundary of its team      `hand_off`
    before sales accepted it  below it, ICP fit of letter D             `off_icp`
    before sales accepted it  below it, otherwise                       `nurture`
    ========================= ========================================= ============

    A lead above the boundary is handed off even where it misses the agreed profile: leads like it did convert. Its
    reasons name what it misses, and the lead guarantee credits it back. A lead of which no criterion is known is never
    called off-ICP.

    Parameters
    ----------
    stages
        The open stage of each lead.
    eligible
        Whether it reaches the boundary (`is_eligible`).
    suppressed
        Whether a suppression of the policy is met.
    icp_fit
        Share of the known criteria met, in [0, 1]; NaN where none is known.
    grading
        Of the release, for the letter D.

    Examples
    --------
    >>> grades = Grading(
    ...     fit_boundaries=(0.8, 0.6, 0.4), behaviour_boundaries=(0.6, 0.3, 0.1), labelled_by_grade={}
    ... )
    >>> actions(["mql", "mql", "mql", "sal"], eligible=np.array([True, False, False, False]),
    ...         suppressed=np.zeros(4, dtype=bool), icp_fit=[0.1, 0.1, np.nan, 0.1], grading=grades).tolist()
    ['hand_off', 'off_icp', 'nurture', 'work']
    """
    fit = np.asarray(icp_fit, dtype=float)
    chosen = np.full(fit.shape, str(Action.NURTURE), dtype=object)
    chosen[fit < grading.fit_boundaries[-1]] = str(Action.OFF_ICP)
    chosen[eligible] = str(Action.HAND_OFF)
    chosen[suppressed] = str(Action.SUPPRESS)
    chosen[np.isin(np.asarray(stages, dtype=object), np.array(WITH_SALES, dtype=object))] = str(Action.WORK)
    return chosen


def respond_by(next_actions: npt.ArrayLike, *, as_of: npt.ArrayLike, policy: Policy) -> npt.NDArray[np.datetime64]:
    """When sales owes a first touch: the agreed working time after `as_of` for a hand-off, missing (NaT) otherwise.

    `as_of` is one UTC time for each lead.
    """
    moments = np.asarray(as_of, dtype="datetime64[us]")
    is_handed_off = np.asarray(next_actions, dtype=object) == str(Action.HAND_OFF)
    due = np.full(moments.shape, np.datetime64("NaT", "us"))
    due[is_handed_off] = policy.calendar.add_working_hours(moments[is_handed_off], policy.respond_within_working_hours)
    return due
