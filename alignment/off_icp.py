"""Judged hand-offs by group, and which groups lie above the yardstick after as many looks as there are groups."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.cohorts import JACKKNIFE_GROUP, beside_leads
from alignment.grouped import NOT_KNOWN, in_name_order, in_order, span_numbers, table_of
from alignment.intervals import (
    CONFIDENCE,
    Floats,
    fraction_replicates,
    in_columns,
    independent_n,
    share_among,
    sums_by_group,
    wilson,
)
from alignment.judged import JudgedHandOffs
from alignment.milestones import Milestones
from data_contracts.estimates import Estimate
from data_contracts.metrics.off_icp import NO_PROFILE, NOT_YET, OFF_ICP_SCHEMA, OffIcp
from data_contracts.metrics.periods import Span


def off_icp(milestones: Milestones, judged: JudgedHandOffs, spans: Collection[Span], *, by: str = "campaign") -> OffIcp:
    """The hand-offs of each group in each of `spans` that miss the profile.

    Parameters
    ----------
    milestones
        Its leads are those that count.
    judged
        Their hand-offs, as the lead guarantee takes them.
    spans, by
        As in `alignment.sources.sources`, which raises the same errors.
    """
    spans = in_order(spans)
    agreed = milestones.settings.targets.off_icp_share
    told = beside_leads(judged.frame, milestones, columns=(), by=by)
    told = told.assign(span=span_numbers(told["handed_off_at"], spans))
    told = told[told["span"] >= 0]
    totals = _cells(told.assign(group=NOT_KNOWN), [(place, NOT_KNOWN) for place in range(len(spans))])
    yardsticks = tuple(agreed if agreed is not None else share for share in totals["off_icp_share"])
    rows = in_name_order(_cells(told, sorted(set(zip(told["span"], told["group"], strict=True)))))
    return OffIcp(
        rows=_table(rows, spans, yardsticks),
        totals=_table(totals, spans, yardsticks),
        spans=spans,
        yardsticks=yardsticks,
        is_agreed=agreed is not None,
        why_not=_why_not(told, judged),
        as_of=milestones.as_of,
        by=by,
        definitions_version=milestones.definitions_version,
    )


def _why_not(hand_offs: pd.DataFrame, judged: JudgedHandOffs) -> str:
    if not judged.has_criteria:
        return NO_PROFILE
    return NOT_YET if len(hand_offs) and not hand_offs["has_profile"].any() else ""


def _cells(told: pd.DataFrame, cells: Sequence[tuple[int, str]]) -> pd.DataFrame:
    """The figures of each cell (span and group), in their order, indexed by both."""
    rows = dict(iter(told.groupby(["span", "group"])))
    found = [_figures(rows.get(cell, told.iloc[:0])) for cell in cells]
    index = pd.MultiIndex.from_tuples(cells, names=["span", "group"])
    return pd.DataFrame(found, index=index, columns=_FIGURES)


_FIGURES = [*(name for name in OFF_ICP_SCHEMA.names if name not in ("period", "group", "is_above")), "worth"]


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    known, misses = rows[rows["is_judged"]], rows[rows["is_miss"]]
    accounts = known[JACKKNIFE_GROUP].to_numpy()
    share = share_among(known["is_miss"], accounts)
    sums = sums_by_group(accounts, known["is_miss"], np.ones(len(known)))
    named = Counter(name for names in misses["missed"] for name in names)
    return {
        "hand_offs": len(rows),
        "known": len(known),
        "misses": len(misses),
        **in_columns("off_icp_share", share),
        "worth": _worth(share, fraction_replicates(sums), n=len(known)),
        "most_missed": min(named, key=lambda name: (-named[name], name), default=None),
    }


def _worth(share: Estimate, replicates: Floats, *, n: int) -> float | None:
    """As how many independent hand-offs they count."""
    return None if share.value is None else max(1.0, independent_n(share.value, replicates, n=n))


def _table(cells: pd.DataFrame, spans: Sequence[Span], yardsticks: Sequence[float | None]) -> pa.Table:
    held_against = np.array([np.nan if one is None else one for one in yardsticks], dtype=np.float64)
    places = cells.index.get_level_values("span").to_numpy(dtype=np.int64)
    looks = cells.groupby(level="span")["off_icp_share"].transform("count").clip(lower=1)
    known = cells["off_icp_share"].notna()
    low = [
        wilson(share, n, confidence=1 - (1 - CONFIDENCE) / k)[0] if is_known else np.nan
        for is_known, share, n, k in zip(known, cells["off_icp_share"], cells["worth"], looks, strict=True)
    ]
    return table_of(cells.assign(is_above=np.array(low) > held_against[places]), spans, OFF_ICP_SCHEMA)
