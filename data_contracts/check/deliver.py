"""What a source delivered: which tables and columns, and what about them breaks a promise or costs something."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import ibis.expr.datatypes as dtypes
import ibis.expr.operations as ops
import ibis.expr.types as ir

from data_contracts.columns import TABLES, ColumnType, TableContract, unreadable
from data_contracts.crm_mapping import AttributeDeclaration, CrmMapping
from data_contracts.errors import Breach
from data_contracts.history import BESIDE, CheckReport, RawHistory
from data_contracts.left_out import LeftOut
from data_contracts.privacy import masked
from data_contracts.vocabulary import Availability
from data_contracts.wording import listed, rows

_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Findings:
    """What stops the run, and what people should know."""

    breaches: tuple[Breach, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def joined(cls, findings: Iterable[Self]) -> Self:
        """All of several findings, in order."""
        several = tuple(findings)
        return cls(
            breaches=tuple(breach for found in several for breach in found.breaches),
            warnings=tuple(warning for found in several for warning in found.warnings),
        )


@dataclass(frozen=True, slots=True)
class Delivered:
    """One canonical table as the source delivered it.

    Attributes
    ----------
    rows
        `source_row` and the columns, in lower case and otherwise as they came.
    columns
        Lower-case name to type, `source_row` left out.
    attributes
        The attributes that the settings declare for this table, delivered or not.
    conditions
        By which rows of this table are left out. They may ask for columns that nobody declared.
    """

    contract: TableContract
    rows: ir.Table
    columns: Mapping[str, dtypes.DataType]
    attributes: Mapping[str, AttributeDeclaration]
    conditions: tuple[LeftOut, ...] = ()

    @property
    def name(self) -> str:
        """The table's canonical name."""
        return self.contract.name

    @property
    def missing(self) -> tuple[str, ...]:
        """Required columns that were not delivered. Rows can only be judged where there are none."""
        return tuple(c.name for c in self.contract.columns if c.required and c.name not in self.columns)

    @property
    def asked_for(self) -> Mapping[str, ColumnType]:
        """Columns that conditions alone ask for, delivered or not, and how they are read."""
        known = {column.name for column in self.contract.columns} | set(self.attributes)
        return {one.column: one.column_type for one in self.conditions if one.column not in known}

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Delivered columns that neither the contract nor the settings know."""
        known = {column.name for column in self.contract.columns} | set(self.attributes) | set(self.asked_for)
        return tuple(name for name in self.columns if name not in known)

    @property
    def known(self) -> tuple[str, ...]:
        """Delivered columns that the contract or the settings know, in the order of the delivery."""
        undeclared = set(self.undeclared)
        return tuple(name for name in self.columns if name not in undeclared)


def receive(raw: RawHistory, crm: CrmMapping) -> tuple[Delivered, ...]:
    """The canonical tables that `raw` has, a referenced table before those that refer to it."""
    return tuple(
        _received(raw.tables[name], contract.speaking(crm.declared_words), crm)
        for name, contract in TABLES.items()
        if name in raw.tables
    )


def _received(table: ir.Table, contract: TableContract, crm: CrmMapping) -> Delivered:
    table = table.rename({name.lower(): name for name in table.columns if name != name.lower()})
    return Delivered(
        contract=contract,
        rows=table,
        columns={name: kind for name, kind in table.schema().items() if name != "source_row"},
        attributes=crm.attributes_of(contract.name),
        conditions=tuple(one for one in crm.left_out if one.table == contract.name),
    )


def refuse_canonical_names(raw: RawHistory) -> None:
    """Raise `ValueError` where a raw table bears the name of a table that the check writes."""
    names = {node.name for table in raw.tables.values() for node in table.op().find(ops.DatabaseTable)}
    if clash := names & {*TABLES, *BESIDE}:
        raise ValueError(f"raw tables called like checked ones would be overwritten: {listed(clash)}; rename them")


def columns_before(last: CheckReport | None, table: str) -> tuple[str, ...]:
    """The columns that `table` had in the last run that was accepted."""
    if last is None:
        return ()
    return tuple(
        verdict.column
        for verdict in last.verdicts
        if verdict.table == table and verdict.expectation == "expect_column_to_exist" and verdict.success
    )


def rows_before(last: CheckReport | None, table: str) -> int:
    """How many rows of `table` the last run that was accepted was given; 0 where that is not known."""
    return next((check.delivered for check in last.tables if check.table == table), 0) if last else 0


def edited_tables(raw: RawHistory, last: CheckReport | None) -> tuple[str, ...]:
    """The tables whose SELECT is another than that of the last accepted run: what it gives cannot be compared."""
    if last is None:
        return ()
    before = {check.table: check.select_digest for check in last.tables if check.table in raw.tables}
    return tuple(name for name, digest in before.items() if raw.select_digests.get(name, "") != digest)


def absent_tables(tables: Sequence[Delivered], crm: CrmMapping) -> Findings:
    """Required tables that are absent, and what a run loses without the optional ones."""
    there = {table.name for table in tables}
    breaches, warnings = [], []
    for name, contract in TABLES.items():
        if name in there:
            continue
        if contract.is_required:
            found, remedy = "the table is missing", f"write {name}.sql with one row for {contract.one_row_is}"
            breaches.append(Breach(name, f"{name}.is_delivered", found, remedy))
        else:
            if name == "attribute_changes":
                breaches += historised_without_history(crm)
            declared = [a for a, declaration in crm.attributes.items() if declaration.table == name]
            loss = f"; declared, and missing in every row: {listed(declared)}" if declared else ""
            warnings.append(f"{name} is absent: {contract.without_it}{loss}")
    return Findings(tuple(breaches), tuple(warnings))


def historised_without_history(crm: CrmMapping) -> list[Breach]:
    """Attributes that are declared as historised: without their changes, today's value would stand in the past."""
    historised = [a for a, declared in crm.attributes.items() if declared.availability is Availability.HISTORISED]
    if not historised:
        return []
    found = f"the table is missing, and attributes are declared as historised: {listed(historised)}"
    remedy = "write attribute_changes.sql, or declare the attributes as what they are in [crm.attributes]"
    return [Breach("attribute_changes", "attribute_changes.is_delivered", found, remedy)]


def surplus_and_absent_columns(table: Delivered, crm: CrmMapping) -> Findings:
    """Fields that we write ourselves, columns that nobody declared, and optional columns that are not there."""
    ours = {field.lower() for field in crm.write_back_fields}
    fed_back = [name for name in table.columns if name in ours]
    breaches = [_fed_back(table.name, name, f"column {name!r}") for name in fed_back]
    breaches += [
        Breach(
            table.name,
            f"{table.name}.{name}.is_one_column",
            f"the declared attribute {name!r} is a column of the contract already",
            "give the attribute another name in the SELECT and in [crm.attributes]",
        )
        for name in table.attributes
        if name in {column.name for column in table.contract.columns}
    ]
    breaches += [
        Breach(
            table.name,
            f"{table.name}.{name}.is_there_to_ask",
            f"column {name!r} is missing, and [[crm.left_out]] asks for it",
            f"add it to the SELECT of {table.name}, or take the condition out of the settings",
        )
        for name in table.asked_for
        if name not in table.columns
    ]
    warnings = []
    if unknown := [name for name in table.undeclared if name not in ours]:
        warnings.append(f"{table.name}: left out, because nobody declared them: {listed(map(masked, unknown))}")
    absent = [c for c in table.contract.columns if not c.required and c.name not in table.columns]
    if plain := [column.name for column in absent if column.filled_from is None and column.missed]:
        warnings.append(f"{table.name}: absent, and missing in every row: {listed(plain)}")
    warnings += [
        f"{table.name}: {column.name} is absent and taken from {column.filled_from}: late entries go unnoticed"
        for column in absent
        if column.filled_from is not None
    ]
    if attributes := [name for name in table.attributes if name not in table.columns]:
        warnings.append(f"{table.name}: declared but absent, and missing in every row: {listed(attributes)}")
    return Findings(tuple(breaches), tuple(warnings))


def _fed_back(table: str, field: str, where: str) -> Breach:
    return Breach(
        table,
        f"{table}.{field}.is_not_written_back",
        f"{where} is a field that we write back, and a score must never feed itself",
        f"leave it out of the SELECT of {table}",
    )


def historised_names(crm: CrmMapping) -> tuple[str, ...]:
    """Names whose changes are kept: declared attributes, and the columns of accounts, leads and opportunities."""
    canonical = {c.name for table in ("accounts", "leads", "opportunities") for c in TABLES[table].columns}
    return tuple(sorted(canonical | set(crm.attributes)))


def is_declared_change(changes: ir.Table, crm: CrmMapping) -> ir.BooleanValue:
    """Whether a row of `attribute_changes` is about something that is declared, or does not say about what."""
    return changes.attribute.isnull() | changes.attribute.isin(historised_names(crm))


def changes_of_attributes(changed: ir.StringColumn, crm: CrmMapping) -> Findings:
    """Changes of fields that we write ourselves, and changes of attributes that nobody declared.

    `changed` is the attribute of each delivered row, in lower case.
    """
    changes = changed.name("attribute").as_table()
    undeclared = changes.filter(~is_declared_change(changes, crm))
    counted = undeclared.group_by("attribute").aggregate(n=undeclared.count())
    found = counted.order_by(counted.n.desc(), "attribute").to_pyarrow().to_pylist()
    ours = {field.lower() for field in crm.write_back_fields}
    breaches = tuple(
        _fed_back("attribute_changes", row["attribute"], f"attribute {row['attribute']!r} ({rows(row['n'])})")
        for row in found
        if row["attribute"] in ours
    )
    left_out = [row for row in found if row["attribute"] not in ours]
    if not left_out:
        return Findings(breaches)
    names = ", ".join(repr(masked(row["attribute"])) for row in left_out[:_MOST_NAMES])
    names += " and others" if len(left_out) > _MOST_NAMES else ""
    total = sum(row["n"] for row in left_out)
    warning = f"attribute_changes: left out, because nobody declared the attribute: {names} ({rows(total)})"
    return Findings(breaches, (warning,))


def unreadable_numbers(table: Delivered, typed: ir.Table) -> Findings:
    """Declared numbers that hold something else: they count as missing, the row stays."""
    numbers = [a for a, d in table.attributes.items() if d.type == "number" and a in table.columns]
    counts = {name: typed[unreadable(name)].count() for name in numbers if unreadable(name) in typed.columns}
    if not counts:
        return Findings()
    found = typed.aggregate(**counts).to_pyarrow().to_pylist()[0]
    return Findings(
        warnings=tuple(
            f"{table.name}.{name}: no number in {rows(n)}, which counts as missing" for name, n in found.items() if n
        )
    )
