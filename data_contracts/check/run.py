"""Raw history in, trusted history out: every promise of the data contracts, checked in one go."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from data_contracts.check.conserve import refuse_lost_rows
from data_contracts.check.data_docs import RunTold
from data_contracts.check.deliver import (
    Delivered,
    Findings,
    absent_tables,
    changes_of_attributes,
    columns_before,
    edited_tables,
    is_declared_change,
    receive,
    refuse_canonical_names,
    rows_before,
    surplus_and_absent_columns,
    unreadable_numbers,
)
from data_contracts.check.fingerprint import fingerprint
from data_contracts.check.judge_rows import Judged, judge_rows
from data_contracts.check.keep import UNSETTLED, keep_report, keep_tables, open_checked, withdraw
from data_contracts.check.kept_runs import keep_run
from data_contracts.check.merge_leads import (
    KnownLeads,
    belongs_to_lead,
    follow_mergers,
    leads_without_account,
    undated_mergers,
)
from data_contracts.check.read_values import type_rows
from data_contracts.check.refuse import counts, keep_quarantine, set_aside
from data_contracts.check.suites import Expected, suites_of
from data_contracts.check.translate_words import find_words, translated
from data_contracts.check.unsettled import (
    Standing,
    current_stages_against_history,
    find_unsettled,
    unsettled_leads,
    where_leads_stand,
)
from data_contracts.check.verdicts import VOLUME, Counted, breaches_of
from data_contracts.columns import TABLES
from data_contracts.errors import Breach, ContractError
from data_contracts.history import CheckedHistory, CheckReport, RawHistory, TableCheck, Verdict
from data_contracts.ports import Engine
from data_contracts.row_rule import SeenInRow
from data_contracts.rules import row_rules
from data_contracts.settings import Settings
from data_contracts.wording import rows

if TYPE_CHECKING:
    from data_contracts.check.expectations import Judgement


@dataclass(frozen=True, slots=True)
class JudgedHistory:
    """Every table that could be judged.

    Attributes
    ----------
    tables
        By canonical name.
    known_leads
        The accepted leads; None where the leads could not be judged.
    quarantined
        The refused rows of each table, as `data_contracts.history.Quarantine` describes them.
    """

    tables: Mapping[str, Judged]
    known_leads: KnownLeads | None
    quarantined: tuple[ir.Table, ...]


def check_history(
    raw: RawHistory,
    settings: Settings,
    *,
    engine: Engine,
    last: CheckReport | None = None,
    data_docs: Path | None = None,
) -> CheckedHistory:
    """Trusted history, and the rows that were refused on the way.

    The canonical tables, `quarantine` and `check_report` stay in `engine`; `open_checked` gives them back.

    Parameters
    ----------
    engine
        Where the tables of `raw` are, and where the history will live.
    last
        The report of the last accepted check, with which are compared how many rows were delivered, and the columns.
        A report on another source is not compared with, nor is a table whose SELECT was edited since.
    data_docs
        Folder for Great Expectations' Data Docs on this run and those before: static pages with counts and no value of
        any row.

    Raises
    ------
    ContractError
        With every breach of every table that stops the run. The quarantine then stays in the engine, no canonical
        table does.
    StoreError, SettingsError
        Where the disk or the engine's memory is full.
    """
    compared = last if last and last.source == raw.source else None
    edited = edited_tables(raw, compared)
    compared = _without(compared, edited)
    refuse_canonical_names(raw)
    withdraw(engine)
    with engine.enough_of_everything():
        tables = receive(raw, settings.crm)
        judged = judge_tables(engine, tables, settings=settings, extracted_at=raw.extracted_at)
        several = judged.tables
        keep_quarantine(engine, judged.quarantined)
        checks = {
            name: counts(table, select_digest=raw.select_digests.get(name, "")) for name, table in several.items()
        }
        standing = _standing(engine, judged)
        found = _findings(
            raw, engine, tables, several, standing=standing, settings=settings, checks=checks, last=compared
        )
        judgement = _judgement(raw, tables, several, engine=engine, settings=settings, last=compared)
        counted = {
            table.name: Counted(
                table, several.get(table.name), checks.get(table.name), rows_before(compared, table.name)
            )
            for table in tables
        }
        breaches = [*found.breaches, *breaches_of(judgement.verdicts, counted=counted, checks=settings.checks)]
        with _told_in(data_docs, raw, judgement, checks=checks):
            if breaches:
                withdraw(engine)
                raise ContractError(breaches)
            warnings = (*_not_compared(edited), *found.warnings)
            _keep(
                engine, raw, several, settings=settings, checks=checks, verdicts=judgement.verdicts, warnings=warnings
            )
        engine.forget()
    return open_checked(engine)


def _keep(
    engine: Engine,
    raw: RawHistory,
    several: Mapping[str, Judged],
    *,
    settings: Settings,
    checks: Mapping[str, TableCheck],
    verdicts: tuple[Verdict, ...],
    warnings: tuple[str, ...],
) -> None:
    """Keep the accepted rows and their report. Raises `ContractError` where a row would be lost."""
    kept = keep_tables(engine, several, crm=settings.crm)
    refuse_lost_rows(engine, several, kept, checks=checks)
    kept[UNSETTLED] = engine.table(UNSETTLED)
    report = CheckReport(
        source=raw.source,
        extracted_at=raw.extracted_at,
        definitions_version=settings.definitions.version,
        fingerprint=fingerprint(engine, kept),
        tables=tuple(checks.values()),
        warnings=warnings,
        verdicts=verdicts,
    )
    keep_report(engine, report, absent=[name for name in TABLES if name not in raw.tables])


@contextmanager
def _told_in(
    data_docs: Path | None, raw: RawHistory, judgement: "Judgement", *, checks: Mapping[str, TableCheck]
) -> Iterator[None]:
    """Accept or refuse the history; its pages say in `data_docs` which of both it was, if they are asked for.

    A check that falls over otherwise is in no page.
    """

    def tell(stopped_by: tuple[str, ...]) -> None:
        if data_docs is not None:
            title = f"{raw.source}, extract of {raw.extracted_at:%Y-%m-%d %H:%M} UTC"
            run = RunTold(judgement.judged_at, title, judgement.verdicts, checks=checks, stopped_by=stopped_by)
            keep_run(data_docs, run, write_pages=judgement.write_pages)

    try:
        yield
    except ContractError as error:
        tell(tuple(breach.rule for breach in error.breaches))
        raise
    tell(())


def judge_tables(
    engine: Engine, tables: Sequence[Delivered], *, settings: Settings, extracted_at: dt.datetime
) -> JudgedHistory:
    """Each table that has its required columns, judged, a referenced table before those that refer to it."""
    several: dict[str, Judged] = {}
    refused: list[ir.Table] = []
    known: KnownLeads | None = None
    for table in tables:
        if table.missing:
            continue
        judged = _judged(engine, table, known, settings=settings, extracted_at=extracted_at)
        if table.name == "leads":
            mergers = [rule for rule in judged.rules if isinstance(rule, SeenInRow) and rule.is_about_mergers]
            judged, known = follow_mergers(engine, judged, mergers=mergers, extracted_at=extracted_at)
        several[table.name] = judged
        refused.append(set_aside(engine, judged, extracted_at=extracted_at))
    return JudgedHistory(several, known_leads=known, quarantined=tuple(refused))


def _judged(
    engine: Engine, table: Delivered, known: KnownLeads | None, *, settings: Settings, extracted_at: dt.datetime
) -> Judged:
    """The rows of `table`, typed, in our words, and judged by every rule that can be judged alone."""
    delivered = typed = type_rows(engine, table)
    if table.name == "attribute_changes":
        typed = delivered.filter(is_declared_change(delivered, settings.crm))
    words = find_words(engine, typed, table, crm=settings.crm)
    rows = translated(typed, words, table)
    rules = row_rules(table.contract)
    if belongs_to_lead(table.contract):
        if known is None:
            rules = tuple(rule for rule in rules if not rule.is_about_lead)
        else:
            rows = known.beside(rows)
    breaches = judge_rows(engine, rows, table.contract, rules=rules, extracted_at=extracted_at)
    return Judged(table, delivered=delivered, typed=typed, rows=rows, words=words, rules=rules, breaches=breaches)


def _standing(engine: Engine, judged: JudgedHistory) -> Standing | None:
    """Where leads stand, with the unsettled ones kept; None where there is nothing to tell it by."""
    several, known = judged.tables, judged.known_leads
    if known is None or "stage_changes" not in several:
        return None
    standing = where_leads_stand(engine, several["leads"], several["stage_changes"], known)
    engine.keep(UNSETTLED, find_unsettled(standing, several["stage_changes"], several.get("opportunities")))
    return standing


def _without(last: CheckReport | None, edited: Sequence[str]) -> CheckReport | None:
    """`last` without what it says about the `edited` tables."""
    if last is None:
        return None
    return replace(
        last,
        tables=tuple(check for check in last.tables if check.table not in edited),
        verdicts=tuple(verdict for verdict in last.verdicts if verdict.table not in edited),
    )


def _not_compared(edited: Sequence[str]) -> Iterator[str]:
    for name in edited:
        yield f"{name}: its SELECT was edited since the last accepted run, with which it is therefore not compared"


def _findings(
    raw: RawHistory,
    engine: Engine,
    tables: Sequence[Delivered],
    several: Mapping[str, Judged],
    *,
    standing: Standing | None,
    settings: Settings,
    checks: Mapping[str, TableCheck],
    last: CheckReport | None,
) -> Findings:
    """What is found beside the verdicts: about the delivery as a whole, and about rows that stay."""
    crm = settings.crm
    findings = [absent_tables(tables, crm), _vanished_tables(raw, last, settings=settings)]
    for table in tables:
        findings.append(surplus_and_absent_columns(table, crm))
        if table.name in several:
            findings.append(unreadable_numbers(table, several[table.name].typed))
        if table.name == "attribute_changes" and table.name in several:
            findings.append(changes_of_attributes(several[table.name].delivered.attribute, crm))
    if "leads" in several:
        findings.append(undated_mergers(several["leads"]))
        if "accounts" in several:
            findings.append(leads_without_account(several["leads"], several["accounts"]))
    if standing is not None:
        findings += [unsettled_leads(engine.table(UNSETTLED)), current_stages_against_history(standing)]
    findings.append(_empty_tables(checks))
    return Findings.joined(findings)


def _vanished_tables(raw: RawHistory, last: CheckReport | None, *, settings: Settings) -> Findings:
    """Optional tables that had rows in the last run and are not delivered: their volume dropped to nothing."""
    if last is None or settings.checks.max_volume_drop_share >= 1:
        return Findings()
    return Findings(
        breaches=tuple(
            Breach(
                before.table,
                f"{before.table}.{VOLUME}",
                f"the table is gone, and the last accepted run had {rows(before.delivered)}",
                "deliver it again; if it is gone for good, set max_volume_drop_share in [checks] to 1 for one run",
            )
            for before in last.tables
            if before.delivered and before.table not in raw.tables and not TABLES[before.table].is_required
        )
    )


def _empty_tables(checks: Mapping[str, TableCheck]) -> Findings:
    return Findings(
        warnings=tuple(
            f"{name} has no rows: {TABLES[name].without_it}"
            for name, check in checks.items()
            if check.rows == 0 and not TABLES[name].is_required
        )
    )


def _judgement(
    raw: RawHistory,
    tables: Sequence[Delivered],
    several: Mapping[str, Judged],
    *,
    engine: Engine,
    settings: Settings,
    last: CheckReport | None,
) -> "Judgement":
    """What Great Expectations finds in all tables."""
    from data_contracts.check.expectations import judge  # takes seconds to import

    expected = [
        Expected(
            table=table,
            columns_before=columns_before(last, table.name),
            rows_before=rows_before(last, table.name),
            judged=several.get(table.name),
            extracted_at=raw.extracted_at,
        )
        for table in tables
    ]
    return judge(engine, suites_of(engine, expected, checks=settings.checks))
