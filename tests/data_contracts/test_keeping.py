import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from data_contracts import keeping
from data_contracts.errors import BusyError
from data_contracts.keeping import aside_of, held, kept_file, kept_folder, scratch_folder

HOLD = """
import sys, time
from pathlib import Path
from data_contracts.keeping import aside_of, held
path = Path(sys.argv[1])
with held(path, by="leadscore score"):
    aside_of(path).write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock of `kept` and has begun a version of it."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "kept")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fill(path: Path) -> None:
    path.write_text("new")
    raise OSError("the disk is full")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_who_holds_the_lock_is_told(tmp_path: Path, holder: subprocess.Popen[str]):
    said = rf"leadscore score \(process {holder.pid} on .+, since 20.+ UTC\) is at work on .*kept; wait"
    with pytest.raises(BusyError, match=said), held(tmp_path / "kept", by="leadscore check"):
        pass


def test_who_has_only_just_taken_the_lock_is_told_once_its_card_is_there(tmp_path: Path):
    kept, taken = tmp_path / "kept", FileLock(tmp_path / "kept.lock", thread_local=False)
    with taken:
        (tmp_path / "kept.lock").write_text("")
        card = '{"by": "leadscore publish", "process": 1, "machine": "one"}'
        late = threading.Timer(0.3, (tmp_path / "kept.lock").write_text, [card])
        late.start()
        with pytest.raises(BusyError, match=r"leadscore publish \(process 1 on one"), held(kept, by="leadscore check"):
            pass
        late.join()


def test_the_lock_of_a_killed_run_is_free_and_what_it_left_is_removed(tmp_path: Path, holder: subprocess.Popen[str]):
    assert any(name.startswith(".version-kept-") for name in names(tmp_path))
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with held(tmp_path / "kept", by="leadscore check"):
        assert names(tmp_path) == {"kept.lock"}


def test_a_lock_is_waited_for(tmp_path: Path, holder: subprocess.Popen[str]):
    with pytest.raises(BusyError, match="leadscore score"), held(tmp_path / "kept", by="leadscore check"):
        pass
    ends = threading.Timer(0.3, holder.kill)
    ends.start()
    with held(tmp_path / "kept", by="leadscore check", wait_seconds=60):
        assert "leadscore check" in (tmp_path / "kept.lock").read_text()
    ends.join()


def test_a_file_is_replaced_when_it_is_complete_and_is_the_owners_alone(tmp_path: Path):
    path = tmp_path / "kept"
    path.write_text("old")
    with held(path, by="test"), kept_file(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert mode(path) == 0o600
    assert mode(tmp_path) == 0o700
    assert names(tmp_path) == {"kept", "kept.lock"}


def test_a_file_whose_making_fails_leaves_the_old_one_and_nothing_aside(tmp_path: Path):
    path = tmp_path / "kept"
    path.write_text("old")
    with pytest.raises(OSError, match="disk is full"), held(path, by="test"), kept_file(path) as aside:
        fill(aside)
    assert path.read_text() == "old"
    assert names(tmp_path) == {"kept", "kept.lock"}


def test_what_replaces_is_on_disk_before_and_the_folder_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine that loses power must not be left with an empty file under the new name."""
    done: list[str] = []
    path = tmp_path / "kept"
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        done.append("fsync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "fsync file")
        fsync(handle)

    def noted_replace(self: Path, target: Path) -> Path:
        done.append("replace")
        return replace(self, target)

    monkeypatch.setattr(keeping.os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    with kept_file(path) as aside:
        aside.write_text("new")
    assert done == ["fsync file", "replace", "fsync folder"]
    done.clear()
    with kept_folder(tmp_path / "folder") as version:
        (version / "one").write_text("1")
    assert done == ["fsync file", "fsync folder", "replace", "fsync folder"]


def test_all_files_of_a_folder_are_replaced_in_one_step(tmp_path: Path):
    path = tmp_path / "published"
    for text in ("old", "new"):
        with kept_folder(path) as version:
            (version / "one").write_text(text)
            (version / "two").write_text(text)
            assert not path.exists() or (path / "one").read_text() == "old"
        assert {(path / name).read_text() for name in ("one", "two")} == {text}
    assert mode(path.resolve()) == 0o700
    assert mode(path / "one") == 0o600
    assert len(names(tmp_path)) == 2, "the link and its version"


def test_a_folder_whose_making_fails_leaves_the_old_one(tmp_path: Path):
    path = tmp_path / "published"
    with kept_folder(path) as version:
        (version / "one").write_text("old")
    with pytest.raises(OSError, match="disk is full"), kept_folder(path) as version:
        fill(version / "one")
    assert (path / "one").read_text() == "old"
    assert len(names(tmp_path)) == 2


def test_a_folder_may_be_moved_with_its_links(tmp_path: Path):
    (tmp_path / "here").mkdir()
    with kept_folder(tmp_path / "here" / "published") as version:
        (version / "one").write_text("1")
    (tmp_path / "here").rename(tmp_path / "there")
    assert (tmp_path / "there" / "published" / "one").read_text() == "1"


def test_a_plain_folder_becomes_a_kept_one(tmp_path: Path):
    path = tmp_path / "published"
    path.mkdir()
    (path / "one").write_text("old")
    with kept_folder(path) as version:
        (version / "one").write_text("new")
    assert (path / "one").read_text() == "new"
    assert len(names(tmp_path)) == 2


def test_names_aside_are_never_the_same(tmp_path: Path):
    assert len({aside_of(tmp_path / "kept") for _ in range(100)}) == 100


SCRATCH = """
import sys, time
from pathlib import Path
from data_contracts.keeping import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "spilled").write_text("much")
    print("working", flush=True)
    time.sleep(60)
"""


def test_a_scratch_folder_is_gone_afterwards_and_a_killed_run_s_is_removed_by_the_next(tmp_path: Path):
    command = [sys.executable, "-c", SCRATCH, str(tmp_path / "history.duckdb")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        with scratch_folder(tmp_path / "history.duckdb"):
            assert len(names(tmp_path)) == 2, "a run that is alive keeps its own"
        process.kill()
    assert len(names(tmp_path)) == 1
    with scratch_folder(tmp_path / "history.duckdb"):
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == set()


def test_what_is_made_under_a_lock_by_whatever_means_is_the_owner_s_alone(tmp_path: Path):
    before = os.umask(0o022)
    try:
        with held(tmp_path / "kept", by="leadscore score"):
            (tmp_path / "beside").write_text("made by a library")
        (tmp_path / "later").write_text("made after it")
    finally:
        os.umask(before)
    assert (mode(tmp_path / "beside"), mode(tmp_path / "later")) == (0o600, 0o644)
