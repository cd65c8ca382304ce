import datetime as dt
import re
import tomllib

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data_contracts.calendar import WEEKDAYS, WorkingCalendar, monday_of

EFFORT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

OFFICE = WorkingCalendar()
BERLIN = WorkingCalendar(time_zone="Europe/Berlin")
AROUND_THE_CLOCK = WorkingCalendar(
    time_zone="Europe/Berlin", working_days=WEEKDAYS, from_time=dt.time(0), to_time=dt.time(0)
)
SECOND = 1 / 3600

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Havana", "Australia/Lord_Howe")
DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2027, 12, 31))
MOMENTS = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2027, 12, 31))
HOURS = st.integers(0, 400 * 3600).map(lambda seconds: seconds * SECOND)


def at(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


def calendar_of(content: str) -> WorkingCalendar:
    return WorkingCalendar.model_validate(tomllib.loads(content))


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    from_hour = draw(st.integers(0, 23))
    to_hour = draw(st.integers(from_hour + 1, 24)) % 24
    return WorkingCalendar(
        time_zone=draw(st.sampled_from(ZONES)),
        working_days=tuple(draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))),
        from_time=dt.time(from_hour, draw(st.sampled_from([0, 30]))),
        to_time=dt.time(to_hour, 59 if to_hour else 0),
        holidays=tuple(draw(st.lists(DAYS, max_size=8))),
    )


def test_a_calendar_stands_in_a_settings_file() -> None:
    told = calendar_of(
        """
        time_zone = "America/New_York"
        working_days = ["Monday", "Saturday"]
        from_time = 08:30:00
        to_time = 12:00:00
        holidays = [2026-12-25]
        """
    )
    assert (told.from_time, told.to_time) == (dt.time(8, 30), dt.time(12))
    assert told.holidays == (dt.date(2026, 12, 25),)
    assert WorkingCalendar.model_validate_json(told.model_dump_json()) == told
    assert calendar_of("") == OFFICE
    assert OFFICE.working_days == ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('time_zone = "Europe/Belrin"', "no 'Europe/Belrin'; did you mean 'Europe/Berlin'"),
        ('time_zone = "?"', "it has names like 'Europe/Berlin'"),
        ("working_days = []", "working_days names no day"),
        ('working_days = ["monday"]', "'Monday'"),
        ("from_time = 17:00:00\nto_time = 09:00:00", "to_time 09:00:00 is not after from_time 17:00:00"),
        ("from_time = 09:00:00\nto_time = 09:00:00", "to_time 09:00:00 is not after from_time 09:00:00"),
        ('from_time = "09:00:00Z"', "names a time zone of its own"),
        ("holiday = [2026-12-25]", "Extra inputs"),
    ],
)
def test_what_is_no_calendar_is_refused_with_what_to_do(content: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        calendar_of(content)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-05-08T10:00", 2, "2026-05-08T12:00"),  # a Friday
        ("2026-05-08T16:00", 2, "2026-05-11T10:00"),
        ("2026-05-08T09:00", 8, "2026-05-08T17:00"),  # just the closing
        ("2026-05-08T17:00", 0, "2026-05-11T09:00"),  # closed: the next opening
        ("2026-05-09T12:00", 0, "2026-05-11T09:00"),
        ("2026-05-09T12:00", 8, "2026-05-11T17:00"),
        ("2026-05-08T03:00", 1, "2026-05-08T10:00"),
        ("2026-05-08T10:00", 0, "2026-05-08T10:00"),
        ("2026-05-08T10:00", 40, "2026-05-15T10:00"),
        ("2026-05-08T10:00", 0.5, "2026-05-08T10:30"),
    ],
)
def test_working_hours_pass_in_working_time_alone(start: str, hours: float, end: str) -> None:
    assert OFFICE.add_working_hours(at(start), hours) == at(end)


def test_a_holiday_adds_nothing() -> None:
    ascension = WorkingCalendar(holidays=(dt.date(2026, 5, 14),))
    assert ascension.add_working_hours(at("2026-05-13T16:00"), 2) == at("2026-05-15T10:00")
    assert ascension.working_hours_between(at("2026-05-14"), at("2026-05-15")) == 0


def test_the_hours_are_those_of_the_time_zone_in_summer_and_in_winter() -> None:
    night = np.array([at("2026-01-12T00:00"), at("2026-07-13T00:00")])
    opened = BERLIN.add_working_hours(night, 0)
    assert opened.tolist() == [dt.datetime(2026, 1, 12, 8), dt.datetime(2026, 7, 13, 7)]


@pytest.mark.parametrize(
    ("day", "n_hours"),
    [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25), ("2026-10-24", 24)],
)
def test_a_day_on_which_the_clock_changes_has_an_hour_less_or_more(day: str, n_hours: int) -> None:
    begins = np.datetime64(pd.Timestamp(day, tz="Europe/Berlin").tz_convert(None))
    ends = np.datetime64(pd.Timestamp(day, tz="Europe/Berlin").normalize().tz_convert(None)) + np.timedelta64(
        n_hours, "h"
    )
    assert AROUND_THE_CLOCK.working_hours_between(begins, ends) == n_hours
    first, last, next_day = (AROUND_THE_CLOCK.local_day(m) for m in (begins, ends - np.timedelta64(1, "s"), ends))
    assert first == last == np.datetime64(day)
    assert AROUND_THE_CLOCK.n_working_days(first, next_day) == 1


def test_a_clock_that_changes_outside_working_hours_changes_no_working_time() -> None:
    every_day = BERLIN.model_copy(update={"working_days": WEEKDAYS})
    assert every_day.working_hours_between(at("2026-03-28"), at("2026-03-31")) == 3 * 8


def test_hours_that_the_clock_leaves_out_are_not_worked() -> None:
    night = WorkingCalendar(
        time_zone="Europe/Berlin", working_days=("Sunday",), from_time=dt.time(2, 30), to_time=dt.time(4)
    )
    # 02:00 becomes 03:00 on 2026-03-29: work begins at 03:00, which is 01:00 UTC.
    assert night.add_working_hours(at("2026-03-28"), 0) == at("2026-03-29T01:00")
    assert night.working_hours_between(at("2026-03-28"), at("2026-03-30")) == 1
    assert night.working_hours_between(at("2026-04-04"), at("2026-04-06")) == 1.5


def test_a_day_that_a_zone_leaves_out_is_not_counted_twice() -> None:
    # Samoa went from the end of 2011-12-29 to 2011-12-31.
    samoa = AROUND_THE_CLOCK.model_copy(update={"time_zone": "Pacific/Apia"})
    assert samoa.working_hours_between(at("2011-12-28"), at("2012-01-02")) == 5 * 24


def test_a_day_may_last_until_midnight() -> None:
    late = WorkingCalendar(from_time=dt.time(20), to_time=dt.time(0))
    assert late.add_working_hours(at("2026-05-07T23:00"), 2) == at("2026-05-08T21:00")


@EFFORT
@given(calendar=calendars(), start=MOMENTS, hours=HOURS)
@example(calendar=BERLIN, start=dt.datetime(2026, 3, 27, 16, 30), hours=SECOND)
@example(calendar=AROUND_THE_CLOCK, start=dt.datetime(2026, 10, 25, 0, 30), hours=1.0)
def test_as_many_hours_lie_between_as_were_added(calendar: WorkingCalendar, start: dt.datetime, hours: float) -> None:
    end = calendar.add_working_hours(start, hours)
    assert end >= np.datetime64(start)
    assert float(calendar.working_hours_between(start, end)) == pytest.approx(hours, abs=1e-9)
    assert float(calendar.working_hours_between(end, start)) == pytest.approx(-hours, abs=1e-9)
    again = calendar.add_working_hours(calendar.add_working_hours(start, hours), 1.0)
    assert again == calendar.add_working_hours(start, np.rint(hours * 3600) / 3600 + 1.0)


@EFFORT
@given(calendar=calendars(), start=MOMENTS, later=st.timedeltas(dt.timedelta(0), dt.timedelta(30)), hours=HOURS)
def test_who_starts_later_or_works_longer_ends_no_earlier(
    calendar: WorkingCalendar, start: dt.datetime, later: dt.timedelta, hours: float
) -> None:
    end = calendar.add_working_hours(start, hours)
    assert calendar.add_working_hours(start + later, hours) >= end
    assert calendar.add_working_hours(start, hours + SECOND) > end
    assert 0 <= calendar.working_hours_between(start, start + later) <= later / dt.timedelta(hours=1)


@EFFORT
@given(calendar=calendars(), start=MOMENTS, hours=HOURS)
def test_work_ends_on_a_working_day_within_its_hours(
    calendar: WorkingCalendar, start: dt.datetime, hours: float
) -> None:
    just_before = pd.Timestamp(calendar.add_working_hours(start, hours + SECOND)[()], tz="UTC") - pd.Timedelta("1us")
    local = just_before.tz_convert(calendar.time_zone)
    assert WEEKDAYS[local.weekday()] in calendar.working_days
    assert local.date() not in calendar.holidays
    assert calendar.from_time <= local.time()
    assert calendar.to_time == dt.time(0) or local.time() < calendar.to_time


@EFFORT
@given(calendar=calendars(), moments=st.lists(MOMENTS, max_size=5), hours=HOURS)
def test_many_moments_at_once_give_what_each_gives_alone(
    calendar: WorkingCalendar, moments: list[dt.datetime], hours: float
) -> None:
    together = np.array(moments, dtype="M8[us]")
    alone = [calendar.add_working_hours(moment, hours)[()] for moment in moments]
    assert calendar.add_working_hours(together, hours).tolist() == [each.item() for each in alone]
    assert calendar.local_day(together).tolist() == [calendar.local_day(moment).item() for moment in moments]


def test_a_series_may_have_gaps_and_each_moment_hours_of_its_own() -> None:
    handed_off = pd.Series([at("2026-05-08T10:00"), pd.NaT, at("2026-05-09T12:00")])
    due = OFFICE.add_working_hours(handed_off, np.array([1.0, 1.0, 3.0]))
    assert due.tolist() == [dt.datetime(2026, 5, 8, 11), None, dt.datetime(2026, 5, 11, 12)]
    hours = OFFICE.working_hours_between(handed_off, due)
    assert np.array_equal(hours, [1.0, np.nan, 3.0], equal_nan=True)
    nobody = pd.Series([pd.NaT, pd.NaT], dtype="M8[us]")
    assert np.isnat(OFFICE.add_working_hours(nobody, 1.0)).all()
    assert np.isnan(OFFICE.working_hours_between(nobody, nobody)).all()


@pytest.mark.parametrize("hours", [-1.0, np.nan, np.inf, np.array([1.0, -1.0])])
def test_hours_that_cannot_be_added_are_refused(hours: float) -> None:
    with pytest.raises(ValueError, match="0 or more and finite"):
        OFFICE.add_working_hours(at("2026-05-08T10:00"), hours)


def test_a_week_is_cut_short_by_its_holidays() -> None:
    ascension = WorkingCalendar(holidays=(dt.date(2026, 5, 14), dt.date(2026, 5, 17)))  # a Thursday and a Sunday
    week = np.arange(np.datetime64("2026-05-11"), np.datetime64("2026-05-19"))
    monday = week[0]
    assert monday_of(week).tolist() == [monday.item()] * 7 + [dt.date(2026, 5, 18)]
    assert ascension.n_working_days(monday_of(week), monday_of(week) + 7).tolist() == [4] * 7 + [5]
    assert ascension.n_working_days(monday, week).tolist() == [0, 1, 2, 3, 3, 4, 4, 4]
    assert ascension.n_working_days(week[-1], monday) == -4


def test_a_moment_lies_on_its_local_day() -> None:
    sunday_night = at("2026-05-10T23:00")
    assert OFFICE.local_day(sunday_night) == np.datetime64("2026-05-10")
    assert BERLIN.local_day(sunday_night) == np.datetime64("2026-05-11")


def test_a_missing_moment_lies_on_no_day() -> None:
    with pytest.raises(ValueError, match="a missing moment lies on no day"):
        OFFICE.local_day(np.array([at("2026-05-08"), np.datetime64("NaT")]))
