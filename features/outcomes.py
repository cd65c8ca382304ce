"""What became of each training snapshot: a label, or the reason why there is none. And what a win is worth."""

import datetime as dt
import math

import ibis
import ibis.expr.types as ir

from data_contracts.history import CrmHistory
from data_contracts.settings import Contact, Definitions
from data_contracts.snapshots import Snapshots
from data_contracts.vocabulary import DealOutcome, Direction, OutcomeStatus, Transition
from features.known import direction
from features.stages import reached_stages

LABELS = (OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED)


def outcomes_of(
    history: CrmHistory, snapshots: Snapshots, *, definitions: Definitions, transition: Transition
) -> ir.Table:
    """What became of each snapshot within the horizon, known by the whole history.

    Not mature (the horizon ends after the extract) is censored, also where the lead has converted already: the quick
    conversions of recent leads are known and the slow ones are not yet, so keeping the quick ones would raise the rate.
    Mature and reached the transition's last stage, or one beyond it, by the end of the horizon is converted; a stage
    that the lead had entered before `as_of` and that was recorded only later counts, because nobody could know it
    then. Mature, not converted and never contacted from the start of its spell to the end of the horizon is never
    contacted: nobody knows what a call would have brought. The rest is not converted. Sales has spoken to every SQL, so
    the contact rule is not asked for `sql_to_win`, nor where the definitions assume contact.

    A mature snapshot of a lead that was closed, or got as far as the transition's last stage, nobody knows when
    (`CrmHistory.unsettled`) is unsettled, converted or not: keeping the dated conversions of such leads and leaving out
    the rest would raise the rate.

    Returns
    -------
    Table
        `snapshot_id`, `outcome_status` (`OutcomeStatus`), `converted` (boolean, False for all but converted),
        `outcome_known_at` (`as_of` plus the horizon), `weight` (1/j for the lead's j-th snapshot; 0 for
        snapshots without a label).
    """
    horizon = ibis.interval(days=definitions.transitions[transition].horizon_days)
    watched = snapshots.table.select("snapshot_id", "lead_id", "as_of", "spell_started_at")
    watched = watched.mutate(outcome_known_at=watched.as_of + horizon)
    known = _flagged(watched, _converted(watched, history.stage_changes, transition), "converted")
    if _needs_contact(definitions.contact, transition):
        known = _flagged(known, _contacted(watched, history, definitions.contact), "contacted")
    else:
        known = known.mutate(contacted=ibis.literal(True))
    known = _flagged(known, _unsettled(watched, history.unsettled, transition), "unsettled")
    return _weighted(_with_status(known, history.extracted_at))


def value_of_a_win(history: CrmHistory) -> float:
    """What a win is worth: the mean amount of the won opportunities, in the currency of the settings.

    1.0 where no amount is known: an expected value is then a number of wins, and still orders leads. The sum is exact
    before it is rounded, so it does not matter in which order an engine hands out the amounts.
    """
    opportunities = history.opportunities
    won = opportunities.filter(opportunities.outcome == DealOutcome.WON)
    amounts = won.filter(won.amount.notnull()).amount.to_pyarrow().to_pylist()
    return math.fsum(amounts) / len(amounts) if amounts else 1.0


def _needs_contact(contact: Contact, transition: Transition) -> bool:
    return transition is not Transition.SQL_TO_WIN and not contact.assume_contacted_because


def _converted(watched: ir.Table, stage_changes: ir.Table, transition: Transition) -> ir.Table:
    """The ids of the snapshots that reached the transition's last stage between the start of the spell and the horizon.

    Nobody knew it at `as_of`: a stage beyond those of the spell would have ended it.
    """
    reached = stage_changes.filter(stage_changes.stage.isin(reached_stages(transition.to_stage)))
    return _happened(watched, reached.select("lead_id", happened_at=reached.entered_at)).distinct()


def _contacted(watched: ir.Table, history: CrmHistory, contact: Contact) -> ir.Table:
    """The ids of the snapshots whose lead sales contacted between the start of the spell and the end of the horizon."""
    stages = history.stage_changes
    stages = stages.filter(stages.stage.isin(contact.stages)).select("lead_id", happened_at=stages.entered_at)
    touches = history.activities
    touches = touches.filter(touches.kind.isin(contact.kinds), direction(touches) == Direction.OUTBOUND.value)
    touches = touches.select("lead_id", happened_at=touches.occurred_at)
    return _happened(watched, stages).union(_happened(watched, touches), distinct=True)


def _unsettled(watched: ir.Table, unsettled: ir.Table, transition: Transition) -> ir.Table:
    """The ids of the snapshots whose lead was closed, or reached the transition's last stage, nobody knows when."""
    matters = unsettled.filter(unsettled.is_ending | unsettled.stage.isin(reached_stages(transition.to_stage)))
    return watched.semi_join(matters, "lead_id").select("snapshot_id")


def _happened(watched: ir.Table, events: ir.Table) -> ir.Table:
    """The ids of the snapshots with an event between the start of the spell and the end of the horizon, repeated."""
    pairs = watched.join(events, "lead_id")
    in_time = (pairs.happened_at >= pairs.spell_started_at) & (pairs.happened_at <= pairs.outcome_known_at)
    return pairs.filter(in_time).select("snapshot_id")


def _flagged(watched: ir.Table, ids: ir.Table, flag: str) -> ir.Table:
    """`watched` with a boolean column `flag`: whether their id is among `ids`."""
    flags = ids.select(flagged_id=ids.snapshot_id)
    joined = watched.left_join(flags, watched.snapshot_id == flags.flagged_id)
    return joined.mutate(**{flag: joined.flagged_id.notnull()}).drop("flagged_id")


def _with_status(known: ir.Table, extracted_at: dt.datetime) -> ir.Table:
    status = ibis.cases(
        (known.outcome_known_at > extracted_at, OutcomeStatus.CENSORED.value),
        (known.unsettled, OutcomeStatus.UNSETTLED.value),
        (known.converted, OutcomeStatus.CONVERTED.value),
        (known.contacted, OutcomeStatus.NOT_CONVERTED.value),
        else_=OutcomeStatus.NEVER_CONTACTED.value,
    )
    return known.mutate(outcome_status=status)


def _weighted(known: ir.Table) -> ir.Table:
    """Weights that know nothing of the future: how many snapshots a lead gets depends on how soon it converts.

    Sharing a weight of 1 equally among them looks fairer and is wrong: a lead that converts at once would weigh 1 at
    entry and one that never does 1/13, and every probability at entry would come out too high.
    """
    is_label = known.outcome_status.isin(LABELS)
    earlier = ibis.row_number().over(ibis.window(group_by="lead_id", order_by="as_of"))
    known = known.mutate(ordinal=earlier + 1)
    return known.select(
        "snapshot_id",
        "outcome_status",
        "outcome_known_at",
        converted=known.outcome_status == OutcomeStatus.CONVERTED.value,
        weight=is_label.ifelse(1.0 / known.ordinal, 0.0),
    )
