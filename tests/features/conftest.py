"""Small histories in an engine: what a test or a spec says, and the rest filled in."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.columns import TABLES
from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from tests.example_history import arrow, filled, history
from tests.example_kinds import KINDS
from tests.some_engines import opened

EXTRACTED_AT = dt.datetime.fromisoformat("2026-12-31")
SNAPSHOT_TYPES = {
    "snapshot_id": pa.int64(),
    "lead_id": pa.string(),
    "account_id": pa.string(),
    "group_id": pa.string(),
    "transition": pa.string(),
    "day": pa.int64(),
    "stage": pa.string(),
    "spell_started_at": pa.timestamp("us"),
    "as_of": pa.timestamp("us"),
}

SETTINGS: dict[str, Any] = {
    "definitions": {
        "version": "spec",
        "effective_from": "2026-01-01",
        "transitions": {"mql_to_sql": {"horizon_days": 30}, "sql_to_win": {"horizon_days": 90}},
        "snapshots": {
            "judged_at_days": [0],
            "entry_delay_minutes": 1,
            "every_days": 7,
            "up_to_days": 21,
        },
        "icp": {
            "criteria": [
                {"name": "Industry (core)", "attribute": "industry", "one_of": ["software", "banking"], "weight": 2},
                {"name": "company size", "attribute": "employees", "at_least": 50, "at_most": 1000},
                {"name": "seniority", "attribute": "seniority", "one_of": ["head", "c-level"]},
            ]
        },
        "point_rule": {
            "threshold": 20,
            "activities": [
                {"kind": "webinar", "points": 10, "max_points": 15},
                {"kind": "pricing_view", "points": 3, "within_days": 14},
            ],
            "attributes": [{"attribute": "seniority", "one_of": ["head", "c-level"], "points": 5}],
        },
    },
    "policy": {"version": "2026.1", "teams": [{"name": "sales", "leads_per_week": 10}]},
    "store": {"folder": "."},
    "crm": {
        "source": "spec",
        "data_folder": ".",
        "kinds": KINDS,
        "attributes": {
            "industry": {"table": "accounts", "type": "category", "availability": "immutable", "meaning": "industry"},
            "employees": {"table": "accounts", "type": "number", "availability": "historised", "meaning": "employees"},
            "seniority": {"table": "leads", "type": "category", "availability": "historised", "meaning": "seniority"},
            "budget": {"table": "leads", "type": "number", "availability": "at_creation", "meaning": "budget"},
        },
    },
}

Row = Mapping[str, Any]
Rows = Sequence[Row]
MakeHistory = Callable[[Mapping[str, Rows]], CrmHistory]
MakeSnapshots = Callable[[Rows], Snapshots]


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An empty engine for the tests of one module: DuckDB, where the module does not name others."""
    with opened(getattr(request, "param", "duckdb"), request, tmp_path_factory) as one:
        yield one


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Two transitions, a profile with three criteria, a point rule, four attributes."""
    return Settings.model_validate(SETTINGS)


@pytest.fixture(scope="session")
def settings_with() -> Callable[..., Settings]:
    """The same settings with other values: `settings_with(definitions={...})` replaces keys of `[definitions]`."""

    def changed(**sections: Mapping[str, Any]) -> Settings:
        return Settings.model_validate({name: SETTINGS[name] | dict(sections.get(name, {})) for name in SETTINGS})

    return changed


_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def make_history(engine: Engine, settings: Settings) -> MakeHistory:
    """From rows by table to a history in the engine, extracted at the end of 2026."""

    def make(tables: Mapping[str, Rows], extracted_at: dt.datetime = EXTRACTED_AT) -> CrmHistory:
        rows = {name: [filled(name, nth, row) for nth, row in enumerate(tables.get(name, ()))] for name in TABLES}
        rows["unsettled"] = tables.get("unsettled", ())
        suffix = f"_{next(_NUMBERS)}"
        return history(rows, engine=engine, under=settings, extracted_at=extracted_at, suffix=suffix)

    return make


@pytest.fixture(scope="module")
def make_snapshots(engine: Engine) -> MakeSnapshots:
    """From rows with `lead_id` and `as_of` (and `stage`, `mql` by default) to snapshots in the engine."""

    def make(rows: Rows) -> Snapshots:
        filled = [
            {
                "snapshot_id": nth,
                "group_id": row["lead_id"],
                "transition": "mql_to_sql",
                "day": None,
                "stage": row.get("stage") or "mql",
                "lead_id": row["lead_id"],
                "as_of": row["as_of"],
            }
            for nth, row in enumerate(rows)
        ]
        return Snapshots(engine.keep(f"snapshots_{next(_NUMBERS)}", arrow(filled, SNAPSHOT_TYPES)))

    return make
