"""What comes of those that wait and those to come, from incidences that are drawn anew."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.incidence import Followed
from alignment.intervals import GROUPS
from alignment.milestones import milestones_of
from alignment.plan_curves import (
    QUARTER_DAYS,
    DrawnCurve,
    account_weights,
    chances_of_waiting,
    drawn_curve,
    open_leads,
    quarterly_drift,
)
from data_contracts.metrics.funnel import Milestone, Step


def curve(reached, ended=None) -> DrawnCurve:
    reached = np.atleast_2d(np.asarray(reached, dtype=np.float64))
    ended = np.zeros_like(reached) if ended is None else np.atleast_2d(np.asarray(ended, dtype=np.float64))
    return DrawnCurve(reached, ended, np.ones(len(reached)), None, n=10, n_reached=5, is_at_plateau=True)


def test_beyond_what_was_watched_the_share_stays_as_it_is():
    assert curve([0.1, 0.3]).by_day(4).tolist() == [[0.1, 0.3, 0.3, 0.3]]
    assert curve([0.1, 0.3]).by_day(1).tolist() == [[0.1]]
    assert curve(np.zeros((1, 0))).by_day(2).tolist() == [[0.0, 0.0]]


def test_one_lead_a_day_gathers_what_each_has_left():
    assert curve([0.1, 0.3]).gathered(3)[0] == pytest.approx([0, 0.1, 0.1 + 0.3, 0.1 + 0.3 + 0.3])


def test_who_waited_goes_on_as_those_that_were_still_open_then():
    """0.2 of all went on and 0.4 ended before day 2: of 0.4 that are open, 0.1 and 0.1 go on in the next two days."""
    one = curve([0.0, 0.1, 0.2, 0.3, 0.4, 0.4], ended=[0.0, 0.2, 0.4, 0.4, 0.4, 0.4])
    assert chances_of_waiting(one, None, np.array([2]), days=2)[0, 0] == pytest.approx((0.4 - 0.2) / (1 - 0.2 - 0.4))
    assert chances_of_waiting(one, None, np.array([4, 5, 9]), days=30)[0].tolist() == [0, 0, 0]
    assert chances_of_waiting(one, None, np.array([0]), days=0)[0].tolist() == [0]


def test_what_follows_has_the_days_that_are_left():
    """It goes on in the first or the second day. Of three days, two or one are left then, and half a day more."""
    first, then = curve([0.0, 0.5, 0.8, 0.8]), curve([0.1, 0.2, 0.6, 0.9])
    chance = chances_of_waiting(first, then, np.array([0]), days=3)[0, 0]
    assert chance == pytest.approx(0.5 * 0.6 + 0.3 * 0.2)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
    st.integers(0, 40),
)
def test_a_chance_lies_between_none_and_one_and_grows_with_the_days(steps, then, days):
    reached = np.cumsum(steps) / max(sum(steps), 1)
    onward = np.cumsum(then) / max(sum(then), 1)
    waited = np.arange(35)
    told = chances_of_waiting(curve(reached), curve(onward), waited, days=days)
    later = chances_of_waiting(curve(reached), curve(onward), waited, days=days + 1)
    assert ((told >= 0) & (told <= 1)).all()
    assert (later >= told - 1e-9).all()


def test_weights_are_even_as_measured_and_no_group_is_ever_left_out():
    weights = account_weights(np.array([0, 3, 3, 7]), n_draws=50, random=np.random.default_rng(0))
    assert weights.shape == (51, GROUPS)
    assert weights[0].tolist() == [1.0 if group in (0, 3, 7) else 0.0 for group in range(GROUPS)]
    assert (weights[:, [0, 3, 7]] > 0).all()
    assert weights.sum(axis=1) == pytest.approx([3] * 51)


def quarters_of(shares, *, n=2000):
    """Leads of one quarter after the other, all won at once or never, as many as its share says."""
    watched = np.repeat((np.arange(len(shares)) + 1) * QUARTER_DAYS - 1, n)
    reached = np.concatenate([np.arange(n) < round(share * n) for share in shares])
    return Followed(np.where(reached, 0, watched), watched, reached, ~reached, np.zeros(len(watched), dtype=np.int64))


def test_rates_that_differ_between_quarters_beyond_chance_are_a_drift():
    curve_of = np.full(QUARTER_DAYS * 8, 0.10)
    assert quarterly_drift(quarters_of([0.1] * 4), curve_of) == 0
    drift = quarterly_drift(quarters_of([0.08, 0.12, 0.08, 0.12]), curve_of)
    # A fifth of the rate up and down, times 4/3 for one mean, less the chance of 200 customers a quarter.
    assert drift == pytest.approx((0.2**2 * 4 / 3 - 1 / 200) ** 0.5)


def test_of_two_quarters_nobody_knows_how_rates_change():
    assert quarterly_drift(quarters_of([0.05, 0.2]), np.full(400, 0.1)) is None
    assert quarterly_drift(quarters_of([0.05, 0.2]), np.zeros(0)) is None


def test_a_market_moves_the_draws_and_not_what_was_measured(make_history, settings):
    at = dt.datetime(2026, 12, 31)
    leads, changes = [], []
    for nth in range(720):
        came = at - dt.timedelta(days=nth / 2 + 0.5)
        leads.append({"lead_id": str(nth), "created_at": came})
        if nth % (3 if nth // 180 % 2 else 12) == 0:
            changes.append({"lead_id": str(nth), "stage": "won", "entered_at": came})
    milestones = milestones_of(make_history({"leads": leads, "stage_changes": changes}), settings)
    weights = np.ones((4, GROUPS))
    told = drawn_curve(milestones, Step.LEAD_TO_CUSTOMER, weights, np.array([2.0, -1.0, 0.0, 1.0]))
    assert told.drift > 0.3
    assert told.swing[0] == 1
    assert told.swing[1:] == pytest.approx(np.exp(told.drift * np.array([-1, 0, 1]) - told.drift**2 / 2))
    assert (told.n, told.n_reached) == (720, 2 * 180 // 3 + 2 * 180 // 12)


def test_open_leads_wait_at_the_furthest_milestone_that_they_reached(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": name, "created_at": "2026-10-01 00:00"} for name in "ABCDEFG"],
            "stage_changes": [
                {"lead_id": name, "stage": stage, "entered_at": at}
                for name, stage, at in [
                    ("B", "mql", "2026-11-01 12:00"),
                    ("C", "opportunity", "2026-12-01"),
                    ("D", "mql", "2026-11-01"),
                    ("D", "nurture", "2026-12-01"),
                    ("E", "disqualified", "2026-12-01"),
                    ("F", "won", "2026-12-01"),
                ]
            ],
            "unsettled": [{"lead_id": "G", "stage": "won", "reason": "deal_undated", "is_ending": "true"}],
        }
    )
    rows = open_leads(milestones_of(history, settings)).to_dict("records")
    assert [(row["lead_id"], row["milestone"], row["waited"]) for row in rows] == [
        ("A", Milestone.LEAD, 30 + 30 + 31),
        ("B", Milestone.MQL, 29 + 30),
        ("C", Milestone.OPPORTUNITY, 30),
        ("D", Milestone.MQL, 29 + 31),
    ]
