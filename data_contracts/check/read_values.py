"""Delivered rows in canonical columns and types, before any row is judged. Words are still the customer's own."""

import datetime as dt
from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from data_contracts.check.deliver import Delivered
from data_contracts.columns import TYPES, Column, ColumnType, unreadable
from data_contracts.ports import Engine

_BLANKS = " \t\r\n\u00a0\ufeff"
_FIRST_TIME = dt.datetime(1900, 1, 1)  # noqa: DTZ001 — UTC, as all times here
_LAST_TIME = dt.datetime(9999, 12, 31)  # noqa: DTZ001
_LARGEST = 1.7976931348623157e308


def text_of(value: ir.Value) -> ir.StringValue:
    """`value` as text without blanks around it; null where nothing is left."""
    text = value.cast("string")
    # Trimming a set of characters is slow, and most values begin and end with a plain one.
    is_plain = text.ascii_str().between(33, 126) & text.right(1).ascii_str().between(33, 126)
    trimmed = text.re_replace(f"^[{_BLANKS}]+", "").re_replace(f"[{_BLANKS}]+$", "").nullif("")
    return is_plain.ifelse(text, trimmed)


def value_of(engine: Engine, value: ir.Value, *, wanted: ColumnType) -> ir.Value:
    """`value` as the canonical type `wanted`; null where it cannot be read as that.

    A time with an offset becomes UTC; one without is taken as UTC. A year before 1900 is no time (two-digit years,
    placeholders), and a number that is not finite is no number.
    """
    return _kept(_parsed(engine, _readable(value, wanted=wanted), wanted=wanted), wanted=wanted)


def _readable(value: ir.Value, *, wanted: ColumnType) -> ir.Value:
    """A time that was delivered as one as it is, everything else as text."""
    is_time = value.type().is_timestamp() or value.type().is_date()
    return value if wanted == "timestamp" and is_time else text_of(value)


def _parsed(engine: Engine, readable: ir.Value, *, wanted: ColumnType) -> ir.Value:
    """What is readable as the type `wanted`, still with values that `_kept` takes out."""
    kind = readable.type()
    if wanted == "number":
        return engine.read_number(readable)
    if wanted == "string":
        return readable
    if kind.is_timestamp() and kind.timezone is not None:
        return readable.cast("timestamp('UTC')").cast("timestamp")
    return engine.read_time(readable) if kind.is_string() else readable.try_cast("timestamp")


def _kept(parsed: ir.Value, *, wanted: ColumnType) -> ir.Value:
    if wanted == "timestamp":
        return parsed.between(_FIRST_TIME, _LAST_TIME).ifelse(parsed, ibis.null("timestamp"))
    if wanted == "number":
        return parsed.between(-_LARGEST, _LARGEST).ifelse(parsed, ibis.null("float64"))
    return parsed


def type_rows(engine: Engine, table: Delivered) -> ir.Table:
    """The rows of `table`: `source_row`, every column of the contract, declared or asked for.

    Each column that is not text, and each declared number, has a companion `<column>_unreadable`: the text of a value
    that could not be read, otherwise null. A missing value is filled from the column that its contract names.
    """
    types = {name: wanted for name, wanted in _types(table) if name in table.columns}
    readable = {name: _readable(table.rows[name], wanted=wanted) for name, wanted in types.items()}
    texts = _step(engine, f"texts_{table.name}", table.rows.select("source_row", **readable))
    parsed = {_parsed_as(name): _parsed(engine, texts[name], wanted=wanted) for name, wanted in types.items()}
    read = _step(engine, f"read_{table.name}", texts.mutate(**parsed))
    values = read.select("source_row", **dict(_values(read, table)))
    filled = values.select("source_row", **dict(_filled(values, table)))
    return engine.keep_for_now(f"typed_{table.name}", filled)


def _step(engine: Engine, name: str, rows: ir.Table) -> ir.Table:
    """`rows` behind a name: Ibis would write each of its columns out wherever the next step mentions it."""
    return engine.select(name, str(engine.backend.compile(rows)))


def _parsed_as(name: str) -> str:
    return f"parsed__{name}"


def _values(read: ir.Table, table: Delivered) -> Iterator[tuple[str, ir.Value]]:
    for name, wanted in _types(table):
        is_there = name in table.columns
        value = _kept(read[_parsed_as(name)], wanted=wanted) if is_there else ibis.null(TYPES[wanted])
        if (table.name, name) == ("attribute_changes", "attribute"):
            value = value.lower()  # as the names of the columns that it speaks of
        yield name, value
        if wanted != "string":
            text = value.isnull().ifelse(read[name].cast("string"), ibis.null("string")) if is_there else None
            yield unreadable(name), ibis.null("string") if text is None else text


def _types(table: Delivered) -> Iterator[tuple[str, ColumnType]]:
    for column in table.contract.columns:
        yield column.name, column.type
    contracted = {column.name for column in table.contract.columns}
    for name, declared in table.attributes.items():
        if name not in contracted:
            yield name, declared.column_type
    yield from table.asked_for.items()


def _filled(read: ir.Table, table: Delivered) -> Iterator[tuple[str, ir.Value]]:
    by_name = {column.name: column for column in table.contract.columns}
    for name in read.columns:
        if name != "source_row":
            yield name, _value(read, by_name[name]) if name in by_name else read[name]


def _value(read: ir.Table, column: Column) -> ir.Value:
    value = read[column.name]
    if column.filled_from is None:
        return value
    # What is there but unreadable is refused, not filled.
    is_missing = value.isnull() & read[unreadable(column.name)].isnull()
    return is_missing.ifelse(read[column.filled_from], value)
