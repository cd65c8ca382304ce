from dataclasses import replace

import numpy as np
import pytest

from benchmarks.models.contestants import Contestant
from benchmarks.models.figures import Result, result_of
from benchmarks.models.page import Surroundings, page, verdict
from benchmarks.models.runs import Effort, Run
from benchmarks.models.tasks import Task
from models.split import converted_or_not

EFFORT = Effort(cpu_seconds=1.25, wall_seconds=2.0, failed_because=None, chosen="C 0.1")


def run_of(name: str, probability: np.ndarray | None, *, failed_because: str | None = None) -> Run:
    effort = replace(EFFORT, failed_because=failed_because, chosen="" if failed_because else EFFORT.chosen)
    return Run(Contestant(name, name, "task_rows", (), ()), effort, probability)


@pytest.fixture(scope="module")
def result(task: Task) -> Result:
    """Ours knows the truth, one peer is dim, one is blind, one has failed."""
    truth = task.split.test["true_p"].to_numpy()
    blind = np.full(len(truth), 0.01)
    return result_of(
        task,
        [
            run_of("blind", blind),
            run_of("dim", (truth + 0.3) / 1.6),
            run_of("broken", None, failed_because="ran out of memory"),
            run_of("ours", truth),
        ],
    )


def test_ours_stands_first_then_peers_by_log_loss_then_the_references(result: Result) -> None:
    keys = [one.key for one in result.standings]
    assert keys[0] == "ours-task_rows"
    assert keys[-3:] == ["broken-task_rows", "base_rate", "base_rate_by_age"]
    losses = [one.figures.log_loss.value for one in result.standings[1:3] if one.figures]
    assert losses == sorted(losses)
    assert result.best_peer == keys[1]


def test_a_difference_is_that_of_the_mean_log_losses(task: Task, result: Result) -> None:
    outcome, truth = converted_or_not(task.split.test), task.split.test["true_p"].to_numpy()

    def loss(p: np.ndarray) -> float:
        return float(-np.mean(outcome * np.log(p) + (1 - outcome) * np.log(1 - p)))

    best = {"dim-task_rows": (truth + 0.3) / 1.6, "blind-task_rows": np.full(len(truth), 0.01)}[str(result.best_peer)]
    ours = result.standing("ours-task_rows").from_best_peer
    assert ours is not None
    assert ours.value == pytest.approx(loss(truth) - loss(best))
    assert ours.low < ours.value < ours.high


def test_nobody_is_compared_with_itself(result: Result) -> None:
    assert result.standing(str(result.best_peer)).from_best_peer is None
    assert result.standing("base_rate_by_age").from_base_rate_by_age is None
    assert result.standing("base_rate").from_base_rate_by_age is not None


def test_a_peer_equal_to_ours_cannot_be_told_from_it(task: Task) -> None:
    truth = task.split.test["true_p"].to_numpy()
    result = result_of(task, [run_of("ours", truth), run_of("twin", truth)])
    difference = result.standing("ours-task_rows").from_best_peer
    assert difference is not None
    assert (difference.low, difference.value, difference.high) == (0, 0, 0)
    assert "cannot be told from the best peer (twin, task's rows)" in verdict(result)


def test_the_page_says_where_ours_loses(task: Task) -> None:
    truth = task.split.test["true_p"].to_numpy()
    result = result_of(task, [run_of("ours", np.full(len(truth), 0.99)), run_of("peer", truth)])
    assert "**loses** to the best peer (peer, task's rows)" in verdict(result)
    assert "and **loses** to the base rate by age." in verdict(result)


def test_a_remark_is_shown_only_where_ours_loses(task: Task) -> None:
    remarked, truth = replace(task, remark="Because."), task.split.test["true_p"].to_numpy()
    bad = np.full(len(truth), 0.99)
    assert "Because." in verdict(result_of(remarked, [run_of("ours", bad), run_of("peer", truth)]))
    assert "Because." not in verdict(result_of(remarked, [run_of("ours", truth), run_of("peer", bad)]))


def test_the_page_begins_with_ours_as_shipped_beside_the_best_peer(result: Result) -> None:
    text = page([result], surroundings=Surroundings({}, {}, n_threads=1))
    (line,) = (line for line in text.splitlines() if line.startswith("| `weekly` |"))
    assert "task's rows" in line
    assert line.count("|") == 7


def test_without_any_peer_ours_stands_beside_the_references(task: Task) -> None:
    truth = task.split.test["true_p"].to_numpy()
    result = result_of(task, [run_of("ours", truth), run_of("broken", None, failed_because="no")])
    assert result.best_peer is None
    assert "best peer" not in verdict(result)
    assert "base rate by age" in verdict(result)


def test_the_page_has_a_row_a_model_the_failure_the_versions_and_what_was_chosen(task: Task, result: Result) -> None:
    text = page([result], surroundings=Surroundings({"numpy": "2.4"}, {"catboost": "1.2"}, n_threads=1))
    assert "## Weekly leads: do they convert?" in text
    assert f"{len(task.split.test):,} to judge" in text
    rows = [line for line in text.splitlines() if line.startswith(("| **ours**", "| dim", "| blind", "| broken"))]
    assert len(rows) == 4
    assert all(line.count("|") == 11 for line in rows)
    assert "| broken | task's rows | failed |" in text
    assert "- broken, task's rows failed: ran out of memory" in text
    assert "Ours: numpy 2.4. Peers: catboost 1.2." in text
    assert "- dim, task's rows: C 0.1" in text
    assert "| 1.2 |" in text
