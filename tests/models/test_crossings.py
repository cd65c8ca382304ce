"""A boundary is crossed by a lead once: when it is higher than ever before in the weeks looked at."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.crossings import Crossings, crossings_of

UNTIL = dt.datetime(2026, 5, 1)


def crossings(*rows: tuple[str, int, float], n_weeks: int = 2) -> Crossings:
    """Of leads, the days before `UNTIL`, and the value then."""
    frame = pd.DataFrame(rows, columns=["lead_id", "days_ago", "value"])
    frame["as_of"] = UNTIL - pd.to_timedelta(frame["days_ago"], unit="D")
    told = frame.assign(group_id=frame["lead_id"], p_first=frame["value"], p_win=frame["value"] / 10, amount=1.0)
    value = told.pop("value").to_numpy(dtype=np.float64)
    return crossings_of(told.drop(columns="days_ago"), value, until=UNTIL, n_weeks=n_weeks)


RISES_AND_FALLS = [("a", 12, 0.1), ("a", 9, 0.5), ("a", 5, 0.3), ("a", 2, 0.6)]


@pytest.mark.parametrize(
    ("boundary", "by_week"),
    [
        (0.1, [1, 0]),  # reached as it is first seen, 12 days ago
        (0.4, [1, 0]),  # 9 days ago; 2 days ago it is above once more, which does not count
        (0.6, [0, 1]),
        (0.7, [0, 0]),
    ],
)
def test_a_lead_crosses_a_boundary_in_the_week_in_which_it_first_reaches_it(boundary: float, by_week: list[int]):
    assert crossings(*RISES_AND_FALLS).by_week(boundary).tolist() == by_week


def test_what_was_reached_before_the_weeks_that_count_is_not_crossed_in_them():
    found = crossings(("old", 20, 0.5), ("old", 3, 0.7))
    assert found.by_week(0.4).tolist() == [0, 0]
    assert found.by_week(0.6).tolist() == [0, 1]


def test_whole_weeks_are_counted_back_from_the_end():
    found = crossings(("a", 0, 0.5), ("b", 6, 0.5), ("c", 7, 0.5), ("d", 13, 0.5), ("e", 14, 0.5))
    assert found.by_week(0.5).tolist() == [2, 2]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 27), st.sampled_from([0.1, 0.2, 0.3, 0.4])), min_size=1),
    st.sampled_from([0.1, 0.2, 0.25, 0.4]),
)
def test_a_lead_crosses_a_boundary_once_at_most_and_if_it_reached_it_first_in_the_weeks(rows, boundary):
    found = crossings(*rows).at(boundary)
    assert found["lead_id"].is_unique
    reached: dict[str, int] = {}
    for lead, days_ago, value in rows:
        if value >= boundary:
            reached[lead] = max(reached.get(lead, 0), days_ago)
    assert sorted(found["lead_id"]) == sorted(lead for lead, days_ago in reached.items() if days_ago < 14)
