"""A function of batches applied on this machine, for the engines that stream to it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.ports import BatchFunction

ROWS_AT_ONCE = 50_000
"""Rows in memory at a time: some hundred megabytes with the features and contributions of as many leads."""


def write_mapped(
    batches: Iterable[pa.RecordBatch], function: BatchFunction, *, schema: pa.Schema, into: Path
) -> Iterator[int]:
    """What `function` makes of `batches`, as one Parquet file in the folder `into`; the number of rows so far."""
    n_rows = 0
    with pq.ParquetWriter(into / "part-0.parquet", schema) as writer:
        for rows in in_slices(batches):
            made = function(rows)
            writer.write_table(made)
            n_rows += made.num_rows
            yield n_rows


def in_slices(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows of `batches` in order, `ROWS_AT_ONCE` at a time, whatever the size of the engine's batches.

    The same leads are always scored together. Otherwise a probability could differ in its last bit: with the place of
    the lead in its batch, as the engine's batches differ with the number of its threads.
    """
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        waiting, n_waiting = [*waiting, batch], n_waiting + batch.num_rows
        while n_waiting >= ROWS_AT_ONCE:
            together = pa.Table.from_batches(waiting)
            yield together.slice(0, ROWS_AT_ONCE)
            waiting, n_waiting = together.slice(ROWS_AT_ONCE).to_batches(), n_waiting - ROWS_AT_ONCE
    if n_waiting:
        yield pa.Table.from_batches(waiting)
