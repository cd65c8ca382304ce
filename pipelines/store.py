"""Where a run keeps what it makes: one folder per settings file."""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir

from data_contracts.check import open_checked
from data_contracts.engine import store_errors
from data_contracts.errors import ContractError, SourceError
from data_contracts.history import CheckedHistory
from data_contracts.keeping import aside_of, held, scratch_folder, swap_in
from data_contracts.settings import Settings
from engines.duckdb import DuckDbEngine


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of one settings file and the names of what is in it."""

    folder: Path
    memory_limit: str

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """The store that `settings` name."""
        return cls(settings.crm.store, settings.engine.memory_limit)

    @property
    def history(self) -> Path:
        """The checked history: one DuckDB file."""
        return self.folder / "history.duckdb"

    @property
    def refused_history(self) -> Path:
        """The history of the last run that was stopped by its contract, with its quarantine."""
        return self.folder / "history.refused.duckdb"

    @property
    def data_docs(self) -> Path:
        """The pages that Great Expectations writes about the last check."""
        return self.folder / "data_docs"

    @property
    def scores(self) -> Path:
        """The scores of the last scoring run."""
        return self.folder / "scored_leads.parquet"

    @property
    def published(self) -> Path:
        """The folder of the file sink."""
        return self.folder / "published"

    @property
    def tracking_uri(self) -> str:
        """The MLflow store: the server named in the environment, else a file here."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.folder / 'mlflow.db'}"

    def scores_as_of(self, moment: dt.datetime) -> Path:
        """The scores of a question about the past, which leave those of the last scoring run alone."""
        return self.folder / f"scored_leads.as_of_{moment:%Y-%m-%dT%H%M%S}.parquet"

    @contextmanager
    def new_history(self) -> Iterator[DuckDbEngine]:
        """An empty engine that becomes the history on success, and the refused history on a `ContractError`.

        The history of the run before stands until the new one is complete on disk and was opened again. Raises
        `BusyError` where another run is building a history here, `StoreError` where the disk takes no more.
        """
        with store_errors(self.history, remedy="run `leadscore check` again"), held(self.history, by="leadscore check"):
            aside = aside_of(self.history)
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
        if refusal is not None:
            self._take(aside, self.refused_history, proof=_quarantine_opens)
            raise refusal
        self._take(aside, self.history, proof=_history_opens)

    def _take(self, aside: Path, path: Path, *, proof: Callable[[DuckDbEngine], None]) -> None:
        """Put the database `aside` in the place of `path` once it has given proof that it can be read."""
        engine = DuckDbEngine.opened(aside, memory_limit=self.memory_limit, read_only=True)
        try:
            proof(engine)
        finally:
            engine.close()
        swap_in(aside, path)

    @contextmanager
    def checked_history(self) -> Iterator[CheckedHistory]:
        """The checked history, read-only.

        Raises `SourceError` where none was checked yet, `StoreError` where it cannot be read.
        """
        if not self.history.exists():
            raise SourceError(f"there is no checked history in {self.folder}; run `leadscore check` first")
        with self._opened(self.history) as engine:
            yield open_checked(engine)

    @contextmanager
    def _opened(self, database: Path) -> Iterator[DuckDbEngine]:
        with (
            store_errors(database, remedy="run `leadscore check` to make it anew"),
            scratch_folder(database) as spill,
        ):
            engine = DuckDbEngine.opened(database, memory_limit=self.memory_limit, read_only=True, spill=spill)
            try:
                yield engine
            finally:
                engine.close()

    def quarantined(self, *, rule: str, limit: int) -> list[dict[str, str]]:
        """The first `limit` breaches of the last check (of one rule, if `rule` is given), in order of table and row.

        The last check may have been stopped by its contract. Raises `SourceError` where there was none.
        """
        databases = [path for path in (self.history, self.refused_history) if path.exists()]
        if not databases:
            raise SourceError(f"nothing was checked yet in {self.folder}; run `leadscore check` first")
        last = max(databases, key=lambda path: path.stat().st_mtime)
        with self._opened(last) as engine:
            breaches = engine.table("quarantine")
            if rule:
                _refuse_unknown_rule(breaches, rule)
                breaches = breaches.filter(breaches.rule == rule)
            shown = breaches.select("table", "source_row", "row_key", "rule", "value", "reason")
            rows: list[dict[str, str]] = (
                shown.order_by("table", "source_row", "rule").limit(limit).to_pyarrow().to_pylist()
            )
            return rows


def _refuse_unknown_rule(breaches: ir.Table, rule: str) -> None:
    found = sorted(breaches.select("rule").distinct().to_pyarrow()["rule"].to_pylist())
    if rule not in found:
        raise SourceError(f"no row breaches {rule!r}; the rules that rows breach are {', '.join(found) or 'none'}")


def _complete(engine: DuckDbEngine) -> None:
    """Have everything in the database's own file. Closing it would do so too, but would not say where that fails."""
    engine.backend.con.execute("CHECKPOINT")


def _history_opens(engine: DuckDbEngine) -> None:
    checked = open_checked(engine)
    for check in checked.report.tables:
        checked.history.tables[check.table].count().to_pyarrow()


def _quarantine_opens(engine: DuckDbEngine) -> None:
    engine.table("quarantine").count().to_pyarrow()


def _remove(database: Path) -> None:
    for path in (database, database.with_name(f"{database.name}.wal")):
        path.unlink(missing_ok=True)
    shutil.rmtree(database.with_name(f"{database.name}.spill"), ignore_errors=True)
