"""Specs: histories written as ASCII tables, and what must come out of them.

`specs/<module>.txt` states what `features/<module>.py` promises. A spec in it starts with `# ` and its title, and
consists of tables: the name of a canonical table or of what is expected, alone on a line, then a row of column names
and rows of values, separated by `|`. An empty value is missing. What a history's table leaves out is filled in by
`make_history`. `features` lists snapshots and what their features must be; arithmetic in a value is worked out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts.columns import TABLES
from data_contracts.vocabulary import Transition

SPECS = Path(__file__).parent / "specs"
GIVEN = {*TABLES, "unsettled"}
EXPECTED = {
    "features",
    "scoring",
    "unscored",
    "wins",
    *(f"{what} {to}" for what in ("outcomes", "training") for to in Transition),
}


class SpecRow(dict[str, str | None]):
    """One row of a table by column, and the line of the file on which it stands."""

    def __init__(self, cells: Mapping[str, str | None], *, line: int) -> None:
        super().__init__(cells)
        self.line = line


@dataclass(frozen=True)
class Spec:
    """One titled spec of a file: its tables by name, each a list of rows of strings (missing is None)."""

    file: str
    title: str
    tables: Mapping[str, Sequence[SpecRow]]

    def __str__(self) -> str:
        return f"{self.file.removesuffix('.txt')}: {self.title}"


def specs_of(module: str) -> list[Spec]:
    """The specs of the file that is named like `module`."""
    return parse_specs(SPECS / f"{module}.txt")


def all_specs() -> list[Spec]:
    """The specs of all files."""
    return [spec for path in sorted(SPECS.glob("*.txt")) for spec in parse_specs(path)]


def parse_specs(path: Path, *, text: str | None = None, expected: Collection[str] = EXPECTED) -> list[Spec]:
    """The specs in the file at `path`, or in `text` of it; an error names the line that cannot be read."""
    specs: list[Spec] = []
    tables: dict[str, list[SpecRow]] = {}
    name, columns = "", []
    for number, line in enumerate((text or path.read_text(encoding="utf-8")).splitlines(), start=1):
        cells = [cell.strip() or None for cell in line.split("|")]
        if line.startswith("# "):
            tables = {}
            specs.append(Spec(path.name, line.removeprefix("# "), tables))
        elif not line.strip():
            name, columns = "", []
        elif not name:
            name = line.strip()
            if name not in GIVEN | set(expected):
                raise ValueError(f"{path.name}:{number}: there is no table {name!r}")
            tables.setdefault(name, [])
        elif not columns:
            columns = cells
        elif len(cells) != len(columns):
            raise ValueError(f"{path.name}:{number}: {len(cells)} values below {len(columns)} columns")
        else:
            tables[name].append(SpecRow(dict(zip(columns, cells, strict=True)), line=number))
    without = [str(spec) for spec in specs if not any(spec.tables.get(name) for name in expected)]
    if without or not specs:
        raise ValueError(f"{path.name} expects nothing: {', '.join(without) or 'it holds no spec'}")
    return specs


def value_of(cell: str | None) -> Any:
    """From a cell to the value that it means: arithmetic such as `2/7 - 3/30` is worked out, words stay words."""
    if cell is None or any(letter.isalpha() for letter in cell):
        return cell
    return eval(cell, {"__builtins__": {}})  # noqa: S307  arithmetic in our own spec files
