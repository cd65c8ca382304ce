"""Working time: when sales is at work, and how much of it lies between two moments."""

import datetime as dt
import difflib
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args
from zoneinfo import available_timezones

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AfterValidator, model_validator

from data_contracts.section import Section

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

Moments = npt.NDArray[np.datetime64] | pd.Series | pd.DatetimeIndex | dt.datetime | np.datetime64
"""One moment or many, UTC and naive."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]

MIDNIGHT = dt.time(0)

MICROSECONDS_PER_HOUR = 3_600_000_000

_NO_MOMENT = np.iinfo(np.int64).min
"""What numpy keeps for a missing moment."""

_WEEK, _THURSDAY = 7, 3
"""Days of a week, and the place of 1970-01-01 in its week, from which numpy counts days."""


def _known_zone(name: str) -> str:
    known = available_timezones()
    if name not in known:
        alike = difflib.get_close_matches(name, sorted(known), n=1)
        meant = f"did you mean {alike[0]!r}?" if alike else "it has names like 'Europe/Berlin'"
        raise ValueError(f"the IANA time zone database has no {name!r}; {meant}")
    return name


def _local(time: dt.time) -> dt.time:
    if time.tzinfo is not None:
        raise ValueError(f"{time} names a time zone of its own; give the local time alone, such as 09:00:00")
    return time


LocalTime = Annotated[dt.time, AfterValidator(_local)]


class WorkingCalendar(Section):
    """When sales is at work: the same hours on each working day that is no holiday.

    Attributes
    ----------
    time_zone
        Its name in the IANA database: in it stand the hours, the days and the holidays.
    working_days
        Days of the week.
    from_time, to_time
        When a working day begins and ends. 00:00 as its end is the midnight after it: both 00:00 are round the clock.
    holidays
        Days without work, whatever day of the week they are.

    Notes
    -----
    A clock that is put forward or back changes the working time of a day only where that happens in working hours. A
    local time that is left out that day is the moment of the change; one that comes twice is the first of the two.
    """

    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    working_days: tuple[Weekday, ...] = WEEKDAYS[:5]
    from_time: LocalTime = dt.time(9)
    to_time: LocalTime = dt.time(17)
    holidays: tuple[dt.date, ...] = ()

    @model_validator(mode="after")
    def _works_at_all(self) -> Self:
        if not self.working_days:
            raise ValueError("working_days names no day; give at least one, such as 'Monday'")
        if self.to_time != MIDNIGHT and self.to_time <= self.from_time:
            raise ValueError(
                f"to_time {self.to_time} is not after from_time {self.from_time}; a working day ends later than it "
                "begins, or at 00:00, the midnight after it"
            )
        return self

    def add_working_hours(self, moments: Moments, hours: float | Floats) -> Days:
        """The moment at which so many working hours have passed since each of `moments`; missing where it is missing.

        A moment outside working time starts at the next opening. Raises `ValueError` where hours are negative or not
        finite.

        >>> friday_at_four = dt.datetime(2026, 5, 8, 16)
        >>> str(WorkingCalendar().add_working_hours(friday_at_four, 2))
        '2026-05-11T10:00:00.000000'
        """
        if not (np.isfinite(hours) & (np.asarray(hours) >= 0)).all():
            raise ValueError(f"working hours to add are 0 or more and finite, not {hours}")
        at, work = np.broadcast_arrays(_counted(moments), _microseconds(hours))
        is_known = at != _NO_MOMENT
        ends = np.full(at.shape, _NO_MOMENT)
        if is_known.any():
            openings = self._openings_for(at[is_known], most=int(work.max()))
            ends[is_known] = openings.after(at[is_known], work[is_known])
        return ends.astype("M8[us]")

    def working_hours_between(self, start: Moments, end: Moments) -> Floats:
        """Working hours from each start to its end; negative where it ends first, NaN where either is missing.

        >>> friday_at_four, monday_at_ten = dt.datetime(2026, 5, 8, 16), dt.datetime(2026, 5, 11, 10)
        >>> float(WorkingCalendar().working_hours_between(friday_at_four, monday_at_ten))
        2.0
        """
        first, last = np.broadcast_arrays(_counted(start), _counted(end))
        is_known = (first != _NO_MOMENT) & (last != _NO_MOMENT)
        hours = np.full(first.shape, np.nan)
        if is_known.any():
            openings = self._openings(np.concatenate([first[is_known], last[is_known]]))
            worked = openings.worked_by(last[is_known]) - openings.worked_by(first[is_known])
            hours[is_known] = worked / MICROSECONDS_PER_HOUR
        return hours

    def local_day(self, moments: Moments) -> Days:
        """The local day that each of `moments` lies in. Raises `ValueError` where one is missing.

        >>> str(WorkingCalendar(time_zone="Europe/Berlin").local_day(dt.datetime(2026, 5, 10, 23)))
        '2026-05-11'
        """
        at = _counted(moments)
        if (at == _NO_MOMENT).any():
            raise ValueError("a missing moment lies on no day; leave it out")
        return np.asarray(self._local_clock(at.ravel()).reshape(at.shape).astype("M8[D]"))

    def n_working_days(self, first: Days, end: Days) -> Integers:
        """How many working days lie from the day `first` to the day before `end`; negative where `end` comes first.

        >>> ascension = WorkingCalendar(holidays=(dt.date(2026, 5, 14),))
        >>> monday = np.datetime64("2026-05-11")
        >>> int(ascension.n_working_days(monday, monday + 7))
        4
        """
        return np.asarray(np.busday_count(first, end, weekmask=self._week_mask, holidays=self._holidays))

    def _local_clock(self, at: Integers) -> Days:
        in_zone = pd.DatetimeIndex(at.astype("M8[us]"), tz="UTC").tz_convert(self.time_zone)
        return in_zone.tz_localize(None).to_numpy()

    @property
    def _week_mask(self) -> list[bool]:
        return [day in self.working_days for day in WEEKDAYS]

    @property
    def _holidays(self) -> Days:
        return np.array(self.holidays, dtype="M8[D]")

    def _openings_for(self, at: Integers, *, most: int) -> "_Openings":
        """The openings from the first of `at` until `most` microseconds of work have passed since the last."""
        n_days = _WEEK
        while True:
            openings = self._openings(at, n_days_more=n_days)
            if openings.total - openings.worked_by(at.max()) > most:
                return openings
            n_days *= 2

    def _openings(self, at: Integers, *, n_days_more: int = 0) -> "_Openings":
        """The openings around all of `at`, and of so many days more."""
        # Two days to either side: local days begin up to a day before or after those of UTC.
        first, last = (np.datetime64(int(end), "us").astype("M8[D]") for end in (at.min(), at.max()))
        days = np.arange(first - 2, last + 3 + n_days_more)
        days = days[np.is_busday(days, weekmask=self._week_mask, holidays=self._holidays)]
        ends_on = days + 1 if self.to_time == MIDNIGHT else days
        return _Openings.of(self._in_utc(days, self.from_time), self._in_utc(ends_on, self.to_time))

    def _in_utc(self, days: Days, time: dt.time) -> Integers:
        since_midnight = np.datetime64(f"1970-01-01T{time}", "us") - np.datetime64(0, "us")
        clock = pd.DatetimeIndex(days.astype("M8[us]") + since_midnight)
        first_of_two = np.ones(len(clock), dtype=bool)
        in_zone = clock.tz_localize(self.time_zone, ambiguous=first_of_two, nonexistent="shift_forward")
        return _counted(in_zone.tz_convert("UTC").tz_localize(None))


@dataclass(frozen=True, slots=True, eq=False)
class _Openings:
    """Stretches of working time, one after the other, in microseconds since 1970 (UTC).

    Attributes
    ----------
    opens
        When each begins.
    worked_before
        The working time of all stretches before it, and at the end that of all.
    """

    opens: Integers
    worked_before: Integers

    @classmethod
    def of(cls, opens: Integers, closes: Integers) -> "_Openings":
        """The stretches from each of `opens` to its one of `closes`. What lies in the one before counts once.

        Hours that a clock leaves out make no stretch, and a zone may leave out a whole day (Samoa, 2011-12-30).
        """
        starts = np.maximum(opens, np.concatenate([opens[:1], np.maximum.accumulate(closes)[:-1]]))
        is_open = closes > starts
        lengths = (closes - starts)[is_open]
        return cls(starts[is_open], np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]))

    @property
    def total(self) -> int:
        """The working time of all stretches."""
        return int(self.worked_before[-1])

    def worked_by(self, at: Integers | np.int64) -> Integers:
        """The working time that has passed by `at` since the first opening."""
        if not len(self.opens):
            return np.zeros_like(at)
        place = np.maximum(np.searchsorted(self.opens, at, side="right") - 1, 0)
        length = self.worked_before[place + 1] - self.worked_before[place]
        return np.asarray(self.worked_before[place] + np.clip(at - self.opens[place], 0, length))

    def after(self, at: Integers, work: Integers) -> Integers:
        """The moments at which `work` has passed since `at`. The stretches go on beyond them."""
        before = self.worked_by(at)
        # Nothing to do ends at once in working time, and outside it at the next opening: never at the last closing.
        start = np.maximum(at, self._moment_of(before, side="right"))
        return np.maximum(start, self._moment_of(before + work, side="left"))

    def _moment_of(self, worked: Integers, *, side: Literal["left", "right"]) -> Integers:
        """When `worked` has passed: at a closing, that closing (`left`) or the next opening (`right`)."""
        place = np.maximum(np.searchsorted(self.worked_before, worked, side=side) - 1, 0)
        return np.asarray(self.opens[place] + worked - self.worked_before[place])


def _counted(moments: Moments) -> Integers:
    """Microseconds since 1970."""
    return np.asarray(moments, dtype="M8[us]").astype(np.int64)


def _microseconds(hours: float | Floats) -> Integers:
    return np.rint(np.asarray(hours, dtype=np.float64) * MICROSECONDS_PER_HOUR).astype(np.int64)


def monday_of(day: Days) -> Days:
    """The Monday of the ISO week (Monday to Sunday) of each day.

    >>> str(monday_of(np.datetime64("2026-05-17")))
    '2026-05-11'
    """
    return np.asarray(day - (day.astype(np.int64) + _THURSDAY) % _WEEK)
