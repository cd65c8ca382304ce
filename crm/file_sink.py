"""Scores out: files that are replaced as a whole."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from data_contracts.engine import open_engine
from data_contracts.errors import PublishError
from data_contracts.releases import Thresholds
from data_contracts.scores import PublishReceipt, WriteBackPlan

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
