"""The engines that are here: DuckDB always, PostgreSQL and Spark where their servers and packages are."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_contracts.ports import Engine
from engines.duckdb import DuckDbEngine

ENGINES = ("duckdb", pytest.param("postgres"), pytest.param("spark", marks=pytest.mark.slow))


@contextmanager
def opened(name: str, request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[Engine]:
    """An empty engine of that name; the test is skipped where it is not installed."""
    if name == "duckdb":
        engine = DuckDbEngine.opened()
    elif name == "postgres":
        pytest.importorskip("psycopg")
        from engines.postgres import PostgresEngine

        schema = f"test_{request.module.__name__.rpartition('.')[2]}"
        engine = PostgresEngine.opened(request.getfixturevalue("postgres_url"), schema=schema)
    else:
        require_spark()
        from engines.spark import SparkEngine

        engine = SparkEngine.opened(folders.mktemp("spark"))
    try:
        yield engine
    finally:
        engine.close()


def require_spark() -> None:
    """Skip the test where there is no Spark, or no Java to run it."""
    pytest.importorskip("pyspark")
    if shutil.which("java") is None and not Path("/usr/lib/jvm").is_dir():
        pytest.skip("no Java is installed")


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server of its own, with a socket in a folder of its own."""
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
