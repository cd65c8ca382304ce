"""The engine that holds the history: an embedded DuckDB file behind Ibis."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import ibis
from ibis.backends.duckdb import Backend

from data_contracts.errors import BusyError, StoreError

_DAMAGED = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
"""What the engine raises where its file is no database of its own, was cut short, or is not there any more."""

_CAUSES = {
    "the disk is full": (errno.ENOSPC, "No space left on device", "make room and run this again"),
    "the disk quota is used up": (errno.EDQUOT, "Disk quota exceeded", "make room and run this again"),
    "the file system is mounted read-only": (errno.EROFS, "Read-only file system", "mount it for writing"),
    "this user may not read or write it": (errno.EACCES, "Permission denied", "run this as the owner of the store"),
}
"""What the machine refuses: its error number, how the engine words it, and what to do about it."""


def open_engine(
    path: Path | None = None, *, memory_limit: str = "4GB", read_only: bool = False, spill: Path | None = None
) -> Backend:
    """An Ibis connection to the DuckDB file at `path`, or to memory where `path` is None.

    Times are UTC whatever the machine's zone. `memory_limit` is DuckDB's own (`"4GB"`); what does not fit is spilled
    into the folder `spill`, by default `<path>.spill`, and fails where there is neither.
    """
    spill = path.with_name(f"{path.name}.spill") if path is not None and spill is None else spill
    options = {"memory_limit": memory_limit, "temp_directory": str(spill) if spill else ""}
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = ibis.duckdb.connect(str(path) if path else ":memory:", read_only=read_only, **options)
    engine.raw_sql("SET TimeZone = 'UTC'")
    return engine


@contextmanager
def store_errors(path: Path, *, remedy: str) -> Iterator[None]:
    """Say in our words what the disk and the engine's file raise while `path` is read or written.

    `remedy` is what to do where the file itself is damaged. Raises `BusyError` where another process has the file open
    for writing, `StoreError` where it is damaged, the disk is full, or it may not be read or written.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        told = _told(error, path, remedy=remedy)
        if told is None:
            raise
        raise told from error


def _told(error: OSError | duckdb.Error, path: Path, *, remedy: str) -> BusyError | StoreError | None:
    """What `error` means for whoever runs this; None where it is a mistake of ours."""
    said = str(error)
    if "Could not set lock on file" in said:
        return BusyError(f"another process has {path} open; wait until it has ended")
    for cause, (code, sign, what) in _CAUSES.items():
        if (isinstance(error, OSError) and error.errno == code) or sign in said:
            return StoreError(f"{path}: {cause}; {what}")
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(f"{path}: more memory is needed than is allowed; raise memory_limit in [engine]")
    if isinstance(error, _DAMAGED):
        return StoreError(f"{path} is damaged or no file of ours; {remedy}")
    return StoreError(f"{path} cannot be read or written: {error.strerror}") if isinstance(error, OSError) else None
