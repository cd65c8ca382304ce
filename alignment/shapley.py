"""How a change of several factors divides among them, whatever order they are looked at in."""

from collections.abc import Callable
from itertools import combinations
from math import factorial

import numpy as np

from alignment.intervals import Floats


def shapley_parts(value: Callable[[Floats], Floats], before: Floats, after: Floats) -> Floats:
    """What each factor's change from `before` to `after` adds to `value`; the parts add up to the whole change.

    A factor's part is the mean, over all orders in which the factors can change one after the other, of what its own
    change does (Shapley, 1953; for decompositions, Shorrocks, 2013, J Econ Inequal 11:99). Unlike with logarithms
    (Ang, 2004, Energy Policy 32:1131), a factor may be 0.

    Parameters
    ----------
    value
        Of factors, one row each, to one figure a column.
    before, after
        The factors: one row each, one column a replicate.

    Examples
    --------
    >>> half = shapley_parts(lambda x: x[0] * x[1], np.array([[2.0], [3.0]]), np.array([[4.0], [5.0]]))
    >>> half.ravel().tolist()  # 4 x 5 - 2 x 3 = 2 x (3 + 5) / 2 + 2 x (2 + 4) / 2
    [8.0, 6.0]
    """
    n = len(before)
    parts = np.zeros(before.shape)
    for size in range(n):
        weight = factorial(size) * factorial(n - size - 1) / factorial(n)
        for changed in combinations(range(n), size):
            here = before.copy()
            here[list(changed)] = after[list(changed)]
            for factor in set(range(n)) - set(changed):
                there = here.copy()
                there[factor] = after[factor]
                parts[factor] += weight * (value(there) - value(here))
    return parts
