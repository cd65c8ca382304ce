"""How many of several events are to be expected, from the probability of each."""

import numpy as np
import numpy.typing as npt

from data_contracts.estimates import Estimate


def expected_count(probabilities: npt.NDArray[np.float64]) -> Estimate:
    """How many of independent events with these probabilities happen: the mean, and where 95 of 100 counts lie.

    The count is Poisson-binomial; its distribution is built up event by event.

    >>> expected_count(np.array([0.5] * 4))
    Estimate(value=2.0, low=0.0, high=4.0)
    """
    distribution = np.ones(1)
    for p in probabilities:
        distribution = np.convolve(distribution, [1 - p, p])
    below = np.cumsum(distribution)
    low, high = (float(np.searchsorted(below, share)) for share in (0.025, 0.975))
    return Estimate(value=float(probabilities.sum()), low=low, high=high)
