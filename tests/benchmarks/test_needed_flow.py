"""How a plan is held against what came: new leads of the same law, and those under way."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from alignment.milestones import Milestones
from benchmarks.needed_flow import NewLeads, Planned, by_asked, by_part, new_leads, plans_held
from benchmarks.shared_numbers import dealt
from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import NeededFlow, Target

PLAN = Planned("four weeks", dt.datetime(2026, 1, 5), Target(customers=3, by=dt.date(2026, 2, 1)))


def milestones(frame: pd.DataFrame) -> Milestones:
    return Milestones(frame, dt.datetime(2026, 12, 31), settings=None, definitions_version="1")


def came(days, *, won_after: float | None = None, n_accounts: int = 1_000_000) -> pd.DataFrame:
    """MQLs of so many days after the plan begins, each `won_after` so many days."""
    mql_at = pd.Timestamp(PLAN.as_of) + pd.to_timedelta(days, unit="D")
    accounts = [f"A{nth % n_accounts}" for nth in range(len(days))]
    won_at = pd.NaT if won_after is None else mql_at + pd.Timedelta(days=won_after)
    return pd.DataFrame({"account_id": accounts, "mql_at": mql_at, "customer_at": won_at})


def test_a_plan_lasts_until_the_end_of_its_last_day():
    assert PLAN.days == 28
    moments = pd.Series(
        pd.to_datetime(["2026-01-04 23:59", "2026-01-05 00:00", "2026-02-01 23:59", "2026-02-02 00:00"])
    )
    assert PLAN.holds(moments).tolist() == [False, True, True, False]


def test_how_often_so_many_leads_in_a_row_bring_what_is_missing():
    new = NewLeads(np.array([1.0, 0.0, 1.0, 0.0, 0.0]))
    assert new.chance == 2 / 5
    assert [new.reaches(2, missing=missing) for missing in (0, 1, 2)] == [1.0, 4 / 5, 0.0]
    assert new.reaches(3, missing=2) == 1 / 5, "from the first on"
    assert new.reaches(4, missing=2) == 3 / 5, "and from the last two on, which the first follows"
    assert [new.reaches(12, missing=missing) for missing in (4, 5, 6)] == [1.0, 4 / 5, 0.0], "twice all, and two more"


def test_new_leads_are_as_many_in_each_week_and_won_by_the_end():
    """2,000 in each of the first two weeks, 1,000 in each of the others; won after 10 days, so not those of the end."""
    days = np.concatenate([np.linspace(0, 13.99, 4_000), np.linspace(14, 27.99, 2_000)])
    new = new_leads(milestones(came(days, won_after=10)), Milestone.MQL, PLAN, np.random.default_rng(1))
    assert len(new.won) == pytest.approx(4 * 1_000, rel=0.05)
    assert new.chance == pytest.approx(18 / 28, rel=0.05)


def test_leads_of_an_account_stay_together():
    first, second = came(np.full(50, 1.0), won_after=1, n_accounts=1), came(np.full(50, 1.0), n_accounts=1)
    leads = pd.concat([first, second.assign(account_id="B")], ignore_index=True).sample(frac=1, random_state=1)
    plan = Planned("a week", PLAN.as_of, Target(customers=3, by=dt.date(2026, 1, 11)))
    new = new_leads(milestones(leads), Milestone.MQL, plan, np.random.default_rng(1))
    assert np.abs(np.diff(new.won)).sum() == 1


def test_accounts_are_dealt_out_whole_and_evenly():
    frame = pd.DataFrame({"account_id": [f"A{nth % 90}" for nth in range(400)]})
    crm = dealt(milestones(frame), 3, seed=1)
    assert (frame.assign(crm=crm).groupby("account_id")["crm"].nunique() == 1).all()
    assert np.bincount(crm[:90]).tolist() == [30, 30, 30]


def test_shares_and_parts_are_means_over_crms():
    figures = {"now_per_week": 5.0, "under_way": 3, "under_way_off": 1.0, "under_way_covered": True}
    figures |= {"chance": 0.1, "chance_off": 0.02, "chance_covered": False}
    names = {"plan": "p", "counted in": "MQL"}
    rows = [
        names | figures | {"crm": crm, "asked": asked, "per_week": flow, "reached": reached}
        for crm in (0, 1)
        for asked, flow, reached in (("50 %", 10.0, crm / 1), ("80 %", None, 0.0))
    ]
    held = pd.DataFrame(rows)
    told = by_asked(held)
    assert told["reached"].tolist() == [0.5, 0.0]
    assert told["low"].iloc[0] < 0.5 < told["high"].iloc[0]
    assert by_part(held).iloc[0].to_dict() == {name: figures[name] for name in figures if name != "now_per_week"}


class PlanOfOneAWeek:
    """A simulation that asks for one more a week, whatever the milestone, and says what is under way."""

    def __init__(self, history, milestones, target, window):
        self.n = len(milestones.frame)

    def flow(self, milestone: Milestone) -> NeededFlow:
        return NeededFlow(
            milestone=milestone,
            waiting=self.n,
            under_way=Estimate(value=1.5, low=1.0, high=2.0),
            chance=Estimate(value=0.9, low=0.8, high=0.95),
            is_least_chance=False,
            per_week=Estimate(value=1.0, low=0.5, high=2.0),
            per_week_80=2.0,
            per_week_90=None,
            expected_per_week=1.0,
            now_per_week=3.0,
            reached_share=0.5,
            product_per_week=0.0,
        )


def test_each_crm_has_its_own_under_way_and_new_ones_of_all(monkeypatch):
    """2 customers in a week. Of the first CRM one is won that was an MQL before, of the second one that was none."""
    monkeypatch.setattr("benchmarks.needed_flow.Simulation", PlanOfOneAWeek)
    monkeypatch.setattr("benchmarks.needed_flow.window_of", lambda target, milestones: None)
    plan = Planned("a week", PLAN.as_of, Target(customers=2, by=dt.date(2026, 1, 11)))
    early, in_week, late = (pd.Timestamp(day) for day in ("2026-01-01", "2026-01-06", "2026-02-01"))
    after = pd.DataFrame(
        {
            "lead_id": list("ABCD"),
            "account_id": list("ABCD"),
            "lead_at": [early, early, in_week, in_week],
            "mql_at": [early, in_week, in_week, in_week],
            "sql_at": [in_week, in_week, in_week, pd.NaT],
            "customer_at": [in_week, in_week, in_week, late],
        }
    )
    before = after.iloc[:2].assign(mql_at=[early, pd.NaT], sql_at=pd.NaT, customer_at=pd.NaT)
    held = plans_held(None, milestones(before), milestones(after), plan=plan, crm=np.array([0, 1]), seed=1)
    assert len(held) == 2 * 3 * 4, "CRMs, milestones, and what is asked"
    mqls = held[held["counted in"] == "MQL"].set_index(["crm", "asked"])
    assert mqls["under_way"].groupby("crm").first().tolist() == [1, 0]
    assert mqls["under_way_covered"].groupby("crm").first().tolist() == [True, False]
    assert mqls["chance"].to_list() == [2 / 3] * 8, "B and C are won in the week, D is not"
    assert mqls["chance_covered"].sum() == 0
    assert mqls["reached"].tolist() == [2 / 3, 1.0, 0.0, 0.0, 0.0, 1 / 3, 0.0, 0.0], "none is enough: not reached"
