"""Shares of many groups: whether they differ by more than chance, and each drawn towards the others if it is small."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln, expit, logit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TAILS = (0.025, 0.975)

COMMON_STEPS, LIKENESS_STEPS = 21, 15
"""Points of the grid over the common share and over how alike groups are: finer ones move no figure in its third
digit."""

PRIOR_SIZE = 0.2
"""Of the mean size of the groups: a group of this size is drawn by any part from none to all with the same prior
probability. With larger ones, 95 % intervals of two to five groups covered 92 % in simulations; with this, over 94."""

KEPT_MASS = 0.99
"""The least likely points of the grid, this much less than all, are left out."""

HALVINGS = 24
"""Of [0, 1], until an interval's end is known to a billionth."""

DRAWS = 4000
"""Of a test: p-values from 1/4001 on, and near 0.05 they are off by less than 0.004."""


def shrunken(hits: Floats, n: Floats) -> Floats:
    """Shares of several groups, each drawn towards the common one by as much as chance explains that it differs.

    The groups' own shares are taken to be scattered around a common one as a beta distribution, which the groups
    themselves tell: its mean, and as how many rows of each group it counts. What a group is then believed to be, is
    averaged over all such distributions by how likely they are. So it is honest where groups are few, small, or all
    alike; an estimate on the logit scale is not, where a group has a hit or none.

    The prior of the mean is Jeffreys'; that of the weight is uniform on how far a group of a certain size is drawn
    (`PRIOR_SIZE`; Christiansen and Morris, 1997, JASA 92:618).

    Parameters
    ----------
    hits, n
        Of each group; neither needs to be whole, and `0 <= hits <= n`.

    Returns
    -------
    array
        The share of each group (posterior mean). A group without rows is believed to be like any other. Missing where
        no group has a row.

    Examples
    --------
    >>> shrunken(np.array([1.0, 4.0, 1.0]), np.array([2.0, 8.0, 2.0])).round(6).tolist()
    [0.5, 0.5, 0.5]
    """
    return np.full(len(n), np.nan) if not n.any() else _Believed.of(hits, n).shares


def shrunken_estimates(hits: Floats, n: Floats) -> Floats:
    """The shares that `shrunken` gives with their 95 % intervals: one row a group, columns are share, low and high."""
    if not n.any():
        return np.full((len(n), 3), np.nan)
    believed = _Believed.of(hits, n)
    return np.column_stack([believed.shares, *(believed.quantile(tail) for tail in TAILS)])


def chance_of_difference(hits: Floats, n: Floats) -> float | None:
    """How often groups of one and the same share would differ by as much as these; None where there are not two.

    Pearson's statistic against `DRAWS` binomial draws of the common share, always the same ones: with few hits its
    chi-squared limit does not hold.
    """
    if len(n) < 2:
        return None
    whole = np.maximum(np.round(n), 1).astype(np.int64)
    common = float(hits.sum() / n.sum())
    drawn = np.random.default_rng(0).binomial(whole, common, size=(DRAWS, len(whole)))
    found = _pearson(hits / n * whole, whole)
    # Sums of equal figures may differ in their last bit.
    return float((1 + (_pearson(drawn, whole) >= found - 1e-9).sum()) / (1 + DRAWS))


@dataclass(frozen=True, slots=True, eq=False)
class _Believed:
    """What each group (row) is believed to be: a mixture of beta distributions (columns) of these weights."""

    a: Floats
    b: Floats
    weights: Floats

    @classmethod
    def of(cls, hits: Floats, n: Floats) -> "_Believed":
        has_any = n > 0
        common, counts_as, weights = _populations(hits[has_any], n[has_any])
        a = common * counts_as + hits[:, np.newaxis]
        b = (1 - common) * counts_as + (n - hits)[:, np.newaxis]
        return cls(a, b, weights)

    @property
    def shares(self) -> Floats:
        return np.asarray((self.a / (self.a + self.b)) @ self.weights)

    def quantile(self, share: float) -> Floats:
        low, high = np.zeros(len(self.a)), np.ones(len(self.a))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            is_below = betainc(self.a, self.b, middle[:, np.newaxis]) @ self.weights < share
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return (low + high) / 2


def _populations(hits: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """The likely distributions of shares: the mean of each, as how many rows it counts, and its probability."""
    total = n.sum()
    pooled = (hits.sum() + 0.5) / (total + 1)
    scatter = max(1.0, float(_pearson(hits, n)) / max(len(n) - 1, 1))
    error = np.sqrt(scatter * (1 / (hits.sum() + 0.5) + 1 / (total - hits.sum() + 0.5)))
    means = expit(logit(pooled) + np.linspace(-5, 5, COMMON_STEPS) * error)
    sizes = np.geomspace(0.3, 30 * n.max(), LIKENESS_STEPS)
    common, counts_as = (each.ravel() for each in np.meshgrid(means, sizes))
    a, b = common * counts_as, (1 - common) * counts_as
    log_weight = (
        np.log(common * (1 - common)) / 2 + np.log(counts_as) - 2 * np.log(counts_as + PRIOR_SIZE * total / len(n))
    )
    for one, rows in zip(hits, n, strict=True):
        log_weight += betaln(a + one, b + rows - one) - betaln(a, b)
    weights = np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    descending = np.sort(weights)[::-1]
    # Points that are alike stay or go together: their likelihoods may differ in the last bit.
    least = descending[int(np.searchsorted(descending.cumsum(), KEPT_MASS))] * (1 - 1e-9)
    likely = weights >= least
    return common[likely], counts_as[likely], weights[likely] / weights[likely].sum()


def _pearson(hits: npt.ArrayLike, n: Integers | Floats) -> Floats:
    """How far shares of groups (last axis) lie from their common one, in units of chance; 0 where all are 0 or 1."""
    seen = np.asarray(hits, dtype=np.float64)
    common = seen.sum(axis=-1, keepdims=True) / n.sum()
    variance = common * (1 - common) / n
    terms = np.where(variance > 0, np.square(seen / n - common) / np.maximum(variance, 1e-300), 0.0)
    return np.asarray(terms.sum(axis=-1))
