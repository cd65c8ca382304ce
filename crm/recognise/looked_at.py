"""An export as it was found: its tables, and what the values of each column tell."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import ibis
from ibis.backends.duckdb import Backend

from crm.csv_faults import is_csv, opened
from crm.recognise.time_writing import TimeWriting, time_writing
from crm.select_errors import DATA_FOLDER, Select, explained
from data_contracts.errors import SourceError
from data_contracts.privacy import is_personal

_PARQUET, _JSON, _LINES = (".parquet", ".pq"), (".json",), (".jsonl", ".ndjson")
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 1 << 18
_SAMPLE_ROWS = 200
_SAMPLE_VALUES = 3_000
"""Distinct values by which times, numbers and persons are told."""

MOST_WORDS = 200
"""A column with more distinct values than this has no words of its own."""

_UNSAFE_NAME = re.compile(r"['\"`\n\r*?\[\]{}\\]")
"""What a file's name may not hold: a SELECT could not name the file, or would read others too."""


@dataclass(frozen=True, slots=True)
class Column:
    """What the values of one column tell.

    Attributes
    ----------
    name
        As the file has it.
    n_filled, n_distinct
        Rows with a value, and how many values there are.
    mean_length
        Mean length of a value, in characters.
    words
        Where there are at most `MOST_WORDS` values: each with its number of rows, the most frequent first.
    times
        How its values are written as times; None where they are none.
    is_number, is_personal
        Whether nearly all values are numbers; whether any looks like an email address or phone number.
    """

    name: str
    n_filled: int
    n_distinct: int
    mean_length: float
    words: tuple[tuple[str, int], ...]
    times: TimeWriting | None
    is_number: bool
    is_personal: bool

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return identifier(self.name)

    @property
    def has_words(self) -> bool:
        """Whether it holds a few words that come again: no times, no amounts."""
        return bool(self.words) and self.times is None


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the export.

    `name` is that of its file or folder without ending. `reader` is what stands after FROM in a SELECT, with
    `{data_folder}` for the folder. `view` is the name of the same rows, all text, in the export's database.
    """

    name: str
    file: str
    reader: str
    view: str
    n_rows: int
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column called `name`; raises `KeyError` where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True)
class Export:
    """The tables of a folder, and questions to them. `passed_over` are files that are no tables, with the reasons."""

    folder: Path
    tables: tuple[Table, ...]
    passed_over: tuple[tuple[str, str], ...]
    backend: Backend

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows that a query about the views of the tables gives."""
        found: list[tuple[Any, ...]] = self.backend.con.execute(query).fetchall()
        return found

    def one(self, query: str) -> Any:
        """The only value that a query gives."""
        return self.rows(query)[0][0]

    def on_views(self, select: str) -> str:
        """A SELECT that is to be written, over the views: its rows without reading a file again."""
        for table in self.tables:
            select = select.replace(table.reader, table.view)
        return select.strip()

    @cached_property
    def _overlaps(self) -> dict[tuple[str, str, str, str], float]:
        return {}

    def overlap(self, table: Table, column: Column, other: Table, key: Column) -> float:
        """The share of the rows with a value in `column` whose value is one of the `key` of `other`."""
        asked = (table.view, column.name, other.view, key.name)
        if asked not in self._overlaps:
            self._overlaps[asked] = self.one(
                f"SELECT coalesce(avg((trim(t.{column.sql}) IN (SELECT trim({key.sql}) FROM {other.view}))::INT), 0) "
                f"FROM {table.view} t WHERE nullif(trim(t.{column.sql}), '') IS NOT NULL"
            )
        return self._overlaps[asked]


def identifier(name: str) -> str:
    """`name` as an identifier of SQL.

    >>> identifier('na"me')
    '"na""me"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as a text of SQL.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def look_at(folder: Path) -> Export:
    """What is in `folder` and the folders in it: CSV (also packed), Parquet and JSON; a folder of parts is one table.

    Raises `SourceError` where there is no table, or where a file cannot be read.
    """
    if not folder.is_dir():
        raise SourceError(
            f"there is no data folder {folder.absolute()}; export into it, or say with --data where it is"
        )
    backend = ibis.duckdb.connect(":memory:", temp_directory="")  # what people are called is not spilled anywhere
    backend.raw_sql("SET TimeZone = 'UTC'")
    tables: list[Table] = []
    passed_over: list[tuple[str, str]] = []
    for name, pattern, files in _found(folder):
        if why := _no_table(pattern, files):
            passed_over.append((pattern, why))
            continue
        select = Select(pattern, f"SELECT * FROM {_reader(pattern, files, backend)}", folder)
        try:
            tables.append(_looked(backend, select, name=name, file=pattern, view=f"t{len(tables)}"))
        except duckdb.Error as error:
            raise explained(error, select, backend) from None
    if not tables:
        told = "; ".join(f"{file}: {why}" for file, why in passed_over)
        raise SourceError(
            f"{folder.absolute()} holds no CSV, Parquet or JSON file that could be a table{told and f' ({told})'}"
        )
    return Export(folder, tuple(tables), tuple(passed_over), backend)


def _found(folder: Path) -> Iterator[tuple[str, str, Sequence[Path]]]:
    """Every file, and every folder of parts of one kind: its name, its path or pattern in the folder, its files."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_file():
            yield _stem(path), path.name, [path]
            continue
        parts = [part for part in sorted(path.iterdir()) if part.is_file() and not part.name.startswith((".", "_"))]
        endings = {_ending(part) for part in parts}
        if len(endings) == 1:
            yield path.name, f"{path.name}/*{endings.pop()}", parts
        else:
            for part in parts:
                yield _stem(part), f"{path.name}/{part.name}", [part]


def _ending(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def _stem(path: Path) -> str:
    return path.name.removesuffix(_ending(path))


def _no_table(pattern: str, files: Sequence[Path]) -> str:
    """Why the files are no table; empty where they may be one."""
    name = pattern.replace("/*", "/", 1)
    if _UNSAFE_NAME.search(name) or DATA_FOLDER in name:
        return "its name holds a quote or a sign with a meaning of its own in a pattern; rename it"
    ending = _ending(files[0]).lower()
    if not (is_csv(files[0]) or ending in (*_PARQUET, *_JSON, *_LINES)):
        return "it is no CSV, Parquet or JSON file; save a table as one of them"
    return "it is empty (0 bytes)" if any(file.stat().st_size == 0 for file in files) else ""


def _reader(pattern: str, files: Sequence[Path], backend: Backend) -> str:
    place = literal(f"{DATA_FOLDER}/{pattern}")
    ending = _ending(files[0]).lower()
    if ending in _PARQUET:
        return f"read_parquet({place})"
    if is_csv(files[0]):
        delimiter, encoding = _dialect(files[0])
        told = {"\t": "'\\t'"}.get(delimiter, literal(delimiter))
        reader = (
            f"all_varchar = true, header = true, delim = {told}, quote = '\"', escape = '\"', skip = 0, comment = ''"
        )
        return f"read_csv(\n    {place},\n    {reader}{encoding and f', encoding = {literal(encoding)}'}\n)"
    shape = "newline_delimited" if ending in _LINES else "auto"
    described = backend.con.execute(
        "DESCRIBE SELECT * FROM read_json(?, format = ?)", [[str(file) for file in files], shape]
    ).fetchall()
    columns = ", ".join(f"{identifier(row[0])}: 'VARCHAR'" for row in described)
    return f"read_json(\n    {place},\n    format = '{shape}',\n    columns = {{{columns}}}\n)"


def _dialect(path: Path) -> tuple[str, str]:
    """What stands between values, and the encoding where it is not UTF-8."""
    with opened(path) as file:
        raw = file.read(_SAMPLE_BYTES)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text, encoding = raw.decode("utf-16", "replace"), "utf-16"
    else:
        with opened(path) as file:
            encoding = "" if _is_utf8(file) else "latin-1"
        text = raw.decode(encoding or "utf-8-sig", "replace")
    return max(_DELIMITERS, key=lambda delimiter: _fit(text, delimiter)), encoding


def _is_utf8(blocks: Iterable[bytes]) -> bool:
    with suppress(UnicodeDecodeError):
        for line in blocks:
            line.decode("utf-8")
        return True
    return False


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    """How many of the first lines have as many values as the header, where that is more than one; and how many."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    with suppress(csv.Error):
        widths = [len(row) for row in islice(lines, _SAMPLE_ROWS) if row]
        if widths and widths[0] > 1:
            return widths.count(widths[0]) / len(widths), widths[0]
    return 0.0, 0


def _looked(backend: Backend, select: Select, *, name: str, file: str, view: str) -> Table:
    con = backend.con
    described = con.execute(f"DESCRIBE {select.query}").fetchall()
    names = [row[0] for row in described if DATA_FOLDER not in row[0]]
    texts = ", ".join(f"{identifier(column)}::VARCHAR AS {identifier(column)}" for column in names)
    con.execute(f"CREATE TABLE {view} AS SELECT {texts} FROM ({select.query})")
    (n_rows,) = con.execute(f"SELECT count(*) FROM {view}").fetchall()[0]
    columns = tuple(_column(backend, view, column) for column in names)
    return Table(name, file, select.text.removeprefix("SELECT * FROM "), view, n_rows, columns)


def _column(backend: Backend, view: str, name: str) -> Column:
    counted = f"(SELECT trim({identifier(name)}) AS value, count(*) AS n FROM {view} GROUP BY 1 HAVING value <> '')"
    n_filled, n_distinct, length = backend.con.execute(
        f"SELECT coalesce(sum(n), 0)::BIGINT, count(*), coalesce(sum(n * length(value)) / sum(n), 0) FROM {counted}"
    ).fetchall()[0]
    words = backend.con.execute(f"SELECT value, n FROM {counted} ORDER BY n DESC, value LIMIT {MOST_WORDS}").fetchall()
    sample = [
        value
        for (value,) in backend.con.execute(
            f"SELECT value FROM {counted} ORDER BY md5(value) LIMIT {_SAMPLE_VALUES}"
        ).fetchall()
    ]
    times = time_writing(sample) if sample else None
    if times is not None and not times.has_days:  # one in a thousand may be a day alone: the sample does not tell
        days = (
            f"SELECT bool_or(regexp_full_match(value, '[0-9]{{1,4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,4}}')) FROM {counted}"
        )
        times = replace(times, has_days=bool(backend.con.execute(days).fetchall()[0][0]))
    return Column(
        name,
        n_filled,
        n_distinct,
        float(length),
        tuple(words) if n_distinct <= MOST_WORDS else (),
        times,
        is_number=bool(sample) and sum(map(_is_number, sample)) >= 0.95 * len(sample),
        is_personal=times is None and any(map(is_personal, sample)),
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) is not None
