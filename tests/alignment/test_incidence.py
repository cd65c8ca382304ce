"""Cumulative incidence: what statsmodels says of the same days, and what is known of few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from alignment.incidence import Followed, incidence, redrawn
from alignment.intervals import GROUPS


def followed(days, fates, *, watched=None, groups=None) -> Followed:
    """`fates`: 1 reached, 2 ended, 0 open; watched until the last day of all, but for the open ones."""
    days, fates = np.asarray(days, dtype=np.int64), np.asarray(fates)
    last = days.max(initial=0)
    known = np.where(fates == 0, days, last) if watched is None else np.asarray(watched)
    own = np.arange(len(days)) % GROUPS if groups is None else np.asarray(groups)
    return Followed(days, known.astype(np.int64), fates == 1, fates == 2, own.astype(np.int64))


cohorts = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0, 1, 2])), min_size=20, max_size=60)


@given(cohorts)
def test_the_incidence_is_that_of_statsmodels(cohort):
    days, fates = map(np.array, zip(*cohort, strict=True))
    if not (fates == 1).any():
        return
    told = incidence(followed(days, fates))
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = CumIncidenceRight(days.astype(float), fates)
    for day, share in zip(theirs.times, theirs.cinc[0], strict=True):
        assert told.curve[int(day)] == pytest.approx(share, abs=1e-9)


@given(cohorts)
def test_it_never_falls_and_never_exceeds_one(cohort):
    days, fates = zip(*cohort, strict=True)
    curve = incidence(followed(days, fates)).curve
    assert (np.diff(curve) >= -1e-12).all()
    assert curve[-1] <= 1 + 1e-12


def test_without_open_leads_it_is_the_plain_share():
    told = incidence(followed([0, 3, 3, 9], [1, 1, 2, 2], watched=[30] * 4))
    assert told.within(1).value == pytest.approx(1 / 4)
    assert told.within(4).value == pytest.approx(2 / 4)
    assert told.within(30).value == pytest.approx(2 / 4)


def test_all_that_are_resolved_are_watched_for_as_long_as_the_others():
    told = incidence(followed([1] * 30, [1] * 15 + [2] * 15, watched=[100] * 30))
    assert told.within(90).value == pytest.approx(0.5)


def test_beyond_what_was_watched_nothing_is_known():
    told = incidence(followed([5] * 20, [0] * 20))
    assert told.within(6).value == 0.0
    assert told.within(7).value is None
    nobody = incidence(followed([], []))
    assert nobody.within(1).value is None
    assert nobody.quantile(0.5) is None
    assert not nobody.is_at_plateau


def test_a_lead_watched_longest_says_nothing_alone():
    days, fates = [5] * 30 + [80], [0] * 30 + [1]
    told = incidence(followed(days, fates))
    assert told.last_day == 5
    assert told.within(80).value is None


def test_a_quantile_is_of_those_that_ever_get_there():
    """Half of twenty get there, two a day on days 0 to 4: half of these have by the middle of day 2."""
    days = [day for day in range(5) for _ in range(2)] + [4] * 10
    told = incidence(followed(days, [1] * 10 + [2] * 10, watched=[60] * 20))
    assert told.quantile(0.5) == pytest.approx(2.5)
    assert told.quantile(1.0) == pytest.approx(5.0)
    assert told.is_at_plateau


def test_where_it_still_rises_it_is_at_no_plateau():
    days = list(range(40))
    assert not incidence(followed(days, [1] * 40)).is_at_plateau
    assert not incidence(followed([3] * 20, [2] * 20)).is_at_plateau


def test_its_interval_is_over_groups_of_accounts():
    """Two groups that fare the opposite way: leaving either out turns the figure round."""
    days, fates = [1] * 40, [1] * 20 + [2] * 20
    alike = incidence(followed(days, fates, watched=[9] * 40)).within(5)
    split = incidence(followed(days, fates, watched=[9] * 40, groups=[0] * 20 + [1] * 20)).within(5)
    assert alike.value == split.value == pytest.approx(0.5)
    assert split.high - split.low > 2 * (alike.high - alike.low)


def test_the_interval_covers_the_truth_where_half_of_the_leads_are_still_open_and_the_plain_share_does_not():
    """Reaching and ending at constant rates, leads that entered over 60 days, 200 cohorts of 500."""
    random = np.random.default_rng(11)
    reach, end, horizon = 1 / 40, 1 / 60, 30
    truth = reach / (reach + end) * (1 - np.exp(-(reach + end) * horizon))
    covered, plain = [], []
    for _ in range(200):
        when = random.exponential(1 / (reach + end), 500)
        is_reached = random.random(500) < reach / (reach + end)
        watched = random.uniform(0, 60, 500)
        fates = np.where(when > watched, 0, np.where(is_reached, 1, 2))
        days = np.floor(np.minimum(when, watched))
        told = incidence(followed(days, fates, watched=np.floor(watched))).within(horizon)
        covered.append(told.low <= truth <= told.high)
        plain.append(((fates == 1) & (days < horizon)).mean())
    assert 0.91 <= np.mean(covered) <= 0.99
    assert np.mean(plain) < 0.85 * truth


@given(cohorts)
def test_drawn_anew_with_equal_weights_it_is_the_same_and_the_ends_and_the_open_make_up_the_whole(cohort):
    days, fates = zip(*cohort, strict=True)
    told = followed(days, fates)
    drawn = redrawn(told, np.ones((2, GROUPS)))
    assert drawn.reached.shape == drawn.ended.shape == (2, incidence(told).last_day + 1)
    assert drawn.reached[1] == pytest.approx(incidence(told).curve[: drawn.reached.shape[1]])
    swapped = Followed(told.days, told.watched, told.ended, told.reached, told.groups)
    assert drawn.ended[0] == pytest.approx(incidence(swapped).curve[: drawn.ended.shape[1]])
    assert (drawn.reached + drawn.ended <= 1 + 1e-9).all()


def test_a_group_that_weighs_double_counts_as_if_it_were_there_twice():
    days, fates, groups = [1] * 40, [1] * 20 + [2] * 20, [0] * 20 + [1] * 20
    weights = np.zeros((1, GROUPS))
    weights[0, :2] = [2, 1]
    drawn = redrawn(followed(days, fates, watched=[9] * 40, groups=groups), weights)
    assert drawn.reached[0, 4] == pytest.approx(2 * 20 / (2 * 20 + 20))
    assert redrawn(followed([], []), weights).reached.shape == (1, 0)
