"""Since when an SQL has been ready to buy, as far as the agreement says what that is."""

import ibis
import ibis.expr.types as ir

from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from features.known_attributes import attributes_as_known
from features.profile import is_met, refuse_unfit_conditions


def sales_ready_moments(history: CrmHistory, sqls: ir.Table, *, settings: Settings) -> ir.Table:
    """The first moment from SQL on at which a lead met every condition of `sales_ready`: `lead_id`, `sales_ready_at`.

    Looked at are the entry into SQL and each later change of an attribute that a condition asks for: only then can the
    answer change. Leads that never met all of them have no row.

    Parameters
    ----------
    sqls
        `lead_id`, `account_id` and `sql_at`, missing where a lead is no SQL.

    Raises
    ------
    SettingsError
        Where a condition does not suit its attribute's type.
    """
    agreed = settings.definitions.sales_ready
    conditions = {f"sales_ready {condition.said!r}": condition for condition in agreed}
    refuse_unfit_conditions(conditions, settings.crm.attributes, section="definitions.sales_ready")
    asked = {condition.attribute: settings.crm.attributes[condition.attribute] for condition in agreed}
    moments = _moments(history, sqls.filter(sqls.sql_at.notnull()), tuple(asked))
    numbered = moments.mutate(
        snapshot_id=ibis.row_number().over(order_by=[moments.lead_id, moments.at]).cast("int64"),
        # A value is known from just after its change.
        as_of=moments.at + ibis.interval(microseconds=1),
    )
    known = numbered.join(attributes_as_known(history, numbered, asked), "snapshot_id")
    for condition in agreed:
        known = known.filter(is_met(condition, known).fill_null(False))
    return known.group_by("lead_id").aggregate(sales_ready_at=known["at"].min())


def _moments(history: CrmHistory, sqls: ir.Table, attributes: tuple[str, ...]) -> ir.Table:
    """`lead_id`, `account_id` and `at`: when each SQL may have become ready."""
    entries = sqls.select("lead_id", "account_id", at="sql_at")
    changes = history.attribute_changes.filter(history.attribute_changes.attribute.isin(attributes))
    found = [entries]
    for kind, key in (("lead", "lead_id"), ("account", "account_id")):
        own = changes.filter(changes.object == kind).select("object_id", "changed_at")
        pairs = sqls.join(own, sqls[key] == own.object_id)
        found.append(pairs.filter(pairs.changed_at > pairs.sql_at).select("lead_id", "account_id", at="changed_at"))
    types = {"lead_id": "string", "account_id": "string", "at": "timestamp(6)"}
    first, *others = [table.cast(types) for table in found]
    return first.union(*others).distinct()
