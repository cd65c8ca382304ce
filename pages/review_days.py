"""Periods of a noun on a page: local days as days, and which period is the last one that is over."""

import datetime as dt

import pyarrow as pa

from data_contracts.metrics.periods import Period, Span
from pages.formats import Formats


def with_days(rows: pa.Table, *names: str) -> pa.Table:
    """`rows` with the local days in the columns `names` as days: as moments they would be shown in the time zone."""
    for name in names:
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, rows[name].cast(pa.date32()))
    return rows


def last_span(as_of: dt.datetime, period: Period, formats: Formats) -> Span:
    """The last period that was over at `as_of` (UTC, naive)."""
    return Span.before(as_of, period, time_zone=formats.time_zone)


def span_named(name: str, formats: Formats) -> Span:
    """The period called `name`, as `Span.name` writes it: a week by its Monday.

    >>> print(span_named("2026-06-22", Formats("en", "EUR", "UTC")))
    week of 2026-06-22
    """
    if name.count("-") == len("--"):
        return Span.of(Period.WEEK, dt.date.fromisoformat(name), time_zone=formats.time_zone)
    return Span.named(name, time_zone=formats.time_zone)
