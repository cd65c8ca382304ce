"""An MLflow store in a file: made in one step, written by one run at a time, at home in whatever folder it is in."""

import errno
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from data_contracts.errors import LeadScoreError, StoreError
from data_contracts.keeping import aside_of, held, swap_in

WAIT_SECONDS = 600.0
"""How long a run waits for another one that is writing: recording a release takes less than a minute."""

EXPERIMENT = "lead-scoring"
"""The experiment that is made with the store."""

EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it, MLflow's pages take the runs for those of a language model."""

_SQLITE = "sqlite:///"
_MLFLOW_DATABASE_LOG = "mlflow.store.db.utils"

_LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
"""Every column of MLflow's in which the place of artefacts stands, as an absolute address."""

_FULL_OR_READ_ONLY = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO)


@dataclass(frozen=True, slots=True)
class LocalStore:
    """An MLflow store in the SQLite file `file`, with its artefacts in the folder `mlflow_artefacts` beside it."""

    file: Path

    @classmethod
    def of(cls, tracking_uri: str) -> "LocalStore | None":
        """The store in the file that `tracking_uri` names; None where it names a server."""
        if not tracking_uri.startswith(_SQLITE):
            return None
        return cls(Path(tracking_uri.removeprefix(_SQLITE)).resolve())

    @property
    def artefacts(self) -> Path:
        """Where the artefacts of its runs are."""
        return self.file.with_name("mlflow_artefacts")

    @property
    def tracking_uri(self) -> str:
        """As MLflow wants it: absolute, because MLflow keeps connections by this name when the folder changes."""
        return f"{_SQLITE}{self.file}"

    def exists(self) -> bool:
        """Whether anything was ever recorded here."""
        return self.file.exists()

    @contextmanager
    def writing(self, *, by: str) -> Iterator[None]:
        """Hold the store for writing as `by` ("leadscore train"); make it where it is not there yet.

        Another run is waited for.

        Raises
        ------
        BusyError
            Where another run still writes after `WAIT_SECONDS`.
        StoreError
            Where the file is damaged, or cannot be written.
        """
        with self.saying_what_is_wrong(), held(self.file, by=by, wait_seconds=WAIT_SECONDS):
            if self.exists():
                self._refuse_damaged()
                self._move_in()
            else:
                self._make()
            yield

    def settle(self) -> None:
        """See that the store can be read, and that it names its artefacts where they are now.

        A store that was moved or copied with its artefacts is given its new addresses. Raises as `writing` does.
        """
        with self.saying_what_is_wrong():
            self._refuse_damaged()
            if self._moved_from() is None:
                return
            with held(self.file, by="leadscore, after the store was moved", wait_seconds=WAIT_SECONDS):
                self._move_in()

    @contextmanager
    def alive(self, run_id: str) -> Iterator[None]:
        """Let other processes know that the run is at work, for as long as this process is."""
        lock = self._lock_of(run_id)
        with FileLock(lock, timeout=0, mode=0o600, thread_local=False):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def alive_runs(self) -> frozenset[str]:
        """The ids of the runs whose process is at work; what dead ones left is removed. Ask while writing."""
        locks = self.file.parent.glob(self._lock_of("*").name)
        return frozenset(lock.name.split(".")[-2] for lock in locks if not _removed_as_dead(lock))

    def _lock_of(self, run_id: str) -> Path:
        return self.file.with_name(f"{self.file.name}.run.{run_id}.lock")

    @contextmanager
    def saying_what_is_wrong(self) -> Iterator[None]:
        """Turn what SQLite, MLflow and the file system say about a damaged or full store into a `StoreError`.

        MLflow would log a traceback of its own beside it, and that it makes its tables.
        """
        logging.getLogger(_MLFLOW_DATABASE_LOG).setLevel(logging.CRITICAL)
        try:
            yield
        except LeadScoreError:
            raise
        except Exception as error:
            if (cause := _cause(error)) is None:
                raise
            file = cause.filename if isinstance(cause, OSError) and cause.filename else self.file
            reason = cause.strerror if isinstance(cause, OSError) else str(getattr(cause, "orig", cause))
            raise StoreError(
                f"{file} cannot be read or written ({reason}); see that the disk is not full, that the folder may be "
                "written to and that no other program holds the file, then run the command again"
            ) from error

    def _refuse_damaged(self) -> None:
        try:
            with closing(sqlite3.connect(f"{self.file.as_uri()}?mode=rw", uri=True)) as database:
                found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
                known = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.OperationalError:
            raise  # not damaged: locked, read-only, or no file at all
        except sqlite3.DatabaseError as error:
            found, known = str(error), set()
        lacking = {table for table, _ in _LOCATIONS} - known
        if found == "ok" and not lacking:
            return
        found = f"MLflow's tables {', '.join(sorted(lacking))} are not in it" if found == "ok" else found
        raise StoreError(
            f"{self.file} holds no MLflow store that can be read ({found}); restore it from a backup, or move it away "
            "and train anew with `leadscore train`"
        )

    def _make(self) -> None:
        """Make the store aside, with all of MLflow's tables and the experiment, and put it in place in one step."""
        from mlflow.entities import ExperimentTag
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        location = self.artefacts.as_uri()
        aside = aside_of(self.file)
        try:
            made = SqlAlchemyStore(f"{_SQLITE}{aside}", location)  # type: ignore[no-untyped-call]
            tags = [ExperimentTag(name, value) for name, value in EXPERIMENT_TAGS.items()]
            made.create_experiment(EXPERIMENT, artifact_location=location, tags=tags)  # type: ignore[no-untyped-call]
            made.engine.dispose()
            swap_in(aside, self.file)
        finally:
            for left in (aside, aside.with_name(f"{aside.name}-journal")):
                left.unlink(missing_ok=True)

    def _moved_from(self) -> str | None:
        """The address of the artefacts that the store still names; None where it is the right one.

        It is also right where only the file is here: the artefacts are then where they always were.
        """
        with closing(sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True)) as database:
            query = "SELECT artifact_location FROM experiments WHERE name = ?"
            found = database.execute(query, (EXPERIMENT,)).fetchone()
        if found is None or found[0] == self.artefacts.as_uri():
            return None
        return str(found[0]) if self.artefacts.is_dir() else None

    def _move_in(self) -> None:
        """Put the present address of the artefacts in the place of the one before, everywhere at once."""
        before, now = self._moved_from(), self.artefacts.as_uri()
        if before is None:
            return
        with closing(sqlite3.connect(self.file)) as database, database:
            for table, column in _LOCATIONS:
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (now, len(before) + 1, before, len(before) + 1, f"{before}/"),
                )


def _removed_as_dead(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0, thread_local=False):
            lock.unlink(missing_ok=True)
    except Timeout:
        return False
    return True


def is_full_or_read_only(error: BaseException) -> bool:
    """Whether the file system says that it may not or cannot keep more."""
    return isinstance(error, OSError) and error.errno in _FULL_OR_READ_ONLY


def _cause(error: BaseException) -> BaseException | None:
    """What the file system or SQLite said, among the causes of `error`; None where it is about something else."""
    from sqlalchemy.exc import SQLAlchemyError

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, sqlite3.Error | SQLAlchemyError):
            return seen
        if is_full_or_read_only(seen):
            return seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return None
