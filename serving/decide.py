"""What to do next with a lead, and by when."""

import numpy as np
import numpy.typing as npt

from data_contracts.definitions import ServiceLevel
from data_contracts.releases import Thresholds
from data_contracts.scores import Action
from data_contracts.vocabulary import Stage

WITH_SALES = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY)
"""Open stages in which sales has already taken the lead."""


def actions(
    stages: npt.ArrayLike, *, p_first: npt.ArrayLike, icp_fit: npt.ArrayLike, thresholds: Thresholds
) -> npt.NDArray[np.object_]:
    """The next `Action` of each lead.

    ========================= ================================== ==========
    stage                     and                                action
    ========================= ================================== ==========
    with sales already        –                                  `work`
    before sales accepted it  at or above the hand-off boundary  `hand_off`
    before sales accepted it  below it, ICP fit of letter D      `off_icp`
    before sales accepted it  below it, otherwise                `nurture`
    ========================= ================================== ==========

    A lead above the boundary is handed off even where it misses the agreed profile: leads like it did convert. Its
    reasons name what it misses, and the lead guarantee credits it back. A lead of which no criterion is known is never
    called off-ICP.

    Parameters
    ----------
    stages
        The open stage of each lead.
    p_first
        Probability of the first transition, in [0, 1].
    icp_fit
        Share of the known criteria met, in [0, 1]; NaN where none is known.
    thresholds
        The boundaries of the release.

    Examples
    --------
    >>> from data_contracts.releases import Thresholds
    >>> boundaries = Thresholds(
    ...     hand_off_probability=0.3, leads_per_week=20, expected_per_week=20, fit_boundaries=(0.8, 0.6, 0.4),
    ...     behaviour_boundaries=(0.6, 0.3, 0.1), labelled_by_grade={}, policy="capacity",
    ... )
    >>> actions(["mql", "mql", "mql", "sal"], p_first=[0.3, 0.29, 0.29, 0.0], icp_fit=[0.1, 0.1, np.nan, 0.1],
    ...         thresholds=boundaries).tolist()
    ['hand_off', 'off_icp', 'nurture', 'work']
    """
    fit = np.asarray(icp_fit, dtype=float)
    is_with_sales = np.isin(np.asarray(stages, dtype=object), np.array(WITH_SALES, dtype=object))
    is_above = np.asarray(p_first, dtype=float) >= thresholds.hand_off_probability
    is_off_icp = fit < thresholds.fit_boundaries[-1]
    chosen = np.full(fit.shape, str(Action.NURTURE), dtype=object)
    chosen[is_off_icp] = str(Action.OFF_ICP)
    chosen[is_above] = str(Action.HAND_OFF)
    chosen[is_with_sales] = str(Action.WORK)
    return chosen


def respond_by(next_actions: npt.ArrayLike, *, as_of: npt.ArrayLike, sla: ServiceLevel) -> npt.NDArray[np.datetime64]:
    """When sales owes a first touch: the agreed time after `as_of` for a hand-off, missing (NaT) for other actions.

    `as_of` is one UTC time, or one for each lead.
    """
    due = np.asarray(as_of, dtype="datetime64[us]") + np.timedelta64(_microseconds(sla.respond_within_hours), "us")
    is_handed_off = np.asarray(next_actions, dtype=object) == str(Action.HAND_OFF)
    return np.where(is_handed_off, due, np.datetime64("NaT", "us"))


def _microseconds(hours: float) -> int:
    return round(hours * 3_600_000_000)
