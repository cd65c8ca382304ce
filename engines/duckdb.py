"""The embedded engine: one DuckDB file, or memory."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from data_contracts.ports import BatchFunction
from engines.mapping import write_mapped
from engines.reading import tables_read
from engines.resources import enough_of_everything
from engines.spellings import NUMBER, place_of, read_time

_FOR_NOW = "for_now"
"""A database in memory beside the file: what is kept there is not compressed, and spilled where memory is short."""

_LAST_OF_TIMES = tuple("0123456789.Z")
"""How a time ends that is not in the zone `UTC`."""

_COMMON_YEARS = (1001, 9998)
"""No offset leads out of what every engine can hold."""


@ibis.udf.scalar.builtin(name="md5_number_lower")
def _md5_number_lower(text: str) -> ibis.dtype("uint64"):  # type: ignore[valid-type]
    ...


@ibis.udf.scalar.builtin(name="suffix")
def _suffix(text: str, end: str) -> bool:  # type: ignore[empty-body]
    ...


@ibis.udf.scalar.builtin(name="substring")
def _substring(text: str, start: int, length: int) -> str:  # type: ignore[empty-body]
    ...


@ibis.udf.scalar.builtin(name="epoch_us")
def _epoch_us(time: ibis.dtype("timestamp('UTC')")) -> int:  # type: ignore[empty-body,valid-type]
    ...


@ibis.udf.scalar.builtin(name="make_timestamp")
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
        """The engine of the DuckDB file at `path`, or of memory where `path` is None.

        Times are UTC whatever the machine's zone. `memory_limit` is DuckDB's own (`"4GB"`). What does not fit is
        spilled into the folder `spill`, by default `<path>.spill`, and fails where there is neither.
        """
        spill = path.with_name(f"{path.name}.spill") if path is not None and spill is None else spill
        options = {"memory_limit": memory_limit, "temp_directory": str(spill) if spill else ""}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        backend = ibis.duckdb.connect(str(path) if path else ":memory:", read_only=read_only, **options)
        backend.raw_sql("SET TimeZone = 'UTC'")
        return cls(backend)

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
        self._kept(name, rows)
        return self.table(name)

    def keep_for_now(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows` in the database beside the file."""
        self._make_room()
        self._kept(f"{_FOR_NOW}.main.{name}", rows)
        return self._backend.table(name, database=(_FOR_NOW, "main"))

    def keep_numbered(self, name: str, rows: ir.Table) -> ir.Table:
        """`rows` beside the file, numbered by where they came to lie: a window would read them with one thread."""
        kept = self.keep_for_now(name, rows)
        return kept.mutate(source_row=kept.rowid() + 1)

    def numbered(self, rows: ir.Table) -> ir.Table:
        """`rows` numbered in the order in which they come."""
        return self._backend.sql(f"SELECT row_number() OVER () AS source_row, * FROM ({self._backend.compile(rows)})")

    def forget(self, *tables: ir.Table) -> None:
        """Drop what lies beside the file."""
        for name in (node.name for node in tables_read(*tables) if node.namespace.catalog == _FOR_NOW):
            self._backend.con.execute(f"DROP TABLE IF EXISTS {_FOR_NOW}.main.{name}")
        if not tables:
            self._backend.con.execute(f"DETACH DATABASE IF EXISTS {_FOR_NOW}")

    def _kept(self, place: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> None:
        if isinstance(rows, ir.Table):
            self._backend.con.execute(f"CREATE OR REPLACE TABLE {place} AS {self._backend.compile(rows)}")
            return
        self._backend.con.register("arriving", rows)
        self._backend.con.execute(f"CREATE OR REPLACE TABLE {place} AS SELECT * FROM arriving")
        self._backend.con.unregister("arriving")

    def _make_room(self) -> None:
        self._backend.con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_FOR_NOW} (READ_WRITE)")

    def drop(self, *names: str) -> None:
        """Drop tables of the file."""
        for name in names:
            self._backend.drop_table(name, force=True)

    def stream(self, rows: ir.Table) -> Iterator[pa.RecordBatch]:
        """`rows` in the engine's own batches."""
        yield from rows.to_pyarrow_batches()

    def map_batches(
        self, rows: ir.Table, function: BatchFunction, *, schema: pa.Schema, order_by: str, into: Path
    ) -> Iterator[int]:
        """One file, written by this process."""
        return write_mapped(self.stream(rows.order_by(order_by)), function, schema=schema, into=into)

    def read_time(self, text: ir.StringValue) -> ir.TimestampValue:
        """By the engine's own cast where the text is written as almost all are: that is many times faster.

        The cast takes more than `spellings.TIME` allows. What might be one of those, or was not read, is read by that.
        """
        # A cast to a time without a zone would drop the offset. The number of microseconds is UTC.
        time = _make_timestamp(_epoch_us(text.try_cast("timestamp('UTC')")))
        year = text.substr(0, 4).try_cast("int16")
        begins_well = year.between(*_COMMON_YEARS) & text.substr(4, 1).isin(("-", "/"))
        # A name of a zone comes after a blank, that of UTC ends in C; an offset with seconds has nine characters.
        ends_well = _suffix(text, " UTC") | text.right(1).isin(_LAST_OF_TIMES) & ~text.substr(11).contains(" ")
        is_rare = _substring(text, -9, 1).isin(("+", "-")) | text.contains("24:0")
        common = (begins_well & ends_well & ~is_rare).ifelse(time, ibis.null("timestamp"))
        read = read_time(text, lambda local: local.try_cast("timestamp"), group="\\{}".format)
        return ibis.cases((common.notnull(), common), (text.notnull(), read), else_=ibis.null("timestamp"))

    def read_number(self, text: ir.StringValue) -> ir.FloatingValue:
        """By the engine's own cast, which takes more than `spellings.NUMBER`: what might be more is looked at."""
        is_rare = ibis.or_(*(text.contains(sign) for sign in ("e", "E", "_", "+", " ")))
        is_rare |= ~text.left(1).between("!", "~") | ~text.right(1).between("!", "~")
        is_number = ibis.cases((is_rare, text.re_search(NUMBER)), else_=True)
        return is_number.ifelse(text.try_cast("float64"), ibis.null("float64"))

    def sum_of_digests(self, text: ir.StringValue) -> ir.Scalar:
        """The engine has a function that gives those digits of the MD5 as a number."""
        return _md5_number_lower(text).cast("decimal(38, 0)").sum()

    @property
    def query_errors(self) -> tuple[type[Exception], ...]:
        """The driver's own."""
        return (duckdb.Error,)

    def place_of(self, text: ir.StringValue) -> ir.FloatingValue:
        """From the same digits."""
        return place_of(_md5_number_lower(text).cast("decimal(38, 0)"))

    def connected(self) -> duckdb.DuckDBPyConnection:
        """A cursor: another connection to the same database, in memory or in a file."""
        cursor: duckdb.DuckDBPyConnection = self._backend.con.cursor()
        return cursor

    def enough_of_everything(self) -> AbstractContextManager[None]:
        """Says how much disk is free and where, or which setting limits the memory."""
        return enough_of_everything(self._backend)
