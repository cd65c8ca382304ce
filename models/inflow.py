"""How many leads come in, and how fast that changes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import PoissonRegressor

TREND_WEEKS = 8
"""The latest weeks that a trend is drawn through: longer ones are slow to see a campaign, shorter ones see noise."""


@dataclass(frozen=True, slots=True)
class Trend:
    """By what the logarithm of the weekly number changes from week to week, and the standard error of that."""

    weekly: float
    standard_error: float

    def growth(self, weights: npt.NDArray[np.float64]) -> float:
        """By what factor the coming week exceeds the mean of past weeks under `weights` (sum 1, the latest last)."""
        weeks_ahead = np.arange(1 - len(weights), 1) - 1.0
        return float(1 / np.sum(weights * np.exp(self.weekly * weeks_ahead)))


def trend_of(n_by_week: npt.NDArray[np.int64]) -> Trend:
    """The trend of the latest `TREND_WEEKS` of `n_by_week` (the latest last): a Poisson regression on the week.

    Its dispersion is estimated, because leads come in bursts (McCullagh and Nelder, 1989, "Generalized Linear Models",
    6.2). The slope is drawn to 0 by the share of it that may be noise (the positive part of James and Stein). There is
    none in fewer than four weeks, or where nobody came.
    """
    counts = np.asarray(n_by_week[-TREND_WEEKS:], dtype=np.float64)
    if len(counts) < 4 or not counts.any():
        return Trend(0.0, 0.0)
    week = np.arange(len(counts), dtype=np.float64)[:, None]
    model = PoissonRegressor(alpha=0.0, max_iter=1000).fit(week, counts)
    fitted, slope = model.predict(week), float(model.coef_[0])
    dispersion = max(1.0, float(np.sum((counts - fitted) ** 2 / fitted)) / (len(counts) - 2))
    spread = np.sum(fitted * (week[:, 0] - np.average(week[:, 0], weights=fitted)) ** 2)
    error = float(np.sqrt(dispersion / spread))
    kept = max(0.0, 1.0 - (error / slope) ** 2) if slope else 0.0
    return Trend(slope * kept, error)
