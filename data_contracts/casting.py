"""Text, times, numbers and truth values as the engine reads them from whatever a source delivers."""

from data_contracts.columns import ColumnType

_BLANKS = " \t\r\n\u00a0\ufeff"
_FIRST_TIME = "TIMESTAMP '1900-01-01'"
_LAST_TIME = "TIMESTAMP '9999-12-31'"

ENGINE_TYPES: dict[ColumnType, str] = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}
"""The engine's type of each canonical type."""

HOW_TO_WRITE: dict[ColumnType, str] = {
    "string": "text",
    "timestamp": "a time; write it like 2024-02-29, 2024-02-29 13:45:00 or 2024-02-29T13:45:00+01:00, not before 1900",
    "number": "a number; write it like 1234.5",
    "integer": "a whole number; write it like 1234",
    "boolean": "a truth value; write true or false",
}
"""What a value of each canonical type looks like, as the end of a sentence."""


def text_of(column: str) -> str:
    """SQL of `column` (an SQL expression) as text without blanks around it; null where nothing is left."""
    text = f"CAST({column} AS VARCHAR)"
    # Trimming a set of characters is slow, and most values begin and end with a plain one.
    is_plain = f"ascii({text}) BETWEEN 33 AND 126 AND ascii(right({text}, 1)) BETWEEN 33 AND 126"
    return f"CASE WHEN {is_plain} THEN {text} ELSE nullif(trim({text}, '{_BLANKS}'), '') END"


def parsed_of(column: str, delivered_type: str, *, wanted: ColumnType) -> str:
    """SQL that reads `column` (an SQL expression) as `wanted`, still with values that `kept_of` takes for unreadable.

    `delivered_type` is the engine's name of the type in which the source delivered it. Times with an offset or a zone
    become UTC; those without one are taken as UTC.
    """
    text = text_of(column)
    if wanted == "timestamp":
        if delivered_type == "TIMESTAMP WITH TIME ZONE":
            return f"({column} AT TIME ZONE 'UTC')"
        if delivered_type.startswith("TIMESTAMP") or delivered_type == "DATE":
            return f"TRY_CAST({column} AS TIMESTAMP)"
        # Read as TIMESTAMPTZ: a cast to TIMESTAMP would silently drop the offset. Microseconds since 1970 are UTC, and
        # a fraction of the work of AT TIME ZONE.
        return f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
    if wanted == "string":
        return text
    # An integer is read as a decimal first: a cast to BIGINT would silently round 12.5.
    return f"TRY_CAST({text} AS {'DECIMAL(38, 9)' if wanted == 'integer' else ENGINE_TYPES[wanted]})"


def kept_of(parsed: str, *, wanted: ColumnType) -> str:
    """SQL of the canonical value of what `parsed_of` read (an SQL expression); null where it is none.

    A year before 1900 is no time (two-digit years, placeholders), a number that is not finite is no number, and 12.5 is
    no integer.
    """
    if wanted == "timestamp":
        return f"CASE WHEN {parsed} BETWEEN {_FIRST_TIME} AND {_LAST_TIME} THEN {parsed} END"
    if wanted == "number":
        return f"CASE WHEN isfinite({parsed}) THEN {parsed} END"
    if wanted == "integer":
        return f"CASE WHEN {parsed} = floor({parsed}) THEN TRY_CAST({parsed} AS BIGINT) END"
    return parsed
