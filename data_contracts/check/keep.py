"""Trusted history as it stays in the engine: canonical tables, the quarantine, and the report of the check."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from pydantic import TypeAdapter

from data_contracts.check.judge_rows import Judged
from data_contracts.check.merge_leads import with_survivors
from data_contracts.columns import TABLES, TYPES, TableContract
from data_contracts.crm_mapping import AttributeDeclaration, CrmMapping
from data_contracts.errors import SourceError
from data_contracts.history import (
    BESIDE,
    LEFT_OUT,
    QUARANTINE,
    REPORT,
    UNSETTLED,
    CheckedHistory,
    CheckReport,
    CrmHistory,
    LeftOutRows,
    Quarantine,
)
from data_contracts.ports import Engine

_REPORT = TypeAdapter(CheckReport)


def keep_tables(engine: Engine, several: Mapping[str, Judged], *, crm: CrmMapping) -> dict[str, ir.Table]:
    """The canonical tables, kept: accepted rows, those of merged leads their survivors'.

    A table that was not delivered becomes one without rows. Amounts of deals are in the currency of the settings.
    """
    kept = {}
    for name, contract in TABLES.items():
        columns = _canonical(contract, crm.attributes_of(name))
        if name in several:
            rows = with_survivors(several[name])
            rows = in_one_currency(rows, crm) if name == "opportunities" else rows
            kept[name] = engine.keep(name, rows.select(*columns))
        else:
            kept[name] = engine.keep(name, ibis.schema(columns).to_pyarrow().empty_table())
    return kept


def in_one_currency(deals: ir.Table, crm: CrmMapping) -> ir.Table:
    """`deals` with amounts and margins in the currency of the settings; one whose currency is missing is in it already.

    Amounts are converted as the history is kept, and nowhere else: so whoever reads one reads the same, and the rates
    take part in the history's fingerprint, by which every figure can be recomputed.
    """
    if not crm.rates:
        return deals
    rate = deals.currency.cases(*crm.rates.items(), else_=1.0)
    return deals.mutate(amount=deals.amount * rate, margin=deals.margin * rate)


def _canonical(contract: TableContract, attributes: Mapping[str, AttributeDeclaration]) -> dict[str, str]:
    columns = {column.name: TYPES[column.type] for column in contract.columns}
    declared = {name: TYPES[attribute.column_type] for name, attribute in attributes.items()}
    return columns | declared


def keep_report(engine: Engine, report: CheckReport) -> None:
    """Keep `report`. Only now the tables are a trusted history: `open_checked` asks for it."""
    engine.keep(REPORT, pa.table({"report": [_REPORT.dump_json(report).decode()]}))


def withdraw(engine: Engine) -> None:
    """Leave no history that could be taken for trusted."""
    engine.drop(REPORT, *TABLES, UNSETTLED)


def open_checked(engine: Engine) -> CheckedHistory:
    """The trusted history that the last check left in `engine`, with its quarantine and report.

    Raises `SourceError` where nothing was checked, where the last check was stopped by its contract, or where it was
    made by a version that keeps its report otherwise.
    """
    if not {*TABLES, *BESIDE} <= engine.tables():
        raise SourceError(
            "the engine holds no trusted history (never checked, the last check failed, or another version "
            "of leadscore made it); run `leadscore check`"
        )
    try:
        report = _REPORT.validate_json(engine.table(REPORT).to_pyarrow()["report"][0].as_py())
    except (ValueError, KeyError) as error:
        raise SourceError("the history was checked by another version of leadscore; run `leadscore check`") from error
    canonical: dict[str, ir.Table] = {name: engine.table(name) for name in TABLES}
    if any(column.name not in canonical[name].columns for name in TABLES for column in TABLES[name].columns):
        raise SourceError("the history was checked by another version of leadscore; run `leadscore check`")
    history = CrmHistory(
        tables=canonical,
        unsettled=engine.table(UNSETTLED),
        extracted_at=report.extracted_at,
        absent=report.absent,
        fingerprint=report.fingerprint,
        definitions_version=report.definitions_version,
    )
    return CheckedHistory(
        history=history,
        quarantine=Quarantine(engine.table(QUARANTINE)),
        left_out=LeftOutRows(engine.table(LEFT_OUT)),
        report=report,
    )
