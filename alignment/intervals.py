"""Intervals of shared numbers: what a figure would be if other accounts had come.

Leads of one account go together, so accounts are the unit. A figure is computed again without one group of accounts
after the other, and the spread of these replicates says how far it may be off: the delete-a-group jackknife (Kott,
2001, "The Delete-a-Group Jackknife", J Off Stat 17:521). It costs a fixed number of sums, whatever the number of leads.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, norm, t

from data_contracts.estimates import Estimate

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GROUPS = 60
"""Enough replicates for a spread, few enough to sum over; fewer accounts than these are a group each."""

CONFIDENCE = 0.95

UNKNOWN = Estimate(value=None, low=None, high=None)


def in_columns(name: str, estimate: Estimate) -> dict[str, float | None]:
    """The figure called `name` with its interval, as three columns."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def account_groups(accounts: pd.Series) -> Integers:
    """The jackknife group of each row's account, from 0 to `GROUPS - 1`: by a digest of its id, the same in every run.

    Where there are at most `GROUPS` accounts, each is a group of its own.
    """
    codes, ids = pd.factorize(accounts, sort=True)
    if len(ids) <= GROUPS:
        return codes.astype(np.int64)
    places = pd.util.hash_array(np.asarray(ids, dtype=object)) % GROUPS
    return places.astype(np.int64)[codes]


def sums_by_group(groups: Integers, *values: npt.ArrayLike) -> Floats:
    """The sum of each of `values` in each group: one row a group, one column a value."""
    return np.column_stack(
        [np.bincount(groups, weights=np.asarray(each, dtype=np.float64), minlength=GROUPS) for each in values]
    )


def without_each(sums: Floats) -> Floats:
    """The sums over all groups but one, for each group that has any: one row a replicate, first axis the groups."""
    is_there = sums.reshape(len(sums), -1).any(axis=1)
    return np.asarray(sums.sum(axis=0) - sums[is_there])


def spread(replicates: Floats) -> float:
    """The standard error that the jackknife's replicates tell; NaN where there are fewer than two."""
    known = replicates[np.isfinite(replicates)]
    n = len(known)
    if n < 2:
        return float("nan")
    return float(np.sqrt((n - 1) / n * np.square(known - known.mean()).sum()))


def share_estimate(share: float, replicates: Floats, *, n: float) -> Estimate:
    """A share with its Wilson interval, for as many independent leads as the replicates say that the `n` are worth.

    Where they tell nothing (no lead reached it, or all did), the `n` count as independent. Wilson's interval stays in
    [0, 1] and covers for few leads too (Brown, Cai, DasGupta, 2001, Stat Sci 16:101).
    """
    if not n or not np.isfinite(share):
        return UNKNOWN
    low, high = wilson(share, max(independent_n(share, replicates, n=n), 1.0))
    return Estimate(value=share, low=min(low, share), high=max(high, share))


def independent_n(share: float, replicates: Floats, *, n: float) -> float:
    """How many independent leads the `n` are worth, as the spread of the replicates of their share says.

    By the design effect (Rao, Scott, 1992, Biometrics 48:577).
    """
    error = spread(replicates)
    variance = share * (1 - share)
    return float(min(n, variance / error**2)) if error > 0 and variance > 0 else n


def share_among(hits: npt.ArrayLike, groups: Integers) -> Estimate:
    """The share of the rows that are `hits`, with its interval over the groups of accounts; unknown where none are.

    >>> share_among([True, False, False, False], np.array([0, 1, 2, 3])).value
    0.25
    """
    flags = np.asarray(hits, dtype=np.float64)
    if not len(flags):
        return UNKNOWN
    others = without_each(sums_by_group(groups, flags, np.ones(len(flags))))
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = others[:, 0] / others[:, 1]
    return share_estimate(float(flags.mean()), replicates[np.isfinite(replicates)], n=len(flags))


def fraction_replicates(sums: Floats) -> Floats:
    """The first column's sum of the second's without each group of accounts in turn."""
    others = without_each(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(others[:, 0] / others[:, 1])


def fraction_estimate(sums: Floats, *, n: float) -> Estimate:
    """The first column's sum of the second's, a share, by group of accounts; `n` rows are in it. Unknown without any.

    >>> print(fraction_estimate(np.array([[0.0, 4.0], [3.0, 6.0]]), n=10).value)
    0.3
    """
    part, whole = sums.sum(axis=0)
    return share_estimate(float(part / whole), fraction_replicates(sums), n=n) if whole else UNKNOWN


def wilson(share: float, n: float, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval (of 95 %) of a share seen among `n`, which need not be whole.

    >>> low, high = wilson(0.0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    z = float(norm.ppf((1 + confidence) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def ratio_estimate(sums: Floats) -> Estimate:
    """The first column's sum by the second's, as costs and mean amounts are, with an interval on its logarithm.

    Unknown where either sum is not above 0.
    """
    total = sums.sum(axis=0)
    if total[0] <= 0 or total[1] <= 0:
        return UNKNOWN
    others = without_each(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = np.log(others[:, 0] / others[:, 1])
    return _around(float(total[0] / total[1]), replicates, forth=np.log, back=np.exp)


def count_interval(by_account: Floats) -> tuple[float, float]:
    """The 95 % interval of how many come, if as many had come by chance: `by_account` is what each account brought.

    Accounts come independently (Poisson), and each brings as many as it does: the gamma interval of Fay and Feuer
    (1997, Stat Med 16:791) for weighted sums. Of accounts that bring one each it is the exact one of Garwood.

    >>> [round(end, 2) for end in count_interval(np.array([]))], [round(end, 2) for end in count_interval(np.ones(10))]
    ([0.0, 3.69], [4.8, 18.39])
    """
    total, squares = float(by_account.sum()), float(np.square(by_account).sum())
    most = float(by_account.max(initial=1.0))
    tail = (1 - CONFIDENCE) / 2
    low = squares / total / 2 * chi2.ppf(tail, 2 * total**2 / squares) if total else 0.0
    squares, total = squares + most**2, total + most
    return float(low), float(squares / total / 2 * chi2.ppf(1 - tail, 2 * total**2 / squares))


def difference_estimate(value: float, replicates: Floats) -> Estimate:
    """A figure that may lie on both sides of 0, with a symmetric interval."""
    if not np.isfinite(value):
        return UNKNOWN
    return _around(value, replicates, forth=lambda each: each, back=lambda each: each)


def _around(
    value: float, replicates: Floats, *, forth: Callable[[float], float], back: Callable[[float], float]
) -> Estimate:
    error = spread(replicates)
    if not np.isfinite(error):
        return Estimate(value=value, low=None, high=None)
    half = float(t.ppf((1 + CONFIDENCE) / 2, df=len(replicates) - 1)) * error
    return Estimate(value=value, low=float(back(forth(value) - half)), high=float(back(forth(value) + half)))
