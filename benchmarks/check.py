"""The check beside the least that anybody would do by hand, and the share of each of its steps.

    .venv/bin/python -m benchmarks.check --leads 1000000

By hand is one DuckDB script over the same files: load, cast, keep the first row of each key, leave out rows whose lead
is unknown. It says nothing about what it left out. Each runs in a process of its own, in turn; the shares are of one
more check, in which every step that the engine carries out is timed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.scale import LEADSCORE, workspace
from data_contracts.columns import TABLES, TableContract
from data_contracts.settings import load_settings

CONFIG = Path("config/scoring.toml")
SQL_TYPES = {"string": "VARCHAR", "timestamp": "TIMESTAMP", "number": "DOUBLE"}
STEPS = {
    "raw_": "reading the files",
    "typed_": "reading texts as times and numbers",
    "breaches_of_": "judging rows",
    "refused_": "what was refused, with its reasons",
}
"""What is kept for now by the beginning of its name, in words."""


def main() -> None:
    """Simulate, run each in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=2, help="how often each is run in turn")
    parser.add_argument("--against", type=Path, help="the `leadscore` of another checkout, to be run in turn")
    parser.add_argument("--folder", type=Path, help="where to work; else a temporary one")
    parser.add_argument("--one", choices=("by_hand", "shares"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        os.chdir(arguments.folder)
        {"by_hand": by_hand, "shares": shares}[arguments.one]()
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        compare(Path(folder), n_leads=arguments.leads, times=arguments.times, against=arguments.against)


def compare(folder: Path, *, n_leads: int, times: int, against: Path | None) -> None:
    """Run each in `folder` in turn and print seconds, CPU seconds and peak memory."""
    work = workspace(folder / "work")
    subprocess.run([LEADSCORE, "simulate", "--leads", str(n_leads)], cwd=work, check=True, stdout=subprocess.DEVNULL)
    ourselves = [sys.executable, "-m", "benchmarks.check", "--folder", str(work), "--one"]
    commands = {"by hand": [*ourselves, "by_hand"], "leadscore check": [str(LEADSCORE), "check"]}
    if against is not None:
        commands[f"{against} check"] = [str(against), "check"]
    print(f"{'what':<60}{'seconds':>9}{'CPU s':>9}{'peak GiB':>10}", flush=True)
    for _ in range(times):
        for name, command in commands.items():
            # Another checkout may read other settings; by hand and our own need the project's modules.
            elsewhere = against is not None and name.startswith(str(against))
            folder_of_it = _of_another(folder, against) if elsewhere and against is not None else work
            seconds, worked, peak = timed(command, cwd=folder_of_it)
            print(f"{name:<60}{seconds:>9.0f}{worked:>9.0f}{peak:>10.2f}", flush=True)
    subprocess.run([*ourselves, "shares"], check=True)


def _of_another(folder: Path, against: Path) -> Path:
    """A working folder with the settings of another checkout, and the same files."""
    place = folder / "other"
    if not place.exists():
        place.mkdir()
        (place / "config").symlink_to(against.absolute().parents[2] / "config")
        (place / "data").symlink_to(folder / "work" / "data")
    return place


def timed(command: list[str], *, cwd: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak GiB of `command`."""
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])} if "-m" in command else None
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


def by_hand() -> None:
    """Load, cast, de-duplicate and leave out orphans, into a DuckDB file."""
    settings = load_settings(CONFIG)
    sources = settings.crm.sources_folder / settings.crm.source
    settings.store.folder.mkdir(parents=True, exist_ok=True)
    database = settings.store.folder / "by_hand.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database), config={"memory_limit": settings.engine.memory_limit}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, contract in TABLES.items():
            if (sources / f"{name}.sql").exists():
                select = (sources / f"{name}.sql").read_text().rstrip().rstrip(";")
                query = select.replace("{data_folder}", str(settings.crm.data_folder))
                connection.execute(_load(connection, query, contract=contract))


def _load(connection: duckdb.DuckDBPyConnection, query: str, *, contract: TableContract) -> str:
    types = {column.name: SQL_TYPES[column.type] for column in contract.columns}
    columns = connection.sql(query).columns
    cells = ", ".join(f"TRY_CAST({name} AS {types.get(name, 'VARCHAR')}) AS {name}" for name in columns)
    key = ", ".join(contract.key)
    orphans = (
        "WHERE lead_id IN (SELECT lead_id FROM leads)" if "lead_id" in columns and contract.name != "leads" else ""
    )
    return (
        f"CREATE TABLE {contract.name} AS SELECT {cells} FROM (\n{query}\n) {orphans} "
        f"QUALIFY row_number() OVER (PARTITION BY {key}) = 1"
    )


def shares() -> None:
    """Print what share of a check each kind of step takes."""
    # Imported here: by hand needs none of it, and importing takes seconds.
    from data_contracts.check import expectations, fingerprint
    from data_contracts.check import run as check_run
    from engines.duckdb import DuckDbEngine
    from pipelines.ingest import ingest_history

    seconds: dict[str, float] = defaultdict(float)
    for name in ("keep", "keep_for_now", "keep_numbered"):
        setattr(DuckDbEngine, name, _clocked(getattr(DuckDbEngine, name), seconds, said=_said_of_kept))
    check_run.fingerprint = _clocked(fingerprint.fingerprint, seconds, said=lambda *_: "the fingerprint")
    expectations.judge = _clocked(expectations.judge, seconds, said=lambda *_: "Great Expectations")
    started = time.perf_counter()
    ingest_history(load_settings(CONFIG))
    whole = time.perf_counter() - started
    seconds["everything else"] = whole - sum(seconds.values())
    print(f"\nshares of a check of {whole:.0f} s")
    for step, took in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{step:<60}{took:>9.1f}{took / whole:>9.0%}")


def _said_of_kept(_: object, name: str, *__: object) -> str:
    return next((said for start, said in STEPS.items() if name.startswith(start)), "keeping what is trusted")


_running: list[str] = []


def _clocked(
    function: Callable[..., Any], seconds: dict[str, float], *, said: Callable[..., str]
) -> Callable[..., Any]:
    """`function`, whose time counts for what is `said` of it; a step within a step counts for the outer one."""

    def clocked(*given: Any, **named: Any) -> Any:
        if _running:
            return function(*given, **named)
        _running.append(said(*given))
        started = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            seconds[_running.pop()] += time.perf_counter() - started

    return clocked


if __name__ == "__main__":
    main()
