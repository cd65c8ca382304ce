"""Which sources and campaigns hand off leads outside the ideal customer profile."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.grouped import NOT_KNOWN, groups_of, in_name_order, in_order, span_numbers, table_of
from alignment.intervals import CONFIDENCE, fraction_estimate, fraction_replicates, sums_by_group, wilson, worth
from alignment.milestones import Milestones, reached_at
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.off_icp import NO_PROFILE, OFF_ICP_SCHEMA, OffIcp
from data_contracts.metrics.periods import Span
from data_contracts.settings import Settings
from data_contracts.snapshots import FIT_SHARE, MISSES, Snapshots
from data_contracts.vocabulary import Stage
from features.known import known_at
from features.measures import take_measures
from features.profile import icp_features, icp_misses, refuse_unfit_criteria
from features.stages import reached_stages


def off_icp(history: CrmHistory, milestones: Milestones, spans: Collection[Span], *, by: str = "campaign") -> OffIcp:
    """Of the leads of each group that became MQL in each of `spans`, how many miss the profile.

    A lead misses it if its fit is of letter D: below the last of `fit_boundaries`. What is not known is no miss.

    Parameters
    ----------
    milestones
        Of the leads of `history`.
    spans
        Periods of one length.
    by
        `source`, `campaign`, `persona`, `team`, or a segment.

    Raises
    ------
    KeyError
        Where leads are not grouped by that.
    SettingsError
        Where a criterion does not suit its attribute's type.
    ValueError
        Where there is no span, or they are of several lengths.
    """
    spans = in_order(spans)
    settings = milestones.settings
    agreed = settings.targets.off_icp_share
    told = _hand_offs(history, milestones, spans, by=by)
    totals = _cells(told.assign(group=NOT_KNOWN), [(place, NOT_KNOWN) for place in range(len(spans))])
    yardsticks = tuple(agreed if agreed is not None else share for share in totals["off_icp_share"])
    rows = in_name_order(_cells(told, sorted(set(zip(told["span"], told["group"], strict=True)))))
    return OffIcp(
        rows=_table(rows, spans, yardsticks),
        totals=_table(totals, spans, yardsticks),
        spans=spans,
        yardsticks=yardsticks,
        is_agreed=agreed is not None,
        why_not="" if settings.definitions.icp.criteria else NO_PROFILE,
        as_of=milestones.as_of,
        by=by,
        definitions_version=milestones.definitions_version,
    )


def fit_at_hand_off(history: CrmHistory, settings: Settings) -> pd.DataFrame:
    """How well each MQL fitted the profile of the settings when it first became one, as was known then.

    Returns
    -------
    DataFrame
        `lead_id`, `icp_fit_share` (missing where no criterion is known, or none is agreed) and `icp_misses` (a list of
        the names of criteria that are known and not met), one row an MQL, in order of the lead.

    Raises
    ------
    SettingsError
        Where a criterion does not suit its attribute's type.
    """
    refuse_unfit_criteria(settings)
    icp = settings.definitions.icp
    if not icp.criteria:
        return pd.DataFrame({"lead_id": pd.Series(dtype="str"), FIT_SHARE: pd.Series(dtype="float64"), MISSES: []})
    changes = history.stage_changes.filter(history.stage_changes.stage.isin(reached_stages(Stage.MQL)))
    entries = changes.group_by("lead_id").aggregate(at=changes.entered_at.min())
    hand_offs = entries.select(
        "lead_id",
        snapshot_id=ibis.row_number().over(order_by=entries.lead_id).cast("int64"),
        stage=ibis.literal(Stage.MQL.value),
        # What changes at the very moment is known just after.
        as_of=entries["at"] + ibis.interval(microseconds=1),
    )
    fit_share = icp_features(icp)[-1].measure
    measured = take_measures(known_at(history, Snapshots(hand_offs), settings=settings), [fit_share, icp_misses(icp)])
    told = hand_offs.select("snapshot_id", "lead_id").join(measured, "snapshot_id").drop("snapshot_id")
    frame: pd.DataFrame = told.order_by("lead_id").to_pyarrow().to_pandas()
    return frame.astype({FIT_SHARE: "float64"})


def _hand_offs(history: CrmHistory, milestones: Milestones, spans: Sequence[Span], *, by: str) -> pd.DataFrame:
    """The leads that became MQL in the spans: `span`, `group`, `accounts`, `is_known`, `is_miss` and `icp_misses`."""
    frame = milestones.frame
    told = pd.DataFrame(
        {
            "lead_id": frame["lead_id"],
            "span": span_numbers(frame[reached_at(Milestone.MQL)], spans),
            "group": groups_of(milestones, by),
            "accounts": milestones.groups,
        }
    )
    fits = fit_at_hand_off(history, milestones.settings)
    rows = told[told["span"] >= 0].merge(fits, on="lead_id", how="left", validate="one_to_one")
    least = milestones.settings.definitions.icp.fit_boundaries[-1]
    return rows.assign(is_known=rows[FIT_SHARE].notna(), is_miss=rows[FIT_SHARE] < least)


def _cells(told: pd.DataFrame, cells: Sequence[tuple[int, str]]) -> pd.DataFrame:
    """The figures of each cell (span and group), in their order, indexed by both."""
    rows = dict(iter(told.groupby(["span", "group"])))
    found = [_figures(rows.get(cell, told.iloc[:0])) for cell in cells]
    index = pd.MultiIndex.from_tuples(cells, names=["span", "group"])
    return pd.DataFrame(found, index=index, columns=_FIGURES)


_FIGURES = [*(name for name in OFF_ICP_SCHEMA.names if name not in ("period", "group", "is_above")), "worth"]


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    known, misses = rows[rows["is_known"]], rows[rows["is_miss"]]
    sums = sums_by_group(known["accounts"].to_numpy(), known["is_miss"], np.ones(len(known)))
    share = fraction_estimate(sums, n=len(known))
    named = Counter(name for names in misses[MISSES] for name in names)
    return {
        "hand_offs": len(rows),
        "known": len(known),
        "misses": len(misses),
        "off_icp_share": share.value,
        "off_icp_share_low": share.low,
        "off_icp_share_high": share.high,
        "worth": None if share.value is None else worth(share.value, fraction_replicates(sums), n=len(known)),
        "most_missed": min(named, key=lambda name: (-named[name], name), default=None),
    }


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
