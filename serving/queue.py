"""The call list: which of the eligible leads are handed off now, and in which order the others wait."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from data_contracts.calendar import monday_of
from data_contracts.calls import (
    CALL_LIST_SCHEMA,
    CallList,
    CallsBefore,
    HandedOffBy,
    Rest,
    SinceHandOff,
    TeamCalls,
)
from data_contracts.policy import Policy, Team
from data_contracts.scores import Action
from data_contracts.thresholds import Thresholds
from serving.candidates import CallCandidates
from serving.capacity import Capacity, Room
from serving.decide import kept_from

_DAY = pd.Timedelta(days=1)


def call_list(
    candidates: CallCandidates,
    before: CallsBefore,
    since: SinceHandOff,
    *,
    thresholds: Thresholds,
    as_of: dt.datetime,
) -> CallList:
    """The hand-offs and the queue at `as_of`.

    ======================================================== ==================================================
    a lead before sales accepted it, not suppressed          is
    ======================================================== ==================================================
    handed off before, and neither closed nor declined since handed off still; `work` once sales touched it
    declined, or expired and not clearly better since        at rest until its recheck date
    at the boundary, or waiting and hardly below it          eligible: the best are handed off while there is room
    eligible for longer than the policy lets it wait         at rest from now on
    eligible otherwise                                       waiting, the best first
    below the boundary, and drawn by lot                     handed off
    ======================================================== ==================================================

    Publishing the list and making it again at the same moment gives the same list.

    Parameters
    ----------
    candidates
        Every lead that could be on the list.
    before
        What was published up to `as_of`.
    since
        What became of leads after they were handed off.
    thresholds
        The boundaries in force with their policy.
    as_of
        The moment (UTC, naive).
    """
    policy = thresholds.policy
    known = _with_past(candidates.leads, before, since, policy=policy, as_of=as_of)
    hand_offs = before.hand_offs.to_pandas()
    listed, counts = [], []
    for team in policy.teams:
        one = _TeamQueue(team, policy, thresholds.boundaries[team.name], as_of)
        handed_off = hand_offs[hand_offs["team"] == team.name]
        room = Capacity(team, policy).room(handed_off, as_of=as_of, last_run_at=before.last_run_at)
        rows = one.listed(known[known["team"] == team.name], room, n_left_out=candidates.n_left_out.get(team.name, 0))
        listed.append(_taken_up(rows, since))
        counts.append(one.counts(listed[-1], handed_off))
    together = pd.concat(listed).sort_values("lead_id", kind="stable")
    columns = {
        field.name: pa.array(together[field.name], type=field.type, from_pandas=True) for field in CALL_LIST_SCHEMA
    }
    return CallList(as_of, pa.table(columns, schema=CALL_LIST_SCHEMA), tuple(counts))


_WAIT, _REST = ("waits_since_at",), ("rests", "rests_since_at", "rested_at_value")
_HAND_OFF = ("handed_off_at", "handed_off_by", "drawn_share", "respond_by_at")


def _with_past(
    leads: pd.DataFrame, before: CallsBefore, since: SinceHandOff, *, policy: Policy, as_of: dt.datetime
) -> pd.DataFrame:
    """`leads` with what was published of each and stands: its hand-off, since when it waits, why it rests."""
    hand_offs = _latest(before.hand_offs, _HAND_OFF)
    hand_offs = hand_offs[~hand_offs.index.isin(since.over)]
    known = leads.set_index("lead_id", drop=False)
    known = known.join(_latest(before.queue, (*_WAIT, *_REST))).join(hand_offs)
    known = known.join(_latest(before.declined, ("at",)).rename(columns={"at": "declined_at"}))
    is_declined = known["declined_at"].notna() & ~(known["handed_off_at"] > known["declined_at"])
    known = _without(known, is_declined, (*_WAIT, *_REST, *_HAND_OFF))
    known["rests"] = known["rests"].mask(is_declined, str(Rest.DECLINED))
    known["rests_since_at"] = known["rests_since_at"].mask(is_declined, known["declined_at"])
    known["recheck_at"] = known["rests_since_at"] + policy.recheck_after_days * _DAY
    is_over = (known["recheck_at"] <= as_of) | ((known["rests"] == Rest.EXPIRED) & _is_better(known, policy))
    return _without(known, is_over, (*_REST, "recheck_at")).reset_index(drop=True)


def _latest(published: pa.Table, columns: tuple[str, ...]) -> pd.DataFrame:
    """The last row of each lead, by its id."""
    rows = published.to_pandas().drop_duplicates("lead_id", keep="last").set_index("lead_id")
    wanted: pd.DataFrame = rows.loc[:, list(columns)]
    return wanted


def _without(known: pd.DataFrame, where: pd.Series, columns: tuple[str, ...]) -> pd.DataFrame:
    """`known` with nothing in `columns` `where` it no longer stands."""
    return known.assign(**{name: known[name].mask(where) for name in columns})


def _is_better(known: pd.DataFrame, policy: Policy) -> pd.Series:
    """Whether each expired lead clearly rose since."""
    rested_at = known["rested_at_value"]
    is_better: pd.Series = known["ranking_value"] > rested_at + policy.keep_within_share * rested_at.abs()
    return is_better


def _taken_up(listed: pd.DataFrame, since: SinceHandOff) -> pd.DataFrame:
    """`listed` with the hand-offs that sales touched as its work."""
    is_worked = listed["handed_off_at"].notna() & listed["lead_id"].isin(since.touched)
    return listed.assign(
        action=listed["action"].mask(is_worked, str(Action.WORK)),
        respond_by_at=listed["respond_by_at"].mask(is_worked),
    )


def _where(values: pd.Series, words: Mapping[HandedOffBy, npt.NDArray[np.bool_]]) -> pd.Series:
    """`values` with each of `words` where it holds; of several, the last."""
    for word, holds in words.items():
        values = values.mask(holds, str(word))
    return values


@dataclass(frozen=True, slots=True)
class _TeamQueue:
    """One team at one moment."""

    team: Team
    policy: Policy
    boundary: float
    as_of: dt.datetime

    def listed(self, leads: pd.DataFrame, room: Room, *, n_left_out: int) -> pd.DataFrame:
        """The rows of the team: whom it has, whom it gets now, who waits and who rests."""
        value, now = leads["ranking_value"], pd.Timestamp(self.as_of)
        stands, rests = leads["handed_off_at"].notna(), leads["rests"].notna()
        waits_since = leads["waits_since_at"].fillna(now)
        in_order = self._in_order(leads[~stands & ~rests])
        first, behind = in_order[: room.by_rank], in_order[room.by_rank :]
        lot = leads["lot"].mask(stands | rests | leads.index.isin(in_order)).dropna()
        drawn = leads.index.isin(lot.nsmallest(room.by_lot).index)
        gives_up_at = waits_since + self.policy.wait_at_most_days * _DAY
        expires = leads.index.isin(behind) & (gives_up_at <= now)
        place = pd.Series(1, index=behind)[~expires[behind]].cumsum().reindex(leads.index)
        waits, handed_off = place.notna(), drawn | leads.index.isin(first)
        actions = [str(Action.HAND_OFF), str(Action.WAIT)]
        rows = leads.assign(
            action=np.select([stands | handed_off, waits], actions, default=str(Action.NURTURE)),
            place=place,
            waits_since_at=waits_since.where(waits),
            expected_at=self._expected(place, gives_up_at),
            handed_off_at=leads["handed_off_at"].mask(handed_off, now),
            handed_off_by=_where(leads["handed_off_by"], {HandedOffBy.RANK: handed_off, HandedOffBy.LOT: drawn}),
            drawn_share=leads["drawn_share"].mask(drawn, drawn.sum() / max(1, len(lot) + n_left_out)),
            respond_by_at=leads["respond_by_at"].mask(handed_off, self._respond_by_at),
            rests=leads["rests"].mask(expires, str(Rest.EXPIRED)),
            rests_since_at=leads["rests_since_at"].mask(expires, now),
            rested_at_value=leads["rested_at_value"].mask(expires, value),
            recheck_at=leads["recheck_at"].mask(expires, now + self.policy.recheck_after_days * _DAY),
        )
        return rows[stands | handed_off | waits | rows["rests"].notna()]

    @property
    def _respond_by_at(self) -> pd.Timestamp:
        """When sales owes the first touch of what is handed off now."""
        hours = self.policy.respond_within_working_hours
        return pd.Timestamp(str(self.policy.calendar.add_working_hours(self.as_of, hours)))

    def _in_order(self, leads: pd.DataFrame) -> pd.Index:
        """The eligible of `leads`, the best first; of equals, the one that has waited longest."""
        kept = kept_from(self.boundary, share=self.policy.keep_within_share)
        least = np.where(leads["waits_since_at"].notna(), kept, self.boundary)
        by = ["ranking_value", "waits_since_at", "lead_id"]
        eligible = leads[leads["ranking_value"] >= least]
        return eligible.sort_values(by, ascending=[False, True, True], kind="stable", na_position="last").index

    def _expected(self, place: pd.Series, gives_up_at: pd.Series) -> pd.Series:
        """The first day on which each place comes up; missing where that is not before the lead gives up."""
        waiting = place.dropna()
        last = max(gives_up_at[waiting.index], default=pd.Timestamp(self.as_of))
        days, room = Capacity(self.team, self.policy).days_with_room(self.as_of, until=last.to_pydatetime())
        found = np.searchsorted(room, waiting.to_numpy(), side="left")
        day = np.append(days, np.datetime64("NaT", "D"))[found]
        expected = pd.Series(day.astype("M8[us]"), index=waiting.index).reindex(place.index)
        return expected.where(expected < gives_up_at)

    def counts(self, listed: pd.DataFrame, handed_off: pd.DataFrame) -> TeamCalls:
        """What there is to say of the team in figures."""
        is_now, waits = listed["handed_off_at"] == self.as_of, listed["action"] == Action.WAIT
        before = handed_off.loc[handed_off["handed_off_at"] < self.as_of, "handed_off_at"]
        days = self.policy.calendar.local_day(before.to_numpy(dtype="M8[us]"))
        monday = monday_of(self.policy.calendar.local_day(self.as_of))
        waited = pd.Timestamp(self.as_of) - listed.loc[waits, "waits_since_at"].min()
        expired = (listed["rests"] == Rest.EXPIRED) & (listed["rests_since_at"] == self.as_of)
        return TeamCalls(
            team=self.team.name,
            this_week=Capacity(self.team, self.policy).this_week(self.as_of),
            handed_off_this_week=int((days >= monday).sum() + is_now.sum()),
            handed_off_now=int(is_now.sum()),
            not_touched=int((listed["action"] == Action.HAND_OFF).sum()),
            waiting=int(waits.sum()),
            longest_wait_days=float(waited / _DAY) if waits.any() else 0.0,
            expired_now=int(expired.sum()),
            resting=int(listed["rests"].notna().sum()),
        )
