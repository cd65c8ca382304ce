"""Whether published probabilities meant what they said: a curve with its interval, and groups of leads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from data_contracts.backtests import BacktestGroup
from data_contracts.calibration import AGE, GRADE, MONTH, Calibration, CalibrationCurve, CalibrationGroup
from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.snapshots import FIT_SHARE, FeatureColumn
from data_contracts.vocabulary import ENTRY
from models.calibrate import clipped
from models.evaluate import group_counts, judged_of
from models.grades import digit_boundaries, graded
from models.metrics import Judged, Prediction, log_losses, logistic_shift
from models.split import converted_or_not

N_POINTS = 50
"""Points of the curve, evenly spaced in log-odds: between two of them it is straight to the eye."""

LEAST_LEADS = 50
"""Leads of a group below which nothing could be told: the interval of a share reaches 14 percentage points each way."""

LEAST_OUTCOMES = 5
"""Leads of either outcome that a group must hold: resamples of a group where nobody converted know of no conversion."""

RIDGE = 1e-9
"""Added to a resample's curvature, so that it can be inverted where a resample holds too little to bend the curve."""

MOST_VALUES = 8
"""The values of a category that are shown, the most frequent ones."""


def calibration_of(
    test: pd.DataFrame,
    published: Prediction,
    *,
    columns: Sequence[FeatureColumn],
    fit_boundaries: tuple[float, float, float] | None,
    seed: int,
) -> Calibration:
    """How far the `published` probabilities of the `test` rows, one each, meant what they said.

    All intervals are percentiles over resampled accounts (95 %).

    Parameters
    ----------
    test
        Labelled rows, all ages, that the model had not seen.
    columns
        Leads are parted by those of them that are categories; by no text, whose values are too many.
    fit_boundaries
        Least fit with the agreed profile for the letters A, B and C; None where these probabilities grade nobody.
    seed
        Of the resamples.
    """
    drawn = _Resamples(judged_of(test), seed)
    p = published.probability
    curve = _curve(drawn, published, n_leads=int(test["lead_id"].nunique()))
    parts = _parts(test, p, columns=columns, fit_boundaries=fit_boundaries)
    return Calibration(curve=curve, groups=tuple(group for part in parts for group in _groups(part, p, drawn=drawn)))


def backtest_groups(
    test: pd.DataFrame,
    probability: npt.NDArray[np.float64],
    *,
    reference: npt.NDArray[np.float64],
    columns: Sequence[FeatureColumn],
    fit_boundaries: tuple[float, float, float] | None,
    seed: int,
) -> tuple[BacktestGroup, ...]:
    """The same groups of the `test` rows, which are given `probability`, each with the gain over `reference`.

    Both have one a row. The other parameters are those of `calibration_of`.
    """
    drawn = _Resamples(judged_of(test), seed)
    gained = log_losses(reference, drawn.judged.outcome) - log_losses(probability, drawn.judged.outcome)
    return tuple(
        BacktestGroup(**dict(group), gain=gain)
        for part in _parts(test, probability, columns=columns, fit_boundaries=fit_boundaries)
        for group, gain in zip(
            _groups(part, probability, drawn=drawn), _estimates(_means(part, gained, drawn=drawn)), strict=True
        )
    )


def curve_interval(
    curve: CalibrationCurve, probability: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Both ends of the curve's 95 % interval at each `probability`.

    Beyond the probabilities that were given to later leads, it is the interval at the nearest of them.

    >>> curve = CalibrationCurve(
    ...     probability=(0.2, 0.8), observed=(0.3, 0.7), low=(0.2, 0.6), high=(0.4, 0.9), n_leads=9
    ... )
    >>> low, high = curve_interval(curve, np.array([0.1, 0.5]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.2, 0.4], [0.4, 0.65])
    """
    place, points = logit(clipped(probability)), logit(clipped(np.array(curve.probability)))
    low, high = (np.interp(place, points, np.array(end)) for end in (curve.low, curve.high))
    return low, high


@dataclass(frozen=True, slots=True)
class _Resamples:
    """Sums over rows, on all of them first and then on each resample of the accounts."""

    judged: Judged
    seed: int

    def sums(self, terms: np.ndarray) -> np.ndarray:
        """Those of each column of `terms` (one row a judged row): (resamples, columns)."""
        by_group = np.zeros((self.judged.n_groups, terms.shape[1]))
        np.add.at(by_group, self.judged.group, terms)
        return np.concatenate([counts @ by_group for counts in group_counts(self.judged, seed=self.seed)])


def _curve(drawn: _Resamples, published: Prediction, *, n_leads: int) -> CalibrationCurve:
    """The curve that beta calibration would draw (Kull, Silva Filho and Flach, 2017), and its interval.

    Its three parameters bend both ends by themselves. The base rate by age takes few values: there the level alone is
    free.
    """
    p = clipped(published.probability)
    points = expit(np.linspace(logit(p.min()), logit(p.max()), N_POINTS))
    log_odds = _resampled_log_odds(drawn, p, points, level_only=published.model == BASE_RATE_BY_AGE)
    observed = expit(log_odds[0])
    low, high = expit(np.quantile(log_odds[1:], [0.025, 0.975], axis=0))
    return CalibrationCurve(
        probability=tuple(points.tolist()),
        observed=tuple(observed.tolist()),
        low=tuple(np.minimum(low, observed).tolist()),
        high=tuple(np.maximum(high, observed).tolist()),
        n_leads=n_leads,
    )


def _resampled_log_odds(drawn: _Resamples, p: np.ndarray, points: np.ndarray, *, level_only: bool) -> np.ndarray:
    """The curve's log-odds at `points`: on all rows first, then on each resample; (resamples, points).

    On a resample, the parameters are one Newton step from those on all rows (Davison and Hinkley, 1997, "Bootstrap
    Methods and their Application", 2.7.2).
    """
    outcome, weight = drawn.judged.outcome, drawn.judged.weight
    if level_only:
        inputs, at_points, offset = np.ones((len(p), 1)), np.ones((len(points), 1)), logit(points)
        parameters = np.array([logistic_shift(logit(p), outcome=outcome, weight=weight)])
        mean = expit(logit(p) + parameters[0])
    else:
        inputs, at_points, offset = _beta_inputs(p), _beta_inputs(points), np.zeros(len(points))
        fitted = LogisticRegression(C=np.inf, fit_intercept=False, max_iter=1000, tol=1e-8)
        parameters = fitted.fit(inputs, outcome, sample_weight=weight).coef_[0]
        mean = expit(inputs @ parameters)
    n = inputs.shape[1]
    gradient = inputs * (weight * (outcome - mean))[:, None]
    curvature = (inputs[:, :, None] * inputs[:, None, :]).reshape(len(p), n * n) * (weight * mean * (1 - mean))[:, None]
    sums = drawn.sums(np.column_stack([gradient, curvature]))
    steps = np.linalg.solve(sums[:, n:].reshape(-1, n, n) + RIDGE * np.eye(n), sums[:, :n, None])[..., 0]
    return np.asarray(offset + (parameters + steps) @ at_points.T)


def _beta_inputs(p: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones_like(p), np.log(p), -np.log1p(-p)])


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows parted by one thing.

    Attributes
    ----------
    n_leads
        Leads by value, of the values that are shown.
    is_in
        Whether each row has each of these values: (rows, values).
    """

    by: str
    n_leads: pd.Series
    is_in: npt.NDArray[np.bool_]


def _parts(
    test: pd.DataFrame,
    p: np.ndarray,
    *,
    columns: Sequence[FeatureColumn],
    fit_boundaries: tuple[float, float, float] | None,
) -> Iterator[_Part]:
    """The rows by each thing that parts them into groups of which one at least is large enough."""
    for by, values in _parted(test, p, columns=columns, fit_boundaries=fit_boundaries):
        n_leads = _n_leads(by, values, leads=test["lead_id"], outcome=converted_or_not(test))
        if not n_leads.empty:
            place = n_leads.index.get_indexer(pd.Index(values, dtype=object))
            yield _Part(by, n_leads, place[:, None] == np.arange(len(n_leads)))


def _parted(
    test: pd.DataFrame,
    p: np.ndarray,
    *,
    columns: Sequence[FeatureColumn],
    fit_boundaries: tuple[float, float, float] | None,
) -> Iterator[tuple[str, pd.Series]]:
    """What leads are parted by, with a value for each row of `test`; missing where it has none."""
    yield AGE, test["day"]
    yield MONTH, test["as_of"].dt.strftime("%Y-%m")
    if fit_boundaries is not None:
        digits = digit_boundaries(p[(test["day"] == ENTRY).to_numpy()])
        fit = test[FIT_SHARE].to_numpy(dtype=np.float64, na_value=np.nan)
        grades = graded(p, fit, fit_boundaries=fit_boundaries, behaviour_boundaries=digits)
        yield GRADE, pd.Series(grades, index=test.index)
    for column in columns:
        if column.type == "category":
            yield column.name, test[column.name]


def _groups(part: _Part, p: np.ndarray, *, drawn: _Resamples) -> Iterator[CalibrationGroup]:
    """The groups of `part`, in the order of its values."""
    predicted, observed = (_means(part, of, drawn=drawn) for of in (p, drawn.judged.outcome))
    for place, excess in enumerate(_estimates(predicted - observed)):
        yield CalibrationGroup(
            by=part.by,
            value=str(part.n_leads.index[place]),
            n_leads=int(part.n_leads.iloc[place]),
            predicted=float(predicted[0, place]),
            observed=float(observed[0, place]),
            excess=excess,
        )


def _means(part: _Part, of: np.ndarray, *, drawn: _Resamples) -> np.ndarray:
    """The weighted mean of `of` (one a row) in each group: on all rows first, then on each resample."""
    weight = drawn.judged.weight
    total, summed = (drawn.sums(part.is_in * each[:, None]) for each in (weight, weight * of))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(summed / total)


def _estimates(means: np.ndarray) -> Iterator[Estimate]:
    """Of each group: its mean on all rows, with the interval over those resamples that hold any of it."""
    low, high = np.nanquantile(means[1:], [0.025, 0.975], axis=0)
    for ends in zip(means[0], low, high, strict=True):
        value, least, most = map(float, ends)
        yield Estimate(value=value, low=least, high=most)


def _n_leads(by: str, values: pd.Series, *, leads: pd.Series, outcome: np.ndarray) -> pd.Series:
    """Leads by value, where there are enough: larger ones first, days and months in their order."""
    value = values.to_numpy(dtype=object)
    found = pd.DataFrame({"all": leads.groupby(value).nunique()})
    for each in (0, 1):
        found[each] = leads[outcome == each].groupby(value[outcome == each]).nunique()
    is_enough = (found["all"] >= LEAST_LEADS) & (found[[0, 1]].min(axis=1, skipna=False) >= LEAST_OUTCOMES)
    n_leads = found.loc[is_enough, "all"]
    return n_leads if by in (AGE, MONTH) else n_leads.sort_values(ascending=False, kind="stable").head(MOST_VALUES)
