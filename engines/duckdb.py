"""The embedded engine: one DuckDB file, or memory."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from data_contracts.engine import open_engine
from data_contracts.resources import enough_of_everything

_FOR_NOW = "for_now"
"""A database in memory beside the file: what is kept there is not compressed, and spilled where memory is short."""

_LAST_OF_OFFSETS = tuple("0123456789.Zz")
"""How a time without the name of a zone ends. The engine knows zones by name (`EST`, `Etc/GMT+5`), other engines do
not: such a time is read nowhere, but for `UTC`."""


@ibis.udf.scalar.builtin(name="md5_number_lower")  # type: ignore[untyped-decorator]
def _md5_number_lower(text: str) -> ibis.dtype("uint64"):  # type: ignore[valid-type]
    ...


@ibis.udf.scalar.builtin(name="epoch_us")  # type: ignore[untyped-decorator]
def _epoch_us(time: ibis.dtype("timestamp('UTC')")) -> int:  # type: ignore[empty-body,valid-type]
    ...


@ibis.udf.scalar.builtin(name="make_timestamp")  # type: ignore[untyped-decorator]
def _make_timestamp(microseconds: int) -> ibis.dtype("timestamp"):  # type: ignore[valid-type]
    ...


class DuckDbEngine:
    """The port `Engine` over one DuckDB database."""

    kind = "duckdb"

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @classmethod
    def opened(
        cls,
        path: Path | None = None,
        *,
        memory_limit: str = "4GB",
        read_only: bool = False,
        spill: Path | None = None,
    ) -> "DuckDbEngine":
        """The engine of the file at `path`, or of memory; see `data_contracts.engine.open_engine`."""
        return cls(open_engine(path, memory_limit=memory_limit, read_only=read_only, spill=spill))

    def close(self) -> None:
        """Let go of the file and of what was kept for now."""
        self._backend.disconnect()

    @property
    def backend(self) -> Backend:
        """The Ibis connection."""
        return self._backend

    def tables(self) -> frozenset[str]:
        """The names of what is kept in the file."""
        return frozenset(self._backend.list_tables())

    def table(self, name: str) -> ir.Table:
        """The table of the file called `name`."""
        return self._backend.table(name)

    def select(self, name: str, query: str) -> ir.Table:
        """A view beside the file. The query stands on lines of its own: it may end in a comment."""
        self._make_room()
        self._backend.con.execute(f"CREATE OR REPLACE VIEW {_FOR_NOW}.main.{name} AS SELECT * FROM (\n{query}\n)")
        return self._backend.table(name, database=(_FOR_NOW, "main"))

    def keep(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows` in the file."""
        if not isinstance(rows, ir.Table):
            return self._backend.create_table(name, rows, overwrite=True)
        self._backend.con.execute(f"CREATE OR REPLACE TABLE {name} AS {self._backend.compile(rows)}")
        return self.table(name)

    def keep_for_now(self, name: str, rows: ir.Table) -> ir.Table:
        """`rows` in the database beside the file."""
        self._make_room()
        place = f"{_FOR_NOW}.main.{name}"
        self._backend.con.execute(f"CREATE OR REPLACE TABLE {place} AS {self._backend.compile(rows)}")
        return self._backend.table(name, database=(_FOR_NOW, "main"))

    def keep_numbered(self, name: str, rows: ir.Table) -> ir.Table:
        """`rows` beside the file, numbered by where they came to lie: a window would read them with one thread."""
        kept = self.keep_for_now(name, rows)
        return kept.mutate(source_row=kept.rowid() + 1)

    def numbered(self, rows: ir.Table) -> ir.Table:
        """`rows` numbered in the order in which they come."""
        return self._backend.sql(f"SELECT row_number() OVER () AS source_row, * FROM ({self._backend.compile(rows)})")

    def forget(self) -> None:
        """Drop what lies beside the file."""
        self._backend.con.execute(f"DETACH DATABASE IF EXISTS {_FOR_NOW}")

    def _make_room(self) -> None:
        self._backend.con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_FOR_NOW}")

    def drop(self, *names: str) -> None:
        """Drop tables of the file."""
        for name in names:
            self._backend.drop_table(name, force=True)

    def stream(self, rows: ir.Table) -> Iterator[pa.RecordBatch]:
        """`rows` in the engine's own batches."""
        yield from rows.to_pyarrow_batches()

    def read_time(self, text: ir.StringValue) -> ir.TimestampValue:
        """Read with its offset: a cast to a time without a zone would drop that. The number of microseconds is UTC."""
        last = text.right(1)
        is_offset = last.isin(_LAST_OF_OFFSETS) & ~text.contains("G")
        is_utc = ibis.cases((is_offset, True), (last == "C", text.re_search("[0-9] ?UTC$")), else_=False)
        time = _make_timestamp(_epoch_us(text.try_cast("timestamp('UTC')")))
        return is_utc.ifelse(time, ibis.null("timestamp"))

    def read_number(self, text: ir.StringValue) -> ir.FloatingValue:
        """Read as the engine does."""
        return text.try_cast("float64")

    def sum_of_digests(self, text: ir.StringValue) -> ir.Scalar:
        """The engine has a function that gives those digits of the MD5 as a number."""
        return _md5_number_lower(text).cast("decimal(38, 0)").sum()

    def enough_of_everything(self) -> AbstractContextManager[None]:
        """Says how much disk is free and where, or which setting limits the memory."""
        return enough_of_everything(self._backend)
