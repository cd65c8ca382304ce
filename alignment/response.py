"""How soon sales answers hand-offs, whether it leaves none out, and whether it decides: by period and group."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from alignment.handed_off import TURNED_DOWN, Flags, HandOffs, refuse_figures_by_owner
from alignment.intervals import Integers, share_estimate, shrunken, sums_by_group, without_each
from alignment.waiting import Waits, quantiles
from data_contracts.estimates import Estimate
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.response import NEVER_CONTACTED_DAYS, RESPONSE_SCHEMA, Response
from data_contracts.today import OWNER

MINUTES_PER_HOUR = 60
ROUNDING_MINUTES = 1e-6
"""Working hours are floating-point numbers: a whole minute may lack the last bit."""

MEDIAN = 0.5
Facts = Mapping[str, npt.NDArray[Any]]
"""What is known of each hand-off, one array a name."""

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
    facts, is_known = _facts(hand_offs), not hand_offs.unknown_because
    rows, not_shown = [], 0
    for cohort, cells in _cells(hand_offs, every=every, by=by):
        shown = [(group, found) for group, found in cells if _is_shown(hand_offs, by, group, n=len(found))]
        not_shown += sum(len(found) for _, found in cells) - sum(len(found) for _, found in shown)
        span = Span.of(every, cohort.date(), time_zone=hand_offs.milestones.time_zone)
        is_mature = span.end_at + _longest(hand_offs) <= hand_offs.as_of
        told = [
            {
                "cohort": cohort,
                "group": group or None,
                "is_mature": is_mature,
                **_figures({name: told[found] for name, told in facts.items()}, is_known=is_known),
            }
            for group, found in shown
        ]
        rows += _with_shrunken(told) if by else told
    settings = hand_offs.settings
    return Response(
        rows=pa.Table.from_pylist(rows, schema=RESPONSE_SCHEMA),
        as_of=hand_offs.as_of,
        period=every,
        by=by,
        not_shown=not_shown,
        unknown_because=hand_offs.unknown_because,
        definitions_version=hand_offs.milestones.definitions_version,
        policy_version=settings.policy.version,
    )


def share_of(groups: Integers, hits: Flags, base: Flags) -> Estimate:
    """The share of `base` that `hits` are, with its interval over accounts; unknown without any."""
    sums = sums_by_group(groups, hits & base, base)
    total = sums.sum(axis=0)
    if not total[1]:
        return share_estimate(float("nan"), np.zeros(0), n=0)
    others = without_each(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = others[:, 0] / others[:, 1]
    return share_estimate(float(total[0] / total[1]), replicates, n=float(total[1]))


def first_horizon(hand_offs: HandOffs) -> dt.timedelta:
    """How long after the hand-off the first transition counts."""
    definitions = hand_offs.settings.definitions
    return dt.timedelta(days=definitions.transitions[definitions.first_transition].horizon_days)


def _longest(hand_offs: HandOffs) -> dt.timedelta:
    return max(first_horizon(hand_offs), dt.timedelta(days=NEVER_CONTACTED_DAYS))


def _cells(hand_offs: HandOffs, *, every: Period, by: str) -> Iterator[tuple[dt.datetime, list[tuple[str, Integers]]]]:
    """Each period with the places of the hand-offs of each of its groups; nothing known comes last."""
    frame = hand_offs.frame
    group = hand_offs.told(by).astype(object).fillna("") if by else pd.Series("", index=frame.index, dtype=object)
    cohort = every.starts(frame["handed_off_at"], time_zone=hand_offs.milestones.time_zone)
    for start in pd.DatetimeIndex(cohort.unique()).sort_values():
        found = group[cohort == start]
        cells = [(str(name), places.to_numpy()) for name, places in found.groupby(found).groups.items()]
        yield start.to_pydatetime(), sorted(cells, key=lambda cell: (not cell[0], cell[0]))


def _is_shown(hand_offs: HandOffs, by: str, group: str, *, n: int) -> bool:
    """Nothing is shown of a person by few hand-offs."""
    return by != OWNER or not group or n >= hand_offs.settings.pages.least_group


def _facts(hand_offs: HandOffs) -> Facts:
    """What is asked of each hand-off, as yes or no, with its minutes and group."""
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
    return {
        **{name: np.asarray(flag, dtype=bool) for name, flag in flags.items()},
        "waited": _whole_minutes(waited),
        "watched": _whole_minutes(frame["watched_hours"]),
        "group": hand_offs.groups,
    }


def _whole_minutes(hours: pd.Series) -> Integers:
    return np.floor(hours.to_numpy(dtype=np.float64) * MINUTES_PER_HOUR + ROUNDING_MINUTES).astype(np.int64)


_OF_TOUCHES = {"compliance": ("in_time", "due"), "never_contacted_share": ("never_contacted", "aged")}
_OF_DECISIONS = {"disposition_share": ("disposed", "worked")}


def _figures(rows: Facts, *, is_known: bool) -> dict[str, Any]:
    shares = _OF_TOUCHES | _OF_DECISIONS if is_known else _OF_DECISIONS
    told: dict[str, Any] = {"handed_off": len(rows["counted"])}
    for name in ("recycled", "skipped", "unsettled", *(each for pair in shares.values() for each in pair)):
        told[name] = int(rows[name].sum())
    for name, (hits, base) in shares.items():
        told |= _columns(name, share_of(rows["group"], rows[hits], rows[base]))
    if is_known:
        told |= {"decided_untouched": int(rows["decided_untouched"].sum()), **_hours(rows)}
    return told


def _columns(name: str, found: Estimate, *, per: float = 1.0) -> dict[str, float | None]:
    ends = {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return {column: None if value is None else value / per for column, value in ends.items()}


def _hours(rows: Facts) -> dict[str, Any]:
    waits = Waits(rows["waited"], rows["watched"], rows["touched"], rows["group"])
    told: dict[str, Any] = {}
    found_of = quantiles(waits.of(rows["counted"]), tuple(QUANTILES.values()))
    for name, found in zip(QUANTILES, found_of, strict=True):
        told |= _columns(name, found.time, per=MINUTES_PER_HOUR)
        told[f"is_least_{name}"] = None if found.time.value is None else found.is_least
    (answered,) = quantiles(waits.of(rows["answered"]), (MEDIAN,))
    return told | _columns("hours_if_touched", answered.time, per=MINUTES_PER_HOUR)


def _with_shrunken(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups of one period with their compliance drawn to that of all."""
    rows = list(rows)
    hits, due = (np.array([row.get(name) or 0 for row in rows], dtype=np.float64) for name in ("in_time", "due"))
    drawn = shrunken(hits, due) if due.any() else [None] * len(rows)
    return [row | {"compliance_shrunken": value} for row, value in zip(rows, drawn, strict=True)]
