"""Parts of a review on a page of their own, for tests."""

from pathlib import Path

from pages import Page
from pages.sections import Section
from tests.example_site import Seen, nothing_runs, written


def seen_section(folder: Path, section: Section) -> Seen:
    """The page of a review that has this part alone; no table of it has a column without a heading."""
    html = written(folder, _page(section))
    seen = Seen(html)
    assert nothing_runs(html)
    assert all(column.heading for table in section.all_tables for column in table.columns)
    return seen


def _page(section: Section) -> Page:
    told = {"periods": {}, "missing": None, "heading": "Review", "advice": "", "figures": [], "sections": [section]}
    tables = {table.name: table for table in section.all_tables}
    assert len(tables) == len(section.all_tables)
    return Page("index.html", "Review", "review.html", told, tables, under="")
