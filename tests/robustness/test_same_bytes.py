"""The same inputs give the same files, byte by byte, whatever the machine's number of cores."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulation import simulate
from tests.robustness.workshop import N_LEADS, RELEASE_FILE, ROOT, write_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COMMANDS = (["check"], ["train"], ["score"], ["publish"])


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with settings and a simulated export, and no store yet."""
    folder = tmp_path_factory.mktemp("export")
    write_settings(folder)
    simulate(folder / "data", n_leads=N_LEADS, seed=1)
    return folder


def run_all(folder: Path, *, n_cores: int) -> None:
    """Every command in a process of its own, on `n_cores` cores and as many threads of each numerical library."""
    cores = sorted(os.sched_getaffinity(0))[:n_cores]
    threads = {name: str(n_cores) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    for command in COMMANDS:
        subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *command],
            cwd=folder,
            env=os.environ | threads | {"PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
            check=True,
            capture_output=True,
        )


def files_of(store: Path) -> dict[str, bytes]:
    """What the store gives out: the scores, and what was published."""
    published = (store / "published").iterdir()
    return {path.name: path.read_bytes() for path in (store / "scored_leads" / "part-0.parquet", *published)}


def release_of(store: Path) -> dict[str, object]:
    """The manifest of the one release, without when it was made."""
    (file,) = store.rglob(RELEASE_FILE)
    return json.loads(file.read_text(encoding="utf-8")) | {"created_at": None}


def test_one_core_and_two_give_the_same_release_the_same_scores_and_the_same_files(export: Path, tmp_path: Path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core only")
    stores = []
    for n_cores in (1, 2):
        folder = tmp_path / f"{n_cores} cores"
        shutil.copytree(export, folder)
        run_all(folder, n_cores=n_cores)
        stores.append(folder / "var")
    assert release_of(stores[0]) == release_of(stores[1])
    assert files_of(stores[0]) == files_of(stores[1])
    assert len(files_of(stores[0])) == 1 + 5
