"""Trusted history as it stays in the engine: canonical tables, the quarantine, and the report of the check."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data_contracts.check.judge_rows import Judged
from data_contracts.check.merge_leads import with_survivors
from data_contracts.columns import TABLES, TYPES, TableContract
from data_contracts.errors import SourceError
from data_contracts.history import CheckedHistory, CheckReport, CrmHistory, Quarantine, TableCheck, Verdict
from data_contracts.ports import Engine
from data_contracts.settings import AttributeDeclaration, CrmMapping

QUARANTINE = "quarantine"
REPORT = "check_report"
UNSETTLED = "unsettled"


def keep_tables(engine: Engine, several: Mapping[str, Judged], *, crm: CrmMapping) -> dict[str, ir.Table]:
    """The canonical tables, kept: accepted rows, those of merged leads their survivors'.

    A table that was not delivered becomes one without rows.
    """
    kept = {}
    for name, contract in TABLES.items():
        columns = _canonical(contract, crm.attributes_of(name))
        if name in several:
            kept[name] = engine.keep(name, with_survivors(several[name]).select(*columns))
        else:
            kept[name] = engine.keep(name, ibis.schema(columns).to_pyarrow().empty_table())
    return kept


def _canonical(contract: TableContract, attributes: Mapping[str, AttributeDeclaration]) -> dict[str, str]:
    columns = {column.name: TYPES[column.type] for column in contract.columns}
    declared = {name: TYPES[attribute.column_type] for name, attribute in attributes.items()}
    return columns | declared


def keep_report(engine: Engine, report: CheckReport, *, absent: Sequence[str]) -> None:
    """Keep `report`. Only now the tables are a trusted history: `open_checked` asks for it."""
    told = asdict(report) | {"extracted_at": report.extracted_at.isoformat(), "absent": list(absent)}
    engine.keep(REPORT, pa.table({"report": [json.dumps(told)]}))


def withdraw(engine: Engine) -> None:
    """Leave no history that could be taken for trusted."""
    engine.drop(REPORT, *TABLES, UNSETTLED)


def open_checked(engine: Engine) -> CheckedHistory:
    """The trusted history that the last check left in `engine`, with its quarantine and report.

    Raises `SourceError` where nothing was checked, where the last check was stopped by its contract, or where it was
    made by a version that keeps its report otherwise.
    """
    if not {*TABLES, UNSETTLED, QUARANTINE, REPORT} <= engine.tables():
        raise SourceError(
            "the engine holds no trusted history (never checked, or the last check failed); check it first"
        )
    try:
        report, absent = _kept_report(engine)
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError("the history was checked by another version of leadscore; run `leadscore check`") from error
    canonical: dict[str, ir.Table] = {name: engine.table(name) for name in TABLES}
    history = CrmHistory(
        tables=canonical,
        unsettled=engine.table(UNSETTLED),
        extracted_at=report.extracted_at,
        absent=absent,
        fingerprint=report.fingerprint,
        definitions_version=report.definitions_version,
    )
    return CheckedHistory(history=history, quarantine=Quarantine(engine.table(QUARANTINE)), report=report)


def _kept_report(engine: Engine) -> tuple[CheckReport, tuple[str, ...]]:
    """The report that was kept, and the names of the tables that the source does not have."""
    told: dict[str, Any] = json.loads(engine.table(REPORT).to_pyarrow()["report"][0].as_py())
    absent = tuple(told.pop("absent"))
    report = CheckReport(
        **told
        | {
            "extracted_at": dt.datetime.fromisoformat(told["extracted_at"]),
            "tables": tuple(TableCheck(**check) for check in told["tables"]),
            "warnings": tuple(told["warnings"]),
            "verdicts": tuple(Verdict(**verdict) for verdict in told["verdicts"]),
        }
    )
    return report, absent
