"""Quantiles with intervals that accounts going together widen."""

import numpy as np
import pytest

from alignment.intervals import GROUPS
from alignment.quantiles import quantile_estimate


def test_nothing_has_no_quantile_and_one_value_no_interval():
    nothing, one = (np.zeros(n) for n in (0, 1))
    groups = np.zeros(1, dtype=np.int64)
    assert quantile_estimate(nothing, groups[:0], share=0.5).value is None
    told = quantile_estimate(one + 7, groups, share=0.5)
    assert (told.value, told.low, told.high) == (7.0, None, None)


def test_equal_values_are_known_exactly():
    told = quantile_estimate(np.full(40, 3.0), np.arange(40), share=0.25)
    assert (told.value, told.low, told.high) == (3.0, 3.0, 3.0)


def test_values_that_go_together_widen_the_interval():
    random = np.random.default_rng(1)
    own, shared = random.normal(size=1200), np.repeat(random.normal(size=GROUPS), 1200 // GROUPS)
    groups = np.repeat(np.arange(GROUPS), 1200 // GROUPS)
    apart, together = (quantile_estimate(each, groups, share=0.5) for each in (own, shared + own / 10))
    assert together.high - together.low > 2 * (apart.high - apart.low)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_intervals_of_skewed_values_of_accounts_cover(share):
    random, truth, held = np.random.default_rng(2), -np.log(1 - share), 0
    groups = np.arange(180) % GROUPS
    for _ in range(200):
        told = quantile_estimate(random.exponential(size=180), groups, share=share)
        held += told.low <= truth <= told.high
    assert held >= 0.92 * 200
