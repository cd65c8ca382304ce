"""Apache Spark: tables are folders of Parquet in the folder of a run. Only aggregates reach the driver."""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from ibis.backends.pyspark import Backend
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from data_contracts.errors import LeadScoreError, SettingsError, StoreError
from data_contracts.ports import BatchFunction
from engines.mapping import in_slices
from engines.reading import tables_read
from engines.spellings import NUMBER, place_of, read_time

MASTER = "LEADSCORE_SPARK_MASTER"
"""The environment variable with the cluster's address, where `spark-submit` does not give it."""

_FOR_NOW = "for_now"
_KEPT = "kept"
_BATCH_ROWS = 20_000
_PYTHON_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_JAVA = Path("/usr/lib/jvm")
_BACKWARDS = ("^" + "(..)" * 8 + "$", "$8$7$6$5$4$3$2$1")


@ibis.udf.scalar.builtin(name="conv")
def _conv(number: str, base: int, other: int) -> str:  # type: ignore[empty-body]
    ...


@ibis.udf.scalar.builtin(name="md5")
def _md5(text: str) -> str:  # type: ignore[empty-body]
    ...


class SparkEngine:
    """The port `Engine` over a Spark session and a folder that all its workers reach.

    A kept table is the folder `kept/<name>/<number>`: a new one is written beside the old one and then takes its place,
    so a table may be made from what it replaces. What is kept for now lies in the folder `for_now_<number>`.
    """

    kind = "spark"

    def __init__(self, backend: Backend, *, folder: Path) -> None:
        self._backend, self._folder = backend, folder
        self._token = secrets.token_hex(4)
        self._for_now = f"{_FOR_NOW}_{self._token}"
        self._n_streams = 0

    @classmethod
    def opened(cls, folder: Path, *, session: SparkSession | None = None) -> "SparkEngine":
        """The engine of the run folder `folder`, in `session`, or in one as `spark-submit` or this machine gives it."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(ibis.pyspark.connect(session or _session(folder)), folder=folder)

    def close(self) -> None:
        """Drop what was kept for now. The session belongs to whoever began it, and ends with the process."""
        self.forget()

    @property
    def backend(self) -> Backend:
        """The Ibis connection."""
        return self._backend

    def tables(self) -> frozenset[str]:
        """The names of the kept tables: their folders."""
        return frozenset(path.name for path in (self._folder / _KEPT).glob("*") if _latest(path) is not None)

    def table(self, name: str) -> ir.Table:
        """The table kept as `name`."""
        return self._shown(_KEPT, name)

    def select(self, name: str, query: str) -> ir.Table:
        """A view of the session. The query stands on lines of its own: it may end in a comment."""
        view = self._view("selected", name)
        self._backend.raw_sql(f"CREATE OR REPLACE TEMPORARY VIEW {view} AS SELECT * FROM (\n{query}\n)")
        return self._backend.table(view)

    def keep(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows` as a folder of Parquet."""
        return self._kept(_KEPT, name, rows)

    def keep_for_now(self, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        """`rows` as a folder of Parquet beside the kept ones."""
        return self._kept(self._for_now, name, rows)

    def keep_numbered(self, name: str, rows: ir.Table) -> ir.Table:
        """`rows` for now, numbered as by `numbered`."""
        numbered = self.numbered(rows)
        return self.keep_for_now(name, numbered.relocate("source_row", after=numbered.columns[-1]))

    def numbered(self, rows: ir.Table) -> ir.Table:
        """`rows` numbered from 1 in the order of their values: this engine keeps no order. Takes one worker's time."""
        number = ibis.row_number().over(order_by=[rows[name] for name in rows.columns]) + 1
        # Spark numbers in int32 and Ibis takes it for int64, so that only a detour casts.
        return rows.mutate(source_row=number.cast("decimal(20, 0)").cast("int64")).relocate("source_row")

    def forget(self, *tables: ir.Table) -> None:
        """Remove the folders of what was kept for now."""
        kept = [path.name for path in (self._folder / self._for_now).glob("*")]
        read = {node.name for node in tables_read(*tables)}
        self._forgotten(self._for_now, [n for n in kept if not tables or self._view(self._for_now, n) in read])
        if not tables:
            shutil.rmtree(self._folder / self._for_now, ignore_errors=True)

    def drop(self, *names: str) -> None:
        """Remove the folders of kept tables."""
        self._forgotten(_KEPT, names)

    def stream(self, rows: ir.Table) -> Iterator[pa.RecordBatch]:
        """`rows` written by the workers as Parquet and read from there: the driver never holds them all."""
        self._n_streams += 1
        place = self._folder / self._for_now / f"stream_{self._n_streams}"
        schema = rows.schema().to_pyarrow()
        self._backend.raw_sql(self._backend.compile(rows)).write.mode("overwrite").parquet(str(place))
        try:
            for file in sorted(place.glob("part-*.parquet")):
                for batch in pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS):
                    yield pa.RecordBatch.from_arrays(
                        [batch[name].cast(schema.field(name).type) for name in schema.names], schema=schema
                    )
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def map_batches(
        self, rows: ir.Table, function: BatchFunction, *, schema: pa.Schema, order_by: str, into: Path
    ) -> Iterator[int]:
        """By the workers, each of which writes its own files. Nothing comes to the driver; rows keep no order."""
        del order_by
        given = rows.schema().to_pyarrow()  # Spark may give a decimal where a float is meant

        def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for part in in_slices(batches):
                yield from function(part.select(given.names).cast(given)).to_batches()

        frame = self._backend.raw_sql(self._backend.compile(rows))
        columns = from_arrow_schema(schema, prefer_timestamp_ntz=True)
        frame.mapInArrow(mapped, columns).write.mode("overwrite").parquet(str(into))
        yield sum(pq.read_metadata(file).num_rows for file in into.glob("part-*.parquet"))

    def read_time(self, text: ir.StringValue) -> ir.TimestampValue:
        """Tried where the text is a time."""
        return read_time(_ending_well(text), lambda local: local.try_cast("timestamp"), group="${}".format)

    def read_number(self, text: ir.StringValue) -> ir.FloatingValue:
        """Tried where the text is a number: Java takes `1d` for one."""
        text = _ending_well(text)
        return text.re_search(NUMBER).ifelse(text.try_cast("float64"), ibis.null("float64"))

    def sum_of_digests(self, text: ir.StringValue) -> ir.Scalar:
        """The digits with their bytes backwards, as an unsigned number."""
        return _digest(text).sum().cast("decimal(38, 0)")

    def place_of(self, text: ir.StringValue) -> ir.FloatingValue:
        """From the same number."""
        return place_of(_digest(text))

    @property
    def query_errors(self) -> tuple[type[Exception], ...]:
        """The driver's own."""
        return (PySparkException,)

    def connected(self) -> NoReturn:
        """Nothing: Spark has sessions and no connections."""
        raise TypeError("Spark has no connection; read its data frames")

    @contextmanager
    def enough_of_everything(self) -> Iterator[None]:
        """Says that a disk or the memory of a worker is full."""
        try:
            yield
        except LeadScoreError:
            raise
        except Exception as error:
            said = str(error)
            if "No space left on device" in said or "Disk quota exceeded" in said:
                raise StoreError(
                    f"the disk is full, here or on a worker of Spark ({self._folder}); free some space"
                ) from error
            if "OutOfMemoryError" in said:
                raise SettingsError("Spark ran out of memory; give its driver and executors more") from error
            raise

    def _kept(self, kind: str, name: str, rows: ir.Table | pa.Table | pa.RecordBatchReader) -> ir.Table:
        home = self._folder / kind / name
        before = _latest(home)
        place = home / f"{int(before.name) + 1 if before else 1:06d}"
        if isinstance(rows, ir.Table):
            self._backend.raw_sql(self._backend.compile(rows)).write.parquet(str(place))
        else:
            _write(place, rows)
        (place / "_SUCCESS").touch()
        shown = self._shown(kind, name)
        if before is not None:
            shutil.rmtree(before)
        return shown

    def _shown(self, kind: str, name: str) -> ir.Table:
        place = _latest(self._folder / kind / name)
        if place is None:
            raise StoreError(f"there is no table {name!r} in {self._folder / kind}")
        view = self._view(kind, name)
        self._backend._session.read.parquet(str(place)).createOrReplaceTempView(view)
        return self._backend.table(view)

    def _view(self, kind: str, name: str) -> str:
        """The name of a view of this engine: a session may serve several."""
        return f"{kind}_{self._token}_{name}"

    def _forgotten(self, kind: str, names: list[str] | tuple[str, ...]) -> None:
        for name in names:
            self._backend._session.catalog.dropTempView(self._view(kind, name))
            shutil.rmtree(self._folder / kind / name, ignore_errors=True)


def _digest(text: ir.StringValue) -> ir.DecimalValue:
    return _conv(_md5(text).right(16).re_replace(*_BACKWARDS), 16, 10).cast("decimal(20, 0)")


def _ending_well(text: ir.StringValue) -> ir.StringValue:
    """`text`, or null where it does not end as a time or a number: for Java, `$` may come before the end of a line."""
    return text.right(1).isin(tuple("0123456789.ZC")).ifelse(text, ibis.null("string"))


def _latest(home: Path) -> Path | None:
    """The last folder in `home` that was written to its end."""
    return max((path.parent for path in home.glob("*/_SUCCESS")), default=None)


def _write(place: Path, rows: pa.Table | pa.RecordBatchReader) -> None:
    place.mkdir(parents=True)
    batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
    # Written as Spark does: times in microseconds, those without a zone told as that.
    with pq.ParquetWriter(
        place / "part-0.parquet", rows.schema, coerce_timestamps="us", allow_truncated_timestamps=True
    ) as file:
        for batch in batches:
            file.write_batch(batch)


def _session(folder: Path) -> SparkSession:
    """The session that runs here already, or one with what `spark-submit` says. What it leaves open suits one machine.

    `JAVA_HOME` is set to a Java that Spark runs on, and `PYSPARK_PYTHON` to this Python, where they are not set.
    """
    if "JAVA_HOME" not in os.environ:
        found = sorted([*_JAVA.glob("java-17-*"), *_JAVA.glob("java-21-*")])
        if found:
            os.environ["JAVA_HOME"] = str(found[0])
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    options = {
        "spark.master": os.environ.get(MASTER, f"local[{os.cpu_count()}]"),
        "spark.app.name": "leadscore",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",  # the commands show their own
        "spark.driver.memory": "2g",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.autoBroadcastJoinThreshold": "-1",  # what is broadcast is collected by the driver first
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    # What a figure depends on is ours, whatever the cluster is set to.
    ours = {"spark.sql.session.timeZone": "UTC", "spark.sql.timestampType": "TIMESTAMP_NTZ"}
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        SparkContext._ensure_initialized()  # so that what spark-submit was told is known
    conf = SparkConf()
    for name, value in options.items():
        conf.setIfMissing(name, value)
    for name, value in ours.items():
        conf.set(name, value)
    session = SparkSession.builder.config(conf=conf).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
