"""Whether marketing delivers the MQLs that it owes, in the quality that both teams agreed on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from alignment.cohorts import JACKKNIFE_GROUP
from alignment.handed_off import HandOffs, hand_off_moments
from alignment.intervals import in_columns, share_among
from alignment.profile_fit import fit_at
from data_contracts.history import CrmHistory
from data_contracts.metrics.mqls_delivered import MQLS_DELIVERED_SCHEMA, MqlsDelivered
from data_contracts.metrics.periods import Period, Span
from data_contracts.settings import Settings
from data_contracts.snapshots import FIT_SHARE, Snapshots
from features.profile import refuse_unfit_criteria

DAYS_A_WEEK = 7

ROUNDING = 1e-9
"""A share of weights is not held to the last bit."""


def mqls_delivered(history: CrmHistory, hand_offs: HandOffs) -> MqlsDelivered:
    """The MQLs of each week, month, quarter and year, beside those that marketing owes by the targets of the settings.

    Recycled leads count like new ones, because sales has to work them all the same; how many they are is told. Leads
    that sales took without an MQL do not count. That a lead was closed nobody knows when does not matter here.

    Parameters
    ----------
    history
        The one that `hand_offs` are of.

    Raises
    ------
    SettingsError
        Where a criterion of the profile does not suit its attribute.
    """
    targets = hand_offs.settings.targets
    frame, zone = hand_offs.frame, hand_offs.milestones.time_zone
    fits = fit_at_hand_offs(history, hand_offs.settings)
    fit = frame[["lead_id", "nth"]].merge(fits, how="left", validate="one_to_one")[FIT_SHARE]
    least = targets.mql_least_fit_share
    is_marketing = ~frame["is_skipped"]
    facts = pd.DataFrame(
        {
            **{str(one): one.starts(frame["handed_off_at"], time_zone=zone) for one in Period},
            "handed_off": is_marketing,
            "recycled": is_marketing & (frame["nth"] > 1),
            "of_quality": is_marketing & ((fit >= least - ROUNDING) | (least == 0)),
            "below": is_marketing & (fit < least - ROUNDING),
            "unknown_fit": is_marketing & fit.isna() & (least > 0),
            "skipped": ~is_marketing,
            JACKKNIFE_GROUP: hand_offs.groups,
        }
    )
    weeks = _weeks(facts, hand_offs)
    return MqlsDelivered(
        rows={one: _table(one, facts, weeks, hand_offs) for one in Period},
        as_of=hand_offs.as_of,
        owed=targets.mqls_per_week,
        least_fit_share=least,
        definitions_version=hand_offs.milestones.definitions_version,
        targets_version=targets.version,
    )


def fit_at_hand_offs(history: CrmHistory, settings: Settings) -> pd.DataFrame:
    """How much of the agreed profile was known to be met at each hand-off: `lead_id`, `nth`, `icp_fit_share`.

    It is the feature of that name, at the hand-off; missing where nothing of the profile was known.

    Raises
    ------
    SettingsError
        Where a criterion of the profile does not suit its attribute.
    """
    refuse_unfit_criteria(settings)
    moments = hand_off_moments(history, settings)
    snapshots = moments.mutate(
        snapshot_id=ibis.row_number().over(order_by=[moments.lead_id, moments.nth]).cast("int64"),
        # What was entered together with the hand-off is known by it.
        as_of=moments.handed_off_at + ibis.interval(microseconds=1),
    )
    fit = fit_at(history, Snapshots(snapshots), icp=settings.definitions.icp, settings=settings)
    shares = snapshots.join(fit, "snapshot_id").select("lead_id", "nth", FIT_SHARE)
    found: pd.DataFrame = shares.order_by("lead_id", "nth").to_pyarrow().to_pandas()
    return found.astype({FIT_SHARE: "float64"})


@dataclass(frozen=True, slots=True)
class _Week:
    """A week, and how many MQLs of the agreed quality it brought."""

    span: Span
    of_quality: int


def _weeks(facts: pd.DataFrame, hand_offs: HandOffs) -> list[_Week]:
    """Every week from the first hand-off to the one of `as_of`."""
    n = facts.groupby(Period.WEEK)["of_quality"].sum()
    spans = _spans(Period.WEEK, facts, hand_offs)
    return [_Week(one, int(n.get(pd.Timestamp(one.first), 0))) for one in spans]


def _spans(period: Period, facts: pd.DataFrame, hand_offs: HandOffs) -> list[Span]:
    """Every period from the Monday of the first hand-off to the one of `as_of`."""
    if facts.empty:
        return []
    zone = hand_offs.milestones.time_zone
    spans = [Span.of(period, facts[Period.WEEK].min().date(), time_zone=zone)]
    while spans[-1].end_at <= hand_offs.as_of:
        spans.append(Span.of(period, spans[-1].end, time_zone=zone))
    return spans


def _table(period: Period, facts: pd.DataFrame, weeks: Sequence[_Week], hand_offs: HandOffs) -> pa.Table:
    rows = [
        _row(facts[facts[period] == pd.Timestamp(span.first)], span, weeks, hand_offs)
        for span in _spans(period, facts, hand_offs)
    ]
    return pa.Table.from_pylist(rows, schema=MQLS_DELIVERED_SCHEMA)


def _row(found: pd.DataFrame, span: Span, weeks: Sequence[_Week], hand_offs: HandOffs) -> dict[str, Any]:
    a_week = hand_offs.settings.targets.mqls_per_week
    days = (span.end - max(span.first, weeks[0].span.first)).days
    owed = None if a_week is None else a_week * (days / DAYS_A_WEEK)
    over = [one for one in weeks if span.first <= one.span.first < span.end and one.span.end_at <= hand_offs.as_of]
    counts = ("handed_off", "recycled", "of_quality", "below", "unknown_fit", "skipped")
    row: dict[str, Any] = {name: int(found[name].sum()) for name in counts}
    delivered = found[found["handed_off"]]
    quality = share_among(delivered["of_quality"].to_numpy(), delivered[JACKKNIFE_GROUP].to_numpy())
    return row | {
        "period": pd.Timestamp(span.first).to_pydatetime(),
        "is_complete": span.end_at <= hand_offs.as_of,
        "days": days,
        **in_columns("quality_share", quality),
        "owed": owed,
        "delivered_share": row["of_quality"] / owed if owed else None,
        "weeks": len(over),
        "weeks_kept": None if a_week is None else sum(one.of_quality >= a_week for one in over),
    }
