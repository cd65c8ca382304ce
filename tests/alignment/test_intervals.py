"""Intervals of shared numbers: accounts are the unit, and shares stay shares."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from alignment.intervals import (
    GROUPS,
    account_groups,
    difference_estimate,
    ratio_estimate,
    share_estimate,
    spread,
    sums_by_group,
    wilson,
    without_each,
)


def shares_of(hits: np.ndarray, groups: np.ndarray) -> tuple[float, np.ndarray]:
    sums = sums_by_group(groups, hits, np.ones(len(hits)))
    others = without_each(sums)
    return float(hits.mean()), others[:, 0] / others[:, 1]


def test_leads_of_one_account_are_in_one_group_in_every_run():
    accounts = pd.Series([f"A{n % 500}" for n in range(2_000)])
    groups = account_groups(accounts)
    assert groups.min() >= 0
    assert groups.max() < GROUPS
    assert pd.Series(groups).groupby(accounts).nunique().max() == 1
    assert (account_groups(accounts[::-1].reset_index(drop=True))[::-1] == groups).all()


def test_few_accounts_are_a_group_each():
    assert account_groups(pd.Series(["b", "a", "b", "c"])).tolist() == [1, 0, 1, 2]


def test_groups_without_rows_give_no_replicate():
    sums = sums_by_group(np.array([0, 0, 2]), np.array([1.0, 2.0, 4.0]))
    assert without_each(sums).tolist() == [[7.0 - 3.0], [7.0 - 4.0]]


def test_wilson_is_that_of_statsmodels():
    for hits, n in ((0, 10), (3, 17), (90, 100), (5, 5)):
        assert wilson(hits / n, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-12)


def test_where_all_leads_of_an_account_fare_alike_the_interval_is_that_of_accounts():
    random = np.random.default_rng(1)
    fates = (random.random(600) < 0.3).astype(float)
    accounts = pd.Series(np.repeat([f"A{n}" for n in range(600)], 10))
    share, replicates = shares_of(np.repeat(fates, 10), account_groups(accounts))
    told = share_estimate(share, replicates, n=6_000)
    low, high = wilson(share, 600)
    assert told.high - told.low == pytest.approx(high - low, rel=0.25)
    low_of_leads, high_of_leads = wilson(share, 6_000)
    assert told.high - told.low > 2 * (high_of_leads - low_of_leads)


def test_a_share_of_nothing_is_unknown_and_one_of_none_has_the_interval_of_its_leads():
    assert share_estimate(float("nan"), np.zeros(0), n=0).value is None
    told = share_estimate(0.0, np.zeros(10), n=10)
    assert (told.low, told.high) == wilson(0.0, 10)


@pytest.mark.parametrize("p", [0.02, 0.3])
def test_the_interval_of_a_share_covers_the_truth(p):
    """Accounts of one to five leads that mostly fare alike; 300 samples, so that 95 % is within 92 to 98."""
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        sizes = random.integers(1, 6, size=400)
        fates = random.random(400) < p
        own = random.random(sizes.sum()) < p
        alike = random.random(sizes.sum()) < 0.7
        hits = np.where(alike, np.repeat(fates, sizes), own).astype(float)
        accounts = pd.Series(np.repeat(np.arange(400).astype(str), sizes))
        share, replicates = shares_of(hits, account_groups(accounts))
        told = share_estimate(share, replicates, n=len(hits))
        covered += told.low <= p <= told.high
    assert 0.92 <= covered / 300 <= 0.98


def test_a_ratio_has_an_interval_on_its_logarithm():
    sums = np.array([[100.0, 1.0], [110.0, 1.0], [90.0, 1.0], [100.0, 1.0]])
    told = ratio_estimate(sums)
    assert told.value == 400 / 4
    assert told.low * told.high == pytest.approx(100.0**2)
    assert 0 < told.low < 100 < told.high
    assert ratio_estimate(np.array([[0.0, 1.0], [0.0, 2.0]])).value is None
    assert ratio_estimate(np.array([[5.0, 0.0]])).value is None


def test_a_difference_lies_around_its_value_and_one_account_gives_no_interval():
    told = difference_estimate(2.0, np.array([1.9, 2.1, 2.0]))
    assert told.high - 2.0 == pytest.approx(2.0 - told.low)
    alone = difference_estimate(2.0, np.array([2.0]))
    assert (alone.value, alone.low, alone.high) == (2.0, None, None)
    assert np.isnan(spread(np.array([2.0])))
