"""Hand-offs that marketing guarantees, each held against the profile that was agreed when it was made.

A hand-off is an entry into MQL at which a lead does not wait for sales already: a lead that comes back is handed off
again. A lead that sales took without it being an MQL was handed off by nobody, and is not guaranteed.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from alignment.handed_off import hand_off_moments
from alignment.profile_fit import KNOWN_SHARE, fit_at, judgeable
from data_contracts.definitions import Definitions, IdealCustomerProfile
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import local_midnight
from data_contracts.settings import Settings
from data_contracts.snapshots import FIT_SHARE, MISSES, Snapshots
from data_contracts.vocabulary import Stage

HAND_OFF = ["lead_id", "handed_off_at"]
"""What tells one from another."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedHandOffs:
    """Hand-offs, each held against what was agreed on its day.

    Attributes
    ----------
    frame
        One row a hand-off, in order of lead and time: `lead_id`, `handed_off_at`, `definitions_version` (missing before
        the first), `has_profile` (that version has criteria), `fit_share`, `known_share`, `missed` (names of criteria),
        `is_judged` (it has, and one of them was known of the lead) and `is_miss`.
    versions
        Those that any of them was judged by, the earliest first.
    not_judged_by
        What is the matter with criteria that nothing declared can answer.
    has_criteria
        Whether any version has, of those that nothing was judged by too.
    """

    frame: pd.DataFrame
    versions: tuple[str, ...]
    not_judged_by: tuple[str, ...]
    has_criteria: bool


def guaranteed_hand_offs(history: CrmHistory, settings: Settings) -> ir.Table:
    """Every hand-off of an MQL: `lead_id`, `handed_off_at`, and `known_from`, when the CRM knew of it. Lazy."""
    moments = hand_off_moments(history, settings)
    return moments.filter(moments.stage == Stage.MQL.value).select("lead_id", "known_from", "handed_off_at")


def judged_hand_offs(
    hand_offs: ir.Table, history: CrmHistory, *, versions: Sequence[Definitions], settings: Settings
) -> JudgedHandOffs:
    """`hand_offs`, each held against the version of its local day, as the lead was known when it was handed off.

    Neither a profile that was agreed on later nor an attribute that was filled in later makes or unmakes a miss.

    Parameters
    ----------
    hand_offs
        Rows of `guaranteed_hand_offs`.
    versions
        Every version of the definitions. Of two that hold from the same day the later in this order holds.
    """
    zone = settings.policy.calendar.time_zone
    told: dict[str, None] = {}
    names = []
    in_force = list(_in_force(versions, zone))
    parts = [_unjudged(hand_offs.filter(hand_offs.handed_off_at < in_force[0][1]) if in_force else hand_offs)]
    for version, start_at, end_at in in_force:
        within = hand_offs.filter(hand_offs.handed_off_at >= start_at)
        within = within if end_at is None else within.filter(within.handed_off_at < end_at)
        if not within.count().to_pyarrow().as_py():
            continue
        icp, problems = judgeable(version.icp, settings)
        part = _judged(within, history, icp=icp, settings=settings)
        names.append(version.version)
        told |= dict.fromkeys(f"definitions {version.version}: {problem}" for problem in problems)
        parts.append(part.assign(definitions_version=version.version, has_profile=bool(version.icp.criteria)))
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    frame = frame.sort_values(HAND_OFF, ignore_index=True)
    frame = frame.astype({"has_profile": bool, "is_miss": bool})
    frame = frame.assign(is_judged=frame["has_profile"] & frame["fit_share"].notna())
    has_criteria = any(version.icp.criteria for version in versions)
    return JudgedHandOffs(frame, tuple(names), tuple(told), has_criteria=has_criteria)


def _in_force(
    versions: Sequence[Definitions], zone: str
) -> Iterator[tuple[Definitions, dt.datetime, dt.datetime | None]]:
    """Each version that was ever in force, from which moment, and until which."""
    by_day = {version.effective_from: version for version in versions}
    days = sorted(by_day)
    ends = [*(local_midnight(day, zone) for day in days[1:]), None]
    for day, end_at in zip(days, ends, strict=False):
        yield by_day[day], local_midnight(day, zone), end_at


def _unjudged(hand_offs: ir.Table) -> pd.DataFrame:
    frame: pd.DataFrame = hand_offs.select(*HAND_OFF).to_pyarrow().to_pandas()
    nothing = {
        "known_share": 0.0,
        "fit_share": float("nan"),
        "is_miss": False,
        "definitions_version": None,
        "has_profile": False,
    }
    return frame.assign(**nothing, missed=pd.Series([[]] * len(frame), index=frame.index, dtype=object))


def _judged(hand_offs: ir.Table, history: CrmHistory, *, icp: IdealCustomerProfile, settings: Settings) -> pd.DataFrame:
    numbered = hand_offs.mutate(
        snapshot_id=ibis.row_number().over(order_by=[hand_offs.lead_id, hand_offs.handed_off_at]).cast("int64"),
        # A value, and the account, are known from just after their change: often the lead's creation.
        as_of=hand_offs.known_from + ibis.interval(microseconds=1),
        stage=ibis.literal(Stage.MQL.value),
    )
    fit = fit_at(history, Snapshots(numbered), icp=icp, settings=settings)
    told = numbered.join(fit, "snapshot_id").select(*HAND_OFF, KNOWN_SHARE, fit_share=FIT_SHARE, missed=MISSES)
    frame: pd.DataFrame = told.to_pyarrow().to_pandas()
    frame = frame.astype({"fit_share": "float64", KNOWN_SHARE: "float64"})
    return frame.assign(is_miss=frame["fit_share"] < icp.fit_boundaries[-1])
