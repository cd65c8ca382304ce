"""The grade of a lead: a letter for its fit with the agreed profile and a digit for its behaviour."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.definitions import Definitions
from data_contracts.snapshots import FIT_SHARE, LabelledTable
from data_contracts.thresholds import Grading
from data_contracts.vocabulary import ENTRY
from models.fitted import FittedTransition

DIGIT_SHARES = (0.1, 0.3, 0.6)
"""Shares of past leads with the digit 1, with 1 or 2, and with 1 to 3. A tenth stands out; the last 40 % get a 4."""

OUT_OF_REACH = (1.0, 1.0, 1.0)
"""Boundaries of the digits where the base rate is published, which lifts nobody above a 4."""

LETTERS = "ABCD"
DIGITS = "1234"

LETTER_WITHOUT_FIT = "C"
"""Letter of a lead of which no criterion of the profile is known: it cannot be said to fit, nor to miss."""


def choose_grading(fitted: FittedTransition, table: LabelledTable, *, definitions: Definitions) -> Grading:
    """The boundaries of grades, from the first transition.

    | boundary | is |
    |---|---|
    | fit letters | as agreed |
    | behaviour digits | quantiles (`DIGIT_SHARES`) of the probability of labelled leads as they entered |

    Parameters
    ----------
    fitted
        The model of the first transition.
    table
        Its snapshots.
    definitions
        For the letters.
    """
    labelled = table.labelled(ENTRY)
    probability = fitted.predict(labelled)
    chosen = Grading(
        fit_boundaries=definitions.icp.fit_boundaries,
        behaviour_boundaries=digit_boundaries(probability) if fitted.estimators else OUT_OF_REACH,
        labelled_by_grade={},
    )
    grades = grade(probability, _fit_shares(labelled), grading=chosen)
    return chosen.model_copy(update={"labelled_by_grade": _leads_by_grade(labelled, grades)})


def grade(p_first: npt.ArrayLike, fit_share: npt.ArrayLike, *, grading: Grading) -> npt.NDArray[np.object_]:
    """The grade of each lead: a letter for its fit with the agreed profile and a digit for its behaviour.

    Parameters
    ----------
    p_first
        Probability of the first transition, in [0, 1].
    fit_share
        Share of the known criteria met, in [0, 1]; NaN where none is known: the letter is then C.

    Examples
    --------
    >>> boundaries = Grading(
    ...     fit_boundaries=(0.8, 0.6, 0.4), behaviour_boundaries=(0.6, 0.3, 0.1), labelled_by_grade={}
    ... )
    >>> grade([0.6, 0.59, 0.1, 0.05], [0.8, 0.79, float("nan"), 0.0], grading=boundaries).tolist()
    ['A1', 'B2', 'C3', 'D4']
    """
    return graded(
        np.asarray(p_first, dtype=np.float64),
        np.asarray(fit_share, dtype=np.float64),
        fit_boundaries=grading.fit_boundaries,
        behaviour_boundaries=grading.behaviour_boundaries,
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
