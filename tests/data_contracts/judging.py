"""The row rules applied to a raw history, without the verdicts on tables as a whole (which take longer)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.delivery import receive
from data_contracts.history import RawHistory, TableCheck
from data_contracts.quarantine import counts, refuse_rows
from data_contracts.rules import Judge
from data_contracts.settings import Settings
from data_contracts.translation import translate
from data_contracts.trusted import settle
from data_contracts.typing_rows import type_rows
from data_contracts.unsettled import find_unsettled
from data_contracts.workbench import REFUSED, UNSETTLED, typed, workbench
from tests.data_contracts.raw_rows import LENIENT


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
    """`raw` after its rows were typed, judged and settled."""
    con = raw.engine.con
    with workbench(raw.engine):
        tables = receive(raw, settings.crm)
        for table in tables:
            judge = Judge(table.contract, extracted_at=raw.extracted_at, are_leads_known="leads" in raw.tables)
            translate(raw.engine, table.contract, columns=table.columns, crm=settings.crm)
            type_rows(raw.engine, table, crm=settings.crm)
            refuse_rows(raw.engine, table, judge=judge)
        checks = {table.name: counts(raw.engine, table) for table in tables}
        quarantine = con.execute(f"SELECT * FROM {REFUSED}").to_arrow_table().to_pylist()
        if {"leads", "stage_changes"} <= set(raw.tables):
            find_unsettled(raw.engine, are_there_deals="opportunities" in raw.tables)
        unsettled = con.execute(f"SELECT lead_id, stage, reason, is_ending FROM {UNSETTLED} ORDER BY ALL").fetchall()
        settle(raw.engine, tables, crm=settings.crm)
        accepted = {t.name: con.execute(f"SELECT * FROM {typed(t.name)}").to_arrow_table().to_pylist() for t in tables}
    return Judged(checks, quarantine, unsettled, accepted)
