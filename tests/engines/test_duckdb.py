import time
from pathlib import Path

import pytest

from engines.duckdb import DuckDbEngine


def test_times_without_an_offset_are_utc_whatever_the_machines_zone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        query = "SELECT epoch(CAST('2026-01-01 00:00' AS TIMESTAMPTZ)) - epoch(TIMESTAMP '2026-01-01 00:00')"
        assert DuckDbEngine.opened().backend.con.execute(query).fetchone() == (0.0,)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_history_is_kept_in_a_file_whose_folder_is_made(tmp_path: Path):
    path = tmp_path / "var" / "history.duckdb"
    engine = DuckDbEngine.opened(path, memory_limit="1GB")
    engine.backend.con.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert engine.backend.con.execute("SELECT current_setting('memory_limit')").fetchone() == ("953.6 MiB",)
    assert engine.backend.con.execute("SELECT current_setting('temp_directory')").fetchone() == (
        str(tmp_path / "var" / "history.duckdb.spill"),
    )
    engine.close()
    assert DuckDbEngine.opened(path, read_only=True).backend.con.execute("SELECT a FROM t").fetchone() == (1,)
