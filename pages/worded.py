"""Columns and figures of nouns in words: lists as one text, a figure with its interval."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from data_contracts.estimates import Estimate
from data_contracts.metrics.formula import Formula
from pages.formats import MISSING


def in_words(rows: pa.Table, name: str, said: Callable[[dict[str, Any]], str | None]) -> pa.Table:
    """`rows` with what `said` tells of each of them in the column `name`, in the place of one that is there already."""
    told = pa.array([said(row) for row in rows.to_pylist()], pa.string())
    place = rows.schema.get_field_index(name)
    return rows.append_column(name, told) if place < 0 else rows.set_column(place, name, told)


def yes_no(name: str) -> Callable[[dict[str, Any]], str]:
    """Of a row: whether what the column `name` says holds."""
    return lambda row: "yes" if row[name] else "no"


def sure(row: Mapping[str, Any], name: str, written: Callable[[Any], str]) -> str:
    """The figure called `name` with its interval, where it has one.

    >>> sure({"n": 3.0, "n_low": 1.0, "n_high": 5.0}, "n", str)
    '3.0 (1.0 to 5.0)'
    >>> sure({"n": 3.0, "n_low": None, "n_high": None}, "n", str)
    '3.0'
    """
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return MISSING
    return written(value) + (f" ({written(low)} to {written(high)})" if low is not None and high is not None else "")


def sure_of(estimate: Estimate, written: Callable[[Any], str]) -> str:
    """`estimate` with its interval, where it has one."""
    return sure({"x": estimate.value, "x_low": estimate.low, "x_high": estimate.high}, "x", written)


def between(estimate: Estimate, written: Callable[[Any], str]) -> str:
    """The interval of `estimate`; empty where it has none.

    >>> between(Estimate(value=3.0, low=1.0, high=5.0), str)
    '1.0 to 5.0'
    """
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{written(estimate.low)} to {written(estimate.high)}"


def beside(*parts: str) -> str:
    """What a figure is held against: those of `parts` that are not empty.

    >>> beside("1 to 5", "", "of 40")
    '1 to 5 · of 40'
    """
    return " · ".join(part for part in parts if part)


def made_by(*formulas: Formula) -> str:
    """How a table's figures are made, a sentence each.

    >>> made_by(Formula(name="rate", says="won / all"))
    'rate = won / all.'
    """
    return " ".join(f"{each}." for each in formulas)


def sentence(parts: Iterable[str]) -> str:
    """Those of `parts` that are not empty, one after the other."""
    return " ".join(part for part in parts if part)
