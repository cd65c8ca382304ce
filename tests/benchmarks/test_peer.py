"""Peers that need no more than what our own environment has."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.models.contestants import SAID, ours, peers
from benchmarks.models.ours import main as run_ours
from benchmarks.models.peer import NEAREST, PEERS, main, read_rows
from benchmarks.models.tasks import Task, write_task


@pytest.fixture(scope="module")
def folder(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    write_task(task, folder)
    return folder


@pytest.mark.parametrize("name", ["lightgbm", "logistic_plain", "logistic_regression", "naive_bayes"])
def test_a_peer_learns_what_can_be_learnt(name: str, folder: Path, task: Task, tmp_path: Path) -> None:
    main([name, str(folder), "all_moments", str(tmp_path / "out.parquet")])
    probability = pd.read_parquet(tmp_path / "out.parquet")["probability"]
    assert len(probability) == len(task.split.test)
    # LightGBM as it comes learns least from a few hundred leads.
    assert np.corrcoef(probability, task.split.test["true_p"])[0, 1] > (0.25 if name == "lightgbm" else 0.5)
    assert (tmp_path / "out.txt").read_text().startswith("C " if name == "logistic_regression" else "")


def test_features_that_never_differ_are_left_out(folder: Path) -> None:
    assert "days_in_stage" not in read_rows(folder, "task_rows").numbers
    assert "days_in_stage" in read_rows(folder, "all_moments").numbers


def test_the_loss_on_the_folds_is_that_of_later_rows_by_weight(folder: Path) -> None:
    rows = read_rows(folder, "all_moments")
    asked: list[tuple[np.ndarray, np.ndarray]] = []

    def half(learn: np.ndarray, later: np.ndarray) -> np.ndarray:
        asked.append((learn, later))
        return np.full(len(later), 0.5)

    assert rows.forward_loss(half) == pytest.approx(np.log(2))
    assert len(asked) == rows.n_folds
    for learn, later in asked:
        assert rows.train["outcome_known_at"].iloc[learn].max() <= rows.train["as_of"].iloc[later].min()


def test_a_certain_and_wrong_prediction_costs_much_but_not_infinitely_much(folder: Path) -> None:
    rows = read_rows(folder, "task_rows")
    wrong = rows.forward_loss(lambda _, later: 1.0 - rows.outcome[later])
    assert wrong == pytest.approx(-np.log(NEAREST), rel=1e-3)


@pytest.mark.whole
def test_our_procedure_reads_the_same_files(folder: Path, task: Task, tmp_path: Path) -> None:
    run_ours([str(folder), "all_moments", str(tmp_path / "out.parquet")])
    probability = pd.read_parquet(tmp_path / "out.parquet")["probability"]
    assert np.corrcoef(probability, task.split.test["true_p"])[0, 1] > 0.7
    assert "chosen by forward folds" in (tmp_path / "out.txt").read_text()


def test_every_peer_has_its_words_and_only_those_asked_for_take_part() -> None:
    assert set(PEERS) == set(SAID)
    python = Path("python")
    assert {(one.name, one.row_set) for one in peers(python, ["catboost", "autogluon"])} == {
        ("catboost", "task_rows"),
        ("catboost", "all_moments"),
        ("autogluon", "task_rows"),
    }
    assert [one.row_set for one in ours()] == ["all_moments", "task_rows"]
