"""What became of each training snapshot: a label, or why there is none."""

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
from ibis.common.deferred import Deferred

from data_contracts.definitions import Contact, Definitions
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from data_contracts.vocabulary import HALF_WEIGHT_DAYS, Direction, OutcomeStatus, Stage, Transition
from features.deeds import as_done
from features.known import MICROSECONDS_PER_DAY
from features.stages import reached_stages, standing_stages

LABELS = (OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED)


def outcomes_of(history: CrmHistory, snapshots: Snapshots, *, settings: Settings, transition: Transition) -> ir.Table:
    """What became of each training snapshot between the start of its spell and the end of its horizon.

    The first row that fits holds.

    | the snapshot | status |
    |---|---|
    | its horizon ends after the extract | censored, whether or not it has converted already |
    | its lead was closed, or got to the last stage, nobody knows when | unsettled, whether or not it has converted |
    | its lead reached the transition's last stage, or one beyond | converted |
    | sales contacted its lead | not converted |
    | none of these | never contacted: nobody knows what a call would have brought |

    A censored snapshot is never a label. Of recent leads, the quick conversions are known and the slow ones are not
    yet: keeping the quick ones as they are would raise the rate. So would the dated conversions among the unsettled.
    What is known of them so far stands in `contacted_after_days`, `converted_after_days` and `left_after_days`.

    A conversion may have been entered before `as_of` and recorded after it: nobody could know it then. One that was
    recorded after the horizon counts, if it happened in time: `converted_after_days` tells from when on it was known.

    Every SQL counts as contacted in `sql_to_win`, because sales has spoken to it, and so does every lead where the
    definitions assume contact.

    Returns
    -------
    Table
        `snapshot_id`, `outcome_status` (`OutcomeStatus`), `converted` (boolean, False for all but converted),
        `outcome_known_at` (`as_of` plus the horizon), `contacted_after_days` (from `as_of` until it was known that
        sales had touched the lead, below 0 where that came before; 0 where every lead counts as contacted),
        `touched_after_days` (to its first touch after `as_of`), `converted_after_days` and `left_after_days` (until it
        was known that the lead converted, or left the stages in which it waits; each of the four is missing where it
        did not happen in time), `weight` (1/(1 + d/7) on day d of the plan; 0 where there is no label). Lazy, one row
        a snapshot.

    Raises
    ------
    KeyError
        Where the definitions have no such transition.
    """
    contact = settings.definitions.contact
    horizon = ibis.interval(days=settings.definitions.transitions[transition].horizon_days)
    watched = snapshots.table.select("snapshot_id", "lead_id", "day", "as_of", "spell_started_at")
    watched = watched.mutate(outcome_known_at=watched.as_of + horizon)
    followed = _decided(watched, history.stage_changes, transition)
    followed = followed.mutate(converted=followed.converted_after_days.notnull())
    followed = _touched(followed, sales_touches(history, settings=settings, transition=transition))
    if not _needs_contact(contact, transition):
        followed = followed.mutate(contacted_after_days=ibis.literal(0, "int32").cast("float64"))
    followed = _flagged(followed, _unsettled(watched, history.unsettled, transition), "unsettled")
    return _weighted(_with_status(followed, history.extracted_at))


def with_wins(outcomes: ir.Table, history: CrmHistory, snapshots: Snapshots, *, definitions: Definitions) -> ir.Table:
    """`outcomes` of `mql_to_sql`, with what became of each snapshot on the whole way to a win.

    A lead is won if it reached `sql` (or a stage beyond) within the first horizon of `as_of`, and was won within the
    second horizon of that entry. The first row that fits holds.

    | the snapshot | `won_status` |
    |---|---|
    | both horizons after `as_of` end after the extract | censored, whether or not it was won already |
    | has no label in `outcomes` | that status: unsettled or never contacted |
    | its lead was won in time | converted |
    | anything else | not converted |

    An SQL of yesterday that was won at once is censored like every other: see `outcomes_of`.

    Parameters
    ----------
    outcomes
        What `outcomes_of` returns for `mql_to_sql`.
    snapshots
        Those that `outcomes` are of.

    Returns
    -------
    Table
        `outcomes` with `won_status` (`OutcomeStatus`), `won_known_at` (`as_of` plus both horizons) and
        `won_after_days` (from `as_of` until the win was known; missing where there was none in time). Lazy.

    Raises
    ------
    KeyError
        Where the definitions lack one of the two transitions.
    """
    first, second = (
        ibis.interval(days=definitions.transitions[each].horizon_days)
        for each in (Transition.MQL_TO_SQL, Transition.SQL_TO_WIN)
    )
    watched = snapshots.table.select("snapshot_id", "lead_id", "as_of", "spell_started_at")
    watched = watched.mutate(outcome_known_at=watched.as_of + first)
    wins = _won(watched, history.stage_changes, within=second)
    followed = outcomes.left_join(wins, "snapshot_id").drop("snapshot_id_right")
    followed = followed.mutate(won_known_at=followed.outcome_known_at + second)
    status = ibis.cases(
        (followed.won_known_at > history.extracted_at, OutcomeStatus.CENSORED.value),
        (followed.outcome_status.notin(LABELS), followed.outcome_status),
        (followed.won_after_days.notnull(), OutcomeStatus.CONVERTED.value),
        else_=OutcomeStatus.NOT_CONVERTED.value,
    )
    return followed.mutate(won_status=status)


def sales_touches(history: CrmHistory, *, settings: Settings, transition: Transition) -> ir.Table:
    """All that shows that sales worked a lead which waits for `transition`: `lead_id`, `happened_at`, `known_from`."""
    contact = settings.definitions.contact
    changes = history.stage_changes
    entries = entries_of(changes, _showing(contact, transition))
    deeds = as_done(history.activities, settings.crm.kinds)
    deeds = deeds.filter(deeds.kind.isin(contact.kinds), deeds.direction == Direction.OUTBOUND.value)
    known_from = ibis.greatest(deeds.occurred_at, deeds.recorded_at)
    return entries.union(deeds.select("lead_id", happened_at=deeds.occurred_at, known_from=known_from))


def _needs_contact(contact: Contact, transition: Transition) -> bool:
    return transition is not Transition.SQL_TO_WIN and not contact.assume_contacted_because


def _decided(watched: ir.Table, stage_changes: ir.Table, transition: Transition) -> ir.Table:
    """`watched` with the days from `as_of` until it was known that the lead converted, and that it left the stages.

    Nobody knew of the conversion at `as_of`: its stage, once known, would have ended the spell.
    """
    reached = reached_stages(transition.to_stage)
    elsewhere = [stage for stage in Stage if stage not in (*reached, *standing_stages(transition))]
    for name, stages in (("converted", reached), ("left", elsewhere)):
        events = entries_of(stage_changes, stages)
        first = _in_time(watched, events).group_by("snapshot_id").aggregate(first_known=ibis._.known_from.min())
        watched = watched.left_join(first, "snapshot_id").drop("snapshot_id_right")
        watched = watched.mutate(**{f"{name}_after_days": _days_until("first_known")}).drop("first_known")
    return watched


def _showing(contact: Contact, transition: Transition) -> list[Stage]:
    """The stages that show that sales worked the lead. The one in which the spell starts is no touch in it."""
    return [stage for stage in contact.stages if stage is not transition.from_stage]


def _touched(followed: ir.Table, touches: ir.Table) -> ir.Table:
    """`followed` with the days from `as_of` until sales' touch in time was known, and to its first after `as_of`."""
    touches = _in_time(followed, touches)
    later = touches.happened_at.min(where=touches.happened_at > touches.as_of)
    first = touches.group_by("snapshot_id").aggregate(contacted=touches.known_from.min(), touched=later)
    followed = followed.left_join(first, "snapshot_id").drop("snapshot_id_right")
    for name in ("contacted", "touched"):
        followed = followed.mutate(**{f"{name}_after_days": _days_until(name)}).drop(name)
    return followed


def entries_of(stage_changes: ir.Table, stages: Sequence[Stage]) -> ir.Table:
    """Each entry into one of `stages`: `lead_id`, `happened_at` and `known_from`, the later of entered and recorded."""
    stage_changes = stage_changes.filter(stage_changes.stage.isin(stages))
    known_from = ibis.greatest(stage_changes.entered_at, stage_changes.recorded_at)
    return stage_changes.select("lead_id", happened_at=stage_changes.entered_at, known_from=known_from)


def _days_until(moment: str) -> Deferred:
    """The days from `as_of` to the column `moment`."""
    return ibis._[moment].delta(ibis._.as_of, unit="microsecond") / MICROSECONDS_PER_DAY


def _unsettled(watched: ir.Table, unsettled: ir.Table, transition: Transition) -> ir.Table:
    """The ids of the snapshots whose lead was closed, or reached the transition's last stage, nobody knows when."""
    matters = unsettled.filter(unsettled.is_ending | unsettled.stage.isin(reached_stages(transition.to_stage)))
    return watched.semi_join(matters, "lead_id").select("snapshot_id")


def _won(watched: ir.Table, stage_changes: ir.Table, *, within: ir.IntervalScalar) -> ir.Table:
    """The snapshots whose lead became an SQL in time, and was won `within` so long after it did.

    `snapshot_id`, and `won_after_days` from `as_of` until both were known.

    Few leads are won, so that their wins come first and the stages of all others are not looked at.
    """
    won = entries_of(stage_changes, [Stage.WON])
    won = won.select("lead_id", won_at="happened_at", won_from="known_from")
    qualified = entries_of(stage_changes, reached_stages(Stage.SQL))
    entered = _in_time(watched, qualified.semi_join(won, "lead_id")).group_by("snapshot_id", "lead_id", "as_of")
    entered = entered.aggregate(sql_at=ibis._.happened_at.min(), sql_from=ibis._.known_from.min())
    pairs = entered.join(won, "lead_id")
    in_time = pairs.filter(pairs.won_at >= pairs.sql_at, pairs.won_at <= pairs.sql_at + within)
    in_time = in_time.mutate(known_from=ibis.greatest(in_time.sql_from, in_time.won_from))
    return in_time.group_by("snapshot_id").aggregate(won_after_days=_days_until("known_from").min())


def _in_time(watched: ir.Table, events: ir.Table) -> ir.Table:
    """The events that happened in time, each with its `snapshot_id`.

    In time is from the start of the spell to the end of the horizon, both included.
    """
    pairs = watched.select("snapshot_id", "lead_id", "as_of", "spell_started_at", "outcome_known_at").join(
        events, "lead_id"
    )
    return pairs.filter(pairs.happened_at >= pairs.spell_started_at, pairs.happened_at <= pairs.outcome_known_at)


def _flagged(watched: ir.Table, ids: ir.Table, flag: str) -> ir.Table:
    """`watched` with a boolean column `flag`: whether their id is among `ids`."""
    flags = ids.select(flagged_id=ids.snapshot_id)
    joined = watched.left_join(flags, watched.snapshot_id == flags.flagged_id)
    return joined.mutate(**{flag: joined.flagged_id.notnull()}).drop("flagged_id")


def _with_status(followed: ir.Table, extracted_at: dt.datetime) -> ir.Table:
    status = ibis.cases(
        (followed.outcome_known_at > extracted_at, OutcomeStatus.CENSORED.value),
        (followed.unsettled, OutcomeStatus.UNSETTLED.value),
        (followed.converted, OutcomeStatus.CONVERTED.value),
        (followed.contacted_after_days.notnull(), OutcomeStatus.NOT_CONVERTED.value),
        else_=OutcomeStatus.NEVER_CONTACTED.value,
    )
    return followed.mutate(outcome_status=status)


def _weighted(followed: ir.Table) -> ir.Table:
    """The columns that `outcomes_of` returns. A snapshot of day d weighs 1/(1 + d/7), whatever comes after it.

    To share a weight of 1 equally among a lead's snapshots looks fairer and is wrong. A lead that converts at once has
    one snapshot and would weigh 1 at entry; one that never converts has thirteen and would weigh 1/13. Every
    probability at entry would come out too high.
    """
    is_label = followed.outcome_status.isin(LABELS)
    day = followed.day.cast("float64")  # not every engine divides literals as floats
    return followed.select(
        "snapshot_id",
        "outcome_status",
        "outcome_known_at",
        "contacted_after_days",
        "touched_after_days",
        "converted_after_days",
        "left_after_days",
        converted=followed.outcome_status == OutcomeStatus.CONVERTED.value,
        weight=is_label.ifelse(HALF_WEIGHT_DAYS / (HALF_WEIGHT_DAYS + day), 0.0),
    )
