"""Raw history in, trusted history out: every promise of the data contracts, checked in one go."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data_contracts.check.conserve import refuse_lost_rows
from data_contracts.check.data_docs import RunTold
from data_contracts.check.deliver import (
    Delivered,
    columns_before,
    edited_tables,
    receive,
    refuse_canonical_names,
    rows_before,
)
from data_contracts.check.findings import findings_of
from data_contracts.check.fingerprint import fingerprint
from data_contracts.check.judge_rows import Judged
from data_contracts.check.judge_tables import judge_tables, standing_of
from data_contracts.check.keep import keep_report, keep_tables, open_checked, withdraw
from data_contracts.check.kept_runs import keep_run
from data_contracts.check.leave_out import keep_left_out, left_out_counts
from data_contracts.check.refuse import counts, keep_quarantine
from data_contracts.check.suites import Expected, suites_of
from data_contracts.check.verdicts import Counted, breaches_of
from data_contracts.columns import TABLES
from data_contracts.errors import ContractError
from data_contracts.history import UNSETTLED, CheckedHistory, CheckReport, RawHistory, TableCheck, Verdict
from data_contracts.ports import Engine
from data_contracts.settings import Settings

if TYPE_CHECKING:
    from data_contracts.check.expectations import Judgement


def check_history(
    raw: RawHistory,
    settings: Settings,
    *,
    engine: Engine,
    last: CheckReport | None = None,
    data_docs: Path | None = None,
) -> CheckedHistory:
    """Trusted history, and the rows that were refused or left out on the way.

    The canonical tables, `quarantine`, `left_out` and `check_report` stay in `engine`; `open_checked` gives them back.

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
        keep_left_out(engine, judged.left_out)
        checks = {
            name: counts(table, select_digest=raw.select_digests.get(name, ""), left_out=left_out_counts(engine, name))
            for name, table in several.items()
        }
        standing = standing_of(engine, judged)
        found = findings_of(
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
                raise ContractError(breaches, tables=tuple(checks.values()))
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
        absent=tuple(name for name in TABLES if name not in raw.tables),
    )
    keep_report(engine, report)


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
