"""What every store of histories does, whichever engine keeps it."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from data_contracts.errors import Breach, BusyError, ContractError, SettingsError
from data_contracts.ports import Engine, HistoryStore
from engines.duckdb_store import DuckDbHistories
from tests.some_engines import ENGINES, require_spark

MakeStore = Callable[[Path], HistoryStore]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine."""
    return str(request.param)


@pytest.fixture
def store(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> HistoryStore:
    """An empty store."""
    if engine == "duckdb":
        return DuckDbHistories(tmp_path)
    if engine == "postgres":
        pytest.importorskip("psycopg")
        from engines.postgres_store import PostgresHistories

        return PostgresHistories(request.getfixturevalue("postgres_url"), schema=f"store_{os.urandom(4).hex()}")
    require_spark()
    from engines.spark_store import SparkHistories

    return SparkHistories(tmp_path)


def keep(store: HistoryStore, number: int, *, error: Exception | None = None) -> None:
    """Build a history that holds a number, and perhaps stop with an error."""
    with store.new() as building:
        building.keep("history", pa.table({"n": [number]}))
        building.keep_for_now("passing", building.table("history"))
        if error is not None:
            raise error


def number_in(engine: Engine | None) -> int:
    assert engine is not None
    return int(engine.table("history").to_pyarrow()["n"][0].as_py())


def accepted(store: HistoryStore) -> int:
    with store.accepted() as engine:
        return number_in(engine)


def last_judged(store: HistoryStore) -> int:
    with store.last_judged() as engine:
        return number_in(engine)


def stopped() -> ContractError:
    return ContractError([Breach("leads", "leads.has_rows", "there are none", "deliver some")])


def test_a_store_is_empty_to_begin_with(store):
    assert not store.is_there()
    with store.last_judged() as engine:
        assert engine is None


def test_what_was_built_last_is_the_history(store):
    for number in (1, 2, 3):
        keep(store, number)
        assert store.is_there()
        assert (accepted(store), last_judged(store)) == (number, number)


def test_a_history_that_its_contract_stopped_is_beside_the_accepted_one(store):
    with pytest.raises(ContractError, match="deliver some"):
        keep(store, 1, error=stopped())
    assert not store.is_there()
    assert last_judged(store) == 1
    keep(store, 2)
    with pytest.raises(ContractError, match="deliver some"):
        keep(store, 3, error=stopped())
    assert (accepted(store), last_judged(store)) == (2, 3)
    keep(store, 4)
    assert (accepted(store), last_judged(store)) == (4, 4)


def test_a_run_that_fails_changes_nothing(store):
    keep(store, 1)
    with pytest.raises(ZeroDivisionError):
        keep(store, 2, error=ZeroDivisionError("ours"))
    assert (accepted(store), last_judged(store)) == (1, 1)
    keep(store, 3)
    assert accepted(store) == 3


def test_while_one_run_builds_another_is_told_so_and_readers_read_the_history_before(store):
    keep(store, 1)
    with store.new() as building:
        building.keep("history", pa.table({"n": [2]}))
        with pytest.raises(BusyError, match="wait until it has ended"), store.new():
            pytest.fail("two runs build one history")
        assert accepted(store) == 1
    assert accepted(store) == 2


def test_what_a_reader_keeps_for_now_is_its_own_and_is_gone_with_it(store):
    if isinstance(store, DuckDbHistories):
        pytest.skip("DuckDB opens a file once in a process")
    keep(store, 7)
    with store.accepted() as one, store.accepted() as other:
        doubled = one.keep_for_now("mine", one.table("history").mutate(n=one.table("history").n * 2))
        same_name = other.keep_for_now("mine", other.table("history"))
        assert doubled.to_pyarrow()["n"].to_pylist() == [14]
        assert same_name.to_pyarrow()["n"].to_pylist() == [7]
        assert one.tables() == other.tables() == {"history"}
    assert accepted(store) == 7


def test_a_schema_of_somebody_else_is_not_replaced(postgres_url):
    psycopg = pytest.importorskip("psycopg")
    from engines.postgres_store import PostgresHistories

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA theirs; CREATE TABLE theirs.customers (n int)")
    with pytest.raises(SettingsError, match=r"theirs holds 1 table.* name another one"):
        keep(PostgresHistories(postgres_url, schema="theirs"), 1)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM theirs.customers").fetchone() == (0,)


def test_schemas_of_somebody_else_with_names_like_ours_stay(postgres_url):
    psycopg = pytest.importorskip("psycopg")
    from engines.postgres_store import PostgresHistories

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shared_now_2024; CREATE TABLE shared_now_2024.sales (n int)")
        connection.execute("CREATE SCHEMA functions; CREATE FUNCTION functions.one() RETURNS int LANGUAGE sql RETURN 1")
    keep(PostgresHistories(postgres_url, schema="shared"), 1)
    with pytest.raises(SettingsError, match=r"functions holds 1 table.* name another one"):
        keep(PostgresHistories(postgres_url, schema="functions"), 1)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM shared_now_2024.sales").fetchone() == (0,)


def test_what_a_lost_connection_kept_for_now_is_dropped_by_the_next_one(postgres_url):
    psycopg = pytest.importorskip("psycopg")
    from engines.postgres import PostgresEngine

    def passing(connection):
        names = connection.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'killed_now_')")
        return len(names.fetchall())

    lost = PostgresEngine.opened(postgres_url, schema="killed")
    lost.keep_for_now("passing", lost.keep("lasting", pa.table({"n": [1]})))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        assert passing(connection) == 1
        lost.backend.con.close()
        again = PostgresEngine.opened(postgres_url, schema="killed")
        assert passing(connection) == 0
        assert again.tables() == {"lasting"}
        again.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("content", ["", "[1, 2]", "{"])
def test_a_damaged_pointer_is_said_and_made_anew_by_a_check(tmp_path, content):
    require_spark()
    from data_contracts.errors import StoreError
    from engines.spark_store import SparkHistories

    store = SparkHistories(tmp_path)
    keep(store, 1)
    (tmp_path / "current.json").write_text(content)
    with pytest.raises(StoreError, match="damaged or no file of ours; run `leadscore check`"):
        accepted(store)
    keep(store, 2)
    assert accepted(store) == 2


def test_a_reader_holds_its_history_until_it_has_read(postgres_url, monkeypatch):
    pytest.importorskip("psycopg")
    import engines.postgres_store
    from engines.postgres_store import PostgresHistories

    monkeypatch.setattr(engines.postgres_store, "_WAIT_FOR_READERS", "100ms")
    store = PostgresHistories(postgres_url, schema="watched")
    keep(store, 1)
    with store.accepted() as engine:
        with pytest.raises(BusyError, match="is being read for more than 100ms"):
            keep(store, 2)
        assert number_in(engine) == 1
    keep(store, 3)
    assert accepted(store) == 3


def test_a_server_that_does_not_answer_is_an_error_without_its_password():
    pytest.importorskip("psycopg")
    from data_contracts.errors import StoreError
    from engines.postgres_store import PostgresHistories

    store = PostgresHistories("postgresql://me:secret@127.0.0.1:1/crm", schema="leadscore")
    assert "secret" not in repr(store)
    with pytest.raises(StoreError, match="does not answer") as caught:
        store.is_there()
    assert "secret" not in str(caught.value)
