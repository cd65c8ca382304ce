"""Tables: rows of a noun with what each column shows, in HTML and, whole, as CSV and Parquet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from data_contracts.spreadsheet import neutralised

MOST_ROWS = 200
"""Rows of a table on a page. A browser shows them at once on a phone; the files hold all."""


class Shown(StrEnum):
    """How the values of a column are shown."""

    TEXT = "text"
    COUNT = "count"
    CHANGE = "change"
    """Of a count, with its sign."""
    NUMBER = "number"
    FIGURE = "figure"
    """With three decimals: log loss, AUC."""
    SHARE = "share"
    MONEY = "money"
    DAY = "day"
    MOMENT = "moment"
    CODE = "code"
    """An identifier: it may break anywhere, so that it leaves room for the rest."""
    LEAD = "lead"
    """A lead's id, linked to its page and to its record in the CRM."""
    REASONS = "reasons"
    """The columns `reason_1` to `reason_3` together."""

    @property
    def is_number(self) -> bool:
        """Whether values stand to the right, digit under digit."""
        return self in (Shown.COUNT, Shown.CHANGE, Shown.NUMBER, Shown.FIGURE, Shown.SHARE, Shown.MONEY)

    @property
    def looks(self) -> str:
        """The class of its cells in the stylesheet."""
        if self.is_number:
            return "n"
        return {Shown.DAY: "time", Shown.MOMENT: "time", Shown.CODE: "code"}.get(self, "")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a page's table.

    Attributes
    ----------
    name
        In the rows.
    heading
        What a reader sees above it.
    shown
        How its values are written.
    low, high
        The columns of its interval; empty where it has none.
    interval
        How that is said.
    filters
        Whether a reader can choose among its values.
    is_visible
        Whether it is seen, beside being filtered by.
    bad
        The value that is bad news; empty where none is.
    link
        The column of the web address that its text leads to; empty where it is no link.
    """

    name: str
    heading: str
    shown: Shown = Shown.TEXT
    low: str = ""
    high: str = ""
    interval: str = "{} to {}"
    filters: bool = False
    is_visible: bool = True
    bad: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows for a page and for files.

    Attributes
    ----------
    name
        Of the files: letters, digits, dashes.
    caption
        What one row is, for those who hear the page.
    rows
        All of them: the page shows the first `MOST_ROWS`.
    columns
        What the page shows, in order. The files hold every column of `rows`.
    how
        How its figures are made, in a sentence or two.
    cards
        Whether a row becomes a card on a phone.
    within
        The table whose files hold these rows among others; None where these rows have files of their own.
    """

    name: str
    caption: str
    rows: pa.Table
    columns: tuple[Column, ...]
    how: str
    cards: bool = False
    within: "Table | None" = None

    @property
    def whole(self) -> "Table":
        """The table that is in the files."""
        return self.within or self

    @property
    def is_of_leads(self) -> bool:
        """Whether a row is one lead or one account."""
        return any(one.shown is Shown.LEAD or one.name == "account_id" for one in self.columns)

    @property
    def shown_rows(self) -> list[dict[str, Any]]:
        """The rows that the page shows."""
        shown: list[dict[str, Any]] = self.rows.slice(0, MOST_ROWS).to_pylist()
        return shown

    @property
    def is_cut(self) -> bool:
        """Whether the page leaves rows to the files."""
        return bool(self.rows.num_rows > MOST_ROWS)


def told_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> pa.Table:
    """`rows` as a table with the names that `columns` show, also where there are none."""
    names = dict.fromkeys(name for one in columns for name in (one.name, one.low, one.high, one.link) if name)
    return pa.table({name: pa.array([row[name] for row in rows]) for name in names})


def with_figures_typed(rows: pa.Table) -> pa.Table:
    """`rows`, where a column in which no value is known is one of figures too."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_null(field.type):
            rows = rows.set_column(place, field.name, rows[field.name].cast(pa.float64()))
    return rows


def write_files(tables: Iterable[Table], folder: Path) -> None:
    """Each table whole, as `<name>.parquet` and as `<name>.csv`, whose cells no spreadsheet runs as a formula."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        pq.write_table(table.rows, folder / f"{table.name}.parquet")
        pyarrow.csv.write_csv(_as_text(table.rows), folder / f"{table.name}.csv")


def _as_text(rows: pa.Table) -> pa.Table:
    cells = {}
    for field in rows.schema:
        column = rows[field.name]
        if pa.types.is_timestamp(field.type):
            column = pc.strftime(column.cast(pa.timestamp("s"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
        cells[field.name] = neutralised(column.cast(pa.string()).combine_chunks())
    return pa.table(cells)
