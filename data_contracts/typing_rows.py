"""Delivered rows in canonical columns, types and words, before any row is judged."""

from collections.abc import Iterator

from ibis.backends.duckdb import Backend

from data_contracts.casting import ENGINE_TYPES, kept_of, parsed_of, text_of
from data_contracts.columns import Column, ColumnType
from data_contracts.delivery import SOURCE_ROW, Delivered, historised_names
from data_contracts.settings import CrmMapping
from data_contracts.workbench import WORDS, delivered, identifier, literal, literals, typed, unreadable


def type_rows(engine: Backend, table: Delivered, *, crm: CrmMapping) -> None:
    """Create the typed table of `table`: `source_row`, every column of the contract, every declared attribute.

    Each column that is not text has a companion `<column>_unreadable`: the text of a value that could not be read,
    otherwise null. A word that nothing maps stays as it is. Changes of attributes that nobody declared are left out.
    This is the only time that all rows are copied.
    """
    words = " ".join(_join_words(table, column) for column in _translated(table))
    kept = ""
    if table.name == "attribute_changes":
        name = text_of("attribute")
        kept = f"WHERE {name} IS NULL OR lower({name}) IN ({literals(historised_names(crm))})"
    # Read in an inner SELECT, so that each value is parsed once however often the outer one mentions it.
    read = f"SELECT {', '.join(_read(table))} FROM {delivered(table.name)} AS raw {words} {kept}"
    columns = ", ".join([SOURCE_ROW, *_columns(table), *_attributes(table)])
    engine.con.execute(f"CREATE TABLE {typed(table.name)} AS SELECT {columns} FROM ({read})")


def _translated(table: Delivered) -> list[Column]:
    return [c for c in table.contract.columns if c.vocabulary is not None and c.name in table.columns]


def _join_words(table: Delivered, column: Column) -> str:
    words = _words(column.name)
    return (
        f"LEFT JOIN (SELECT word, canonical FROM {WORDS} WHERE table_name = {literal(table.name)} "
        f"AND column_name = {literal(column.name)}) AS {words} ON {words}.word = {text_of(_raw(column.name))}"
    )


def _words(column: str) -> str:
    return identifier(f"words_of_{column}")


def _raw(column: str) -> str:
    return f"raw.{identifier(column)}"


def _text(column: str) -> str:
    return identifier(f"{column}_text")


def _read(table: Delivered) -> Iterator[str]:
    """Every known column as read, and the texts of those that may turn out to be unreadable."""
    yield SOURCE_ROW
    translated = {column.name for column in _translated(table)}
    for column in table.contract.columns:
        if column.name not in table.columns:
            continue
        value = parsed_of(_raw(column.name), table.columns[column.name], wanted=column.type)
        if column.name in translated:
            value = f"coalesce({_words(column.name)}.canonical, {value})"
        if (table.name, column.name) == ("attribute_changes", "attribute"):
            value = f"lower({value})"  # as the names of the columns that it speaks of
        yield f"{value} AS {identifier(column.name)}"
        if column.type != "string":
            yield f"{text_of(_raw(column.name))} AS {_text(column.name)}"
    for name, wanted in _declared(table):
        if name in table.columns:
            yield f"{parsed_of(_raw(name), table.columns[name], wanted=wanted)} AS {identifier(name)}"


def _columns(table: Delivered) -> Iterator[str]:
    for column in table.contract.columns:
        name = identifier(column.name)
        yield f"{_value(table, column)} AS {name}"
        if column.type != "string":
            there = column.name in table.columns
            text = f"CASE WHEN {kept_of(name, wanted=column.type)} IS NULL THEN {_text(column.name)} END"
            yield f"{text if there else 'CAST(NULL AS VARCHAR)'} AS {identifier(unreadable(column.name))}"


def _value(table: Delivered, column: Column) -> str:
    is_there = column.name in table.columns
    if column.filled_from is None:
        kept = kept_of(identifier(column.name), wanted=column.type)
        return kept if is_there else f"CAST(NULL AS {ENGINE_TYPES[column.type]})"
    filled = _value(table, table.contract.column(column.filled_from))
    if not is_there:
        return filled
    # What is there but unreadable is refused, not filled.
    kept = kept_of(identifier(column.name), wanted=column.type)
    return f"CASE WHEN {_text(column.name)} IS NULL THEN {filled} ELSE {kept} END"


def _declared(table: Delivered) -> Iterator[tuple[str, ColumnType]]:
    contracted = {column.name for column in table.contract.columns}
    for name, declared in table.attributes.items():
        if name not in contracted:
            yield name, "number" if declared.type == "number" else "string"


def _attributes(table: Delivered) -> Iterator[str]:
    for name, wanted in _declared(table):
        missing = f"CAST(NULL AS {ENGINE_TYPES[wanted]})"
        value = kept_of(identifier(name), wanted=wanted) if name in table.columns else missing
        yield f"{value} AS {identifier(name)}"
