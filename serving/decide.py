"""What to do next with a lead by its own score. Whom sales has room for is said by the call list (`serving.queue`)."""

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

SECONDS_PER_DAY = 86_400

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


def kept_from(boundary: float, *, share: float) -> float:
    """The value from which on a lead that waits already keeps its place: a `share` of the boundary below it.

    So it does not come and go with small moves of its score.

    Examples
    --------
    >>> kept_from(0.5, share=0.1)
    0.45
    """
    return boundary - share * abs(boundary)


def actions(
    stages: npt.ArrayLike, *, eligible: Flags, suppressed: Flags, icp_fit: npt.ArrayLike, grading: Grading
) -> npt.NDArray[np.object_]:
    """The next `Action` of each lead, before anybody is handed off.

    ========================= ========================================= ============
    stage                     and                                       action
    ========================= ========================================= ============
    with sales already        –                                         `work`
    before sales accepted it  suppressed by the policy                  `suppress`
    before sales accepted it  at or above the boundary of its team      `wait`
    before sales accepted it  below it, ICP fit of letter D             `reject`
    before sales accepted it  below it, otherwise                       `nurture`
    ========================= ========================================= ============

    A lead above the boundary is eligible even where it misses the agreed profile: leads like it did convert. Its
    reasons name what it misses, and the lead guarantee credits it back. A lead of which no criterion is known is never
    rejected.

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
    ['wait', 'reject', 'nurture', 'work']
    """
    fit = np.asarray(icp_fit, dtype=float)
    chosen = np.full(fit.shape, str(Action.NURTURE), dtype=object)
    chosen[fit < grading.fit_boundaries[-1]] = str(Action.REJECT)
    chosen[eligible] = str(Action.WAIT)
    chosen[suppressed] = str(Action.SUPPRESS)
    chosen[np.isin(np.asarray(stages, dtype=object), np.array(WITH_SALES, dtype=object))] = str(Action.WORK)
    return chosen


def recheck_at(
    next_actions: npt.ArrayLike, *, as_of: npt.ArrayLike, days_in_stage: npt.ArrayLike, policy: Policy
) -> npt.NDArray[np.datetime64]:
    """When marketing looks again at each nurtured lead; missing (NaT) for all others.

    The moments lie the policy's days apart since the lead entered its stage, and it is the next of them. So the date
    stands until it is there, whenever leads are scored.

    Parameters
    ----------
    as_of
        One UTC time for each lead.
    days_in_stage
        Of each lead; missing counts as entered now.
    """
    moments = np.asarray(as_of, dtype="datetime64[us]")
    seconds = np.rint(np.nan_to_num(np.asarray(days_in_stage, dtype=np.float64)) * SECONDS_PER_DAY).astype(np.int64)
    apart = policy.recheck_after_days * SECONDS_PER_DAY
    found = moments + (apart - seconds % apart).astype("timedelta64[s]")
    is_nurtured = np.asarray(next_actions, dtype=object) == str(Action.NURTURE)
    return np.where(is_nurtured, found, np.datetime64("NaT", "us"))
