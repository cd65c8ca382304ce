"""Scores out: files that are replaced as a whole."""

import json
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data_contracts.disk import disk_errors
from data_contracts.errors import PublishError
from data_contracts.keeping import held, kept_folder
from data_contracts.scores import PublishReceipt, WriteBackPlan
from data_contracts.spreadsheet import neutralised

BATCH_ROWS = 100_000
SCORES, CHANGES, THRESHOLDS = "scores", "changes", "thresholds.json"
CHANGES_FILES = (f"{CHANGES}.csv", f"{CHANGES}.parquet")
FILES = (*CHANGES_FILES, THRESHOLDS, f"{SCORES}.csv", f"{SCORES}.parquet")


class FileSink:
    """Scores as files in a folder, for spreadsheets and for whatever reads Parquet.

    | files | hold |
    |---|---|
    | `scores.parquet`, `scores.csv` | what stands: a row a lead of the last run, by `lead_id`, a text column a field |
    | `changes.parquet`, `changes.csv` | the last changes: a row a changed field, with the scores' moment and release |
    | `thresholds.json` | the boundaries, and the release that they belong to |

    A lead that is no longer scored leaves the scores. Publishing again what stands already leaves the last changes.

    The folder is a link to its present version. A run writes all files aside and then moves the link, in one step. So
    whoever reads it finds the files of one run, also where a run breaks off. Writing a plan twice leaves the same
    files.

    A spreadsheet runs a cell as a formula that starts with `=`, `+`, `-`, `@`, a tab or a line break. In the CSV files
    such a cell gets a leading `'`, unless it is a negative number. The Parquet files hold the values as they are.
    """

    def __init__(self, folder: Path) -> None:
        self.name = "files"
        self.folder = folder

    def held(self) -> AbstractContextManager[None]:
        """The only publisher to the folder. Raises `BusyError` where another run publishes."""
        return held(self.folder, by="leadscore publish")

    def published(self) -> pa.Table:
        """What `scores.parquet` holds: `lead_id` and a text column a field; no rows where nothing was ever written."""
        path = self.folder / f"{SCORES}.parquet"
        if not path.exists():
            return pa.table({"lead_id": pa.array([], pa.string())})
        try:
            return pq.ParquetFile(path).read()
        except (OSError, pa.ArrowException) as error:
            raise PublishError(
                f"{path} cannot be read ({error}); restore it, or delete it to publish all anew"
            ) from error

    def write(self, plan: WriteBackPlan) -> PublishReceipt:
        """Replace the files by what `plan` makes of them. Call it while the folder is `held`.

        Raises `StoreError` where they cannot be written: what stood before then stands.
        """
        published = self.published()
        if not self._stands(plan, published):
            with disk_errors(self.folder), kept_folder(self.folder) as version:
                self._write_version(version, plan, published)
        return PublishReceipt(
            sink=self.name,
            release_id=plan.scored.release_id,
            as_of=plan.scored.as_of,
            n_written=plan.n_changed,
            n_unchanged=plan.n_unchanged,
            refused={},
            places=tuple(str(self.folder / name) for name in FILES),
        )

    def _stands(self, plan: WriteBackPlan, published: pa.Table) -> bool:
        """Whether the folder holds already what `plan` would make of it."""
        boundaries = self.folder / THRESHOLDS
        return (
            all((self.folder / name).exists() for name in FILES)
            and plan.changes.num_rows == 0
            and plan.n_left == 0
            and published.num_rows == plan.n_leads
            and boundaries.read_text(encoding="utf-8") == _thresholds_json(plan)
        )

    def _write_version(self, version: Path, plan: WriteBackPlan, published: pa.Table) -> None:
        (version / THRESHOLDS).write_text(_thresholds_json(plan), encoding="utf-8")
        last = [self.folder / name for name in CHANGES_FILES]
        if plan.changes.num_rows == 0 and all(file.exists() for file in last):
            for file in last:
                shutil.copyfile(file, version / file.name)
        else:
            _write_rows(_dated(plan).to_reader(BATCH_ROWS), version / CHANGES)
        _write_rows(_state_after(plan, published).to_reader(BATCH_ROWS), version / SCORES)


def _dated(plan: WriteBackPlan) -> pa.Table:
    """The changes of `plan`, each with the moment and the release of the scores it comes from."""
    as_of, release = f"{plan.scored.as_of.isoformat()}Z", plan.scored.release_id
    changes = plan.changes
    for name, value in (("as_of", as_of), ("release_id", release)):
        changes = changes.append_column(name, pa.repeat(pa.scalar(value, pa.string()), changes.num_rows))
    return changes


def _state_after(plan: WriteBackPlan, published: pa.Table) -> pa.Table:
    """What stands once `plan` is carried out: the scored leads by id, one text column a field."""
    lead_ids = ds.dataset(plan.scored.path, format="parquet").to_table(columns=["lead_id"])["lead_id"].sort()
    stands = published.take(pc.index_in(lead_ids, value_set=published["lead_id"]))
    columns = {"lead_id": lead_ids}
    old = [name for name in published.column_names if name != "lead_id"]
    for name in [*old, *sorted(set(pc.unique(plan.changes["field"]).to_pylist()) - set(old))]:
        changes = plan.changes.filter(pc.equal(plan.changes["field"], name))
        places = pc.index_in(lead_ids, value_set=changes["lead_id"])
        before = stands[name] if name in old else pa.nulls(len(lead_ids), pa.string())
        columns[name] = pc.if_else(pc.is_valid(places), changes["new_value"].take(places), before)
    return pa.table(columns)


def _write_rows(rows: pa.RecordBatchReader, path: Path) -> tuple[Path, Path]:
    """`rows` as `<path>.csv` and `<path>.parquet`."""
    csv, parquet = path.with_suffix(".csv"), path.with_suffix(".parquet")
    with pyarrow.csv.CSVWriter(csv, rows.schema) as to_csv, pq.ParquetWriter(parquet, rows.schema) as to_parquet:
        for batch in rows:
            to_parquet.write_batch(batch)
            cells = [neutralised(batch.column(name)) for name in batch.schema.names]
            to_csv.write_batch(pa.record_batch(cells, schema=batch.schema))
    return csv, parquet


def _thresholds_json(plan: WriteBackPlan) -> str:
    content = {
        "release_id": plan.scored.release_id,
        "definitions_version": plan.scored.definitions_version,
        "as_of": f"{plan.scored.as_of.isoformat()}Z",
        "thresholds": plan.thresholds.model_dump(mode="json"),
    }
    return json.dumps(content, indent=2) + "\n"
