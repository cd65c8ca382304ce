"""Who takes part: our procedure and its peers, what each learns from, and how each is started."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.models.environment import REQUIREMENTS
from benchmarks.models.tasks import RowSet

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS: Final = "ours"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that takes part, with the rows it learns from.

    Attributes
    ----------
    name, said
        To be asked for, and as it stands in a table.
    row_set
        What it learns from. Where a task has no such rows it does not take part.
    command
        Is run with three arguments more: the task's folder, the row set, and the Parquet file to write.
    sources
        Files and folders whose text decides what it does: where they change, it is run anew.
    """

    name: str
    said: str
    row_set: RowSet
    command: tuple[str, ...]
    sources: tuple[Path, ...]

    @property
    def key(self) -> str:
        """Of its files."""
        return f"{self.name}-{self.row_set}"

    @property
    def is_ours(self) -> bool:
        """Whether it is our procedure."""
        return self.name == OURS


SAID: Final = {
    "lightgbm": "LightGBM, default",
    "lightgbm_tuned": "LightGBM, tuned",
    "logistic_plain": "logistic regression, default",
    "logistic_regression": "logistic regression, tuned",
    "catboost": "CatBoost, default",
    "autogluon": "AutoGluon, at most 90 s",
    "naive_bayes": "naive Bayes as in Odoo",
}
"""The peers."""

ROW_SETS: Final[dict[str, tuple[RowSet, ...]]] = {
    "autogluon": ("task_rows",),
    "naive_bayes": ("task_rows",),
}
"""Peers that learn from the task's rows only. AutoGluon validates on rows drawn at random: with several rows of a lead
it would be validated on leads that it learnt from. Odoo counts every lead once."""


def ours() -> list[Contestant]:
    """Our procedure as it is shipped, and on the task's rows only."""
    command = (sys.executable, "-m", "benchmarks.models.ours")
    sources = (HERE / "ours.py", ROOT / "models")
    return [Contestant(OURS, OURS, rows, command, sources) for rows in ("all_moments", "task_rows")]


def peers(python: Path, names: Sequence[str] = tuple(SAID)) -> list[Contestant]:
    """The peers of `names`, run by the interpreter `python`."""
    sources = (HERE / "peer.py", ROOT / "models" / "naive_bayes.py", REQUIREMENTS)
    return [
        Contestant(name, SAID[name], rows, (str(python), "-m", "benchmarks.models.peer", name), sources)
        for name in SAID
        if name in names
        for rows in ROW_SETS.get(name, ("task_rows", "all_moments"))
    ]
