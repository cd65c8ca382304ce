import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulation.clock import (
    DAY,
    END,
    HOUR,
    at_business_hours,
    business_hours,
    draw_first_days,
    month_index,
    weekday,
)

times = st.floats(min_value=0, max_value=END)


@given(times)
def test_the_time_of_so_many_working_hours_has_had_so_many_working_hours(time: float):
    hours = business_hours(np.array([time]))
    assert np.allclose(business_hours(at_business_hours(hours)), hours)


@given(times, times)
def test_sales_is_within_a_deadline_exactly_if_its_working_hours_are(called: float, deadline: float):
    hours = business_hours(np.array([called, deadline]))
    if abs(hours[0] - hours[1]) > 1e-6:
        assert (at_business_hours(hours[:1])[0] <= deadline) == (hours[0] < hours[1])


def test_friday_evening_and_monday_morning_are_the_same_working_hour():
    friday_20h, monday_7h = 4 * DAY + 20 * HOUR, 7 * DAY + 7 * HOUR
    assert business_hours(np.array([friday_20h, monday_7h])).tolist() == [5 * 10, 5 * 10]


def test_months_and_weekdays_count_from_the_monday_of_the_start():
    moments = np.array([0.0, 31 * DAY - 1, 31 * DAY, 365 * DAY])  # 1 July 2024, 31 July, 1 August, 1 July 2025
    assert month_index(moments).tolist() == [0, 0, 1, 12]
    assert weekday(moments).tolist() == [0, 2, 3, 1]


def test_fewer_leads_show_up_on_weekends_and_in_august():
    first = draw_first_days(np.random.default_rng(1), 50_000)
    assert (np.diff(first) >= 0).all()
    per_weekday = np.bincount(weekday(first), minlength=7)
    assert per_weekday[5:].max() < per_weekday[:5].min() / 2
    per_month = np.bincount(month_index(first), minlength=24)
    assert per_month[1] < 0.75 * per_month[0]
    assert per_month[13] < 0.75 * per_month[12]
    assert first[0] >= 0
    assert first[-1] < END
