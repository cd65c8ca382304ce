"""A plan simulated: what comes of those under way, and how much more it takes, draw by draw."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment.intervals import CONFIDENCE, Floats, Integers
from alignment.plan_curves import ONWARD, DrawnCurve, chances_of_waiting
from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Milestone, Step

MANY = 20_000
"""Of so many amounts the sum is as good as their number times the mean: it is no longer drawn one by one."""

Curves = Mapping[Step, DrawnCurve]


@dataclass(frozen=True, slots=True)
class Window:
    """The days that count, from the extract on: after `start` and up to `end`. Both are whole, and `end` is later."""

    start: int
    end: int

    @property
    def days(self) -> int:
        """How many there are."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """What won leads brought, and the weights by which each draw takes them.

    Attributes
    ----------
    values
        One a won lead with a known amount (currency of the settings).
    shares
        By draw, the chance of each value; the first row as measured.
    """

    values: Floats
    shares: Floats

    def means(self) -> Floats:
        """The mean amount, by draw."""
        return self.shares @ self.values

    def total(self, draw: int, n: int, random: np.random.Generator) -> float:
        """What `n` customers bring in one draw."""
        if n > MANY:
            return n * float(self.shares[draw] @ self.values)
        return float(random.choice(self.values, size=n, p=self.shares[draw]).sum())

    def n_until(self, draw: int, missing: float, random: np.random.Generator) -> float:
        """How many customers it takes in one draw until they brought `missing`."""
        if missing <= 0:
            return 0.0
        likely = missing / float(self.shares[draw] @ self.values)
        if likely > MANY:
            return likely
        n, brought = 0, 0.0
        while True:
            more = brought + random.choice(self.values, size=int(likely) + 20, p=self.shares[draw]).cumsum()
            if more[-1] >= missing:
                return n + 1.0 + int(np.searchsorted(more, missing))
            n, brought = n + len(more), float(more[-1])


@dataclass(frozen=True, slots=True, eq=False)
class UnderWay:
    """What comes of open leads in the window, by draw; the first entry is what is expected as measured.

    Attributes
    ----------
    customers, worth
        By how far they are now. `worth` is in the unit of the target.
    """

    customers: Mapping[Milestone, Floats]
    worth: Mapping[Milestone, Floats]

    def worth_from(self, milestone: Milestone) -> Floats:
        """Of all that have got as far as `milestone` or further."""
        order = list(Milestone)
        return np.asarray(sum(self.worth[one] for one in ONWARD if order.index(one) >= order.index(milestone)))


def under_way(
    leads: pd.DataFrame, curves: Curves, window: Window, *, amounts: Amounts | None, random: np.random.Generator
) -> UnderWay:
    """What comes of open leads in the window.

    Parameters
    ----------
    leads
        What `open_leads` returns, with `amount`: that of its open deals, missing where none is known. Such a deal
        brings its amount if it is won; any other win brings one that is drawn from won leads.
    amounts
        None where the target is customers: each then counts as one.
    """
    customers, worth = {}, {}
    for milestone, (first, then) in ONWARD.items():
        own = leads[leads["milestone"] == milestone]
        waited, place = np.unique(own["waited"].to_numpy(dtype=np.int64), return_inverse=True)
        onward = curves[then] if then else None
        chances = chances_of_waiting(curves[first], onward, waited, days=window.end)
        chances -= chances_of_waiting(curves[first], onward, waited, days=window.start)
        swing = curves[Step(f"{milestone}_to_customer")].swing[:, np.newaxis]
        chances = np.clip(chances * swing, 0.0, 1.0)
        is_known = own["amount"].notna().to_numpy() & (amounts is not None)
        n = np.bincount(place[~is_known], minlength=len(waited))
        drawn = random.binomial(n, chances).sum(axis=1).astype(np.float64)
        drawn[0] = chances[0] @ n
        known = _deals(own["amount"].to_numpy(dtype=np.float64)[is_known], chances, place[is_known], random)
        customers[milestone] = drawn + known[0]
        worth[milestone] = drawn if amounts is None else _brought(drawn, amounts, random) + known[1]
    return UnderWay(customers, worth)


def _deals(values: Floats, chances: Floats, place: Integers, random: np.random.Generator) -> tuple[Floats, Floats]:
    """How many deals of known amount are won, and what they bring, by draw."""
    n, worth = np.zeros(len(chances)), np.zeros(len(chances))
    if len(values):
        n[0], worth[0] = chances[0, place].sum(), chances[0, place] @ values
        for draw in range(1, len(chances)):
            is_won = random.random(len(values)) < chances[draw, place]
            n[draw], worth[draw] = is_won.sum(), values[is_won].sum()
    return n, worth


def _brought(customers: Floats, amounts: Amounts, random: np.random.Generator) -> Floats:
    """What so many customers bring, by draw; in the first as many times the mean."""
    drawn = [amounts.total(draw, int(n), random) for draw, n in enumerate(customers[1:], start=1)]
    return np.array([customers[0] * amounts.means()[0], *drawn])


def outcome(customers: Floats, amounts: Amounts | None, random: np.random.Generator) -> Floats:
    """What comes where so many customers are to be expected, by draw: chance decides how many, and what they bring."""
    came = random.poisson(customers).astype(np.float64)
    came[0] = customers[0]
    return came if amounts is None else _brought(came, amounts, random)


def needed_customers(missing: Floats, amounts: Amounts | None, random: np.random.Generator) -> Floats:
    """How many customers are to be expected of new leads so that `missing` is reached, by draw.

    Those who come evenly become customers at random moments, one after the other: until the n-th has come, a sum of n
    exponential waits passes. So one number a draw says which flow is enough, and a greater flow is so too. The first
    entry leaves chance out.
    """
    if amounts is None:
        n = np.ceil(np.maximum(missing, 0.0))
        n[0] = max(missing[0], 0.0)
    else:
        n = np.array([amounts.n_until(draw, each, random) for draw, each in enumerate(missing)])
        n[0] = max(missing[0], 0.0) / amounts.means()[0]
    waits = np.where(n > 0, random.standard_gamma(np.maximum(n, 1.0)), 0.0)
    waits[0] = n[0]
    return waits


def drawn_estimate(draws: Floats) -> Estimate:
    """The first entry as the value, and where 95 % of the draws lie."""
    low, high = np.quantile(draws[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    value = float(draws[0])
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))
