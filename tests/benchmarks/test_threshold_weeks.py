"""What a line of the table says."""

import numpy as np

from benchmarks.queue import QueueWeeks
from benchmarks.thresholds import HalfYear, _line, _together


def test_a_line_says_by_how_much_more_came_and_how_many_weeks_lay_in_their_range():
    weeks = HalfYear(
        expected=np.array([10.0, 10.0]),
        low=np.array([8.0, 8.0]),
        high=np.array([12.0, 12.0]),
        came=np.array([12.0, 13.0]),
        as_they_enter=np.array([20.0, 30.0]),
        queue=QueueWeeks(
            places=np.array([10, 8]),
            handed_off=np.array([10, 6]),
            eligible=np.array([14, 8]),
            waiting=np.array([4, 2]),
            oldest_days=np.array([0.0, 3.4]),
            expired=np.array([0, 1]),
        ),
    )
    told = ["1", "10.0", "12.5", "25.0%", "50%", "25.0", "9.0", "8.0", "yes", "75%", "3.0", "3", "d", "3.5"]
    assert _line("1", weeks).split() == told
    assert _line("1", _together([weeks, weeks])).split() == told
