"""One lead's part of the history: its own rows and its account's, what was refused of it, what the source says now."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import ibis

from data_contracts.columns import TABLES
from data_contracts.errors import UnknownLeadError
from data_contracts.history import CrmHistory, Quarantine, RawHistory
from data_contracts.snapshots import Snapshots

Refused = tuple[Mapping[str, Any], ...]
"""Breaches: `table`, `source_row`, `rule` and `reason` of each."""

LEAD_TABLES = tuple(name for name, contract in TABLES.items() if any(c.name == "lead_id" for c in contract.columns))
"""The tables whose rows are each about one lead."""


@contextmanager
def around(history: CrmHistory, raw: RawHistory | None, lead_id: str, *, refused: Refused) -> Iterator[CrmHistory]:
    """The history of the lead and of the others at its account, for a while: all that its features depend on.

    Raises `UnknownLeadError` where there is no such lead, saying what became of it.
    """
    leads = history.leads
    own = leads.filter(leads.lead_id == lead_id).to_pyarrow().to_pylist()
    if not own:
        raise UnknownLeadError(_why_unknown(history, raw, lead_id, refused=refused))
    account_id = own[0]["account_id"]
    account = ibis.literal(account_id, type="string")
    near = leads.filter((leads.lead_id == lead_id) | (leads.account_id == account))
    lead_ids = near.lead_id.to_pyarrow().to_pylist()
    object_ids = [*lead_ids, account_id] if account_id is not None else lead_ids
    tables = dict(history.tables)
    for name in LEAD_TABLES:
        tables[name] = tables[name].filter(tables[name].lead_id.isin(lead_ids))
    accounts, changes = tables["accounts"], tables["attribute_changes"]
    tables["accounts"] = accounts.filter(accounts.account_id == account)
    tables["attribute_changes"] = changes.filter(changes.object_id.isin(object_ids))
    with ExitStack() as kept:
        # Held once: a dozen queries follow, and each would otherwise be written with all of these filters in it.
        held = {name: kept.enter_context(table.cache()) for name, table in tables.items()}
        yield replace(history, tables=held)


def refused_rows(quarantine: Quarantine, lead_id: str) -> Refused:
    """The breaches of the lead's own rows, whichever table they are in."""
    rows = quarantine.table
    # The engine finds the few rows that name the lead anywhere: each reads JSON in a way of its own.
    naming = rows.filter(rows.raw_row.contains(json.dumps(lead_id, ensure_ascii=False)[1:-1]))
    found = naming.order_by("table", "source_row", "rule").to_pyarrow().to_pylist()
    return tuple(
        {name: row[name] for name in ("table", "source_row", "rule", "reason")}
        for row in found
        if _is_about(row, lead_id)
    )


def _is_about(refused: Mapping[str, Any], lead_id: str) -> bool:
    given = json.loads(refused["raw_row"])
    return any(str(given.get(key, "")).strip() == lead_id for key in ("lead_id", "object_id"))


def _why_unknown(history: CrmHistory, raw: RawHistory | None, lead_id: str, *, refused: Refused) -> str:
    reasons = [breach["reason"] for breach in refused if breach["table"] == "leads"]
    if reasons:
        remedy = "mend it in the CRM or the source's SELECT and check again"
        return f"lead {lead_id!r} is in quarantine: {'; '.join(reasons)}; {remedy}"
    delivered = delivered_rows(raw, "leads", lead_id)
    merged = [row for row in delivered if row.get("merged_into")]
    if merged:
        survivor = merged[0]["merged_into"]
        return f"lead {lead_id!r} was merged into {survivor!r} and its history belongs to that one; trace {survivor!r}"
    if delivered and raw is not None and raw.extracted_at == history.extracted_at:
        told = (
            "neither accepted nor refused: [[crm.left_out]] leaves it out; `leadscore left-out` shows under which name"
        )
        return f"lead {lead_id!r} is {told}"
    example = history.leads.order_by("lead_id").limit(1).lead_id.to_pyarrow().to_pylist()
    looks = f"; ids look like {example[0]!r}" if example else ""
    return f"there is no lead {lead_id!r} in the checked history{looks}"


def delivered_rows(raw: RawHistory | None, table: str, lead_id: str) -> list[dict[str, Any]]:
    """The lead's rows of `table` as the source delivers them; none where it cannot be asked or has no such table."""
    if raw is None or table not in raw.tables:
        return []
    rows = raw.tables[table]
    rows = rows.rename({name.lower(): name for name in rows.columns if name != name.lower()})
    if "lead_id" not in rows.columns:
        return []
    found: list[dict[str, Any]] = rows.filter(rows.lead_id.cast("string").strip() == lead_id).to_pyarrow().to_pylist()
    return found


def of_lead(snapshots: Snapshots, lead_id: str) -> Snapshots:
    """The snapshots of the lead, held once."""
    return Snapshots(snapshots.table.filter(snapshots.table.lead_id == lead_id).cache())
