"""The leads of the past weeks at each moment at which a score could have moved, with their features, in memory."""

import ibis
import pandas as pd

from data_contracts.history import CrmHistory
from data_contracts.past_scores import PastLeads
from data_contracts.ports import Engine
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots, frame_of
from features.build import build_features
from features.routing import routes_of
from features.snapshots import lead_snapshots, past_snapshots

MOST_MOMENTS = 200_000
"""More moments than these are those of a random sample of accounts: some hundred of them cross a boundary."""


def past_leads(
    engine: Engine, history: CrmHistory, settings: Settings, *, weeks: int, most_moments: int = MOST_MOMENTS
) -> PastLeads:
    """The leads at the moments of the last `weeks` weeks (`past_snapshots`), of at most `most_moments`.

    Where there are more, whole accounts are drawn by a digest of their ids, so that every engine draws the same ones.
    """
    found = engine.keep_for_now("past_snapshots", past_snapshots(history, settings.definitions, weeks=weeks).table)
    share = min(1.0, most_moments / max(1, int(found.count().to_pyarrow().as_py())))
    chosen = found if share == 1 else found.filter(engine.place_of(found.group_id) < share)
    features = build_features(history, Snapshots(chosen), settings=settings)
    frame = frame_of(features.table.order_by("lead_id", "as_of"), features.columns)
    engine.forget(found)
    return PastLeads(frame, share, routed_leads(history, settings))


def sampled_accounts(engine: Engine, history: CrmHistory, *, share: float) -> pd.Series:
    """The accounts (or leads without one) of all leads that `past_leads` draws where that is the share it can hold."""
    leads = history.leads
    groups = leads.select(group_id=ibis.coalesce(leads.account_id, leads.lead_id)).distinct()
    drawn: pd.Series = groups.filter(engine.place_of(groups.group_id) < share).to_pyarrow().to_pandas()["group_id"]
    return drawn


def routed_leads(history: CrmHistory, settings: Settings) -> pd.DataFrame:
    """All leads: `lead_id`, `created_at`, and `team` and `suppressed_by` as they stand under the policy."""
    leads = lead_snapshots(history)
    routes = routes_of(history, Snapshots(leads), policy=settings.policy, crm=settings.crm)
    told = leads.select("snapshot_id", "lead_id", "created_at").join(routes, "snapshot_id")
    frame: pd.DataFrame = told.order_by("lead_id").drop("snapshot_id").to_pyarrow().to_pandas()
    return frame
