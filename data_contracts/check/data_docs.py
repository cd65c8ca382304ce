"""The pages around Great Expectations' findings: they load nothing from anywhere and hold counts only.

`data_docs/index.html` lists the runs; `runs/<name>/index.html` tells of one, beside Great Expectations' own page on
each table. What is quoted is a rule's id or its promise, never what a row holds.
"""

import datetime as dt
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import jinja2

from data_contracts.check.templates import TEMPLATES
from data_contracts.check.verdicts import REFUSED_SHARE
from data_contracts.history import TableCheck, Verdict

_PAGES = jinja2.Environment(loader=TEMPLATES, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
_PAGES.filters["count"] = lambda n: f"{n:,}"
_PAGES.filters["moment"] = lambda at: f"{at:%Y-%m-%d %H:%M:%S}"

_WITHOUT_VERDICT = {
    "is_delivered": "the table is delivered",
    "volume": "the table is delivered, as it was in the last run",
    "is_not_written_back": "no field that we write ourselves is read",
    "is_one_column": "no declared attribute is called like a column of the contract",
    "is_there_to_ask": "every column is delivered by which rows are left out",
    "conserved": "every row is accepted, refused or left out",
}
"""Promises that the check judges without Great Expectations, by the end of the rule's id."""


@dataclass(frozen=True, slots=True)
class RunCard:
    """One run in the list of runs.

    Attributes
    ----------
    judged_at
        When it was judged (UTC, naive).
    title
        Which extract was judged.
    rows, refused
        Of all tables that could be judged.
    failed_rules
        How many rules failed, with those that Great Expectations does not judge.
    """

    judged_at: dt.datetime
    title: str
    is_accepted: bool
    rows: int
    refused: int
    failed_rules: int


@dataclass(frozen=True, slots=True)
class TableTold:
    """One table of a run: the verdict on the share of its rows that is refused, if it was judged, and its rules."""

    name: str
    refused: Verdict | None
    n_rules: int
    n_failed: int


@dataclass(frozen=True, slots=True)
class RuleTold:
    """One rule that failed, or that rows breach.

    Attributes
    ----------
    table
        The table whose page tells more; empty where Great Expectations does not judge the rule.
    command
        Shows the rows; empty where the quarantine holds none for this rule.
    """

    id: str
    promise: str
    is_failed: bool
    table: str = ""
    breaching: int = 0
    rows: int = 0
    command: str = ""


@dataclass(frozen=True, slots=True)
class RunTold:
    """What is told about one run.

    Attributes
    ----------
    checks
        By table, how many rows were refused and for which rules.
    stopped_by
        The ids of the rules for which the run was refused; empty where it was accepted.
    """

    judged_at: dt.datetime
    title: str
    verdicts: Sequence[Verdict]
    checks: Mapping[str, TableCheck]
    stopped_by: Sequence[str]

    @property
    def without_verdict(self) -> tuple[str, ...]:
        """The rules that stopped the run and that Great Expectations does not judge."""
        judged = {verdict.rule for verdict in self.verdicts}
        return tuple(rule for rule in dict.fromkeys(self.stopped_by) if rule not in judged)

    @property
    def card(self) -> RunCard:
        """The run in the list of runs."""
        return RunCard(
            judged_at=self.judged_at,
            title=self.title,
            is_accepted=not self.stopped_by,
            rows=sum(check.rows for check in self.checks.values()),
            refused=sum(check.refused for check in self.checks.values()),
            failed_rules=sum(not verdict.success for verdict in self.verdicts) + len(self.without_verdict),
        )

    @property
    def tables(self) -> tuple[TableTold, ...]:
        """The tables, in order."""
        names = dict.fromkeys(verdict.table for verdict in self.verdicts)
        return tuple(_table(name, [v for v in self.verdicts if v.table == name]) for name in names)

    @property
    def breached(self) -> tuple[RuleTold, ...]:
        """The rules that failed, then those that some rows breach and that is tolerated."""
        untold = [
            RuleTold(rule, _WITHOUT_VERDICT.get(rule.rsplit(".", 1)[-1], ""), is_failed=True)
            for rule in self.without_verdict
        ]
        failed = [verdict for verdict in self.verdicts if not verdict.success]
        # Every refused row is in the share of the table too, which is a rule of its own only where it failed.
        tolerated = [v for v in self.verdicts if v.success and v.unexpected and not _is_about_share(v)]
        quarantined = {rule for check in self.checks.values() for rule in check.breaches}
        return (*untold, *(_rule(verdict, quarantined) for verdict in [*failed, *tolerated]))


def history_page(cards: Mapping[str, RunCard]) -> str:
    """The first page as HTML: the runs by name, in the order given, each with a link to its pages."""
    return _PAGES.get_template("history.j2").render(cards=cards)


def run_page(run: RunTold) -> str:
    """The page of one run as HTML: its tables, and the rules that rows breach with the way to these rows."""
    return _PAGES.get_template("run.j2").render(run=run)


def _table(name: str, verdicts: Sequence[Verdict]) -> TableTold:
    refused = next((verdict for verdict in verdicts if _is_about_share(verdict)), None)
    return TableTold(name, refused, n_rules=len(verdicts), n_failed=sum(not verdict.success for verdict in verdicts))


def _rule(verdict: Verdict, quarantined: Collection[str]) -> RuleTold:
    if _is_about_share(verdict):
        command = "leadscore quarantine"
    else:
        command = f"leadscore quarantine --rule {shlex.quote(verdict.rule)}" if verdict.rule in quarantined else ""
    return RuleTold(
        verdict.rule,
        verdict.promise,
        is_failed=not verdict.success,
        table=verdict.table,
        breaching=verdict.unexpected,
        rows=verdict.rows,
        command=command,
    )


def _is_about_share(verdict: Verdict) -> bool:
    return verdict.rule.endswith(f".{REFUSED_SHARE}")
