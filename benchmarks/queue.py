"""The call list, day by day, in the weeks of a simulated half-year: is capacity kept and used, how long do leads wait?

`python -m benchmarks.thresholds` plays it under the thresholds of each week.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.calendar import monday_of
from data_contracts.calls import HAND_OFFS_SCHEMA, NOTHING_BEFORE, CallList, CallsBefore, SinceHandOff
from data_contracts.history import CrmHistory
from data_contracts.past_scores import P_FIRST
from data_contracts.scores import Action
from data_contracts.thresholds import Thresholds
from data_contracts.vocabulary import CLOSED_STAGES, Stage
from serving.candidates import COLUMNS, call_candidates
from serving.queue import call_list

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QueueWeeks:
    """One figure an ISO week that lies whole in the half-year, but for `oldest_days` and `expired`: one a day.

    `places` are those of the week, `eligible` the leads that were handed off in it or still waited at its end.
    """

    places: np.ndarray
    handed_off: np.ndarray
    eligible: np.ndarray
    waiting: np.ndarray
    oldest_days: np.ndarray
    expired: np.ndarray

    @property
    def is_kept(self) -> bool:
        """Whether no week had more hand-offs than places."""
        return bool((self.handed_off <= self.places).all())

    @property
    def least_used(self) -> float:
        """The least share of the places that was taken in a week with enough eligible leads; 1 without such a week."""
        enough = self.eligible >= self.places
        return float((self.handed_off[enough] / self.places[enough]).min(initial=1.0))


def open_scores(scores: pd.DataFrame, leads: pd.DataFrame, history: CrmHistory) -> pd.DataFrame:
    """`scores` of leads that are not suppressed, with `team` and `open_until`: when it was known that the lead was with
    sales or closed.
    """
    told = scores.merge(leads.loc[leads["suppressed_by"].isna(), ["lead_id", "team"]], on="lead_id")
    ends = _entries(history, [stage for stage in Stage if stage not in (Stage.LEAD, Stage.MQL)])
    ends = ends.rename(columns={"at": "open_until"}).sort_values("open_until")
    return pd.merge_asof(
        told.sort_values("as_of"), ends, left_on="as_of", right_on="open_until", by="lead_id", direction="forward"
    )


def played(
    scores: pd.DataFrame, history: CrmHistory, by_week: Sequence[Thresholds], *, start: dt.datetime
) -> QueueWeeks:
    """The call list of each day since `start`, made and published, under the thresholds of its week.

    Parameters
    ----------
    scores
        What `open_scores` returns.
    history
        Says when a lead was closed after its hand-off.
    """
    closed, before = _entries(history, list(CLOSED_STAGES)), NOTHING_BEFORE
    days: list[CallList] = []
    for number in range(7 * len(by_week)):
        now, thresholds = start + number * DAY, by_week[number // 7]
        candidates = call_candidates([_of_day(scores, now, thresholds)], before, policy=thresholds.policy, as_of=now)
        since = SinceHandOff(over=_over(before, closed, now))
        calls = call_list(candidates, before, since, thresholds=thresholds, as_of=now)
        days.append(calls)
        before = _after(before, calls)
    return _weeks(days, by_week[0])


def _of_day(scores: pd.DataFrame, now: dt.datetime, thresholds: Thresholds) -> pa.RecordBatch:
    """The last score of each lead that is open `now`. Every open lead has one in each seven days."""
    known = scores[(scores["as_of"] <= now) & (scores["as_of"] > now - 7 * DAY)]
    last = known.drop_duplicates("lead_id", keep="last")
    last = last[~(last["open_until"] <= now)]
    boundary = last["team"].map(thresholds.boundaries)
    action = np.where(last[P_FIRST] >= boundary, str(Action.WAIT), str(Action.NURTURE))
    told = last.assign(ranking_value=last[P_FIRST], action=action)[COLUMNS]
    types = {"ranking_value": pa.float64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
    return pa.RecordBatch.from_pandas(told, schema=schema, preserve_index=False)


def _entries(history: CrmHistory, stages: Sequence[Stage]) -> pd.DataFrame:
    """`lead_id` and `at`: when it was known that the lead entered one of `stages`."""
    changes = history.stage_changes
    asked = changes.filter(changes.stage.isin([stage.value for stage in stages]))
    frame: pd.DataFrame = asked.select("lead_id", "entered_at", "recorded_at").to_pyarrow().to_pandas()
    return pd.DataFrame({"lead_id": frame["lead_id"], "at": frame[["entered_at", "recorded_at"]].max(axis=1)})


def _over(before: CallsBefore, closed: pd.DataFrame, now: dt.datetime) -> frozenset[str]:
    handed_off = before.hand_offs.to_pandas().drop_duplicates("lead_id", keep="last")
    both = handed_off.merge(closed[closed["at"] < now], on="lead_id")
    return frozenset(both.loc[both["at"] >= both["handed_off_at"], "lead_id"])


def _after(before: CallsBefore, calls: CallList) -> CallsBefore:
    new = calls.rows.filter(pc.equal(calls.rows["handed_off_at"], pa.scalar(calls.as_of, pa.timestamp("us"))))
    hand_offs = pa.concat_tables([before.hand_offs, new.select(HAND_OFFS_SCHEMA.names)])
    return replace(before, last_run_at=calls.as_of, hand_offs=hand_offs, queue=calls.rows)


def _weeks(days: Sequence[CallList], thresholds: Thresholds) -> QueueWeeks:
    calendar = thresholds.policy.calendar
    told = pd.DataFrame(
        {
            "week": monday_of(calendar.local_day(np.array([day.as_of for day in days], dtype="M8[us]"))),
            "places": [sum(team.this_week for team in day.teams) for day in days],
            "handed_off": [sum(team.handed_off_now for team in day.teams) for day in days],
            "waiting": [sum(team.waiting for team in day.teams) for day in days],
            "oldest_days": [max(team.longest_wait_days for team in day.teams) for day in days],
            "expired": [sum(team.expired_now for team in day.teams) for day in days],
        }
    )
    by_week = told.groupby("week").agg(
        n=("places", "size"), places=("places", "first"), handed_off=("handed_off", "sum"), waiting=("waiting", "last")
    )
    whole = by_week[by_week["n"] == 7]
    return QueueWeeks(
        places=whole["places"].to_numpy(),
        handed_off=whole["handed_off"].to_numpy(),
        eligible=(whole["handed_off"] + whole["waiting"]).to_numpy(),
        waiting=whole["waiting"].to_numpy(),
        oldest_days=told["oldest_days"].to_numpy(),
        expired=told["expired"].to_numpy(),
    )
