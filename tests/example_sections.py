"""Sections on a page as `pages.review` builds it, and rows of nouns with what a test does not say filled in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from pages import Page
from pages.frame import Frame
from pages.sections import Section
from tests.example_site import Seen, frame, nothing_runs, written

FORMATS = frame().formats
_ZEROS = (
    (pa.types.is_boolean, False),
    (pa.types.is_integer, 0),
    (pa.types.is_floating, 0.0),
    (pa.types.is_list, []),
    (pa.types.is_timestamp, 0),
)


def rows_of(schema: pa.Schema, *rows: Mapping[str, Any]) -> pa.Table:
    """A table of `schema`; what a row does not say is missing, or 0, no or "x" where it has to be there."""
    assert all(row.keys() <= set(schema.names) for row in rows)
    blank = {field.name: None if field.nullable else _zero(field.type) for field in schema}
    return pa.Table.from_pylist([blank | dict(row) for row in rows], schema=schema)


def estimate(name: str, value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """The three columns of a figure."""
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def html_of(folder: Path, *sections: Section, told: Frame | None = None) -> str:
    """The page of a review with these sections."""
    tables = {table.name: table for section in sections for table in section.all_tables}
    assert len(tables) == sum(len(section.all_tables) for section in sections)
    parts = {"heading": "Review", "advice": "", "figures": []}
    parts |= {
        "sections": [one for one in sections if not one.is_empty],
        "unknown": [one for one in sections if one.is_empty],
    }
    return written(folder, Page("review.html", "Review", "review.html", parts, tables), told)


def seen_of(folder: Path, *sections: Section, told: Frame | None = None) -> Seen:
    """What a reader sees of them; nothing runs, and each column has a heading of its own."""
    html = html_of(folder, *sections, told=told)
    assert nothing_runs(html)
    for section in sections:
        assert len(section.figures) <= 4
        for table in section.all_tables:
            headings = [column.heading for column in table.columns]
            assert all(headings)
            assert len(set(headings)) == len(headings)
            assert {column.name for column in table.columns} <= set(table.rows.column_names)
    return Seen(html)


def opened(section: Section, called: str) -> list[dict[str, Any]]:
    """The rows of the table behind a fold whose name begins so."""
    table = next(table for name, table in section.folded.items() if name.startswith(called))
    rows: list[dict[str, Any]] = table.rows.to_pylist()
    return rows


def _zero(kind: pa.DataType) -> Any:
    return next((zero for is_kind, zero in _ZEROS if is_kind(kind)), "x")
