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
    if wanted == "timestamp":
        time = _time_of(engine, value)
        return time.between(_FIRST_TIME, _LAST_TIME).ifelse(time, ibis.null("timestamp"))
    if wanted == "number":
        number = engine.read_number(text_of(value))
        return number.between(-_LARGEST, _LARGEST).ifelse(number, ibis.null("float64"))
    return text_of(value)


def _time_of(engine: Engine, value: ir.Value) -> ir.TimestampValue:
    kind = value.type()
    if kind.is_timestamp() and kind.timezone is not None:
        return value.cast("timestamp('UTC')").cast("timestamp")
    if kind.is_timestamp() or kind.is_date():
        return value.try_cast("timestamp")
    return engine.read_time(text_of(value))


def type_rows(engine: Engine, table: Delivered) -> ir.Table:
    """The rows of `table`: `source_row`, every column of the contract, every declared attribute.

    Each column that is not text, and each declared number, has a companion `<column>_unreadable`: the text of a value
    that could not be read, otherwise null. A missing value is filled from the column that its contract names.
    """
    read = table.rows.select("source_row", **dict(_read(engine, table)))
    filled = read.select("source_row", **dict(_filled(read, table)))
    return engine.keep_for_now(f"typed_{table.name}", filled)


def _read(engine: Engine, table: Delivered) -> Iterator[tuple[str, ir.Value]]:
    for name, wanted in _types(table):
        value = table.rows[name] if name in table.columns else None
        read = ibis.null(TYPES[wanted]) if value is None else value_of(engine, value, wanted=wanted)
        if (table.name, name) == ("attribute_changes", "attribute"):
            read = read.lower()  # as the names of the columns that it speaks of
        yield name, read
        if wanted != "string":
            text = ibis.null("string") if value is None else read.isnull().ifelse(text_of(value), ibis.null("string"))
            yield unreadable(name), text


def _types(table: Delivered) -> Iterator[tuple[str, ColumnType]]:
    for column in table.contract.columns:
        yield column.name, column.type
    contracted = {column.name for column in table.contract.columns}
    for name, declared in table.attributes.items():
        if name not in contracted:
            yield name, "number" if declared.type == "number" else "string"


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
