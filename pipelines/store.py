"""Where a run keeps what it makes: one folder per settings file."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir

from data_contracts.check import open_checked
from data_contracts.errors import SourceError
from data_contracts.history import LEFT_OUT, QUARANTINE, CheckedHistory
from data_contracts.ports import Engine, HistoryStore
from data_contracts.settings import Settings
from pipelines.engine import histories_of


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of one settings file and the names of what is in it."""

    folder: Path
    histories: HistoryStore

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """The store that `settings` name."""
        return cls(settings.store.folder, histories_of(settings))

    @property
    def data_docs(self) -> Path:
        """The pages about the last checks, Great Expectations' among them."""
        return self.folder / "data_docs"

    @property
    def scores(self) -> Path:
        """The scores of the last scoring run: a folder of Parquet files."""
        return self.folder / "scored_leads"

    @property
    def published(self) -> Path:
        """The folder of the file sink."""
        return self.folder / "published"

    @property
    def score_history(self) -> Path:
        """What was published, run by run."""
        return self.folder / "score_history"

    @property
    def disputes(self) -> Path:
        """What was said of hand-offs under the lead guarantee: a folder."""
        return self.folder / "guarantee"

    @property
    def backtest(self) -> Path:
        """The last backtest: a file."""
        return self.folder / "backtest.json"

    @property
    def pages(self) -> Path:
        """The pages: a folder that opens from disk."""
        return self.folder / "pages"

    @property
    def reviews(self) -> Path:
        """Reviews of chosen periods, each a folder that opens from disk."""
        return self.folder / "reviews"

    @property
    def shadow(self) -> Path:
        """The last shadow report with its lists: a folder."""
        return self.folder / "shadow"

    @property
    def tracking_uri(self) -> str:
        """The MLflow store: the server named in the environment, else a file here."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.folder / 'mlflow.db'}"

    def scores_as_of(self, moment: dt.datetime) -> Path:
        """The scores of a question about the past, which leave those of the last scoring run alone."""
        return self.folder / f"scored_leads.as_of_{moment:%Y-%m-%dT%H%M%S}"

    def new_history(self) -> AbstractContextManager[Engine]:
        """An empty engine that becomes the history on success, and the refused history on a `ContractError`.

        The history of the run before stands until the new one is complete. Raises `BusyError` where another run is
        building a history here, `StoreError` where no more can be written.
        """
        return self.histories.new()

    @contextmanager
    def open_history(self) -> Iterator[Engine]:
        """The engine of the checked history, for reading.

        Raises `SourceError` where none was checked yet, `StoreError` where it cannot be read.
        """
        if not self.histories.is_there():
            raise SourceError(f"there is no checked history in {self.folder}; run `leadscore check` first")
        with self.histories.accepted() as engine:
            yield engine

    @contextmanager
    def checked_history(self) -> Iterator[CheckedHistory]:
        """The checked history, read-only. Raises as `open_history` does."""
        with self.open_history() as engine:
            yield open_checked(engine)

    def quarantined(self, *, rule: str, limit: int) -> list[dict[str, str]]:
        """The first `limit` breaches of the last check (of one rule, if `rule` is given), in order of table and row.

        The last check may have been stopped by its contract. Raises `SourceError` where there was none.
        """
        with self.histories.last_judged() as engine:
            if engine is None:
                raise SourceError(f"nothing was checked yet in {self.folder}; run `leadscore check` first")
            breaches = engine.table(QUARANTINE)
            if rule:
                _refuse_unknown_rule(breaches, rule)
                breaches = breaches.filter(breaches.rule == rule)
            shown = breaches.select("table", "source_row", "row_key", "rule", "value", "reason")
            rows: list[dict[str, str]] = (
                shown.order_by("table", "source_row", "rule").limit(limit).to_pyarrow().to_pylist()
            )
            return rows

    def left_out(self, *, name: str, limit: int) -> list[dict[str, str]]:
        """The first `limit` rows that the last check left out (under `name`, if given), in order of table and row.

        Raises `SourceError` where there was no check, or where nothing is left out under `name`.
        """
        with self.histories.last_judged() as engine:
            if engine is None or LEFT_OUT not in engine.tables():
                raise SourceError(f"nothing was checked yet in {self.folder}; run `leadscore check` first")
            kept = engine.table(LEFT_OUT)
            if name:
                found = sorted(kept.select("name").distinct().to_pyarrow()["name"].to_pylist())
                if name not in found:
                    there = ", ".join(map(repr, found)) or "none"
                    raise SourceError(f"nothing is left out under {name!r}; the names are {there}")
                kept = kept.filter(kept.name == name)
            rows: list[dict[str, str]] = kept.order_by("table", "source_row").limit(limit).to_pyarrow().to_pylist()
            return rows


def _refuse_unknown_rule(breaches: ir.Table, rule: str) -> None:
    found = sorted(breaches.select("rule").distinct().to_pyarrow()["rule"].to_pylist())
    if rule not in found:
        raise SourceError(f"no row breaches {rule!r}; the rules that rows breach are {', '.join(found) or 'none'}")
