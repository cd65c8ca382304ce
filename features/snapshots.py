"""When leads are looked at: for training in the past, for scoring now."""

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from data_contracts.definitions import Definitions, SnapshotPlan
from data_contracts.history import CrmHistory
from data_contracts.snapshots import Snapshots
from data_contracts.vocabulary import CLOSED_STAGES, Stage, Transition, Unsettled
from features.stages import ordered_changes, spells_at, stages_at, standing_stages

MICROSECONDS_PER_MINUTE = 60_000_000
SECONDS_PER_DAY = 86_400
DAYS_PER_WEEK = 7

BEFORE_SALES = (Stage.LEAD, Stage.MQL)
"""Open stages in which sales has not taken a lead yet."""


def training_snapshots(history: CrmHistory, definitions: Definitions, *, transition: Transition) -> Snapshots:
    """The past moments at which a scoring run would have met a lead waiting for `transition`.

    A spell is a stay in the stages where a lead waits: `mql` and `sal` for `mql_to_sql`, `sql` and `opportunity` for
    `sql_to_win`. Any other stage ends it.

    | a lead that | gives |
    |---|---|
    | enters such a stage | a snapshot at entry: `entry_delay_minutes` after the entry was known, always after it |
    | is still in the spell, as known then | one on each later day of the plan (`SnapshotPlan.days`) |
    | comes back, recycled or moved back by sales | a new spell, from its entry on |
    | skips the first stage (`sal`, never `mql`) | a spell from the next stage on |
    | skips all of them (straight to `won`) | none: it was never there to be scored |
    | has left again by the entry snapshot | none |

    Moments before `learn_since`, and those at or after the extract, are left out.

    Returns
    -------
    Snapshots
        Lazy. They are numbered in order of lead and `as_of`, so the same history gives the same numbers.
    """
    changes = ordered_changes(history.stage_changes)
    standing = standing_stages(transition)
    planned = _planned(changes.filter(changes.stage.isin(standing)), definitions.snapshots)
    planned = planned.filter(planned.as_of < history.extracted_at)
    if definitions.learn_since is not None:
        planned = planned.filter(planned.as_of >= dt.datetime.combine(definitions.learn_since, dt.time()))
    spells = spells_at(planned.select("lead_id", "as_of").distinct(), changes, standing)
    met = planned.join(spells, ["lead_id", "as_of"])
    met = met.filter(met.first_known == met.known_position)
    return _snapshots(met.mutate(transition=ibis.literal(transition.value)), history.leads)


def scoring_snapshots(history: CrmHistory, definitions: Definitions, *, as_of: dt.datetime) -> Snapshots:
    """Every lead that is known and open at `as_of` (UTC, naive), each for the transition it waits for.

    | a lead | gives |
    |---|---|
    | without a known stage change | a snapshot in stage `lead` |
    | before `sql` | one for the definitions' first transition |
    | at `sql` or beyond | one for `sql_to_win`, or for `mql_to_win` where only that is defined |
    | closed, or in nurture | none |
    | closed nobody knows when | none; `unscored_leads` counts them |
    """
    known = _standing_open(history, as_of).anti_join(_ended(history), "lead_id")
    transition = ibis.literal(definitions.first_transition.value)
    if Transition.SQL_TO_WIN in definitions.transitions:
        qualified = known.stage.isin(standing_stages(Transition.SQL_TO_WIN))
        transition = qualified.ifelse(Transition.SQL_TO_WIN.value, transition)
    no_spell = ibis.null(history.stage_changes.entered_at.type())
    known = known.mutate(day=ibis.null("int64"), transition=transition, spell_started_at=no_spell)
    return _snapshots(known, history.leads)


def past_snapshots(history: CrmHistory, definitions: Definitions, *, weeks: int) -> Snapshots:
    """The moments of the last `weeks` weeks at which a nightly scoring could have moved a lead that waits for sales.

    They lie whole days before the extract. A lead has one

    - at the first of them after anything was recorded of it: its creation, an activity, a change of stage,
    - and one every seven days, because scores move with time and with what colleagues do.

    Leads are in stage `lead` or `mql` at the moment: sales has not taken them. Nothing says what became of them.
    """
    moment, days = history.extracted_at, weeks * DAYS_PER_WEEK
    weekly = ibis.array([ibis.literal(week * DAYS_PER_WEEK, "int64") for week in range(weeks)]).unnest()
    leads = history.leads.select("lead_id", "created_at")
    asked = _news(history, until=moment, days=days).union(leads.select("lead_id", days_before=weekly)).distinct()
    asked = asked.mutate(as_of=ibis.literal(moment) - asked.days_before.as_interval("D"))
    asked = asked.join(leads, "lead_id").filter(ibis._.created_at < ibis._.as_of).drop("days_before", "created_at")
    known = _open_at(asked, history).anti_join(_ended(history), "lead_id")
    known = known.filter(known.stage.isin(BEFORE_SALES))
    no_spell = ibis.null(history.stage_changes.entered_at.type())
    transition = ibis.literal(definitions.first_transition.value)
    known = known.mutate(day=ibis.null("int64"), transition=transition, spell_started_at=no_spell)
    return _snapshots(known, history.leads)


def lead_snapshots(history: CrmHistory) -> ir.Table:
    """Every lead at the extract, in whatever stage: `snapshot_id`, `lead_id`, `account_id`, `as_of`, `created_at`."""
    leads = history.leads.select("lead_id", "account_id", "created_at")
    return leads.mutate(
        snapshot_id=ibis.row_number().over(order_by=leads.lead_id).cast("int64"),
        as_of=ibis.literal(history.extracted_at),
    )


def unscored_leads(history: CrmHistory, *, as_of: dt.datetime) -> Mapping[Unsettled, int]:
    """How many leads look open at `as_of` but were closed nobody knows when, by reason; each lead has one.

    They are not scored. Reasons without leads are left out.
    """
    ended = _ended(history)
    reasons = ended.group_by("lead_id").aggregate(reason=ended.reason.min())
    counted = (
        _standing_open(history, as_of).join(reasons, "lead_id").group_by("reason").aggregate(n=lambda t: t.count())
    )
    found = {row["reason"]: int(row["n"]) for row in counted.to_pyarrow().to_pylist()}
    return {reason: found[reason.value] for reason in Unsettled if reason.value in found}


def _standing_open(history: CrmHistory, as_of: dt.datetime) -> ir.Table:
    """`lead_id`, `as_of` and `stage` of every lead that is known and in no closed stage at `as_of`."""
    leads = history.leads.mutate(as_of=ibis.literal(as_of))
    return _open_at(leads.filter(leads.created_at < leads.as_of), history)


def _open_at(asked: ir.Table, history: CrmHistory) -> ir.Table:
    """Of the pairs `lead_id` and `as_of` those in no closed stage then, with the `stage`; created leads only."""
    stages = stages_at(asked, ordered_changes(history.stage_changes))
    known = asked.select("lead_id", "as_of").left_join(stages, ["lead_id", "as_of"])
    known = known.select("lead_id", "as_of", stage=known.stage.fill_null(Stage.LEAD.value))
    return known.filter(known.stage.notin(CLOSED_STAGES))


def _news(history: CrmHistory, *, until: dt.datetime, days: int) -> ir.Table:
    """`lead_id` and `days_before`: how many whole days before `until` a scoring first knew of something new."""
    activities, changes = history.activities, ordered_changes(history.stage_changes)
    known_from = ibis.greatest(activities.occurred_at, activities.recorded_at)
    news = activities.select("lead_id", known_from=known_from)
    news = news.union(changes.select("lead_id", "known_from"))
    news = news.union(history.leads.select("lead_id", known_from=history.leads.created_at))
    since = until - dt.timedelta(days=days)
    news = news.filter(news.known_from >= since, news.known_from < until)
    microseconds = (ibis.literal(until).epoch_seconds() - news.known_from.epoch_seconds()).cast("int64")
    return news.select("lead_id", days_before=((microseconds - 1) // SECONDS_PER_DAY).cast("int64")).distinct()


def _ended(history: CrmHistory) -> ir.Table:
    return history.unsettled.filter(history.unsettled.is_ending)


def _planned(entries: ir.Table, plan: SnapshotPlan) -> ir.Table:
    """Each entry times each day of the plan: `lead_id`, `known_position`, `day`, `as_of`."""
    # Known is strictly before `as_of`: a plan without delay still waits for one microsecond.
    delay = max(round(plan.entry_delay_minutes * MICROSECONDS_PER_MINUTE), 1)
    days = ibis.array([ibis.literal(day, "int64") for day in plan.days]).unnest()
    planned = entries.select("lead_id", "known_position", "known_from", day=days)
    first = planned.known_from + ibis.interval(microseconds=delay)
    return planned.mutate(as_of=first + planned.day.as_interval("D")).drop("known_from")


def _snapshots(chosen: ir.Table, leads: ir.Table) -> Snapshots:
    accounts = leads.select("lead_id", "account_id", group_id=ibis.coalesce(leads.account_id, leads.lead_id))
    table = chosen.join(accounts, "lead_id")
    numbered = table.select(
        "lead_id",
        "account_id",
        "group_id",
        "transition",
        "day",
        "stage",
        "spell_started_at",
        "as_of",
        snapshot_id=ibis.row_number().over(order_by=[table.lead_id, table.as_of]).cast("int64"),
    )
    return Snapshots(numbered.relocate("snapshot_id"))
