"""Two shares against each other, held against other people's code and against chance."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from alignment.two_shares import Share, adjusted_difference, chance_of, difference_of, share_of


def test_the_interval_is_newcombes_and_the_chance_that_of_the_score_test():
    first, second = Share(30, 100, 100.0), Share(45, 230, 230.0)
    told = difference_of(first, second)
    low, high = confint_proportions_2indep(30, 100, 45, 230, method="newcomb")
    assert (told.low, told.high) == pytest.approx((low, high), abs=1e-6)
    assert chance_of(first, second) == pytest.approx(proportions_ztest([30, 45], [100, 230])[1])


def test_no_hits_still_have_an_interval_and_few_leads_no_chance():
    told = difference_of(Share(0, 30, 30.0), Share(10, 100, 100.0))
    assert told.low < -0.1 < told.high < 0.1
    assert chance_of(Share(0, 30, 30.0), Share(10, 100, 100.0)) is None
    assert difference_of(Share(0, 0, 0.0), Share(10, 100, 100.0)).value is None
    assert chance_of(Share(0, 0, 0.0), Share(10, 100, 100.0)) is None


def test_a_share_is_worth_no_more_than_the_leads_of_its_accounts():
    random = np.random.default_rng(1)
    groups = random.integers(0, 60, 600)
    hits = random.random(600) < 0.4
    everyone = np.ones(600, dtype=bool)
    alone = share_of(everyone, hits, groups)
    rows = np.repeat(np.arange(600), 10)
    with_twins = share_of(everyone[rows], hits[rows], groups[rows])
    assert alone.value == with_twins.value
    assert with_twins.worth == pytest.approx(alone.worth, rel=0.2)
    assert share_of(everyone[rows] & (groups[rows] < 2), hits[rows], groups[rows]).worth < 10 * 40


@pytest.mark.parametrize("seed", [0, 1])
def test_the_adjusted_difference_is_that_of_mantel_and_haenszel(seed):
    random = np.random.default_rng(seed)
    n = 900
    strata, rows = random.integers(0, 5, n), random.random(n) < 0.4
    hits = random.random(n) < 0.2 + 0.1 * rows + 0.1 * strata
    told = adjusted_difference(rows, ~rows, hits, strata=strata, groups=random.integers(0, 60, n))
    by_hand = [
        (weight := (here & rows).sum() * (here & ~rows).sum() / here.sum())
        * (hits[here & rows].mean() - hits[here & ~rows].mean())
        + 1j * weight
        for here in (strata == each for each in range(5))
    ]
    assert told.difference.value == pytest.approx(sum(by_hand).real / sum(by_hand).imag)
    tables = [
        np.array([[np.sum(here & side & (hits == hit)) for hit in (True, False)] for side in (rows, ~rows)])
        for here in (strata == each for each in range(5))
    ]
    theirs = StratifiedTable(tables).test_null_odds().pvalue
    assert (told.chance < 0.05) == (theirs < 0.05)
    assert told.n_compared == n


def test_strata_with_one_side_alone_compare_nothing():
    rows = np.array([True, True, False, False])
    told = adjusted_difference(rows, ~rows, rows, strata=np.array([0, 0, 1, 1]), groups=np.array([0, 1, 2, 3]))
    assert (told.difference.value, told.n_compared, told.chance) == (None, 0, None)


def test_the_adjusted_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(7)
    n, covered = 600, 0
    for _ in range(100):
        strata, rows = random.integers(0, 8, n), random.random(n) < 0.5
        hits = random.random(n) < 0.2 + 0.1 * rows + 0.05 * strata
        told = adjusted_difference(rows, ~rows, hits, strata=strata, groups=random.integers(0, 60, n)).difference
        covered += told.low <= 0.1 <= told.high
    assert 88 <= covered <= 100
