"""Rows by source, campaign, persona, team or segment on a page: those of one period, by name, with their total."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.periods import Span
from pages.review_days import with_days

SAID = "group_said"
"""The column that names the group."""

NOT_KNOWN = "not known"


def last_over(spans: Sequence[Span], as_of: dt.datetime) -> Span | None:
    """The latest of `spans` that is over at `as_of`; None where none is."""
    return max((one for one in spans if one.end_at <= as_of), default=None)


def span_before(spans: Sequence[Span], span: Span) -> Span | None:
    """The one of `spans` that ends as `span` begins; None where there is none."""
    return next((one for one in spans if one.end == span.first), None)


def rows_of(rows: pa.Table, span: Span | None) -> pa.Table:
    """Those whose `period` is `span`."""
    dated = with_days(rows, "period")
    first = pa.scalar(span.first if span else None, pa.date32())
    return dated.filter(pc.equal(dated["period"], first))


def row_of(rows: pa.Table, span: Span | None) -> dict[str, Any]:
    """The one row whose `period` is `span`; nothing known of anything where there is none."""
    found = rows_of(rows, span).to_pylist()
    return found[0] if found else dict.fromkeys(rows.column_names)


def named(rows: pa.Table, *, unnamed: str = NOT_KNOWN) -> pa.Table:
    """`rows` with what a reader calls each `group`, in the column `SAID`."""
    names = pc.fill_null(rows["group"].cast(pa.string()), unnamed)
    return rows.append_column(SAID, names)


def with_total(rows: pa.Table, totals: pa.Table) -> pa.Table:
    """`rows` by name, then the total of all of them."""
    return pa.concat_tables([named(rows), named(totals, unnamed="all")])


def top(rows: pa.Table, column: str) -> dict[str, Any] | None:
    """The known group with most in `column`, the first by name of equals; None where no known group has any."""
    known = [row for row in rows.to_pylist() if row["group"] is not None and row[column]]
    return min(known, key=lambda row: (-row[column], row["group"]), default=None)


def file_part(by: str) -> str:
    """What tells tables by different columns apart, in the names of their files."""
    return by.replace("_", "-")


def heading_of(by: str) -> str:
    """What stands above the names."""
    return by.replace("_", " ").capitalize()
