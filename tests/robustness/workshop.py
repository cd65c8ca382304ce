"""A small CRM in a folder of its own, its commands as real processes, and what their store holds.

The processes are forked from one that has imported the libraries already: a command then takes a second in place of
five, and is killed where it works, not where it imports.
"""

import datetime as dt
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data_contracts.errors import LeadScoreError
from data_contracts.settings import load_settings
from engines.duckdb_store import DuckDbHistories
from pipelines.promote import promote
from pipelines.store import Store
from simulation import simulate
from tests.pipelines.test_in_force import record

ROOT = Path(__file__).parents[2]
N_LEADS = 2000
LONGEST_SECONDS = 240
RELEASE_FILE = "release.json"

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        "pipelines.cli",
        "pipelines.display",
        "pipelines.console",
        "pipelines.ingest",
        "pipelines.train",
        "pipelines.recalibrate",
        "pipelines.score",
        "data_contracts.check.expectations",
        "lightgbm",
        "mlflow",
        "mlflow.store.tracking.sqlalchemy_store",
        "matplotlib.pyplot",
    ]
)

Commands = Sequence[Sequence[str]]
STEPS: Mapping[str, Commands] = {
    "check": [["check"]],
    "first train": [["train"]],
    "train": [["train"]],
    "recalibrate": [["recalibrate"]],
    "score": [["score"]],
    "publish": [["publish"]],
    "nightly": [["check"], ["score"], ["publish"]],
}
"""What is run, one command after the other as long as they succeed."""

BEFORE = {
    "check": "published, new export",
    "first train": "checked",
    "train": "published, new history",
    "recalibrate": "trained long ago",
    "score": "published, new history",
    "publish": "published, new scores",
    "nightly": "published, new export",
}
"""In which state of the store each step is run."""


DOCUMENTED = frozenset(error.exit_code for error in LeadScoreError.__subclasses__())
"""Exit codes that say what is wrong; 1 is none of them."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a process ended: its exit code (negative: the signal), what it said, and how long it took."""

    code: int
    said: str
    seconds: float

    @property
    def trouble(self) -> list[str]:
        """What is wrong with how it ended: neither done nor an error that a user is told of as such."""
        if "Traceback (most recent call last)" in self.said or self.code not in {0, *DOCUMENTED}:
            return [f"ended with {self.code}: {self.said.strip()[-300:]}"]
        return []


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store holds for later: a digest or a list of each thing, "none" where there is none, or what is wrong."""

    history: str
    definitions: str
    scores: str
    published: str
    releases: str


def _work(commands: Commands, folder: str, said: str) -> None:
    """Run `commands` in `folder`, with all that they say in the file `said`, and end with the exit code."""
    os.setpgid(0, 0)
    os.chdir(folder)
    told = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(told, 1)
    os.dup2(told, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    os.environ |= {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    from pipelines.cli import app

    for command in commands:
        try:
            app(list(command), prog_name="leadscore")
        except SystemExit as ended:
            if ended.code:
                sys.stdout.flush()
                os._exit(int(ended.code))
    sys.stdout.flush()
    os._exit(0)


class Running:
    """A process at work."""

    def __init__(self, commands: Commands, folder: Path, said: Path) -> None:
        self._said = said
        said.unlink(missing_ok=True)
        self._started = time.monotonic()
        self._process = FORKED.Process(target=_work, args=([list(c) for c in commands], str(folder), str(said)))
        self._process.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs (or is stopped)."""
        return self._process.is_alive()

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        if self.is_alive and self._process.pid:
            os.kill(self._process.pid, what)

    def ended(self) -> Ran:
        """How it ended; it is killed where it takes too long."""
        self._process.join(LONGEST_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        said = self._said.read_text(encoding="utf-8", errors="replace") if self._said.exists() else ""
        return Ran(self._process.exitcode or 0, said, time.monotonic() - self._started)


class Workshop:
    """A working folder whose store is put back into one of its states at will.

    The folder is always the same one, because a store may know its place.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / "work"
        self.folder.mkdir(parents=True)
        self._states = root / "states"
        self._undisturbed: dict[str, tuple[Kept, Counter[str], list[float]]] = {}
        write_settings(self.folder)
        simulate(self.folder / "data", n_leads=N_LEADS, seed=1)
        self._make_states()

    @property
    def store(self) -> Store:
        """The store, whose names are asked for and nothing else."""
        return Store(self.folder / "var", DuckDbHistories(self.folder / "var"))

    def _make_states(self) -> None:
        self._must("check")
        self._save("checked")
        self._must("train")
        self._must("score")
        self._must("publish")
        self._save("published")
        later_export(self.folder / "data")
        self._save("published, new export")
        self._must("check")
        self._save("published, new history")
        self._must("score")
        self._save("published, new scores")
        self.put("checked")
        put_into_force_long_ago(self.folder)
        self._save("trained long ago")

    def _must(self, *command: str) -> None:
        ran = self.run([command])
        if ran.code:
            raise RuntimeError(f"{' '.join(command)} ended with {ran.code}: {ran.said}")

    def _save(self, state: str) -> None:
        for name in ("data", "var"):
            shutil.copytree(self.folder / name, self._states / state / name, symlinks=True)

    def put(self, state: str) -> None:
        """Put data and store back into `state`."""
        for name in ("data", "var"):
            place = self.folder / name
            if place.is_mount():
                for each in place.iterdir():
                    shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
            else:
                shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(self._states / state / name, place, symlinks=True, dirs_exist_ok=True)

    def start(self, commands: Commands, *, name: str = "first") -> Running:
        """`commands`, started."""
        return Running(commands, self.folder, self._root / f"{name}.said")

    def run(self, commands: Commands) -> Ran:
        """How `commands` ended."""
        return self.start(commands).ended()

    def undisturbed(self, step: str) -> tuple[Kept, Counter[str], list[float]]:
        """What the step leaves where nothing disturbs it: what is kept, all names, and when files changed (seconds)."""
        if step not in self._undisturbed:
            self.put(BEFORE[step])
            running, started, times = self.start(STEPS[step]), time.monotonic(), []
            while wait_for_change(running, self.store.folder):
                times.append(time.monotonic() - started)
            ran = running.ended()
            if ran.code:
                raise RuntimeError(f"{step} ended with {ran.code} undisturbed: {ran.said}")
            self._undisturbed[step] = kept_in(self.store), names_in(self.store.folder), [*times, ran.seconds]
        return self._undisturbed[step]


def write_settings(folder: Path) -> None:
    """The settings of the simulated CRM for few leads: an SQL counts as won, so that there are enough outcomes."""
    shutil.copytree(ROOT / "config", folder / "config")
    path = folder / "config" / "scoring.toml"
    text = path.read_text(encoding="utf-8")
    changes = {
        "mql_to_sql = { horizon_days = 30 }\nsql_to_win = { horizon_days = 120 }": "mql_to_win = { horizon_days = 30 }",
        '"Sales Qualified" = "sql"': '"Sales Qualified" = "won"',
        '"Opportunity" = "opportunity"': '"Opportunity" = "won"',
        'data_folder = "data/simulated"': 'data_folder = "data"',
        'folder = "var/simulated"': 'folder = "var"',
        'memory_limit = "4GB"': 'memory_limit = "1GB"',
    }
    for old, new in changes.items():
        if text.count(old) != 1:
            raise ValueError(f"{path} does not have {old!r} once")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def put_into_force_long_ago(folder: Path) -> None:
    """A release in production whose extract is older than most leads, and that gives every lead a quarter."""
    with chdir(folder):
        settings = load_settings(Path("config/scoring.toml"))
        version = record(settings, release_id="long ago", extracted_at=dt.datetime(2025, 1, 1))
        promote(settings, version, because="the first", at=dt.datetime(2025, 1, 2), by="ops")


def later_export(data: Path) -> None:
    """The export of a day later, with other rows."""
    told = json.loads((data / "export.json").read_text(encoding="utf-8"))
    (data / "export.json").write_text(json.dumps(told | {"exported_at": "2026-07-01T18:00:00Z"}), encoding="utf-8")
    stages = data / "stage_history.csv"
    lines = stages.read_text(encoding="utf-8").splitlines(keepends=True)
    stages.write_text("".join(lines[:-400]), encoding="utf-8")


# ---------------------------------------------------------------------------------------------------------------------
# What a store holds
# ---------------------------------------------------------------------------------------------------------------------
def _looked_at(look: Callable[[], str]) -> str:
    try:
        return look()
    except (duckdb.Error, sqlite3.Error, OSError, ValueError, LookupError) as error:
        return f"UNREADABLE ({type(error).__name__}: {str(error)[:120]})"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def kept_in(store: Store) -> Kept:
    """What `store` holds. Looking changes nothing: a database is read from a copy."""
    return Kept(
        history=_looked_at(lambda: _history(store.folder / "history.duckdb")),
        definitions=_looked_at(lambda: _files(store.folder / "definitions")),
        scores=_looked_at(lambda: _files(store.scores)),
        published=_looked_at(lambda: _files(store.published)),
        releases=_looked_at(lambda: _releases(store)),
    )


def _copied(path: Path) -> Path:
    """A copy of a database and of what belongs to it, in a folder beside the working folder."""
    aside = path.parent.parent.parent / "looked at"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, aside / file.name)
    return aside / path.name


def _history(path: Path) -> str:
    if not path.exists():
        return "none"
    with duckdb.connect(str(_copied(path)), read_only=True) as con:
        report = json.loads(con.execute("SELECT report FROM check_report").fetchone()[0])
        (n_leads,) = con.execute("SELECT count(*) FROM leads").fetchone()
        (n_refused,) = con.execute("SELECT count(*) FROM quarantine").fetchone()
    return f"{report['fingerprint'][:12]} of {report['extracted_at'][:10]}, {n_leads} leads, {n_refused} refused"


def _files(folder: Path) -> str:
    if not folder.exists():
        return "none"
    return ", ".join(
        f"{file.name} {_digest(file)}" for file in sorted(folder.iterdir()) if not file.name.startswith(".")
    )


def _releases(store: Store) -> str:
    """The registered releases, their aliases, what was in force, and what is amiss with their runs and files."""
    path = store.folder / "mlflow.db"
    if not path.exists():
        return "none"
    with closing(sqlite3.connect(_copied(path))) as con:
        found = con.execute(
            "SELECT v.version, t.value, v.storage_location, v.source FROM model_versions v "
            "LEFT JOIN model_version_tags t ON t.version = v.version AND t.key = 'release_id' ORDER BY v.version"
        ).fetchall()
        aliases = con.execute("SELECT alias, version FROM registered_model_aliases ORDER BY alias").fetchall()
        history = con.execute(
            # The key without the digest, which knows the moment.
            "SELECT substr(key, 1, 15), version FROM model_version_tags WHERE key LIKE 'in_force.%' ORDER BY key"
        ).fetchall()
        (n_running,) = con.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone()
    told = [f"{number} is {release}" for number, release, *_ in found]
    told += [f"{alias} is {number}" for alias, number in aliases]
    told += [f"{entry} is {number}" for entry, number in history]
    places = {number: Path(str(place or source).removeprefix("file://")) for number, _, place, source in found}
    told += [f"NO FILES of {number}" for number, place in places.items() if not (place / RELEASE_FILE).exists()]
    return "; ".join(told + ([f"{n_running} RUNNING"] if n_running else []))


_CHANCE = re.compile(r"[0-9a-f]{8,}|(?<=writing-)\w+|tmp\w+")


def names_in(folder: Path) -> Counter[str]:
    """How often each name stands in `folder`, names that chance makes as one.

    MLflow's artefacts are left out, and the pages and the counts of each check, which are more with every check that
    ran.
    """
    paths = (path.relative_to(folder) for path in folder.rglob("*"))
    return Counter(_CHANCE.sub("*", str(path)) for path in paths if not _is_of_each_run(path))


def _is_of_each_run(path: Path) -> bool:
    is_kept_check = path.parts[0] == "checks" and path.suffix == ".json"
    return is_kept_check or path.parts[0].startswith("mlflow_artefacts") or "runs" in path.parts


def _glance(folder: Path) -> frozenset[tuple[str, int, int, int]]:
    found = set()
    for parent, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(parent, name)  # noqa: PTH118  walked thousands of times
            try:
                stat = os.stat(path, follow_symlinks=False)  # noqa: PTH116
            except OSError:
                continue
            found.add((path, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


def wait_for_change(running: Running, folder: Path) -> bool:
    """Wait until any file below `folder` has changed; False where the process ended first."""
    before = _glance(folder)
    while running.is_alive:
        if _glance(folder) != before:
            return True
        time.sleep(0.001)
    return False
