"""The rows of the tasks, on the real funnels where they are at hand."""

import datetime as dt
import os
from pathlib import Path

import pytest

from benchmarks.models.funnels import FILES, ROOT, lacking_files, tasks_of
from benchmarks.models.tasks import Task, day_in_stage

DATA = Path(os.environ.get("LEADSCORE_DATA", ROOT.parent / "shared" / "data"))


def tasks(funnel: str) -> dict[str, Task]:
    if lacking_files(funnel, DATA):
        pytest.skip(f"the real data of {funnel} are not here: put them into a folder and name it in LEADSCORE_DATA")
    return {task.name: task for task in tasks_of(funnel, DATA)}


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "olist").mkdir()
    (tmp_path / "olist" / FILES["olist"][0]).touch()
    assert lacking_files("olist", tmp_path) == [tmp_path / "olist" / FILES["olist"][1]]


@pytest.mark.whole
def test_bpi2012_is_judged_at_submission_at_the_offer_and_one_and_two_weeks_after_it() -> None:
    found = tasks("bpi2012")
    sizes = {name: (task.day, len(task.split.test)) for name, task in found.items()}
    assert sizes == {
        "bpi2012-mql_to_sql": (0, 2809),
        "bpi2012-sql_to_win": (0, 1333),
        "bpi2012-sql_to_win-7d": (7, 1036),
        "bpi2012-sql_to_win-14d": (14, 631),
    }
    for task in found.values():
        test, train = task.split.test, task.split.train
        assert test["as_of"].min() >= task.split.test_from >= train["outcome_known_at"].max()
        assert set(day_in_stage(test)) == {task.day}
        assert not set(test["lead_id"]) & set(train["lead_id"])
        assert test["lead_id"].is_unique


@pytest.mark.whole
def test_olist_learns_from_january_to_march_and_is_judged_on_may() -> None:
    task = tasks("olist")["olist-mql_to_win"]
    entered = task.row_sets["task_rows"]["as_of"]
    assert (entered.min(), entered.max()) == (dt.datetime(2018, 1, 1, 0, 1), dt.datetime(2018, 3, 31, 0, 1))
    assert len(task.split.test) == 1303
    assert set(task.split.test["as_of"].dt.month) == {5}


def test_the_bank_is_judged_on_its_last_8237_rows() -> None:
    task = tasks("bank_marketing")["bank_marketing"]
    assert (len(task.split.train), len(task.split.test)) == (41_188 - 8_237, 8_237)
    assert task.split.test["converted"].mean() == pytest.approx(0.308, abs=0.001)
    assert "duration" not in [column.name for column in task.table.columns]
