"""A plan against worlds whose law is known: the flow of which it is so sure reaches the target so often."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from alignment import plan_simulation
from alignment.milestones import Milestones
from alignment.plan_curves import TO_CUSTOMER
from alignment.plan_simulation import Simulation, window_of
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.plan import Target

AS_OF = dt.datetime(2026, 12, 31)
HISTORY_DAYS, PLAN_DAYS = 420, 120
NEVER = 1e9
A_WEEK = 40
"""MQLs. Of them 0.3 become SQLs, and of these 0.25 customers: 3 a week."""


def fates(n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days from MQL to SQL, to the win and to the end of each of `n` leads, by the true law."""
    is_sql = random.random(n) < 0.3
    to_sql = np.where(is_sql, random.exponential(8, n), NEVER)
    is_won = is_sql & (random.random(n) < 0.25)
    to_win = np.where(is_won, to_sql + random.gamma(3, 15, n), NEVER)
    to_end = np.where(is_won, NEVER, np.where(is_sql, to_sql + random.exponential(30, n), random.exponential(15, n)))
    return to_sql, to_win, to_end


@dataclass
class World:
    """A history up to `AS_OF`, and how many of its leads were won in the days of the plan."""

    milestones: Milestones
    n_won_of_those_under_way: int


def world(seed: int, settings, *, per_week: float) -> World:
    random = np.random.default_rng(seed)
    n = random.poisson(per_week / 7 * HISTORY_DAYS)
    came = np.sort(random.uniform(0, HISTORY_DAYS, n))
    to_sql, to_win, to_end = fates(n, random)

    def moment(days: np.ndarray) -> pd.Series:
        """What has happened by now, as moments."""
        known = np.where(came + days < HISTORY_DAYS, came + days, np.nan)
        start = pd.Timestamp(AS_OF) - pd.Timedelta(days=HISTORY_DAYS)
        return pd.Series(start + pd.to_timedelta(known, unit="D")).astype("datetime64[us]")

    at = {"lead": moment(0 * came), "mql": moment(0 * came), "sql": moment(to_sql), "customer": moment(to_win)}
    at |= {"sal": at["sql"], "opportunity": at["customer"], "sales_ready": moment(0 * came + NEVER)}
    ended = moment(to_end)
    stands = np.select([at["customer"].notna(), ended.notna(), at["sql"].notna()], ["won", "lost", "sql"], "mql")
    frame = pd.DataFrame(
        {
            "lead_id": [f"L{nth}" for nth in range(n)],
            "account_id": [f"A{nth}" for nth in random.integers(0, n, n)],
            **{f"{name}_at": moments for name, moments in at.items()},
            **{f"{name}_shown_at": at[name] for name in ("mql", "sal", "sql", "opportunity", "customer")},
            "stands": stands,
            "stands_since": ended.fillna(at["customer"]).fillna(at["sql"]).fillna(at["mql"]),
            "is_unsettled": False,
            "source": None,
        }
    )
    is_later = (came + to_win >= HISTORY_DAYS) & (came + to_win < HISTORY_DAYS + PLAN_DAYS)
    return World(Milestones(frame, AS_OF, settings, "1"), int(is_later.sum()))


def share_won_in_the_plan(*, since: int = 0) -> float:
    """Of those that come evenly from the day `since` of the plan on, the share that is won by its end, by the law."""
    random = np.random.default_rng(0)
    _, to_win, _ = fates(400_000, random)
    return float((random.uniform(since, PLAN_DAYS, len(to_win)) + to_win < PLAN_DAYS).mean())


@pytest.fixture
def simulate(make_history, settings, monkeypatch):
    """From a seed and a target: the world, and the plan's simulation of it."""
    monkeypatch.setattr(plan_simulation, "N_DRAWS", 200)
    nothing = make_history({})

    def made(seed: int, target: Target, *, per_week: float = A_WEEK) -> tuple[World, Simulation]:
        told = world(seed, settings, per_week=per_week)
        return told, Simulation(nothing, told.milestones, target, window_of(target, told.milestones))

    return made


BY = (AS_OF + dt.timedelta(days=PLAN_DAYS - 1)).date()
TARGET = Target(customers=90, by=BY)
"""Three quarters more than the 3 a week that there are now."""


def test_of_many_leads_the_plan_finds_the_law(simulate):
    told, simulated = simulate(1, Target(customers=5000, by=BY), per_week=1500)
    flow = simulated.flow(Milestone.MQL)
    assert flow.chance.value == pytest.approx(share_won_in_the_plan(), rel=0.05)
    assert flow.under_way.value == pytest.approx(told.n_won_of_those_under_way, rel=0.05)
    assert simulated.flow(Milestone.LEAD).chance.value == pytest.approx(flow.chance.value, rel=0.01)
    assert simulated.curves[TO_CUSTOMER[Milestone.MQL]].drift < 0.05
    sql_share = simulated.curves[Step.MQL_TO_SQL].reached[0, -1]
    assert sql_share == pytest.approx(0.3, abs=0.01)


@pytest.mark.slow
def test_the_flow_of_which_it_is_so_sure_reaches_the_target_so_often(simulate):
    """200 worlds: what is under way and what comes at that flow, by the law. A product of averages falls short."""
    chance, weeks, n_worlds = share_won_in_the_plan(), PLAN_DAYS / 7, 200
    hits = {"half": 0, "80": 0, "90": 0, "product": 0}
    covered = 0
    for seed in range(n_worlds):
        told, simulated = simulate(seed, TARGET)
        flow = simulated.flow(Milestone.MQL)
        luck = np.random.default_rng(10_000 + seed)
        asked = {
            "half": flow.per_week.value,
            "80": flow.per_week_80,
            "90": flow.per_week_90,
            "product": flow.product_per_week,
        }
        for name, per_week in asked.items():
            came = told.n_won_of_those_under_way + luck.poisson(per_week * weeks * chance)
            hits[name] += came >= TARGET.customers
        covered += flow.under_way.low <= told.n_won_of_those_under_way <= flow.under_way.high
    shares = {name: n / n_worlds for name, n in hits.items()}
    print(shares, covered / n_worlds)
    assert shares["half"] == pytest.approx(0.5, abs=0.1)
    assert shares["80"] == pytest.approx(0.8, abs=0.08)
    assert shares["90"] == pytest.approx(0.9, abs=0.06)
    assert shares["product"] < 0.2
    assert covered / n_worlds >= 0.9
