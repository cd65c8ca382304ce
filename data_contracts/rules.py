"""The row rules of the contracts, one class a kind: its promise, who breaches it, and how to say so.

The Great Expectations suites, the quarantine and `docs/contracts.md` follow from these classes. A rule speaks of the
columns of judged rows: canonical columns, `<column>_unreadable` beside each that is not text, and where rows belong to
a lead what `data_contracts.check.merge_leads` knows of it (`lead_created_at`).
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import ibis
import ibis.expr.types as ir

from data_contracts.columns import Column, ColumnType, Order, Reference, TableContract, unreadable
from data_contracts.privacy import masked_value

_SHOWN_TIME = "%Y-%m-%d %H:%M:%S"
_LARGEST_SHOWN_WHOLE = 1e15

_TYPES: dict[ColumnType, str] = {"string": "text", "timestamp": "a time", "number": "a number"}

HOW_TO_WRITE: dict[ColumnType, str] = {
    "string": "text",
    "timestamp": "a time; write it like 2024-02-29, 2024-02-29 13:45:00 or 2024-02-29T13:45:00+01:00, not before 1900",
    "number": "a number; write it like 1234.5",
}
"""What a value of each canonical type looks like, as the end of a sentence."""

LEAD_CREATED_AT = "lead_created_at"
"""When the accepted lead that a row belongs to was created; null where there is no such lead."""

IS_LEAD_ACCEPTED = "is_target_accepted"
"""Of a row of `leads`: whether the lead that it was merged into was accepted."""

IS_IN_CIRCLE = "is_in_circle"
"""Of a row of `leads`: whether its chain of mergers never ends."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A rule in Great Expectations' own vocabulary: the type and the options of one of its expectations.

    `only_where_null` names a column: rows that have a value in it are not judged.
    """

    type: str
    options: Mapping[str, Any]
    only_where_null: str = ""


@dataclass(frozen=True)
class RowRule:
    """One row rule of one table. A row that breaches it is refused."""

    contract: TableContract
    kind: ClassVar[str]

    @property
    def judges(self) -> str:
        """The judged column, or columns joined by `+`."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """`<table>.<column>.<kind>`, the name under which breaches are counted."""
        return f"{self.contract.name}.{self.judges}.{self.kind}"

    @property
    def promise(self) -> str:
        """What is promised, as a sentence about the column."""
        raise NotImplementedError

    @property
    def is_about_lead(self) -> bool:
        """Whether it asks for the lead that a row belongs to."""
        return False

    @property
    def is_about_mergers(self) -> bool:
        """Whether it can be judged only when all leads have been looked at."""
        return False

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """True for the judged rows that breach the rule."""
        raise NotImplementedError

    def value(self, rows: ir.Table) -> ir.StringValue:
        """The value that breaches the rule, as text."""
        return shown(self.contract, self.judges, rows)

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.StringValue | str:
        """What is wrong with the value and what to do, as the end of a sentence that begins with it."""
        raise NotImplementedError

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
class ColumnRule(RowRule):
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

    def reason(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.StringValue:
        """There is no value to show."""
        del rows, extracted_at
        return ibis.literal(f"{self.judges} is missing; fill it in")

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
        return rows[self.judges].notin(self.words)

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Lists our words."""
        del rows, extracted_at
        return f"is none of {', '.join(self.words)}; map it in the settings"

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
        return f"lies after the extract of {extracted_at:{_SHOWN_TIME}} UTC; correct it"

    def expectation(self, *, extracted_at: dt.datetime) -> Expectation:
        """A range that is open below."""
        return Expectation("expect_column_values_to_be_between", {"column": self.judges, "max_value": extracted_at})

    def n_judged(self, rows: ir.Table) -> ir.IntegerScalar:
        """Rows that have a time."""
        return rows[self.judges].count()


@dataclass(frozen=True)
class Unique(RowRule):
    """No two rows have the same key. Of n rows with one key, one is kept and n - 1 are refused.

    Which one is kept is decided among all rows: see `data_contracts.check.judge_rows.repeated_rows`.
    """

    kind: ClassVar[str] = "unique"

    @property
    def judges(self) -> str:
        """The key's columns."""
        return "+".join(self.contract.key)

    @property
    def promise(self) -> str:
        """Says which row is kept."""
        return f"{self.judges} is unique (of rows with the same one, the first that breaches nothing else is kept)"

    def value(self, rows: ir.Table) -> ir.StringValue:
        """The key."""
        return key_text(self.contract, rows)

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Says that its twin is kept."""
        del rows, extracted_at
        return "is not unique: another row with it is kept; deliver one of them"


@dataclass(frozen=True)
class References(RowRule):
    """The id is that of an accepted lead. `Reference` names the column."""

    reference: Reference
    kind: ClassVar[str] = "references"

    @property
    def judges(self) -> str:
        """The column that holds the id."""
        return self.reference.column

    @property
    def promise(self) -> str:
        """Says so."""
        return f"{self.judges} is an accepted lead"

    @property
    def is_about_lead(self) -> bool:
        """Always."""
        return True

    @property
    def is_about_mergers(self) -> bool:
        """Where a lead refers to another."""
        return self.reference.table == self.contract.name

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """There is an id, and no accepted lead has it."""
        del extracted_at
        is_accepted = rows[IS_LEAD_ACCEPTED] if self.is_about_mergers else rows[LEAD_CREATED_AT].notnull()
        return rows[self.judges].notnull() & ~is_accepted

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Says why there may be none."""
        del rows, extracted_at
        return "is no accepted lead (unknown, or refused itself); deliver it, or correct the id"


@dataclass(frozen=True)
class NoCircle(RowRule):
    """Following a lead's mergers ends at a lead that was never merged."""

    reference: Reference
    kind: ClassVar[str] = "no_circle"

    @property
    def judges(self) -> str:
        """The column that names the next lead of the chain."""
        return self.reference.column

    @property
    def promise(self) -> str:
        """Says so."""
        return f"{self.judges} ends at a surviving lead, however long the chain of mergers"

    @property
    def is_about_mergers(self) -> bool:
        """Always."""
        return True

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """The chain never ends."""
        del extracted_at
        return rows[IS_IN_CIRCLE]

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> str:
        """Says so."""
        del rows, extracted_at
        return "leads in a circle: the chain of mergers never ends at a surviving lead; correct one of them"


@dataclass(frozen=True)
class NotBefore(RowRule):
    """One time of a row is not before another one, or not before the creation of the row's lead."""

    order: Order
    kind: ClassVar[str] = "not_before"

    @property
    def judges(self) -> str:
        """The later time."""
        return self.order.later

    @property
    def promise(self) -> str:
        """Names both."""
        return f"{self.judges} is not before {self._earlier_name}"

    @property
    def is_about_lead(self) -> bool:
        """Where the earlier time is the lead's creation."""
        return self.order.of_lead

    def breaches(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.BooleanValue:
        """Both are there, and in the wrong order."""
        del extracted_at
        return rows[self.judges] < rows[self._earlier]

    def complaint(self, rows: ir.Table, *, extracted_at: dt.datetime) -> ir.StringValue:
        """Shows the other time."""
        del extracted_at
        time = rows[self._earlier].strftime(_SHOWN_TIME).fill_null("")
        return ibis.literal(f"lies before {self._earlier_name}, ") + time + "; correct one of them"

    def expectation(self, *, extracted_at: dt.datetime) -> Expectation | None:
        """A pair of columns; none where the other time is the lead's."""
        del extracted_at
        if self.order.of_lead:
            return None
        pair = {"column_A": self.judges, "column_B": self.order.earlier, "or_equal": True}
        options = pair | {"ignore_row_if": "either_value_is_missing"}
        return Expectation("expect_column_pair_values_a_to_be_greater_than_b", options)

    def n_judged(self, rows: ir.Table) -> ir.IntegerScalar:
        """Rows that have both times."""
        if self.order.of_lead:
            return rows.count()
        return rows.count(where=rows[self.judges].notnull() & rows[self.order.earlier].notnull())

    @property
    def _earlier(self) -> str:
        return LEAD_CREATED_AT if self.order.of_lead else self.order.earlier

    @property
    def _earlier_name(self) -> str:
        return "the creation of its lead" if self.order.of_lead else self.order.earlier


def row_rules(contract: TableContract) -> tuple[RowRule, ...]:
    """Every row rule that follows from `contract`, column rules first.

    >>> from data_contracts.columns import STAGE_CHANGES
    >>> [rule.promise for rule in row_rules(STAGE_CHANGES)][-3:]  # doctest: +NORMALIZE_WHITESPACE
    ['lead_id is an accepted lead', 'entered_at is not before the creation of its lead',
    'recorded_at is not before entered_at']
    """
    return (
        *(rule for column in contract.columns for rule in _column_rules(contract, column)),
        Unique(contract),
        *(rule for reference in contract.references for rule in _reference_rules(contract, reference)),
        *(NotBefore(contract, order) for order in contract.orders),
    )


def _column_rules(contract: TableContract, column: Column) -> Iterator[RowRule]:
    if column.type != "string":
        yield HasType(contract, column)
    if not column.nullable and column.filled_from is None:
        yield NotMissing(contract, column)
    if column.vocabulary is not None:
        yield InVocabulary(contract, column)
    if column.at_least is not None:
        yield AtLeast(contract, column)
    if column.type == "timestamp" and not column.may_be_future:
        yield NotInFuture(contract, column)


def _reference_rules(contract: TableContract, reference: Reference) -> Iterator[RowRule]:
    yield References(contract, reference)
    if reference.table == contract.name:
        yield NoCircle(contract, reference)


def shown(contract: TableContract, name: str, rows: ir.Table) -> ir.StringValue:
    """The value of the column called `name` as text; null where it is missing."""
    value = rows[name]
    if contract.column(name).type == "number" and value.type().is_floating():
        # Engines write whole numbers differently.
        is_whole = (value.abs() < _LARGEST_SHOWN_WHOLE) & (value == value.floor())
        return is_whole.ifelse(value.cast("int64").cast("string") + ".0", value.cast("string"))
    return value.strftime(_SHOWN_TIME) if contract.column(name).type == "timestamp" else value.cast("string")


def key_text(contract: TableContract, rows: ir.Table) -> ir.StringValue:
    """The key of each row as one text; missing parts are empty."""
    parts = [shown(contract, name, rows).fill_null("") for name in contract.key]
    return ibis.literal("|").join(parts)
