"""What a line of the table says."""

import numpy as np

from benchmarks.thresholds import HalfYear, _line


def test_a_line_says_by_how_much_more_came_and_how_many_weeks_lay_in_their_range():
    weeks = HalfYear(
        expected=np.array([10.0, 10.0]),
        low=np.array([8.0, 8.0]),
        high=np.array([12.0, 12.0]),
        came=np.array([12.0, 13.0]),
        as_they_enter=np.array([20.0, 30.0]),
    )
    assert _line("1", weeks).split() == ["1", "10.0", "12.5", "25.0%", "50%", "13", "25.0"]
