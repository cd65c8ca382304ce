"""Some leads scored by themselves, by the same functions that score all of them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from data_contracts.errors import UnknownLeadError
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from data_contracts.thresholds import Thresholds
from features.build import build_features
from features.snapshots import scoring_snapshots
from models.fitted import ScoringRelease
from serving.asked_leads import of_leads
from serving.score import refuse_other_definitions, score_batch, with_routes


@dataclass(frozen=True, slots=True)
class Regime:
    """What scores a lead: a release, the settings that features are made under, and thresholds with their policy."""

    release: ScoringRelease
    settings: Settings
    thresholds: Thresholds


@dataclass(frozen=True, slots=True, eq=False)
class AskedLeads:
    """Some leads at one moment: their snapshots, and their features as a frame.

    The frame is in order of the leads, and has no row of a lead that is not open then.
    """

    snapshots: Snapshots
    frame: pd.DataFrame


def asked_at(near: CrmHistory, lead_ids: Sequence[str], *, regime: Regime, as_of: dt.datetime) -> AskedLeads:
    """The leads as they are scored at `as_of` (UTC, naive).

    `near` is the history of the leads and their accounts. Raises `ReleaseError` where the release does not belong to
    the definitions of the settings.
    """
    settings, policy = regime.settings, regime.thresholds.policy
    refuse_other_definitions(regime.release, settings.definitions)
    snapshots = of_leads(scoring_snapshots(near, settings.definitions, as_of=as_of), lead_ids)
    features = build_features(near, snapshots, settings=settings)
    routed = with_routes(features, near, snapshots, policy=policy, crm=settings.crm)
    frame = routed.table.order_by("lead_id").to_pyarrow().to_pandas()
    return AskedLeads(snapshots, frame)


def score_alone(near: CrmHistory, lead_id: str, *, regime: Regime, as_of: dt.datetime) -> pa.Table:
    """The lead's row of `SCORED_LEADS_SCHEMA` at `as_of`.

    Raises `UnknownLeadError` where it was not open then.
    """
    frame = asked_at(near, [lead_id], regime=regime, as_of=as_of).frame
    if frame.empty:
        raise UnknownLeadError(
            f"lead {lead_id!r} was not open at {as_of:%Y-%m-%d %H:%M} UTC, by what the checked history says of then; "
            "only open leads have a score"
        )
    return score_batch(frame, regime.release, settings=regime.settings, thresholds=regime.thresholds)
