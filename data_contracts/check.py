"""Raw history in, trusted history out: every promise of the data contracts, checked in one go."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from data_contracts.columns import TABLES
from data_contracts.delivery import (
    Delivered,
    Findings,
    absent_tables,
    changes_of_attributes,
    columns_before,
    edited_tables,
    receive,
    rows_before,
    surplus_and_absent_columns,
    unreadable_numbers,
)
from data_contracts.errors import Breach, ContractError
from data_contracts.history import CheckedHistory, CheckReport, RawHistory, TableCheck
from data_contracts.merges import leads_without_account, undated_mergers
from data_contracts.quarantine import counts, refuse_rows
from data_contracts.resources import enough_of_everything
from data_contracts.rules import Judge
from data_contracts.settings import Settings
from data_contracts.translation import translate
from data_contracts.trusted import fingerprint, open_checked, publish, settle, withdraw
from data_contracts.typing_rows import type_rows
from data_contracts.unsettled import current_stages_against_history, find_unsettled, unsettled_leads
from data_contracts.verdicts import VOLUME, Counted, Verdict, breaches_of
from data_contracts.wording import rows
from data_contracts.workbench import workbench

__all__ = ["check_history", "open_checked"]


def check_history(
    raw: RawHistory, settings: Settings, *, last: CheckReport | None = None, data_docs: Path | None = None
) -> CheckedHistory:
    """Trusted history, and the rows that were refused on the way.

    The canonical tables, `quarantine` and `check_report` stay in the engine of `raw` under these names, instead of
    those of an earlier check; `open_checked` gives them back.

    Parameters
    ----------
    last
        The report of the last accepted check, with which are compared how many rows were delivered, and the columns.
        A report on another source is not compared with, nor is a table whose SELECT was edited since.
    data_docs
        Folder for Great Expectations' Data Docs: static pages with counts and no value of any row.

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
    with enough_of_everything(raw.engine), workbench(raw.engine):
        tables = receive(raw, settings.crm)
        judges = _refuse_rows(raw, tables, settings=settings)
        checks = {
            table.name: counts(raw.engine, table, select_digest=raw.select_digests.get(table.name, ""))
            for table in tables
            if table.name in judges
        }
        if {"leads", "stage_changes"} <= set(judges):
            find_unsettled(raw.engine, are_there_deals="opportunities" in judges)
        found = _findings(raw, tables, settings=settings, checks=checks, last=compared)
        verdicts = _judge(raw, tables, judges=judges, settings=settings, last=compared, data_docs=data_docs)
        counted = {t.name: Counted(t, checks.get(t.name), rows_before(compared, t.name)) for t in tables}
        breaches = [*found.breaches, *breaches_of(raw.engine, verdicts, counted=counted, checks=settings.checks)]
        if breaches:
            withdraw(raw.engine)
            raise ContractError(breaches)
        settle(raw.engine, tables, crm=settings.crm)
        warnings = (*_not_compared(edited), *found.warnings)
        report = _report(raw, settings, checks=checks, warnings=warnings, verdicts=verdicts)
        publish(raw.engine, report, absent=[name for name in TABLES if name not in raw.tables])
    return open_checked(raw.engine)


def _without(last: CheckReport | None, edited: Sequence[str]) -> CheckReport | None:
    """`last` without what it says about the `edited` tables."""
    if last is None:
        return None
    return replace(
        last,
        tables=tuple(check for check in last.tables if check.table not in edited),
        expectations=tuple(verdict for verdict in last.expectations if verdict["table"] not in edited),
    )


def _not_compared(edited: Sequence[str]) -> Iterator[str]:
    for name in edited:
        yield f"{name}: its SELECT was edited since the last accepted run, with which it is therefore not compared"


def _refuse_rows(raw: RawHistory, tables: Sequence[Delivered], *, settings: Settings) -> dict[str, Judge]:
    """Type and judge the rows of each table that has its required columns; the judges by table."""
    readable = [table for table in tables if not table.missing]
    are_leads_known = any(table.name == "leads" for table in readable)
    judges = {}
    for table in readable:
        judge = Judge(table.contract, extracted_at=raw.extracted_at, are_leads_known=are_leads_known)
        translate(raw.engine, table.contract, columns=table.columns, crm=settings.crm)
        type_rows(raw.engine, table, crm=settings.crm)
        refuse_rows(raw.engine, table, judge=judge)
        judges[table.name] = judge
    return judges


def _findings(
    raw: RawHistory,
    tables: Sequence[Delivered],
    *,
    settings: Settings,
    checks: Mapping[str, TableCheck],
    last: CheckReport | None,
) -> Findings:
    """What is found beside the verdicts: about the delivery as a whole, and about rows that stay."""
    crm = settings.crm
    findings = [absent_tables(tables, crm), _vanished_tables(raw, last, settings=settings)]
    for table in tables:
        findings += [surplus_and_absent_columns(table, crm), unreadable_numbers(raw.engine, table)]
    if "attribute_changes" in checks:
        findings.append(changes_of_attributes(raw.engine, crm))
    if "leads" in checks:
        findings.append(undated_mergers(raw.engine))
    if "leads" in checks and "accounts" in checks:
        findings.append(leads_without_account(raw.engine))
    if "leads" in checks and "stage_changes" in checks:
        findings += [unsettled_leads(raw.engine), current_stages_against_history(raw.engine)]
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


def _judge(
    raw: RawHistory,
    tables: Sequence[Delivered],
    *,
    judges: Mapping[str, Judge],
    settings: Settings,
    last: CheckReport | None,
    data_docs: Path | None,
) -> tuple[Verdict, ...]:
    from data_contracts.expectations import Expected, judge_tables  # takes seconds to import

    expected = [
        Expected(
            table=table,
            columns_before=columns_before(last, table.name),
            rows_before=rows_before(last, table.name),
            judge=judges.get(table.name),
        )
        for table in tables
    ]
    title = f"{raw.source}, extract of {raw.extracted_at:%Y-%m-%d %H:%M} UTC"
    return judge_tables(raw.engine, expected, checks=settings.checks, title=title, data_docs=data_docs)


def _report(
    raw: RawHistory,
    settings: Settings,
    *,
    checks: Mapping[str, TableCheck],
    warnings: tuple[str, ...],
    verdicts: Sequence[Verdict],
) -> CheckReport:
    return CheckReport(
        source=raw.source,
        extracted_at=raw.extracted_at,
        definitions_version=settings.definitions.version,
        fingerprint=fingerprint(raw.engine),
        tables=tuple(checks.values()),
        warnings=warnings,
        expectations=tuple(asdict(verdict) for verdict in verdicts),
    )
