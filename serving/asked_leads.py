"""Some leads' part of the history: their own rows and their accounts', what was refused, what the source says now.

Many leads take as many scans of the tables as one: the rows are found in the engine and held there.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from data_contracts.columns import TABLES
from data_contracts.errors import UnknownLeadError
from data_contracts.history import CheckedHistory, CrmHistory, Quarantine, RawHistory
from data_contracts.snapshots import Snapshots

RowsByLead = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of each lead. A lead without any is not in it."""

LEAD_TABLES = tuple(name for name, contract in TABLES.items() if any(c.name == "lead_id" for c in contract.columns))
"""The tables whose rows are each about one lead."""

_NAMED = '"(lead_id|object_id)":"?([^",}]*)'
"""The lead of a row in quarantine, up to where its id ends or has a character that is hard to tell from an end."""


@contextmanager
def around(history: CrmHistory, lead_ids: Sequence[str]) -> Iterator[CrmHistory]:
    """The history of the leads and of the others at their accounts, for a while: all that their features depend on.

    Ids that nobody bears have no rows in it.
    """
    with ExitStack() as kept:

        def held(table: ir.Table) -> ir.Table:
            # Held once: a dozen queries follow, and each would otherwise be written with all of these joins in it.
            return kept.enter_context(table.cache())

        leads = history.leads
        asked = of_ids(leads, lead_ids).select("lead_id", "account_id")
        asked.to_pyarrow()  # hands the ids to the engine: Spark holds no table that reads what it was not handed
        is_near = leads.lead_id.isin(asked.lead_id) | leads.account_id.isin(asked.account_id).fill_null(False)
        near = held(leads.filter(is_near))
        lead_ids_near, accounts_near = near.select("lead_id"), near.select("account_id").distinct()
        objects_near = near.select(object_id="lead_id").union(accounts_near.select(object_id="account_id"))
        others = [name for name in LEAD_TABLES if name != "leads"]
        tables = {name: held(history.tables[name].semi_join(lead_ids_near, "lead_id")) for name in others}
        tables["accounts"] = held(history.accounts.semi_join(accounts_near, "account_id"))
        tables["attribute_changes"] = held(history.attribute_changes.semi_join(objects_near, "object_id"))
        unsettled = held(history.unsettled.semi_join(lead_ids_near, "lead_id"))
        yield replace(history, tables={**history.tables, **tables, "leads": near}, unsettled=unsettled)


@contextmanager
def around_lead(checked: CheckedHistory, lead_id: str) -> Iterator[CrmHistory]:
    """As `around`, of one lead. Raises `UnknownLeadError` where there is no such lead, saying what became of it."""
    with around(checked.history, [lead_id]) as near:
        if not known_ids(near, [lead_id]):
            refused = refused_rows(checked.quarantine, [lead_id])
            raise UnknownLeadError(why_unknown(checked.history, lead_id, refused=refused))
        yield near


def of_ids(rows: ir.Table, lead_ids: Iterable[str]) -> ir.Table:
    """Those of `rows` that are about one of `lead_ids`."""
    return rows.semi_join(_ids(lead_ids), "lead_id")


def of_leads(snapshots: Snapshots, lead_ids: Iterable[str]) -> Snapshots:
    """The snapshots of the leads, computed once."""
    return Snapshots(ibis.memtable(of_ids(snapshots.table, lead_ids).to_pyarrow()))


def known_ids(history: CrmHistory, lead_ids: Iterable[str]) -> frozenset[str]:
    """Those of `lead_ids` that a lead bears."""
    return frozenset(of_ids(history.leads, lead_ids).lead_id.to_pyarrow().to_pylist())


def refused_rows(quarantine: Quarantine, lead_ids: Sequence[str]) -> RowsByLead:
    """The breaches of the leads' own rows, whichever table they are in: `table`, `source_row`, `rule` and `reason`."""
    asked = frozenset(lead_ids)
    rows = quarantine.table
    begins = rows.raw_row.re_extract(_NAMED, 2).strip()
    # The engine finds the few rows that might be meant: a written id is compared as far as it has no escape.
    meant = ibis.memtable(pa.table({"begins": pa.array(sorted({_begins(one) for one in asked}), pa.string())}))
    naming = rows.filter(begins.isin(meant.begins) | begins.contains("\\"))
    found = naming.order_by("table", "source_row", "rule").to_pyarrow().to_pylist()
    told = ("table", "source_row", "rule", "reason")
    about = [
        {"lead_id": lead_id, **{name: row[name] for name in told}}
        for row in found
        for lead_id in sorted(_named_in(row["raw_row"]) & asked)
    ]
    return by_lead(about)


def _begins(lead_id: str) -> str:
    """What `_NAMED` finds of the lead's id where it stands in quarantine."""
    named = re.search(_NAMED, f'"lead_id":{json.dumps(lead_id, ensure_ascii=False)}')
    return named[2].strip() if named else ""


def _named_in(raw_row: str) -> frozenset[str]:
    given = json.loads(raw_row)
    found = (given.get(key) for key in ("lead_id", "object_id"))
    return frozenset(str(one).strip() for one in found if one is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """What the source says now of some leads.

    Attributes
    ----------
    extracted_at
        When its extract was taken (UTC, naive).
    leads
        The leads' own rows, with the source's columns in small letters.
    counts
        How many rows of each table of `LEAD_TABLES` are each lead's; leads without any are left out.
    """

    extracted_at: dt.datetime
    leads: RowsByLead
    counts: Mapping[str, Mapping[str, int]]


def delivered(raw: RawHistory, lead_ids: Sequence[str]) -> Delivered:
    """The leads' rows as the source delivers them. Each of its tables is read once, whatever the number of leads."""
    own = _delivered(raw, "leads", lead_ids)
    leads = {} if own is None else by_lead(own.to_pyarrow().to_pylist(), key=_ASKED)
    counts = {"leads": {lead_id: len(rows) for lead_id, rows in leads.items()}}
    for table in [name for name in LEAD_TABLES if name != "leads"]:
        rows = _delivered(raw, table, lead_ids)
        counts[table] = {} if rows is None else dict(counted(rows, key=_ASKED))
    return Delivered(raw.extracted_at, leads, counts)


_ASKED = "asked_lead_id"


def _delivered(raw: RawHistory, table: str, lead_ids: Iterable[str]) -> ir.Table | None:
    """The leads' rows of `table`, with the id that was asked for; None where the source has no such table."""
    if table not in raw.tables:
        return None
    rows = raw.tables[table]
    rows = rows.rename({name.lower(): name for name in rows.columns if name != name.lower()})
    if "lead_id" not in rows.columns:
        return None
    rows = rows.mutate(**{_ASKED: rows.lead_id.cast("string").strip()})
    return rows.semi_join(_ids(lead_ids).rename({_ASKED: "lead_id"}), _ASKED)


def counted(rows: ir.Table, *, key: str = "lead_id") -> Mapping[str, int]:
    """How many of `rows` each lead has; leads without any are left out."""
    found = rows.group_by(key).aggregate(n=rows.count()).to_pyarrow()
    return dict(zip(found[key].to_pylist(), found["n"].to_pylist(), strict=True))


def by_lead(rows: Iterable[Mapping[str, Any]], *, key: str = "lead_id") -> RowsByLead:
    """`rows` by the lead that is named in their column `key`, those of each in their order."""
    return {lead_id: list(own) for lead_id, own in groupby(sorted(rows, key=itemgetter(key)), key=itemgetter(key))}


def rows_of(frame: pd.DataFrame) -> Mapping[str, Mapping[str, Any]]:
    """The row of each lead in a frame that has one of each, by column."""
    rows: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    return {row["lead_id"]: row for row in rows}


def why_unknown(history: CrmHistory, lead_id: str, *, refused: RowsByLead, delivered: Delivered | None = None) -> str:
    """What became of a lead that is not in the checked history. `delivered` is None where the source was not asked."""
    reasons = [breach["reason"] for breach in refused.get(lead_id, ()) if breach["table"] == "leads"]
    if reasons:
        remedy = "mend it in the CRM or the source's SELECT and check again"
        return f"lead {lead_id!r} is in quarantine: {'; '.join(reasons)}; {remedy}"
    rows = delivered.leads.get(lead_id, ()) if delivered else ()
    merged = [row["merged_into"] for row in rows if row.get("merged_into")]
    if merged:
        survivor = merged[0]
        return f"lead {lead_id!r} was merged into {survivor!r} and its history belongs to that one; trace {survivor!r}"
    if rows and delivered and delivered.extracted_at == history.extracted_at:
        told = (
            "neither accepted nor refused: [[crm.left_out]] leaves it out; `leadscore left-out` shows under which name"
        )
        return f"lead {lead_id!r} is {told}"
    example = history.leads.order_by("lead_id").limit(1).lead_id.to_pyarrow().to_pylist()
    looks = f"; ids look like {example[0]!r}" if example else ""
    return f"there is no lead {lead_id!r} in the checked history{looks}"


def _ids(lead_ids: Iterable[str]) -> ir.Table:
    return ibis.memtable(pa.table({"lead_id": pa.array(list(lead_ids), pa.string())}))
