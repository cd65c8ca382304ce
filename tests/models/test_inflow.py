import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.inflow import TREND_WEEKS, Trend, trend_of

EQUAL = np.full(4, 0.25)


def test_growth_is_that_of_the_coming_week_over_the_weighted_mean_of_those_before():
    """Doubling each week from 1: 1, 2, 4, 8, and 16 comes next. The mean of the four is 15 / 4."""
    assert Trend(np.log(2), 0.0).growth(EQUAL) == pytest.approx(16 / (15 / 4))
    assert Trend(np.log(2), 0.0).growth(np.array([0.0, 0.0, 0.0, 1.0])) == pytest.approx(2)


def test_without_a_trend_the_coming_week_is_as_those_before():
    assert Trend(0.0, 0.1).growth(EQUAL) == 1.0


def test_a_clear_trend_is_found_and_hardly_shrunk():
    found = trend_of(np.round(100 * 1.1 ** np.arange(TREND_WEEKS)).astype(np.int64))
    assert found.weekly == pytest.approx(np.log(1.1), rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_drawn_to_no_trend(seed: int):
    counts = np.random.default_rng(seed).poisson(200, TREND_WEEKS)
    assert abs(trend_of(counts).weekly) < 0.03


@pytest.mark.parametrize("counts", [[0] * TREND_WEEKS, [5, 6, 7]])
def test_nothing_or_too_few_weeks_have_no_trend(counts: list[int]):
    assert trend_of(np.array(counts, dtype=np.int64)) == Trend(0.0, 0.0)


@given(st.lists(st.integers(0, 1_000), min_size=TREND_WEEKS, max_size=TREND_WEEKS))
def test_whatever_came_the_trend_is_a_number_and_never_steeper_than_what_was_seen(counts: list[int]):
    found = trend_of(np.array(counts, dtype=np.int64))
    assert np.isfinite(found.weekly)
    assert np.isfinite(found.growth(EQUAL))
