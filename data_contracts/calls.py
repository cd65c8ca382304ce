"""Whom sales calls: the hand-offs of a moment, the queue behind them, and what is known of both from before."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from data_contracts.estimates import Record
from data_contracts.thresholds import Thresholds


class HandedOffBy(StrEnum):
    """How a lead came to be handed off."""

    RANK = "rank"
    LOT = "lot"
    """Drawn among the leads below the boundary, for the share of the capacity that explores."""


class Rest(StrEnum):
    """Why an eligible lead waits no longer and is nurtured until its recheck date."""

    EXPIRED = "expired"
    """It found no room for as long as the policy lets a lead wait."""
    DECLINED = "declined"
    """A seller said: not this one."""


CALL_LIST_SCHEMA = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("team", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("ranking_value", pa.float64(), nullable=False),
        pa.field("place", pa.int64()),
        pa.field("waits_since_at", pa.timestamp("us")),
        pa.field("expected_at", pa.timestamp("us")),
        pa.field("handed_off_at", pa.timestamp("us")),
        pa.field("handed_off_by", pa.string()),
        pa.field("drawn_share", pa.float64()),
        pa.field("respond_by_at", pa.timestamp("us")),
        pa.field("rests", pa.string()),
        pa.field("rests_since_at", pa.timestamp("us")),
        pa.field("rested_at_value", pa.float64()),
        pa.field("recheck_at", pa.timestamp("us")),
    ]
)
"""One lead that sales has, waits for, or was spared. Times are UTC.

| column | holds |
|---|---|
| `action` | `hand_off`, `work` (sales touched it since), `wait`, or `nurture` while it rests |
| `place` | among the waiting leads of its team, from 1 |
| `waits_since_at` | since when it has been eligible without a break |
| `expected_at` | the first day on which there is room, if none that is better comes; missing if it expires before |
| `handed_off_by` | `rank`, or `lot` with `drawn_share`, the chance that a lead had to be drawn |
| `respond_by_at` | when sales owes the first touch |
| `rests` | `expired` or `declined`, since `rests_since_at` and at most until `recheck_at` |
| `rested_at_value` | its ranking value when it expired: a clear rise ends the rest |
"""

HAND_OFFS_SCHEMA = pa.schema(
    [CALL_LIST_SCHEMA.field(name) for name in ("lead_id", "team", "handed_off_at", "handed_off_by")]
    + [CALL_LIST_SCHEMA.field(name) for name in ("drawn_share", "respond_by_at")]
)
"""One hand-off: it starts sales' clock, and takes a place of the capacity."""

DECLINED_SCHEMA = pa.schema(
    [("lead_id", pa.string()), ("at", pa.timestamp("us")), ("by", pa.string()), ("because", pa.string())]
)
"""One "not this one" of a seller. It does not say whether the lead would have converted, so no model learns from it."""


@dataclass(frozen=True, slots=True, eq=False)
class CallsBefore:
    """What was published of hand-offs and queue up to a moment.

    Attributes
    ----------
    last_run_at
        The moment of the last publication before it; None where there was none.
    hand_offs
        Every hand-off, of `HAND_OFFS_SCHEMA`, in order of time.
    declined
        Of `DECLINED_SCHEMA`.
    queue
        The call list of the last publication, of `CALL_LIST_SCHEMA`.
    """

    last_run_at: dt.datetime | None
    hand_offs: pa.Table
    declined: pa.Table
    queue: pa.Table


@dataclass(frozen=True, slots=True)
class SinceHandOff:
    """What became of leads after they were handed off: those that sales `touched`, and those for which it is `over`.

    It is over once the lead was closed or went to nurture: if it opens again, it may be handed off again.
    """

    touched: frozenset[str] = frozenset()
    over: frozenset[str] = frozenset()


NOTHING_BEFORE = CallsBefore(
    None, HAND_OFFS_SCHEMA.empty_table(), DECLINED_SCHEMA.empty_table(), CALL_LIST_SCHEMA.empty_table()
)
"""Before the first publication."""


@dataclass(frozen=True, slots=True, eq=False)
class HandOffState:
    """What decides which leads are handed off: the thresholds in force, and what was published before."""

    thresholds: Thresholds
    before: CallsBefore = NOTHING_BEFORE


class TeamCalls(Record):
    """A team's hand-offs and queue, in leads.

    Attributes
    ----------
    this_week
        What it can work in the ISO week of the list: its capacity, less where the week has holidays.
    handed_off_this_week, handed_off_now
        In that week so far, those of now among them.
    not_touched
        Handed off, now or before, and sales has not touched them.
    waiting, longest_wait_days
        In the queue, and for how long the first of them has been.
    expired_now, resting
        Given up now because they waited too long; and all that rest.
    """

    team: str
    this_week: int
    handed_off_this_week: int
    handed_off_now: int
    not_touched: int
    waiting: int
    longest_wait_days: float
    expired_now: int
    resting: int


@dataclass(frozen=True, slots=True, eq=False)
class CallList:
    """The hand-offs and the queue at `as_of` (UTC, naive).

    Attributes
    ----------
    rows
        Of `CALL_LIST_SCHEMA`, sorted by lead.
    teams
        The counts, in the order of the policy.
    """

    as_of: dt.datetime
    rows: pa.Table
    teams: tuple[TeamCalls, ...]


def no_calls(as_of: dt.datetime) -> CallList:
    """The call list before anything was scored."""
    return CallList(as_of, CALL_LIST_SCHEMA.empty_table(), ())


def team_call_rows(teams: Sequence[TeamCalls]) -> list[dict[str, Any]]:
    """One row a team, for reading."""
    return [
        {
            "team": one.team,
            "handed off now": f"{one.handed_off_now:,}",
            "this week": f"{one.handed_off_this_week:,} of {one.this_week:,}",
            "not touched yet": f"{one.not_touched:,}",
            "waiting": f"{one.waiting:,}",
            "longest wait": f"{one.longest_wait_days:.0f} days" if one.waiting else "",
            "expired now": f"{one.expired_now:,}",
            "resting": f"{one.resting:,}",
        }
        for one in teams
    ]
