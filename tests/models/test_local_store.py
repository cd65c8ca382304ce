"""A store in a file as real processes meet it: made by two at once, killed, damaged, full, moved and copied."""

import datetime as dt
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_contracts.errors import BusyError, StoreError
from data_contracts.keeping import held
from data_contracts.vocabulary import Transition
from models import local_store
from models.local_store import LocalStore
from models.registry import ReleaseRegistry
from tests.example_release import base_rate, leads, release_of

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
WIN = Transition.MQL_TO_WIN
SAMPLES = {WIN: leads(40)}

TRAINING = """
import sys
from models.registry import ReleaseRegistry
from tests.models.test_local_store import SAMPLES, small_release
print(ReleaseRegistry(f"sqlite:///{sys.argv[1]}").record(small_release(), samples=SAMPLES).version)
"""


def small_release(release_id: str = "small"):
    return release_of({WIN: base_rate(WIN)}, release_id=release_id)


def training_in(file: Path) -> subprocess.Popen[str]:
    """A process that records a small release in the store `file`."""
    return subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(file)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """What the process printed; it ended well."""
    said, complained = process.communicate(timeout=120)
    assert process.returncode == 0, complained
    return said.strip()


def statuses(file: Path) -> set[str]:
    with sqlite3.connect(file) as database:
        return {status for (status,) in database.execute("SELECT status FROM runs")}


def registry_in(folder: Path) -> ReleaseRegistry:
    return ReleaseRegistry(f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The folder of a store with one release in it, in production. Not to be written to."""
    folder = tmp_path_factory.mktemp("recorded") / "store"
    registry = registry_in(folder)
    registry.record(small_release(), samples=SAMPLES)
    registry.promote("1", because="it is the first", at=dt.datetime(2026, 5, 2), by="ops")
    return folder


@pytest.fixture
def store(recorded, tmp_path):
    """A copy of it in a folder of its own."""
    return Path(shutil.copytree(recorded, tmp_path / "copy"))


@pytest.mark.slow
def test_two_first_trainings_at_once_record_the_release_once(tmp_path):
    file = tmp_path / "store" / "mlflow.db"
    both = [training_in(file) for _ in range(2)]
    assert [ended(process) for process in both] == ["1", "1"]
    assert [version.version for version in registry_in(file.parent).versions()] == ["1"]
    assert statuses(file) == {"FINISHED"}


MOMENTS = {
    "the database is begun aside": lambda folder: any(folder.glob(".version-mlflow.db-*")),
    "its tables are half made": lambda folder: any(
        file.stat().st_size > 300_000 for file in folder.glob(".version-mlflow.db-????????")
    ),
    "the database is in place": lambda folder: (folder / "mlflow.db").exists(),
    "the first artefact is written": lambda folder: (folder / "mlflow_artefacts").exists(),
    "the plots are written": lambda folder: any(folder.rglob("*.png")),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_first_training_that_is_killed_leaves_a_store_in_which_the_next_succeeds(tmp_path, moment):
    file = tmp_path / "store" / "mlflow.db"
    process = training_in(file)
    while process.poll() is None and not (file.parent.exists() and MOMENTS[moment](file.parent)):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    assert ended(training_in(file)) == "1"
    registry = registry_in(file.parent)
    assert [version.aliases for version in registry.versions()] == [("candidate",)]
    assert registry.load("candidate").manifest == small_release().manifest
    assert statuses(file) <= {"FINISHED", "KILLED"}
    assert not list(file.parent.glob(".version-*"))


def test_a_store_is_the_owner_s_alone(recorded):
    files = [recorded / "mlflow.db", *(recorded / "mlflow_artefacts").rglob("*"), recorded / "mlflow_artefacts"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files if file.is_file()} == {0o600}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files if file.is_dir()} == {0o700}


def test_who_writes_is_waited_for_and_named(store, monkeypatch):
    monkeypatch.setattr(local_store, "WAIT_SECONDS", 0.1)
    with held(store / "mlflow.db", by="leadscore train"), pytest.raises(BusyError, match="leadscore train"):
        registry_in(store).promote("1", because="again", at=dt.datetime(2026, 5, 3), by="ops")


DAMAGES = {
    "garbage": lambda file: file.write_bytes(b"not a database" * 500),
    "cut short": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: os.truncate(file, 0),
    "half made": lambda file: sqlite3.connect(file).execute("DROP TABLE model_versions").connection.close(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_an_error_that_says_what_to_do_and_is_left_as_it_is(store, damage):
    file = store / "mlflow.db"
    DAMAGES[damage](file)
    before = file.read_bytes()
    registry = registry_in(store)
    for ask in (
        registry.versions,
        registry.manifest_in_force,
        lambda: registry.load("production"),
        lambda: registry.record(small_release("new"), samples=SAMPLES),
        lambda: registry.promote("1", because="again", at=dt.datetime(2026, 5, 3), by="ops"),
    ):
        with pytest.raises(
            StoreError, match=r"mlflow\.db holds no MLflow store .*restore it .*or move it away"
        ) as error:
            ask()
        assert error.value.exit_code == 11
    assert file.read_bytes() == before


def test_a_full_disk_is_an_error_that_says_so_and_the_store_stays_as_it_was(store):
    before = [version.version for version in registry_in(store).versions()]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError, match=r"cannot be read or written .*disk is not full"):
            registry_in(store).record(small_release("too much"), samples=SAMPLES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [version.version for version in registry_in(store).versions()] == before


def test_a_store_cannot_be_made_where_a_folder_bears_its_name(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(StoreError, match=r"mlflow\.db cannot be read or written"):
        registry_in(tmp_path).versions()


def test_a_store_that_was_moved_or_copied_works_where_it_is_now(recorded, store, tmp_path):
    assert registry_in(store).load("production").manifest == small_release().manifest
    shutil.move(str(store), str(tmp_path / "moved"))
    registry = registry_in(tmp_path / "moved")
    assert registry.load("production").manifest == small_release().manifest
    second = registry.record(small_release("second"), samples=SAMPLES)
    assert (
        second.version,
        registry.promote("2", because="moved", at=dt.datetime(2026, 5, 3), by="ops", force=True).version,
    ) == ("2", "2")
    text = (tmp_path / "moved" / "mlflow.db").read_bytes()
    assert str(recorded).encode() not in text
    assert b"/copy/mlflow_artefacts" not in text
    assert [version.version for version in registry_in(recorded).versions()] == ["1"], "the first one is untouched"


def test_mlflow_itself_finds_the_artefacts_of_a_moved_store(store, tmp_path):
    from mlflow import MlflowClient  # here, because what MLflow says is decided on its first import

    registry_in(store).versions()
    client = MlflowClient(tracking_uri=f"sqlite:///{store / 'mlflow.db'}")
    version = client.get_model_version("lead-scoring", "1")
    assert version.source.startswith((store / "mlflow_artefacts").as_uri())
    files = {file.path for file in client.list_artifacts(version.run_id, "release")}
    assert files == {"release/release.json", "release/MLmodel", "release/input_example.json"}
    (tmp_path / "out").mkdir()
    assert Path(client.download_artifacts(version.run_id, "release", str(tmp_path / "out"))).is_dir()


def test_a_store_without_its_artefacts_beside_it_still_finds_those_where_they_were(recorded, tmp_path):
    (tmp_path / "alone").mkdir()
    shutil.copy(recorded / "mlflow.db", tmp_path / "alone" / "mlflow.db")
    assert registry_in(tmp_path / "alone").load("production").manifest == small_release().manifest


def test_the_working_folder_does_not_matter_once_a_store_is_named(store, tmp_path, monkeypatch):
    monkeypatch.chdir(store)
    registry = ReleaseRegistry("sqlite:///mlflow.db")
    monkeypatch.chdir(tmp_path)
    assert [version.version for version in registry.versions()] == ["1"]


def test_a_server_is_no_store_in_a_file():
    assert LocalStore.of("http://127.0.0.1:5000") is None


AT_WORK = """
import sys, time
from pathlib import Path
from models.local_store import LocalStore
with LocalStore(Path(sys.argv[1])).alive(sys.argv[2]):
    print("at work", flush=True)
    time.sleep(60)
"""


def test_a_run_is_alive_as_long_as_its_process_is_and_what_a_killed_one_left_is_removed(tmp_path):
    store = LocalStore(tmp_path / "mlflow.db")
    with store.alive("mine"):
        command = [sys.executable, "-c", AT_WORK, str(store.file), "theirs"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "at work\n"
            assert store.alive_runs() == {"mine", "theirs"}
            process.kill()
        assert len(list(tmp_path.iterdir())) == 2
        assert store.alive_runs() == {"mine"}
    assert store.alive_runs() == set()
    assert list(tmp_path.iterdir()) == []
