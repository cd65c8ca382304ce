"""Questions in SQL about what a source delivered."""

import duckdb

from data_contracts.history import RawHistory


def asked(history: RawHistory, query: str) -> list[tuple]:
    """The rows that `query` gives; it calls the tables `raw_<canonical table>`."""
    return views_of(history).execute(query).fetchall()


def views_of(history: RawHistory) -> duckdb.DuckDBPyConnection:
    """The connection of the engine, in which `raw_<canonical table>` names each table."""
    backend = next(iter(history.tables.values())).get_backend()
    for name, table in history.tables.items():
        backend.con.execute(f"CREATE OR REPLACE TEMP VIEW raw_{name} AS {backend.compile(table)}")
    return backend.con
