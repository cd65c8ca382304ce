"""Accounts: what their people did of late, how far they got, in which order to look at them, and the targets."""

import math
from collections.abc import Iterator
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.intervals import in_columns, share_estimate
from alignment.milestones import Milestones, reached_at
from alignment.touches import touches_of
from data_contracts.history import CrmHistory
from data_contracts.metrics.accounts import ACCOUNTS_SCHEMA, PENETRATION_SCHEMA, PEOPLE_SCHEMA, Accounts
from data_contracts.metrics.funnel import Milestone
from data_contracts.settings import Settings
from data_contracts.vocabulary import DealOutcome, Direction
from features.known import MICROSECONDS_PER_DAY
from features.profile import is_met, refuse_unfit_conditions

LOOKED_BACK_DAYS = 90
"""A quarter: what lies before it says little about now."""

ENGAGED_DAYS = 30

HALF_LIFE_DAYS = 30.0
"""What was done a month ago counts half of what was done today."""

_NO_SCORES = pa.schema({"lead_id": pa.string(), "expected_value": pa.float64()}).empty_table()


def accounts_of(history: CrmHistory, milestones: Milestones, *, scores: pa.Table | None = None) -> Accounts:
    """Every account of a lead, and every target account, with its activity, its furthest milestone and its rank.

    A person counts once for each day on which it did something, so that a day of many page views is no more than one.

    Parameters
    ----------
    history
        The one that `milestones` are of.
    scores
        `lead_id` and `expected_value` of leads, each once. Accounts are then ranked by their sum; without them by
        activity.

    Raises
    ------
    SettingsError
        Where the condition of `target_accounts` does not suit its attribute's type.
    """
    settings = milestones.settings
    leads = milestones.frame[["lead_id", "account_id"]].merge(_lately(history, settings), on="lead_id", how="left")
    known = _known_accounts(history, settings)
    rows = _summed(leads, milestones).join(_open_deals(history, leads), how="left")
    rows = rows.reindex(rows.index.union(known.index[known["is_target"]]))
    rows = rows.join(_value(scores, leads)).join(known).pipe(_filled)
    ranked_by = "activity" if scores is None else "expected_value"
    rows = _ranked(rows, by=ranked_by)
    listed = settings.targets.target_accounts
    return Accounts(
        rows=pa.Table.from_pandas(rows.reset_index(), schema=ACCOUNTS_SCHEMA, preserve_index=False),
        people=_people(leads),
        penetration=_penetration(rows, known, milestones) if listed else PENETRATION_SCHEMA.empty_table(),
        ranked_by=ranked_by,
        targets_said=listed.said if listed else "",
        as_of=milestones.as_of,
        definitions_version=milestones.definitions_version,
    )


def _lately(history: CrmHistory, settings: Settings) -> pd.DataFrame:
    """By lead with any touch: when the last was, and what the lead did in the last 30 and 90 days."""
    touches = touches_of(history, settings)
    # Whole days before the extract, whatever the calendar: the last of them ends at the extract.
    age = (
        ibis.literal(history.extracted_at).delta(touches.touched_at, unit="microsecond") / MICROSECONDS_PER_DAY
    ).floor()
    touches = touches.mutate(days_ago=age.cast("int64"), is_own=touches.direction == Direction.INBOUND.value)
    days = touches.group_by("lead_id", "days_ago").aggregate(
        n_own=touches.count(where=touches.is_own),
        last_touch_at=touches.touched_at.max(),
        last_inbound_at=touches.touched_at.max(where=touches.is_own),
    )
    is_active = (days.n_own > 0) & (days.days_ago < LOOKED_BACK_DAYS)
    # PostgreSQL would count in decimals, were they whole days.
    weight = (days.days_ago.cast("float64") * (-math.log(2) / HALF_LIFE_DAYS)).exp()
    found = days.group_by("lead_id").aggregate(
        activity=is_active.ifelse(weight, 0.0).sum(),
        touches_30=(days.days_ago < ENGAGED_DAYS).ifelse(days.n_own, 0).sum(),
        touches_90=(days.days_ago < LOOKED_BACK_DAYS).ifelse(days.n_own, 0).sum(),
        last_touch_at=days.last_touch_at.max(),
        last_inbound_at=days.last_inbound_at.max(),
    )
    lately: pd.DataFrame = found.to_pyarrow().to_pandas()
    return lately


def _known_accounts(history: CrmHistory, settings: Settings) -> pd.DataFrame:
    """The accounts that the CRM knows, as an index, with `is_target`; also those that only leads name."""
    accounts, listed = history.accounts, settings.targets.target_accounts
    if listed:
        refuse_unfit_conditions({"target_accounts": listed}, settings.crm.attributes, section="targets")
    told = accounts.select("account_id", is_target=is_met(listed, accounts).fill_null(False) if listed else False)
    frame = told.to_pyarrow().to_pandas().set_index("account_id")
    named = history.leads.filter(history.leads.account_id.notnull()).select("account_id").distinct()
    whole = frame.index.union(named.to_pyarrow().to_pandas()["account_id"])
    return pd.DataFrame({"is_target": frame["is_target"].reindex(whole, fill_value=False).astype(bool)}, index=whole)


def _summed(leads: pd.DataFrame, milestones: Milestones) -> pd.DataFrame:
    """By account: its people, what they did, and how far the furthest of them got."""
    order = [one for one in Milestone if one is not Milestone.SALES_READY]
    reached = milestones.frame[[reached_at(one) for one in order]].notna().to_numpy()
    told = pd.DataFrame(
        {
            "account_id": leads["account_id"],
            "leads": 1,
            "active_30": (leads["touches_30"] > 0).astype("int64"),
            "active_90": (leads["touches_90"] > 0).astype("int64"),
            **{name: leads[name].fillna(0) for name in ("touches_30", "touches_90", "activity")},
            "last_touch_at": leads["last_touch_at"],
            "furthest": np.where(reached, np.arange(len(order)), 0).max(axis=1) if len(reached) else [],
        }
    )
    how = dict.fromkeys(told.columns[1:7], "sum") | {"activity": "sum", "last_touch_at": "max", "furthest": "max"}
    return told.groupby("account_id").agg(how)


def _open_deals(history: CrmHistory, leads: pd.DataFrame) -> pd.DataFrame:
    """By account with open deals: how many, their amount, and how many say none."""
    deals = history.opportunities
    deals = deals.filter(deals.outcome == DealOutcome.OPEN.value).group_by("lead_id")
    counted = deals.aggregate(
        open_deals=ibis._.count(),
        open_amount=ibis._.amount.sum(),
        without_amount=ibis._.count(where=ibis._.amount.isnull()),
    )
    frame = counted.to_pyarrow().to_pandas().merge(leads[["lead_id", "account_id"]], on="lead_id")
    summed: pd.DataFrame = frame.groupby("account_id")[["open_deals", "open_amount", "without_amount"]].sum(min_count=1)
    return summed


def _value(scores: pa.Table | None, leads: pd.DataFrame) -> pd.DataFrame:
    """By account with scored leads, the sum of their expected values."""
    told = (_NO_SCORES if scores is None else scores).to_pandas()
    told = told.dropna(subset=["expected_value"]).merge(leads[["lead_id", "account_id"]], on="lead_id")
    summed: pd.DataFrame = told.groupby("account_id")[["expected_value"]].sum()
    return summed


def _filled(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with types of the noun, and 0 where there is nothing to count."""
    counts = ("leads", "active_30", "active_90", "touches_30", "touches_90", "open_deals", "without_amount")
    names = dict(enumerate(one.value for one in Milestone if one is not Milestone.SALES_READY))
    return rows.assign(
        **{name: rows[name].fillna(0).astype("int64") for name in counts},
        activity=rows["activity"].fillna(0.0),
        furthest=rows["furthest"].map(names),
        is_known=rows["is_target"].notna(),
        is_target=rows["is_target"].fillna(False).astype(bool),
        is_engaged=rows["active_30"].fillna(0) > 0,
    ).rename_axis("account_id")


def _ranked(rows: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """`rows` in order of `by`, of activity where that is equal, and of id, with the place of those that have any."""
    ordered = rows.sort_index().sort_values([by, "activity"], ascending=False, kind="stable")
    has_any = (ordered[by] > 0).to_numpy()
    rank = pd.Series(np.cumsum(has_any), index=ordered.index, dtype="Int64").where(has_any)
    told = ordered.assign(rank=rank)
    return pd.concat([told[has_any], told[~has_any].sort_index()])


def _people(leads: pd.DataFrame) -> pa.Table:
    active = leads[leads["touches_90"] > 0].sort_values("lead_id")
    active = active.sort_values(["account_id", "activity"], ascending=[True, False], kind="stable")
    return pa.Table.from_pandas(active, schema=PEOPLE_SCHEMA, preserve_index=False)


def _penetration(rows: pd.DataFrame, known: pd.DataFrame, milestones: Milestones) -> pa.Table:
    """Target accounts and others: how many have a lead, got to each milestone, and are engaged."""
    told = [
        {"group": group, "measure": measure, "accounts": n, "reached": reached, **_share(reached, n)}
        for group, is_target in (("target", True), ("other", False))
        for measure, reached, n in _reached(rows, known[known["is_target"] == is_target].index, milestones)
    ]
    return pa.Table.from_pylist(told, schema=PENETRATION_SCHEMA)


def _reached(rows: pd.DataFrame, accounts: pd.Index, milestones: Milestones) -> Iterator[tuple[str, int, int]]:
    own = rows[rows.index.isin(accounts)]
    order = [one.value for one in Milestone]
    places = own["furthest"].map({name: place for place, name in enumerate(order)}).fillna(-1)
    for one in milestones.recorded:
        if one is not Milestone.SALES_READY:
            yield one.value, int((places >= order.index(one.value)).sum()), len(accounts)
    yield "engaged", int(own["is_engaged"].sum()), len(accounts)


def _share(reached: int, n: int) -> dict[str, Any]:
    # Accounts are the units that may have come otherwise: nothing goes together among them.
    return in_columns("share", share_estimate(reached / n if n else np.nan, np.zeros(0), n=n))
