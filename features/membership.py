"""Which account a lead belonged to, and when the CRM knew it."""

import ibis
import ibis.expr.types as ir

from data_contracts.history import CrmHistory
from features.known_attributes import periods_of


def memberships(history: CrmHistory) -> ir.Table:
    """Who was at which account when: `lead_id`, `account_id`, `created_at`, `joined_at`, `left_at`.

    A CRM often attaches a lead to its account only when it converts: to know the account before would give the outcome
    away.

    | the lead's account | `joined_at` | `left_at` |
    |---|---|---|
    | changed, as `attribute_changes` says | when it became this one | when it became another; missing for the last |
    | never changed | the lead's creation | missing |

    Nobody joins before the lead's creation (`created_at`). Leads without an account have no row.
    """
    leads, changes = history.leads, history.attribute_changes
    changes = changes.filter(changes.object == "lead", changes.attribute == "account_id")
    periods = periods_of(changes)
    moved = leads.select("lead_id", "created_at").join(periods, leads.lead_id == periods.object_id)
    moved = moved.select(
        "lead_id",
        "created_at",
        account_id=moved.value,
        joined_at=ibis.greatest(moved.valid_from.fill_null(moved.created_at), moved.created_at),
        left_at=moved.valid_until,
    )
    stayed = leads.anti_join(changes, leads.lead_id == changes.object_id)
    stayed = stayed.select(
        "lead_id", "created_at", "account_id", joined_at=stayed.created_at, left_at=ibis.null(stayed.created_at.type())
    )
    columns = ("lead_id", "created_at", "account_id", "joined_at", "left_at")
    both = _nullable(moved.select(*columns)).union(_nullable(stayed.select(*columns)))
    return both.filter(both.account_id.notnull())


def holds_at(members: ir.Table) -> ir.BooleanValue:
    """Whether a membership was known to hold at `as_of`, a column of the same table."""
    return (members.joined_at < members.as_of) & (members.left_at.isnull() | (members.left_at >= members.as_of))


def _nullable(table: ir.Table) -> ir.Table:
    """Both parts of a union need the very same types."""
    return table.cast({column: table[column].type().copy(nullable=True) for column in table.columns})
