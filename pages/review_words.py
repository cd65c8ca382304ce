"""What a review's rows say in words: columns of text, figures with their intervals, and groups by name."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.estimates import Estimate
from data_contracts.metrics.formula import Formula
from pages.formats import MISSING, Formats

Row = Mapping[str, Any]
Said = Callable[[dict[str, Any]], str | None]

NOT_KNOWN = "not known"

SAID = "group_said"
"""The column that names the group."""

NO_INTERVAL = "interval not known"


def in_words(rows: pa.Table, words: Mapping[str, Said]) -> pa.Table:
    """`rows` with what is said of each of them, by column: in the place of one that is there already, else behind."""
    listed = rows.to_pylist()
    for name, said in words.items():
        told = pa.array([said(row) for row in listed], pa.string())
        place = rows.schema.get_field_index(name)
        rows = rows.append_column(name, told) if place < 0 else rows.set_column(place, name, told)
    return rows


def yes_no(name: str, *, yes: str = "yes", no: str = "no") -> Said:
    """Of a row: whether what the column `name` says holds; `NOT_KNOWN` where nobody knows.

    >>> [yes_no("is_due", no="not yet")({"is_due": value}) for value in (True, False, None)]
    ['yes', 'not yet', 'not known']
    """
    return lambda row: NOT_KNOWN if row[name] is None else yes if row[name] else no


def known(name: str, *, unknown: str = NOT_KNOWN) -> Said:
    """Of a row: the text in the column `name`, or `unknown` where there is none."""
    return lambda row: row[name] or unknown


def sure(row: Row, name: str, written: Callable[[Any], str]) -> str:
    """The figure called `name` with its interval, where it has one.

    >>> sure({"n": 3.0, "n_low": 1.0, "n_high": 5.0}, "n", str)
    '3.0 (1.0 to 5.0)'
    >>> sure({"n": 3.0, "n_low": None, "n_high": None}, "n", str)
    '3.0'
    """
    return sure_of(estimate_of(row, name), written)


def sure_of(estimate: Estimate, written: Callable[[Any], str]) -> str:
    """`estimate` with its interval, where it has one."""
    if estimate.value is None:
        return MISSING
    told = between(estimate, written)
    return f"{written(estimate.value)} ({told})" if told else written(estimate.value)


def estimate_of(row: Row, name: str) -> Estimate:
    """The figure called `name` with its interval."""
    return Estimate(value=row[name], low=row[f"{name}_low"], high=row[f"{name}_high"])


def range_of(row: Row, name: str, written: Callable[[Any], str]) -> str:
    """The interval of the figure called `name`; empty where it has none."""
    return between(estimate_of(row, name), written)


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


def sentences(parts: Iterable[str]) -> str:
    """Those of `parts` that are not empty, one after the other."""
    return " ".join(part for part in parts if part)


def capitalised(text: str) -> str:
    """`text` with a capital at its beginning.

    >>> capitalised("nothing records it")
    'Nothing records it'
    """
    return f"{text[:1].upper()}{text[1:]}"


def counted(n: int, one: str, many: str, formats: Formats) -> str:
    """So many of something.

    >>> counted(1, "deal", "deals", Formats("en", "EUR", "UTC"))
    '1 deal'
    """
    return f"{formats.count(n)} {one if n == 1 else many}"


def named(rows: pa.Table, *, unnamed: str = NOT_KNOWN) -> pa.Table:
    """`rows` with what a reader calls each `group`, in the column `SAID`."""
    names = pc.fill_null(rows["group"].cast(pa.string()), unnamed)
    return rows.append_column(SAID, names)


def with_total(rows: pa.Table, totals: pa.Table) -> pa.Table:
    """`rows` by name, then the total of all of them."""
    return pa.concat_tables([named(rows), named(totals, unnamed="all")])


def top(rows: pa.Table, column: str) -> dict[str, Any] | None:
    """The known group with most in `column`, the first by name of equals; None where no known group has any."""
    listed = [row for row in rows.to_pylist() if row["group"] is not None and row[column]]
    return min(listed, key=lambda row: (-row[column], row["group"]), default=None)


def dimension(by: str) -> str:
    """What groups share, in a sentence: a column's name without its underscores, or without saying that it is an id.

    >>> dimension("owner_id"), dimension("federal_state")
    ('owner', 'federal state')
    """
    return by.removesuffix("_id").replace("_", " ")


def file_part(by: str) -> str:
    """What tells tables by different columns apart, in the names of their files."""
    return by.replace("_", "-")


def heading_of(by: str) -> str:
    """What stands above the names."""
    return capitalised(dimension(by))
