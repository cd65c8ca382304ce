"""What the engine runs out of: disk and memory. Neither is anybody's SELECT's fault, and the errors say so."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from ibis.backends.duckdb import Backend

from data_contracts.errors import LeadScoreError, SettingsError, StoreError

_DISK_FULL = ("no space left", "could not write all bytes", "max_temp_directory_size", "disk quota")
_MEMORY_FULL = ("out of memory", "bad allocation")
_GIGABYTE = 1e9


@contextmanager
def enough_of_everything(engine: Backend) -> Iterator[None]:
    """Work in `engine`, in which running out of something is told as that.

    Raises
    ------
    StoreError
        Where the disk is full. Says how much is free and where.
    SettingsError
        Where the engine's memory is too little. Names the setting.
    """
    # Asked beforehand: an engine whose disk was full answers nothing any more.
    folder, memory_limit = _folder_of(engine), _memory_limit_of(engine)
    try:
        yield
    except LeadScoreError:
        raise
    except Exception as error:
        # Whoever works in the engine wraps its errors in their own, so the message alone tells what it is.
        message = str(error).lower()
        if any(sign in message for sign in _DISK_FULL):
            raise _disk_full(folder) from error
        if any(sign in message for sign in _MEMORY_FULL):
            raise _memory_full(memory_limit) from error
        raise


def _folder_of(engine: Backend) -> Path:
    row = engine.con.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()").fetchone()
    return Path(row[0]).parent if row and row[0] else Path(gettempdir())


def _memory_limit_of(engine: Backend) -> str:
    row = engine.con.execute("SELECT current_setting('memory_limit')").fetchone()
    return str(row[0]) if row else "unknown"


def _disk_full(folder: Path) -> StoreError:
    free = shutil.disk_usage(folder).free / _GIGABYTE
    return StoreError(
        f"the disk is full: {free:.2f} GB are free in {folder.absolute()}; free some space there, or put the store "
        "elsewhere (folder in [store]), and run again"
    )


def _memory_full(memory_limit: str) -> SettingsError:
    return SettingsError(
        f"the engine ran out of memory: it may use {memory_limit}; raise memory_limit in [engine] of the settings file"
    )
