"""Quantiles of waiting times: held against statsmodels, and their intervals against what is true."""

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from alignment.intervals import UNKNOWN
from alignment.waiting import Waits, quantiles


def waits(waited, watched, came, groups=None):
    n = len(waited)
    groups = np.arange(n) % 60 if groups is None else groups
    return Waits(np.array(waited), np.array(watched), np.array(came, dtype=bool), np.array(groups, dtype=np.int64))


def drawn(rng, *, n_accounts=60, per_account=4, n_days=600):
    """Leads of accounts that answer at speeds of their own, some watched for a short time only."""
    account = np.repeat(np.arange(n_accounts), per_account)
    speed = np.exp(rng.normal(0, 0.7, n_accounts))[account]
    true = np.floor(rng.exponential(100, len(account)) * speed).astype(np.int64)
    watched = rng.integers(20, n_days, len(account))
    return waits(np.minimum(true, watched), watched, true <= watched, account % 60)


def test_without_rows_nothing_is_known():
    (told,) = quantiles(waits([], [], []), [0.5])
    assert told.time == UNKNOWN


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75])
def test_quantiles_are_those_of_statsmodels(share):
    told = drawn(np.random.default_rng(3))
    (found,) = quantiles(told, [share])
    assert found.time.value == SurvfuncRight(told.waited, told.came.astype(int)).quantile(share)
    assert not found.is_least
    assert found.time.low <= found.time.value <= found.time.high


def test_what_is_not_reached_is_at_least_as_long_as_was_watched():
    (told,) = quantiles(waits([1, 50, 60, 70], [50, 50, 60, 70], [True, False, False, False]), [0.9])
    assert told.is_least
    assert (told.time.value, told.time.high) == (60.0, None), "for so long, half of the four were watched"
    (never,) = quantiles(waits([5, 9], [5, 9], [False, False]), [0.5])
    assert (never.time.value, never.time.low, never.is_least) == (9.0, 9.0, True)


def test_one_row_that_was_watched_for_longest_does_not_make_the_curve():
    late = [(5_000, 6_000, True), *((100, 100, False) for _ in range(30)), (5, 100, True)]
    (told,) = quantiles(waits(*zip(*late, strict=True)), [0.5])
    assert (told.time.value, told.is_least) == (100.0, True)


def test_rows_count_until_the_end_of_their_watch_and_answers_come_before_it():
    (told,) = quantiles(waits([1, 1, 3, 11], [11, 1, 7, 11], [True, False, True, False]), [0.5])
    assert told.time.value == 3.0  # 1 - 3/4 * 1/2


def test_leads_of_one_account_say_less_than_as_many_accounts():
    rng = np.random.default_rng(5)
    speed = np.repeat(np.exp(rng.normal(0, 1.5, 20)), 20)
    true = np.floor(rng.exponential(100, 400) * speed).astype(np.int64)
    alone = waits(true, true + 5000, np.ones(400), np.arange(400) % 60)
    together = waits(true, true + 5000, np.ones(400), np.repeat(np.arange(20), 20))
    widths = [found.time.high - found.time.low for (found,) in (quantiles(each, [0.5]) for each in (alone, together))]
    assert widths[1] > 1.5 * widths[0]


def test_intervals_hold_the_true_median_about_as_often_as_they_say():
    rng = np.random.default_rng(11)
    many = drawn(rng, n_accounts=60_000, n_days=10_000_000)
    truth = float(np.median(many.waited))
    inside = 0
    for _ in range(200):
        (told,) = quantiles(drawn(rng), [0.5])
        inside += told.time.low <= truth and (told.time.high is None or truth <= told.time.high)
    assert 0.9 <= inside / 200 <= 0.99
