"""What hand-offs brought in a week, with what nobody knows beside it."""

import numpy as np
import pandas as pd
import pytest

from serving.shadow_figures import Weeks, shadow_figure

ONE_WEEK = Weeks(1, frozenset({0}), 1.0)


def side(*outcomes: str, first: int = 0, week: int = 0, p: float = 0.5) -> pd.DataFrame:
    """Leads with these outcomes, numbered from `first`."""
    number = np.arange(first, first + len(outcomes))
    return pd.DataFrame(
        {
            "snapshot_id": number,
            "lead_id": [f"L{one}" for one in number],
            "group_id": [f"L{one}" for one in number],
            "week": week,
            "p_first": p,
            "outcome": outcomes,
            "won_outcome": outcomes,
            "revenue": [100.0 if outcome == "converted" else 0.0 for outcome in outcomes],
        }
    )


YES, NO, UNKNOWN, YOUNG = "converted", "not_converted", "never_contacted", "censored"


def figure_of(rule, model, *, measured="SQLs", weeks=ONE_WEEK):
    return shadow_figure(measured, rule, model, weeks=weeks, seed=0)


def test_unknown_leads_stand_beside_what_is_known():
    told = figure_of(side(YES, YES, NO, UNKNOWN), side(YES, NO, UNKNOWN, UNKNOWN, UNKNOWN, first=10))
    assert (told.rule.known, told.rule.unknown) == pytest.approx((2.0, 1.0))
    assert (told.model.known, told.model.unknown) == pytest.approx((1.0, 3.0))
    assert told.known.value == pytest.approx(1 - 2)


def test_the_bounds_let_unknown_leads_fail_on_one_side_and_succeed_on_the_other():
    told = figure_of(side(YES, YES, NO, UNKNOWN), side(YES, NO, UNKNOWN, UNKNOWN, UNKNOWN, first=10))
    assert told.worst.value == pytest.approx(1 - (2 + 1))
    assert told.best.value == pytest.approx((1 + 3) - 2)


def test_a_lead_that_is_unknown_on_both_sides_moves_no_bound():
    told = figure_of(side(YES, UNKNOWN), side(UNKNOWN, UNKNOWN, first=1))
    assert (told.rule.unknown, told.model.unknown) == pytest.approx((1.0, 2.0))
    assert told.worst.value == pytest.approx(0 - 1)
    assert told.best.value == pytest.approx((0 + 1) - 1)


def test_if_unknown_leads_are_alike_they_bring_what_known_ones_of_their_band_bring():
    good, bad = side(*[YES] * 30, *[NO] * 10, p=0.9), side(*[YES] * 10, *[NO] * 30, first=100, p=0.1)
    rule = pd.concat([good, bad, side(*[UNKNOWN] * 20, first=200, p=0.1)], ignore_index=True)
    model = pd.concat([good, bad, side(*[UNKNOWN] * 20, first=300, p=0.9)], ignore_index=True)
    told = figure_of(rule, model)
    assert told.rule.if_alike.value == pytest.approx(30 + 10 + 20 * 10 / 40)
    assert told.model.if_alike.value == pytest.approx(30 + 10 + 20 * 30 / 40)
    assert told.if_alike.value == pytest.approx(20 * 30 / 40 - 20 * 10 / 40)
    assert told.breaks_even == pytest.approx(1 - told.if_alike.value / (20 * 30 / 40))
    assert 0 < told.if_alike.low < told.if_alike.value < told.if_alike.high


def test_weeks_that_are_too_young_count_nowhere():
    rule = pd.concat([side(YES, NO), side(YOUNG, YOUNG, YES, first=10, week=1)], ignore_index=True)
    weeks = Weeks(2, frozenset({0}), 1.0)
    told = figure_of(rule, rule, weeks=weeks)
    assert (told.n_weeks, told.n_immature_weeks, told.rule.known) == (1, 1, pytest.approx(1.0))
    assert figure_of(rule, rule, weeks=Weeks(2, frozenset(), 1.0)) is None


def test_both_sides_are_resampled_together_so_that_the_same_leads_differ_in_nothing():
    same = side(*[YES, NO, UNKNOWN] * 20)
    told = figure_of(same, same)
    assert (told.if_alike.low, told.if_alike.high) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_a_sample_of_the_accounts_stands_for_all_of_them():
    whole = figure_of(side(YES, NO), side(YES, YES, first=10))
    half = figure_of(side(YES, NO), side(YES, YES, first=10), weeks=Weeks(1, frozenset({0}), 0.5))
    assert half.known.value == pytest.approx(2 * whole.known.value)


def test_revenue_is_what_was_won_and_has_no_bounds():
    told = figure_of(side(YES, NO, UNKNOWN), side(YES, YES, UNKNOWN, first=10), measured="revenue")
    assert (told.rule.known, told.model.known, told.worst, told.best) == (100.0, 200.0, None, None)
    assert told.rule.if_alike.value == pytest.approx(100 + 300 / 4)


def test_nothing_is_said_where_nobody_was_called():
    assert figure_of(side(UNKNOWN), side(UNKNOWN, first=3)) is None
