"""Sections on a page as `pages.review` builds it, and rows of nouns with what a test does not say filled in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from pages.formats import Formats
from pages.sections import Section
from pages.site import Page
from tests.example_site import Seen, nothing_runs, written

FORMATS = Formats("en", "EUR", "Europe/Berlin")


def rows_of(schema: pa.Schema, *rows: Mapping[str, Any]) -> pa.Table:
    """A table of `schema`; what a row does not say is missing, or 0, "" or no where it cannot be."""
    return pa.Table.from_pylist([{one.name: _filler(one) for one in schema} | dict(row) for row in rows], schema=schema)


def estimate(name: str, value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """The three columns of a figure."""
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def html_of(folder: Path, *sections: Section) -> str:
    """The page of a review with these sections."""
    tables = {table.name: table for section in sections for table in section.all_tables}
    assert len(tables) == sum(len(section.all_tables) for section in sections)
    told = {"periods": {}, "missing": None, "heading": "A week", "advice": "", "figures": [], "sections": sections}
    return written(folder, Page("review.html", "Review", "review.html", told, tables))


def seen_of(folder: Path, *sections: Section) -> Seen:
    """What a reader sees of them; every heading of a table says something, and nothing runs."""
    html = html_of(folder, *sections)
    assert nothing_runs(html)
    assert '"col"></th>' not in html
    return Seen(html)


def opened(section: Section, called: str) -> list[dict[str, Any]]:
    """The rows of the table behind a fold whose name begins so."""
    table = next(table for name, table in section.folded.items() if name.startswith(called))
    rows: list[dict[str, Any]] = table.rows.to_pylist()
    return rows


def _filler(field: pa.Field) -> Any:
    if field.nullable:
        return None
    if pa.types.is_list(field.type):
        return []
    if pa.types.is_boolean(field.type):
        return False
    return "" if pa.types.is_string(field.type) else 0
