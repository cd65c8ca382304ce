"""The moments at which a lead could have been handed off to sales in the past weeks, as it was known then."""

import datetime as dt

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from data_contracts.definitions import Definitions
from data_contracts.history import CrmHistory
from data_contracts.past_scores import PastLeads
from data_contracts.ports import Engine
from data_contracts.settings import Settings
from data_contracts.snapshots import SUPPRESSED_BY, TEAM, Snapshots, frame_of
from data_contracts.vocabulary import ENTRY, DealOutcome, OutcomeStatus, Transition
from features.build import build_features
from features.outcomes import outcomes_of, sales_touches, with_wins
from features.past import routed_leads
from features.routing import routes_of
from features.snapshots import BEFORE_SALES, DAYS_PER_WEEK, past_snapshots, training_snapshots
from features.stages import ordered_changes, spells_at, standing_stages

MOST_MOMENTS = 1_000_000
"""Of more moments than these, those of a random sample of accounts come into memory: a gigabyte with their features."""

OUTCOME, WON_OUTCOME, REVENUE = "outcome", "won_outcome", "revenue"
"""The columns of what became of a hand-off: on the way to the first transition, to a win, and what that brought."""


def hand_off_snapshots(history: CrmHistory, settings: Settings, *, weeks: int) -> Snapshots:
    """The moments of the last `weeks` weeks before the extract at which a lead could have been handed off.

    | a lead has one | because |
    |---|---|
    | at those of `past_snapshots` | a nightly scoring could have moved it then |
    | shortly after it entered MQL | sales may have taken it before the next night |
    | at none from sales' first touch on | what is known by then is sales' work: nobody could still hand it off |

    It is in stage `lead` or `mql`. `spell_started_at` is since when it waits; the moment itself for one in `lead`.
    """
    definitions = settings.definitions
    first = definitions.first_transition
    moments = ("lead_id", "as_of", "stage")
    nightly = past_snapshots(history, definitions, weeks=weeks).table
    since = history.extracted_at - dt.timedelta(days=weeks * DAYS_PER_WEEK)
    found = _moments(nightly).union(_moments(_entries(history, definitions, since=since))).distinct()
    spells = spells_at(found.select("lead_id", "as_of"), ordered_changes(history.stage_changes), standing_stages(first))
    spells = spells.select(of_lead="lead_id", at="as_of", waits_since="spell_started_at")
    waiting = found.left_join(spells, [found.lead_id == spells.of_lead, found.as_of == spells.at])
    waiting = waiting.select(*moments, "waits_since").join(
        history.leads.select("lead_id", "account_id", "created_at"), "lead_id"
    )
    untouched = _untouched(waiting, sales_touches(history, settings=settings, transition=first))
    numbered = untouched.mutate(
        snapshot_id=ibis.row_number().over(order_by=[untouched.lead_id, untouched.as_of]).cast("int64"),
        group_id=ibis.coalesce(untouched.account_id, untouched.lead_id),
        transition=ibis.literal(first.value),
        day=ibis.null("int64"),
        spell_started_at=ibis.coalesce(untouched.waits_since, untouched.as_of),
    )
    return Snapshots(numbered.drop("waits_since", "created_at"))


def hand_off_leads(
    engine: Engine, history: CrmHistory, settings: Settings, *, weeks: int, most_moments: int = MOST_MOMENTS
) -> PastLeads:
    """The leads at the moments of `hand_off_snapshots`, with their features, and with team and suppression at each.

    Where there are more than `most_moments`, whole accounts are drawn as in `past_leads`.
    """
    found = engine.keep_for_now("hand_off_moments", hand_off_snapshots(history, settings, weeks=weeks).table)
    share = min(1.0, most_moments / max(1, int(found.count().to_pyarrow().as_py())))
    chosen = Snapshots(found if share == 1 else found.filter(engine.place_of(found.group_id) < share))
    features = build_features(history, chosen, settings=settings)
    routes = routes_of(history, chosen, policy=settings.policy, crm=settings.crm)
    routes = routes.select(SUPPRESSED_BY, TEAM, routed_id="snapshot_id")
    table = features.table.join(routes, features.table.snapshot_id == routes.routed_id).drop("routed_id")
    frame = frame_of(table.order_by("lead_id", "as_of"), features.columns)
    engine.forget(found)
    return PastLeads(frame, share, routed_leads(history, settings))


def with_what_came(engine: Engine, history: CrmHistory, settings: Settings, *, hand_offs: pd.DataFrame) -> pd.DataFrame:
    """`hand_offs` with what had become of each by the extract of `history`.

    `outcome` and `won_outcome` (`OutcomeStatus`): whether the lead took the first transition, and was won, in time
    after the hand-off, as `outcomes_of` and `with_wins` say it of a training snapshot. `revenue`: what a won one
    brought, otherwise 0.

    Parameters
    ----------
    hand_offs
        Rows of `hand_off_leads`, one a `snapshot_id`.
    """
    first = settings.definitions.first_transition
    columns = ["snapshot_id", "lead_id", "day", "as_of", "spell_started_at"]
    kept = engine.keep_for_now("hand_offs", _as_arrow(hand_offs.drop_duplicates("snapshot_id")[columns]))
    snapshots = Snapshots(kept)
    outcomes = outcomes_of(history, snapshots, settings=settings, transition=first)
    if first is Transition.MQL_TO_SQL:
        outcomes = with_wins(outcomes, history, snapshots, definitions=settings.definitions)
    else:
        outcomes = outcomes.mutate(won_status=outcomes.outcome_status)
    revenue = revenue_of_leads(history)
    told = outcomes.select("snapshot_id", "outcome_status", "won_status").join(kept, "snapshot_id")
    told = told.left_join(revenue, "lead_id").select("snapshot_id", "outcome_status", "won_status", "revenue")
    frame = told.order_by("snapshot_id").to_pyarrow().to_pandas()
    engine.forget(kept)
    is_won = frame["won_status"] == OutcomeStatus.CONVERTED
    frame[REVENUE] = frame["revenue"].astype("float64").fillna(0.0).where(is_won, 0.0)
    frame = frame.rename(columns={"outcome_status": OUTCOME, "won_status": WON_OUTCOME})
    return hand_offs.merge(frame, on="snapshot_id", how="left", validate="many_to_one")


def revenue_of_leads(history: CrmHistory) -> ir.Table:
    """What each lead brought: `lead_id` and `revenue`, the sum of the amounts of its won deals, as they are now."""
    deals = history.opportunities
    won = deals.filter(deals.outcome == DealOutcome.WON.value, deals.amount.notnull())
    return won.group_by("lead_id").aggregate(revenue=won.amount.sum())


def _entries(history: CrmHistory, definitions: Definitions, *, since: dt.datetime) -> ir.Table:
    """The entries into MQL from `since` on, at which a lead still waited for sales."""
    planned = training_snapshots(history, definitions, transition=definitions.first_transition).table
    return planned.filter(planned.day == ENTRY, planned.as_of > since, planned.stage.isin(BEFORE_SALES))


def _moments(snapshots: ir.Table) -> ir.Table:
    """Both parts of a union need the very same types."""
    return snapshots.select("lead_id", "as_of", "stage").cast({"lead_id": "string", "as_of": "timestamp(6)"})


def _untouched(waiting: ir.Table, touches: ir.Table) -> ir.Table:
    """The moments of `waiting` before which sales had not touched the lead since it waits, as far as was known."""
    touches = touches.rename(touched_id="lead_id")
    pairs = waiting.join(touches, waiting.lead_id == touches.touched_id)
    since = ibis.coalesce(pairs.waits_since, pairs.created_at)
    known = pairs.filter(pairs.happened_at >= since, pairs.happened_at < pairs.as_of, pairs.known_from < pairs.as_of)
    return waiting.anti_join(known.select("lead_id", "as_of").distinct(), ["lead_id", "as_of"])


def _as_arrow(rows: pd.DataFrame) -> pa.Table:
    """The moments as the engine keeps them."""
    types = {"snapshot_id": pa.int64(), "lead_id": pa.string(), "day": pa.int64()}
    schema = pa.schema([(name, types.get(name, pa.timestamp("us"))) for name in rows.columns])
    return pa.Table.from_pandas(rows.astype({"lead_id": object}), schema=schema, preserve_index=False)
