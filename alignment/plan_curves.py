"""The measured incidences of a plan, drawn anew with other accounts: what comes of those that wait and those to come.

Days are looked at from their middle: a lead that came on some day did so half a day into it, on average.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment.funnel import ENDED, followed
from alignment.incidence import Followed, incidence, redrawn
from alignment.intervals import GROUPS, Floats, Integers
from alignment.milestones import Milestones, reached_at
from data_contracts.metrics.funnel import Milestone, Step
from features.known import MICROSECONDS_PER_DAY

ONWARD = {
    Milestone.LEAD: (Step.LEAD_TO_MQL, Step.MQL_TO_CUSTOMER),
    Milestone.MQL: (Step.MQL_TO_SQL, Step.SQL_TO_CUSTOMER),
    Milestone.SQL: (Step.SQL_TO_OPPORTUNITY, Step.OPPORTUNITY_TO_CUSTOMER),
    Milestone.OPPORTUNITY: (Step.OPPORTUNITY_TO_CUSTOMER, None),
}
"""The step that an open lead takes next, and the one from there to a customer.

A stage that the CRM does not record is reached with the next one, so that the second step then takes no time.
"""

TO_CUSTOMER = {
    Milestone.LEAD: Step.LEAD_TO_CUSTOMER,
    Milestone.MQL: Step.MQL_TO_CUSTOMER,
    Milestone.SQL: Step.SQL_TO_CUSTOMER,
}
"""The flows that a plan is counted in."""

QUARTER_DAYS = 91

LEAST_QUARTERS = 3
"""Fewer say nothing about how rates change from one to the next."""

_NOBODY_OPEN = 1e-9
"""A smaller share of open leads is the noise of floating-point sums."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCurve:
    """The incidence of one step: the first row as measured, one row a draw below it.

    Attributes
    ----------
    reached, ended
        The share by the middle of each day since the start, as far as enough leads were watched.
    swing
        By draw, what the market makes of the incidence in the time of the plan: 1 in the first row.
    drift
        By how much the incidence differed between quarters beyond chance: a standard deviation, as a share of it. None
        where there were too few of them.
    n, n_reached
        Leads that it is measured on, and those of them that have reached the end.
    is_at_plateau
        Whether it has stopped rising by the last of these days.
    """

    reached: Floats
    ended: Floats
    swing: Floats
    drift: float | None
    n: int
    n_reached: int
    is_at_plateau: bool

    @property
    def n_days(self) -> int:
        """Days for which enough leads were watched."""
        return len(self.reached[0])

    def by_day(self, n_days: int) -> Floats:
        """The share by the middle of each of the first `n_days` days; beyond what was watched it stays as it is."""
        if n_days <= self.n_days:
            return self.reached[:, :n_days]
        last = self.reached[:, -1:] if self.n_days else np.zeros((len(self.reached), 1))
        return np.concatenate([self.reached, np.repeat(last, n_days - self.n_days, axis=1)], axis=1)

    def gathered(self, n_days: int) -> Floats:
        """The sum of `by_day` over the first 0, 1, ... `n_days` days: what comes of one lead a day."""
        sums = self.by_day(n_days).cumsum(axis=1)
        return np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)


def account_weights(groups: Integers, *, n_draws: int, random: np.random.Generator) -> Floats:
    """How often each group of accounts counts: once in the first row, anew in each of `n_draws` rows below it.

    The Bayesian bootstrap (Rubin, 1981, Ann Stat 9:130) over the groups: each has a weight above 0, so that no draw
    lacks what is rare.
    """
    there = np.unique(groups)
    drawn = random.exponential(size=(n_draws, len(there)))
    weights = np.zeros((n_draws + 1, GROUPS))
    weights[0, there] = 1.0
    weights[1:, there] = drawn / drawn.mean(axis=1, keepdims=True)
    return weights


def drawn_curve(milestones: Milestones, step: Step, weights: Floats, market: Floats) -> DrawnCurve:
    """The incidence of `step`, of the leads that started it since the day from which on the definitions learn.

    Parameters
    ----------
    weights
        Of the groups of accounts, by draw.
    market
        How good a time it is, by draw: standard normal. Curves with one market move together.
    """
    told, leads = followed(milestones, step)
    since = milestones.settings.definitions.learn_since
    if since is not None:
        told = told.of((leads[reached_at(step.start)] >= pd.Timestamp(since)).to_numpy())
    drawn = redrawn(told, weights)
    reached = _by_middle(drawn.reached)
    drift = quarterly_drift(told, reached[0])
    swing = np.exp((drift or 0.0) * market - (drift or 0.0) ** 2 / 2)
    swing[0] = 1.0
    return DrawnCurve(
        reached=reached,
        ended=_by_middle(drawn.ended),
        swing=swing,
        drift=drift,
        n=len(told.days),
        n_reached=int(told.reached.sum()),
        is_at_plateau=incidence(told).is_at_plateau,
    )


def quarterly_drift(told: Followed, curve: Floats) -> float | None:
    """By how much the incidence differed between the quarters in which leads started, beyond chance.

    Of each quarter, so many are expected to have reached the end as the curve says for the days that each lead was
    watched. What came is taken to vary around that by chance (Poisson) and by a factor of its quarter, whose standard
    deviation this is (method of moments).
    """
    if not len(curve):
        return None
    quarters = told.watched // QUARTER_DAYS
    expected = np.bincount(quarters, weights=curve[np.minimum(told.watched, len(curve) - 1)])
    came = np.bincount(quarters, weights=told.reached.astype(np.float64))
    came, expected = came[expected > 0], expected[expected > 0]
    n = len(expected)
    if n < LEAST_QUARTERS:
        return None
    excess = np.square(came - expected).sum() * n / (n - 1) - expected.sum()
    return float(np.sqrt(max(excess, 0.0) / np.square(expected).sum()))


def _by_middle(curve: Floats) -> Floats:
    before = np.concatenate([np.zeros((len(curve), 1)), curve[:, :-1]], axis=1)[:, : curve.shape[1]]
    return (before + curve) / 2


def open_leads(milestones: Milestones) -> pd.DataFrame:
    """The open leads: `lead_id`, `milestone` (how far it got) and `waited` (whole days since).

    Those in nurture are open: they may come back. Unsettled ones are left out, for nobody knows how they stand.
    """
    frame = milestones.frame
    is_open = ~frame["is_unsettled"] & ~frame["stands"].isin(ENDED) & frame[reached_at(Milestone.CUSTOMER)].isna()
    leads = frame[is_open]
    milestone = pd.Series(Milestone.LEAD, index=leads.index, dtype=object)
    since = leads[reached_at(Milestone.LEAD)]
    for further in (Milestone.MQL, Milestone.SQL, Milestone.OPPORTUNITY):
        has_it = leads[reached_at(further)].notna()
        milestone = milestone.mask(has_it, further)
        since = since.mask(has_it, leads[reached_at(further)])
    return pd.DataFrame(
        {"lead_id": leads["lead_id"], "milestone": milestone, "waited": whole_days(since, milestones.as_of)}
    )


def whole_days(since: pd.Series, until: dt.datetime) -> Integers:
    """Whole days from each moment until `until`, at least 0."""
    spans = (pd.Timestamp(until) - since).astype("timedelta64[us]").to_numpy().astype(np.int64)
    return np.maximum(spans // MICROSECONDS_PER_DAY, 0)


def chances_of_waiting(first: DrawnCurve, then: DrawnCurve | None, waited: Integers, *, days: int) -> Floats:
    """The chance to become a customer within `days`, of a lead that has waited: by draw, and each of `waited`.

    Of those still open after as many days, the share that goes on each day after, times the incidence of customers from
    there in the days that are left (`then`; without it, going on is becoming a customer). How soon somebody went on is
    taken to say nothing about what follows.
    """
    chances = np.zeros((len(first.reached), len(waited)))
    onward = then.by_day(days)[:, ::-1] if then is not None else np.ones((len(first.reached), days))
    goes_on = np.diff(first.reached, axis=1)
    for place, so_far in enumerate(waited):
        until = min(so_far + days, first.n_days - 1)
        if until <= so_far:
            continue
        is_open = 1 - first.reached[:, so_far] - first.ended[:, so_far]
        won = np.einsum("ds,ds->d", goes_on[:, so_far:until], onward[:, : until - so_far])
        chances[:, place] = np.where(is_open > _NOBODY_OPEN, won / np.maximum(is_open, _NOBODY_OPEN), 0.0)
    return np.clip(chances, 0.0, 1.0)
