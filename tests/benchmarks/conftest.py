"""A small task, and contestants that are a few lines of Python."""

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.models.contestants import Contestant
from benchmarks.models.tasks import RowSet, Task, task_of
from models.split import split_at
from tests.models.conftest import Truth, synthetic_table

TEST_FROM = dt.datetime(2025, 6, 1)

READS = """
import sys
from pathlib import Path
import pandas as pd
folder, row_set, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
train, test = pd.read_parquet(folder / f"{row_set}.parquet"), pd.read_parquet(folder / "test.parquet")
"""
"""How the fake peers begin."""

FakePeer = Callable[..., Contestant]


@pytest.fixture(scope="session")
def task() -> Task:
    """600 leads that are looked at every week: the later ones two weeks after their entry."""
    table = synthetic_table(Truth(n_leads=600), seed=5)
    split = split_at(table.frame, TEST_FROM)
    return task_of("weekly", "Weekly leads: do they convert?", note="Made up.", table=table, split=split, day=14)


@pytest.fixture
def fake_peer(tmp_path: Path) -> FakePeer:
    """`fake_peer("fake", body)`: a peer whose process reads `folder`, `train` and `test`, and then runs `body`."""

    def make(name: str, body: str, *, row_set: RowSet = "task_rows") -> Contestant:
        script = tmp_path / f"{name}.py"
        script.write_text(READS + body)
        return Contestant(name, name, row_set, (sys.executable, str(script)), (script,))

    return make
