"""When values came to be known: what becomes of each lead, when attributes change, when kinds are recorded.

Everything is an Ibis expression and lazy. What comes out of the engine is one row a lead, or counts.
"""

import ibis
import ibis.expr.types as ir

from data_contracts.crm_mapping import CrmMapping
from data_contracts.history import CrmHistory
from data_contracts.vocabulary import CLOSED_STAGES, Stage, Transition
from features.deeds import as_done
from features.stages import reached_stages, standing_stages

ENDINGS = tuple(stage for stage in CLOSED_STAGES if stage is not Stage.WON)
"""Stages in which a lead has ended without converting."""

_SECONDS_PER_DAY = 86_400


def fates_of(history: CrmHistory, *, transition: Transition) -> ir.Table:
    """What has become by the extract of each lead that ever waited for `transition`, however long it took.

    Unlike an outcome, a fate has no horizon: a value that is written at the conversion is written whenever that is.
    Leads that ended nobody knows when are left out.

    Returns
    -------
    Table
        One row a lead: `lead_id`, `entered_at` (its first entry), `decided_at` (when it converted or was closed,
        whichever came first; missing while it is open), `has_converted` (False where it is open or was closed first),
        `n_before` and `n_after` (activities by the first entry, and after it).
    """
    changes = history.stage_changes
    standing = changes.filter(changes.stage.isin(standing_stages(transition)))
    first = standing.group_by("lead_id").aggregate(entered_at=standing.entered_at.min())
    ended = history.unsettled.filter(history.unsettled.is_ending)
    first = first.anti_join(ended, "lead_id")
    later = changes.select("lead_id", "stage", moved_at=changes.entered_at)
    pairs = first.join(later, "lead_id")
    pairs = pairs.filter(pairs.moved_at >= pairs.entered_at)
    reached = pairs.stage.isin(reached_stages(transition.to_stage))
    moves = pairs.group_by("lead_id").aggregate(
        reached_at=pairs.moved_at.min(where=reached), closed_at=pairs.moved_at.min(where=pairs.stage.isin(ENDINGS))
    )
    # The entry itself is among the moves, so every lead is there.
    fates = first.join(moves, "lead_id").left_join(_activity_counts(history, first), "lead_id")
    has_converted = fates.reached_at.notnull() & (fates.closed_at.isnull() | (fates.reached_at <= fates.closed_at))
    decided_at = has_converted.ifelse(fates.reached_at, fates.closed_at)
    return fates.select(
        "lead_id",
        "entered_at",
        decided_at=decided_at,
        has_converted=has_converted,
        n_before=fates.n_before.fill_null(0),
        n_after=fates.n_after.fill_null(0),
    )


def change_counts(history: CrmHistory, fates: ir.Table, *, crm: CrmMapping) -> ir.Table:
    """How the changes of each declared attribute lie against the conversion of the leads they concern.

    A change of an account concerns all its leads that converted. At least one attribute is declared.

    Returns
    -------
    Table
        One row an attribute that has changes: `attribute`, `n_changes` (of converted leads), `n_at_conversion` (those
        within a day of it), `n_after` (those at the conversion or later). Lazy.
    """
    counted = [
        _changes_against_conversion(history, fates, list(crm.attributes_of(table)), of=table.removesuffix("s"))
        for table in ("leads", "accounts")
        if crm.attributes_of(table)
    ]
    return ibis.union(*counted) if len(counted) > 1 else counted[0]


def recording_counts(history: CrmHistory, fates: ir.Table, *, crm: CrmMapping) -> ir.Table:
    """When each declared kind of activity is recorded, against the decision about its lead.

    Returns
    -------
    Table
        One row a kind: `kind`; `n_early_converted` and `n_early_closed` (activities that are said to have occurred
        before the entry of a lead that converted, that was closed); `n_late_converted` and `n_late_closed` (those of
        them that were recorded at the decision or later); `n_ahead` (activities recorded before they occurred), `n`
        (all of these leads); `n_leads_converted`, `n_leads_closed`, `n_leads_open` (leads that have any of it at the
        extract). Lazy.
    """
    activities = as_done(history.activities, crm.kinds)
    activities = activities.filter(activities.kind.isin(list(crm.kinds)))
    activities = activities.select("lead_id", "kind", "occurred_at", "recorded_at")
    rows = activities.join(fates.select("lead_id", "entered_at", "decided_at", "has_converted"), "lead_id")
    is_early, is_open = rows.occurred_at < rows.entered_at, rows.decided_at.isnull()
    is_late = (rows.recorded_at >= rows.decided_at).fill_null(False)
    is_closed = ~rows.has_converted & ~is_open
    return rows.group_by("kind").aggregate(
        n_early_converted=rows.count(where=is_early & rows.has_converted),
        n_late_converted=rows.count(where=is_early & rows.has_converted & is_late),
        n_early_closed=rows.count(where=is_early & is_closed),
        n_late_closed=rows.count(where=is_early & is_closed & is_late),
        n_ahead=rows.count(where=rows.recorded_at < rows.occurred_at),
        n=rows.count(),
        n_leads_converted=rows.lead_id.nunique(where=rows.has_converted),
        n_leads_closed=rows.lead_id.nunique(where=is_closed),
        n_leads_open=rows.lead_id.nunique(where=is_open),
    )


def filled_counts(history: CrmHistory, fates: ir.Table, *, crm: CrmMapping) -> ir.Table:
    """For how many leads each declared attribute is filled in the latest extract, by fate.

    Returns
    -------
    Table
        One row a fate: `has_converted`, `is_open`, and the number of leads for which each attribute is filled, by its
        name. Lazy.
    """
    leads = history.leads.select("lead_id", "account_id", *crm.attributes_of("leads"))
    followed = fates.select("lead_id", "decided_at", "has_converted").join(leads, "lead_id")
    if declared := list(crm.attributes_of("accounts")):
        accounts = history.accounts
        accounts = accounts.select(*declared, opened_id=accounts.account_id)
        followed = followed.left_join(accounts, followed.account_id == accounts.opened_id)
    followed = followed.mutate(is_open=followed.decided_at.isnull())
    return followed.group_by("has_converted", "is_open").aggregate(
        **{name: followed.count(where=followed[name].notnull()) for name in crm.feature_attributes}
    )


def _activity_counts(history: CrmHistory, entries: ir.Table) -> ir.Table:
    activities = history.activities.select("lead_id", "occurred_at")
    rows = activities.join(entries, "lead_id")
    return rows.group_by("lead_id").aggregate(
        n_before=rows.count(where=rows.occurred_at < rows.entered_at),
        n_after=rows.count(where=rows.occurred_at >= rows.entered_at),
    )


def _changes_against_conversion(history: CrmHistory, fates: ir.Table, names: list[str], *, of: str) -> ir.Table:
    changes = history.attribute_changes
    changes = changes.filter(changes.object == of, changes.attribute.isin(names))
    changes = changes.select("object_id", "attribute", "changed_at")
    converted = fates.filter(fates.has_converted).select("lead_id", "decided_at")
    converted = converted.join(history.leads.select("lead_id", "account_id"), "lead_id")
    rows = changes.join(converted, changes.object_id == converted[f"{of}_id"])
    from_conversion = rows.changed_at.delta(rows.decided_at, unit="second")
    is_near = (from_conversion >= -_SECONDS_PER_DAY) & (from_conversion <= _SECONDS_PER_DAY)
    return rows.group_by("attribute").aggregate(
        n_changes=rows.count(),
        n_at_conversion=rows.count(where=is_near),
        n_after=rows.count(where=rows.changed_at >= rows.decided_at),
    )
