"""What the nouns up to the labels hold of some leads, as pairs of a label and a value for reading.

Each function asks the engine once for all leads, and gives the rows of each.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import ibis.expr.types as ir
import pandas as pd

from data_contracts.columns import TABLES
from data_contracts.history import CrmHistory
from data_contracts.privacy import masked
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from data_contracts.traces import Rows
from data_contracts.vocabulary import Unsettled
from features.known import known_at
from features.outcomes import outcomes_of
from features.snapshots import training_snapshots
from serving.asked_leads import LEAD_TABLES, Delivered, RowsByLead, by_lead, counted, of_ids, of_leads, rows_of
from serving.shown import shown


def raw_rows(
    history: CrmHistory, delivered: Delivered | None, lead_ids: Sequence[str], *, settings: Settings
) -> Mapping[str, Rows]:
    """How many rows are delivered, and each lead's own row: canonical columns and declared attributes only, and no
    value that looks like an email address or a phone number, so that nothing is shown that identifies a person.
    """
    if delivered is None:
        return dict.fromkeys(lead_ids, (("not there", "the source cannot be read any more"),))
    if delivered.extracted_at != history.extracted_at:
        now, then = shown(delivered.extracted_at), shown(history.extracted_at)
        moved_on = f"its extract is of {now} now, the checked one was of {then}"
        return dict.fromkeys(lead_ids, (("moved on", moved_on),))
    printable = {column.name for column in TABLES["leads"].columns} | set(settings.crm.attributes)

    def told_of(lead_id: str) -> Iterable[tuple[str, str]]:
        for table in LEAD_TABLES:
            n = delivered.counts[table].get(lead_id, 0)
            if n:
                yield table, f"{n} row(s) delivered"
            for row in delivered.leads.get(lead_id, ()) if table == "leads" else ():
                yield from ((f"  {name}", _told(name, value)) for name, value in row.items() if name in printable)

    nothing: Rows = (("nothing", "the source has no row of it any more"),)
    return {lead_id: tuple(told_of(lead_id)) or nothing for lead_id in lead_ids}


def _told(name: str, value: object) -> str:
    return shown(value) if name in _IDS else masked(shown(value))


_IDS = ("lead_id", "account_id")
"""Ids stand on every page; a long number is one as well as a phone number."""


def history_rows(near: CrmHistory, lead_ids: Sequence[str], refused: RowsByLead) -> Mapping[str, Rows]:
    """How many rows of each table are trusted, each lead's stages in order, and what was refused with its reasons."""
    counts = {name: counted(of_ids(near.tables[name], lead_ids)) for name in LEAD_TABLES}
    changes = of_ids(near.stage_changes, lead_ids).order_by("lead_id", "entered_at", "recorded_at")
    stages = by_lead(changes.to_pyarrow().to_pylist())

    def told_of(lead_id: str) -> Iterable[tuple[str, str]]:
        for name in LEAD_TABLES:
            yield name, f"{counts[name].get(lead_id, 0)} row(s) trusted"
        for change in stages.get(lead_id, ()):
            yield f"  {shown(change['entered_at'])}", f"{change['stage']}, known {shown(change['recorded_at'])}"
        for breach in refused.get(lead_id, ()):
            yield f"refused: {breach['table']} row {breach['source_row']}", str(breach["reason"])

    return {lead_id: tuple(told_of(lead_id)) for lead_id in lead_ids}


def snapshot_rows(
    near: CrmHistory, frame: pd.DataFrame, lead_ids: Sequence[str], *, as_of: dt.datetime
) -> Mapping[str, Rows]:
    """Each lead as it waits at `as_of`; where it does not, its last stage known then and why it counts as closed."""
    columns = ("stage", "transition", "as_of", "account_id")
    waiting = {lead_id: tuple((name, shown(row[name])) for name in columns) for lead_id, row in rows_of(frame).items()}
    closed = [lead_id for lead_id in lead_ids if lead_id not in waiting]
    return {**waiting, **(_closed_rows(near, closed, as_of=as_of) if closed else {})}


def _closed_rows(near: CrmHistory, lead_ids: Sequence[str], *, as_of: dt.datetime) -> Mapping[str, Rows]:
    """The last stage of each lead that was known, and why it counts as closed though its changes may stand open."""
    changes = near.stage_changes
    known = of_ids(changes.filter(changes.entered_at < as_of, changes.recorded_at < as_of), lead_ids)
    stages = by_lead(known.order_by("lead_id", "entered_at", "recorded_at").to_pyarrow().to_pylist())
    ended = of_ids(near.unsettled.filter(near.unsettled.is_ending), lead_ids)
    reasons = by_lead(ended.order_by("reason", "stage").to_pyarrow().to_pylist())

    def told_of(lead_id: str) -> Iterable[tuple[str, str]]:
        last = stages[lead_id][-1]["stage"] if lead_id in stages else "none"
        yield "not open", f"nothing to score; the last stage known then is {last}"
        for row in reasons.get(lead_id, ()):
            yield "closed", f"{row['stage']}, nobody knows when: a lead {Unsettled(row['reason']).meaning}"

    return {lead_id: tuple(told_of(lead_id)) for lead_id in lead_ids}


def known_rows(
    near: CrmHistory, snapshots: Snapshots, lead_ids: Sequence[str], *, settings: Settings
) -> Mapping[str, Rows]:
    """How many facts of each kind were known at each lead's snapshot, and the age of the latest in days."""
    known = known_at(near, snapshots, settings=settings)
    tables: Mapping[str, ir.Table] = {
        "own activities": known.activities,
        "own stage changes": known.stage_changes,
        "colleagues who are leads": known.account_leads,
        "colleagues' activities": known.account_activities,
        "colleagues' stage changes": known.account_stage_changes,
    }
    leads = snapshots.table.select("snapshot_id", "lead_id")
    found = {label: _counted_facts(table, leads) for label, table in tables.items()}
    return {
        lead_id: tuple((label, told.get(lead_id, "0 known")) for label, told in found.items()) for lead_id in lead_ids
    }


def _counted_facts(facts: ir.Table, leads: ir.Table) -> Mapping[str, str]:
    counts = facts.group_by("snapshot_id").aggregate(n=facts.count(), latest=facts.age_days.min())
    return {
        row["lead_id"]: f"{row['n']} known, the latest {row['latest']:.2f} days old"
        for row in counts.join(leads, "snapshot_id").to_pyarrow().to_pylist()
    }


def label_rows(near: CrmHistory, lead_ids: Sequence[str], *, settings: Settings) -> Mapping[str, Rows]:
    """Each training snapshot of each lead with its outcome and weight."""
    rows: dict[str, list[tuple[str, str]]] = {lead_id: [] for lead_id in lead_ids}
    for transition in settings.definitions.transitions:
        found = training_snapshots(near, settings.definitions, transition=transition)
        own = of_leads(found, lead_ids)
        judged = outcomes_of(near, own, settings=settings, transition=transition)
        for row in own.table.join(judged, "snapshot_id").order_by("lead_id", "as_of").to_pyarrow().to_pylist():
            label = f"{transition}, {shown(row['as_of'])}"
            told = f"day {row['day']}: {row['outcome_status']}, weight {row['weight']:.3f}"
            rows[row["lead_id"]].append((label, told))
    never: Rows = (("no snapshot", "it never waited for a transition while it was learnt from"),)
    return {lead_id: tuple(own) or never for lead_id, own in rows.items()}
