"""Which team a lead belongs to, and what keeps it from being handed off: the conditions of the policy, at a moment."""

import ibis
import ibis.expr.types as ir

from data_contracts.crm_mapping import CrmMapping
from data_contracts.history import CrmHistory
from data_contracts.policy import Policy, Suppression
from data_contracts.snapshots import SUPPRESSED_BY, TEAM, Snapshots
from data_contracts.vocabulary import Stage
from features.known_attributes import attributes_as_known
from features.profile import is_met, refuse_unfit_conditions
from features.stages import ordered_changes


def routes_of(history: CrmHistory, snapshots: Snapshots, *, policy: Policy, crm: CrmMapping) -> ir.Table:
    """The team of each snapshot's lead and what suppresses it, as known at the snapshot.

    | column | holds |
    |---|---|
    | `snapshot_id` | |
    | `team` | the first of the policy's teams whose condition is met; missing where none is |
    | `suppressed_by` | the first of the policy's suppressions that is met; missing where none is |

    Attributes of the policy alone (`now`) are as they stand in the extract.

    Raises
    ------
    SettingsError
        Where a condition does not suit its attribute's type.
    """
    refuse_unfit_conditions(policy.conditions, crm.attributes, section="policy")
    asked = {condition.attribute: crm.attributes[condition.attribute] for condition in policy.conditions.values()}
    known = snapshots.table.select("snapshot_id", "lead_id", "account_id", "as_of")
    if asked:
        known = known.join(attributes_as_known(history, known, asked), "snapshot_id")
    if any(one.account_has_won for one in policy.suppressed):
        known = _with_first_wins(known, history)
    team, suppressed_by = ibis.null("string"), ibis.null("string")
    for one in reversed(policy.teams):
        meets = ibis.literal(True) if one.where is None else is_met(one.where, known).fill_null(False)
        team = meets.ifelse(one.name, team)
    for suppression in reversed(policy.suppressed):
        suppressed_by = _is_suppressed(suppression, known).ifelse(suppression.name, suppressed_by)
    return known.select("snapshot_id", **{TEAM: team, SUPPRESSED_BY: suppressed_by})


def _is_suppressed(suppression: Suppression, known: ir.Table) -> ir.BooleanValue:
    if suppression.where is not None:
        return is_met(suppression.where, known).fill_null(False)
    return (known.won_from < known.as_of).fill_null(False)


def _with_first_wins(known: ir.Table, history: CrmHistory) -> ir.Table:
    """`known` with `won_from`: since when it is known that somebody of the lead's account became a customer."""
    changes = ordered_changes(history.stage_changes)
    wins = changes.filter(changes.stage == Stage.WON.value).join(history.leads, "lead_id")
    first = wins.group_by(winner_id=wins.account_id).aggregate(won_from=wins.known_from.min())
    return known.left_join(first, known.account_id == first.winner_id).drop("winner_id")
