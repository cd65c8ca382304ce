"""Nothing is lost: every delivered row is accepted, refused with a reason, or left out by the settings."""

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from data_contracts.check.judge_rows import Judged
from data_contracts.check.keep import withdraw
from data_contracts.errors import Breach, ContractError
from data_contracts.history import LEFT_OUT, QUARANTINE, TableCheck
from data_contracts.ports import Engine
from data_contracts.wording import rows

_REMEDY = "this is an error of ours and not of the source; nothing of this run is kept as trusted"


def refuse_lost_rows(
    engine: Engine, several: Mapping[str, Judged], kept: Mapping[str, ir.Table], *, checks: Mapping[str, TableCheck]
) -> None:
    """Raise `ContractError` where a row is not in exactly one place: its canonical table, the quarantine, or left out.

    Merged leads are accepted and leave `leads`, their rows are their survivors'. Changes of attributes that nobody
    declared are left out before rows are judged.
    """
    quarantine = engine.table(QUARANTINE)
    refused = quarantine.group_by("table").aggregate(
        n_rows=quarantine.source_row.nunique(), n_breaches=quarantine.count(), n_raw=quarantine.raw_row.count()
    )
    by_table = {row["table"]: row for row in refused.to_pyarrow().to_pylist()}
    nothing = {"n_rows": 0, "n_breaches": 0, "n_raw": 0}
    apart = engine.table(LEFT_OUT)
    breaches = [
        breach
        for name, judged in several.items()
        for breach in _lost(
            judged,
            kept[name],
            by_table.get(name, nothing) | {"n_left_out": _count(apart.filter(apart.table == name))},
            checks[name],
        )
    ]
    if breaches:
        withdraw(engine)
        raise ContractError(breaches, tables=tuple(checks.values()))


def _lost(judged: Judged, kept: ir.Table, refused: Mapping[str, int], check: TableCheck) -> Iterator[Breach]:
    name = judged.name
    n_merged = _count(judged.accepted.filter(judged.accepted.merged_into.notnull())) if name == "leads" else 0
    n_accepted = _count(kept) + n_merged
    n_left_out = refused["n_left_out"]
    if n_accepted + refused["n_rows"] + n_left_out != check.rows or n_left_out != sum(check.left_out.values()):
        found = f"{rows(check.rows)} were judged, {n_accepted:,} accepted and {refused['n_rows']:,} refused"
        found += f", {n_left_out:,} left out" if n_left_out or check.left_out else ""
        yield Breach(name, f"{name}.conserved", found, _REMEDY)
    told, noted = refused["n_raw"], sum(check.breaches.values())
    if told != noted or refused["n_breaches"] != noted:
        found = f"{noted:,} breaches were noted, {told:,} are in quarantine with the row as delivered"
        yield Breach(name, f"{name}.conserved", found, _REMEDY)
    if name not in _PARTLY_JUDGED and check.rows != check.delivered:
        found = f"{rows(check.delivered)} were delivered and {check.rows:,} judged"
        yield Breach(name, f"{name}.conserved", found, _REMEDY)


_PARTLY_JUDGED = frozenset({"attribute_changes"})
"""Tables of which rows may be left out before they are judged: changes of what nobody declared."""


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())
