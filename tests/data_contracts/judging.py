"""The row rules applied to a raw history, without the verdicts on tables as a whole (which take longer).

Most of the time goes into compiling the rules, whatever the number of rows: `judge_each` judges many small histories
in one go.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.check.deliver import receive
from data_contracts.check.judge_tables import judge_tables
from data_contracts.check.keep import keep_tables
from data_contracts.check.leave_out import keep_left_out, left_out_counts
from data_contracts.check.refuse import counts, keep_quarantine
from data_contracts.check.unsettled import find_unsettled, where_leads_stand
from data_contracts.history import RawHistory, TableCheck
from data_contracts.settings import Settings
from engines.duckdb import DuckDbEngine
from tests.data_contracts.raw_rows import LENIENT, Rows, engine_of, raw, rows_of


@dataclass(frozen=True)
class Judged:
    """What became of a raw history: counts, quarantine, unsettled leads, accepted rows by table, rows left out."""

    checks: Mapping[str, TableCheck]
    quarantine: Sequence[Mapping[str, Any]]
    unsettled: Sequence[tuple[str, str, str, bool]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    left_out: Sequence[Mapping[str, Any]] = ()

    def refused(self, table: str) -> list[tuple[int, str]]:
        """Source row and rule (without the table's name) of each breach in `table`, in order."""
        breaches = [row for row in self.quarantine if row["table"] == table]
        return sorted((row["source_row"], row["rule"].removeprefix(f"{table}.")) for row in breaches)

    def reason(self, rule: str) -> str:
        """The reason of the only breach of `rule`."""
        (reason,) = [row["reason"] for row in self.quarantine if row["rule"] == rule]
        return str(reason)

    def column(self, table: str, name: str) -> list[Any]:
        """The accepted values of a column, in order."""
        return sorted((row[name] for row in self.tables[table]), key=str)


def judge_rows(raw: RawHistory, settings: Settings = LENIENT) -> Judged:
    """`raw` after its rows were typed, judged and kept."""
    engine = engine_of(raw)
    tables = receive(raw, settings.crm)
    judged = judge_tables(engine, tables, settings=settings, extracted_at=raw.extracted_at)
    several, known = judged.tables, judged.known_leads
    quarantine = rows_of(keep_quarantine(engine, judged.quarantined))
    left_out = rows_of(keep_left_out(engine, judged.left_out))
    checks = {name: counts(table, left_out=left_out_counts(engine, name)) for name, table in several.items()}
    unsettled: list[tuple[str, str, str, bool]] = []
    if known is not None and "stage_changes" in several:
        standing = where_leads_stand(engine, several["leads"], several["stage_changes"], known)
        found = find_unsettled(standing, several["stage_changes"], several.get("opportunities"))
        unsettled = sorted((r["lead_id"], r["stage"], r["reason"], r["is_ending"]) for r in rows_of(found))
    kept = keep_tables(engine, several, crm=settings.crm)
    accepted = {name: rows_of(kept[name]) for name in several}
    engine.forget()
    return Judged(checks, quarantine, unsettled, accepted, left_out)


IDS = ("account_id", "lead_id", "activity_id", "opportunity_id", "object_id", "merged_into")
MARK = re.compile("⟦\\d+⟧")


def judge_each(
    histories: Sequence[Mapping[str, Rows]], settings: Settings = LENIENT, *, engine: DuckDbEngine
) -> list[Judged]:
    """What becomes of each of the histories, which are judged as one: a mark before every id keeps them apart.

    A table that one of them has is there for all of them, and so is a column. The counts are those of all together.
    """
    together = judge_rows(raw(side_by_side(histories), engine=engine), settings)
    first = dict.fromkeys(together.tables, 1)
    found = []
    for nth, tables in enumerate(histories):
        places = {name: range(first[name], first[name] + len(tables.get(name, ()))) for name in first}
        found.append(_part(together, _mark(nth), places))
        first = {name: place.stop for name, place in places.items()}
    return found


def side_by_side(histories: Sequence[Mapping[str, Rows]]) -> dict[str, list[dict[str, str | None]]]:
    """The histories as one, with the number of its history before every id."""
    merged: dict[str, list[dict[str, str | None]]] = {}
    for nth, tables in enumerate(histories):
        for name, rows in tables.items():
            merged.setdefault(name, []).extend({key: _marked(key, row[key], _mark(nth)) for key in row} for row in rows)
    return merged


def _mark(nth: int) -> str:
    return f"⟦{nth}⟧"


def _marked(column: str, value: str | None, mark: str) -> str | None:
    """The value with the mark before its first letter, where it is an id."""
    if column not in IDS or not value or not value.strip():
        return value
    return value.replace(value.strip(), f"{mark}{value.strip()}")


def _part(together: Judged, mark: str, places: Mapping[str, range]) -> Judged:
    quarantine = [
        _unmarked(row) | {"source_row": row["source_row"] - places[row["table"]].start + 1}
        for row in together.quarantine
        if row["source_row"] in places[row["table"]]
    ]
    unsettled = sorted((MARK.sub("", lead), *told) for lead, *told in together.unsettled if lead.startswith(mark))
    tables = {
        name: [_unmarked(row) for row in rows if any(str(row.get(column)).startswith(mark) for column in IDS)]
        for name, rows in together.tables.items()
    }
    return Judged(together.checks, quarantine, unsettled, tables)


def _unmarked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: MARK.sub("", value) if isinstance(value, str) else value for name, value in row.items()}
