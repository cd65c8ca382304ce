import pytest

from benchmarks.models.references import references
from benchmarks.models.tasks import Task
from models.base_rate import base_rate_at, fit_base_rate_by_age


def test_the_base_rate_is_that_of_the_tasks_own_rows(task: Task) -> None:
    base_rate, _ = references(task)
    assert base_rate.probability == pytest.approx(task.row_sets["task_rows"]["converted"].mean())


def test_the_base_rate_by_age_is_ours_learnt_from_all_moments(task: Task) -> None:
    _, by_age = references(task)
    expected = base_rate_at(fit_base_rate_by_age(task.split.train), task.split.test)
    assert by_age.probability.tolist() == expected.tolist()
