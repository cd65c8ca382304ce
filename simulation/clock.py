"""The simulated calendar: when leads show up, and the hours in which sales works.

Times are seconds since `START` (a Monday, midnight UTC) as float64; sales works Monday to Friday, 8 to 18 h.
"""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

START = dt.datetime.fromisoformat("2024-07-01T00:00:00")
EXPORTED_AT = dt.datetime.fromisoformat("2026-06-30T18:00:00")

HOUR, DAY, WEEK = 3600.0, 86400.0, 7 * 86400.0
END = (EXPORTED_AT - START).total_seconds()
OPENS, HOURS_A_DAY, HOURS_A_WEEK = 8.0, 10.0, 50.0

WEEKDAY_WEIGHT = np.array([1.0, 1.05, 1.05, 1.0, 0.9, 0.25, 0.2])
GROWTH = 0.3
"""The number of new leads a day grows by this share over the simulated time."""


def moment(day: str) -> float:
    """Seconds from `START` to the beginning of `day`, an ISO date.

    >>> moment("2024-07-03") / DAY
    2.0
    """
    return (dt.datetime.fromisoformat(day) - START).total_seconds()


def business_hours(times: Floats) -> Floats:
    """Working hours between `START` and each time.

    >>> business_hours(np.array([9 * HOUR, DAY, 6 * DAY, 7 * DAY]))  # Monday 9 h, Tuesday, Sunday, Monday
    array([ 1., 10., 50., 50.])
    """
    week, rest = np.divmod(times, WEEK)
    day, of_day = np.divmod(rest, DAY)
    today = np.where(day < 5, np.clip(of_day / HOUR - OPENS, 0.0, HOURS_A_DAY), 0.0)
    return np.asarray(week * HOURS_A_WEEK + np.minimum(day, 5) * HOURS_A_DAY + today)


def at_business_hours(hours: Floats) -> Floats:
    """The time at which so many working hours have passed: the inverse of `business_hours` within working hours.

    >>> at_business_hours(np.array([1.0, 10.0])) / HOUR
    array([ 9., 32.])
    """
    week, rest = np.divmod(hours, HOURS_A_WEEK)
    day, of_day = np.divmod(rest, HOURS_A_DAY)
    return np.asarray(week * WEEK + day * DAY + (OPENS + of_day) * HOUR)


def month_index(times: Floats) -> Ints:
    """Calendar month of each time, 0 for the month of `START`."""
    moments = np.datetime64(START, "s") + np.floor(times).astype("timedelta64[s]")
    months = moments.astype("datetime64[M]") - np.datetime64(START, "M")
    return months.astype(np.int64)


def weekday(times: Floats) -> Ints:
    """Day of the week of each time, 0 for Monday."""
    return (times // DAY).astype(np.int64) % 7


def season(times: Floats) -> Floats:
    """How lively business is: 1 in most months, less in August and in December."""
    month_of_year = (month_index(times) + START.month - 1) % 12
    return np.select([month_of_year == 7, month_of_year == 11], [0.6, 0.7], 1.0)


def draw_first_days(rng: np.random.Generator, n: int) -> Floats:
    """`n` times at which groups of leads show up, in order: weekdays, seasons and growth as in `season`."""
    days: Floats = np.arange(END // DAY) * DAY
    weight = WEEKDAY_WEIGHT[weekday(days)] * season(days) * (1 + GROWTH * days / END)
    cumulated = np.cumsum(weight)
    drawn = np.searchsorted(cumulated, rng.random(n) * cumulated[-1], side="right")
    return np.sort(days[drawn] + of_day(rng, n))


def of_day(rng: np.random.Generator, n: int) -> Floats:
    """`n` times within a day, in whole seconds, most of them around noon."""
    return np.floor(np.clip(rng.normal(12.5, 3.2, n), 0, 23.99) * HOUR)


def off_weekends(rng: np.random.Generator, times: Floats) -> Floats:
    """`times` of which three quarters of those on a weekend are moved to the next Monday or Tuesday."""
    moved = (weekday(times) >= 5) & (rng.random(len(times)) < 0.75)
    return np.where(moved, times + 2 * DAY, times)
