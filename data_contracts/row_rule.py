"""What a row rule is: a promise, who breaches it, and how to say so."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import ibis
import ibis.expr.types as ir

from data_contracts.columns import TableContract
from data_contracts.privacy import masked_value

SHOWN_TIME = "%Y-%m-%d %H:%M:%S"
"""How a time is written in the quarantine."""

_LARGEST_SHOWN_WHOLE = 1e15


@dataclass(frozen=True, slots=True)
class Expectation:
    """A rule in Great Expectations' own vocabulary: the type and the options of one of its expectations.

    `only_where_null` names a column: rows that have a value in it are not judged.
    """

    type: str
    options: Mapping[str, Any]
    only_where_null: str = ""


@dataclass(frozen=True)
class RowRule(ABC):
    """One row rule of one table. A row that breaches it is refused."""

    contract: TableContract
    kind: ClassVar[str]

    @property
    @abstractmethod
    def judges(self) -> str:
        """The judged column, or columns joined by `+`."""

    @property
    def id(self) -> str:
        """`<table>.<column>.<kind>`, the name under which breaches are counted."""
        return f"{self.contract.name}.{self.judges}.{self.kind}"

    @property
    @abstractmethod
    def promise(self) -> str:
        """What is promised, as a sentence about the column."""

    @property
    def is_about_lead(self) -> bool:
        """Whether it asks for the lead that a row belongs to."""
        return False

    @property
    def is_about_mergers(self) -> bool:
        """Whether it can be judged only when all leads have been looked at."""
        return False

    def value(self, rows: ir.Table) -> ir.StringValue:
        """The value that breaches the rule, as text."""
        return shown(self.contract, self.judges, rows)

    @abstractmethod
    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.StringValue | str:
        """What is wrong with the value and what to do, as the end of a sentence that begins with it."""

    def reason(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.StringValue:
        """The whole sentence: which value, what was expected, what to do. What identifies a person is masked."""
        text = masked_value(self.value(rows)).fill_null("")
        return ibis.literal(f"{self.judges} '") + text + "' " + self.complaint(rows, extracted_at=extracted_at)

    def expectation(self, *, extracted_at: dt.datetime) -> Expectation | None:
        """The rule as one of Great Expectations' own; None where it has none."""
        del extracted_at
        return None

    def n_judged(self, rows: ir.Table) -> ir.IntegerScalar:
        """How many rows that expectation looks at."""
        return rows.count()


@dataclass(frozen=True)
class SeenInRow(RowRule):
    """A rule that a look at one row, and at the lead that it belongs to, decides."""

    @abstractmethod
    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """True for the judged rows that breach the rule."""


def shown(contract: TableContract, name: str, rows: ir.Table) -> ir.StringValue:
    """The value of the column called `name` as text; null where it is missing."""
    value = rows[name]
    if contract.column(name).type == "number" and value.type().is_floating():
        # Engines write whole numbers differently.
        is_whole = (value.abs() < _LARGEST_SHOWN_WHOLE) & (value == value.floor())
        return is_whole.ifelse(value.cast("int64").cast("string") + ".0", value.cast("string"))
    return value.strftime(SHOWN_TIME) if contract.column(name).type == "timestamp" else value.cast("string")


def key_text(contract: TableContract, rows: ir.Table) -> ir.StringValue:
    """The key of each row as one text; missing parts are empty."""
    parts = [shown(contract, name, rows).fill_null("") for name in contract.key]
    return ibis.literal("|").join(parts)
