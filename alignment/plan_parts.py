"""What a plan is set beside: what comes now, from which sources, at what cost, and what sales can work."""

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from alignment.funnel import followed, horizon_days
from alignment.incidence import incidence
from alignment.milestones import Milestones, reached_at
from alignment.shrinkage import shrunken
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.plan import NOW_WEEKS, Capacity, NeededFlow, SourcePart
from data_contracts.today import SOURCE

BEST_WEEKS = 13
"""A quarter: what a few good weeks brought is no flow that can be kept up."""

DAYS_A_WEEK = 7

_DAY = pd.Timedelta(days=1)

ALL_WORKED = Estimate(value=1.0, low=1.0, high=1.0)


@dataclass(frozen=True, slots=True)
class Money:
    """What each source's MQLs cost.

    Attributes
    ----------
    per_mql
        By source.
    wasted
        Money of sources that brought no MQL in the time.
    missing_because
        Why nothing is known; empty where something is.
    """

    per_mql: dict[str, float]
    wasted: float = 0.0
    missing_because: str = ""


def now_per_week(milestones: Milestones, milestone: Milestone) -> float:
    """How many leads a week got so far in the last weeks: `NOW_WEEKS`, or as many as the history has."""
    reached = milestones.frame[reached_at(milestone)].dropna()
    since = pd.Timestamp(milestones.as_of) - NOW_WEEKS * DAYS_A_WEEK * _DAY
    first = milestones.frame[reached_at(Milestone.LEAD)].min()
    weeks = min(float(NOW_WEEKS), max((pd.Timestamp(milestones.as_of) - first) / (DAYS_A_WEEK * _DAY), 1.0))
    return float(int((reached >= since).sum()) / weeks)


def best_per_week(milestones: Milestones, milestone: Milestone) -> float:
    """How many leads a week got so far in the best `BEST_WEEKS` weeks in a row; 0 in a shorter history."""
    days = np.sort(milestones.frame[reached_at(milestone)].dropna().to_numpy().astype("datetime64[us]"))
    length = np.timedelta64(BEST_WEEKS * DAYS_A_WEEK, "D")
    ends = np.datetime64(milestones.as_of, "us")
    starts = days[days + length <= ends]
    if not len(starts):
        return 0.0
    return float((np.searchsorted(days, starts + length) - np.searchsorted(days, starts)).max()) / BEST_WEEKS


def source_parts(
    milestones: Milestones, flows: tuple[NeededFlow, ...], money: Money, *, weeks: float
) -> tuple[SourcePart, ...]:
    """Each source's part of the needed flows in the present mix, the largest first; none where no flow is enough."""
    now = {one.milestone: _counts_now(milestones, one.milestone) for one in flows if one.per_week.value is not None}
    mqls = now.get(Milestone.MQL)
    if mqls is None or not mqls.sum():
        return ()
    rates = source_rates(milestones).reindex(mqls.index)
    counted = mqls * rates.fillna(rates.mean() if rates.notna().any() else 1.0)
    mql_flow = next(one for one in flows if one.milestone is Milestone.MQL)
    to_come = (mql_flow.per_week.value or 0.0) * weeks * (mql_flow.chance.value or 0.0)
    parts = []
    for source in mqls.index:
        per_week = {
            one.milestone: float(one.per_week.value or 0.0)
            * float(now[one.milestone].get(source, 0) / max(now[one.milestone].sum(), 1))
            for one in flows
            if one.milestone in now
        }
        cost = money.per_mql.get(source)
        parts.append(
            SourcePart(
                source=source or None,
                now_mqls=int(mqls[source]),
                rate=None if pd.isna(rates[source]) else float(rates[source]),
                per_week=per_week,
                customers=to_come * float(counted[source] / counted.sum()) if counted.sum() else 0.0,
                money_per_mql=cost,
                money_per_week=None if cost is None else cost * per_week[Milestone.MQL],
            )
        )
    return tuple(sorted(parts, key=lambda one: (-one.now_mqls, one.source or "")))


def _counts_now(milestones: Milestones, milestone: Milestone) -> pd.Series:
    """How many leads of each source got so far in the last weeks; the source is empty where it is not known.

    Every source that brought any milestone has its row.
    """
    frame = milestones.frame
    since = pd.Timestamp(milestones.as_of) - NOW_WEEKS * DAYS_A_WEEK * _DAY
    sources = _sources(frame)
    recent = [frame[reached_at(one)] >= since for one in (Milestone.LEAD, Milestone.MQL, Milestone.SQL)]
    names = sorted(set(sources[recent[0] | recent[1] | recent[2]]))
    return sources[frame[reached_at(milestone)] >= since].value_counts().reindex(names, fill_value=0)


def _sources(frame: pd.DataFrame) -> pd.Series:
    return frame[SOURCE].astype(object).fillna("")


def source_rates(milestones: Milestones) -> pd.Series:
    """By source, the share of its MQLs that became customers within the horizon, drawn towards that of all.

    Of MQLs whose horizon has passed. The source is empty where it is not known.
    """
    told, leads = followed(milestones, Step.MQL_TO_CUSTOMER)
    horizon = horizon_days(Step.MQL_TO_CUSTOMER, milestones.settings.definitions)
    is_mature = told.watched >= horizon
    since = milestones.settings.definitions.learn_since
    if since is not None:
        is_mature &= (leads[reached_at(Milestone.MQL)] >= pd.Timestamp(since)).to_numpy()
    won = pd.Series(told.reached & (told.days < horizon), index=leads.index)
    counted = won[is_mature].groupby(_sources(leads)[is_mature]).agg(["sum", "size"])
    if not len(counted):
        return pd.Series(dtype=np.float64)
    rates = shrunken(counted["sum"].to_numpy(dtype=np.float64), counted["size"].to_numpy(dtype=np.float64))
    return pd.Series(rates, index=counted.index)


def mix_effect(milestones: Milestones) -> float:
    """The rate of the present mix of sources by that of the mix that rates are measured on; 1 where it is the same."""
    rates = source_rates(milestones)
    now = _counts_now(milestones, Milestone.MQL).reindex(rates.index, fill_value=0)
    ever = _sources(milestones.frame[milestones.frame[reached_at(Milestone.MQL)].notna()]).value_counts()
    ever = ever.reindex(rates.index, fill_value=0)
    if not now.sum() or not ever.sum():
        return 1.0
    return float((rates * now).sum() / now.sum() / ((rates * ever).sum() / ever.sum()))


def money_per_mql(history: CrmHistory, milestones: Milestones) -> Money:
    """What an MQL of each source cost in the last whole periods of spend.

    A period ends where the next begins, so that the last one is left out: how long it is, nobody knows. Those that
    began in the last `NOW_WEEKS` weeks before that count, and the MQLs of the same days.
    """
    spend = history.spend.group_by("period_start_at", "source").aggregate(amount=ibis._.amount.sum())
    rows = spend.to_pyarrow().to_pandas()
    if rows.empty:
        return Money({}, missing_because="the history has no spend")
    starts = rows["period_start_at"].astype("datetime64[us]")
    end = starts.max()
    counted = (starts >= end - NOW_WEEKS * DAYS_A_WEEK * _DAY) & (starts < end)
    if not counted.any():
        return Money({}, missing_because="no whole period of spend is known: a period ends where the next begins")
    frame = milestones.frame
    is_in = (frame[reached_at(Milestone.MQL)] >= starts[counted].min()) & (frame[reached_at(Milestone.MQL)] < end)
    mqls = _sources(frame)[is_in].value_counts()
    spent = rows[counted].groupby("source")["amount"].sum()
    per_mql = {str(source): float(amount / mqls[source]) for source, amount in spent.items() if mqls.get(source, 0)}
    wasted = float(sum(amount for source, amount in spent.items() if not mqls.get(source, 0)))
    return Money(per_mql, wasted=wasted)


def capacity_beside(milestones: Milestones, flow: NeededFlow) -> Capacity:
    """What sales has to work a week beside what it can: of the needed MQLs, as large a share as it worked so far."""
    settings = milestones.settings
    worked = _worked_share(milestones)
    share = worked.value if worked.value is not None else 1.0
    can = settings.policy.leads_per_week
    needed, needed_80 = (None if each is None else share * each for each in (flow.per_week.value, flow.per_week_80))
    return Capacity(
        per_week=can,
        worked_share=worked,
        to_work=needed,
        to_work_80=needed_80,
        now_to_work=share * flow.now_per_week,
        missing=None if needed is None else max(0.0, needed - can),
        missing_80=None if needed_80 is None else max(0.0, needed_80 - can),
    )


def _worked_share(milestones: Milestones) -> Estimate:
    definitions = milestones.settings.definitions
    if definitions.contact.assume_contacted_because or Milestone.SAL not in milestones.recorded:
        return ALL_WORKED
    told, _ = followed(milestones, Step.MQL_TO_SAL)
    return incidence(told).within(horizon_days(Step.MQL_TO_SAL, definitions))


def first_counted(milestones: Milestones) -> dt.datetime:
    """When the first of the leads came that rates are measured on (UTC, naive)."""
    came = milestones.frame[reached_at(Milestone.LEAD)]
    since = milestones.settings.definitions.learn_since
    if since is not None:
        came = came[came >= pd.Timestamp(since)]
    first: dt.datetime = came.min().to_pydatetime()
    return first
