"""History in: a source is one SELECT a canonical table."""

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import ibis.expr.types as ir
import pyarrow as pa

from crm.csv_faults import begins_blank
from crm.select_errors import DATA_FOLDER, Select, explained
from data_contracts.columns import TABLES
from data_contracts.errors import SourceError, SourceUnreachableError
from data_contracts.history import RawHistory
from data_contracts.ports import Engine

EXTRACTED_AT = "extracted_at"
_READ_FILE = re.compile(re.escape(DATA_FOLDER) + r"/([^'\"`\n]+)")
_SKIPS_LINES = re.compile(r"\bskip\s*=\s*[1-9]|\bheader\s*=\s*false", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SqlSource:
    """A source that is a folder of SELECTs: `<canonical table>.sql` for each table it has, and `extracted_at.sql`.

    A SELECT reads anything that the engine reads (CSV, Parquet, JSON, a database). `{data_folder}` in it stands for
    the folder of the exported files. Its columns carry the canonical names; other columns are the customer's own
    attributes. `extracted_at.sql` gives the time of the extract: one row with one time.

    Read a CSV as the shipped SELECTs do it:

    | how | why |
    |---|---|
    | every value as text (`all_varchar = true`) | a bad cell reaches the check, which puts it into quarantine |
    | `delim`, `quote`, `escape`, `header = true`, `skip = 0`, `comment = ''` spelt out | a guess may skip lines |

    A line with too few or too many values is then an error, and never lost.

    Attributes
    ----------
    name
        The source's name in the settings.
    folder
        The folder of the SELECTs.
    data_folder
        What `{data_folder}` stands for.
    reader
        The engine that carries out the SELECTs, in its own SQL. None is the engine that is read into.
    """

    name: str
    folder: Path = field(kw_only=True)
    data_folder: Path = field(kw_only=True)
    reader: Engine | None = field(kw_only=True, default=None)

    def read(self, engine: Engine) -> RawHistory:
        """What the CRM said, kept in `engine` for now.

        Each table has `source_row` (from 1) and the columns of its SELECT. The rows are numbered as the SELECT gives
        them: in the order of the file, unless it joins or has a long IN list, which need an ORDER BY.

        Raises
        ------
        SourceError
            Listing every problem of every table; the engine then keeps nothing for now.
        SourceUnreachableError
            Where all that is wrong is that a database or server does not answer.
        StoreError, SettingsError
            Where the disk or the engine's memory is full.
        """
        selects = self._selects()
        problems: list[SourceError] = []
        tables: dict[str, ir.Table] = {}
        moments: list[dt.datetime] = []
        for name in [*TABLES, EXTRACTED_AT]:
            try:
                if name == EXTRACTED_AT:
                    moments.append(self._extracted_at(engine, selects[name]))
                elif name in selects:
                    tables[name] = self._load(engine, name, select=selects[name])
            except SourceError as problem:
                problems.append(problem)
        if problems:
            engine.forget()
            may_pass = all(problem.may_pass for problem in problems)
            raise self._unreadable(map(str, problems), kind=SourceUnreachableError if may_pass else SourceError)
        digests = {name: hashlib.sha256(selects[name].strip().encode()).hexdigest()[:16] for name in tables}
        return RawHistory(tables=tables, extracted_at=moments[0], source=self.name, select_digests=digests)

    def look_up(self, engine: Engine) -> RawHistory:
        """What the CRM says now, not kept and without `source_row`: each question reads the files again.

        Raises `SourceError` where a SELECT or its files are gone.
        """
        selects = self._selects()
        extracted_at = self._extracted_at(engine, selects.pop(EXTRACTED_AT))
        reader = self.reader or engine
        tables = {}
        for name, select in selects.items():
            asked = self._select(name, select)
            with self._explained(reader, asked):
                tables[name] = reader.select(f"select_{name}", asked.query)
        return RawHistory(tables=tables, extracted_at=extracted_at, source=self.name)

    def _unreadable(self, problems: Iterable[str], *, kind: type[SourceError] = SourceError) -> SourceError:
        lines = [f"  - {problem}" for problem in problems]
        return kind("\n".join([f"source {self.name!r} cannot be read, {len(lines)} problem(s):", *lines]))

    def _selects(self) -> dict[str, str]:
        """The SELECTs by table."""
        allowed = [*TABLES, EXTRACTED_AT]
        if not self.folder.is_dir():
            problem = (
                f"there is no folder {self.folder.absolute()}; make it and put in <table>.sql for {', '.join(allowed)}"
            )
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
        selects = {}
        for name, file in files.items():
            try:
                selects[name] = file.read_text(encoding="utf-8").rstrip().rstrip(";")
            except UnicodeDecodeError:
                problems.append(f"{file} is not UTF-8; save it as UTF-8")
        if not self.data_folder.is_dir() and any(DATA_FOLDER in select for select in selects.values()):
            problems.append(
                f"there is no data folder {self.data_folder.absolute()}; export into it, or say with --data where it is"
            )
        problems += [
            f"{files[name]} is empty; write a SELECT or delete it" for name in selects if not selects[name].strip()
        ]
        if problems:
            raise self._unreadable(problems)
        return selects

    def _select(self, name: str, text: str) -> Select:
        return Select(f"{name} ({self.folder / name}.sql)", text, self.data_folder)

    def _load(self, engine: Engine, name: str, *, select: str) -> ir.Table:
        asked = self._select(name, select)
        reader = self.reader or engine
        with self._explained(reader, asked):
            selected = reader.select(f"select_{name}", asked.query)
        if "source_row" in map(str.lower, selected.columns):
            raise SourceError(f"{asked.where}: the SELECT gives a column source_row, which is ours; rename it")
        with self._explained(reader, asked):
            table = self._kept(engine, f"raw_{name}", selected)
        if TABLES[name].is_required and not table.limit(1).to_pyarrow().num_rows:
            raise SourceError(f"{asked.where}: there are no rows; look into the exported files and the SELECT's WHERE")
        return table

    def _kept(self, engine: Engine, name: str, selected: ir.Table) -> ir.Table:
        """The rows of the SELECT in `engine`, numbered as they come."""
        if self.reader is None:
            return engine.keep_numbered(name, selected)
        numbered = self.reader.numbered(selected)
        batches = self.reader.stream(numbered)
        return engine.keep_for_now(name, pa.RecordBatchReader.from_batches(numbered.schema().to_pyarrow(), batches))

    def _extracted_at(self, engine: Engine, select: str) -> dt.datetime:
        asked = self._select(EXTRACTED_AT, select)
        reader = self.reader or engine
        with self._explained(reader, asked):
            selected = reader.select(f"select_{EXTRACTED_AT}", asked.query)
            found = _times(reader, selected).to_pyarrow()
        moment = found[0][0].as_py() if found.shape == (1, 1) else None
        if not isinstance(moment, dt.datetime):
            gives = f"{found.num_rows} row(s) of {found.num_columns} value(s)"
            gives += ", the one missing" if found.shape == (1, 1) else ""
            raise SourceError(
                f"{asked.where}: gives {gives}; make it one row with one time, that of the extract in UTC"
            )
        return moment

    @contextmanager
    def _explained(self, engine: Engine, asked: Select) -> Iterator[None]:
        """Carry out what is asked. Raises `SourceError` that says where, what and what to do."""
        self._require_files(asked)
        try:
            with engine.enough_of_everything():
                yield
        except duckdb.Error as error:
            # Whatever prints the traceback would print the engine's words with it, which quote rows.
            raise explained(error, asked, engine.backend) from None
        except engine.query_errors as error:
            raise SourceError(f"{asked.where}: {engine.backend.name} refuses it ({type(error).__name__})") from None

    def _require_files(self, asked: Select) -> None:
        where = asked.where
        for pattern in dict.fromkeys(_READ_FILE.findall(asked.text)):
            files = sorted(self.data_folder.glob(pattern))
            if not files:
                raise SourceError(
                    f"{where}: there is no file {self.data_folder.absolute() / pattern}; export it, or delete the .sql"
                )
            empty = [str(file) for file in files if file.is_file() and file.stat().st_size == 0]
            if empty:
                raise SourceError(f"{where}: {', '.join(empty)} is empty (0 bytes); export it again")
        _refuse_blank_beginnings(asked)


def _times(reader: Engine, rows: ir.Table) -> ir.Table:
    """The columns of `rows` as times in UTC; null where a text is none."""
    return rows.select(**{name: _time(reader, rows[name]) for name in rows.columns})


def _time(reader: Engine, value: ir.Value) -> ir.TimestampValue:
    if value.type().is_string():
        return reader.read_time(value.strip())
    in_utc = value.cast("timestamp('UTC')") if value.type().is_timestamp() and value.type().timezone else value
    return in_utc.cast("timestamp")


def _refuse_blank_beginnings(asked: Select) -> None:
    blank = [str(file) for file in asked.csv_files if begins_blank(file)]
    if blank and not _SKIPS_LINES.search(asked.text):
        raise SourceError(
            f"{asked.where}: the first line of {', '.join(blank)} is blank, so its header would be taken for data; "
            "let the file begin with its header, or say in the reader how many lines come before it (skip = 1)"
        )
