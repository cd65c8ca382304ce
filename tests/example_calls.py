"""A world of leads for the call list: who has which value, day by day, and what was published."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.calendar import WorkingCalendar
from data_contracts.calls import (
    DECLINED_SCHEMA,
    HAND_OFFS_SCHEMA,
    NOTHING_BEFORE,
    CallList,
    CallsBefore,
    SinceHandOff,
)
from data_contracts.policy import Policy, Team
from data_contracts.thresholds import TeamThreshold, Thresholds
from serving.candidates import call_candidates
from serving.queue import call_list

NOTHING_SINCE = SinceHandOff()
MONDAY = dt.datetime(2026, 6, 1, 6)


def day(number: int) -> dt.datetime:
    """06:00 UTC on the `number`-th day of June 2026; the first is a Monday."""
    return MONDAY + dt.timedelta(days=number - 1)


def sales(
    leads_per_week: float = 5, *, boundary: float = 0.5, teams: tuple[Team, ...] = (), **policy: Any
) -> Thresholds:
    """Thresholds of one team that works the clock round from Monday to Friday, or of `teams`."""
    teams = teams or (Team(name="sales", leads_per_week=leads_per_week),)
    around_the_clock = WorkingCalendar(from_time=dt.time(0), to_time=dt.time(0))
    return Thresholds(
        release_id="r1",
        policy=Policy(version="1", teams=teams, calendar=around_the_clock, **policy),
        data_fingerprint="d1",
        as_of=MONDAY,
        teams=tuple(
            TeamThreshold(
                team=team.name, leads_per_week=team.leads_per_week, boundary=boundary, expected=None, said="It is so."
            )
            for team in teams
        ),
    )


def scores(values: Mapping[str, float], *, boundary: float = 0.5, **given: Mapping[str, str]) -> pa.RecordBatch:
    """What a scoring says of leads by their value; `team` and `action` of some may be given."""
    teams, actions = given.get("team", {}), given.get("action", {})
    rows = [
        {
            "lead_id": lead,
            "team": teams.get(lead, "sales"),
            "ranking_value": value,
            "action": actions.get(lead, "wait" if value >= boundary else "nurture"),
        }
        for lead, value in values.items()
    ]
    types = [("lead_id", pa.string()), ("team", pa.string()), ("ranking_value", pa.float64()), ("action", pa.string())]
    return pa.RecordBatch.from_pylist(rows, schema=pa.schema(types))


def listed(
    values: Mapping[str, float],
    before: CallsBefore = NOTHING_BEFORE,
    *,
    at: dt.datetime,
    thresholds: Thresholds | None = None,
    since: SinceHandOff = NOTHING_SINCE,
    **given: Mapping[str, str],
) -> CallList:
    """The call list of leads with these `values`."""
    thresholds = thresholds or sales()
    batch = scores(values, boundary=next(iter(thresholds.boundaries.values())), **given)
    candidates = call_candidates([batch], before, policy=thresholds.policy, as_of=at)
    return call_list(candidates, before, since, thresholds=thresholds, as_of=at)


def published(calls: CallList, before: CallsBefore = NOTHING_BEFORE, *, next_at: dt.datetime) -> CallsBefore:
    """What stands before a run at `next_at`, once `calls` is published too."""
    new = calls.rows.filter(pc.equal(calls.rows["handed_off_at"], pa.scalar(calls.as_of, pa.timestamp("us"))))
    new = new.select(HAND_OFFS_SCHEMA.names)
    known = before.hand_offs.to_pylist()
    return replace(
        before,
        last_run_at=calls.as_of if calls.as_of < next_at else before.last_run_at,
        hand_offs=pa.Table.from_pylist(
            [*known, *(row for row in new.to_pylist() if row not in known)], schema=HAND_OFFS_SCHEMA
        ),
        queue=calls.rows,
    )


def declined(before: CallsBefore, lead_id: str, *, at: dt.datetime) -> CallsBefore:
    """`before` and a seller's word on a lead."""
    word = {"lead_id": lead_id, "at": at, "by": "seller", "because": "a student"}
    return replace(
        before, declined=pa.concat_tables([before.declined, pa.Table.from_pylist([word], schema=DECLINED_SCHEMA)])
    )


def row(calls: CallList, lead_id: str) -> dict[str, Any]:
    """What the list says of one lead; nothing where it is not on it."""
    found = [row for row in calls.rows.to_pylist() if row["lead_id"] == lead_id]
    return found[0] if found else {}


def actions(calls: CallList) -> dict[str, str]:
    """The action of each lead on the list."""
    return {row["lead_id"]: row["action"] for row in calls.rows.to_pylist()}
