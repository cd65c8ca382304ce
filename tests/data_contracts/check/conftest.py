"""What several tests of the check begin with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.duckdb import DuckDbEngine
from tests.data_contracts.raw_rows import STRICT, check, many, raw, small_engine


@pytest.fixture(scope="session")
def checked_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an engine in which three clean leads were checked."""
    file = tmp_path_factory.mktemp("checked") / "history.duckdb"
    engine = small_engine(file)
    check(raw(many(3), engine=engine), STRICT)
    engine.close()
    return file


@pytest.fixture
def checked_before(checked_file: Path, tmp_path: Path) -> Iterator[DuckDbEngine]:
    """An engine of one's own in which three clean leads were checked."""
    engine = small_engine(Path(shutil.copy(checked_file, tmp_path)))
    yield engine
    engine.close()
