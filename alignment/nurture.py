"""Nurture: who is in it and when marketing looks again, and how many came back and became an SQL."""

import datetime as dt
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from alignment.cohorts import JACKKNIFE_GROUP, Cell, beside_leads, cells_of, whole_days
from alignment.funnel import ENDED
from alignment.incidence import Followed, incidence
from alignment.intervals import in_columns
from alignment.milestones import Milestones
from data_contracts.history import CrmHistory
from data_contracts.metrics.nurture import NURTURE_SCHEMA, NURTURED_SCHEMA, RECYCLE_WITHIN_DAYS, Nurture
from data_contracts.metrics.periods import Period
from data_contracts.privacy import masked_value
from data_contracts.settings import Settings
from data_contracts.today import CAMPAIGN, OWNER, PERSONA, SOURCE
from data_contracts.vocabulary import Direction, Stage
from features.deeds import as_done
from features.stages import ordered_changes, reached_stages

_HALF = 0.5

_OF_LEAD = (PERSONA, SOURCE, CAMPAIGN, OWNER)
_NEEDED = (*_OF_LEAD, "stands", "stands_since", "sal_at", "is_unsettled")


def nurture(milestones: Milestones, history: CrmHistory, *, every: Period = Period.MONTH, by: str = "") -> Nurture:
    """Who is in nurture, and what became of the leads that went there in each period.

    A lead counts once in each period in which it went to nurture, from its first time in it. It came back when it is in
    MQL or beyond after that, and became an SQL when it is in SQL or beyond: an SQL that was put off and taken up again
    counts too. Leads that wait because the call list has no room for them are not in nurture.

    Parameters
    ----------
    milestones
        Of `history`; its leads are those that count.
    every, by
        As in `cohort_funnel`.

    Raises
    ------
    KeyError
        Where the leads have no column `by`.
    """
    stays: pd.DataFrame = _stays(history).order_by("lead_id", "position").to_pyarrow().to_pandas()
    stays = beside_leads(stays, milestones, columns=_NEEDED, by=by)
    cohorts = every.starts(stays["since_at"], time_zone=milestones.time_zone)
    once = stays[~stays.assign(cohort=cohorts).duplicated(["lead_id", "cohort"])]
    cells = cells_of(once, once["since_at"], every=every, milestones=milestones)
    return Nurture(
        leads=_drip(stays, milestones, history),
        rows=pa.Table.from_pylist([_row(cell, milestones, every=every) for cell in cells], schema=NURTURE_SCHEMA),
        as_of=milestones.as_of,
        period=every,
        by=by,
        definitions_version=milestones.definitions_version,
    )


def _stays(history: CrmHistory) -> ir.Table:
    """Each time a lead went to nurture: where from, why, and when it was in MQL and in SQL, or beyond, after it."""
    changes = ordered_changes(history.stage_changes)
    in_lead = ibis.window(group_by="lead_id", order_by="position")
    # Two leads that were merged may have entered a stage at one moment.
    reasons = history.stage_changes.group_by("lead_id", "stage", "entered_at").aggregate(reason=ibis._.reason.min())
    told = changes.left_join(reasons, ["lead_id", "stage", "entered_at"]).select(*changes.columns, "reason")
    told = told.mutate(before=told.stage.lag().over(in_lead), reason_before=told.reason.lag().over(in_lead))
    entries = told.filter(told.stage == Stage.NURTURE.value, told.before.fill_null("") != Stage.NURTURE.value)
    why = masked_value(ibis.coalesce(entries.reason, entries.before.isin(ENDED).ifelse(entries.reason_before, None)))
    stays = entries.select(
        "lead_id",
        "position",
        since_at="entered_at",
        came_from=entries.before.fill_null(Stage.LEAD.value),
        why=why,
    )
    later = changes.select(later_lead="lead_id", later_stage="stage", later_at="entered_at", later_position="position")
    pairs = stays.join(later, stays.lead_id == later.later_lead).filter(ibis._.later_position > ibis._.position)
    after = pairs.group_by("lead_id", "position").aggregate(
        returned_at=pairs.later_at.min(where=pairs.later_stage.isin(reached_stages(Stage.MQL))),
        qualified_at=pairs.later_at.min(where=pairs.later_stage.isin(reached_stages(Stage.SQL))),
    )
    joined = stays.left_join(after, ["lead_id", "position"])
    return joined.select(*stays.columns, "returned_at", "qualified_at")


def _drip(stays: pd.DataFrame, milestones: Milestones, history: CrmHistory) -> pa.Table:
    times = stays.groupby("lead_id")["since_at"].transform("size")
    last = stays.assign(n_times=times).drop_duplicates("lead_id", keep="last")
    here = last[(last["stands"] == Stage.NURTURE) & ~last["is_unsettled"]]
    settings = milestones.settings
    told = _since_nurture(_stays(history), history, settings).to_pyarrow().to_pandas()
    here = here.merge(told.astype({"lead_id": here["lead_id"].dtype}), on="lead_id", how="left")
    due = here["since_at"] + pd.Timedelta(days=settings.policy.recheck_after_days)
    here = here.assign(
        recheck_due_at=due,
        is_due=due <= milestones.as_of,
        was_worked=here["sal_at"].notna(),
        **{name: here[name].astype(object) for name in _OF_LEAD},
    )
    here = here.sort_values(["recheck_due_at", "lead_id"])
    return pa.Table.from_pandas(here[NURTURED_SCHEMA.names], schema=NURTURED_SCHEMA, preserve_index=False)


def _since_nurture(stays: ir.Table, history: CrmHistory, settings: Settings) -> ir.Table:
    """By lead, the last activity from each side since it went to nurture last: `touched_at`, `responded_at`."""
    last = stays.group_by("lead_id").aggregate(since_at=stays.since_at.max())
    deeds = as_done(history.activities, settings.crm.kinds).select("lead_id", "direction", "occurred_at")
    pairs = last.join(deeds, "lead_id").filter(ibis._.occurred_at >= ibis._.since_at)
    return pairs.group_by("lead_id").aggregate(
        touched_at=pairs.occurred_at.max(where=pairs.direction == Direction.OUTBOUND.value),
        responded_at=pairs.occurred_at.max(where=pairs.direction == Direction.INBOUND.value),
    )


def _row(cell: Cell, milestones: Milestones, *, every: Period) -> dict[str, Any]:
    """A row of `NURTURE_SCHEMA`."""
    settled = cell.rows[~cell.rows["is_unsettled"]]
    return {
        "cohort": cell.cohort,
        "group": cell.group,
        "horizon_days": RECYCLE_WITHIN_DAYS,
        "is_mature": cell.is_mature(every, days=RECYCLE_WITHIN_DAYS, milestones=milestones),
        "nurtured": len(cell.rows),
        "unsettled": len(cell.rows) - len(settled),
        **_figures(settled, milestones.as_of),
    }


def _figures(rows: pd.DataFrame, as_of: dt.datetime) -> dict[str, Any]:
    returning, qualifying = (_followed(rows, event, as_of) for event in ("returned_at", "qualified_at"))
    returned, became_sql = int(returning.reached.sum()), int(qualifying.reached.sum())
    ended = int(returning.ended.sum())
    returns, recycled = incidence(returning), incidence(qualifying)
    half = returns.quantile(_HALF)
    return {
        "returned": returned,
        "became_sql": became_sql,
        "ended": ended,
        "waiting": len(rows) - returned - ended,
        "raw_yield": became_sql / len(rows) if len(rows) else None,
        **in_columns("recycle_yield", recycled.within(RECYCLE_WITHIN_DAYS)),
        **in_columns("return_rate", returns.within(RECYCLE_WITHIN_DAYS)),
        "days_to_return": half,
        "is_least_days_to_return": half is not None and not returns.is_at_plateau,
    }


def _followed(rows: pd.DataFrame, event: str, as_of: dt.datetime) -> Followed:
    """How each nurtured lead fared on the way to `event`, from the day on which it went to nurture."""
    happened = rows[event]
    has_ended = (rows["stands"].isin(ENDED) & happened.isna()).to_numpy()
    until = happened.fillna(rows["stands_since"].where(has_ended)).fillna(pd.Timestamp(as_of))
    return Followed(
        days=whole_days(until - rows["since_at"]),
        watched=whole_days(pd.Timestamp(as_of) - rows["since_at"]),
        reached=happened.notna().to_numpy(),
        ended=has_ended,
        groups=rows[JACKKNIFE_GROUP].to_numpy(),
    )
