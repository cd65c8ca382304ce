"""What a check finds beside the verdicts: about the delivery as a whole, and about rows that stay."""

from collections.abc import Mapping, Sequence

from data_contracts.check.deliver import (
    Delivered,
    Findings,
    absent_tables,
    changes_of_attributes,
    surplus_and_absent_columns,
    unreadable_numbers,
)
from data_contracts.check.judge_rows import Judged
from data_contracts.check.leave_out import conditions_that_no_row_meets
from data_contracts.check.merge_leads import leads_without_account, undated_mergers
from data_contracts.check.unsettled import Standing, current_stages_against_history, unsettled_leads
from data_contracts.check.verdicts import VOLUME
from data_contracts.columns import TABLES
from data_contracts.errors import Breach
from data_contracts.history import UNSETTLED, CheckReport, RawHistory, TableCheck
from data_contracts.ports import Engine
from data_contracts.settings import Settings
from data_contracts.wording import rows


def findings_of(
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
    findings += [conditions_that_no_row_meets(engine, crm.left_out), _empty_tables(checks)]
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
