"""Where a lead goes to sales, and which grade it gets: boundaries from sales' capacity and from past leads."""

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.definitions import Definitions
from data_contracts.releases import Thresholds
from data_contracts.snapshots import FIT_SHARE, LabelledTable
from data_contracts.vocabulary import ENTRY
from models.fitted import FittedTransition

REFERENCE_WEEKS = 12
"""Weeks of incoming leads that a boundary is fitted to: a quarter evens out good and bad weeks, and is still recent."""

DIGIT_SHARES = (0.1, 0.3, 0.6)
"""Shares of past leads with the digit 1, with 1 or 2, and with 1 to 3. A tenth stands out; the last 40 % get a 4."""

OUT_OF_REACH = (1.0, 1.0, 1.0)
"""Boundaries of the digits where the base rate is published, which lifts nobody above a 4."""

LETTERS = "ABCD"
DIGITS = "1234"

LETTER_WITHOUT_FIT = "C"
"""Letter of a lead of which no criterion of the profile is known: it cannot be said to fit, nor to miss."""


def choose_thresholds(fitted: FittedTransition, table: LabelledTable, *, definitions: Definitions) -> Thresholds:
    """Hand-off and grade boundaries for the first transition.

    | boundary | is |
    |---|---|
    | hand-off | the lowest probability that no more leads a week would have crossed than sales can work |
    | fit letters | as agreed |
    | behaviour digits | quantiles (`DIGIT_SHARES`) of the probability of labelled leads as they entered |

    The hand-off boundary counts all leads that entered the stage in the latest `REFERENCE_WEEKS` weeks, whatever became
    of them. Where sales can work all of them, it is the lowest probability seen.

    Parameters
    ----------
    fitted
        The model of the first transition. It has learnt from most of these leads; their spread is a trifle wide.
    table
        Its snapshots.
    definitions
        For capacity and letters.
    """
    entries = table.frame[table.frame["day"] == ENTRY]
    latest, weeks = _reference(entries)
    capacity = definitions.capacity.leads_per_week
    probability = fitted.predict(latest)
    seen_weeks = weeks * table.sampled_share
    boundary = _capacity_boundary(probability, n_leads=capacity * seen_weeks)
    per_week = float((probability >= boundary).sum()) / seen_weeks
    labelled = table.labelled(ENTRY)
    labelled_probability = fitted.predict(labelled)
    chosen = Thresholds(
        hand_off_probability=boundary,
        leads_per_week=capacity,
        expected_per_week=per_week,
        fit_boundaries=definitions.icp.fit_boundaries,
        behaviour_boundaries=digit_boundaries(labelled_probability) if fitted.estimators else OUT_OF_REACH,
        labelled_by_grade={},
        policy=_policy(
            fitted, capacity=capacity, incoming=len(latest) / seen_weeks, per_week=per_week, boundary=boundary
        ),
    )
    grades = grade(labelled_probability, _fit_shares(labelled), thresholds=chosen)
    return chosen.model_copy(update={"labelled_by_grade": _leads_by_grade(labelled, grades)})


def grade(p_first: npt.ArrayLike, fit_share: npt.ArrayLike, *, thresholds: Thresholds) -> npt.NDArray[np.object_]:
    """The grade of each lead: a letter for its fit with the agreed profile and a digit for its behaviour.

    Parameters
    ----------
    p_first
        Probability of the first transition, in [0, 1].
    fit_share
        Share of the known criteria met, in [0, 1]; NaN where none is known: the letter is then C.

    Examples
    --------
    >>> boundaries = Thresholds(
    ...     hand_off_probability=0.3, leads_per_week=20, expected_per_week=20, fit_boundaries=(0.8, 0.6, 0.4),
    ...     behaviour_boundaries=(0.6, 0.3, 0.1), labelled_by_grade={}, policy="",
    ... )
    >>> grade([0.6, 0.59, 0.1, 0.05], [0.8, 0.79, float("nan"), 0.0], thresholds=boundaries).tolist()
    ['A1', 'B2', 'C3', 'D4']
    """
    return graded(
        np.asarray(p_first, dtype=np.float64),
        np.asarray(fit_share, dtype=np.float64),
        fit_boundaries=thresholds.fit_boundaries,
        behaviour_boundaries=thresholds.behaviour_boundaries,
    )


def graded(
    p_first: npt.NDArray[np.float64],
    fit: npt.NDArray[np.float64],
    *,
    fit_boundaries: tuple[float, float, float],
    behaviour_boundaries: tuple[float, float, float],
) -> npt.NDArray[np.object_]:
    """As `grade`, by the boundaries of the letters and of the digits."""
    letters = np.array(list(LETTERS), dtype=object)[_n_missed(fit, fit_boundaries)]
    letters = np.where(np.isnan(fit), LETTER_WITHOUT_FIT, letters)
    digits = np.array(list(DIGITS), dtype=object)[_n_missed(p_first, behaviour_boundaries)]
    return np.asarray(letters + digits, dtype=object)


def _n_missed(values: npt.NDArray[np.float64], boundaries: tuple[float, float, float]) -> npt.NDArray[np.intp]:
    return np.asarray((values[..., None] < np.array(boundaries)).sum(axis=-1))


def _reference(entries: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """The latest entries and the weeks they span: `REFERENCE_WEEKS`, or what history there is (at least one)."""
    end = entries["as_of"].max()
    start = max(end - dt.timedelta(weeks=REFERENCE_WEEKS), entries["as_of"].min())
    return entries[entries["as_of"] >= start], max((end - start) / dt.timedelta(weeks=1), 1.0)


def _capacity_boundary(probability: npt.NDArray[np.float64], *, n_leads: float) -> float:
    """The lowest probability that no more than `n_leads` reach; the lowest of all where everybody fits.

    Where already those that share the highest probability are too many, it is that one: no boundary can part them.
    """
    values, counts = np.unique(probability, return_counts=True)
    reaching = counts[::-1].cumsum()[::-1]
    fitting = values[reaching <= n_leads]
    return float(fitting[0] if len(fitting) else values[-1])


def digit_boundaries(probability: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """The least probability of the digits 1, 2 and 3: quantiles of that of the leads as they entered."""
    first, second, third = (float(np.quantile(probability, 1 - share)) for share in DIGIT_SHARES)
    return first, second, third


def _fit_shares(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Fit with the agreed profile; NaN for everyone where no profile is agreed."""
    return rows[FIT_SHARE].to_numpy(dtype=np.float64, na_value=np.nan)


def _leads_by_grade(labelled: pd.DataFrame, grades: npt.NDArray[np.object_]) -> dict[str, int]:
    leads = labelled["lead_id"].groupby(pd.Series(grades, index=labelled.index)).nunique()
    return {f"{letter}{digit}": int(leads.get(f"{letter}{digit}", 0)) for letter in LETTERS for digit in DIGITS}


def _policy(fitted: FittedTransition, *, capacity: float, incoming: float, per_week: float, boundary: float) -> str:
    came_in = f"of {incoming:,.1f} leads a week over the latest reference weeks"
    if not fitted.estimators:
        return (
            f"No signal was found, so no boundary can tell leads apart: all {came_in} are handed off to sales, whose "
            f"capacity is {capacity:g}, and no lead gets a better digit than 4."
        )
    if incoming <= capacity:
        return f"Sales can work {capacity:g} leads a week, so all {came_in} are handed off (down to {boundary:.1%})."
    if per_week > capacity:
        return (
            f"Sales can work {capacity:g} leads a week, but {per_week:,.1f} {came_in} share the highest probability "
            f"of {boundary:.1%} and are handed off together."
        )
    return (
        f"Sales can work {capacity:g} leads a week: the {per_week:,.1f} likeliest {came_in} are handed off, those "
        f"with a probability of {boundary:.1%} or more. Leads that are open already and reach it come on top, once."
    )
