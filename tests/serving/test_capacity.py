import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_contracts.calendar import WorkingCalendar
from data_contracts.policy import Policy, Team
from serving.capacity import Capacity, Room

MONDAY = dt.datetime(2026, 6, 1, 6)
DAYS = {day: MONDAY + dt.timedelta(days=place) for place, day in enumerate(["mon", "tue", "wed", "thu", "fri", "sat"])}
NEXT_MONDAY = MONDAY + dt.timedelta(weeks=1)


def capacity(leads_per_week: float = 10, *, explores: float = 0.0, **calendar) -> Capacity:
    team = Team(name="sales", leads_per_week=leads_per_week)
    policy = Policy(
        version="1", teams=(team,), exploration_share=explores, calendar=WorkingCalendar(**{"holidays": (), **calendar})
    )
    return Capacity(team, policy)


def handed_off(*moments: dt.datetime, by: str = "rank") -> pd.DataFrame:
    return pd.DataFrame({"handed_off_at": np.array(moments, dtype="M8[us]"), "handed_off_by": [by] * len(moments)})


NOBODY = handed_off()


@pytest.mark.parametrize(("day", "places"), [("mon", 2), ("tue", 4), ("thu", 8), ("fri", 10), ("sat", 10)])
def test_places_that_nobody_took_carry_over_to_later_days_of_the_week(day: str, places: int) -> None:
    assert capacity().room(NOBODY, as_of=DAYS[day], last_run_at=None) == Room(places, 0)


def test_what_was_handed_off_this_week_is_taken() -> None:
    taken = handed_off(*[DAYS["mon"]] * 2, *[DAYS["tue"]] * 1)
    assert capacity().room(taken, as_of=DAYS["thu"], last_run_at=DAYS["wed"]).by_rank == 8 - 3
    assert capacity().room(taken, as_of=DAYS["tue"], last_run_at=DAYS["mon"]).by_rank == 4 - 3


def test_what_was_left_on_friday_is_gone_on_monday() -> None:
    assert capacity().room(NOBODY, as_of=NEXT_MONDAY, last_run_at=DAYS["fri"]).by_rank == 2


def test_a_run_a_week_has_room_for_a_week() -> None:
    taken = handed_off(*[MONDAY] * 10)
    assert capacity().room(taken, as_of=NEXT_MONDAY, last_run_at=MONDAY).by_rank == 10
    assert capacity().room(taken, as_of=DAYS["tue"], last_run_at=MONDAY).by_rank == 0


def test_no_week_gets_more_than_its_places_after_days_without_a_run() -> None:
    long_ago = MONDAY - dt.timedelta(weeks=5)
    assert capacity().room(NOBODY, as_of=MONDAY, last_run_at=long_ago).by_rank == 10


def test_a_holiday_brings_no_places() -> None:
    short = capacity(holidays=(dt.date(2026, 6, 4),))
    assert short.this_week(MONDAY) == 4 * 2
    assert short.room(NOBODY, as_of=DAYS["thu"], last_run_at=None).by_rank == 3 * 2


def test_a_part_of_a_place_counts_on() -> None:
    weeks = [MONDAY + dt.timedelta(weeks=week) for week in range(4)]
    assert sorted(capacity(2.5).this_week(week) for week in weeks) == [2, 2, 3, 3]
    assert [capacity(7).this_week(week) for week in weeks] == [7] * 4


def test_the_week_is_that_where_sales_works() -> None:
    sunday_night = dt.datetime(2026, 6, 7, 23)
    in_berlin = capacity(time_zone="Europe/Berlin")
    assert capacity().room(NOBODY, as_of=sunday_night, last_run_at=None).by_rank == 10
    assert in_berlin.room(NOBODY, as_of=sunday_night, last_run_at=None).by_rank == 2


def test_a_share_of_the_places_is_for_leads_drawn_by_lot() -> None:
    exploring = capacity(explores=0.2)
    assert exploring.room(NOBODY, as_of=DAYS["fri"], last_run_at=None) == Room(8, 2)
    assert exploring.room(handed_off(MONDAY, by="lot"), as_of=DAYS["fri"], last_run_at=None) == Room(8, 1)
    assert exploring.room(handed_off(*[MONDAY] * 9), as_of=DAYS["fri"], last_run_at=None) == Room(0, 1)


def test_places_come_up_on_working_days_that_follow() -> None:
    days, places = capacity().days_with_room(DAYS["thu"], until=NEXT_MONDAY)
    assert days.tolist() == [dt.date(2026, 6, day) for day in (5, 6, 7, 8)]
    assert places.tolist() == [2, 2, 2, 4]
