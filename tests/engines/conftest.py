"""The engines that are here: DuckDB always, PostgreSQL and Spark where their servers and packages are."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from data_contracts.ports import Engine
from engines.duckdb import DuckDbEngine

ENGINES = ("duckdb", pytest.param("postgres"), pytest.param("spark", marks=pytest.mark.slow))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out DuckDB compared with itself, which would agree whatever it does; let PySpark warn.

    PySpark leaves sockets to the garbage collector and sets options that pandas deprecates.
    """
    with_itself = [item for item in items if _engine_of(item) == "duckdb" and "on_duckdb" in item.fixturenames]
    items[:] = [item for item in items if item not in with_itself]
    config.hook.pytest_deselected(items=with_itself)
    for item in items:
        if _engine_of(item) == "spark":
            item.add_marker(pytest.mark.filterwarnings("default"))


def _engine_of(item: pytest.Item) -> str | None:
    return item.callspec.params.get("engine") if hasattr(item, "callspec") else None


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of its own, with a socket in a folder of its own."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("no PostgreSQL server is installed")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    # Not in pytest's folder, which other runs close to everybody but us.
    folder, port = Path(tempfile.mkdtemp(prefix="leadscore_postgres_")), _free_port()
    data, bin_folder = folder / "data", binaries[-1].parent
    data.mkdir()
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
        shutil.chown(data, "postgres")
    run = _as_server_user()
    run([bin_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"])
    options = f"-p {port} -k {folder} -c listen_addresses='' -c fsync=off -c synchronous_commit=off"
    run([bin_folder / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"])
    try:
        yield f"postgresql://postgres@/postgres?host={folder}&port={port}"
    finally:
        run([bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def _as_server_user() -> Callable[[Sequence[object]], None]:
    """Runs a command; as the user `postgres` where we are root, which the server refuses to be."""
    prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []

    def run(command: Sequence[object]) -> None:
        whole = [*prefix, *map(str, command)]
        subprocess.run(whole, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    return run


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An empty engine for the tests of one module."""
    if request.param == "duckdb":
        opened = DuckDbEngine.opened()
    elif request.param == "postgres":
        pytest.importorskip("psycopg")
        from engines.postgres import PostgresEngine

        schema = f"test_{request.module.__name__.rpartition('.')[2]}"
        opened = PostgresEngine.opened(request.getfixturevalue("postgres_url"), schema=schema)
    else:
        opened = _spark(tmp_path_factory.mktemp("spark"))
    yield opened
    opened.close()


def _spark(folder: Path) -> Engine:
    pytest.importorskip("pyspark")
    if shutil.which("java") is None and not Path("/usr/lib/jvm").is_dir():
        pytest.skip("no Java is installed")
    from engines.spark import SparkEngine

    return SparkEngine.opened(folder)
