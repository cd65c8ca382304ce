"""How many leads sales has room for at a moment: capacity is spent by working day and carried over in its week."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.calendar import Days, monday_of
from data_contracts.calls import HandedOffBy
from data_contracts.policy import Policy, Team

Integers = npt.NDArray[np.int64]

_FIRST_MONDAY = np.array("2000-01-03", dtype="M8[D]")
"""Places are counted from here on, so that what is left of a place today is there tomorrow."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Room:
    """The leads that a team can be handed now: by rank, and by lot."""

    by_rank: int
    by_lot: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """A team's places: each working day brings its part of the `leads_per_week`.

    A team of 45 leads a week and five working days has 9 places a day, and 36 in a week with a holiday. A part of a
    place counts on: 2.5 leads a week are two in one week and three in the next.
    """

    team: Team
    policy: Policy

    def this_week(self, as_of: dt.datetime) -> int:
        """The places of the ISO week that `as_of` (UTC, naive) lies in."""
        monday = monday_of(self.policy.calendar.local_day(as_of))
        return int(self._places(monday, monday + 7))

    def room(self, handed_off: pd.DataFrame, *, as_of: dt.datetime, last_run_at: dt.datetime | None) -> Room:
        """What is free at `as_of`.

        Places that nobody took carry over to the later days of the week, so that there is room for a hot lead on
        Thursday. What is left on Sunday is gone, but for days on which nobody was asked: after a week without a run
        there is room for a week. Never are more leads handed off in a week than it has places.

        Parameters
        ----------
        handed_off
            The team's hand-offs up to `as_of`: `handed_off_at` (UTC, naive) and `handed_off_by`.
        last_run_at
            The last publication before `as_of`; None where there was none.
        """
        calendar = self.policy.calendar
        today = calendar.local_day(as_of)
        monday = monday_of(today)
        since = monday if last_run_at is None else np.minimum(monday, calendar.local_day(last_run_at) + 1)
        taken = calendar.local_day(handed_off["handed_off_at"].to_numpy(dtype="M8[us]"))
        is_by_lot = (handed_off["handed_off_by"] == HandedOffBy.LOT).to_numpy()
        free = self._places(since, today + 1) - np.sum(taken >= since)
        left = self._places(monday, monday + 7) - np.sum(taken >= monday)
        room = max(0, int(min(free, left)))
        for_lots = self._places(since, today + 1, share=self.policy.exploration_share)
        by_lot = min(room, max(0, int(for_lots - np.sum(is_by_lot & (taken >= since)))))
        return Room(room - by_lot, by_lot)

    def days_with_room(self, as_of: dt.datetime, *, until: dt.datetime) -> tuple[Days, Integers]:
        """The days after that of `as_of` up to that of `until`, and by each how many places by rank there will be."""
        today, last = (self.policy.calendar.local_day(moment) for moment in (as_of, until))
        days = today + 1 + np.arange(int((last - today).astype(np.int64)))
        places = self._places(today + 1, days + 1)
        return days, np.asarray(places - self._places(today + 1, days + 1, share=self.policy.exploration_share))

    def _places(self, first: Days, end: Days, *, share: float = 1.0) -> Integers:
        """The places of the days from `first` to the one before `end`, or a `share` of them."""
        calendar = self.policy.calendar
        a_day = share * self.team.leads_per_week / len(calendar.working_days)
        before, by_end = (
            np.floor(a_day * calendar.n_working_days(_FIRST_MONDAY, day) + _ROUNDING) for day in (first, end)
        )
        return np.asarray(by_end - before, dtype=np.int64)
