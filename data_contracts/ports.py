"""The ports to the outside: where history comes from, where it lives, and where scores go."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from data_contracts.calls import CallList, CallsBefore
from data_contracts.history import RawHistory
from data_contracts.scores import PUBLISHED_SCORES_SCHEMA, PublishReceipt, WriteBackPlan

BatchFunction = Callable[[pa.Table], pa.Table]
"""A function of one batch of rows. It has no state and knows no other batch."""


class Engine(Protocol):
    """Where one history lives: tables by name, behind Ibis. Each engine means the same by every operation."""

    @property
    def backend(self) -> BaseBackend:
        """The Ibis connection."""
        ...

    def tables(self) -> frozenset[str]:
        """The names of what is kept, working tables left out."""
        ...

    def table(self, name: str) -> ir.Table:
        """The kept table called `name`."""
        ...

    def select(self, name: str, query: str) -> ir.Table:
        """What `query`, a SELECT in the engine's own language, gives; it is carried out whenever rows are asked for."""
        ...

    def keep(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows`, computed once and kept as `name`, in the place of what bore that name."""
        ...

    def keep_for_now(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows`, computed once, and gone when the engine is closed or `forget` is called."""
        ...

    def keep_numbered(self, name: str, rows: ir.Table) -> ir.Table:
        """As `keep_for_now`, with `source_row` (int64): the numbers that `numbered` gives to the same rows."""
        ...

    def numbered(self, rows: ir.Table) -> ir.Table:
        """`rows` with `source_row` (int64, unique): the position from 1 where the engine keeps rows in order."""
        ...

    def forget(self, *tables: ir.Table) -> None:
        """Drop what was kept for now: that which `tables` read, or all of it. Nothing else is touched."""
        ...

    def drop(self, *names: str) -> None:
        """Drop kept tables; a name that nothing bears is left alone."""
        ...

    def stream(self, rows: ir.Table) -> Iterator[pa.RecordBatch]:
        """`rows` in batches, in order, in memory that does not grow with their number."""
        ...

    def map_batches(
        self, rows: ir.Table, function: BatchFunction, *, schema: pa.Schema, order_by: str, into: Path
    ) -> Iterator[int]:
        """What the pure `function` makes of `rows`, as Parquet files in the empty folder `into`.

        An engine that keeps rows in order gives them in the order of `order_by`. Its batches hold the same rows
        whatever the number of threads, because a figure may differ in its last bit with what it is computed beside. A
        cluster calls `function` on its workers. Gives the number of rows written so far, as they are written.
        """
        ...

    def read_time(self, text: ir.StringValue) -> ir.TimestampValue:
        """The time (UTC, without a zone) that `text` is; null where it is none."""
        ...

    def read_number(self, text: ir.StringValue) -> ir.FloatingValue:
        """The number (float64) that `text` is, perhaps not finite; null where it is none."""
        ...

    def sum_of_digests(self, text: ir.StringValue) -> ir.Scalar:
        """The sum of a 64-bit number of each text: the last 16 hexadecimal digits of its MD5, the first byte lowest."""
        ...

    def connected(self) -> Any:
        """A DBAPI connection of its own, for whoever speaks SQL and not Ibis. `TypeError` where the engine has none."""
        ...

    def place_of(self, text: ir.StringValue) -> ir.FloatingValue:
        """A place in [0, 1) that depends on `text` alone, as if drawn: the number of `sum_of_digests` in millionths."""
        ...

    @property
    def query_errors(self) -> tuple[type[Exception], ...]:
        """What is raised where a query of somebody's cannot be carried out."""
        ...

    def enough_of_everything(self) -> AbstractContextManager[None]:
        """Work in which running out of something is told as that.

        Raises `StoreError` where the disk is full, `SettingsError` where the engine's memory is too little.
        """
        ...


class HistoryStore(Protocol):
    """Where histories stay between runs: the last that was accepted, and the last that its contract stopped."""

    def is_there(self) -> bool:
        """Whether a history was accepted."""
        ...

    def new(self) -> AbstractContextManager[Engine]:
        """An empty engine. What it holds at the end is the accepted history, or on `ContractError` the refused one.

        The history before stands until the new one is complete, and stays where the run fails or is killed. Raises
        `BusyError` where another run is building a history here, `StoreError` where no more can be written.
        """
        ...

    def accepted(self) -> AbstractContextManager[Engine]:
        """The engine of the accepted history, for reading. Raises `StoreError` where it cannot be read."""
        ...

    def last_judged(self) -> AbstractContextManager[Engine | None]:
        """The engine of the history that was judged last, accepted or refused; None where none ever was."""
        ...


class HistorySource(Protocol):
    """Reads one system's history into the engine."""

    def read(self, engine: Engine) -> RawHistory:
        """Every canonical table that the system has. Raises `SourceError` naming all that could not be read."""
        ...


class ScoreHistory(Protocol):
    """What was published, run by run, and nothing of it changed afterwards.

    A run is appended before its scores go out: what stands here may not have reached the CRM yet, and the next
    publication carries it there. So no place of the capacity is given twice, wherever a run is killed.
    """

    def append(self, plan: WriteBackPlan, calls: CallList) -> None:
        """Add the changed scores of `plan`, its call list, and each new hand-off with its score as it stood then.

        Appending the same run again adds nothing. Raises `StoreError` where it cannot be written.
        """
        ...

    def decline(self, lead_id: str, *, at: dt.datetime, by: str, because: str) -> None:
        """Add a seller's "not this one" of a lead that was handed off.

        Raises `UnknownLeadError` where it was not, or was declined since.
        """
        ...

    def calls_before(self, as_of: dt.datetime) -> CallsBefore:
        """What was published of hand-offs and queue up to `as_of` (UTC, naive), and all that sellers declined."""
        ...

    def handed_off(self, as_of: dt.datetime) -> pa.Table:
        """Every hand-off up to `as_of` (UTC, naive) with its score as it stood then, of `SCORED_HAND_OFFS_SCHEMA`."""
        ...

    def of_leads(
        self, lead_ids: Collection[str], *, columns: Sequence[str] = PUBLISHED_SCORES_SCHEMA.names
    ) -> pa.Table:
        """The leads' published scores, `columns` of `PUBLISHED_SCORES_SCHEMA`, in the order of the publications.

        Each publication is read once, whatever the number of leads.
        """
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
