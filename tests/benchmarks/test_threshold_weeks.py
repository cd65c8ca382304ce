"""The cut that the half-year is judged by, and what a line of the table says."""

import datetime as dt

import numpy as np
import pytest

from benchmarks.thresholds import HalfYear, _line, known_before
from tests.example_history import busy_history

MOMENT = dt.datetime(2026, 4, 1)


@pytest.mark.parametrize(
    ("table", "time"),
    [
        ("leads", "created_at"),
        ("activities", "recorded_at"),
        ("activities", "occurred_at"),
        ("stage_changes", "recorded_at"),
    ],
)
def test_nothing_that_became_known_later_is_left(table: str, time: str):
    whole = busy_history(n_leads=60)
    cut = known_before(whole, MOMENT)
    left = cut.tables[table][time].max().to_pyarrow().as_py()
    assert left < MOMENT <= whole.tables[table][time].max().to_pyarrow().as_py()
    assert cut.extracted_at == MOMENT


def test_a_line_says_by_how_much_more_came_and_how_many_weeks_lay_in_their_range():
    weeks = HalfYear(
        expected=np.array([10.0, 10.0]),
        low=np.array([8.0, 8.0]),
        high=np.array([12.0, 12.0]),
        came=np.array([12.0, 13.0]),
        as_they_enter=np.array([20.0, 30.0]),
    )
    assert _line("1", weeks).split() == ["1", "10.0", "12.5", "25.0%", "50%", "13", "25.0"]
