import time
from pathlib import Path

import pytest

from data_contracts.engine import open_engine


def test_times_without_an_offset_are_utc_whatever_the_machines_zone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        query = "SELECT epoch(CAST('2026-01-01 00:00' AS TIMESTAMPTZ)) - epoch(TIMESTAMP '2026-01-01 00:00')"
        assert open_engine().con.execute(query).fetchone() == (0.0,)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_history_is_kept_in_a_file_whose_folder_is_made(tmp_path: Path):
    path = tmp_path / "var" / "history.duckdb"
    engine = open_engine(path, memory_limit="1GB")
    engine.con.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert engine.con.execute("SELECT current_setting('memory_limit')").fetchone() == ("953.6 MiB",)
    assert engine.con.execute("SELECT current_setting('temp_directory')").fetchone() == (
        str(tmp_path / "var" / "history.duckdb.spill"),
    )
    engine.disconnect()
    assert open_engine(path, read_only=True).con.execute("SELECT a FROM t").fetchone() == (1,)
