"""How soon sales answers hand-offs, whether it leaves none out, and whether it decides: by period and group."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from alignment.cohorts import GROUP, JACKKNIFE_GROUP, Cell, cells_of
from alignment.handed_off import TURNED_DOWN, HandOffs, refuse_figures_by_owner
from alignment.intervals import Integers, in_columns, share_among
from alignment.shrinkage import shrunken
from alignment.waiting import Waits, quantiles
from data_contracts.estimates import Estimate
from data_contracts.metrics.periods import Period
from data_contracts.metrics.response import NEVER_CONTACTED_DAYS, RESPONSE_SCHEMA, Response
from data_contracts.today import OWNER

MINUTES_PER_HOUR = 60
ROUNDING_MINUTES = 1e-6
"""Working hours are floating-point numbers: a whole minute may lack the last bit."""

MEDIAN = 0.5
QUANTILES = {"hours_median": MEDIAN, "hours_p90": 0.9}


def response(hand_offs: HandOffs, *, every: Period = Period.WEEK, by: str = "") -> Response:
    """How sales answered the hand-offs of each period.

    Parameters
    ----------
    every
        The length of the periods, by the moment of the hand-off.
    by
        `owner_id`, `team`, or a column of the leads that they are grouped by; empty for all together.

    Raises
    ------
    KeyError
        Where there is no such column.
    SettingsError
        Where `by` is the owner and the settings do not show figures by owner.
    """
    if by == OWNER:
        refuse_figures_by_owner(hand_offs.settings)
    cells = list(_cells(hand_offs, every=every, by=by))
    shown = [cell for cell in cells if _is_shown(cell, hand_offs, by=by)]
    days = max(first_horizon(hand_offs).days, NEVER_CONTACTED_DAYS)
    rows = [
        {
            "cohort": cell.cohort,
            "group": cell.group,
            "is_mature": cell.is_mature(every, days=days, milestones=hand_offs.milestones),
            **_figures(cell.rows, is_known=not hand_offs.unknown_because),
        }
        for cell in shown
    ]
    settings = hand_offs.settings
    return Response(
        rows=pa.Table.from_pylist(_with_shrunken(rows) if by else rows, schema=RESPONSE_SCHEMA),
        as_of=hand_offs.as_of,
        period=every,
        by=by,
        not_shown=sum(len(cell.rows) for cell in cells) - sum(len(cell.rows) for cell in shown),
        unknown_because=hand_offs.unknown_because,
        definitions_version=hand_offs.milestones.definitions_version,
        policy_version=settings.policy.version,
    )


def first_horizon(hand_offs: HandOffs) -> dt.timedelta:
    """How long after the hand-off the first transition counts."""
    definitions = hand_offs.settings.definitions
    return dt.timedelta(days=definitions.transitions[definitions.first_transition].horizon_days)


def _cells(hand_offs: HandOffs, *, every: Period, by: str) -> Iterator[Cell]:
    group = hand_offs.told(by).astype(object).fillna("") if by else ""
    facts = _facts(hand_offs).assign(**{GROUP: group})
    return cells_of(facts, hand_offs.frame["handed_off_at"], every=every, milestones=hand_offs.milestones)


def _is_shown(cell: Cell, hand_offs: HandOffs, *, by: str) -> bool:
    """Nothing is shown of a person by few hand-offs."""
    return by != OWNER or cell.group is None or len(cell.rows) >= hand_offs.settings.pages.least_group


def _facts(hand_offs: HandOffs) -> pd.DataFrame:
    """What is asked of each hand-off, as yes or no, with its minutes and jackknife group."""
    frame, as_of = hand_offs.frame, pd.Timestamp(hand_offs.as_of)
    start, counted = frame["handed_off_at"], hand_offs.counted
    is_touched = frame["touched_at"].notna()
    renewed_within = frame["next_handed_off_at"] < frame["respond_by_at"]
    due = counted & (frame["respond_by_at"] < as_of) & ~renewed_within
    month, horizon = (start + dt.timedelta(days=NEVER_CONTACTED_DAYS), start + first_horizon(hand_offs))
    worked = counted & (horizon <= as_of)
    if not hand_offs.unknown_because:
        worked &= frame["touched_at"] <= horizon
    has_reason = frame["reason"].notna() | ~frame["decision"].isin(TURNED_DOWN)
    waited = frame["response_hours"].where(is_touched, frame["watched_hours"])
    flags = {
        "recycled": frame["nth"] > 1,
        "skipped": frame["is_skipped"],
        "unsettled": frame["is_unsettled"] & ~frame["is_skipped"],
        "counted": counted,
        "due": due,
        "in_time": due & (frame["touched_at"] <= frame["respond_by_at"]),
        "aged": counted & (month <= as_of),
        "never_contacted": counted & (month <= as_of) & ~(frame["contacted_at"] <= month),
        "answered": counted & (month <= as_of) & (frame["touched_at"] <= month),
        "worked": worked,
        "disposed": worked & (frame["decided_at"] <= horizon) & has_reason,
        "decided_untouched": counted & frame["decided_at"].notna() & ~is_touched,
        "touched": is_touched,
    }
    minutes = {"waited": _whole_minutes(waited), "watched": _whole_minutes(frame["watched_hours"])}
    return pd.DataFrame(flags).astype(bool).assign(**{**minutes, JACKKNIFE_GROUP: hand_offs.groups})


def _whole_minutes(hours: pd.Series) -> Integers:
    return np.floor(hours.to_numpy(dtype=np.float64) * MINUTES_PER_HOUR + ROUNDING_MINUTES).astype(np.int64)


_OF_TOUCHES = {"compliance": ("in_time", "due"), "never_contacted_share": ("never_contacted", "aged")}
_OF_DECISIONS = {"disposition_share": ("disposed", "worked")}


def _figures(facts: pd.DataFrame, *, is_known: bool) -> dict[str, Any]:
    rows = {str(name): facts[name].to_numpy() for name in facts}
    shares = _OF_TOUCHES | _OF_DECISIONS if is_known else _OF_DECISIONS
    told: dict[str, Any] = {"handed_off": len(rows["counted"])}
    for name in ("recycled", "skipped", "unsettled", *(each for pair in shares.values() for each in pair)):
        told[name] = int(rows[name].sum())
    for name, (hits, base) in shares.items():
        told |= in_columns(name, share_among(rows[hits][rows[base]], rows[JACKKNIFE_GROUP][rows[base]]))
    if is_known:
        told |= {"decided_untouched": int(rows["decided_untouched"].sum()), **_hours(rows)}
    return told


def _hours(rows: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    waits = Waits(rows["waited"], rows["watched"], rows["touched"], rows[JACKKNIFE_GROUP])
    told: dict[str, Any] = {}
    found_of = quantiles(waits.of(rows["counted"]), tuple(QUANTILES.values()))
    for name, found in zip(QUANTILES, found_of, strict=True):
        told |= in_columns(name, _in_hours(found.time))
        told[f"is_least_{name}"] = None if found.time.value is None else found.is_least
    (answered,) = quantiles(waits.of(rows["answered"]), (MEDIAN,))
    return told | in_columns("hours_if_touched", _in_hours(answered.time))


def _in_hours(minutes: Estimate) -> Estimate:
    ends = (minutes.value, minutes.low, minutes.high)
    value, low, high = (None if end is None else end / MINUTES_PER_HOUR for end in ends)
    return Estimate(value=value, low=low, high=high)


def _with_shrunken(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups of each period, in their order, with their compliance drawn to that of all of the period."""
    told = []
    for _, cells in groupby(rows, key=lambda row: row["cohort"]):
        groups = list(cells)
        hits, due = (np.array([row.get(name, 0) for row in groups], dtype=np.float64) for name in ("in_time", "due"))
        drawn = shrunken(hits, due) if due.any() else [None] * len(groups)
        told += [row | {"compliance_shrunken": value} for row, value in zip(groups, drawn, strict=True)]
    return told
