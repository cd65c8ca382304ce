"""The lead guarantee: which hand-offs missed the profile that was agreed when they were made, and what was said of it.

A hand-off is an entry into MQL at which a lead does not wait for sales already: a lead that comes back is handed off
again. A lead that sales took without it being an MQL was handed off by nobody, and is not guaranteed.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from alignment.cohorts import JACKKNIFE_GROUP, Cell, beside_leads, cells_of, in_columns
from alignment.handed_off import hand_off_moments
from alignment.intervals import share_among
from alignment.milestones import Milestones
from alignment.profile_fit import KNOWN_SHARE, fit_at, judgeable
from data_contracts.definitions import Definitions, IdealCustomerProfile
from data_contracts.history import CrmHistory
from data_contracts.metrics.guarantee import (
    DISPUTES_SCHEMA,
    GUARANTEE_SCHEMA,
    LEDGER_SCHEMA,
    CreditState,
    Guarantee,
    standing,
)
from data_contracts.metrics.periods import Period, local_midnight
from data_contracts.settings import Settings
from data_contracts.snapshots import FIT_SHARE, MISSES, TEAM, Snapshots
from data_contracts.today import CAMPAIGN, OWNER, PERSONA, SOURCE
from data_contracts.vocabulary import Stage

_SEGMENTS = (SOURCE, CAMPAIGN, PERSONA, TEAM, OWNER)
_HAND_OFF = ["lead_id", "handed_off_at"]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedHandOffs:
    """Hand-offs, each held against what was agreed on its day.

    Attributes
    ----------
    frame
        One row a hand-off, in order of lead and time: `lead_id`, `handed_off_at`, `definitions_version` (missing before
        the first), `has_profile` (that version has criteria), `fit_share`, `missed` (names of criteria) and `is_miss`.
    versions
        Those that any of them was judged by, the earliest first.
    not_judged_by
        What is the matter with criteria that nothing declared can answer.
    """

    frame: pd.DataFrame
    versions: tuple[str, ...]
    not_judged_by: tuple[str, ...]


def lead_guarantee(
    milestones: Milestones,
    history: CrmHistory,
    versions: Sequence[Definitions],
    *,
    disputes: pa.Table | None = None,
    every: Period = Period.MONTH,
    by: str = "",
) -> Guarantee:
    """The ledger of credits and the off-ICP share of each period's hand-offs.

    The agreement of the day counts, and what was known of the lead when it was handed off: neither a profile that was
    agreed on later nor an attribute that was filled in later makes or unmakes a credit. What became of the lead does
    not matter, so unsettled leads count too.

    Parameters
    ----------
    milestones
        Of `history`; its leads are those that count.
    versions
        Every version of the definitions. Of two that hold from the same day the later in this order holds.
    disputes
        What was said of hand-offs, of `DISPUTES_SCHEMA`, in order; words after the extract are left out.
    every, by
        As in `cohort_funnel`.

    Raises
    ------
    KeyError
        Where the leads have no column `by`.
    """
    judged = judged_hand_offs(
        guaranteed_hand_offs(history, milestones.settings), history, versions, milestones.settings
    )
    frame = beside_leads(judged.frame, milestones, columns=_SEGMENTS, by=by)
    said = (DISPUTES_SCHEMA.empty_table() if disputes is None else disputes).to_pandas()
    said = said[said["at"] <= milestones.as_of]
    frame = _with_states(frame, said)
    cells = cells_of(frame, frame["handed_off_at"], every=every, milestones=milestones)
    matched = said.merge(judged.frame[_HAND_OFF], on=_HAND_OFF)
    return Guarantee(
        ledger=_ledger(frame),
        rows=pa.Table.from_pylist([_counted(cell) for cell in cells], schema=GUARANTEE_SCHEMA),
        as_of=milestones.as_of,
        period=every,
        by=by,
        versions=judged.versions,
        not_judged_by=judged.not_judged_by,
        unmatched=len(said) - len(matched),
    )


def guaranteed_hand_offs(history: CrmHistory, settings: Settings) -> ir.Table:
    """Every hand-off of an MQL: `lead_id`, `handed_off_at`, and `known_from`, when the CRM knew of it. Lazy."""
    moments = hand_off_moments(history, settings)
    return moments.filter(moments.stage == Stage.MQL.value).select("lead_id", "known_from", "handed_off_at")


def judged_hand_offs(
    hand_offs: ir.Table, history: CrmHistory, versions: Sequence[Definitions], settings: Settings
) -> JudgedHandOffs:
    """`hand_offs` (rows of `guaranteed_hand_offs`), each held against the version of its local day."""
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
    frame = frame.sort_values(_HAND_OFF, ignore_index=True)
    return JudgedHandOffs(frame, tuple(names), tuple(told))


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
    frame: pd.DataFrame = hand_offs.select(*_HAND_OFF).to_pyarrow().to_pandas()
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
    told = numbered.join(fit, "snapshot_id").select(*_HAND_OFF, KNOWN_SHARE, fit_share=FIT_SHARE, missed=MISSES)
    frame: pd.DataFrame = told.to_pyarrow().to_pandas()
    frame = frame.astype({"fit_share": "float64", KNOWN_SHARE: "float64"})
    return frame.assign(is_miss=frame["fit_share"] < icp.fit_boundaries[-1])


def _with_states(frame: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """`frame` with how each hand-off stands, since when, and why."""
    last = said.drop_duplicates(_HAND_OFF, keep="last")[[*_HAND_OFF, "state", "at", "because"]]
    frame = frame.merge(last, on=_HAND_OFF, how="left")
    told = (None if pd.isna(word) else CreditState(word) for word in frame["state"])
    stands = [standing(word, is_miss=miss) for word, miss in zip(told, frame["is_miss"], strict=True)]
    state = pd.Series(stands, index=frame.index, dtype=object)
    since = frame["at"].astype("datetime64[us]").mask(state == CreditState.CREDITED, frame["handed_off_at"])
    is_credit = state.isin([CreditState.CREDITED, CreditState.UPHELD])
    return frame.assign(state=state, since_at=since, credited_at=since.where(is_credit))


def _ledger(frame: pd.DataFrame) -> pa.Table:
    rows = frame[frame["state"].notna()].sort_values(["handed_off_at", "lead_id"], ascending=[False, True])
    rows = rows.astype(dict.fromkeys(_SEGMENTS, object))
    rows = rows.assign(missed=rows["missed"].map(list))
    return pa.Table.from_pandas(rows[LEDGER_SCHEMA.names], schema=LEDGER_SCHEMA, preserve_index=False)


def _counted(cell: Cell) -> dict[str, Any]:
    """A row of `GUARANTEE_SCHEMA`."""
    rows = cell.rows
    is_known = (rows["has_profile"] & rows["fit_share"].notna()).to_numpy()
    not_agreed = int((~rows["has_profile"]).sum())
    is_miss = rows["is_miss"].to_numpy()
    states = {state.value: int((rows["state"] == state).sum()) for state in CreditState}
    return {
        "cohort": cell.cohort,
        "group": cell.group,
        "hand_offs": len(rows),
        "judged": int(is_known.sum()),
        "unknown": len(rows) - int(is_known.sum()) - not_agreed,
        "not_agreed": not_agreed,
        "off_icp": int(is_miss.sum()),
        **in_columns("off_icp_share", share_among(is_miss[is_known], rows[JACKKNIFE_GROUP].to_numpy()[is_known])),
        **states,
        "credits": states[CreditState.CREDITED] + states[CreditState.UPHELD],
    }
