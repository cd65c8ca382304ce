"""Errors a user can act on: each says what, where, which value and what to do, and has its own exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_contracts.history import TableCheck


class LeadScoreError(Exception):
    """Anything the user can mend. The command line prints it without a traceback and exits with `exit_code`.

    `may_pass` says whether trying again later may help without anybody mending anything.
    """

    exit_code = 1
    may_pass = False


class SettingsError(LeadScoreError):
    """A settings file is missing, unreadable, or says something that is not allowed."""

    exit_code = 3


class SourceError(LeadScoreError):
    """A source could not be read: a missing folder, a failing SELECT, a wrong encoding."""

    exit_code = 4


class SourceUnreachableError(SourceError):
    """A database or server that a SELECT reads from does not answer for now. Trying again later may help."""

    may_pass = True


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken promise of a data contract that stops the run.

    `rule` is the rule's id, `found` what was seen (with counts), `remedy` what to do about it.
    """

    table: str
    rule: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.table}: {self.found}; {self.remedy}"


class ContractError(LeadScoreError):
    """The history breaks its contract as a whole. Carries every breach, not only the first.

    `tables` are the counts of those tables that could be judged.
    """

    exit_code = 5

    def __init__(self, breaches: Sequence[Breach], *, tables: "Sequence[TableCheck]" = ()) -> None:
        self.breaches, self.tables = tuple(breaches), tuple(tables)
        lines = "\n".join(f"  - {breach}" for breach in self.breaches)
        super().__init__(f"the history breaks its data contract in {len(self.breaches)} place(s):\n{lines}")


class TooFewOutcomesError(LeadScoreError):
    """A transition has too few leads that converted, too few that did not, or too few accounts to learn from."""

    exit_code = 6

    def __init__(self, transition: str, *, what: str, found: int, needed: int, hint: str) -> None:
        self.transition, self.what, self.found, self.needed = transition, what, found, needed
        super().__init__(f"{transition}: {found} {what} are known and {needed} are needed; {hint}")


class ReleaseError(LeadScoreError):
    """A release is missing, was made by another feature catalogue, or holds something that is not trusted."""

    exit_code = 7


class PublishError(LeadScoreError):
    """Scores could not be written. What was written before is in the receipt."""

    exit_code = 8


class UnknownLeadError(LeadScoreError):
    """The lead that was asked for is not in the history."""

    exit_code = 9


class BusyError(LeadScoreError):
    """Another run is at work on the same files. Waiting helps."""

    exit_code = 10
    may_pass = True


class StoreError(LeadScoreError):
    """A file or database of the store cannot be read or written: damaged, read-only, or the disk is full."""

    exit_code = 11


class UnreachableError(StoreError):
    """A server that keeps part of the store does not answer. Waiting may help."""

    may_pass = True


class GateError(LeadScoreError):
    """A release does not pass the gate before production. Nothing was put into force."""

    exit_code = 12
