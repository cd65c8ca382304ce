"""How everything that outlives a run is kept: made aside, complete on disk, then swapped in one step under a lock.

What stood before stands until the swap, and stays where the run fails or is killed. What a killed run left aside is
removed by the next run that holds the lock. Everything is the owner's alone: files 0600, folders 0700.

Example: `with held(path, by="leadscore score"), kept_file(path) as aside: write(aside)`.
"""

import datetime as dt
import json
import os
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from data_contracts.errors import BusyError

_OTHERS = 0o077
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_SCRATCH, _ALIVE = ".scratch-", "alive.lock"
_CARD_SECONDS = 2.0


@contextmanager
def held(path: Path, *, by: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of what is kept at `path`, as `by` ("leadscore score"); remove what a killed run left aside.

    The lock is the file `<path>.lock`, which says who holds it. The operating system gives it back when the process
    ends, however it ends. Whatever is made meanwhile is the owner's alone.

    Raises
    ------
    BusyError
        Where another run still holds it after `wait_seconds`. Says which command, process, machine, and since when.
    """
    _make_private(path.parent)
    lock = path.with_name(f"{path.name}.lock")
    taken = FileLock(lock, timeout=wait_seconds, mode=_FILE_MODE, thread_local=False)
    try:
        taken.acquire()
    except Timeout:
        raise BusyError(f"{_holder(lock)} is at work on {path}; wait until it has ended") from None
    before = os.umask(_OTHERS)
    try:
        lock.write_text(json.dumps({"by": by, "process": os.getpid(), "machine": socket.gethostname()}))
        _remove_leftovers(path)
        yield
    finally:
        os.umask(before)
        taken.release()


def _make_private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != _FOLDER_MODE:
        folder.chmod(_FOLDER_MODE)


def _holder(lock: Path) -> str:
    """Who holds `lock`, in words. Who has only just taken it has not written its card yet, so that is waited for."""
    until = time.monotonic() + _CARD_SECONDS
    while True:
        try:
            card = json.loads(lock.read_text())
            since = dt.datetime.fromtimestamp(lock.stat().st_mtime, dt.UTC)
            return f"{card['by']} (process {card['process']} on {card['machine']}, since {since:%Y-%m-%d %H:%M:%S} UTC)"
        except (OSError, ValueError, KeyError):
            if time.monotonic() > until:
                return "another run"
            time.sleep(_CARD_SECONDS / 20)


def aside_of(path: Path) -> Path:
    """A name beside `path` that nothing bears yet, for a new version of it."""
    return path.with_name(f"{_versions(path)}{secrets.token_hex(4)}")


def swap_in(aside: Path, path: Path) -> None:
    """Put the file `aside` in the place of `path`, in one step, once it is complete on disk."""
    aside.chmod(_FILE_MODE)
    _flush(aside)
    aside.replace(path)
    _flush(path.parent)


@contextmanager
def kept_file(path: Path, *, within: Path | None = None) -> Iterator[Path]:
    """A name aside to write a file to; the file replaces `path` on success, and is removed otherwise.

    `within` is the kept folder that `path` is in, where the folder is what is held. The file is then written beside the
    folder, so that its next holder removes what a killed run left.
    """
    aside = aside_of(within or path)
    try:
        yield aside
        swap_in(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def kept_folder(path: Path) -> Iterator[Path]:
    """An empty folder aside to write files to; all of them replace the folder `path` in one step on success.

    `path` is a link to its present version, because a link can be replaced in one step and a folder cannot.
    """
    version = aside_of(path)
    version.mkdir(mode=_FOLDER_MODE, parents=True)
    try:
        yield version
        for file in (*version.rglob("*"), version):
            file.chmod(_FOLDER_MODE if file.is_dir() else _FILE_MODE)
            _flush(file)
        _point(path, version)
    finally:
        _remove_leftovers(path)


@contextmanager
def new_folder(path: Path, *, within: Path) -> Iterator[Path]:
    """An empty folder aside to write files to; on success it is `path`, which nothing bore before, in one step.

    `within` is what is held: its next holder removes what a killed run left.
    """
    aside = aside_of(within)
    aside.mkdir(mode=_FOLDER_MODE, parents=True)
    try:
        yield aside
        for file in (*aside.iterdir(), aside):
            file.chmod(_FOLDER_MODE if file.is_dir() else _FILE_MODE)
            _flush(file)
        aside.rename(path)
        _flush(path.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _point(path: Path, version: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rename(aside_of(path))  # a plain folder: from a copy that followed links
    link = aside_of(path)
    link.symlink_to(version.name)
    link.replace(path)
    _flush(path.parent)


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """An empty folder beside `beside` for what is needed while a run lasts; those of killed runs are removed first.

    Each is locked by its process, so that no run removes what another still works in.
    """
    _make_private(beside.parent)
    for lock in list(beside.parent.glob(f"{_SCRATCH}*/{_ALIVE}")):
        _remove_if_dead(lock)
    folder = beside.with_name(f"{_SCRATCH}{secrets.token_hex(4)}")
    folder.mkdir(mode=_FOLDER_MODE)
    try:
        with FileLock(folder / _ALIVE, mode=_FILE_MODE, thread_local=False):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_dead(lock: Path) -> None:
    try:
        with FileLock(lock, timeout=0, thread_local=False):
            shutil.rmtree(lock.parent, ignore_errors=True)
    except (Timeout, OSError):
        return  # its process is alive, or has just removed it


def _versions(path: Path) -> str:
    """The beginning of the names of all versions of `path`."""
    return f".version-{path.name}-"


def _remove_leftovers(path: Path) -> None:
    """Remove every version of `path` but the present one."""
    present = path.readlink().name if path.is_symlink() else None
    for version in list(path.parent.iterdir()):
        if not version.name.startswith(_versions(path)) or version.name == present:
            continue
        if version.is_dir() and not version.is_symlink():
            shutil.rmtree(version)
        else:
            version.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the file (or the folder's list of files) on disk, not only in the machine's memory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
