import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.models.tasks import LATER, LEARN, OUTCOMES, Task, day_in_stage, task_of, write_task
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


def test_the_day_is_the_planned_one_where_the_frame_has_it_else_whole_days() -> None:
    a_minute_later = pd.DataFrame({"days_in_stage": [1 / 1440, 7 + 1 / 1440]})
    assert day_in_stage(a_minute_later).tolist() == [0, 7]
    assert day_in_stage(a_minute_later.assign(day=[0, 3])).tolist() == [0, 3]


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
