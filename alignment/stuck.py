"""Where leads and deals are stuck: open for longer than almost all of those that went well took."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.cohorts import JACKKNIFE_GROUP, beside_leads
from alignment.funnel import horizon_days
from alignment.intervals import UNKNOWN, Floats, Integers, in_columns, share_among
from alignment.milestones import Milestones
from alignment.stays import WAITING, deals_of, goal_of, stays_of
from data_contracts.definitions import Definitions
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.stuck import (
    LEAST_GONE_WELL,
    STUCK_BY_STAGE_SCHEMA,
    STUCK_SCHEMA,
    USUAL_SCHEMA,
    USUAL_SHARE,
    Stuck,
    Waits,
)
from data_contracts.snapshots import TEAM
from data_contracts.today import OWNER, PERSONA, SOURCE
from data_contracts.vocabulary import Stage
from features.known import MICROSECONDS_PER_DAY

_OF_LEAD = (OWNER, TEAM, SOURCE, PERSONA)

KINDS = (*((Waits.LEAD, stage) for stage in WAITING), (Waits.DEAL, Stage.OPPORTUNITY))
"""What may be stuck, along the funnel."""


def stuck(milestones: Milestones, history: CrmHistory, *, values: pa.Table | None = None) -> Stuck:
    """Every open lead and deal that takes longer than is usual, or whose expected close has passed.

    What is usual is told by those that went well, each stage by itself. It says nothing about why: an MQL that nobody
    called is slow as well (`was_touched`).

    Parameters
    ----------
    milestones
        Of `history`; its leads are those that count.
    values
        `lead_id` and `expected_value`, one row a scored lead. Without it, leads without a deal have no value.
    """
    stays = beside_leads(_all_stays(milestones, history), milestones, columns=(*_OF_LEAD, "sal_at", "is_unsettled"))
    stays = _valued(_with_touch(_with_days(stays, milestones.as_of), milestones.settings.definitions), values)
    usual = [_usual(rows, milestones, kind=kind) for kind, rows in _by_kind(stays[~stays["is_unsettled"]])]
    usual_days = {(row["waits"], row["stage"]): row["usual_days"] for row in usual}
    waiting = _flagged(stays[stays["is_open"]], usual_days, milestones.as_of)
    settled = waiting[~waiting["is_unsettled"]]
    listed = settled[settled["is_slow"].fillna(False).astype(bool) | settled["is_past_close"]]
    summed = [_summed(rows, kind, usual_days=usual_days[kind]) for kind, rows in _by_kind(waiting)]
    return Stuck(
        usual=pa.Table.from_pylist(usual, schema=USUAL_SCHEMA),
        listed=_table(listed),
        by_stage=pa.Table.from_pylist(summed, schema=STUCK_BY_STAGE_SCHEMA),
        as_of=milestones.as_of,
        definitions_version=milestones.definitions_version,
    )


def _all_stays(milestones: Milestones, history: CrmHistory) -> pd.DataFrame:
    """The stays of leads and the deals, one below the other, with `waits` and `is_open`."""
    deals: pd.DataFrame = deals_of(history).order_by("opportunity_id").to_pyarrow().to_pandas()
    stays = stays_of(history, milestones.settings.definitions).order_by("lead_id", "since_at", "stage")
    leads: pd.DataFrame = stays.to_pyarrow().to_pandas()
    # Its deals say more of a lead than its stage does, and its value counts once.
    has_deal = leads["lead_id"].isin(deals.loc[deals["is_open"], "lead_id"])
    leads = leads.assign(
        waits=Waits.LEAD,
        is_open=leads["until_at"].isna() & ~has_deal,
        opportunity_id=pd.Series(None, index=leads.index, dtype=object),
        amount=np.nan,
        expected_close_at=pd.Series(pd.NaT, index=leads.index, dtype="datetime64[us]"),
    )
    deals = deals.assign(waits=Waits.DEAL)
    times = dict.fromkeys(("since_at", "until_at", "expected_close_at"), "datetime64[us]")
    return pd.concat([part.astype(times)[list(leads.columns)] for part in (leads, deals)], ignore_index=True)


def _with_days(stays: pd.DataFrame, as_of: dt.datetime) -> pd.DataFrame:
    until = stays["until_at"].fillna(pd.Timestamp(as_of))
    microseconds = (until - stays["since_at"]).astype("timedelta64[us]").to_numpy().astype(np.int64)
    return stays.assign(days=np.maximum(microseconds / MICROSECONDS_PER_DAY, 0.0))


def _with_touch(stays: pd.DataFrame, definitions: Definitions) -> pd.DataFrame:
    """`stays` with whether sales touched the lead; nobody knows where contact is assumed."""
    touched = stays["sal_at"].notna().astype(object)
    return stays.assign(was_touched=None if definitions.contact.assume_contacted_because else touched)


def _valued(stays: pd.DataFrame, values: pa.Table | None) -> pd.DataFrame:
    """`stays` with the expected value of leads, and `value`, what is at stake of either kind."""
    expected = pd.Series(np.nan, index=stays.index)
    if values is not None:
        told = values.select(["lead_id", "expected_value"]).to_pandas().set_index("lead_id")["expected_value"]
        expected = stays["lead_id"].map(told).astype("float64").where(stays["waits"] == Waits.LEAD)
    return stays.assign(expected_value=expected, value=stays["amount"].fillna(expected))


def _by_kind(stays: pd.DataFrame) -> Iterator[tuple[tuple[Waits, Stage], pd.DataFrame]]:
    for waits, stage in KINDS:
        yield (waits, stage), stays[(stays["waits"] == waits) & (stays["stage"] == stage)]


def _usual(stays: pd.DataFrame, milestones: Milestones, *, kind: tuple[Waits, Stage]) -> dict[str, Any]:
    """A row of `USUAL_SCHEMA`."""
    waits, stage = kind
    definitions = milestones.settings.definitions
    step = Step.MQL_TO_SQL if stage in (Stage.MQL, Stage.SAL) else Step.SQL_TO_CUSTOMER
    horizon = horizon_days(step, definitions)
    began = stays[stays["since_at"] + dt.timedelta(days=horizon) <= milestones.as_of]
    went_well = began["went_well"].to_numpy(dtype=bool)
    days, groups = began["days"].to_numpy(), began[JACKKNIFE_GROUP].to_numpy()
    n = int(went_well.sum())
    usual = usual_days(days[went_well], groups[went_well])
    slow = days > (np.inf if usual.value is None else usual.value)
    late = share_among(went_well[slow], groups[slow])
    goal = Stage.WON if waits is Waits.DEAL else goal_of(stage, definitions)
    return {
        "waits": waits,
        "stage": stage,
        "goal": goal,
        "began": len(began),
        "went_well": n,
        **in_columns("usual_days", usual),
        "is_least": usual.value is not None and usual.value > horizon,
        "rate": n / len(began) if len(began) else None,
        "slow": None if usual.value is None else int(slow.sum()),
        **in_columns("late_rate", late),
        "why_not": f"too few to say: {n} went well, and {LEAST_GONE_WELL} are needed" if usual.value is None else None,
    }


def usual_days(days: Floats, groups: Integers) -> Estimate:
    """The least number of days than which `USUAL_SHARE` took no longer, with its interval; unknown of too few.

    The interval is Woodruff's (1952, J Am Stat Assoc 47:635): how far the share that took no longer may be off, over
    groups of accounts, read from the days of those that took so long.
    """
    if len(days) < LEAST_GONE_WELL:
        return UNKNOWN
    value = _quantile(days, USUAL_SHARE)
    share = share_among(days <= value, groups)
    if share.value is None or share.low is None or share.high is None:
        return UNKNOWN
    low = _quantile(days, max(0.0, USUAL_SHARE - (share.value - share.low)))
    high = _quantile(days, min(1.0, USUAL_SHARE + (share.high - share.value)))
    return Estimate(value=value, low=low, high=high)


def _quantile(days: Floats, share: float) -> float:
    return float(np.quantile(days, share, method="inverted_cdf"))


def _flagged(
    waiting: pd.DataFrame, usual: Mapping[tuple[Waits, Stage], float | None], as_of: dt.datetime
) -> pd.DataFrame:
    """The open ones with what is usual for each, whether it is slow, and whether its expected close has passed."""
    kinds = pd.MultiIndex.from_frame(waiting[["waits", "stage"]])
    usual_of = pd.Series({key: np.nan if days is None else days for key, days in usual.items()}, dtype="float64")
    expected = usual_of.reindex(kinds).to_numpy()
    is_slow = pd.Series(waiting["days"].to_numpy() > expected, index=waiting.index, dtype=object)
    is_past = waiting["expected_close_at"].dt.normalize() < pd.Timestamp(as_of).normalize()
    return waiting.assign(usual_days=expected, is_slow=is_slow.mask(np.isnan(expected), None), is_past_close=is_past)


def _table(listed: pd.DataFrame) -> pa.Table:
    place = pd.Series([KINDS.index(kind) for kind in zip(listed["waits"], listed["stage"], strict=True)], dtype="int64")
    order = pd.DataFrame({"place": -place.to_numpy(), "value": -listed["value"].fillna(-1.0).to_numpy()})
    order = order.assign(days=-listed["days"].to_numpy(), lead_id=listed["lead_id"].to_numpy())
    rows = listed.iloc[order.sort_values(["place", "value", "days", "lead_id"], kind="stable").index]
    rows = rows.astype(dict.fromkeys(_OF_LEAD, object))
    return pa.Table.from_pandas(rows[STUCK_SCHEMA.names], schema=STUCK_SCHEMA, preserve_index=False)


def _summed(waiting: pd.DataFrame, kind: tuple[Waits, Stage], *, usual_days: float | None) -> dict[str, Any]:
    """A row of `STUCK_BY_STAGE_SCHEMA`."""
    settled = waiting[~waiting["is_unsettled"]]
    is_slow = settled["is_slow"].fillna(False).to_numpy(dtype=bool)
    is_past = settled["is_past_close"].to_numpy(dtype=bool)
    value = settled["value"].to_numpy()
    listed = is_slow | is_past
    return {
        "waits": kind[0],
        "stage": kind[1],
        "open": len(settled),
        "slow": int(is_slow.sum()),
        "past_close": int(is_past.sum()),
        "listed": int(listed.sum()),
        "never_touched": int(np.count_nonzero([one is False for one in settled["was_touched"][listed]])),
        "without_value": int(np.isnan(value[listed]).sum()),
        "unsettled": len(waiting) - len(settled),
        "value_open": float(np.nansum(value)),
        "value_listed": float(np.nansum(value[listed])),
        "days_median": float(settled["days"].median()) if len(settled) else None,
        "usual_days": usual_days,
    }
