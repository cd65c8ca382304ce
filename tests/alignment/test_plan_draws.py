"""A plan simulated: chance alone, amounts, and how much more it takes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from alignment.plan_curves import ONWARD, DrawnCurve
from alignment.plan_draws import MANY, Amounts, Window, drawn_estimate, needed_customers, outcome, under_way
from data_contracts.metrics.funnel import Milestone, Step

N = 20_000


def random() -> np.random.Generator:
    return np.random.default_rng(1)


def amounts(values, shares=None, *, n_draws=N) -> Amounts:
    shares = np.full(len(values), 1 / len(values)) if shares is None else np.asarray(shares)
    return Amounts(np.asarray(values, dtype=np.float64), np.tile(shares, (n_draws + 1, 1)))


@pytest.mark.parametrize("expected", [3.0, 8.0, 20.0])
def test_a_flow_is_enough_as_often_as_so_many_customers_come_by_chance(expected):
    """8 are missing. They come as often as a Poisson number is 8 or more."""
    needed = needed_customers(np.full(N + 1, 8.0), None, random())
    assert (needed[1:] <= expected).mean() == pytest.approx(poisson.sf(7, expected), abs=0.01)
    assert needed[0] == 8


def test_nothing_is_needed_where_nothing_is_missing():
    assert needed_customers(np.array([-1.0, 0.0, -3.0]), None, random()).tolist() == [0, 0, 0]
    assert needed_customers(np.array([-1.0, 0.0, -3.0]), amounts([5.0], n_draws=2), random()).tolist() == [0, 0, 0]


def test_a_part_of_a_customer_takes_a_whole_one():
    """A draw counts whole customers: 2.5 are missing until the third has come. As measured it is 2.5."""
    needed = needed_customers(np.full(N + 1, 2.5), None, random())
    assert needed[0] == 2.5
    assert needed[1:].mean() == pytest.approx(3, rel=0.02)


def test_amounts_are_counted_until_they_are_enough():
    """Of 10 and 30, evenly: 25 are reached by one 30, by two of which one is a 30 after a 10, or by three 10s."""
    drawn = amounts([10, 30])
    counts = [drawn.n_until(1, 25.0, each) for each in map(np.random.default_rng, range(4000))]
    assert np.mean(counts) == pytest.approx(1 * 1 / 2 + 2 * 1 / 4 + 3 * 1 / 4, abs=0.05)
    assert drawn.n_until(1, 0.0, random()) == 0
    assert drawn.n_until(1, 10.0, random()) == 1, "exactly as much is enough"


def test_of_very_many_amounts_the_mean_is_as_good():
    drawn = amounts([10, 30])
    assert drawn.n_until(1, 20.0 * (MANY + 1), random()) == MANY + 1
    assert drawn.total(1, MANY + 1, random()) == 20.0 * (MANY + 1)
    assert drawn.total(1, MANY, random()) == pytest.approx(20.0 * MANY, rel=0.02)


def test_amounts_are_drawn_by_their_shares_in_the_draw():
    drawn = amounts([10, 30], [0.9, 0.1])
    assert drawn.means()[0] == pytest.approx(12)
    assert drawn.total(1, 5000, random()) / 5000 == pytest.approx(12, rel=0.05)


def test_what_comes_is_poisson_and_brings_drawn_amounts():
    came = outcome(np.full(N + 1, 4.0), None, random())
    assert came[0] == 4
    assert came[1:].var() == pytest.approx(4, rel=0.05)
    worth = outcome(np.full(N + 1, 4.0), amounts([10, 30]), random())
    assert worth[0] == 80
    assert worth[1:].mean() == pytest.approx(80, rel=0.02)
    assert worth[1:].var() == pytest.approx(4 * (20**2 + 10**2), rel=0.05), "of the number and of the amounts"


def curves(chance: float, *, swing=1.0, n_draws=N):
    """Everybody who waits goes on with `chance` in a day and never later, and is then a customer at once."""
    rows = n_draws + 1
    one = np.tile(np.array([0.0, chance, chance]), (rows, 1))
    at_once = np.ones((rows, 5))
    swings = np.full(rows, swing)
    swings[0] = 1.0
    told = {step: DrawnCurve(one, one * 0, swings, None, n=1, n_reached=1, is_at_plateau=True) for step in Step}
    for step in (Step.MQL_TO_CUSTOMER, Step.SQL_TO_CUSTOMER):
        told[step] = DrawnCurve(at_once, one * 0, swings, None, n=1, n_reached=1, is_at_plateau=True)
    return told


def waiting(*rows):
    return pd.DataFrame(
        [{"lead_id": str(n), "milestone": row[0], "waited": 0, "amount": row[1]} for n, row in enumerate(rows)]
    )


def test_each_open_lead_is_won_or_not():
    leads = waiting(*[(Milestone.MQL, np.nan)] * 10, *[(Milestone.OPPORTUNITY, np.nan)] * 5)
    told = under_way(leads, curves(0.3), Window(0, 5), amounts=None, random=random())
    assert told.customers[Milestone.MQL][0] == pytest.approx(3)
    assert told.customers[Milestone.MQL][1:].var() == pytest.approx(10 * 0.3 * 0.7, rel=0.05)
    assert told.worth_from(Milestone.MQL)[0] == pytest.approx(15 * 0.3)
    assert told.worth_from(Milestone.SQL)[0] == pytest.approx(5 * 0.3)
    assert set(told.customers) == set(ONWARD)


def test_a_better_market_wins_more_of_them_and_never_more_than_all():
    leads = waiting(*[(Milestone.OPPORTUNITY, np.nan)] * 10)
    better = under_way(leads, curves(0.3, swing=2.0), Window(0, 5), amounts=None, random=random())
    assert better.customers[Milestone.OPPORTUNITY][1:].mean() == pytest.approx(6, rel=0.02)
    assert better.customers[Milestone.OPPORTUNITY][0] == pytest.approx(3)
    all_of_them = under_way(leads, curves(0.6, swing=2.0), Window(0, 5), amounts=None, random=random())
    assert all_of_them.customers[Milestone.OPPORTUNITY][1:].tolist() == [10] * N


def test_what_is_won_before_the_plan_begins_is_not_in_it():
    leads = waiting(*[(Milestone.OPPORTUNITY, np.nan)] * 10)
    told = under_way(leads, curves(0.3), Window(2, 5), amounts=None, random=random())
    assert told.worth_from(Milestone.LEAD).tolist() == [0] * (N + 1)


def test_a_deal_of_known_amount_brings_it_and_another_what_a_won_lead_brought():
    leads = waiting((Milestone.OPPORTUNITY, 500.0), (Milestone.OPPORTUNITY, np.nan))
    told = under_way(leads, curves(0.5), Window(0, 5), amounts=amounts([10, 30]), random=random())
    worth = told.worth[Milestone.OPPORTUNITY]
    assert worth[0] == pytest.approx(0.5 * 500 + 0.5 * 20)
    assert set(np.unique(worth[1:])) == {0, 10, 30, 500, 510, 530}
    assert (worth[1:] >= 500).mean() == pytest.approx(0.5, abs=0.02)
    as_customers = under_way(leads, curves(0.5), Window(0, 5), amounts=None, random=random())
    assert as_customers.worth[Milestone.OPPORTUNITY][0] == pytest.approx(2 * 0.5)


def test_an_estimate_is_what_is_expected_and_where_95_percent_of_the_draws_lie():
    told = drawn_estimate(np.array([5.0, *range(1001)]))
    assert [told.value, told.low, told.high] == pytest.approx([5, 5, 975])
    told = drawn_estimate(np.array([500.0, *range(1001)]))
    assert [told.value, told.low, told.high] == pytest.approx([500, 25, 975])
