from pathlib import Path

import duckdb
import pytest

from data_contracts.errors import SettingsError, SourceError, StoreError
from engines.duckdb import DuckDbEngine
from tests.data_contracts.raw_rows import LENIENT, check, many, raw

TABLE = "CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS s FROM range(3_000_000) AS r(i) ORDER BY s"


@pytest.mark.parametrize(
    "error",
    [
        duckdb.IOException('IO Error: Could not write file "h.duckdb": No space left on device'),
        duckdb.FatalException("FATAL Error: invalidated because of a previous fatal error: No space left on device"),
        RuntimeError("could not judge: 'Could not write all bytes to file'"),
    ],
)
def test_a_full_disk_is_told_as_that_with_what_is_free_and_what_to_do(tmp_path: Path, error):
    engine = DuckDbEngine.opened(tmp_path / "h.duckdb")
    told = rf"the disk is full: [\d.]+ GB are free in {tmp_path}; free some space there"
    with pytest.raises(StoreError, match=told), engine.enough_of_everything():
        raise error


def test_a_spill_that_may_not_grow_is_a_full_disk(tmp_path: Path):
    engine = DuckDbEngine.opened(tmp_path / "h.duckdb", memory_limit="60MB")
    engine.backend.con.execute("SET max_temp_directory_size = '1MB'; SET threads = 1")
    with pytest.raises(StoreError, match="the disk is full"), engine.enough_of_everything():
        engine.backend.con.execute(TABLE)


def test_too_little_memory_names_the_setting():
    engine = DuckDbEngine.opened(memory_limit="30MB")
    engine.backend.con.execute("SET temp_directory = ''")
    told = r"may use 28\.6 MiB; raise memory_limit in \[engine\]"
    with pytest.raises(SettingsError, match=told), engine.enough_of_everything():
        engine.backend.con.execute(TABLE)


@pytest.mark.parametrize("error", [ValueError("something else"), SourceError("no space left for a remark")])
def test_any_other_error_is_handed_on(error):
    with pytest.raises(type(error), match=str(error)), DuckDbEngine.opened().enough_of_everything():
        raise error


def test_a_check_whose_disk_is_full_says_so(monkeypatch):
    def fails(*_):
        raise duckdb.IOException('IO Error: Could not write file "x": No space left on device')

    monkeypatch.setattr("data_contracts.check.run.receive", fails)
    with pytest.raises(StoreError, match="the disk is full"):
        check(raw(many(1)), LENIENT)
