"""A PostgreSQL server that holds the history: one schema a run, beside the CRM's copy where there is one."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import psycopg
import pyarrow as pa
import pyarrow.csv
from ibis.backends.postgres import Backend

from data_contracts.errors import LeadScoreError, SettingsError, StoreError
from data_contracts.ports import BatchFunction
from engines.mapping import write_mapped
from engines.reading import tables_read
from engines.spellings import NUMBER, place_of, read_time

_OPTIONS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "enable_nestloop": "off",  # the planner takes joins of fresh tables for small ones
    "jit": "off",
    "work_mem": "256MB",
}
_BATCH_ROWS = 20_000
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,48}")
_NOW = "_now_"
_PASSING = "leadscore: kept for now"
"""The comment on a schema of what is kept for now."""

_SHORT_NUMBER = r"^[^eE]{1,100}(?:[eE][+-]?0*[0-9]{1,2})?$"
"""A number so written is neither too large nor too small."""

_LARGEST = "1.7976931348623157e308"
_SMALLEST = "2.4703282292062329e-324"
"""Half of the smallest float64: what is below is rounded to 0."""

_NIBBLES = """
CREATE OR REPLACE FUNCTION pg_temp.md5_low_nibbles(text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ((('x' || reverse(right(md5($1), 16)))::bit(64) & x'F0F0F0F0F0F0F0F0') >> 4)::bigint $$;
CREATE OR REPLACE FUNCTION pg_temp.md5_high_nibbles(text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (('x' || reverse(right(md5($1), 16)))::bit(64) & x'0F0F0F0F0F0F0F0F')::bigint $$;
"""
"""Written backwards, the last 16 digits have their bytes in order and the halves of each byte exchanged. Each function
gives one half of every byte, so that neither number has a sign."""


@ibis.udf.scalar.builtin(name="md5_low_nibbles", database="pg_temp")
def _low_nibbles(text: str) -> int:  # type: ignore[empty-body]
    ...


@ibis.udf.scalar.builtin(name="md5_high_nibbles", database="pg_temp")
def _high_nibbles(text: str) -> int:  # type: ignore[empty-body]
    ...


class PostgresEngine:
    """The port `Engine` over one schema of a PostgreSQL database.

    What is kept for now lies in a schema of the connection's own, `<schema>_now_<process>`, which `forget` drops.
    """

    kind = "postgres"

    def __init__(self, backend: Backend, *, url: str, schema: str) -> None:
        self._backend, self._url, self._schema = backend, url, schema
        self._for_now = f"{schema}{_NOW}{backend.con.info.backend_pid}"

    @classmethod
    def opened(cls, url: str, *, schema: str) -> "PostgresEngine":
        """The engine of `schema`, made where there is none, of the database at `url` (`postgresql://...`).

        Raises `SettingsError` where the schema's name is no plain one, `StoreError` where the database does not answer
        or does not let this user make a schema.
        """
        if not _NAME.fullmatch(schema):
            raise SettingsError(
                f"schema {schema!r}: write it in at most 49 of a-z, 0-9 and _, not beginning with a digit"
            )
        try:
            connection = connected(url, schema)
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            connection.execute(_NIBBLES)
            _drop_leftovers(connection, schema)
        except psycopg.Error as error:
            raise StoreError(f"PostgreSQL, schema {schema}: {first_line(error)}") from error
        return cls(ibis.postgres.from_connection(connection), url=url, schema=schema)

    def close(self) -> None:
        """Drop what was kept for now, and let go of the server."""
        if not self._backend.con.closed:
            self.forget()
            self._backend.con.close()

    @property
    def backend(self) -> Backend:
        """The Ibis connection."""
        return self._backend

    @property
    def query_errors(self) -> tuple[type[Exception], ...]:
        """The driver's own."""
        return (psycopg.Error,)

    def connected(self) -> "psycopg.Connection[Any]":
        """Another connection to the same tables, for who cannot use this one. It is theirs to close."""
        return connected(self._url, self._schema)

    def tables(self) -> frozenset[str]:
        """The names of the tables of the schema."""
        return frozenset(self._backend.list_tables(database=self._schema))

    def table(self, name: str) -> ir.Table:
        """The table of the schema called `name`."""
        return self._backend.table(name, database=self._schema)

    def select(self, name: str, query: str) -> ir.Table:
        """A view beside the run's tables. The query stands on lines of its own: it may end in a comment."""
        self._make_room()
        view = f"{self._for_now}.{name}"
        self._backend.con.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM (\n{query}\n) AS selected")
        return self._backend.table(name, database=self._for_now)

    def keep(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows` in the schema."""
        return self._kept(self._schema, name, rows)

    def keep_for_now(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows` in the schema beside, without a write-ahead log."""
        self._make_room()
        return self._kept(self._for_now, name, rows)

    def keep_numbered(self, name: str, rows: ir.Table) -> ir.Table:
        """`rows` in the schema beside, numbered as by `numbered`."""
        numbered = self.numbered(rows)
        return self.keep_for_now(name, numbered.relocate("source_row", after=numbered.columns[-1]))

    def numbered(self, rows: ir.Table) -> ir.Table:
        """`rows` numbered from 1 in the order of their values: a table of this engine has no order of its own."""
        ordered = [rows[name] for name, kind in rows.schema().items() if not kind.is_json()]
        number = ibis.row_number().over(order_by=ordered) + 1
        return rows.mutate(source_row=number.cast("int64")).relocate("source_row")

    def forget(self, *tables: ir.Table) -> None:
        """Drop tables of the schema beside, and the views on them; or all of it."""
        for name in (node.name for node in tables_read(*tables) if node.namespace.database == self._for_now):
            self._backend.con.execute(f"DROP TABLE IF EXISTS {self._for_now}.{_quoted(name)} CASCADE")
        if not tables:
            self._backend.con.execute(f"DROP SCHEMA IF EXISTS {self._for_now} CASCADE")

    def drop(self, *names: str) -> None:
        """Drop tables of the schema."""
        for name in names:
            self._backend.con.execute(f"DROP TABLE IF EXISTS {self._schema}.{_quoted(name)}")

    def stream(self, rows: ir.Table) -> Iterator[pa.RecordBatch]:
        """`rows` through a cursor of the server, 20,000 at a time."""
        yield from rows.to_pyarrow_batches(chunk_size=_BATCH_ROWS)

    def map_batches(
        self, rows: ir.Table, function: BatchFunction, *, schema: pa.Schema, order_by: str, into: Path
    ) -> Iterator[int]:
        """One file, written by this process from what the server's cursor gives."""
        return write_mapped(self.stream(rows.order_by(order_by)), function, schema=schema, into=into)

    def read_time(self, text: ir.StringValue) -> ir.TimestampValue:
        """Cast only where the whole text is a time: a cast of anything else would end the query."""
        return read_time(text, lambda local: local.cast("timestamp"), group="\\{}".format)

    def read_number(self, text: ir.StringValue) -> ir.FloatingValue:
        """Cast only where the text is a number, and by way of exact decimals where it might be too large or small."""
        exact = text.cast("decimal")
        size = exact.abs()
        infinite = (exact > 0).ifelse(float("inf"), float("-inf"))
        largest, smallest = (ibis.literal(bound).cast("decimal") for bound in (_LARGEST, _SMALLEST))
        is_number = text.re_search(NUMBER)
        return ibis.cases(
            (is_number & text.re_search(_SHORT_NUMBER), text.cast("float64")),
            (is_number, ibis.cases((size > largest, infinite), (size < smallest, 0.0), else_=exact.cast("float64"))),
            else_=ibis.null("float64"),
        )

    def sum_of_digests(self, text: ir.StringValue) -> ir.Scalar:
        """Summed in halves of bytes: the server has no unsigned numbers, and no way to write bytes backwards."""
        return _low_nibbles(text).sum().cast("decimal(38, 0)") + _high_nibbles(text).sum().cast("decimal(38, 0)") * 16

    def place_of(self, text: ir.StringValue) -> ir.FloatingValue:
        """From the same halves of bytes."""
        return place_of(_low_nibbles(text).cast("decimal(38, 0)") + _high_nibbles(text).cast("decimal(38, 0)") * 16)

    @contextmanager
    def enough_of_everything(self) -> Iterator[None]:
        """Says that the server's disk or memory is full, and what to do."""
        try:
            yield
        except LeadScoreError:
            raise
        except Exception as error:
            # Whoever works in the engine wraps its errors in their own.
            causes = list(_causes(error))
            if any(isinstance(cause, psycopg.errors.DiskFull) for cause in causes):
                raise StoreError(
                    "the disk of the PostgreSQL server is full; free some space there and run again"
                ) from error
            if any(isinstance(cause, psycopg.errors.OutOfMemory) for cause in causes):
                raise SettingsError(
                    "the PostgreSQL server ran out of memory; lower its work_mem and run again"
                ) from error
            raise

    def _make_room(self) -> None:
        self._backend.con.execute(f"CREATE SCHEMA IF NOT EXISTS {self._for_now}")
        self._backend.con.execute(f"COMMENT ON SCHEMA {self._for_now} IS '{_PASSING}'")

    def _kept(self, schema: str, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows` as `schema.name`. They may come from the table that they replace, which is dropped last."""
        connection = self._backend.con
        place, building = f"{schema}.{_quoted(name)}", f"{schema}.{_quoted(f'{name[:50]}__building')}"
        kind = "UNLOGGED TABLE" if schema == self._for_now else "TABLE"
        with connection.transaction():
            connection.execute(f"DROP TABLE IF EXISTS {building}")
            if isinstance(rows, ir.Table):
                connection.execute(f"CREATE {kind} {building} AS {self._backend.compile(rows)}")
            else:
                self._copied(building, rows)
            connection.execute(f"DROP TABLE IF EXISTS {place}")
            connection.execute(f"ALTER TABLE {building} RENAME TO {_quoted(name)}")
        connection.execute(f"ANALYZE {place}")
        return self._backend.table(name, database=schema)

    def _copied(self, place: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        types = ibis.Schema.from_pyarrow(rows.schema)
        columns = ", ".join(f"{_quoted(name)} {_type(self._backend, kind)}" for name, kind in types.items())
        connection = self._backend.con
        connection.execute(f"CREATE TABLE {place} ({columns})")
        batches = rows.to_batches(max_chunksize=_BATCH_ROWS) if isinstance(rows, pa.Table) else rows
        with connection.cursor() as cursor, cursor.copy(f"COPY {place} FROM STDIN (FORMAT csv)") as copy:
            for batch in batches:
                for part in range(0, batch.num_rows, _BATCH_ROWS):
                    copy.write(_as_csv(batch.slice(part, _BATCH_ROWS)))


def connected(url: str, schema: str) -> "psycopg.Connection[Any]":
    """A connection with our options, in which names without a schema are those of `schema`."""
    connection = psycopg.connect(url, autocommit=True)
    for name, value in (_OPTIONS | {"search_path": schema}).items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    return connection


def _drop_leftovers(connection: "psycopg.Connection[Any]", schema: str) -> None:
    """Drop what connections that are gone kept for now: schemas with our comment, and no others."""
    gone = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s) "
        "AND obj_description(oid, 'pg_namespace') = %s "
        "AND substr(nspname, length(%s) + 1) NOT IN (SELECT pid::text FROM pg_stat_activity)",
        (f"{schema}{_NOW}", _PASSING, f"{schema}{_NOW}"),
    ).fetchall()
    for (name,) in gone:
        connection.execute(f"DROP SCHEMA IF EXISTS {_quoted(name)} CASCADE")


def _as_csv(batch: pa.RecordBatch) -> bytes:
    """Every value in quotes, so that an empty text is told from a missing value."""
    buffer = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pyarrow.csv.write_csv(batch, buffer, options)
    return buffer.getvalue()


def _type(backend: Backend, kind: ibis.DataType) -> str:
    return str(backend.compiler.type_mapper.from_ibis(kind).sql("postgres"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def first_line(error: BaseException) -> str:
    """What `error` says first; its type where it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _causes(error: BaseException) -> Sequence[BaseException]:
    """`error` and what it came from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return found
