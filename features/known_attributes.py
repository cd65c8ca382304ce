"""The declared attributes of leads and accounts, as they were known at a moment."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from data_contracts.columns import TYPES
from data_contracts.crm_mapping import AttributeDeclaration
from data_contracts.errors import SettingsError
from data_contracts.history import CrmHistory
from data_contracts.snapshots import KNOWN_COLUMNS
from data_contracts.vocabulary import Availability

Attributes = Mapping[str, AttributeDeclaration]

RESERVED = frozenset({*KNOWN_COLUMNS, "lead_id", "account_id", "as_of"})
"""Columns that `KnownHistory.snapshots`, or the way to it, already has."""

_NUMBER = r"^[+-]?([0-9]{1,200}\.?[0-9]{0,200}|\.[0-9]{1,200})([eE][+-]?0*[0-9]{1,2})?$"
"""A number in digits that is not too large for float64."""


def refuse_reserved_names(attributes: Attributes) -> None:
    """Raise `SettingsError` that names every declared attribute with the name of one of our own columns."""
    taken = sorted(RESERVED & set(attributes))
    if taken:
        raise SettingsError(
            f"[crm.attributes]: {', '.join(map(repr, taken))} would hide a column of ours of that name; "
            "give the attribute another name in the source's SELECT and in the settings"
        )


def attributes_as_known(history: CrmHistory, snapshots: ir.Table, attributes: Attributes) -> ir.Table:
    """One row a snapshot: `snapshot_id` and the value that each of the `attributes` had just before `as_of`.

    | attribute | value |
    |---|---|
    | historised, with a change before `as_of` | the new value of the last of them |
    | historised, with later changes only | the old value of the first of them |
    | historised, without changes | the present one |
    | any other | the present one: the settings say that it may be used |

    Categories and texts are strings, numbers float64. A string that is no number is missing, and so are the attributes
    of an account that the lead does not have.

    Parameters
    ----------
    history
        Checked history.
    snapshots
        `snapshot_id`, `lead_id`, `account_id` (missing where unknown), `as_of`.
    """
    known = snapshots.select("snapshot_id", "lead_id", "account_id", "as_of")
    for table, key in (("leads", "lead_id"), ("accounts", "account_id")):
        if declared := {name: each for name, each in attributes.items() if each.table == table}:
            known = _with_attributes(known, history, declared, table=table, key=key)
    return known.drop("lead_id", "account_id", "as_of")


def _with_attributes(known: ir.Table, history: CrmHistory, declared: Attributes, *, table: str, key: str) -> ir.Table:
    owners = history.tables[table]
    present = owners.select(
        owner_id=owners[key],
        **{name: _typed(owners[name], attribute) for name, attribute in declared.items()},
    )
    joined = known.left_join(present, known[key] == present.owner_id).drop("owner_id")
    historised = [name for name, attribute in declared.items() if attribute.availability is Availability.HISTORISED]
    if not historised:
        return joined
    changes = history.attribute_changes
    changes = changes.filter(changes.object == table.removesuffix("s"), changes.attribute.isin(historised))
    rebuilt = _rebuilt(known, periods_of(changes), historised, key=key)
    joined = joined.left_join(rebuilt, "snapshot_id")
    values = {
        name: ibis.ifelse(
            joined[_changes_of(name)].fill_null(0) > 0, _typed(joined[_rebuilt_of(name)], declared[name]), joined[name]
        )
        for name in historised
    }
    return joined.mutate(**values).select(*known.columns, *declared)


def _typed(value: ir.Value, attribute: AttributeDeclaration) -> ir.Value:
    if attribute.type == "number" and value.type().is_string():
        # Not every engine can try a cast, so that only what is a number is cast.
        value = value.re_search(_NUMBER).ifelse(value, ibis.null("string"))
    return value.cast(TYPES[attribute.column_type])


def periods_of(changes: ir.Table) -> ir.Table:
    """Which value an attribute had from `valid_from` to `valid_until`; open-ended where one of them is missing."""
    # Both parts of the union need the very same types, whether or not the engine knows a column to be never missing.
    columns = ("object_id", "attribute", "old_value", "new_value", "changed_at")
    changes = changes.cast({column: changes[column].type().copy(nullable=True) for column in columns})
    order = ibis.window(group_by=["object_id", "attribute"], order_by="changed_at")
    ordered = changes.mutate(nth=ibis.row_number().over(order), next_change_at=changes.changed_at.lead().over(order))
    after = ordered.select(
        "object_id",
        "attribute",
        value=ordered.new_value,
        valid_from=ordered.changed_at,
        valid_until=ordered.next_change_at,
    )
    first = ordered.filter(ordered.nth == 0)
    before = first.select(
        "object_id",
        "attribute",
        value=first.old_value,
        valid_from=ibis.null(first.changed_at.type()),
        valid_until=first.changed_at,
    )
    return after.union(before)


def _rebuilt(known: ir.Table, periods: ir.Table, names: list[str], *, key: str) -> ir.Table:
    """`snapshot_id` and, for each attribute, its value as text and whether there is any change to go by."""
    pairs = known.join(periods, known[key] == periods.object_id)
    pairs = pairs.filter(
        pairs.valid_from.isnull() | (pairs.valid_from < pairs.as_of),
        pairs.valid_until.isnull() | (pairs.valid_until >= pairs.as_of),
    )
    # Exactly one period of an attribute holds at a moment, so the maximum is that period's value.
    values = {_rebuilt_of(name): pairs.value.max(where=pairs.attribute == name) for name in names}
    changes = {_changes_of(name): pairs.count(where=pairs.attribute == name) for name in names}
    return pairs.group_by("snapshot_id").aggregate(**values, **changes)


def _rebuilt_of(name: str) -> str:
    return f"rebuilt__{name}"


def _changes_of(name: str) -> str:
    return f"changes__{name}"
