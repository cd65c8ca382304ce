"""The tables that a check works in, and how names and values are written in the engine's SQL."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ibis.backends.duckdb import Backend

from data_contracts.columns import TABLES

_PREFIX = "checking_"

BREACHES = f"{_PREFIX}breaches"
"""`table_name`, `source_row`, `rule`: one row is one breach."""

REFUSED = f"{_PREFIX}refused"
"""The rows of the quarantine, while the check is running."""

WORDS = f"{_PREFIX}words"
"""`table_name`, `column_name`, `word`, `canonical` (null where nothing maps the word), `n_rows`."""

ACCEPTED_LEADS = f"{_PREFIX}accepted_leads"
"""`lead_id`, `lead_created_at` of every accepted lead, merged ones included."""

SURVIVORS = f"{_PREFIX}survivors"
"""`lead_id` of a merged lead, `survivor_id`, `merged_at`, `survivor_created_at`."""

CIRCLES = f"{_PREFIX}circles"
"""`source_row` of leads whose chain of mergers never ends."""


STANDING = f"{_PREFIX}standing"
"""Where the accepted stage changes leave each surviving lead, made by `data_contracts.unsettled`."""

UNSETTLED = f"{_PREFIX}unsettled"
"""The rows of `CrmHistory.unsettled`, while the check is running."""


def delivered(table: str) -> str:
    """The view on what the source delivered for `table`: lower-case column names, nothing else changed."""
    return f"{_PREFIX}delivered_{table}"


def typed(table: str) -> str:
    """The table of canonical columns and types from which refused rows have not been taken out yet."""
    return f"{_PREFIX}{table}"


def unreadable(column: str) -> str:
    """The column of a typed table that keeps the text of a value that could not be read as its type."""
    return f"{column}_unreadable"


def identifier(name: str) -> str:
    """`name`, quoted for SQL.

    >>> identifier('the "real" owner')
    '"the ""real"" owner"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text`, quoted for SQL.

    >>> literal("Won't buy")
    "'Won''t buy'"
    """
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Several quoted texts, for `IN (...)`; a null where there are none, so that nothing is in them.

    >>> literals(["mql", "sql"]), literals([])
    ("'mql', 'sql'", 'NULL')
    """
    return ", ".join(literal(text) for text in texts) or "NULL"


def moment(time: dt.datetime) -> str:
    """`time`, written as an SQL timestamp.

    >>> moment(dt.datetime(2024, 2, 29, 13, 45))
    "TIMESTAMP '2024-02-29 13:45:00'"
    """
    return f"TIMESTAMP '{time.isoformat(sep=' ')}'"


def count(engine: Backend, query: str) -> int:
    """The one number that `query` selects; 0 where it selects a null."""
    row = engine.con.execute(query).fetchone()
    return int(row[0] or 0) if row else 0


@contextmanager
def workbench(engine: Backend) -> Iterator[None]:
    """Empty working tables in `engine`; they are gone afterwards, whatever happened."""
    _clear(engine)
    con = engine.con
    con.execute(f"CREATE TABLE {BREACHES} (table_name VARCHAR, source_row BIGINT, rule VARCHAR)")
    con.execute(
        f'CREATE TABLE {REFUSED} ("table" VARCHAR, source_row BIGINT, row_key VARCHAR, rule VARCHAR, '
        "column_name VARCHAR, value VARCHAR, reason VARCHAR, raw_row VARCHAR)"
    )
    con.execute(
        f"CREATE TABLE {WORDS} "
        "(table_name VARCHAR, column_name VARCHAR, word VARCHAR, canonical VARCHAR, n_rows BIGINT)"
    )
    con.execute(f"CREATE TABLE {ACCEPTED_LEADS} (lead_id VARCHAR, lead_created_at TIMESTAMP)")
    con.execute(
        f"CREATE TABLE {SURVIVORS} "
        "(lead_id VARCHAR, survivor_id VARCHAR, merged_at TIMESTAMP, survivor_created_at TIMESTAMP)"
    )
    con.execute(f"CREATE TABLE {CIRCLES} (source_row BIGINT)")
    con.execute(f"CREATE TABLE {UNSETTLED} (lead_id VARCHAR, stage VARCHAR, reason VARCHAR, is_ending BOOLEAN)")
    try:
        yield
    finally:
        _clear(engine)


def _clear(engine: Backend) -> None:
    for table in TABLES:
        engine.con.execute(f"DROP VIEW IF EXISTS {delivered(table)}")
        engine.con.execute(f"DROP TABLE IF EXISTS {typed(table)}")
    for table in (BREACHES, REFUSED, WORDS, ACCEPTED_LEADS, SURVIVORS, CIRCLES, STANDING, UNSETTLED):
        engine.con.execute(f"DROP TABLE IF EXISTS {table}")
