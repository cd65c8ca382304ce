"""Periods of a review on a page: how they are called, which one is the last that is over, and the rows of one.

Days of a noun are local midnights without a time zone. They are dates here, so that nothing shifts them into another.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.periods import Period, Span
from pages.formats import Formats
from pages.tables import Column, Shown

DATED = (Column("period", "From", Shown.DAY),)
"""What stands before rows of several periods."""


def said_of(span: Span, formats: Formats) -> str:
    """The period, as a reader calls it."""
    if span.period is Period.WEEK:
        return f"Week of {formats.day(span.first)}"
    return formats.month(span.first) if span.period is Period.MONTH else str(span)


def within_sentence(day: dt.date, period: Period, formats: Formats) -> str:
    """The period in which the local `day` lies, as it is called inside of a sentence."""
    return said_of(span_of(day, period, formats), formats).replace("Week of", "the week of")


def span_of(day: dt.date, period: Period, formats: Formats) -> Span:
    """The period in which the local `day` lies, a date or its midnight."""
    first = day.date() if isinstance(day, dt.datetime) else day
    return Span.of(period, first, time_zone=formats.time_zone)


def span_named(name: str, formats: Formats) -> Span:
    """The period called `name`, as `Span.name` writes it: a week by its Monday.

    >>> print(span_named("2026-06-22", Formats("en", "EUR", "UTC")))
    week of 2026-06-22
    """
    if name.count("-") == len("--"):
        return span_of(dt.date.fromisoformat(name), Period.WEEK, formats)
    return Span.named(name, time_zone=formats.time_zone)


def last_over(spans: Sequence[Span], as_of: dt.datetime) -> Span | None:
    """The latest of `spans` that is over at `as_of`; None where none is."""
    return max((one for one in spans if one.end_at <= as_of), default=None)


def span_before(spans: Sequence[Span], span: Span) -> Span | None:
    """The one of `spans` that ends as `span` begins; None where there is none."""
    return next((one for one in spans if one.end == span.first), None)


def with_days(rows: pa.Table, *names: str) -> pa.Table:
    """`rows` with the local days in the columns `names` as days: as moments they would be shown in the time zone."""
    for name in names:
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, rows[name].cast(pa.date32()))
    return rows


def rows_of(rows: pa.Table, span: Span | None, *, column: str = "period") -> pa.Table:
    """Those whose `column` is the first day of `span`; none where there is no span."""
    dated = with_days(rows, column)
    first = pa.scalar(span.first if span else None, pa.date32())
    return dated.filter(pc.equal(dated[column], first))


def row_of(rows: pa.Table, span: Span | None) -> dict[str, Any]:
    """The one row whose `period` is `span`; nothing known of anything where there is none."""
    found = rows_of(rows, span).to_pylist()
    return found[0] if found else dict.fromkeys(rows.column_names)


def over_by(rows: pa.Table, period: Period, *, as_of: dt.datetime, formats: Formats) -> list[dict[str, Any]]:
    """The rows of the cohorts whose period was over at `as_of`, in their order."""
    return [row for row in rows.to_pylist() if span_of(row["cohort"], period, formats).end_at <= as_of]


def latest(rows: Sequence[Mapping[str, Any]], *known: str) -> Mapping[str, Any] | None:
    """The last row in which every one of `known` is known and not 0; None where there is none."""
    return next((row for row in reversed(rows) if all(row[name] for name in known)), None)


def latest_first(rows: pa.Table) -> pa.Table:
    """The rows in the opposite order: nouns tell the earliest first."""
    return rows.take(pa.array(range(rows.num_rows - 1, -1, -1), pa.int64()))
