"""A CRM's database as files: its tables and views as they stand at one moment, without what only says who a person is.

A SELECT is DuckDB's, which reads files by itself and a database by extensions that it would download. So we copy.
"""

import json
import re
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy
from sqlalchemy import Connection, Engine, Inspector
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from crm.recognise.attributes import is_only_personal
from crm.select_errors import NO_ANSWER, without_quoted
from data_contracts.disk import disk_errors
from data_contracts.errors import SettingsError, SourceError, SourceUnreachableError
from data_contracts.keeping import held, kept_folder
from data_contracts.privacy import pseudonymous
from data_contracts.progress import Say, silent

TABLES = "tables"
"""Within the folder of a copy, what is replaced as a whole by the next one."""

_BATCH_ROWS = 5_000
_WAIT_SECONDS = 10
_EXACT = 2.0**53
"""Below it every whole number is a float."""

_BINARY = (sqlalchemy.LargeBinary, sqlalchemy.BINARY, sqlalchemy.VARBINARY)
_SECRET = re.compile(r"pass|pwd|token|secret|key", re.IGNORECASE)
_EXTRAS = {"postgresql": "pip install '.[postgres]' in the checkout"}
_PARTS = """
SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relispartition AND nspname = :schema
"""
_SPELLINGS = "sqlite:///crm.db, postgresql://user@host/crm"


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """One table or view that was copied: its name, its file, its rows, and the columns that were left out."""

    name: str
    file: str
    n_rows: int
    left_out: tuple[str, ...]


def copy_database(address: str, folder: Path, *, say: Say = silent) -> tuple[CopiedTable, ...]:
    """Every table and view of the database at `address`, as Parquet files in `folder / TABLES`; all values are text.

    `address` is a URL of SQLAlchemy, with `?schema=` for another schema than the default one. It may hold a password,
    so nothing here repeats it. The database is only read, in one transaction. What was copied before stands until the
    new copy is whole.

    Raises
    ------
    SettingsError
        Where the address is none, its driver is not installed, or `folder` holds files that are no copy.
    SourceError, SourceUnreachableError
        Where the database cannot be opened or does not answer, has no tables, or has some that cannot be read: all of
        them are listed.
    StoreError, BusyError
        Where the copy cannot be written, or another one is being made.
    """
    url, schema = _parsed(address)
    _require_ours(folder)
    with _connected(url) as connection, disk_errors(folder), held(folder / TABLES, by="leadscore copy"):
        inspector = sqlalchemy.inspect(connection)
        names = _names(connection, inspector, schema)
        if not names:
            where = f"schema {schema!r}" if schema else "its default schema"
            raise SourceError(f"the database has no tables in {where}; name another one with ?schema=NAME")
        with kept_folder(folder / TABLES) as version:
            return _copied(connection, inspector, names, schema=schema, into=version, url=url, say=say)


def _parsed(address: str) -> tuple[URL, str | None]:
    """The URL, and the schema that it names beside."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # both may quote it
        raise SettingsError(f"the address of the database cannot be read; write it like {_SPELLINGS}") from None
    schema = url.query.get("schema")
    url = url.difference_update_query(["schema"])
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    return url, schema if isinstance(schema, str) else None


def _require_ours(folder: Path) -> None:
    """Refuse a folder with anything but a copy: it is made private, and the copy in it is replaced."""
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file; name a folder for the copy")
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if there and f"{TABLES}.lock" not in there:
        raise SettingsError(f"{folder} holds files that are no copy of a database; name a new folder for the copy")


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    """A connection that can only read, in one transaction that sees one moment."""
    engine = _engine(url)
    try:
        try:
            connection = engine.connect()
        except SQLAlchemyError as error:
            raise _not_opened(error, url) from None
        with connection:
            if url.get_backend_name() == "sqlite":
                connection.exec_driver_sql("BEGIN")  # its driver begins none for a SELECT
            yield connection
    except SQLAlchemyError as error:
        raise SourceError(f"the database cannot be read: {_said(error, url)}") from None
    finally:
        engine.dispose()


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return sqlalchemy.create_engine("sqlite://", creator=_sqlite_opener(url))
    options: dict[str, Any] = {}
    if backend == "postgresql":
        options["execution_options"] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        if url.get_driver_name() == "psycopg" and "connect_timeout" not in url.query:
            options["connect_args"] = {"connect_timeout": _WAIT_SECONDS}
    try:
        return sqlalchemy.create_engine(url, hide_parameters=True, **options)
    except NoSuchModuleError:
        raise SettingsError(
            f"there is no dialect {url.drivername!r} of SQLAlchemy here; write the address like {_SPELLINGS}, or "
            "install the package with that dialect"
        ) from None
    except ImportError as error:
        remedy = _EXTRAS.get(backend, f"install the package {error.name}")
        raise SettingsError(f"the driver of {url.drivername} is not installed ({error.name}): {remedy}") from None
    except (ArgumentError, TypeError, ValueError):
        raise SettingsError(f"the address of the database has an option that {url.drivername} does not know") from None


def _sqlite_opener(url: URL) -> Any:
    """What opens the file for reading; a file that is not there is not made."""
    path = Path(url.database or "")
    if not path.is_file():
        raise SourceError(
            f"there is no database file {path.absolute()}; write the address like sqlite:///folder/crm.db"
        )

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection.text_factory = _decoded
        return connection

    return opened


def _decoded(raw: bytes) -> str:
    """Text whatever its encoding: what is not UTF-8 is taken as Latin-1, which every byte is."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _names(connection: Connection, inspector: Inspector, schema: str | None) -> list[str]:
    """The tables and views of the schema, in order; of a partitioned table, the whole and not its parts again."""
    found = {*inspector.get_table_names(schema), *inspector.get_view_names(schema)}
    if connection.dialect.name == "postgresql":
        found |= set(inspector.get_materialized_view_names(schema))
        asked = {"schema": schema or inspector.default_schema_name}
        found -= set(connection.scalars(sqlalchemy.text(_PARTS), asked))
    return sorted(found)


def _copied(
    connection: Connection,
    inspector: Inspector,
    names: Sequence[str],
    *,
    schema: str | None,
    into: Path,
    url: URL,
    say: Say,
) -> tuple[CopiedTable, ...]:
    """Each table in a file of its own. Raises `SourceError` that lists every table that cannot be read."""
    copied: list[CopiedTable] = []
    problems: list[str] = []
    for name in names:
        say(f"copying {name} ({len(copied) + len(problems) + 1} of {len(names)})")
        try:
            with connection.begin_nested():  # one that fails does not end the transaction of the others
                columns, left_out = _columns(inspector, name, schema)
                path = _free(into, name)
                n_rows = _write(_batches(connection, name, columns, schema=schema), columns, path)
                copied.append(CopiedTable(name, path.name, n_rows, left_out))
        except SQLAlchemyError as error:
            problems.append(f"  - {name}: {_said(error, url)}")
    if problems:
        raise SourceError(
            "\n".join([f"{len(problems)} of {len(names)} tables and views of the database cannot be read:", *problems])
            + "\nlet the user read them, or name a schema with ?schema=NAME that has only what is needed"
        )
    return tuple(copied)


def _columns(inspector: Inspector, name: str, schema: str | None) -> tuple[list[str], tuple[str, ...]]:
    """The names of the columns that are copied, and of those that are left out."""
    with warnings.catch_warnings(action="ignore", category=sqlalchemy.exc.SAWarning):  # of types that it does not know
        found = inspector.get_columns(name, schema)
    out = [c["name"] for c in found if isinstance(c["type"], _BINARY) or is_only_personal(c["name"])]
    return [c["name"] for c in found if c["name"] not in out], tuple(out)


def _free(folder: Path, name: str) -> Path:
    """A file for the table called `name`, of letters, digits and `_` alone, that is not there yet."""
    stem = re.sub(r"\W+", "_", name).strip("_")[:60] or "table"
    there = {path.name.lower() for path in folder.iterdir()}
    names = (f"{stem}.parquet", *(f"{stem}_{n}.parquet" for n in range(2, 10_000)))
    return folder / next(file for file in names if file.lower() not in there)


def _batches(
    connection: Connection, name: str, columns: Sequence[str], *, schema: str | None
) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows, some thousands at a time, through a cursor of the server where there is one."""
    if not columns:
        return
    table = sqlalchemy.table(name, *map(sqlalchemy.column, columns), schema=schema)
    # The server of PostgreSQL writes any value as text; the driver stops at some, such as a year after 9999.
    as_text = connection.dialect.name == "postgresql"
    asked = [sqlalchemy.cast(column, sqlalchemy.Text) if as_text else column for column in table.columns]
    if as_text:
        connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")
        connection.exec_driver_sql("SET LOCAL DateStyle = 'ISO, YMD'")
    query = sqlalchemy.select(*asked).select_from(table)
    yield from connection.execute(query, execution_options={"yield_per": _BATCH_ROWS}).partitions()


def _write(batches: Iterator[Sequence[Sequence[Any]]], columns: Sequence[str], path: Path) -> int:
    """The rows as a file at `path`; how many there are."""
    schema = pa.schema([(name, pa.string()) for name in columns])
    n_rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for rows in batches:
            cells = [pa.array(map(_text, values), pa.string()) for values in zip(*rows, strict=True)]
            writer.write_batch(pa.record_batch(cells, schema=schema))
            n_rows += len(rows)
    return n_rows


def _text(value: Any) -> str | None:
    """A value of a driver as text, without the addresses of persons.

    >>> import datetime as dt
    >>> [_text(value) for value in (None, True, 1.5, 2.0, "Köln", b"x", dt.datetime(2024, 3, 1, 10), {"a": [1]})]
    [None, 'true', '1.5', '2', 'Köln', 'x', '2024-03-01 10:00:00', '{"a": [1]}']
    """
    if value is None:
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        value = _decoded(bytes(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))  # an id beside missing ones is kept as a float by many: it is to be found as an integer
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return pseudonymous(str(value))


def _not_opened(error: SQLAlchemyError, url: URL) -> SourceError:
    said = _said(error, url)
    if NO_ANSWER.search(said):
        return SourceUnreachableError(f"the database does not answer ({said}); see that it runs, or run again later")
    return SourceError(f"the database cannot be opened: {said}; correct its address, or let the user in")


def _said(error: SQLAlchemyError, url: URL) -> str:
    """The driver's first line, without values of rows and without a secret of the address."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    for secret in _secrets(url):
        said = said.replace(secret, "…")
    return without_quoted(said)


def _secrets(url: URL) -> list[str]:
    """What of the address nobody may read, as it is and as a URL spells it; the longest first."""
    plain = [str(url.password)] if url.password else []
    for name, value in url.query.items():
        if _SECRET.search(name):
            plain += [value] if isinstance(value, str) else list(value)
    spelt = {form for text in plain for form in (text, quote(text, safe=""), quote_plus(text)) if form}
    return sorted(spelt, key=len, reverse=True)
