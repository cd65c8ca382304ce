"""The row rules applied to a raw history, without the verdicts on tables as a whole (which take longer)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.check.deliver import receive
from data_contracts.check.keep import keep_tables
from data_contracts.check.refuse import counts, delivered_rows, keep_quarantine
from data_contracts.check.run import judge_tables
from data_contracts.check.unsettled import find_unsettled, where_leads_stand
from data_contracts.history import RawHistory, TableCheck
from data_contracts.settings import Settings
from tests.data_contracts.raw_rows import LENIENT, engine_of, rows_of


@dataclass(frozen=True)
class Judged:
    """What became of a raw history: the counts, the quarantine, the unsettled leads, the accepted rows by table."""

    checks: Mapping[str, TableCheck]
    quarantine: Sequence[Mapping[str, Any]]
    unsettled: Sequence[tuple[str, str, str, bool]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]

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
    several, known = judge_tables(engine, tables, settings=settings, extracted_at=raw.extracted_at)
    checks = {name: counts(judged, delivered=delivered_rows(judged.table)) for name, judged in several.items()}
    quarantine = rows_of(keep_quarantine(engine, list(several.values()), extracted_at=raw.extracted_at))
    unsettled: list[tuple[str, str, str, bool]] = []
    if known is not None and "stage_changes" in several:
        standing = where_leads_stand(engine, several["leads"], several["stage_changes"], known)
        found = find_unsettled(standing, several["stage_changes"], several.get("opportunities"))
        unsettled = sorted((r["lead_id"], r["stage"], r["reason"], r["is_ending"]) for r in rows_of(found))
    kept = keep_tables(engine, several, crm=settings.crm)
    accepted = {name: rows_of(kept[name]) for name in several}
    engine.forget()
    return Judged(checks, quarantine, unsettled, accepted)
