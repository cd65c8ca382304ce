"""Rows of a noun that is told by period: which one is the latest that is over, and its days and words as they are read.

Days of a noun are local midnights without a time zone. They are dates here, so that nothing shifts them into another.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.periods import Period, Span
from data_contracts.vocabulary import Stage
from pages.formats import Formats
from pages.review_counts import said_of

NOT_KNOWN = "not known"


def over_by(
    rows: pa.Table, column: str, period: Period, *, as_of: dt.datetime, formats: Formats
) -> list[dict[str, Any]]:
    """The rows of the periods that were over at `as_of`, in their order; `column` holds the first day of each."""
    return [row for row in rows.to_pylist() if span_of(row[column], period, formats).end_at <= as_of]


def latest(rows: Sequence[Mapping[str, Any]], *known: str) -> Mapping[str, Any] | None:
    """The last row in which every one of `known` is known and not 0; None where there is none."""
    return next((row for row in reversed(rows) if all(row[name] for name in known)), None)


def latest_first(rows: pa.Table) -> pa.Table:
    """The rows in the opposite order: nouns tell the earliest first."""
    return rows.take(pa.array(range(rows.num_rows - 1, -1, -1), pa.int64()))


def of_cohort(rows: pa.Table, cohort: dt.datetime) -> pa.Table:
    """The rows of one cohort."""
    return rows.filter(pc.equal(rows["cohort"], pa.scalar(cohort, pa.timestamp("us"))))


def span_of(day: dt.datetime, period: Period, formats: Formats) -> Span:
    """The period that begins on the local `day`."""
    return Span.of(period, day.date(), time_zone=formats.time_zone)


def within_sentence(day: dt.datetime, period: Period, formats: Formats) -> str:
    """The period that begins on the local `day`, as it is called inside of a sentence."""
    span = span_of(day, period, formats)
    return f"the week of {formats.day(span.first)}" if period is Period.WEEK else said_of(span, formats)


def with_words(rows: pa.Table, words: Mapping[str, Sequence[str | None]]) -> pa.Table:
    """The rows with further columns of text."""
    for column, values in words.items():
        rows = rows.append_column(column, pa.array(values, pa.string()))
    return rows


def yes_or_no(rows: pa.Table, column: str, *, yes: str = "yes", no: str = "no") -> list[str]:
    """What is true of each row, in words; `NOT_KNOWN` where nobody knows."""
    return [NOT_KNOWN if value is None else yes if value else no for value in rows[column].to_pylist()]


def known(rows: pa.Table, column: str) -> list[str]:
    """The texts of a column; `NOT_KNOWN` where there is none."""
    return [value or NOT_KNOWN for value in rows[column].to_pylist()]


def share_with_range(row: Mapping[str, Any], name: str, formats: Formats) -> str:
    """A share, and in brackets its interval where it has one."""
    told = range_of(row, name, formats)
    return f"{formats.share(row[name])} ({told})" if told else formats.share(row[name])


def range_of(row: Mapping[str, Any], name: str, formats: Formats) -> str:
    """The interval of a share; empty where it has none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if low is None or high is None else f"{formats.share(low)} to {formats.share(high)}"


def beside(row: Mapping[str, Any], name: str, formats: Formats, *said: str) -> str:
    """What stands beside a share: its interval where it has one, then what else is `said`."""
    return " · ".join(filter(None, (range_of(row, name, formats), *said)))


def stage_said(stage: str) -> str:
    """A stage as both teams write it.

    >>> stage_said("sql"), stage_said("opportunity")
    ('SQL', 'opportunity')
    """
    return stage.upper() if stage in (Stage.MQL, Stage.SAL, Stage.SQL) else stage


def counted(n: int, one: str, many: str, formats: Formats) -> str:
    """So many of something.

    >>> counted(1, "deal", "deals", Formats("en", "EUR", "UTC"))
    '1 deal'
    """
    return f"{formats.count(n)} {one if n == 1 else many}"


def sentence(text: str) -> str:
    """`text` with a capital at its beginning.

    >>> sentence("nothing records it")
    'Nothing records it'
    """
    return f"{text[:1].upper()}{text[1:]}"
