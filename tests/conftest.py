"""A finished run on a small simulated CRM, made once for all tests that look at what a run leaves behind."""

import datetime as dt
import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from data_contracts.settings import Settings, load_settings
from tests.some_engines import postgres_server

ROOT = Path(__file__).parents[1]
N_LEADS = 12_000
SEED = 7
NOW = dt.datetime(2026, 7, 1, 6, 0)


@dataclass(frozen=True)
class Workspace:
    """A working folder in which the commands ran, with the settings as they read there."""

    folder: Path
    settings: Settings
    n_leads: int
    seed: int


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that takes the finished run as one of a whole: `make quick` leaves those out."""
    for item in items:
        if "finished_run" in getattr(item, "fixturenames", ()):
            item.add_marker("whole")
        if hasattr(item, "callspec") and item.callspec.params.get("engine") == "spark":
            # PySpark leaves sockets to the garbage collector and sets options that pandas deprecates.
            item.add_marker(pytest.mark.filterwarnings("default"))


def pytest_collection_finish() -> None:
    """Leave what was imported to itself: the collector would look through millions of objects in every test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL server for all tests."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """12,000 leads simulated, checked, trained on, scored and published by the plain pipelines.

    One worker makes the run, the others wait for it, and each has a copy that the tests of one worker share: they
    read it, or copy it once more to write. The models of every copy lie where the run put them.
    """
    made = _of_all_workers(tmp_path_factory) / "finished_run"
    whole = made / "is whole"
    with FileLock(f"{made}.lock"):
        if not whole.exists():
            shutil.rmtree(made, ignore_errors=True)
            _run_everything(made)
            whole.touch()
    folder = tmp_path_factory.mktemp("finished_run") / "workspace"
    shutil.copytree(made, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return Workspace(folder, load_settings(Path("config/scoring.toml")), n_leads=N_LEADS, seed=SEED)


def _of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of this test run; that of a worker of pytest-xdist lies in it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def _run_everything(folder: Path) -> None:
    from pipelines.ingest import ingest_history
    from pipelines.score import publish_scores, score_open_leads
    from pipelines.train import train_release
    from simulation import simulate

    folder.mkdir()
    (folder / "config").symlink_to(ROOT / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(Path("config/scoring.toml"))
        simulate(settings.crm.data_folder, n_leads=N_LEADS, seed=SEED)
        ingest_history(settings)
        made = train_release(settings, created_at=NOW, by="a test")
        score_open_leads(settings, release=made.version)
        publish_scores(settings, release=made.version)


@pytest.fixture
def in_workspace(finished_run: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The finished run, with its folder as the working folder."""
    monkeypatch.chdir(finished_run.folder)
    return finished_run
