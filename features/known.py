"""What was known at a snapshot. The only place where snapshots meet facts, and the only one that sees times."""

import ibis
import ibis.expr.types as ir

from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.snapshots import DAYS_IN_STAGE, KNOWN_COLUMNS, KnownHistory, Snapshots
from features.deeds import as_done
from features.known_attributes import attributes_as_known, refuse_reserved_names
from features.membership import holds_at, memberships

MICROSECONDS_PER_DAY = 86_400_000_000
LARGEST_BUYING_GROUP = 200
"""An account with more leads than this is a free-mail domain, a reseller or a whole ministry. Its people do not decide
together, so its leads have no buying group. Pairs of its leads would also grow with the square of their number."""


def known_at(history: CrmHistory, snapshots: Snapshots, *, settings: Settings) -> KnownHistory:
    """What was known at each snapshot, with ages in place of times.

    A call of Monday that was logged on Wednesday is not known on Tuesday.

    | fact | known if, strictly before `as_of`, |
    |---|---|
    | activity, stage change | it happened and was recorded |
    | another lead at the account | it was created and belonged to the account |
    | account | the lead belonged to it and it was created; else there are no company attributes and no buying group |

    An activity is of the kind that it turned out to be: see `features.deeds.as_done`.

    Parameters
    ----------
    history
        Checked history.
    snapshots
        Of any transition, in the same engine.
    settings
        Which attributes are declared, and when their values could have been known; which kinds of activity are.

    Returns
    -------
    KnownHistory
        Lazy: nothing is computed yet. `snapshots` also has `has_buying_group` (boolean): whether the lead has a known
        account with at most `LARGEST_BUYING_GROUP` leads. `account_*` tables hold facts of these only.

    Raises
    ------
    SettingsError
        Where a declared attribute has the name of a column of `KnownHistory.snapshots`.
    """
    refuse_reserved_names(settings.crm.feature_attributes)
    members = memberships(history)
    placed = _placed(history, snapshots.table, members)
    others = _others(members, placed)
    stage_changes = _facts(placed, _stage_changes(history))
    activities = _activities(as_done(history.activities, settings.crm.kinds))
    return KnownHistory(
        snapshots=_known_snapshots(history, placed, stage_changes, settings),
        activities=_facts(placed, activities),
        account_activities=_facts(others, activities, of="other_lead_id"),
        account_leads=others.select("snapshot_id", "other_lead_id", age_days=_age(others, "created_at")),
        stage_changes=stage_changes,
        account_stage_changes=_facts(others, _stage_changes(history), of="other_lead_id"),
    )


def _placed(history: CrmHistory, snapshots: ir.Table, members: ir.Table) -> ir.Table:
    """One row a snapshot: its ids, its lead's creation, the account if known then, and whether that is a buying group.

    `account_id` is the account as known at `as_of`; `Snapshots` has the one at the extract.
    """
    accounts = history.accounts
    placed = snapshots.select("snapshot_id", "lead_id", "stage", "as_of").join(
        history.leads.select("lead_id", "created_at", "source", "campaign"), "lead_id"
    )
    standing = snapshots.select("snapshot_id", "lead_id", "as_of").join(members, "lead_id")
    standing = standing.filter(holds_at(standing)).select("account_id", at_snapshot=standing.snapshot_id)
    placed = placed.left_join(standing, placed.snapshot_id == standing.at_snapshot).drop("at_snapshot")
    accounts = accounts.select(opened_id=accounts.account_id, opened_at=accounts.created_at)
    placed = placed.left_join(accounts, placed.account_id == accounts.opened_id)
    is_opened = placed.opened_at.isnull() | (placed.opened_at < placed.as_of)
    placed = placed.mutate(account_id=is_opened.ifelse(placed.account_id, ibis.null("string")))
    seniors = _by_seniority(members)
    crowded = seniors.filter(seniors.seniority == LARGEST_BUYING_GROUP)
    crowded = crowded.select(crowded_id=crowded.account_id, crowded_from=crowded.joined_at)
    placed = placed.left_join(crowded, placed.account_id == crowded.crowded_id)
    is_small = placed.crowded_from.isnull() | (placed.crowded_from >= placed.as_of)
    placed = placed.mutate(has_buying_group=placed.account_id.notnull() & is_small)
    return placed.drop("opened_id", "opened_at", "crowded_id", "crowded_from")


def _by_seniority(members: ir.Table) -> ir.Table:
    """The memberships, numbered within their account from 0 in the order in which they began."""
    order = ibis.window(group_by="account_id", order_by=["joined_at", "lead_id"])
    return members.mutate(seniority=ibis.row_number().over(order))


def _others(members: ir.Table, placed: ir.Table) -> ir.Table:
    """Pairs of a snapshot and another lead known at its account: `snapshot_id`, `as_of`, `other_lead_id`, `created_at`.

    Only the `LARGEST_BUYING_GROUP` most senior leads of an account take part: a snapshot that knows of more has no
    buying group. So the number of pairs grows with the number of snapshots, not with the size of the largest account.
    """
    members = _by_seniority(members)
    members = members.filter(members.seniority < LARGEST_BUYING_GROUP)
    members = members.select("account_id", "created_at", "joined_at", "left_at", other_lead_id=members.lead_id)
    own = placed.filter(placed.has_buying_group).select("snapshot_id", "lead_id", "account_id", "as_of")
    pairs = own.join(members, "account_id")
    pairs = pairs.filter(pairs.other_lead_id != pairs.lead_id, holds_at(pairs))
    return pairs.select("snapshot_id", "as_of", "other_lead_id", "created_at")


def _activities(activities: ir.Table) -> ir.Table:
    return activities.select("lead_id", "kind", "recorded_at", "direction", happened_at=activities.occurred_at)


def _stage_changes(history: CrmHistory) -> ir.Table:
    changes = history.stage_changes
    return changes.select("lead_id", "stage", "recorded_at", happened_at=changes.entered_at)


def _facts(placed: ir.Table, facts: ir.Table, *, of: str = "lead_id") -> ir.Table:
    """The facts of the lead in column `of` that were known at the moment, with their age and without their times."""
    kept = [column for column in facts.columns if column not in ("lead_id", "happened_at", "recorded_at")]
    subject = [] if of == "lead_id" else [of]
    facts = facts.rename(fact_of="lead_id")
    pairs = placed.select("snapshot_id", "as_of", of).join(facts, placed[of] == facts.fact_of)
    # An equality join and then a filter: every engine plans this well, and not all take an inequality in a join.
    known = pairs.filter(pairs.happened_at < pairs.as_of, pairs.recorded_at < pairs.as_of)
    return known.select("snapshot_id", *subject, *kept, age_days=_age(known, "happened_at"))


def _known_snapshots(history: CrmHistory, placed: ir.Table, stage_changes: ir.Table, settings: Settings) -> ir.Table:
    latest = stage_changes.group_by("snapshot_id").aggregate(latest_entry_days=stage_changes.age_days.min())
    dated = placed.left_join(latest, "snapshot_id")
    lead_age = _age(dated, "created_at")
    dated = dated.mutate(
        lead_age_days=lead_age,
        **{DAYS_IN_STAGE: dated.latest_entry_days.fill_null(lead_age)},
        created_weekday=dated.created_at.day_of_week.index().cast("int64"),
        created_hour=dated.created_at.hour().cast("int64"),
    ).select(*KNOWN_COLUMNS)
    if not settings.crm.feature_attributes:
        return dated
    attributes = attributes_as_known(history, placed, settings.crm.feature_attributes)
    joined = dated.join(attributes, "snapshot_id")
    return joined.select(*dated.columns, *settings.crm.feature_attributes)


def _age(table: ir.Table, happened_at: str) -> ir.FloatingValue:
    return table.as_of.delta(table[happened_at], unit="microsecond") / MICROSECONDS_PER_DAY


def never_recorded_late(history: CrmHistory) -> tuple[str, ...]:
    """The tables that have rows, none of which was recorded after it happened.

    Such a table either has no `recorded_at` of its own, or all of it was entered at once. Nothing tells which.
    """
    tables = {"activities": _activities(history.activities), "stage_changes": _stage_changes(history)}
    found = []
    for name, facts in tables.items():
        n_late = facts.count(where=facts.recorded_at > facts.happened_at)
        counted = facts.aggregate(n=facts.count(), n_late=n_late).to_pyarrow().to_pylist()[0]
        if counted["n"] and not counted["n_late"]:
            found.append(name)
    return tuple(found)
