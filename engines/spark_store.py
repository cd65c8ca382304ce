"""Histories as folders of Parquet: one folder a run, and one file that says which run is the history."""

import json
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from data_contracts.disk import disk_errors
from data_contracts.errors import ContractError, StoreError
from data_contracts.keeping import held, kept_file
from engines.spark import SparkEngine

_RUNS = TypeAdapter(dict[str, str])
_ACCEPTED, _REFUSED, _BEFORE, _LAST = "accepted", "refused", "accepted_before", "last"


@dataclass(frozen=True, slots=True)
class SparkHistories:
    """The port `HistoryStore` over a folder that the driver and all workers reach.

    A run is the folder `runs/<run>`. `current.json` names the accepted run, the one before it, the refused one, and
    which of them was last; it is replaced last and in one step. The run before stays, for those who still read it;
    older ones are removed by the next check.

    Attributes
    ----------
    folder
        Where all of it is.
    """

    folder: Path

    @property
    def _pointer(self) -> Path:
        return self.folder / "current.json"

    def is_there(self) -> bool:
        """Whether a run was accepted."""
        return _ACCEPTED in self._runs()

    @contextmanager
    def new(self) -> Iterator[SparkEngine]:
        """The folder of a new run."""
        with disk_errors(self._pointer), held(self._pointer, by="leadscore check"):
            before = self._runs_or_none()
            self._remove_all_but(before.values())
            run = secrets.token_hex(4)
            engine = SparkEngine.opened(self.folder / "runs" / run)
            try:
                with engine.enough_of_everything():
                    yield engine
            except ContractError:
                self._point(before | {_REFUSED: run, _LAST: _REFUSED})
                raise
            finally:
                engine.close()
            older = {_BEFORE: before[_ACCEPTED]} if _ACCEPTED in before else {}
            self._point(before | older | {_ACCEPTED: run, _LAST: _ACCEPTED})

    @contextmanager
    def accepted(self) -> Iterator[SparkEngine]:
        """The folder of the accepted run."""
        with self._opened(self._runs()[_ACCEPTED]) as engine:
            yield engine

    @contextmanager
    def last_judged(self) -> Iterator[SparkEngine | None]:
        """The folder of the accepted or the refused run, whichever was last."""
        runs = self._runs()
        if not runs:
            yield None
            return
        with self._opened(runs[runs[_LAST]]) as engine:
            yield engine

    @contextmanager
    def _opened(self, run: str) -> Iterator[SparkEngine]:
        folder = self.folder / "runs" / run
        if not folder.is_dir():
            raise StoreError(
                f"{self._pointer} names the run {run}, which is gone; run `leadscore check` to make it anew"
            )
        engine = SparkEngine.opened(folder)
        try:
            with engine.enough_of_everything():
                yield engine
        finally:
            engine.close()

    def _runs(self) -> dict[str, str]:
        """What `current.json` says; nothing where there is none yet."""
        try:
            told = _RUNS.validate_json(self._pointer.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            remedy = "run `leadscore check` to make it anew"
            raise StoreError(f"{self._pointer} is damaged or no file of ours; {remedy}") from error
        return told

    def _runs_or_none(self) -> dict[str, str]:
        """As `_runs`; nothing where the file is damaged, so that a check can make it anew."""
        try:
            return self._runs()
        except StoreError:
            return {}

    def _point(self, runs: Mapping[str, str]) -> None:
        with kept_file(self._pointer) as aside:
            aside.write_text(json.dumps(dict(runs), indent=2), encoding="utf-8")

    def _remove_all_but(self, runs: Iterable[str]) -> None:
        present = set(runs)
        for folder in (self.folder / "runs").glob("*"):
            if folder.name not in present:
                shutil.rmtree(folder, ignore_errors=True)
