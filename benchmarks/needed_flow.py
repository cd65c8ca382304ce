"""Does the flow of which a plan is so sure reach its target so often? Many small CRMs, planned for before and after.

Each CRM is planned for by what was known then. What comes of those under way is what its own leads came to. What comes
of new ones is what as many leads of the same law came to, in the same weeks, at any of the CRMs: they are taken account
by account, as many in each week.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment.intervals import Floats, Integers, wilson
from alignment.milestones import Milestones, reached_at
from alignment.plan_curves import TO_CUSTOMER
from alignment.plan_parts import DAYS_A_WEEK
from alignment.plan_simulation import Simulation, window_of
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import NeededFlow, Target

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """A moment at which each CRM is planned for, and what for."""

    said: str
    as_of: dt.datetime
    target: Target

    @property
    def end(self) -> pd.Timestamp:
        """The first moment after the plan."""
        return pd.Timestamp(self.target.by) + _DAY

    @property
    def days(self) -> int:
        """The length of the plan."""
        return (self.end - pd.Timestamp(self.as_of)) // _DAY

    def holds(self, moments: pd.Series) -> pd.Series:
        """Whether each moment lies in the plan."""
        return (moments >= self.as_of) & (moments < self.end)


@dataclass(frozen=True, slots=True, eq=False)
class NewLeads:
    """Leads that got as far as a milestone in the time of a plan, account by account: which became customers in it.

    Attributes
    ----------
    won
        By lead. As many of them came in each week; accounts follow each other in no order.
    """

    won: Floats

    @property
    def chance(self) -> float:
        """The share that became a customer before the end of the plan."""
        return float(self.won.mean())

    def reaches(self, n: int, *, missing: int) -> float:
        """How often `missing` customers come of `n` leads in a row, from whichever lead on one begins."""
        rounds, rest = divmod(n, len(self.won))
        before = np.concatenate([[0.0], np.concatenate([self.won, self.won]).cumsum()])
        came = rounds * self.won.sum() + before[rest : rest + len(self.won)] - before[: len(self.won)]
        return float((came >= missing).mean())


def new_leads(after: Milestones, milestone: Milestone, plan: Planned, random: np.random.Generator) -> NewLeads:
    """The leads of `after` that got to `milestone` in the time of `plan`, thinned to as many in each week."""
    frame = after.frame
    came = frame[plan.holds(frame[reached_at(milestone)])]
    week = ((came[reached_at(milestone)] - pd.Timestamp(plan.as_of)) // (DAYS_A_WEEK * _DAY)).to_numpy()
    counts = np.bincount(week)
    length = np.minimum(plan.days - DAYS_A_WEEK * np.arange(len(counts)), DAYS_A_WEEK)
    a_day = (counts / length).min()
    kept = came[random.random(len(came)) < (a_day * length / counts)[week]]
    account = random.permutation(len(frame))[pd.factorize(kept["account_id"])[0]]
    return NewLeads((kept["customer_at"] < plan.end).to_numpy()[np.argsort(account, kind="stable")].astype(np.float64))


def asked(flow: NeededFlow) -> Mapping[str, float | None]:
    """What is asked for a week, by how sure it is to be; the product of averages last."""
    return {
        "50 %": flow.per_week.value,
        "80 %": flow.per_week_80,
        "90 %": flow.per_week_90,
        "product of averages": flow.product_per_week,
    }


def plans_held(
    history: CrmHistory,
    before: Milestones,
    after: Milestones,
    *,
    plan: Planned,
    crm: Integers,
    seed: int,
) -> pd.DataFrame:
    """One row for each CRM, milestone and what is asked: how much it is a week, and how often it reaches the target.

    Parameters
    ----------
    history, before
        As known at the moment of `plan`.
    after
        The milestones at the end of all.
    crm
        The CRM of each lead of `before`.
    """
    won_at = after.frame.set_index("lead_id")["customer_at"]
    is_won_in = before.frame["lead_id"].map(plan.holds(won_at)).fillna(False).to_numpy(dtype=bool)
    random = np.random.default_rng(seed)
    new = {milestone: new_leads(after, milestone, plan, random) for milestone in TO_CUSTOMER}
    rows: list[dict[str, object]] = []
    for number in range(int(crm.max()) + 1):
        own = before.of(pd.Series(crm == number))
        simulated = Simulation(history, own, plan.target, window_of(plan.target, own))
        for milestone in TO_CUSTOMER:
            reached = (own.frame[reached_at(milestone)].notna() & is_won_in[crm == number]).sum()
            told = _held(simulated.flow(milestone), new[milestone], int(reached), plan)
            rows += [{"plan": plan.said, "counted in": milestone.said, "crm": number, **one} for one in told]
    return pd.DataFrame(rows)


def _held(flow: NeededFlow, new: NewLeads, came: int, plan: Planned) -> Iterator[dict[str, object]]:
    for name, per_week in asked(flow).items():
        n = None if per_week is None else round(per_week * plan.days / DAYS_A_WEEK)
        yield {
            "asked": name,
            "per_week": per_week,
            "now_per_week": flow.now_per_week,
            "reached": 0.0 if n is None else new.reaches(n, missing=plan.target.customers - came),
            "under_way": came,
            "under_way_off": flow.under_way.value - came,
            "under_way_covered": _covers(flow.under_way, came),
            "chance": new.chance,
            "chance_off": flow.chance.value - new.chance,
            "chance_covered": _covers(flow.chance, new.chance),
        }


def _covers(estimate: Estimate, truth: float) -> bool:
    return bool(estimate.low <= truth <= estimate.high)


def by_asked(held: pd.DataFrame) -> pd.DataFrame:
    """One row a plan, milestone and what is asked: the median flow, and how often the target is reached, with 95 %.

    The interval is Wilson's over the CRMs: at least as wide as it need be, since each says a share and no yes or no.
    """
    grouped = held.groupby(["plan", "counted in", "asked"], sort=False)
    told = grouped.agg(now=("now_per_week", "median"), per_week=("per_week", "median"), reached=("reached", "mean"))
    ends = [wilson(share, n) for share, n in zip(told["reached"], grouped.size(), strict=True)]
    return told.assign(low=[low for low, _ in ends], high=[high for _, high in ends])


def by_part(held: pd.DataFrame) -> pd.DataFrame:
    """One row a plan and milestone: what is under way and the chance of new ones, beside what the plan says of them."""
    once = held.drop_duplicates(["plan", "counted in", "crm"])
    parts = ["under_way", "under_way_off", "under_way_covered", "chance", "chance_off", "chance_covered"]
    return once.groupby(["plan", "counted in"], sort=False)[parts].mean()
