"""Probabilities that mean what they say: calibrators learnt from predictions on later data."""

from collections.abc import Sequence
from typing import Literal, cast, get_args

import numpy as np
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from data_contracts.recalibration import Recalibration
from models.evidence import leads_by_outcome
from models.linear import logistic_probabilities

CalibratorName = Literal["none", "sigmoid", "beta", "isotonic", "venn_abers"]
CALIBRATORS: tuple[CalibratorName, ...] = get_args(CalibratorName)

NEAREST_TO_CERTAIN = 1e-6
"""No probability is nearer to 0 or 1: nothing about a lead is more certain than one in a million."""

ISOTONIC_BLEND = 0.01
"""Share of the uncalibrated probability in an isotonic one. Isotonic regression makes steps, on which different leads
tie. With a little of what went in they keep their order, and no probability moves by more than a hundredth."""

LEAST_CALIBRATION_OUTCOMES = {"none": 0, "sigmoid": 50, "beta": 50, "isotonic": 500, "venn_abers": 200}
"""Leads that converted, and as many that did not, without which a calibrator is not tried. Two or three parameters need
some dozens; isotonic regression overfits below about a thousand rows (Niculescu-Mizil and Caruana, 2005, "Predicting
good probabilities with supervised learning", ICML). Venn-Abers draws its steps towards the middle, and needs fewer."""

N_PARTS, N_GRID = 1_000, 100
"""Parts of equally many rows that Venn-Abers calibration learns from, and the probabilities it is worked out at; it is
straight between two of them."""


def fit_calibrator(
    name: CalibratorName, raw: np.ndarray, *, outcome: np.ndarray, weight: np.ndarray, lead: np.ndarray
) -> BaseEstimator | None:
    """A scikit-learn object that `calibrated` applies; None where none is asked for or none can be had.

    Parameters
    ----------
    name
        `sigmoid`: logistic regression on the log-odds (Platt, 1999). `beta`: on log p and -log(1 - p) with slopes that
        are not negative (Kull, Silva Filho and Flach, 2017, "Beta calibration", AISTATS). `isotonic`: the best rising
        step function (Zadrozny and Elkan, 2002). `venn_abers`: between the two such functions that the next lead would
        make if it converted and if it did not (Vovk, Petej and Fedorova, 2015, "Large-scale probabilistic predictors
        with and without guarantees of validity", NeurIPS).
    raw
        Probabilities that were predicted without having seen `outcome` (0 or 1).
    lead
        The lead that each row is a snapshot of: leads count as evidence, their snapshots do not.

    Notes
    -----
    None is returned where the fit would turn the ranking round, or fewer leads have either outcome than
    `LEAST_CALIBRATION_OUTCOMES`.
    """
    if name == "none" or min(leads_by_outcome(lead, outcome == 1)) < LEAST_CALIBRATION_OUTCOMES[name]:
        return None
    if name == "isotonic":
        return _rising_steps(clipped(raw), outcome=outcome, weight=weight)
    if name == "venn_abers":
        return _venn_abers(clipped(raw), outcome=outcome, weight=weight)
    inputs = _inputs(raw, n_columns=1 if name == "sigmoid" else 2)
    return _rising_logistic(inputs, outcome=outcome, weight=weight)


def calibrated(calibrator: BaseEstimator | None, raw: np.ndarray) -> np.ndarray:
    """Calibrated probabilities within (0, 1), in the same strict order as `raw`; `raw` itself where there is none.

    >>> calibrated(None, np.array([0.0, 0.25, 1.0]))
    array([1.00000e-06, 2.50000e-01, 9.99999e-01])
    """
    if calibrator is None or len(raw) == 0:
        return clipped(raw)
    if isinstance(calibrator, IsotonicRegression):
        steps = calibrator.predict(clipped(raw))
        return clipped((1 - ISOTONIC_BLEND) * steps + ISOTONIC_BLEND * clipped(raw))
    inputs = _inputs(raw, n_columns=calibrator.n_features_in_)
    return clipped(logistic_probabilities(calibrator, inputs))


def blended(raw: Sequence[np.ndarray]) -> np.ndarray:
    """The probability at the mean log-odds of several models; that of a lone one as it is.

    >>> blended([np.array([0.5]), np.array([0.9])]).round(3)
    array([0.75])
    """
    if len(raw) == 1:
        return raw[0]
    return np.asarray(expit(sum(logit(clipped(one)) for one in raw) / len(raw)))


def with_line(probability: np.ndarray, intercept: float, slope: float) -> np.ndarray:
    """The probabilities whose log-odds are `intercept + slope` times those of `probability`, within (0, 1).

    >>> with_line(np.array([0.2, 0.5]), 0.0, 1.0)
    array([0.2, 0.5])
    """
    return clipped(expit(intercept + slope * logit(clipped(probability))))


def mended(probability: np.ndarray, told: Recalibration | None) -> np.ndarray:
    """`probability` with the level and slope of its log-odds as `told` mends them; as it is where nothing is mended."""
    if told is None or told.mend == "none":
        return probability
    return with_line(probability, told.intercept, told.slope)


def _inputs(raw: np.ndarray, *, n_columns: int) -> np.ndarray:
    """What the logistic regression of a calibrator reads: the log-odds, or its two halves."""
    p = clipped(raw)
    return np.column_stack([logit(p)] if n_columns == 1 else [np.log(p), -np.log1p(-p)])


def _rising_steps(raw: np.ndarray, *, outcome: np.ndarray, weight: np.ndarray) -> BaseEstimator:
    margin = 0.5 / len(outcome)
    steps = IsotonicRegression(y_min=margin, y_max=1 - margin, out_of_bounds="clip")
    return cast(BaseEstimator, steps.fit(raw, outcome, sample_weight=weight))


def _venn_abers(raw: np.ndarray, *, outcome: np.ndarray, weight: np.ndarray) -> BaseEstimator:
    """The inductive Venn-Abers probability at `N_GRID` quantiles of `raw`, kept as a rising curve through them.

    At each, the isotonic regression is made twice, with one more lead there that did not convert and one that did. Its
    values p0 and p1 there give `p1 / (1 - p0 + p1)`, the probability that loses least whichever of them is right.
    """
    order = np.argsort(raw, kind="stable")
    parts = [part for part in np.array_split(order, min(N_PARTS, len(order))) if weight[part].sum() > 0]
    place = np.array([np.average(raw[part], weights=weight[part]) for part in parts])
    share = np.array([np.average(outcome[part], weights=weight[part]) for part in parts])
    total = np.array([weight[part].sum() for part in parts])
    grid = np.unique(np.quantile(raw, np.linspace(0, 1, N_GRID)))

    def with_one_more(at: float, said: float) -> float:
        rising = IsotonicRegression().fit(np.append(place, at), np.append(share, said), np.append(total, 1.0))
        return float(rising.predict([at])[0])

    p0, p1 = (np.array([with_one_more(at, said) for at in grid]) for said in (0.0, 1.0))
    return cast(BaseEstimator, IsotonicRegression(out_of_bounds="clip").fit(grid, p1 / (1 - p0 + p1)))


def _rising_logistic(inputs: np.ndarray, *, outcome: np.ndarray, weight: np.ndarray) -> LogisticRegression | None:
    """Logistic regression without penalty whose slopes are not negative; None where that leaves no slope.

    A column with a negative slope is left out (as beta calibration prescribes) by setting it to 0.
    """
    used = np.ones(inputs.shape[1], dtype=bool)
    while used.any():
        model = LogisticRegression(C=np.inf, max_iter=1000).fit(inputs * used, outcome, sample_weight=weight)
        falling = used & (model.coef_[0] <= 0)
        if not falling.any():
            return model
        used &= ~falling
    return None


def clipped(probability: np.ndarray) -> np.ndarray:
    """No nearer to 0 or 1 than `NEAREST_TO_CERTAIN`."""
    return np.asarray(np.clip(probability, NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN))
