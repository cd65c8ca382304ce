"""What tests of commands share."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def work(finished_run, tmp_path, monkeypatch) -> Path:
    """A copy of the finished run as the working folder."""
    shutil.copytree(finished_run.folder, tmp_path / "work", symlinks=True)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"
