"""Shares of many groups: whether they differ, and what each is believed to be."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from alignment.shrinkage import chance_of_difference, shrunken, shrunken_estimates


def test_the_test_of_differences_agrees_with_the_chi_squared_one_where_leads_are_many():
    hits, n = np.array([60.0, 75.0, 66.0]), np.array([400.0, 420.0, 380.0])
    expected = chi2_contingency([hits, n - hits], correction=False).pvalue
    assert chance_of_difference(hits, n) == pytest.approx(expected, abs=0.02)


def test_the_test_of_differences_keeps_its_level_where_hits_are_few():
    draw = np.random.default_rng(3)
    n = np.array([10.0, 20.0, 40.0, 80.0, 15.0])
    found = [chance_of_difference(draw.binomial(n.astype(int), 0.03).astype(float), n) for _ in range(300)]
    assert np.mean(np.array(found) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("hits", [np.zeros(3), np.full(3, 9.0)])
def test_groups_that_are_all_alike_do_not_differ(hits):
    assert chance_of_difference(hits, np.full(3, 9.0)) == 1.0


@pytest.mark.parametrize(("n_groups", "scatter"), [(2, 0.5), (3, 0.5), (12, 0.1), (12, 0.5), (40, 0.3)])
def test_shrunken_intervals_cover_the_truth(n_groups, scatter):
    draw = np.random.default_rng(8)
    covered = []
    for _ in range(600 // n_groups):
        truth = 1 / (1 + np.exp(-draw.normal(-1.5, scatter, size=n_groups)))
        n = draw.integers(20, 300, size=n_groups).astype(float)
        told = shrunken_estimates(draw.binomial(n.astype(int), truth).astype(float), n)
        covered.append((told[:, 1] <= truth) & (truth <= told[:, 2]))
    # Groups of one draw are not independent: 3 standard errors of as many draws as there are.
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)


def test_many_small_groups_of_rare_hits_are_not_drawn_towards_a_half():
    draw = np.random.default_rng(9)
    truth = 1 / (1 + np.exp(-draw.normal(-4, 0.5, size=80)))
    n = draw.integers(1, 40, size=80).astype(float)
    told = shrunken_estimates(draw.binomial(n.astype(int), truth).astype(float), n)
    assert told[:, 0].mean() == pytest.approx(truth.mean(), abs=0.01)
    assert np.mean((told[:, 1] <= truth) & (truth <= told[:, 2])) >= 0.9


def test_a_group_without_rows_is_believed_to_be_like_any_other_and_tells_nothing():
    told = shrunken_estimates(np.array([30.0, 10.0, 0.0]), np.array([100.0, 100.0, 0.0]))
    assert told[1, 0] < told[2, 0] < told[0, 0]
    assert told[2, 2] - told[2, 1] > max(told[:2, 2] - told[:2, 1])
    assert np.isnan(shrunken_estimates(np.zeros(2), np.zeros(2))).all()
    without = shrunken_estimates(np.array([30.0, 10.0]), np.full(2, 100.0))
    assert without[:, 0].tolist() == pytest.approx(told[:2, 0].tolist(), rel=0.02)


def test_the_larger_a_group_the_less_it_is_drawn():
    told = shrunken(np.array([1.0, 10.0, 100.0, 50.0, 50.0]), np.array([5.0, 50.0, 500.0, 500.0, 500.0]))
    assert told[0] < told[1] < told[2] < 0.2


def test_where_there_are_no_hits_nor_misses_shares_stay_inside():
    for hits in (0.0, 7.0):
        told = shrunken_estimates(np.full(3, hits), np.full(3, 7.0))
        assert ((told > 0) & (told < 1)).all()


def test_small_groups_are_drawn_to_the_common_share_and_large_ones_keep_theirs():
    told = shrunken(np.array([2.0, 400.0, 100.0, 150.0]), np.array([2.0, 1_000.0, 1_000.0, 1_000.0]))
    assert abs(told[1] - 0.4) < 0.005
    assert abs(told[0] - 0.217) < abs(told[0] - 1.0)


def test_where_groups_differ_by_chance_alone_all_get_about_the_common_share():
    told = shrunken(np.array([10.0, 11.0, 9.0]), np.array([100.0, 100.0, 100.0]))
    assert told == pytest.approx([0.1] * 3, abs=0.01)


def test_shares_are_the_same_with_and_without_their_intervals():
    hits, n = np.array([3.0, 0.0, 0.0, 40.0]), np.array([10.0, 0.0, 7.0, 90.0])
    assert shrunken(hits, n).tolist() == shrunken_estimates(hits, n)[:, 0].tolist()
    assert np.isnan(shrunken(np.zeros(2), np.zeros(2))).all()
