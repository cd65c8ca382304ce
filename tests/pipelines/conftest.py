"""What tests of commands share."""

import shutil
from pathlib import Path

import pytest

from data_contracts.settings import load_settings
from pipelines.ingest import ingest_history
from simulation import simulate
from tests.conftest import ROOT


@pytest.fixture
def work(finished_run, tmp_path, monkeypatch) -> Path:
    """A copy of the finished run as the working folder."""
    shutil.copytree(finished_run.folder, tmp_path / "work", symlinks=True)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture(scope="session")
def checked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small checked history, and nothing trained or scored."""
    folder = tmp_path_factory.mktemp("checked")
    shutil.copytree(ROOT / "config", folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(Path("config/scoring.toml"))
        simulate(settings.crm.data_folder, n_leads=3_500, seed=5)
        ingest_history(settings)
    return folder
