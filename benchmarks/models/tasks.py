"""One question to all models: rows to learn from, and later rows to judge on, as files that any Python reads."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from data_contracts.snapshots import MISSES, LabelledTable
from models.split import Fold, Split, forward_folds, grouped_folds
from models.young import YoungLeads

RowSet = Literal["task_rows", "all_moments"]
"""What is learnt from: earlier leads at the task's own day in the stage, each weighing 1; or at all their moments,
one of day d weighing 1/(1 + d/7), as our procedure is shipped."""

DAY: Final = "day"
"""The planned day in the stage of a snapshot, 0 at entry: whole days."""

LEARN, LATER = 1, 2
"""What a row is to a validation fold, in the column `fold_1` and so on; 0 is neither."""

OUTCOMES = ("converted", "outcome_status", "outcome_known_at")
"""Columns that say what became of a row: the file of the test rows has none of them."""

TASK_FILE: Final = "task.json"
TEST_FILE: Final = "test.parquet"


@dataclass(frozen=True, eq=False)
class Task:
    """One question: which of the test rows convert?

    Attributes
    ----------
    name
        Of its folder, and to be asked for.
    title, note
        What is asked, and what a reader should know of the rows.
    remark
        Why ours loses, as far as it was looked into; shown only where it does.
    table
        All rows of the transition.
    split
        `train` has the rows of all moments whose outcome was known when the test begins. `test` has those that are
        judged, each weighing 1.
    day
        The day in the stage at which leads are judged: 0 at entry.
    """

    name: str
    title: str
    note: str
    table: LabelledTable
    split: Split
    day: int
    remark: str = ""

    @property
    def row_sets(self) -> dict[RowSet, pd.DataFrame]:
        """The rows to learn from, by row set; one set only where leads are looked at once."""
        train = self.split.train
        at_day = train[day_in_stage(train) == self.day].assign(weight=1.0)
        if len(at_day) == len(train):
            return {"task_rows": at_day}
        return {"task_rows": at_day, "all_moments": train}

    def judged(self) -> Split:
        """The rows of the task on both sides."""
        return Split(train=self.row_sets["task_rows"], test=self.split.test, test_from=self.split.test_from)


def task_of(
    name: str, title: str, *, note: str, table: LabelledTable, split: Split, day: int, remark: str = ""
) -> Task:
    """The task of judging the test rows of `split` that are `day` days in the stage."""
    at_day = split.test[day_in_stage(split.test) == day].assign(weight=1.0)
    judged = Split(train=split.train, test=at_day, test_from=split.test_from)
    return Task(name=name, title=title, note=note, table=table, split=judged, day=day, remark=remark)


def day_in_stage(rows: pd.DataFrame) -> np.ndarray:
    """The planned day in the stage of each row."""
    return rows[DAY].to_numpy(dtype=np.int64)


def write_task(task: Task, folder: Path) -> str:
    """Write what every model reads into `folder`, and return a digest of it.

    Each set of training rows has its validation folds in the columns `fold_1` and so on: they are ours, so that all
    choose by the same later leads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    n_folds = {}
    for rows_of, rows in task.row_sets.items():
        folds = forward_folds(rows) or grouped_folds(rows)
        n_folds[rows_of] = len(folds)
        marks = {f"fold_{i}": mark for i, mark in enumerate(_marks(rows, folds), start=1)}
        _plain(rows).assign(**marks).to_parquet(folder / f"{rows_of}.parquet", index=False)
        _plain(_young(task, rows)).to_parquet(folder / young_file(rows_of), index=False)
    _plain(task.split.test).drop(columns=list(OUTCOMES)).to_parquet(folder / TEST_FILE, index=False)
    content = {
        "transition": str(task.table.transition),
        "horizon_days": task.table.horizon_days,
        "known_at": task.split.test_from.isoformat(),
        "features": [{"name": column.name, "type": column.type} for column in task.table.columns],
        "n_folds": n_folds,
    }
    (folder / TASK_FILE).write_text(json.dumps(content, indent=2), encoding="utf-8")
    learnt = (folder / name for rows_of in n_folds for name in (f"{rows_of}.parquet", young_file(rows_of)))
    files = [folder / TASK_FILE, folder / TEST_FILE, *learnt]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def young_file(rows_of: RowSet) -> str:
    """The file of the leads whose horizon had not passed when the test begins. Only our procedure reads them."""
    return f"{rows_of}-young.parquet"


def _young(task: Task, rows: pd.DataFrame) -> pd.DataFrame:
    """Young leads on the days of `rows`, with what was known of them when the test begins."""
    known = YoungLeads.of(task.table, task.table.labelled()).at(task.split.test_from, since=rows["as_of"].min())
    told = known.rows.assign(
        converted=False,
        converted_after_days=known.rows["converted_after_days"].where(known.has_converted),
        left_after_days=known.rows["left_after_days"].where(known.has_left),
    )
    return told[told[DAY].isin(rows[DAY].unique())]


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` without what is no feature and no plain column."""
    return rows.drop(columns=[MISSES], errors="ignore").reset_index(drop=True)


def _marks(rows: pd.DataFrame, folds: tuple[Fold, ...]) -> Iterator[np.ndarray]:
    for fold in folds:
        learn, later = rows.index.isin(fold.train.index), rows.index.isin(fold.test.index)
        yield np.select([learn, later], [LEARN, LATER], 0).astype(np.int8)
