import numpy as np
import pandas as pd
import pytest

from benchmarks.models.references import PRIOR_ROWS, base_rate_by_age, references
from benchmarks.models.tasks import Task


def rows(n: int, *, day: int, n_converted: int, known_at: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day": day,
            "converted": np.arange(n) < n_converted,
            "weight": 1.0,
            "outcome_known_at": pd.Timestamp(known_at),
        }
    )


def test_the_rate_is_that_of_the_day() -> None:
    train = pd.concat(
        [
            rows(400, day=0, n_converted=200, known_at="2024-01-01"),
            rows(400, day=7, n_converted=40, known_at="2024-01-01"),
        ]
    )
    found = base_rate_by_age(train, pd.DataFrame({"day": [0, 7, 99]}))
    overall = 240 / 800
    assert found[0] == pytest.approx((200 + PRIOR_ROWS * overall) / (400 + PRIOR_ROWS), abs=1e-3)
    assert found[1] == pytest.approx((40 + PRIOR_ROWS * overall) / (400 + PRIOR_ROWS), abs=1e-3)
    assert found[2] == pytest.approx(overall, abs=1e-3)


def test_its_level_is_that_of_the_rows_known_last() -> None:
    train = pd.concat(
        [
            rows(300, day=0, n_converted=30, known_at="2024-01-01"),
            rows(100, day=0, n_converted=60, known_at="2024-06-01"),
        ]
    )
    assert base_rate_by_age(train, pd.DataFrame({"day": [0]})) == pytest.approx([60 / 100])


def test_latest_rows_of_one_outcome_move_no_level() -> None:
    train = pd.concat(
        [
            rows(300, day=0, n_converted=30, known_at="2024-01-01"),
            rows(100, day=0, n_converted=0, known_at="2024-06-01"),
        ]
    )
    assert 0 < base_rate_by_age(train, pd.DataFrame({"day": [0]}))[0] < 1


def test_the_base_rate_is_that_of_the_tasks_own_rows(task: Task) -> None:
    base_rate, by_age = references(task)
    assert base_rate.probability == pytest.approx(task.row_sets["task_rows"]["converted"].mean())
    assert len(base_rate.probability) == len(by_age.probability) == len(task.split.test)
