"""A history as it stood at a moment: what an extract taken then would have given."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from data_contracts.crm_mapping import AttributeDeclaration
from data_contracts.history import CrmHistory
from data_contracts.vocabulary import Availability, DealOutcome
from features.known_attributes import attributes_as_known, periods_of

TIMES = {
    "accounts": ("created_at",),
    "leads": ("created_at",),
    "activities": ("occurred_at", "recorded_at"),
    "stage_changes": ("entered_at", "recorded_at"),
    "opportunities": ("created_at",),
    "attribute_changes": ("changed_at",),
    "spend": ("period_start_at",),
    "sellers": (),
}
"""The times of each table that lie before the moment in every row that was known then."""


def known_before(
    history: CrmHistory, moment: dt.datetime, *, attributes: Mapping[str, AttributeDeclaration]
) -> CrmHistory:
    """`history` as an extract at `moment` (UTC, naive) would have given it.

    | table | then |
    |---|---|
    | every one | has the rows that had happened and were recorded before `moment`; undated accounts too |
    | leads, accounts | hold the historised `attributes`, and the account of a lead, as they were |
    | leads | hold no current stage and no owner: nobody knows what stood there |
    | opportunities | are open, and of no known amount, margin or reason, unless they had closed by then |
    | opportunities | go on where their customers churned later |
    | sellers | are as they stand in the extract: when they changed the team or the zone nobody knows |
    | unsettled | are as they are: when they were closed nobody knows, so they are left out at any moment |

    Attributes that are no `historised` ones have their present value, as everywhere.
    """
    tables = {name: _rows_before(history.tables[name], times, moment) for name, times in TIMES.items()}
    historised = {name: one for name, one in attributes.items() if one.availability is Availability.HISTORISED}
    leads = _with_values(tables["leads"], history, moment, attributes=historised, table="leads", key="lead_id")
    tables["leads"] = _at_their_accounts(leads, history, moment).mutate(
        current_stage=ibis.null("string"), owner_id=ibis.null("string")
    )
    tables["accounts"] = _with_values(
        tables["accounts"], history, moment, attributes=historised, table="accounts", key="account_id"
    )
    tables["opportunities"] = _as_open(tables["opportunities"], moment)
    return replace(history, tables=tables, extracted_at=moment)


def _rows_before(table: ir.Table, times: tuple[str, ...], moment: dt.datetime) -> ir.Table:
    return table.filter(ibis.literal(True), *(table[time].isnull() | (table[time] < moment) for time in times))


def _with_values(
    owners: ir.Table,
    history: CrmHistory,
    moment: dt.datetime,
    *,
    attributes: Mapping[str, AttributeDeclaration],
    table: str,
    key: str,
) -> ir.Table:
    """`owners` (leads or accounts) with the `attributes` of their table as they were at `moment`."""
    asked = {name: one for name, one in attributes.items() if one.table == table}
    if not asked:
        return owners
    other = "account_id" if key == "lead_id" else "lead_id"
    numbered = owners.mutate(snapshot_id=ibis.row_number().over(order_by=owners[key]).cast("int64"))
    looked_at = numbered.select("snapshot_id", key, **{other: ibis.null("string")}, as_of=ibis.literal(moment))
    values = attributes_as_known(history, looked_at, asked).rename(valued_id="snapshot_id")
    values = values.rename({f"then__{name}": name for name in asked})
    joined = numbered.join(values, numbered.snapshot_id == values.valued_id)
    then = {name: joined[f"then__{name}"].cast(owners[name].type()) for name in asked}
    return joined.mutate(**then).select(*owners.columns)


def _at_their_accounts(leads: ir.Table, history: CrmHistory, moment: dt.datetime) -> ir.Table:
    """`leads` at the account that each belonged to at `moment`."""
    changes = history.attribute_changes
    periods = periods_of(changes.filter(changes.object == "lead", changes.attribute == "account_id"))
    held = periods.filter(
        periods.valid_from.isnull() | (periods.valid_from < moment),
        periods.valid_until.isnull() | (periods.valid_until >= moment),
    ).select(moved_id="object_id", account_then="value")
    joined = leads.left_join(held, leads.lead_id == held.moved_id)
    then = joined.moved_id.notnull().ifelse(joined.account_then, joined.account_id)
    return joined.mutate(account_id=then).select(*leads.columns)


def _as_open(opportunities: ir.Table, moment: dt.datetime) -> ir.Table:
    """`opportunities` of which those that had not closed by `moment` are open."""
    had_closed = (opportunities.closed_at < moment).fill_null(False)
    had_churned = (opportunities.churned_at < moment).fill_null(False)
    said = ("loss_reason", "win_reason", "competitor", "objection")
    kept = ("amount", "margin", "expected_close_at", "closed_at", *said)
    return opportunities.mutate(
        outcome=had_closed.ifelse(opportunities.outcome, DealOutcome.OPEN.value),
        churned_at=had_churned.ifelse(opportunities.churned_at, ibis.null(opportunities.churned_at.type())),
        **{name: had_closed.ifelse(opportunities[name], ibis.null(opportunities[name].type())) for name in kept},
    )
