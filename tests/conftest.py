"""A finished run on a small simulated CRM, made once for all tests that look at what a run leaves behind."""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_contracts.settings import Settings, load_settings

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


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """12,000 leads simulated, checked, trained on, scored and published by the plain pipelines."""
    from pipelines.ingest import ingest_history
    from pipelines.score import publish_scores, score_open_leads
    from pipelines.train import train_release
    from simulation import simulate

    folder = tmp_path_factory.mktemp("workspace")
    (folder / "config").symlink_to(ROOT / "config")
    before = Path.cwd()
    os.chdir(folder)
    try:
        settings = load_settings(Path("config/scoring.toml"))
        simulate(settings.crm.data_folder, n_leads=N_LEADS, seed=SEED)
        ingest_history(settings)
        made = train_release(settings, created_at=NOW)
        score_open_leads(settings, release=made.version)
        publish_scores(settings, release=made.version)
        yield Workspace(folder, settings, n_leads=N_LEADS, seed=SEED)
    finally:
        os.chdir(before)


@pytest.fixture
def in_workspace(finished_run: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The finished run, with its folder as the working folder."""
    monkeypatch.chdir(finished_run.folder)
    return finished_run
