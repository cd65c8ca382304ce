import numpy as np
import pytest

from models.overlap import MOST_EXTREME_WEIGHTS, contact_weights, effective_size, overlap_of


def drawn(seed: int = 0, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Chances of contact and who was contacted, just as the chances say."""
    random = np.random.default_rng(seed)
    chance = random.uniform(0.05, 0.6, n)
    return chance, random.random(n) < chance


def test_weighted_contacted_leads_look_like_all_leads():
    chance, contacted = drawn()
    weight = contact_weights(chance, contacted)
    assert np.average(chance, weights=weight) == pytest.approx(chance.mean(), abs=0.02)
    assert chance[contacted].mean() > chance.mean() + 0.05, "without weights they do not"


def test_weights_are_about_1_and_none_is_extreme():
    chance, contacted = drawn()
    chance[:2], contacted[:2] = (1e-9, 1 - 1e-9), True
    weight = contact_weights(chance, contacted)[contacted]
    assert weight.mean() == pytest.approx(1, abs=0.05)
    plain = contacted.mean() / chance[contacted]
    assert weight.max() == np.quantile(plain, 1 - MOST_EXTREME_WEIGHTS)
    assert weight.min() == np.quantile(plain, MOST_EXTREME_WEIGHTS)


def test_who_was_not_contacted_stands_for_nobody():
    chance, contacted = drawn()
    assert (contact_weights(chance, contacted)[~contacted] == 0).all()


def test_unequal_weights_tell_less_than_their_number():
    assert effective_size(np.full(50, 0.3)) == pytest.approx(50)
    assert effective_size(np.array([9.0, 1.0])) == pytest.approx((9 + 1) ** 2 / (81 + 1))


def test_leads_are_unlike_where_of_those_with_so_low_a_chance_hardly_any_was_contacted():
    chance = np.repeat([0.10, 0.20, 0.60], 100)
    contacted = np.concatenate([np.arange(100) < n for n in (1, 3, 60)])
    assert overlap_of(chance, contacted).is_unlike.tolist() == [True] * 100 + [False] * 200
    contacted[100] = False
    assert overlap_of(chance, contacted).is_unlike.tolist() == [True] * 200 + [False] * 100


def test_the_level_of_the_chances_does_not_make_leads_unlike():
    chance = np.repeat([0.001, 0.002], 100)
    assert not overlap_of(chance, np.tile([True, False], 100)).is_unlike.any()


def test_leads_of_one_chance_are_unlike_together_or_not_at_all():
    contacted = np.arange(100) >= 70
    assert not overlap_of(np.full(100, 0.3), contacted).is_unlike.any()


def test_where_contact_is_by_chance_hardly_a_lead_is_unlike_or_thin():
    random = np.random.default_rng(1)
    overlap = overlap_of(random.uniform(0.28, 0.32, 3_000), random.random(3_000) < 0.3)
    assert overlap.is_unlike.mean() < 0.01
    assert (overlap.thin_below, overlap.is_thin.sum()) == (0.0, 0)


def test_leads_are_thin_where_a_mean_over_all_is_more_precise_without_them():
    chance = np.array([0.01, *[0.5] * 8])
    overlap = overlap_of(chance, np.arange(9) > 4)
    # With it the variance goes with (100 + 8 * 2) / 9**2, without with 8 * 2 / 8**2.
    assert overlap.is_thin.tolist() == [True] + [False] * 8
    assert overlap.thin_below == 0.5


def test_two_chances_that_differ_little_are_both_kept():
    assert overlap_of(np.array([0.3, 0.5, 0.5]), np.array([True, False, True])).thin_below == 0.0
