"""The worked examples of `docs/metrics`: histories as ASCII tables, and the numbers that must come out of them.

A block fenced as `spec` is read like the specs of features (`tests/features/spec_files.py`): a title after `# `, the
tables of a history, the table `extract` with the moment `as_of` where it is not the end of 2026, and what is expected.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data_contracts.history import CrmHistory
from data_contracts.metrics.formula import Formula
from data_contracts.settings import Settings
from tests.example_kinds import KINDS
from tests.features.spec_files import GIVEN, Spec, SpecRow, parse_specs, value_of

PAGES = Path(__file__).parents[2] / "docs" / "metrics"

ATTRIBUTE = {"type": "category", "availability": "historised"}

SETTINGS: dict[str, Any] = {
    "definitions": {
        "version": "2026.1",
        "effective_from": "2026-01-01",
        "transitions": {"mql_to_sql": {"horizon_days": 30}, "sql_to_win": {"horizon_days": 90}},
        "icp": {
            "criteria": [
                {"name": "industry", "attribute": "industry", "one_of": ["software"], "weight": 2},
                {"name": "size", "attribute": "employees", "at_least": 50, "at_most": 1000},
            ]
        },
        "personas": [{"name": "controller", "attribute": "role", "one_of": ["Finance"]}],
    },
    "policy": {
        "version": "2026.1",
        "teams": [{"name": "sales", "leads_per_week": 10}],
        "respond_within_working_hours": 8,
        "calendar": {"time_zone": "UTC", "from_time": "09:00:00", "to_time": "17:00:00"},
    },
    "store": {"folder": "."},
    "crm": {
        "source": "example",
        "data_folder": ".",
        "currency": "EUR",
        "kinds": KINDS,
        "attributes": {
            "industry": ATTRIBUTE | {"table": "accounts", "meaning": "industry"},
            "employees": ATTRIBUTE | {"table": "accounts", "type": "number", "meaning": "employees"},
            "region": ATTRIBUTE | {"table": "accounts", "meaning": "region"},
            "role": ATTRIBUTE | {"table": "leads", "meaning": "what the person works in"},
            "budget": ATTRIBUTE | {"table": "leads", "meaning": "whether the budget is approved"},
        },
    },
    "pages": {"segments": ["region"]},
}
"""What the worked examples are computed under, as `docs/metrics/README.md` says."""

Rows = Sequence[Mapping[str, Any]]
Compute = Callable[..., Rows]
"""From a history, settings, and what is given beside them, to the rows that an example expects."""

_MOMENT = re.compile(r"^\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?$")


def page_specs(page: str, computed: Mapping[str, Compute], *, beside: Collection[str] = ()) -> list[Spec]:
    """The worked examples of `docs/metrics/<page>.md`.

    `computed` names what they may expect, `beside` what they may give beside a history.
    """
    path = PAGES / f"{page}.md"
    lines, is_spec = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        is_fence = line.startswith("```")
        is_spec = line == "```spec" if is_fence else is_spec
        lines.append(line if is_spec and not is_fence else "")
    return parse_specs(path, text="\n".join(lines), expected={*computed, *beside, "extract"})


def formulas_not_said(page: str, formulas: Sequence[Formula]) -> list[str]:
    """The names of those of `formulas` that `docs/metrics/<page>.md` does not say literally, wherever lines break."""
    said = " ".join((PAGES / f"{page}.md").read_text(encoding="utf-8").split())
    return [formula.name for formula in formulas if f"**{formula.name}** = {formula.says}" not in said]


def assert_as_worked_out(
    spec: Spec, computed: Mapping[str, Compute], make_history: Callable[..., CrmHistory], settings: Settings
) -> None:
    """Every table that the example expects is what comes out, row by row.

    What is given beside the history is handed to what is computed, by name.
    """
    beside = {name: spec.tables[name] for name in spec.tables if name not in {*computed, *GIVEN, "extract"}}
    given = {name: rows for name, rows in spec.tables.items() if name in GIVEN}
    when = [_moment(row["as_of"]) for row in spec.tables.get("extract", ())]
    history = make_history(given, under=settings, **({"extracted_at": when[0]} if when else {}))
    told = [
        each
        for name, rows in spec.tables.items()
        if name in computed
        for each in _differences(spec, name, rows, computed[name](history, settings, **beside))
    ]
    assert not told, "\n".join(told)


def _differences(spec: Spec, name: str, expected: Sequence[SpecRow], found: Rows) -> Iterator[str]:
    if len(expected) != len(found):
        columns = list(expected[0]) if expected else []
        seen = [{column: row.get(column) for column in columns} for row in found]
        yield f"{spec.file}: {name} has {len(found)} rows, not {len(expected)}: {seen}"
        return
    for row, got in zip(expected, found, strict=True):
        for column, cell in row.items():
            at = f"{spec.file}:{row.line}: {column} of {name}"
            if column not in got:
                yield f"{at}: there is no such column; there are {', '.join(got)}"
            elif not _is_same(got[column], cell):
                yield f"{at} is {got[column]!r}, not {cell!r}"


def _is_same(found: Any, cell: str | None) -> bool:
    if cell is None:
        return bool(pd.isna(found))
    if _MOMENT.match(cell):
        moment = _moment(cell)
        return bool(found == (moment if isinstance(found, dt.datetime) else moment.date()))
    if isinstance(found, bool):
        return cell == ("yes" if found else "no")
    wanted = value_of(cell)
    if isinstance(wanted, int | float):
        return isinstance(found, int | float) and found == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    return str(found) == wanted


def _moment(cell: str | None) -> dt.datetime:
    return dt.datetime.fromisoformat(str(cell))
