"""Trusted history as it stays in the engine: canonical tables, the quarantine, and the report of the check."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from data_contracts.casting import ENGINE_TYPES
from data_contracts.columns import TABLES, TableContract
from data_contracts.delivery import SOURCE_ROW, Delivered
from data_contracts.errors import SourceError
from data_contracts.history import CheckedHistory, CheckReport, CrmHistory, Quarantine, TableCheck
from data_contracts.merges import give_to_survivors
from data_contracts.quarantine import refused_rows
from data_contracts.settings import AttributeDeclaration, CrmMapping
from data_contracts.workbench import REFUSED, UNSETTLED, identifier, literal, typed, unreadable

QUARANTINE = "quarantine"
REPORT = "check_report"
UNSETTLED_LEADS = "unsettled"

_SEPARATOR = "\x1f"
_MISSING = "\x1e"


def settle(engine: Backend, tables: Sequence[Delivered], *, crm: CrmMapping) -> None:
    """Make the typed tables canonical in place: refused rows out, merged leads' rows to their survivors, no companions.

    A table that was not delivered becomes one without rows. Nothing bears a canonical name yet; see `publish`.
    """
    there = {table.name for table in tables}
    for name, contract in TABLES.items():
        declared = {a: d for a, d in crm.attributes.items() if d.table == name}
        if name not in there:
            columns = ", ".join(f"{identifier(c)} {kind}" for c, kind in _canonical(contract, declared).items())
            engine.con.execute(f"CREATE TABLE {typed(name)} ({columns})")
            continue
        engine.con.execute(f"DELETE FROM {typed(name)} WHERE {SOURCE_ROW} IN ({refused_rows(name)})")
        give_to_survivors(engine, contract)
        companions = [unreadable(column.name) for column in contract.columns if column.type != "string"]
        for column in (SOURCE_ROW, *companions):
            engine.con.execute(f"ALTER TABLE {typed(name)} DROP COLUMN {identifier(column)}")


def _canonical(contract: TableContract, attributes: Mapping[str, AttributeDeclaration]) -> dict[str, str]:
    columns = {column.name: ENGINE_TYPES[column.type] for column in contract.columns}
    declared = {n: ENGINE_TYPES["number" if d.type == "number" else "string"] for n, d in attributes.items()}
    return columns | declared


def fingerprint(engine: Backend) -> str:
    """Digest of what the settled tables hold, the same whatever the order of their rows and the number of threads.

    Sums an MD5 digest of each row, so that a row that is there twice counts twice. Text of values, not the engine's
    own hash, so that another version of the engine gives the same.
    """
    parts = []
    for name, table in {**{name: typed(name) for name in TABLES}, UNSETTLED_LEADS: UNSETTLED}.items():
        columns = sorted(row[0] for row in engine.con.execute(f"DESCRIBE {table}").fetchall())
        texts = ", ".join(f"coalesce(CAST({identifier(c)} AS VARCHAR), '{_MISSING}')" for c in columns)
        digest = f"md5_number_lower(concat_ws('{_SEPARATOR}', {texts}))"
        row = engine.con.execute(f"SELECT count(*), sum(CAST({digest} AS HUGEINT)) FROM {table}").fetchone()
        parts.append(f"{name}({','.join(columns)})={row}")
    whole = literal(";".join(parts))
    found = engine.con.execute(f"SELECT sha256({whole})").fetchone()
    return str(found[0])[:32] if found else ""


def publish(engine: Backend, report: CheckReport, *, absent: Sequence[str]) -> None:
    """Give the settled tables, the quarantine and `report` their names, all at once, instead of the last run's."""
    con = engine.con
    con.execute("BEGIN")
    try:
        for name in TABLES:
            con.execute(f"DROP TABLE IF EXISTS {name}")
            con.execute(f"ALTER TABLE {typed(name)} RENAME TO {name}")
        _keep_quarantine(engine)
        con.execute(f"DROP TABLE IF EXISTS {UNSETTLED_LEADS}")
        con.execute(f"ALTER TABLE {UNSETTLED} RENAME TO {UNSETTLED_LEADS}")
        con.execute(f"DROP TABLE IF EXISTS {REPORT}")
        con.execute(
            f"CREATE TABLE {REPORT} (source VARCHAR, extracted_at TIMESTAMP, definitions_version VARCHAR, "
            "fingerprint VARCHAR, absent VARCHAR[], warnings VARCHAR[], tables JSON, expectations JSON)"
        )
        row = [
            report.source, report.extracted_at, report.definitions_version, report.fingerprint, list(absent),
            list(report.warnings), json.dumps([asdict(check) for check in report.tables]),
            json.dumps([dict(row) for row in report.expectations]),
        ]  # fmt: skip
        con.execute(f"INSERT INTO {REPORT} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def _keep_quarantine(engine: Backend) -> None:
    engine.con.execute(f"DROP TABLE IF EXISTS {QUARANTINE}")
    engine.con.execute(f"ALTER TABLE {REFUSED} RENAME TO {QUARANTINE}")


def withdraw(engine: Backend) -> None:
    """After a check that failed: keep its quarantine, and leave no history that could be taken for trusted."""
    for name in (*TABLES, UNSETTLED_LEADS, REPORT):
        engine.con.execute(f"DROP TABLE IF EXISTS {name}")
    _keep_quarantine(engine)


def open_checked(engine: Backend) -> CheckedHistory:
    """The trusted history that the last check left in `engine`, with its quarantine and report.

    Raises `SourceError` where nothing was checked, where the last check was stopped by its contract, or where it was
    made by a version that keeps its report otherwise.
    """
    there = {row[0] for row in engine.con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not {*TABLES, UNSETTLED_LEADS, QUARANTINE, REPORT} <= there:
        raise SourceError(
            "the engine holds no trusted history (never checked, or the last check failed); check it first"
        )
    try:
        report, absent = _kept_report(engine)
    except (ValueError, TypeError) as error:
        raise SourceError("the history was checked by another version of leadscore; run `leadscore check`") from error
    canonical: dict[str, ir.Table] = {name: engine.table(name) for name in TABLES}
    history = CrmHistory(
        engine=engine,
        tables=canonical,
        unsettled=engine.table(UNSETTLED_LEADS),
        extracted_at=report.extracted_at,
        absent=absent,
        fingerprint=report.fingerprint,
        definitions_version=report.definitions_version,
    )
    return CheckedHistory(history=history, quarantine=Quarantine(engine.table(QUARANTINE)), report=report)


def _kept_report(engine: Backend) -> tuple[CheckReport, tuple[str, ...]]:
    """The report that `publish` kept, and the names of the tables that the source does not have."""
    row = engine.con.execute(f"SELECT * FROM {REPORT}").fetchone()
    source, extracted_at, version, digest, absent, warnings, tables, expectations = row
    report = CheckReport(
        source=source,
        extracted_at=extracted_at,
        definitions_version=version,
        fingerprint=digest,
        tables=tuple(TableCheck(**check) for check in json.loads(tables)),
        warnings=tuple(warnings),
        expectations=tuple(json.loads(expectations)),
    )
    return report, tuple(absent)
