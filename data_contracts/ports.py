"""The two ports to the outside: where history comes from and where scores go."""

from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa
from ibis.backends.duckdb import Backend

from data_contracts.history import RawHistory
from data_contracts.scores import PublishReceipt, WriteBackPlan


class HistorySource(Protocol):
    """Reads one system's history into the engine."""

    def read(self, engine: Backend) -> RawHistory:
        """Load every canonical table that the system has. Raises `SourceError` naming all that could not be read."""
        ...


class ScoreSink(Protocol):
    """Writes scores to one system. Writing the same plan twice leaves the system as writing it once."""

    name: str

    def held(self) -> AbstractContextManager[None]:
        """The only publisher from planning to receipt. Raises `BusyError` where another run publishes."""
        ...

    def published(self) -> pa.Table:
        """What stands in the system now: `lead_id` and the written fields; no rows where nothing was ever written."""
        ...

    def write(self, plan: WriteBackPlan) -> PublishReceipt:
        """Carry out `plan`. Refused rows are in the receipt; raises `PublishError` where nothing can be written."""
        ...
