"""Where a run keeps what it makes: one folder per settings file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
from filelock import FileLock, Timeout
from ibis.backends.duckdb import Backend

from data_contracts.check import open_checked
from data_contracts.engine import open_engine
from data_contracts.errors import ContractError, SourceError
from data_contracts.history import CheckedHistory
from data_contracts.settings import Settings


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

    @contextmanager
    def new_history(self) -> Iterator[Backend]:
        """An empty engine that becomes the history on success, and the refused history on a `ContractError`.

        The history of the run before stays until the new one is complete. Raises `SourceError` where another run is
        building a history here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        building = self.folder / "history.building.duckdb"
        try:
            with FileLock(self.folder / "history.lock", timeout=0):
                _remove(building)
                yield from self._built(building)
        except Timeout:
            raise SourceError(f"another check is running on {self.folder}; wait until it has ended") from None

    def _built(self, building: Path) -> Iterator[Backend]:
        engine = open_engine(building, memory_limit=self.memory_limit)
        became = None
        try:
            yield engine
            became = self.history
        except ContractError:
            became = self.refused_history
            raise
        finally:
            engine.disconnect()
            if became is None:
                _remove(building)
            else:
                building.replace(became)

    @contextmanager
    def checked_history(self) -> Iterator[CheckedHistory]:
        """The checked history, read-only. Raises `SourceError` where none was checked yet."""
        if not self.history.exists():
            raise SourceError(f"there is no checked history in {self.folder}; run `leadscore check` first")
        engine = open_engine(self.history, memory_limit=self.memory_limit, read_only=True)
        try:
            yield open_checked(engine)
        finally:
            engine.disconnect()

    def quarantined(self, *, rule: str, limit: int) -> list[dict[str, str]]:
        """The first `limit` breaches of the last check (of one rule, if `rule` is given), in order of table and row.

        The last check may have been stopped by its contract. Raises `SourceError` where there was none.
        """
        databases = [path for path in (self.history, self.refused_history) if path.exists()]
        if not databases:
            raise SourceError(f"nothing was checked yet in {self.folder}; run `leadscore check` first")
        last = max(databases, key=lambda path: path.stat().st_mtime)
        engine = open_engine(last, memory_limit=self.memory_limit, read_only=True)
        try:
            breaches = engine.table("quarantine")
            if rule:
                _refuse_unknown_rule(breaches, rule)
                breaches = breaches.filter(breaches.rule == rule)
            shown = breaches.select("table", "source_row", "row_key", "rule", "value", "reason")
            rows: list[dict[str, str]] = (
                shown.order_by("table", "source_row", "rule").limit(limit).to_pyarrow().to_pylist()
            )
            return rows
        finally:
            engine.disconnect()


def _refuse_unknown_rule(breaches: ir.Table, rule: str) -> None:
    found = sorted(breaches.select("rule").distinct().to_pyarrow()["rule"].to_pylist())
    if rule not in found:
        raise SourceError(f"no row breaches {rule!r}; the rules that rows breach are {', '.join(found) or 'none'}")


def _remove(database: Path) -> None:
    for path in (database, database.with_name(database.name + ".wal")):
        path.unlink(missing_ok=True)
