import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.models.tasks import LATER, LEARN, OUTCOMES, Task, task_of, write_task, young_file
from models.split import Split, forward_folds


def test_the_test_rows_are_those_of_the_day_and_each_weighs_1(task: Task) -> None:
    assert set(task.split.test["days_in_stage"]) == {14.0}
    assert set(task.split.test["weight"]) == {1.0}


def test_the_tasks_rows_are_those_of_the_day_and_all_moments_keep_their_weights(task: Task) -> None:
    sets = task.row_sets
    assert set(sets["task_rows"]["days_in_stage"]) == {14.0}
    assert set(sets["task_rows"]["weight"]) == {1.0}
    assert len(sets["all_moments"]) == len(task.split.train) > len(sets["task_rows"])
    assert set(sets["all_moments"].loc[sets["all_moments"]["days_in_stage"] == 14.0, "weight"]) == {1 / 3}


def test_leads_that_are_looked_at_once_give_one_set_of_rows(task: Task) -> None:
    entries = task.table.frame[task.table.frame["days_in_stage"] == 0]
    split = Split(train=entries.head(50), test=entries.tail(50), test_from=task.split.test_from)
    once = task_of("once", "", note="", table=task.table, split=split, day=0)
    assert list(once.row_sets) == ["task_rows"]


def test_young_leads_are_told_as_they_were_known_when_the_test_begins(task: Task, tmp_path: Path) -> None:
    write_task(task, tmp_path)
    young = pd.read_parquet(tmp_path / young_file("all_moments"))
    assert (young["as_of"] < task.split.test_from).all()
    assert (young["outcome_known_at"] > task.split.test_from).all()
    followed = (task.split.test_from - young["as_of"]).dt.total_seconds() / 86_400
    told = young[["converted_after_days", "left_after_days"]]
    assert (told.isna() | told.le(followed, axis=0)).all(axis=None)
    assert not young["converted"].any()
    of_day = pd.read_parquet(tmp_path / young_file("task_rows"))
    assert set(of_day["day"]) == {14}
    assert 0 < len(of_day) < len(young)


def test_the_file_of_the_test_rows_does_not_say_what_became_of_them(task: Task, tmp_path: Path) -> None:
    write_task(task, tmp_path)
    test = pd.read_parquet(tmp_path / "test.parquet")
    assert not set(OUTCOMES) & set(test.columns)
    assert test["lead_id"].tolist() == task.split.test["lead_id"].tolist()


def test_the_marks_of_the_folds_are_our_forward_folds(task: Task, tmp_path: Path) -> None:
    write_task(task, tmp_path)
    written = pd.read_parquet(tmp_path / "all_moments.parquet")
    folds = forward_folds(task.split.train)
    assert json.loads((tmp_path / "task.json").read_text())["n_folds"]["all_moments"] == len(folds) > 1
    for number, fold in enumerate(folds, start=1):
        mark = written[f"fold_{number}"].to_numpy()
        assert written["snapshot_id"][mark == LEARN].tolist() == fold.train["snapshot_id"].tolist()
        assert written["snapshot_id"][mark == LATER].tolist() == fold.test["snapshot_id"].tolist()


def test_the_same_rows_have_the_same_digest_and_other_rows_another(task: Task, tmp_path: Path) -> None:
    other = Split(train=task.split.train, test=task.split.test.iloc[1:], test_from=task.split.test_from)
    changed = task_of("weekly", "", note="", table=task.table, split=other, day=14)
    digests = [write_task(one, tmp_path / str(i)) for i, one in enumerate((task, task, changed))]
    assert digests[0] == digests[1] != digests[2]
    assert np.unique(digests).size == 2
