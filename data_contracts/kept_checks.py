"""What stays of every check, accepted or refused, and how the history that stands compares with it: counts alone."""

import datetime as dt
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from data_contracts.errors import ContractError
from data_contracts.estimates import Record
from data_contracts.history import CheckReport, RawHistory, TableCheck


class KeptTable(Record):
    """How many rows of a table were delivered, judged, accepted, refused and left out, as `TableCheck` counts them."""

    table: str
    delivered: int
    rows: int
    accepted: int
    refused: int
    breaches: dict[str, int]
    left_out: dict[str, int]

    @classmethod
    def of(cls, check: TableCheck) -> "KeptTable":
        """The counts of `check`."""
        return cls(**{name: value for name, value in asdict(check).items() if name in cls.model_fields})


class KeptCheck(Record):
    """One check, without a value of any row.

    Attributes
    ----------
    checked_at, extracted_at
        When it was made, and when its extract was taken (UTC, naive).
    fingerprint
        Of the checked history; empty where it was refused.
    tables
        Those that could be judged.
    warnings
        Sentences, as in `CheckReport`.
    stopped_by
        The ids of the rules for which its contract refused the history; empty where it was accepted.
    """

    checked_at: dt.datetime
    extracted_at: dt.datetime
    source: str
    definitions_version: str
    fingerprint: str
    tables: tuple[KeptTable, ...]
    warnings: tuple[str, ...]
    stopped_by: tuple[str, ...]

    @classmethod
    def of(cls, report: CheckReport, *, checked_at: dt.datetime) -> "KeptCheck":
        """What stays of an accepted check."""
        return cls(
            checked_at=checked_at,
            extracted_at=report.extracted_at,
            source=report.source,
            definitions_version=report.definitions_version,
            fingerprint=report.fingerprint,
            tables=tuple(map(KeptTable.of, report.tables)),
            warnings=report.warnings,
            stopped_by=(),
        )

    @classmethod
    def refused_by_contract(
        cls, error: ContractError, raw: RawHistory, *, definitions_version: str, checked_at: dt.datetime
    ) -> "KeptCheck":
        """What stays of a check whose history was refused. What was found is not kept: it may quote a row."""
        return cls(
            checked_at=checked_at,
            extracted_at=raw.extracted_at,
            source=raw.source,
            definitions_version=definitions_version,
            fingerprint="",
            tables=tuple(map(KeptTable.of, error.tables)),
            warnings=(),
            stopped_by=tuple(dict.fromkeys(breach.rule for breach in error.breaches)),
        )

    @property
    def is_accepted(self) -> bool:
        """Whether it became the history."""
        return not self.stopped_by

    @property
    def rows(self) -> int:
        """Rows that were judged, of all tables."""
        return sum(one.rows for one in self.tables)

    @property
    def refused(self) -> int:
        """Rows that were refused, of all tables."""
        return sum(one.refused for one in self.tables)

    @property
    def left_out(self) -> int:
        """Rows that the settings leave out, of all tables."""
        return sum(sum(one.left_out.values()) for one in self.tables)

    @property
    def refused_share(self) -> float | None:
        """Refused rows of those that were judged; None where none were."""
        return self.refused / self.rows if self.rows else None


class TableBeside(Record):
    """One table beside the check before; the changes are None where that did not judge it, or is not known."""

    table: str
    delivered: int
    delivered_change: int | None
    accepted: int
    refused: int
    refused_share: float | None
    refused_change: int | None
    left_out: int


class RuleBeside(Record):
    """A rule that rows breach, or breached in the check before.

    `breaches` counts rows, `share` is of the rows of the table, and `change` is None where the check before is not
    known.
    """

    rule: str
    table: str
    promise: str
    breaches: int
    share: float | None
    change: int | None


@dataclass(frozen=True, slots=True)
class DataState:
    """The history that stands, and the checks of its source that are kept.

    Attributes
    ----------
    report
        Of the check that made the history.
    before
        The check that was accepted before it; None where none is kept.
    checks
        All of the source, the oldest first; refused ones too.
    notes
        What is wrong with the kept checks themselves.
    """

    report: CheckReport
    before: KeptCheck | None
    checks: tuple[KeptCheck, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: CheckReport, kept: Sequence[KeptCheck], *, notes: Sequence[str] = ()) -> "DataState":
        """The state of the data by the report in the store and the kept checks, the oldest first."""
        checks = tuple(one for one in kept if one.source == report.source)
        accepted = [one for one in checks if one.is_accepted]
        if accepted and (accepted[-1].fingerprint, accepted[-1].extracted_at) == (
            report.fingerprint,
            report.extracted_at,
        ):
            accepted.pop()
        return cls(report, accepted[-1] if accepted else None, checks, tuple(notes))

    @property
    def refused_since(self) -> KeptCheck | None:
        """The last check, where its contract refused it: the history is then of a check before."""
        return self.checks[-1] if self.checks and not self.checks[-1].is_accepted else None

    @property
    def rows(self) -> int:
        """Rows that were judged, of all tables."""
        return sum(one.rows for one in self.report.tables)

    @property
    def refused(self) -> int:
        """Rows that were refused, of all tables."""
        return sum(one.refused for one in self.report.tables)

    @property
    def left_out(self) -> int:
        """Rows that the settings leave out, of all tables."""
        return sum(sum(one.left_out.values()) for one in self.report.tables)

    @property
    def usual_refused_share(self) -> float | None:
        """The median share of refused rows of the accepted checks up to the one before; None where there are none."""
        shares = [
            one.refused_share
            for one in self.checks
            if one.is_accepted and one.refused_share is not None and self._is_earlier(one)
        ]
        return statistics.median(shares) if shares else None

    @property
    def tables(self) -> tuple[TableBeside, ...]:
        """Each delivered table beside the check before."""
        before = {one.table: one for one in self.before.tables} if self.before else {}
        return tuple(_table_beside(one, before.get(one.table)) for one in self.report.tables)

    @property
    def rules(self) -> tuple[RuleBeside, ...]:
        """The rules that rows breach or breached before, those that most rows breach first."""
        promises = {one.rule: one.promise for one in self.report.verdicts}
        before = {one.table: one.breaches for one in self.before.tables} if self.before else {}
        told = [
            RuleBeside(
                rule=rule,
                table=check.table,
                promise=promises.get(rule, ""),
                breaches=check.breaches.get(rule, 0),
                share=check.breaches.get(rule, 0) / check.rows if check.rows else None,
                change=check.breaches.get(rule, 0) - before[check.table].get(rule, 0)
                if check.table in before
                else None,
            )
            for check in self.report.tables
            for rule in {**check.breaches, **before.get(check.table, {})}
        ]
        return tuple(sorted(told, key=lambda one: (-one.breaches, one.rule)))

    @property
    def absent(self) -> tuple[str, ...]:
        """The warnings about tables that the source does not have: what that costs."""
        return tuple(one for one in self.report.warnings if self._is_about_absence(one))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The other warnings of the check."""
        return tuple(one for one in self.report.warnings if not self._is_about_absence(one))

    def _is_about_absence(self, warning: str) -> bool:
        return warning.startswith(tuple(f"{name} is absent: " for name in self.report.absent))

    def _is_earlier(self, check: KeptCheck) -> bool:
        return self.before is not None and check.checked_at <= self.before.checked_at


def _table_beside(check: TableCheck, before: KeptTable | None) -> TableBeside:
    return TableBeside(
        table=check.table,
        delivered=check.delivered,
        delivered_change=check.delivered - before.delivered if before else None,
        accepted=check.accepted,
        refused=check.refused,
        refused_share=check.refused / check.rows if check.rows else None,
        refused_change=check.refused - before.refused if before else None,
        left_out=sum(check.left_out.values()),
    )
