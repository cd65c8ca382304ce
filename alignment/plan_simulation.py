"""One plan simulated: what each draw says of a target."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import ibis
import numpy as np
import pandas as pd

from alignment.intervals import CONFIDENCE, Floats
from alignment.milestones import Milestones, reached_at
from alignment.plan_curves import ONWARD, TO_CUSTOMER, DrawnCurve, account_weights, drawn_curve, open_leads
from alignment.plan_draws import (
    Amounts,
    UnderWay,
    Window,
    drawn_estimate,
    needed_customers,
    outcome,
    under_way,
)
from alignment.plan_parts import DAYS_A_WEEK, now_per_week
from data_contracts.errors import TooFewOutcomesError
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.periods import local_midnight
from data_contracts.metrics.plan import SURE, NeededFlow, Target
from data_contracts.vocabulary import DealOutcome
from features.revenue import won_revenue

N_DRAWS = 500
"""Enough that a share of draws is known to 2 % or so."""

SEED = 20_260_714
"""The same history gives the same plan."""

LEAST_CUSTOMERS = 10
"""With fewer, rates are known to less than a third of themselves, and a plan would be a guess with decimals."""


class Chance(IntEnum):
    """What each draw leaves to chance. Each has numbers of its own, so that none follows another."""

    ACCOUNTS = 0
    MARKET = 1
    UNDER_WAY = 2
    MEANWHILE = 3
    NEEDED = 4
    NEW = 5


@dataclass(frozen=True)
class Simulation:
    """The draws of one plan. In each array the first entry is what is expected as measured, without chance.

    Raises
    ------
    TooFewOutcomesError
        Where too few customers are known, or the amounts of too few: once the curves or amounts are asked for.
    """

    history: CrmHistory
    milestones: Milestones
    target: Target
    window: Window

    @cached_property
    def curves(self) -> Mapping[Step, DrawnCurve]:
        """Every incidence that the plan needs."""
        steps = {step for pair in ONWARD.values() for step in pair if step}
        steps |= {Step(f"{milestone}_to_customer") for milestone in ONWARD}
        market = random_of(Chance.MARKET).standard_normal(N_DRAWS + 1)
        curves = {step: drawn_curve(self.milestones, step, self._weights, market) for step in sorted(steps)}
        _refuse_too_few(curves[Step.LEAD_TO_CUSTOMER].n_reached, what="customers")
        return curves

    @cached_property
    def revenue(self) -> pd.Series:
        """What each won lead brought, aligned with the milestones; missing where no amount above 0 is known."""
        by_lead = won_revenue(self.history).set_index("lead_id")["revenue"]
        revenue = self.milestones.frame["lead_id"].map(by_lead).astype(np.float64)
        is_won = self.milestones.frame[reached_at(Milestone.CUSTOMER)].notna()
        return revenue.where(is_won & (revenue > 0))

    @cached_property
    def amounts(self) -> Amounts | None:
        """What won leads brought; None where the target is customers."""
        if self.target.revenue is None:
            return None
        is_known = self.revenue.notna().to_numpy()
        _refuse_too_few(int(is_known.sum()), what="won leads with an amount")
        weights = self._weights[:, self.milestones.groups[is_known]]
        return Amounts(self.revenue.to_numpy()[is_known], weights / weights.sum(axis=1, keepdims=True))

    @cached_property
    def won(self) -> float:
        """What was won since the target's first day, in its unit."""
        if self.target.since is None:
            return 0.0
        since = pd.Timestamp(local_midnight(self.target.since, self.milestones.time_zone))
        is_in = self.milestones.frame[reached_at(Milestone.CUSTOMER)] >= since
        return float(is_in.sum() if self.amounts is None else self.revenue[is_in].sum())

    @cached_property
    def open_leads(self) -> pd.DataFrame:
        """What `open_leads` returns, with the `amount` of each lead's open deals where amounts are asked for."""
        leads = open_leads(self.milestones)
        if self.amounts is None:
            return leads.assign(amount=np.nan)
        deals = self.history.opportunities
        still = deals.filter(deals.outcome == DealOutcome.OPEN.value, deals.amount > 0)
        worth = still.group_by("lead_id").aggregate(amount=ibis._.amount.sum()).to_pyarrow().to_pandas()
        return leads.assign(amount=leads["lead_id"].map(worth.set_index("lead_id")["amount"]).astype(np.float64))

    @cached_property
    def under_way(self) -> UnderWay:
        """What comes of the leads that are open."""
        random = random_of(Chance.UNDER_WAY)
        return under_way(self.open_leads, self.curves, self.window, amounts=self.amounts, random=random)

    def within(self, window: Window) -> "Simulation":
        """The same for other days; what was measured so far is not measured again."""
        other = Simulation(self.history, self.milestones, self.target, window)
        measured = ("_weights", "curves", "revenue", "amounts", "won", "open_leads")
        other.__dict__.update({name: self.__dict__[name] for name in measured if name in self.__dict__})
        return other

    def from_one_a_week(self, milestone: Milestone, *, since: int) -> Floats:
        """Customers to be expected in the plan of one lead a week from the day `since` on, by draw."""
        curve = self.curves[TO_CUSTOMER[milestone]]
        return np.asarray(curve.swing * curve.gathered(self.window.end - since)[:, -1] / DAYS_A_WEEK)

    def without_new(self, milestone: Milestone) -> Floats:
        """What comes without anybody who comes from the start on, in the unit of the target."""
        return self.won + self.under_way.worth_from(milestone) + self.meanwhile(milestone)

    def meanwhile(self, milestone: Milestone) -> Floats:
        """What comes in the plan of those that come before it, at the present flow, in the unit of the target."""
        start, end = self.window.start, self.window.end
        curve = self.curves[TO_CUSTOMER[milestone]]
        gathered = curve.gathered(end)
        from_one = np.maximum(gathered[:, end] - gathered[:, end - start] - gathered[:, start], 0.0) / DAYS_A_WEEK
        expected = now_per_week(self.milestones, milestone) * curve.swing * from_one
        return outcome(expected, self.amounts, random_of(Chance.MEANWHILE))

    def needed(self, milestone: Milestone) -> Floats:
        """How many customers are to be expected of those that come from the start on."""
        missing = self.target.amount - self.without_new(milestone)
        return needed_customers(missing, self.amounts, random_of(Chance.NEEDED))

    def comes(self, milestone: Milestone, *, per_week: float) -> Estimate:
        """What comes by the end at a flow of so many a week, in the unit of the target."""
        expected = per_week * self.from_one_a_week(milestone, since=self.window.start)
        return drawn_estimate(self.without_new(milestone) + outcome(expected, self.amounts, random_of(Chance.NEW)))

    def reached_share(self, milestone: Milestone, *, expected: Floats) -> float:
        """In which share of the draws the target is reached, if so many customers are to be expected of new ones."""
        return float((expected >= self.needed(milestone))[1:].mean())

    def flow(self, milestone: Milestone) -> NeededFlow:
        """What is needed a week, counted at `milestone`."""
        curve = self.curves[TO_CUSTOMER[milestone]]
        from_one = self.from_one_a_week(milestone, since=self.window.start)
        needed = self.needed(milestone)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_week = np.where(needed > 0, needed / from_one, 0.0)
        draws = per_week[1:]
        now = now_per_week(self.milestones, milestone)
        half, sure_80, sure_90 = (_least(draws, share) for share in SURE)
        tail = (1 - CONFIDENCE) / 2
        order = list(Milestone)
        is_so_far = self.open_leads["milestone"].map(order.index) >= order.index(milestone)
        return NeededFlow(
            milestone=milestone,
            waiting=int(is_so_far.sum()),
            under_way=drawn_estimate(self.under_way.worth_from(milestone)),
            chance=drawn_estimate(np.minimum(from_one * DAYS_A_WEEK / self.window.days, 1.0)),
            is_least_chance=curve.n_days < self.window.days and not curve.is_at_plateau,
            per_week=Estimate(value=half, low=_least(draws, tail), high=_least(draws, 1 - tail)),
            per_week_80=sure_80,
            per_week_90=sure_90,
            expected_per_week=float(per_week[0]) if math.isfinite(per_week[0]) else None,
            now_per_week=now,
            reached_share=self.reached_share(milestone, expected=now * from_one),
            product_per_week=self._product(curve),
        )

    @cached_property
    def _weights(self) -> Floats:
        return account_weights(self.milestones.groups, n_draws=N_DRAWS, random=random_of(Chance.ACCOUNTS))

    def _product(self, curve: DrawnCurve) -> float | None:
        if not curve.n_reached:
            return None
        each = 1.0 if self.amounts is None else float(self.amounts.means()[0])
        return self.target.amount / each / (curve.n_reached / curve.n) / (self.window.days / DAYS_A_WEEK)


def window_of(target: Target, milestones: Milestones) -> Window:
    """The whole days of the plan, from the extract on. Its end is not after its start where nothing can be planned."""
    start_at = milestones.as_of
    if target.since is not None:
        start_at = max(start_at, local_midnight(target.since, milestones.time_zone))
    end_at = local_midnight(target.by + dt.timedelta(days=1), milestones.time_zone)
    day = dt.timedelta(days=1)
    return Window((start_at - milestones.as_of) // day, (end_at - milestones.as_of) // day)


def random_of(chance: Chance) -> np.random.Generator:
    """The numbers of one chance, from the first on."""
    return np.random.default_rng((SEED, chance))


def _least(per_week: Floats, share: float) -> float | None:
    """The least flow that is enough in such a share of the draws; None where none is."""
    least = float(np.quantile(per_week, share, method="higher"))
    return least if math.isfinite(least) else None


def _refuse_too_few(found: int, *, what: str) -> None:
    if found < LEAST_CUSTOMERS:
        raise TooFewOutcomesError(
            "plan", what=what, found=found, needed=LEAST_CUSTOMERS, hint="wait for more, or check a longer history"
        )
