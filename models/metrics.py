"""How good probabilities are, for many resamples of the leads at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from models.calibrate import NEAREST_TO_CERTAIN

N_BINS = 10
"""Groups of equally many leads between which calibration is compared."""

TOP_SHARE = 0.1
LIFT_SHARES = np.round(np.arange(1, 21) * 0.05, 2)

_N_STEPS = 40
_LONGEST_STEP = 2.0
_MOST_HALVINGS = 30
_ROUNDING = 1e-12
_NO_SOLUTION = 40.0
"""Newton steps are held short, and halved while they lower the likelihood, so that they converge from far. What runs
away has no finite solution, as with one outcome only or outcomes that the probability separates."""

Figures = Mapping[str, np.ndarray]
"""A metric's values by its name, one a resample; not a number where it is not defined."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model said about the rows that are judged.

    Attributes
    ----------
    probability
        Of conversion, one a row.
    ranking
        What the model would sort leads by, higher first. For the point rule these are its points: a rule whose points
        lower the probability must not be credited with the reverse of its ranking.
    """

    model: str
    probability: np.ndarray
    ranking: np.ndarray

    def of(self, rows: np.ndarray) -> "Prediction":
        """The same of the chosen rows (boolean, one a row)."""
        return Prediction(self.model, self.probability[rows], self.ranking[rows])


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows that are judged: outcome (0 or 1), weight, and the number (from 0) of the group each belongs to."""

    outcome: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    n_groups: int


def log_losses(probability: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """The log loss (nats) of each row; no probability counts as certain."""
    p = np.clip(probability, NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN)
    return np.asarray(-(outcome * np.log(p) + (1 - outcome) * np.log1p(-p)))


class AdditiveMetrics:
    """Metrics that are sums over leads: they are summed by group once, and a resample only counts groups.

    They are log loss, Brier score, expected calibration error, and calibration slope and intercept. The latter two
    solve a logistic regression of the outcome on the log-odds (Cox, 1958; Steyerberg, 2019, "Clinical Prediction
    Models", ch. 15): the slope with a free intercept, the intercept with the slope held at 1. In a resample they are
    one Newton step from the estimate on all rows, which is close enough for a bootstrap (Davison and Hinkley, 1997,
    "Bootstrap Methods and their Application", 2.7.2).
    """

    def __init__(self, judged: Judged, probability: np.ndarray) -> None:
        p = np.clip(probability, NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN)
        outcome, weight = judged.outcome, judged.weight
        log_odds = logit(p)
        self._line = _logistic_line(log_odds, outcome=outcome, weight=weight)
        self._shift = logistic_shift(log_odds, outcome=outcome, weight=weight)
        bins = equal_mass_bins(p, weight)
        gaps = np.zeros((len(p), N_BINS))
        gaps[np.arange(len(p)), bins] = p - outcome
        loss = log_losses(p, outcome)
        terms = np.column_stack(
            [
                np.ones_like(p),
                loss,
                (p - outcome) ** 2,
                _line_terms(log_odds, outcome, self._line),
                _shift_terms(log_odds, outcome, self._shift),
                gaps,
            ]
        )
        self._sums = np.zeros((judged.n_groups, terms.shape[1]))
        np.add.at(self._sums, judged.group, terms * weight[:, None])

    def __call__(self, counts: np.ndarray) -> Figures:
        """The metrics of each resample; `counts[r, g]` says how often resample r holds group g."""
        total, loss, brier, *rest = (counts @ self._sums).T
        line, shift, gaps = np.array(rest[:5]), np.array(rest[5:7]), np.array(rest[7:])
        return {
            "log_loss": loss / total,
            "brier": brier / total,
            "calibration_slope": self._line[1] + _slope_step(*line),
            "calibration_intercept": self._shift + _ratio(shift[0], shift[1]),
            "expected_calibration_error": np.abs(gaps).sum(axis=0) / total,
        }


class RankingMetrics:
    """Metrics that depend on the order of leads only. Leads that tie count as half in order, or in part of a share.

    They are the area under the ROC curve, average precision, and the share of all conversions that is captured among
    the first leads: among the first `TOP_SHARE` (divided by it, this is the lift), among as many as sales can work, and
    along `LIFT_SHARES`.
    """

    def __init__(self, judged: Judged, ranking: np.ndarray, *, capacity_share: float | None) -> None:
        order = np.argsort(-ranking, kind="stable")
        self._starts = np.flatnonzero(np.diff(ranking[order], prepend=np.nan) != 0)
        self._group, self._weight = judged.group[order], judged.weight[order]
        self._outcome = judged.outcome[order]
        self._capacity_share = capacity_share

    def __call__(self, counts: np.ndarray) -> Figures:
        """The metrics of each resample; `counts[r, g]` says how often resample r holds group g."""
        weights = counts[:, self._group] * self._weight
        leads = np.add.reduceat(weights, self._starts, axis=1)
        converted = np.add.reduceat(weights * self._outcome, self._starts, axis=1)
        leads_so_far, converted_so_far = np.cumsum(leads, axis=1), np.cumsum(converted, axis=1)
        n_leads, n_converted = leads_so_far[:, -1], converted_so_far[:, -1]
        others_after = (n_leads - n_converted)[:, None] - (leads_so_far - converted_so_far)
        ahead = (converted * (others_after + (leads - converted) / 2)).sum(axis=1)
        precision = np.divide(converted_so_far, leads_so_far, out=np.zeros_like(leads), where=leads_so_far > 0)

        shares = [TOP_SHARE, self._capacity_share or np.nan, *LIFT_SHARES]
        within = _converted_within(np.array(shares), leads, converted, leads_so_far, converted_so_far)
        captured = _ratio(within, n_converted[:, None]).T
        return {
            "auc": _ratio(ahead, n_converted * (n_leads - n_converted)),
            "average_precision": _ratio((converted * precision).sum(axis=1), n_converted),
            "lift_in_top_tenth": captured[0] / TOP_SHARE,
            "captured_at_capacity": captured[1],
        } | {lift_name(share): captured[2 + i] for i, share in enumerate(LIFT_SHARES)}


def lift_name(share: float) -> str:
    """The name under which `RankingMetrics` gives the share of conversions among the first `share` of the leads."""
    return f"captured_at_{share:.2f}"


def equal_mass_bins(probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The bin (0 to `N_BINS` - 1) of each row, by rising probability, each with about the same weight.

    Equal probabilities share a bin, so that there may be fewer.
    """
    values, position = np.unique(probability, return_inverse=True)
    mass = np.bincount(position, weights=weight, minlength=len(values))
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bin_of_value: np.ndarray = np.minimum((middle * N_BINS).astype(np.int64), N_BINS - 1)
    return bin_of_value[position]


def _converted_within(
    shares: np.ndarray,
    leads: np.ndarray,
    converted: np.ndarray,
    leads_so_far: np.ndarray,
    converted_so_far: np.ndarray,
) -> np.ndarray:
    """Weight of the conversions among the first leads, resample by share; ties that are cut count in part."""
    wanted = leads_so_far[:, -1:] * shares
    almost = wanted * (1 - 1e-12)  # a share that ends with a block must not reach into the next by rounding
    last = leads.shape[1] - 1
    block = np.stack([np.searchsorted(row, ends) for row, ends in zip(leads_so_far, almost, strict=True)]).clip(0, last)
    in_block, at_end = (np.take_along_axis(values, block, axis=1) for values in (leads, leads_so_far))
    part = np.clip(_ratio(wanted - (at_end - in_block), in_block), 0, 1)
    converted_in_block, converted_at_end = (
        np.take_along_axis(values, block, axis=1) for values in (converted, converted_so_far)
    )
    return np.asarray(converted_at_end - (1 - part) * converted_in_block)


def _logistic_line(log_odds: np.ndarray, *, outcome: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Intercept and slope of a logistic regression of `outcome` on `log_odds`; not numbers where it has no solution."""
    line = np.array([0.0, 1.0])
    for _ in range(_N_STEPS):
        step = _line_step(*(_line_terms(log_odds, outcome, line) * weight[:, None]).sum(axis=0))
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        line = line + _uphill(step, line, log_odds=log_odds, outcome=outcome, weight=weight)
    return line if np.abs(line).max() < _NO_SOLUTION else np.full(2, np.nan)


def _uphill(
    step: np.ndarray, line: np.ndarray, *, log_odds: np.ndarray, outcome: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """`step`, halved until it no longer lowers the likelihood of `line`.

    Where probabilities are far too certain, a whole step leaps over the solution and the next one farther back.
    """

    def loss(at: np.ndarray) -> float:
        linear = at[0] + at[1] * log_odds
        return float(np.sum(weight * (np.logaddexp(0.0, linear) - outcome * linear)))

    if not np.isfinite(step).all():
        return step
    least = loss(line) * (1 + _ROUNDING)
    for _ in range(_MOST_HALVINGS):
        if not loss(line + step) > least:
            break
        step = step / 2
    return step


def logistic_shift(log_odds: np.ndarray, *, outcome: np.ndarray, weight: np.ndarray) -> float:
    """What must be added to all log-odds for predictions to add up to the outcomes; no number where nothing does."""
    shift = 0.0
    for _ in range(_N_STEPS):
        gradient, curvature = (_shift_terms(log_odds, outcome, shift) * weight[:, None]).sum(axis=0)
        step = np.array([np.clip(_ratio(gradient, curvature), -_LONGEST_STEP, _LONGEST_STEP), 0.0])
        line = np.array([shift, 1.0])
        shift += float(_uphill(step, line, log_odds=log_odds, outcome=outcome, weight=weight)[0])
    return shift if abs(shift) < _NO_SOLUTION else float("nan")


def _line_terms(log_odds: np.ndarray, outcome: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Row by row, the gradient (2) and curvature (3) of the log likelihood at the intercept and slope `line`."""
    p = expit(line[0] + line[1] * log_odds)
    rest, variance = outcome - p, p * (1 - p)
    return np.column_stack([rest, rest * log_odds, variance, variance * log_odds, variance * log_odds**2])


def _shift_terms(log_odds: np.ndarray, outcome: np.ndarray, shift: float) -> np.ndarray:
    p = expit(shift + log_odds)
    return np.column_stack([outcome - p, p * (1 - p)])


def _line_step(g0: np.ndarray, g1: np.ndarray, h00: np.ndarray, h01: np.ndarray, h11: np.ndarray) -> np.ndarray:
    """The Newton step of intercept and slope."""
    slope = _slope_step(g0, g1, h00, h01, h11)
    return np.array([_ratio(g0 - h01 * slope, h00), slope])


def _slope_step(g0: np.ndarray, g1: np.ndarray, h00: np.ndarray, h01: np.ndarray, h11: np.ndarray) -> np.ndarray:
    """The Newton step of the slope; not a number where all log-odds are the same."""
    spread = h11 * h00 - h01**2
    is_flat = spread <= 1e-10 * np.abs(h11 * h00)
    return _ratio(g1 * h00 - g0 * h01, np.where(is_flat, np.nan, spread))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """`numerator / denominator`; not a number where the denominator is 0 or is none itself."""
    numerator, denominator = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    undefined = np.full(shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator != 0))
