"""History in by one SELECT a canonical table, scores out as files that are replaced as a whole."""

import datetime as dt
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from data_contracts.columns import TABLES
from data_contracts.engine import open_engine
from data_contracts.errors import PublishError, SourceError
from data_contracts.history import RawHistory
from data_contracts.releases import Thresholds
from data_contracts.scores import PublishReceipt, WriteBackPlan

EXTRACTED_AT = "extracted_at"
_PLACE = "{data_folder}"
_READ_FILE = re.compile(re.escape(_PLACE) + r"/([^'\"\n]+)")

_ENCODING_REMEDY = "save the file as UTF-8, or name its encoding in the reader: read_csv(..., encoding = 'latin-1')"
_WIDTH_REMEDY = "give every line as many values as the header has; a value with a comma or a line break needs quotes"
_SELECT_REMEDY = "correct the SELECT, or export the column it asks for"


@dataclass(frozen=True, slots=True)
class SqlSource:
    """A source that is a folder of SELECTs: `<canonical table>.sql` for each table it has, and `extracted_at.sql`.

    A SELECT reads anything that the engine reads (CSV, Parquet, JSON, a database). `{data_folder}` in it stands for
    the folder of the exported files. Its columns carry the canonical names; other columns are the customer's own
    attributes. `extracted_at.sql` gives the time of the extract: one row with one time.

    A CSV is read as the shipped SELECTs do it: every value as text (`all_varchar = true`), so that a bad cell reaches
    the check and is quarantined there instead of failing the read, and with the dialect spelt out (`delim`, `quote`,
    `escape`, `header = true`, `skip = 0`, `comment = ''`), so that the engine does not guess one in which lines are
    skipped. Read like that, a line with too few or too many values is an error, never lost.

    Attributes
    ----------
    name
        The source's name in the settings.
    folder
        The folder of the SELECTs.
    data_folder
        What `{data_folder}` stands for.
    """

    name: str
    folder: Path = field(kw_only=True)
    data_folder: Path = field(kw_only=True)

    def read(self, engine: Backend) -> RawHistory:
        """What the CRM said, as tables `raw_<canonical table>` in `engine`.

        Each table has `source_row` (from 1) and the columns of its SELECT. The rows are numbered as the SELECT gives
        them: in the order of the file, unless it joins or has a long IN list, which need an ORDER BY. Tables of an
        earlier read are replaced, and dropped where this source has no such table.

        Raises
        ------
        SourceError
            Listing every problem of every table; the engine then holds no `raw_` table.
        """
        selects = self._selects()
        _drop_raw_tables(engine)
        problems = []
        tables: dict[str, ir.Table] = {}
        moments: list[dt.datetime] = []
        for name in [*TABLES, EXTRACTED_AT]:
            try:
                if name == EXTRACTED_AT:
                    moments.append(self._extracted_at(engine, selects[name]))
                elif name in selects:
                    tables[name] = self._load(engine, name, select=selects[name])
            except SourceError as problem:
                problems.append(str(problem))
        if problems:
            _drop_raw_tables(engine)
            raise self._unreadable(problems)
        return RawHistory(engine=engine, tables=tables, extracted_at=moments[0], source=self.name)

    def _unreadable(self, problems: list[str]) -> SourceError:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        return SourceError(f"source {self.name!r} cannot be read, {len(problems)} problem(s):\n{lines}")

    def _selects(self) -> dict[str, str]:
        """The SELECTs by table."""
        allowed = [*TABLES, EXTRACTED_AT]
        if not self.folder.is_dir():
            problem = f"there is no folder {self.folder}; make it and put in <table>.sql for {', '.join(allowed)}"
            raise self._unreadable([problem])
        files = {file.stem: file for file in sorted(self.folder.glob("*.sql"))}
        needed = [*(name for name, contract in TABLES.items() if contract.is_required), EXTRACTED_AT]
        problems = [
            f"{file}: {name!r} is not a canonical table; name the file after one of {', '.join(allowed)}"
            for name, file in files.items()
            if name not in allowed
        ]
        problems += [
            f"{self.folder / name}.sql is missing; every source needs it" for name in needed if name not in files
        ]
        if not self.data_folder.is_dir():
            problems.append(
                f"there is no data folder {self.data_folder}; export into it, or say with --data where it is"
            )
        selects = {}
        for name, file in files.items():
            try:
                selects[name] = file.read_text(encoding="utf-8").strip().rstrip(";")
            except UnicodeDecodeError:
                problems.append(f"{file} is not UTF-8; save it as UTF-8")
        problems += [f"{files[name]} is empty; write a SELECT or delete it" for name in selects if not selects[name]]
        if problems:
            raise self._unreadable(problems)
        return selects

    def _where(self, name: str) -> str:
        return f"{name} ({self.folder / name}.sql)"

    def _load(self, engine: Backend, name: str, *, select: str) -> ir.Table:
        where = self._where(name)
        numbered = f"SELECT row_number() OVER () AS source_row, * FROM (\n{select}\n)"
        self._run(engine, f"CREATE TABLE raw_{name} AS {numbered}", where=where)
        table = engine.table(f"raw_{name}")
        if "source_row_1" in table.columns:
            raise SourceError(f"{where}: the SELECT gives a column source_row, which is ours; give it another name")
        if TABLES[name].is_required and not engine.con.execute(f"SELECT 1 FROM raw_{name} LIMIT 1").fetchone():
            raise SourceError(f"{where}: there are no rows; look into the exported files and the SELECT's WHERE")
        return table

    def _extracted_at(self, engine: Backend, select: str) -> dt.datetime:
        where = self._where(EXTRACTED_AT)
        in_utc = "CAST(COLUMNS(*) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"  # a cast of text to TIMESTAMP drops the offset
        rows = self._run(engine, f"SELECT {in_utc} FROM (\n{select}\n)", where=where)
        moment = rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else None
        if not isinstance(moment, dt.datetime):
            raise SourceError(f"{where}: gives {rows[:2]!r}; make it one row with one time, that of the extract in UTC")
        return moment

    def _run(self, engine: Backend, query: str, *, where: str) -> list[tuple[object, ...]]:
        """The rows of `query`. Raises `SourceError` that says where, what and what to do."""
        self._require_files(query, where=where)
        folder = self.data_folder.as_posix().replace("'", "''")
        try:
            rows: list[tuple[object, ...]] = engine.con.execute(query.replace(_PLACE, folder)).fetchall()
        except duckdb.Error as error:
            raise SourceError(f"{where}: {_found(error)}; {_remedy(error)}") from error
        return rows

    def _require_files(self, query: str, *, where: str) -> None:
        for pattern in dict.fromkeys(_READ_FILE.findall(query)):
            files = sorted(self.data_folder.glob(pattern))
            if not files:
                raise SourceError(
                    f"{where}: there is no file {self.data_folder / pattern}; export it, or delete the .sql"
                )
            empty = [str(file) for file in files if file.is_file() and file.stat().st_size == 0]
            if empty:
                raise SourceError(f"{where}: {', '.join(empty)} is empty (0 bytes); export it again")


def _drop_raw_tables(engine: Backend) -> None:
    for name in TABLES:
        engine.con.execute(f"DROP TABLE IF EXISTS raw_{name}")


def _found(error: duckdb.Error) -> str:
    """The engine's message without its advice, which is to skip bad lines."""
    lines = [line.strip() for line in str(error).splitlines()]
    advice = ("possible", "the search space")
    kept = next((i for i, line in enumerate(lines) if line.lower().startswith(advice)), len(lines))
    return " ".join(line for line in lines[:kept] if line.strip("^ "))


def _remedy(error: duckdb.Error) -> str:
    message = str(error).lower()
    if "unicode" in message or "utf-8 encoded" in message or "utf8" in message:
        return _ENCODING_REMEDY
    if "csv error" in message or "sniffing" in message:
        return _WIDTH_REMEDY
    return _SELECT_REMEDY


BATCH_ROWS = 100_000
SCORES, CHANGES, THRESHOLDS = "scores", "changes", "thresholds.json"
_RUNS_AS_FORMULA = r"^[=+\-@\t\r\n]"
_NEGATIVE_NUMBER = r"^-[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


class FileSink:
    """Scores as files in a folder, for spreadsheets and for whatever reads Parquet.

    `scores.parquet` and `scores.csv` hold what stands: one row a lead of the last run, by `lead_id`, and one text
    column a written field; a lead that is no longer scored is no longer there. `changes.parquet` and `changes.csv` hold
    the last plan, one row a changed field. `thresholds.json` holds the boundaries and the release that they belong to.

    All are written aside first and then replaced one by one, `scores.parquet` last. Where a run breaks off,
    `published()` still gives the old state, and publishing again completes it. Writing a plan twice leaves the same
    files.

    In the CSV files a cell that a spreadsheet would run as a formula (it starts with `=`, `+`, `-`, `@`, a tab or a
    line break) gets a leading `'`, unless it is a negative number. The Parquet files hold the values as they are.
    """

    def __init__(self, folder: Path) -> None:
        self.name = "files"
        self.folder = folder

    def published(self) -> pa.Table:
        """What `scores.parquet` holds: `lead_id` and a text column a field; no rows where nothing was ever written."""
        path = self.folder / f"{SCORES}.parquet"
        if not path.exists():
            return pa.table({"lead_id": pa.array([], pa.string())})
        try:
            return pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise PublishError(
                f"{path} cannot be read ({error}); restore it, or delete it to publish all anew"
            ) from error

    def write(self, plan: WriteBackPlan, *, thresholds: Thresholds) -> PublishReceipt:
        """Replace the files by what `plan` makes of them. Raises `PublishError` where they cannot be written."""
        published = self.published()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".writing-", dir=self.folder) as aside:
                files = _write_aside(Path(aside), plan, published, thresholds=thresholds)
                replaced = tuple(file.replace(self.folder / file.name) for file in files)
                _flush(self.folder)
        except (OSError, pa.ArrowException, duckdb.Error) as error:
            raise PublishError(
                f"the scores could not be written to {self.folder}: {error}; what stood before stands, publish again"
            ) from error
        return PublishReceipt(
            sink=self.name,
            release_id=plan.scored.release_id,
            as_of=plan.scored.as_of,
            n_written=plan.n_changed,
            n_unchanged=plan.n_unchanged,
            refused={},
            files=replaced,
        )


def _write_aside(folder: Path, plan: WriteBackPlan, published: pa.Table, *, thresholds: Thresholds) -> tuple[Path, ...]:
    """The new files, complete on disk, in the order in which they replace the old ones."""
    changes = _write_rows(plan.changes.to_reader(BATCH_ROWS), folder / CHANGES)
    boundaries = folder / THRESHOLDS
    boundaries.write_text(_thresholds_json(plan, thresholds), encoding="utf-8")
    engine = open_engine()
    try:
        scores = _write_rows(_state_after(engine, plan, published), folder / SCORES)
    finally:
        engine.disconnect()
    files = (*changes, boundaries, *scores)
    for file in files:
        _flush(file)
    return files


def _state_after(engine: Backend, plan: WriteBackPlan, published: pa.Table) -> pa.RecordBatchReader:
    """What stands once `plan` is carried out: the scored leads by id, in batches, one text column a field."""
    old = [name for name in published.column_names if name != "lead_id"]
    new = sorted(set(pc.unique(plan.changes["field"]).to_pylist()) - set(old))
    cells = ["s.lead_id"]
    for name in [*old, *new]:
        column, value = f'"{name.replace(chr(34), chr(34) * 2)}"', name.replace("'", "''")
        stands = f"p.{column}" if name in old else "NULL"
        cells.append(
            f"CASE WHEN bool_or(c.field = '{value}') THEN max(c.new_value) FILTER (c.field = '{value}') "
            f"ELSE any_value({stands}) END AS {column}"
        )
    connection = engine.con
    connection.register("changes_now", plan.changes)
    connection.register("published_now", published)
    scored = str(plan.scored.path).replace("'", "''")
    rows = connection.sql(
        f"SELECT {', '.join(cells)} FROM read_parquet('{scored}') s "
        "LEFT JOIN published_now p USING (lead_id) LEFT JOIN changes_now c USING (lead_id) "
        "GROUP BY s.lead_id ORDER BY s.lead_id"
    )
    return rows.to_arrow_reader(BATCH_ROWS)


def _write_rows(rows: pa.RecordBatchReader, path: Path) -> tuple[Path, Path]:
    """`rows` as `<path>.csv` and `<path>.parquet`."""
    csv, parquet = path.with_suffix(".csv"), path.with_suffix(".parquet")
    with pyarrow.csv.CSVWriter(csv, rows.schema) as to_csv, pq.ParquetWriter(parquet, rows.schema) as to_parquet:
        for batch in rows:
            to_parquet.write_batch(batch)
            cells = [neutralised(batch.column(name)) for name in batch.schema.names]
            to_csv.write_batch(pa.record_batch(cells, schema=batch.schema))
    return csv, parquet


def neutralised(cells: pa.Array) -> pa.Array:
    """`cells` (text) with a leading `'` where a spreadsheet would run the cell as a formula.

    Examples
    --------
    >>> neutralised(pa.array(["=1+1", "-0.5", "-0.5+A1", "@name", "B2", None])).to_pylist()
    ["'=1+1", '-0.5', "'-0.5+A1", "'@name", 'B2', None]
    """
    is_formula = pc.and_(
        pc.match_substring_regex(cells, _RUNS_AS_FORMULA),
        pc.invert(pc.match_substring_regex(cells, _NEGATIVE_NUMBER)),
    )
    return pc.if_else(is_formula, pc.binary_join_element_wise("'", cells, ""), cells)


def _thresholds_json(plan: WriteBackPlan, thresholds: Thresholds) -> str:
    content = {
        "release_id": plan.scored.release_id,
        "definitions_version": plan.scored.definitions_version,
        "as_of": f"{plan.scored.as_of.isoformat()}Z",
        "thresholds": thresholds.model_dump(mode="json"),
    }
    return json.dumps(content, indent=2) + "\n"


def _flush(path: Path) -> None:
    """Have the file (or the folder's list of files) on disk, not only in the machine's memory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
