"""What the store keeps stays readable whatever becomes of the run that replaces it."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from data_contracts.errors import SourceError, StoreError
from data_contracts.settings import load_settings
from pipelines.cli import app
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

ROOT = Path(__file__).parents[2]
N_LEADS = 400
MADE_BY_A_CHECK = {"history.duckdb", "history.duckdb.lock", "data_docs", "checks", "checks.lock"}

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def checked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small simulated export that was checked once."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "config").symlink_to(ROOT / "config")
    before = Path.cwd()
    os.chdir(folder)
    try:
        settings = load_settings(Path("config/scoring.toml"))
        simulate(settings.crm.data_folder, n_leads=N_LEADS, seed=3)
        ingest_history(settings)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def workspace(checked_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the working folder."""
    folder = tmp_path / "workspace"
    shutil.copytree(checked_folder, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def store() -> Store:
    return Store.of(load_settings(Path("config/scoring.toml")))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, " ".join(result.stderr.split())


def fingerprint() -> str:
    with store().checked_history() as checked:
        return checked.history.fingerprint


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".version-data_docs-")}


@contextmanager
def leadscore(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs a command."""
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        yield one


class SmallDisk:
    """A file system of its own that can be filled up, enlarged and mounted read-only."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))

    def enlarge(self, megabytes: int) -> None:
        self._mount("-o", f"remount,rw,size={megabytes}m", str(self.folder))

    def make_read_only(self) -> None:
        self._mount("-o", "remount,ro", str(self.folder))

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)

    def _mount(self, *arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.fixture
def small_disk(workspace: Path) -> Iterator[SmallDisk]:
    """The workspace's store on a small file system; needs root."""
    before = workspace / "var"
    aside = before.rename(workspace / "var.before")
    before.mkdir()
    try:
        disk = SmallDisk(before, 200)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system can be mounted by root only")
    shutil.copytree(aside, before, dirs_exist_ok=True, symlinks=True)
    yield disk
    disk.unmount()


def test_a_check_leaves_one_complete_database_and_nothing_aside(workspace: Path):
    assert kept(store().folder) == MADE_BY_A_CHECK
    assert store().data_docs.is_symlink(), "pages are replaced together"
    assert (store().data_docs / "index.html").exists()
    assert len(list((store().data_docs / "runs").iterdir())) == 1
    assert len(list((store().folder / "checks").iterdir())) == 1
    assert fingerprint()


def test_everything_in_the_store_is_the_owners_alone(workspace: Path):
    for path in (store().folder, *store().folder.rglob("*")):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.slow
def test_a_second_check_is_told_who_checks(workspace: Path):
    with leadscore("check") as first:
        lock = (store().folder / "history.duckdb").with_name("history.duckdb.lock")
        building = lambda: list(store().folder.glob(".version-history*"))  # noqa: E731
        while not building():
            time.sleep(0.02)
        code, said = run("check")
        first.wait()
    assert code == 10
    assert f"leadscore check (process {first.pid} on" in said
    assert first.returncode == 0
    assert lock.exists()


@pytest.mark.slow
@pytest.mark.parametrize("after_seconds", [0.0, 0.3, 1.0])
def test_a_check_that_is_killed_leaves_the_last_history_and_the_next_one_cleans_up(
    workspace: Path, after_seconds: float
):
    before = fingerprint()
    with leadscore("check") as process:
        while not list(store().folder.glob(".version-history*")):
            time.sleep(0.01)
        time.sleep(after_seconds)
        process.send_signal(signal.SIGKILL)
    assert fingerprint() == before
    assert run("check")[0] == 0
    assert kept(store().folder) == MADE_BY_A_CHECK
    assert fingerprint() == before


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_history_and_says_so(workspace: Path, small_disk: SmallDisk):
    before = fingerprint()
    used = int(subprocess.run(["du", "-sm", "var"], capture_output=True, text=True, check=True).stdout.split()[0])
    for megabytes in range(used + 1, used + 12, 2):
        small_disk.enlarge(megabytes)
        code, said = run("check")
        assert fingerprint() == before
        if code == 0:
            break
        assert code == 11
        assert "the disk is full" in said
        assert "SELECT" not in said
    small_disk.enlarge(200)
    assert run("check")[0] == 0
    assert kept(store().folder) == MADE_BY_A_CHECK


def test_a_store_on_a_read_only_file_system_is_an_error_that_says_so(workspace: Path, small_disk: SmallDisk):
    small_disk.make_read_only()
    code, said = run("check")
    assert code == 11
    assert "mounted read-only" in said


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500, None], ids=["empty", "garbage", "truncated"])
def test_a_damaged_history_is_an_error_for_readers_and_is_made_anew_by_a_check(workspace: Path, content: bytes | None):
    path = store().folder / "history.duckdb"
    path.write_bytes(path.read_bytes()[:20_000] if content is None else content)
    with pytest.raises((StoreError, SourceError), match="leadscore check"):
        fingerprint()
    code, said = run("quarantine")
    assert code in (4, 11)
    code, said = run("check")
    assert code == 0
    assert "the last check's report cannot be read" in said
    assert fingerprint()


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE check_report RENAME COLUMN report TO told", "UPDATE check_report SET report = '{\"tables\": [{}]}'"],
)
def test_a_report_that_another_version_kept_does_not_block_a_check(workspace: Path, change: str):
    with duckdb.connect(str(store().folder / "history.duckdb")) as connection:
        connection.execute(change)
    with pytest.raises(SourceError, match="another version of leadscore; run `leadscore check`"):
        fingerprint()
    code, said = run("check")
    assert code == 0
    assert "the last check's report cannot be read" in said


def test_a_history_that_another_process_has_open_for_writing_is_an_error_that_says_so(workspace: Path):
    history = str(store().folder / "history.duckdb")
    code = f"import duckdb; c = duckdb.connect({history!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None
        one.stdout.readline()
        code_, said = run("quarantine")
        one.kill()
    assert code_ == 10
    assert "another process has" in said
