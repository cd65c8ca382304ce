"""The row rules of the contracts, one class a kind: those about a row's key, lead and order, and all that a table has.

The Great Expectations suites, the quarantine and `docs/contracts.md` follow from these classes. A rule speaks of the
columns of judged rows: canonical columns, `<column>_unreadable` beside each that is not text, and where rows belong to
a lead what `data_contracts.check.merge_leads` knows of it (`lead_created_at`).
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import ibis
import ibis.expr.types as ir

from data_contracts.column_rules import AtLeast, HasType, InVocabulary, IsTimeZone, NotInFuture, NotMissing
from data_contracts.columns import Column, Order, Reference, TableContract
from data_contracts.row_rule import SHOWN_TIME, Expectation, RowRule, SeenInRow, key_text

LEAD_CREATED_AT = "lead_created_at"
"""When the accepted lead that a row belongs to was created; null where there is no such lead."""

IS_LEAD_ACCEPTED = "is_target_accepted"
"""Of a row of `leads`: whether the lead that it was merged into was accepted."""

IS_IN_CIRCLE = "is_in_circle"
"""Of a row of `leads`: whether its chain of mergers never ends."""


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
class References(SeenInRow):
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
class NoCircle(SeenInRow):
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
class NotBefore(SeenInRow):
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
        time = rows[self._earlier].strftime(SHOWN_TIME).fill_null("")
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
    if column.is_time_zone:
        yield IsTimeZone(contract, column)
    if column.type == "timestamp" and not column.may_be_future:
        yield NotInFuture(contract, column)


def _reference_rules(contract: TableContract, reference: Reference) -> Iterator[RowRule]:
    yield References(contract, reference)
    if reference.table == contract.name:
        yield NoCircle(contract, reference)
