"""A page of sections, as a review has them, and rows of a noun's schema, for tests of the pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from pages import Page
from pages.frame import Frame
from pages.sections import Section
from tests.example_site import Seen, frame, nothing_runs, written

ENGLISH = frame().formats
_ZEROS = ((pa.types.is_boolean, False), (pa.types.is_integer, 0), (pa.types.is_floating, 0.0), (pa.types.is_list, []))


def rows_of(schema: pa.Schema, *rows: Mapping[str, Any]) -> pa.Table:
    """These rows; what a row does not say is 0, no or "x" where it has to be there, else missing."""
    assert all(row.keys() <= set(schema.names) for row in rows)
    blank = {field.name: None if field.nullable else _zero(field.type) for field in schema}
    return pa.Table.from_pylist([blank | dict(row) for row in rows], schema=schema)


def html_of(folder: Path, section: Section, told: Frame | None = None) -> str:
    """The HTML of a review that consists of `section`."""
    parts: dict[str, Any] = {"periods": {}, "missing": None, "heading": "Review", "advice": "", "figures": []}
    tables = {table.name: table for table in section.all_tables}
    assert len(tables) == len(section.all_tables)
    page = Page("review.html", "Review", "review.html", {**parts, "sections": [section]}, tables)
    return written(folder, page, told)


def seen_of(folder: Path, section: Section, told: Frame | None = None) -> Seen:
    """The same, taken apart; nothing in it may run, and each column has a heading of its own."""
    html = html_of(folder, section, told)
    assert nothing_runs(html)
    for table in section.all_tables:
        headings = [column.heading for column in table.columns]
        assert all(headings)
        assert len(set(headings)) == len(headings)
        assert {column.name for column in table.columns} <= set(table.rows.column_names)
    assert len(section.figures) <= 4
    return Seen(html)


def _zero(kind: pa.DataType) -> Any:
    return next((zero for is_kind, zero in _ZEROS if is_kind(kind)), "x")
