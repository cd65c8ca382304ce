"""Whether marketing delivers the MQLs that it owes, in the quality that both teams agreed on."""

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

ROUNDING = 1e-9
"""A share of weights is not held to the last bit."""


def mqls_delivered(history: CrmHistory, hand_offs: HandOffs) -> MqlsDelivered:
    """The MQLs of each week, beside those that marketing owes by the targets of the settings.

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
            "week": Period.WEEK.starts(frame["handed_off_at"], time_zone=zone),
            "handed_off": is_marketing,
            "recycled": is_marketing & (frame["nth"] > 1),
            "of_quality": is_marketing & ((fit >= least - ROUNDING) | (least == 0)),
            "below": is_marketing & (fit < least - ROUNDING),
            "unknown_fit": is_marketing & fit.isna() & (least > 0),
            "skipped": ~is_marketing,
            JACKKNIFE_GROUP: hand_offs.groups,
        }
    )
    rows = [
        _row(facts[facts["week"] == pd.Timestamp(span.first)], span, hand_offs) for span in _weeks(facts, hand_offs)
    ]
    over = [row for row in rows if row["is_complete"]]
    owed = targets.mqls_per_week
    return MqlsDelivered(
        rows=pa.Table.from_pylist(rows, schema=MQLS_DELIVERED_SCHEMA),
        as_of=hand_offs.as_of,
        owed=owed,
        least_fit_share=least,
        weeks=len(over),
        weeks_kept=None if owed is None else sum(row["of_quality"] >= owed for row in over),
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


def _weeks(facts: pd.DataFrame, hand_offs: HandOffs) -> list[Span]:
    """Every week from the first hand-off to the one of `as_of`."""
    if facts.empty:
        return []
    zone = hand_offs.milestones.time_zone
    weeks = [Span.of(Period.WEEK, facts["week"].min().date(), time_zone=zone)]
    while weeks[-1].end_at <= hand_offs.as_of:
        weeks.append(Span.of(Period.WEEK, weeks[-1].end, time_zone=zone))
    return weeks


def _row(found: pd.DataFrame, week: Span, hand_offs: HandOffs) -> dict[str, Any]:
    owed = hand_offs.settings.targets.mqls_per_week
    counts = ("handed_off", "recycled", "of_quality", "below", "unknown_fit", "skipped")
    row: dict[str, Any] = {name: int(found[name].sum()) for name in counts}
    delivered = found[found["handed_off"]]
    quality = share_among(delivered["of_quality"].to_numpy(), delivered[JACKKNIFE_GROUP].to_numpy())
    return row | {
        "week": pd.Timestamp(week.first).to_pydatetime(),
        "is_complete": week.end_at <= hand_offs.as_of,
        **in_columns("quality_share", quality),
        "owed": owed,
        "delivered_share": row["of_quality"] / owed if owed else None,
    }
