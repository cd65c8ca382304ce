"""Which of all scored leads could be on the call list: few enough to be put in order in memory."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.calls import CallsBefore
from data_contracts.policy import Policy
from data_contracts.scores import Action

COLUMNS = ["lead_id", "team", "ranking_value", "action"]
_BEFORE_SALES = pa.array([Action.WAIT, Action.NURTURE, Action.REJECT])


@dataclass(frozen=True, slots=True, eq=False)
class CallCandidates:
    """Leads before sales accepted them, each with its team.

    Attributes
    ----------
    leads
        `lead_id`, `team`, `ranking_value` and `action` of those at the boundary (`wait`) or on an earlier call list,
        and `lot`, in [0, 1), of nurtured ones that were never handed off. Of those that were on no list, each team has
        only as many here, of the lowest lots, as it could be handed by lot in a week.
    n_left_out
        How many nurtured leads of each team are not here.
    """

    leads: pd.DataFrame
    n_left_out: Mapping[str, int]


def call_candidates(
    scores: Iterable[pa.RecordBatch], before: CallsBefore, *, policy: Policy, as_of: dt.datetime
) -> CallCandidates:
    """The candidates among `scores` (the columns `COLUMNS`, batch by batch) at `as_of` (UTC, naive).

    What it holds grows with the eligible leads, not with all of them. Lots are the same whenever they are drawn again
    at the same moment.
    """
    handed_off = before.hand_offs["lead_id"].combine_chunks()
    known = pa.concat_arrays([before.queue["lead_id"].combine_chunks(), handed_off])
    most = {team.name: math.ceil(team.leads_per_week * policy.exploration_share) for team in policy.teams}
    leads, drawn = [_empty()], _empty()
    n_below: Counter[str] = Counter()
    for batch in scores:
        open_leads = batch.filter(pc.and_(pc.is_in(batch["action"], _BEFORE_SALES), pc.is_valid(batch["team"])))
        is_known = pc.is_in(open_leads["lead_id"], known)
        is_listed = pc.or_(is_known, pc.equal(open_leads["action"], Action.WAIT))
        leads.append(_with_lots(open_leads.filter(is_listed), handed_off, as_of))
        below = _with_lots(
            open_leads.filter(pc.and_not(pc.equal(open_leads["action"], Action.NURTURE), is_known)), handed_off, as_of
        )
        n_below.update(below["team"])
        drawn = _first_lots(pd.concat([drawn, below]), most)
    n_below.subtract(drawn["team"])
    return CallCandidates(pd.concat([*leads, drawn], ignore_index=True), n_below)


def _with_lots(leads: pa.RecordBatch, handed_off: pa.Array, as_of: dt.datetime) -> pd.DataFrame:
    """`leads` with the `lot` of those that could be drawn."""
    frame: pd.DataFrame = leads.to_pandas()
    is_in = pc.and_not(pc.equal(leads["action"], Action.NURTURE), pc.is_in(leads["lead_id"], handed_off))
    return frame.assign(lot=np.where(is_in, lots(frame["lead_id"], as_of), np.nan))


def _first_lots(drawn: pd.DataFrame, most: Mapping[str, int]) -> pd.DataFrame:
    """As many of each team as `most` says, in the order of their lots."""
    in_order = drawn.sort_values("lot", kind="stable")
    return in_order.loc[in_order.groupby("team").cumcount() < in_order["team"].map(most)]


def _empty() -> pd.DataFrame:
    types = {"lead_id": object, "team": object, "ranking_value": np.float64, "action": object, "lot": np.float64}
    return pd.DataFrame({name: np.array([], dtype=of) for name, of in types.items()})


def lots(lead_ids: pd.Series, as_of: dt.datetime) -> npt.NDArray[np.float64]:
    """A number for each lead as if drawn, anew at each moment: SipHash of its id, with the moment as the key."""
    key = f"{as_of:%Y%m%d%H%M%S}".ljust(16)
    hashed = pd.util.hash_array(lead_ids.to_numpy(dtype=object), hash_key=key, categorize=False)
    return np.asarray(hashed / 2.0**64, dtype=np.float64)
