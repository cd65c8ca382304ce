"""Medians and quartiles of a few moments or counts a lead, with the interval that accounts going together leaves."""

import numpy as np

from alignment.intervals import UNKNOWN, Floats, Integers, spread, sums_by_group, wilson, without_each
from data_contracts.estimates import Estimate


def quantile_estimate(values: Floats, groups: Integers, *, share: float) -> Estimate:
    """The value that `share` of `values` do not exceed, between two of them its part, with its 95 % interval.

    The interval is that of the share, read back as values (Woodruff, 1952, J Am Stat Assoc 47:635): Wilson's, for as
    many independent values as the jackknife says that they are worth. It has no meaning, and is missing, for one value.

    Parameters
    ----------
    values
        None of them missing.
    groups
        The jackknife group of each value's account.
    """
    n = len(values)
    if not n:
        return UNKNOWN
    value = float(np.quantile(values, share))
    if n == 1:
        return Estimate(value=value, low=None, high=None)
    others = without_each(sums_by_group(groups, values <= value, np.ones(n)))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = spread(others[:, 0] / others[:, 1])
    worth = min(n, share * (1 - share) / error**2) if error > 0 else n
    low, high = np.quantile(values, wilson(share, max(worth, 1.0)))
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))
