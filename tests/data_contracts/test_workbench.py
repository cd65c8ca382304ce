import pytest

from data_contracts.workbench import BREACHES, workbench
from tests.data_contracts.raw_rows import small_engine


def tables(engine):
    return [row[0] for row in engine.con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]


def fail(engine):
    with workbench(engine):
        assert BREACHES in tables(engine)
        raise RuntimeError("something went wrong")


def test_nothing_of_the_work_is_left_behind_whatever_happened():
    engine = small_engine()
    engine.con.execute("CREATE TABLE mine AS SELECT 1 AS a")
    with pytest.raises(RuntimeError, match="something went wrong"):
        fail(engine)
    assert tables(engine) == ["mine"]


def test_what_an_interrupted_check_left_behind_is_cleared_away():
    engine = small_engine()
    engine.con.execute("CREATE TABLE checking_leads AS SELECT 1 AS a")
    with workbench(engine):
        assert "checking_leads" not in tables(engine)
