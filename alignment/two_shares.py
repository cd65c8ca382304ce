"""Two shares held against each other: how far they differ, how likely by chance, and among leads alike otherwise."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from alignment.intervals import (
    GROUPS,
    UNKNOWN,
    Floats,
    Integers,
    difference_estimate,
    independent_n,
    spread,
    sums_by_group,
    wilson,
    without_each,
)
from data_contracts.estimates import Estimate

Flags = npt.NDArray[np.bool_]

LEAST_EXPECTED = 5.0
"""Of hits, and of leads without one, on either side if both had the same share: with fewer, chance is no normal one
(Cochran, 1954, Biometrics 10:417)."""


@dataclass(frozen=True, slots=True)
class Share:
    """Hits among leads, and how many independent leads these are worth."""

    hits: int
    n: int
    worth: float

    @property
    def value(self) -> float:
        """The share; NaN of no leads."""
        return self.hits / self.n if self.n else float("nan")

    @property
    def estimate(self) -> Estimate:
        """With Wilson's interval."""
        if not self.n:
            return UNKNOWN
        low, high = wilson(self.value, max(self.worth, 1.0))
        return Estimate(value=self.value, low=min(low, self.value), high=max(high, self.value))


def share_of(rows: Flags, hits: Flags, groups: Integers) -> Share:
    """The share of `hits` among `rows`, whose leads go together by account.

    They are worth no more than all leads are for their number: the replicates of few leads, or of none that hit, say
    too little.
    """
    n, n_hits = int(rows.sum()), int((rows & hits).sum())
    of_all = _independent(np.ones(len(hits), dtype=bool), hits, groups) / max(len(hits), 1)
    return Share(n_hits, n, min(_independent(rows, hits, groups), n * of_all))


def _independent(rows: Flags, hits: Flags, groups: Integers) -> float:
    sums = sums_by_group(groups, rows & hits, rows)
    others = without_each(sums)
    total = sums.sum(axis=0)
    if not total[1]:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return independent_n(float(total[0] / total[1]), others[:, 0] / others[:, 1], n=float(total[1]))


def difference_of(first: Share, second: Share) -> Estimate:
    """The first share less the second, with the interval of Newcombe (1998, Stat Med 17:873, method 10)."""
    if not first.n or not second.n:
        return UNKNOWN
    one, other = first.estimate, second.estimate
    value = first.value - second.value
    below = np.hypot(first.value - float(one.low or 0.0), float(other.high or 0.0) - second.value)
    above = np.hypot(float(one.high or 0.0) - first.value, second.value - float(other.low or 0.0))
    return Estimate(value=value, low=value - float(below), high=value + float(above))


def chance_of(first: Share, second: Share) -> float | None:
    """How likely chance alone makes two shares differ so much (two-sided score test); None where leads are too few."""
    n = first.worth + second.worth
    if not first.worth or not second.worth:
        return None
    pooled = (first.value * first.worth + second.value * second.worth) / n
    fewest = min(first.worth, second.worth) * min(pooled, 1 - pooled)
    if fewest < LEAST_EXPECTED:
        return None
    error = np.sqrt(pooled * (1 - pooled) * (1 / first.worth + 1 / second.worth))
    return float(2 * norm.sf(abs(first.value - second.value) / error))


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A difference of shares between leads that are alike otherwise.

    Attributes
    ----------
    n_compared
        Leads in strata that hold both sides.
    chance
        How likely chance alone makes it; None where it is not known.
    """

    difference: Estimate
    n_compared: int
    chance: float | None


def adjusted_difference(rows: Flags, others: Flags, hits: Flags, *, strata: Integers, groups: Integers) -> Adjusted:
    """The share of `hits` among `rows` less that among `others`, within strata: the Mantel-Haenszel risk difference.

    Its interval is the jackknife's over accounts (Greenland and Robins, 1985, Biometrics 41:55, for the estimate).

    Parameters
    ----------
    strata
        Of each lead, from 0 on.
    """
    n_strata = int(strata.max(initial=-1)) + 1
    cells = groups * n_strata + strata
    sums: Floats = np.stack(
        [
            np.bincount(cells, weights=each.astype(np.float64), minlength=GROUPS * n_strata)
            .reshape(GROUPS, n_strata)
            .astype(np.float64)
            for each in (rows & hits, rows, others & hits, others)
        ],
        axis=2,
    )
    total = sums.sum(axis=0)
    value = float(_mantel_haenszel(total[np.newaxis])[0])
    n_compared = int(total[(total[:, 1] > 0) & (total[:, 3] > 0)][:, [1, 3]].sum())
    if not np.isfinite(value):
        return Adjusted(UNKNOWN, n_compared, None)
    replicates = _mantel_haenszel(without_each(sums))
    error = spread(replicates)
    chance = float(2 * t.sf(abs(value) / error, df=len(replicates) - 1)) if error > 0 else None
    return Adjusted(difference_estimate(value, replicates), n_compared, chance)


def _mantel_haenszel(sums: Floats) -> Floats:
    """The difference of each replicate: `sums` by replicate, stratum, and (hits, n, other hits, other n)."""
    hits, n, other_hits, other_n = np.moveaxis(sums, 2, 0)
    both = n + other_n
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(both > 0, (hits * other_n - other_hits * n) / both, 0.0).sum(axis=1)
        below = np.where(both > 0, n * other_n / both, 0.0).sum(axis=1)
        return np.asarray(above / below)
