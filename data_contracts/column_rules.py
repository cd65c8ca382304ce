"""The row rules that are about the values of one column."""

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar
from zoneinfo import available_timezones

import ibis
import ibis.expr.types as ir

from data_contracts.columns import Column, ColumnType, unreadable
from data_contracts.row_rule import SHOWN_TIME, Expectation, SeenInRow

_TYPES: dict[ColumnType, str] = {"string": "text", "timestamp": "a time", "number": "a number"}

HOW_TO_WRITE: dict[ColumnType, str] = {
    "string": "text",
    "timestamp": "a time; write it like 2024-02-29, 2024-02-29 13:45:00 or 2024-02-29T13:45:00+01:00, not before 1900",
    "number": "a number; write it like 1234.5",
}
"""What a value of each canonical type looks like, as the end of a sentence."""


@dataclass(frozen=True)
class ColumnRule(SeenInRow):
    """A rule about the values of one column."""

    column: Column

    @property
    def judges(self) -> str:
        """The column's name."""
        return self.column.name


@dataclass(frozen=True)
class HasType(ColumnRule):
    """The text can be read as the column's type."""

    kind: ClassVar[str] = "has_type"

    @property
    def promise(self) -> str:
        """Names the type."""
        return f"{self.judges} is {_TYPES[self.column.type]}"

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """A text was kept because it could not be read."""
        del extracted_at
        return rows[unreadable(self.judges)].notnull()

    def value(self, rows: ir.Table) -> ir.StringValue:
        """The text as it was delivered."""
        return rows[unreadable(self.judges)]

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Says how to write such a value."""
        del rows, extracted_at
        return f"is not {HOW_TO_WRITE[self.column.type]}"

    def expectation(self, *, extracted_at: dt.datetime) -> Expectation:
        """The unreadable texts are null."""
        del extracted_at
        return Expectation("expect_column_values_to_be_null", {"column": unreadable(self.judges)})


@dataclass(frozen=True)
class NotMissing(ColumnRule):
    """There is a value. One that could not be read is another breach, not this one."""

    kind: ClassVar[str] = "not_missing"

    @property
    def promise(self) -> str:
        """Says so."""
        return f"{self.judges} is not missing"

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """Neither a value nor an unreadable text."""
        del extracted_at
        is_missing = rows[self.judges].isnull()
        return is_missing if self._is_text else is_missing & rows[unreadable(self.judges)].isnull()

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Says so."""
        del rows, extracted_at
        return "is missing; fill it in"

    def reason(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.StringValue:
        """There is no value to show."""
        return ibis.literal(f"{self.judges} {self.complaint(rows, extracted_at=extracted_at)}")

    def expectation(self, *, extracted_at: dt.datetime) -> Expectation:
        """Asked only of rows whose value could be read."""
        del extracted_at
        only = "" if self._is_text else unreadable(self.judges)
        return Expectation("expect_column_values_to_not_be_null", {"column": self.judges}, only_where_null=only)

    def n_judged(self, rows: ir.Table) -> ir.IntegerScalar:
        """Rows whose value could be read."""
        return rows.count() if self._is_text else rows.count(where=rows[unreadable(self.judges)].isnull())

    @property
    def _is_text(self) -> bool:
        return self.column.type == "string"


@dataclass(frozen=True)
class InVocabulary(ColumnRule):
    """The word is one of ours, or the settings map it onto one."""

    kind: ClassVar[str] = "in_vocabulary"

    @property
    def words(self) -> tuple[str, ...]:
        """Our words."""
        return self.column.vocabulary or ()

    @property
    def promise(self) -> str:
        """Says so."""
        return f"{self.judges} is one of our words, or the settings map it onto one"

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """The word is still the customer's own after translation."""
        del extracted_at
        word = rows[self.judges]
        return word.notnull() & word.notin(self.words)  # where no word is declared, a missing one is not among them

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Lists our words."""
        del rows, extracted_at
        return f"is none of {', '.join(self.words)}; {self.column.remedy}"

    def n_judged(self, rows: ir.Table) -> ir.IntegerScalar:
        """Rows that have a word."""
        return rows[self.judges].count()


@dataclass(frozen=True)
class AtLeast(ColumnRule):
    """The number is not below the contract's least one."""

    kind: ClassVar[str] = "at_least"

    @property
    def promise(self) -> str:
        """Names the least number."""
        return f"{self.judges} is at least {self.column.at_least}"

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """Below it."""
        del extracted_at
        return rows[self.judges] < self.column.at_least

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Names the least number."""
        del rows, extracted_at
        return f"is less than {self.column.at_least}; correct it"

    def expectation(self, *, extracted_at: dt.datetime) -> Expectation:
        """A range that is open above."""
        del extracted_at
        options = {"column": self.judges, "min_value": self.column.at_least}
        return Expectation("expect_column_values_to_be_between", options)

    def n_judged(self, rows: ir.Table) -> ir.IntegerScalar:
        """Rows that have a number."""
        return rows[self.judges].count()


@dataclass(frozen=True)
class IsTimeZone(ColumnRule):
    """The text is the name of a time zone. The row alone is refused: whoever it is about has none that is known."""

    kind: ClassVar[str] = "is_time_zone"

    @property
    def promise(self) -> str:
        """Says so."""
        return f"{self.judges} is a time zone of the IANA database"

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """There is a text, and no zone is called so."""
        del extracted_at
        zone = rows[self.judges]
        return zone.notnull() & zone.notin(sorted(available_timezones()))

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Shows what such a name looks like."""
        del rows, extracted_at
        return "is no time zone of the IANA database; it has names like 'Europe/Berlin'"


@dataclass(frozen=True)
class NotInFuture(ColumnRule):
    """The time does not lie after the extract."""

    kind: ClassVar[str] = "not_in_future"

    @property
    def promise(self) -> str:
        """Says so."""
        return f"{self.judges} does not lie after the extract"

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """After it."""
        return rows[self.judges] > extracted_at

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Names the time of the extract."""
        del rows
        return f"lies after the extract of {extracted_at:{SHOWN_TIME}} UTC; correct it"

    def expectation(self, *, extracted_at: dt.datetime) -> Expectation:
        """A range that is open below."""
        return Expectation("expect_column_values_to_be_between", {"column": self.judges, "max_value": extracted_at})

    def n_judged(self, rows: ir.Table) -> ir.IntegerScalar:
        """Rows that have a time."""
        return rows[self.judges].count()
