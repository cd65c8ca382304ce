"""Histories as DuckDB files: one that was accepted, one that was refused, each replaced as a whole."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data_contracts.disk import disk_errors, refused_by_machine
from data_contracts.errors import BusyError, ContractError, LeadScoreError, StoreError
from data_contracts.keeping import aside_of, held, scratch_folder, swap_in
from engines.duckdb import DuckDbEngine

_DAMAGED = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
"""What DuckDB raises where its file is no database of its own, was cut short, or is not there any more."""


@dataclass(frozen=True, slots=True)
class DuckDbHistories:
    """The port `HistoryStore` over the files of one folder.

    Attributes
    ----------
    folder
        Where the files are: `history.duckdb` and `history.refused.duckdb`.
    memory_limit
        How much memory the engine takes, in DuckDB's words. The rest is spilled beside the files.
    """

    folder: Path
    memory_limit: str = "4GB"

    @property
    def _history(self) -> Path:
        return self.folder / "history.duckdb"

    @property
    def _refused(self) -> Path:
        return self.folder / "history.refused.duckdb"

    def is_there(self) -> bool:
        """Whether a history was accepted."""
        return self._history.exists()

    @contextmanager
    def new(self) -> Iterator[DuckDbEngine]:
        """A file aside, swapped in once it is complete on disk and was opened again."""
        remedy = "run `leadscore check` again"
        with _file_errors(self._history, remedy=remedy), held(self._history, by="leadscore check"):
            aside = aside_of(self._history)
            try:
                yield from self._built(aside)
            finally:
                _remove(aside)

    def _built(self, aside: Path) -> Iterator[DuckDbEngine]:
        engine = DuckDbEngine.opened(aside, memory_limit=self.memory_limit)
        refusal = None
        try:
            yield engine
            _complete(engine)
        except ContractError as error:
            _complete(engine)
            refusal = error
        finally:
            engine.close()
        self._take(aside, self._history if refusal is None else self._refused)
        if refusal is not None:
            raise refusal

    def _take(self, aside: Path, path: Path) -> None:
        """Put the database `aside` in the place of `path` once every table of it was read."""
        engine = DuckDbEngine.opened(aside, memory_limit=self.memory_limit, read_only=True)
        try:
            for name in engine.tables():
                engine.table(name).count().to_pyarrow()
        finally:
            engine.close()
        swap_in(aside, path)

    @contextmanager
    def accepted(self) -> Iterator[DuckDbEngine]:
        """The file of the accepted history, read-only."""
        with self._opened(self._history) as engine:
            yield engine

    @contextmanager
    def last_judged(self) -> Iterator[DuckDbEngine | None]:
        """The later one of the two files, read-only."""
        there = [path for path in (self._history, self._refused) if path.exists()]
        if not there:
            yield None
            return
        with self._opened(max(there, key=lambda path: path.stat().st_mtime)) as engine:
            yield engine

    @contextmanager
    def _opened(self, path: Path) -> Iterator[DuckDbEngine]:
        with _file_errors(path, remedy="run `leadscore check` to make it anew"), scratch_folder(path) as spill:
            engine = DuckDbEngine.opened(path, memory_limit=self.memory_limit, read_only=True, spill=spill)
            try:
                yield engine
            finally:
                engine.close()


@contextmanager
def _file_errors(path: Path, *, remedy: str) -> Iterator[None]:
    """Say in our words what the disk and DuckDB raise while its file `path` is read or written.

    `remedy` is what to do where the file itself is damaged.
    """
    try:
        with disk_errors(path):
            yield
    except duckdb.Error as error:
        told = _told(error, path, remedy=remedy)
        if told is None:
            raise
        raise told from error


def _told(error: duckdb.Error, path: Path, *, remedy: str) -> LeadScoreError | None:
    """What `error` means for whoever runs this; None where it is a mistake of ours."""
    if "Could not set lock on file" in str(error):
        return BusyError(f"another process has {path} open; wait until it has ended")
    if refused := refused_by_machine(error, path):
        return refused
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(f"{path}: more memory is needed than is allowed; raise memory_limit in [engine]")
    return StoreError(f"{path} is damaged or no file of ours; {remedy}") if isinstance(error, _DAMAGED) else None


def _complete(engine: DuckDbEngine) -> None:
    """Have everything in the database's own file. Closing it would do so too, but would not say where that fails."""
    engine.backend.con.execute("CHECKPOINT")


def _remove(database: Path) -> None:
    for path in (database, database.with_name(f"{database.name}.wal")):
        path.unlink(missing_ok=True)
    shutil.rmtree(database.with_name(f"{database.name}.spill"), ignore_errors=True)
