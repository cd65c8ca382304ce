"""What stands in one cell of a table: the value as it is read, and what it sorts by."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from data_contracts.scores import LOWERS, RAISES, REASONS
from pages.formats import MISSING, Formats
from pages.frame import Frame
from pages.tables import Column, Shown

WEB = ("https://", "http://")
"""How an address begins that a cell may link to: no other one opens a page."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason without its first word, and which way it moves: `up`, `down`, or neither."""

    direction: str
    said: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text
        The value as it is read.
    sorts_by
        What it is sorted by; None where that is the text.
    interval
        Empty where there is none.
    page, record
        Of a lead: its page here and its record in the CRM; None where there is none.
    link
        The web address that the text leads to; empty where it is no link.
    reasons
        Of a cell of reasons.
    is_bad
        Whether it is bad news.
    """

    text: str
    sorts_by: str | None = None
    interval: str = ""
    page: str | None = None
    record: str | None = None
    reasons: tuple[Reason, ...] = ()
    is_bad: bool = False
    link: str = ""


def cell_of(row: Mapping[str, Any], column: Column, frame: Frame) -> Cell:
    """What `column` shows of `row`."""
    if column.shown is Shown.REASONS:
        return Cell("", reasons=reasons_of(row))
    value = row[column.name]
    if column.shown is Shown.LEAD:
        return Cell(str(value), page=frame.page_of(value), record=frame.settings.record_of(value))
    interval = ""
    if column.low and row[column.low] is not None and row[column.high] is not None:
        told = (told_value(row[end], column.shown, frame.formats) for end in (column.low, column.high))
        interval = column.interval.format(*told)
    is_bad = bool(column.bad) and value == column.bad
    link = row[column.link] or "" if column.link else ""
    link = link if link.startswith(WEB) else ""
    return Cell(told_value(value, column.shown, frame.formats), _sorts_by(value), interval, is_bad=is_bad, link=link)


def reasons_of(row: Mapping[str, Any]) -> tuple[Reason, ...]:
    """The reasons of a lead, the strongest first."""
    return tuple(_reason(row[name]) for name in REASONS if row[name])


def told_value(value: Any, shown: Shown, formats: Formats) -> str:
    """`value` as the locale writes it."""
    if value is None:
        return MISSING
    writers: dict[Shown, Callable[[Any], str]] = {
        Shown.COUNT: formats.count,
        Shown.CHANGE: formats.change,
        Shown.NUMBER: formats.rough,
        Shown.FIGURE: formats.figure,
        Shown.SHARE: formats.share,
        Shown.MONEY: formats.money,
        Shown.DAY: formats.day,
        Shown.MOMENT: formats.moment,
    }
    return writers.get(shown, str)(value)


def _sorts_by(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, dt.date):  # moments too
        return value.isoformat()
    return f"{value:.10g}" if isinstance(value, int | float) else None


def _reason(said: str) -> Reason:
    for direction, begins in (("up", RAISES), ("down", LOWERS)):
        if said.startswith(begins):
            return Reason(direction, said.removeprefix(begins))
    return Reason("", said)
