"""The simulated CRM's raw files, as an export would have them: its own column names and words, and some dirty rows."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from simulation.clock import START, Floats, Ints

ROWS_A_PART = 250_000
_EPOCH = int((np.datetime64(START, "s") - np.datetime64(0, "s")).astype(int))

Defect = tuple[float, Mapping[str, object]]
"""A share of the rows that is written once more with some columns replaced (none: an exact duplicate)."""

CSV_DEFECTS: dict[str, tuple[Defect, ...]] = {
    "accounts": ((0.002, {}), (0.001, {"AccountId": None})),
    "leads": (
        (0.0015, {}),
        (0.002, {"Id": None}),
        (0.001, {"Id": "L-TEST-1", "CreatedDate": "n/a"}),
        (0.001, {"Id": "L-TEST-2", "CreatedDate": "2026-02-31T10:00:00Z"}),
    ),
    "stage_history": (
        (0.003, {}),
        (0.002, {"ChangedDate": "31/12/25 noon"}),
        (0.002, {"LeadId": "L-DELETED"}),
        (0.001, {"ChangedDate": "2019-01-01T00:00:00Z", "LoggedDate": "2019-01-01T00:00:00Z"}),
        (0.001, {"ChangedDate": "2062-06-30T12:00:00Z", "LoggedDate": "2062-06-30T12:00:00Z"}),
        (0.001, {"LeadId": None}),
    ),
    "opportunities": (
        (0.002, {}),
        (0.003, {"OpportunityId": "O-TEST-1", "Amount": "-1"}),
        (0.003, {"OpportunityId": "O-TEST-2", "LeadId": "L-DELETED"}),
        (0.002, {"OpportunityId": "O-TEST-3", "Amount": "tbd"}),
    ),
    "spend": ((0.005, {"Amount": "-250.00"}), (0.005, {"Month": "soon"})),
}
ACTIVITY_DEFECTS: tuple[Defect, ...] = (
    (0.003, {}),
    (0.003, {"LeadId": "L-DELETED"}),
    (0.001, {"ActivityId": None}),
    (0.001, {"LeadId": None}),
    (0.001, {"ActivityDate": None}),
)


def moments(times: Floats) -> pa.Array:
    """Seconds since `START` as timestamps; infinite ones are missing."""
    known = np.isfinite(times)
    since_epoch = np.where(known, times, 0.0).astype(np.int64) + _EPOCH
    return pa.array(since_epoch, mask=~known).cast(pa.timestamp("s"))


def texts(times: Floats) -> pa.Array:
    """Seconds since `START` as text like `2025-03-01T09:12:33Z`; infinite ones are missing."""
    return pc.strftime(moments(times), format="%Y-%m-%dT%H:%M:%SZ")


def words(codes: Ints, vocabulary: tuple[str, ...]) -> pa.Array:
    """The words of `codes`; -1 and the empty word are missing."""
    values = pa.array([word or None for word in vocabulary], pa.string())
    return values.take(pa.array(codes, mask=codes < 0))


def numbers(values: Floats) -> pa.Array:
    """Whole numbers as text; NaN and infinite ones are missing."""
    known = np.isfinite(values)
    return pa.array(np.where(known, values, 0.0).astype(np.int64), mask=~known).cast(pa.string())


def ids(prefix: str, counted: Ints, *, width: int) -> pa.Array:
    """Ids like `L-0000012`; negative numbers are missing."""
    text = pc.utf8_lpad(pa.array(counted, mask=counted < 0).cast(pa.string()), width=width, padding="0")
    return pc.binary_join_element_wise(prefix, text, "-")


def with_defects(table: pa.Table, *, defects: tuple[Defect, ...], rng: np.random.Generator) -> pa.Table:
    """`table` followed by defective copies of some of its rows."""
    parts = [table]
    for share, replaced in defects:
        n = rng.binomial(table.num_rows, share)
        copies = table.take(np.sort(rng.choice(table.num_rows, n, replace=False)))
        for name, value in replaced.items():
            at = copies.schema.get_field_index(name)
            field = copies.schema.field(at)
            copies = copies.set_column(at, field, pa.array([value] * n, field.type))
        parts.append(copies)
    return pa.concat_tables(parts)


class RawFiles:
    """The open files of one export. CSV for the records, Parquet for activities, JSON lines for the field history."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._csv: dict[str, pa.csv.CSVWriter] = {}
        self._n_parts = 0
        self.rows: dict[str, int] = {}
        (folder / "activities").mkdir(parents=True, exist_ok=True)
        for stale in (folder / "activities").glob("part-*.parquet"):
            stale.unlink()
        self._fields = (folder / "field_history.jsonl").open("w", encoding="utf-8", newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._csv.values():
            writer.close()
        self._fields.close()

    def _count(self, name: str, n: int) -> None:
        self.rows[name] = self.rows.get(name, 0) + n

    def add(self, name: str, table: pa.Table, *, rng: np.random.Generator) -> None:
        """Append `table`, all text, to `<name>.csv`, with its defects."""
        written = with_defects(table, defects=CSV_DEFECTS[name], rng=rng)
        if name not in self._csv:
            self._csv[name] = pa.csv.CSVWriter(self._folder / f"{name}.csv", written.schema)
        self._csv[name].write_table(written)
        self._count(name, written.num_rows)

    def add_activities(self, table: pa.Table, *, rng: np.random.Generator) -> None:
        """Write `table` as further parts of `activities/`, with its defects."""
        written = with_defects(table, defects=ACTIVITY_DEFECTS, rng=rng)
        for start in range(0, written.num_rows, ROWS_A_PART):
            path = self._folder / "activities" / f"part-{self._n_parts:04d}.parquet"
            pq.write_table(written.slice(start, ROWS_A_PART), path, compression="zstd")
            self._n_parts += 1
        self._count("activities", written.num_rows)

    def add_field_changes(self, table: pa.Table) -> None:
        """Append `table`, all text, to `field_history.jsonl`."""
        names = table.column_names
        columns = [table.column(name).to_pylist() for name in names]
        for values in zip(*columns, strict=True):
            self._fields.write(json.dumps(dict(zip(names, values, strict=True))) + "\n")
        self._count("field_history", table.num_rows)
