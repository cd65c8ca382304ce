"""The engine's errors about a SELECT, in words that help whoever wrote it, and without a value of any row.

The engine quotes whole lines and values of the data; what is handed on are files, positions, counts and names.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
from ibis.backends.duckdb import Backend

from crm.csv_faults import is_csv, line_ends, odd_line
from data_contracts.errors import SourceError, SourceUnreachableError
from data_contracts.privacy import masked

DATA_FOLDER = "{data_folder}"
WRAPPING_LINES = 1
"""Lines of the query before the SELECT itself."""

_MOST_COLUMNS = 60
_READER = re.compile(r"\bread_\w+\s*\(", re.IGNORECASE)
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)")
_CSV_COUNTS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_CSV_COLUMN = re.compile(r'Error when converting column "(.*?)"')
_CSV_FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
_SNIFFED_FILE = re.compile(r'sniffing file "(.+)"')
_SNIFFED_DELIMITER = re.compile(r"Delimiter Candidates: '(.)'")
_PLACE = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
_SECRET = re.compile(r"((?:password|passwd|token|secret|user)=|\?)[^\s'\"]+", re.IGNORECASE)
_ABOUT_SQL = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.SyntaxException)
NO_ANSWER = re.compile(
    r"could not establish connection|connection (refused|reset|timed out|error)|unable to connect|could not connect"
    r"|timed? ?out|(could not|failed to) resolve|temporary failure|network is unreachable|\bHTTP (408|429|5\d\d)\b",
    re.IGNORECASE,
)

_ENCODING_REMEDY = "save the file as UTF-8, or name its encoding in the reader: read_csv(..., encoding = 'latin-1')"
_WIDTH_REMEDY = "give every line as many values as the header has; a value with a comma or a line break needs quotes"
_LINE_END_REMEDY = "save it with one kind of line end, and put values that hold one in quotes"
_SELECT_REMEDY = "correct the SELECT, or export the column it asks for"
_TYPE_REMEDY = "read it as text (all_varchar = true), or with try_cast: the check says which rows do not fit"


@dataclass(frozen=True, slots=True)
class Select:
    """The SELECT of one table: where it stands, its text, and what `{data_folder}` in it stands for."""

    where: str
    text: str
    data_folder: Path

    @property
    def query(self) -> str:
        """The text with the data folder filled in."""
        return self.text.replace(DATA_FOLDER, self._folder)

    @property
    def _folder(self) -> str:
        return self.data_folder.as_posix().replace("'", "''")

    @property
    def readers(self) -> tuple[str, ...]:
        """The calls of the engine's readers in the query, each with all its options."""
        query = self.query
        calls = (_call_at(query, found.start(), found.end()) for found in _READER.finditer(query))
        return tuple(call for call in calls if call)

    @property
    def csv_files(self) -> tuple[Path, ...]:
        """The files in the data folder that the query reads and that are called as a CSV is."""
        patterns = re.findall(re.escape(DATA_FOLDER) + r"/([^'\"\n]+)", self.text)
        files = (file for pattern in dict.fromkeys(patterns) for file in sorted(self.data_folder.glob(pattern)))
        return tuple(file for file in files if file.is_file() and is_csv(file))

    def column_in_file(self, line: int, column: int) -> int:
        """The column, from 1, in the file of what stands in `column` of `line` of the query."""
        lines = self.query.splitlines()
        if not 1 <= line <= len(lines):
            return column
        longer = len(self._folder) - len(DATA_FOLDER)
        return column - longer * lines[line - 1][: column - 1].count(self._folder)


def _call_at(query: str, start: int, inside: int) -> str:
    """The call that starts at `start` and whose parenthesis opens before `inside`; empty where it never closes."""
    depth, is_quoted = 1, False
    for place in range(inside, len(query)):
        letter = query[place]
        is_quoted ^= letter == "'"
        if not is_quoted:
            depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return query[start : place + 1]
    return ""


def explained(error: duckdb.Error, select: Select, engine: Backend) -> SourceError:
    """`error`, which carrying out `select` in `engine` raised, as one that says where, what, and what to do."""
    message = str(error)
    no_answer = NO_ANSWER.search(message)
    if no_answer and not isinstance(error, duckdb.DataError | duckdb.ProgrammingError):
        found = f"what it reads from does not answer ({no_answer[0]})"
        return SourceUnreachableError(f"{select.where}: {found}; run again later")
    if "sniffing file" in message:
        return SourceError(f"{select.where}: {_of_csv_without_shape(message)}")
    if _CSV_LINE.search(message):
        return SourceError(f"{select.where}: {_of_csv_line(message)}")
    if "CSV" in message and (mixed := _mixed_line_ends_of(select.csv_files)):
        return SourceError(f"{select.where}: {mixed}; {_LINE_END_REMEDY}")
    headline = _headline(message)
    if isinstance(error, _ABOUT_SQL):
        found = f"{headline}{_position(message, select)}{_columns_read(select, engine)}"
        return SourceError(f"{select.where}: {found}; {_SELECT_REMEDY}")
    if not isinstance(error, duckdb.IOException):
        headline = without_quoted(headline)
    remedy = _TYPE_REMEDY if isinstance(error, duckdb.ConversionException) else _SELECT_REMEDY
    return SourceError(f"{select.where}: {headline}{_position(message, select)}; {remedy}")


def _of_csv_line(message: str) -> str:
    """What is wrong with the line of a CSV that the engine names."""
    line, file = int(_CSV_LINE.findall(message)[0]), _CSV_FILE.search(message)
    place = f"line {line:,} of {file[1].strip() if file else 'the CSV'}"
    if "unicode" in message.lower() or "utf-8 encoded" in message:
        return f"{place} is not utf-8 encoded; {_ENCODING_REMEDY}"
    if column := _CSV_COLUMN.search(message):
        return f"{place}: the value of column {masked(column[1])!r} does not fit its type; {_TYPE_REMEDY}"
    if file and (mixed := _mixed_line_ends_of([Path(file[1].strip())])):
        return f"line {line:,} cannot be read; {mixed}; {_LINE_END_REMEDY}"
    counts = _CSV_COUNTS.search(message)
    found = f" has {int(counts[2]):,} values where the header has {int(counts[1]):,}" if counts else " cannot be read"
    return f"{place}{found}; {_WIDTH_REMEDY}"


def _of_csv_without_shape(message: str) -> str:
    """What is wrong with a CSV in which the engine finds no table, as far as a look at the file tells."""
    named, delimiter = _SNIFFED_FILE.search(message), _SNIFFED_DELIMITER.search(message)
    path = Path(named[1]) if named else None
    if path is None or not path.is_file():
        return f"the CSV cannot be read; {_WIDTH_REMEDY}"
    if mixed := _mixed_line_ends_of([path]):
        return f"{mixed}; {_LINE_END_REMEDY}"
    if odd := odd_line(path, delimiter=delimiter[1] if delimiter else ","):
        line, expected, found = odd
        return f"line {line:,} of {path} has {found:,} values where the header has {expected:,}; {_WIDTH_REMEDY}"
    return f"{path} is no CSV of the dialect that the SELECT names; {_WIDTH_REMEDY}"


def _mixed_line_ends_of(files: Iterable[Path]) -> str:
    """The first of `files` whose line ends are of several kinds, and which; empty where there is none."""
    for file in files:
        kinds = line_ends(file) if file.is_file() else {}
        if len(kinds) > 1:
            told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items())
            return f"{file}: its lines end in different ways ({told})"
    return ""


def _headline(message: str) -> str:
    """The engine's message without its advice, positions, secrets, and what it quotes on lines of their own."""
    headline, *more = [line.strip() for line in message.splitlines() if line.strip()]
    kept = [headline, *(masked(line) for line in more if line.startswith(("Candidate bindings", "Did you mean")))]
    return _SECRET.sub(r"\1…", " ".join(kept))


def without_quoted(text: str) -> str:
    """`text` without what it quotes, which may be a value of a row; an unfinished quotation goes to the end.

    >>> without_quoted("Could not convert string 'O'Brien' to INT32"), without_quoted("no time: 'Jane")
    ('Could not convert string … to INT32', 'no time: …')
    """
    return re.sub(r"""(['"]).*\1|['"].*$""", "…", text)


def _position(message: str, select: Select) -> str:
    """Where in the file of the SELECT it is, from the engine's line and caret; empty where the engine does not say."""
    found = _PLACE.search(message)
    if not found:
        return ""
    line, shown = int(found[1]) - WRAPPING_LINES, found[2]
    column = len(found[3]) - len(f"LINE {found[1]}: ") + 1
    lines = select.query.splitlines()
    if shown.startswith("...") and 1 <= line <= len(lines):
        column += lines[line - 1].find(shown.strip(".")) - len("...")
    return f" (line {line}, column {select.column_in_file(line, column)})"


def _columns_read(select: Select, engine: Backend) -> str:
    """The columns of the files that the SELECT reads, as far as they can be read."""
    told = []
    for reader in dict.fromkeys(select.readers):
        try:
            described = engine.con.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()
        except duckdb.Error:
            continue
        file = re.search(r"'((?:[^']|'')*)'", reader)
        names = [masked(str(row[0])) for row in described]
        more = f" and {len(names) - _MOST_COLUMNS} more" if len(names) > _MOST_COLUMNS else ""
        told.append(f"{Path(file[1]).name if file else 'the file'} has {', '.join(names[:_MOST_COLUMNS])}{more}")
    return f"; {'; '.join(told)}" if told else ""
