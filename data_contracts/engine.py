"""The engine that holds the history: an embedded DuckDB file behind Ibis."""

from pathlib import Path

import ibis
from ibis.backends.duckdb import Backend


def open_engine(path: Path | None = None, *, memory_limit: str = "4GB", read_only: bool = False) -> Backend:
    """An Ibis connection to the DuckDB file at `path`, or to memory where `path` is None.

    Times are UTC whatever the machine's zone. `memory_limit` is DuckDB's own (`"4GB"`); what does not fit
    is spilled beside the file.
    """
    options = {"memory_limit": memory_limit}
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        options["temp_directory"] = str(path.with_suffix(".spill"))
    engine = ibis.duckdb.connect(str(path) if path else ":memory:", read_only=read_only, **options)
    engine.raw_sql("SET TimeZone = 'UTC'")
    return engine
