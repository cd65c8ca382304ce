"""Which group and which period each lead and each deal belongs to, so that parts add up to the whole."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.deals import LEAD_ROW, deals_of
from alignment.intervals import Integers
from alignment.milestones import Milestones
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import Span
from data_contracts.settings import Settings
from data_contracts.snapshots import TEAM
from data_contracts.today import CAMPAIGN, PERSONA, SOURCE
from data_contracts.vocabulary import DealOutcome

NOT_KNOWN = ""
"""The group, on its way, of leads of which nothing is known; missing in a noun. The CRM's words are never empty."""


def dimensions(settings: Settings) -> tuple[str, ...]:
    """What shared numbers are split by: source, campaign, persona, team, and the segments of the settings."""
    return (SOURCE, CAMPAIGN, PERSONA, TEAM, *settings.pages.segments)


def groups_of(milestones: Milestones, by: str) -> pd.Series:
    """The group of each lead, aligned with the frame; `NOT_KNOWN` where nothing is, and for all where `by` is empty.

    Raises
    ------
    KeyError
        Where leads are not grouped by that.
    """
    frame = milestones.frame
    if not by:
        return pd.Series(NOT_KNOWN, index=frame.index, dtype=object)
    if by not in frame.columns:
        known = ", ".join(dimensions(milestones.settings))
        raise KeyError(f"leads are not grouped by {by!r}; there are {known}")
    return frame[by].astype(object).fillna(NOT_KNOWN)


def in_order(spans: Collection[Span]) -> tuple[Span, ...]:
    """The spans, the earliest first, each once.

    Raises
    ------
    ValueError
        Where there is none, or where they are of several lengths: a moment would lie in more than one.
    """
    lengths = {span.period for span in spans}
    if len(lengths) != 1:
        told = ", ".join(sorted(lengths)) or "none"
        raise ValueError(f"the spans are to be of one length, and they are of {told}; ask for each length by itself")
    return tuple(sorted(set(spans)))


def span_numbers(moments: pd.Series, spans: Sequence[Span]) -> Integers:
    """The place in `spans` of the one that each of `moments` lies in; -1 where it lies in none, or is missing."""
    starts, ends = (
        np.array([getattr(span, edge) for span in spans], dtype="datetime64[us]") for edge in ("start_at", "end_at")
    )
    at = moments.to_numpy(dtype="datetime64[us]")
    place = np.searchsorted(starts, at, side="right") - 1
    is_inside = (place >= 0) & ~np.isnat(at) & (at < ends[np.maximum(place, 0)])
    return np.where(is_inside, place, -1).astype(np.int64)


def tallied(place: Integers, groups: pd.Series, **values: pd.Series) -> pd.DataFrame:
    """The sums of `values` by `span` (a place among the spans) and `group`, with the rows counted as `n`.

    Rows in no span are left out.
    """
    inside = place >= 0
    told = {name: value.to_numpy()[inside] for name, value in values.items()}
    rows = pd.DataFrame({"span": place[inside], "group": groups.to_numpy()[inside], "n": 1, **told})
    return rows.groupby(["span", "group"], sort=True).sum()


def table_of(told: pd.DataFrame, spans: Sequence[Span], schema: pa.Schema) -> pa.Table:
    """`told`, indexed by span and group, as a table: spans by the day on which they begin, groups by their names."""
    frame = told.reset_index()
    first_days = np.array([span.first for span in spans], dtype="datetime64[us]")
    frame = frame.assign(
        period=first_days[frame["span"].to_numpy(dtype=np.int64)],
        group=frame["group"].where(frame["group"] != NOT_KNOWN, None),
    )
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def in_name_order(told: pd.DataFrame) -> pd.DataFrame:
    """`told`, indexed by span and group, in order of both; of a span, what is not known comes last."""
    spans, groups = (told.index.get_level_values(name).to_numpy() for name in ("span", "group"))
    return told.iloc[np.lexsort((groups.astype(str), groups == NOT_KNOWN, spans))]


def grouped_deals(history: CrmHistory, milestones: Milestones, by: str) -> pd.DataFrame:
    """The deals of `alignment.deals.deals_of`, as `with_groups` lays them out."""
    return with_groups(deals_of(history, milestones), milestones, by)


def with_groups(deals: pd.DataFrame, milestones: Milestones, by: str) -> pd.DataFrame:
    """`deals` with the `group` of their leads, `is_won` and `is_lost`.

    Also `accounts`, the jackknife group of the lead's account.
    """
    rows = deals[LEAD_ROW].to_numpy()
    return deals.assign(
        group=groups_of(milestones, by).to_numpy(dtype=object)[rows],
        accounts=milestones.groups[rows],
        is_won=deals["outcome"] == DealOutcome.WON,
        is_lost=deals["outcome"] == DealOutcome.LOST,
    )
