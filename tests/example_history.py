"""A small checked history and its settings, for tests of what is computed from them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from data_contracts.calendar import WEEKDAYS, WorkingCalendar
from data_contracts.columns import TABLES
from data_contracts.history import CrmHistory, Quarantine
from data_contracts.policy import Policy, Team
from data_contracts.ports import Engine
from data_contracts.settings import Settings
from engines.duckdb import DuckDbEngine
from tests.example_kinds import KINDS

EXTRACTED_AT = dt.datetime(2026, 5, 1, 12)

ARROW_TYPES = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us"),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
}
UNSETTLED_TYPES = {"lead_id": pa.string(), "stage": pa.string(), "reason": pa.string(), "is_ending": pa.bool_()}
Rows = Sequence[Mapping[str, Any]]
QUARANTINE_COLUMNS = ("table", "source_row", "row_key", "rule", "column_name", "value", "reason", "raw_row")


ROUND_THE_CLOCK = WorkingCalendar(working_days=WEEKDAYS, from_time=dt.time(0), to_time=dt.time(0))

POLICY = Policy(
    version="2026.1",
    teams=(Team(name="sales", leads_per_week=20),),
    respond_within_working_hours=24,
    calendar=ROUND_THE_CLOCK,
)
"""One team that takes every lead, and 24 hours to respond at whatever time."""


def settings(**definitions: object) -> Settings:
    """Both transitions, a profile of company size and industry, 24 hours to respond."""
    agreed = {
        "version": "2026.1",
        "effective_from": "2026-01-01",
        "transitions": {"mql_to_sql": {"horizon_days": 30}, "sql_to_win": {"horizon_days": 30}},
        "icp": {
            "criteria": [
                {"name": "company size", "attribute": "employees", "at_least": 50, "at_most": 999},
                {"name": "industry", "attribute": "industry", "one_of": ["software"]},
            ]
        },
    }
    attribute = {"table": "accounts", "availability": "immutable"}
    return Settings.model_validate(
        {
            "definitions": agreed | definitions,
            "policy": POLICY.model_dump(mode="json"),
            "store": {"folder": "var"},
            "crm": {
                "source": "example",
                "data_folder": "data",
                "kinds": KINDS,
                "attributes": {
                    "employees": attribute | {"type": "number", "meaning": "employees of the company"},
                    "industry": attribute | {"type": "category", "meaning": "the company's industry"},
                },
            },
        }
    )


def history(
    tables: Mapping[str, Rows],
    *,
    engine: Engine | None = None,
    under: Settings | None = None,
    extracted_at: dt.datetime = EXTRACTED_AT,
    suffix: str = "",
) -> CrmHistory:
    """A checked history of the given rows by table; what a row does not say is missing.

    It lies in `engine`, or in one of its own, where each table is called as in the contract, with `suffix` after it.
    """
    engine = engine or DuckDbEngine.opened()
    under = under or settings()
    held = {
        name: engine.keep(f"{name}{suffix}", arrow(tables.get(name, ()), types))
        for name, types in column_types(under).items()
    }
    return CrmHistory(
        tables=held,
        unsettled=engine.keep(f"unsettled{suffix}", arrow(tables.get("unsettled", ()), UNSETTLED_TYPES)),
        extracted_at=extracted_at,
        absent=tuple(name for name in TABLES if name not in tables),
        fingerprint="f1" * 8,
        definitions_version=under.definitions.version,
    )


def column_types(settings: Settings) -> dict[str, dict[str, pa.DataType]]:
    """The columns of the canonical tables, with the declared attributes."""
    types = {
        name: {column.name: ARROW_TYPES[column.type] for column in contract.columns}
        for name, contract in TABLES.items()
    }
    for name, declared in settings.crm.attributes.items():
        types[declared.table][name] = pa.float64() if declared.type == "number" else pa.string()
    return types


def arrow(rows: Rows, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The rows as an Arrow table of the given columns; times and numbers may be text. A misspelt column is an error."""
    unknown = {name for row in rows for name in row} - set(types)
    if unknown:
        raise ValueError(f"there is no column {', '.join(sorted(unknown))}; there are {', '.join(types)}")
    return pa.table(
        {name: pa.array([_typed(row.get(name), kind) for row in rows], kind) for name, kind in types.items()}
    )


def filled(table: str, nth: int, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a spec need not say: ids, when it was recorded, when the lead was created."""
    happened_at = row.get("occurred_at") or row.get("entered_at")
    defaults = {
        "activities": {"activity_id": str(nth), "recorded_at": happened_at},
        "stage_changes": {"recorded_at": happened_at},
        "leads": {"created_at": "2026-01-01 00:00"},
    }
    given = {name: value for name, value in row.items() if value is not None}
    return {**defaults.get(table, {}), **given}


def _typed(value: Any, kind: pa.DataType) -> Any:
    if not isinstance(value, str):
        return value
    if pa.types.is_timestamp(kind):
        return dt.datetime.fromisoformat(value)
    if pa.types.is_boolean(kind):
        return value == "true"
    return float(value) if pa.types.is_floating(kind) else value


def quarantine(checked: CrmHistory, *rows: Mapping[str, object]) -> Quarantine:
    """The refused rows, in the engine of `checked`."""
    fields = {name: pa.int64() if name == "source_row" else pa.string() for name in QUARANTINE_COLUMNS}
    return Quarantine(
        checked.leads.get_backend().create_table(
            "quarantine", pa.Table.from_pylist(list(rows), schema=pa.schema(fields))
        )
    )


def busy_history(n_leads: int, *, seed: int = 0) -> CrmHistory:
    """`n_leads` leads, two an account, in every stage, with some behaviour, all before `EXTRACTED_AT`."""
    random = np.random.default_rng(seed)
    leads, accounts, changes, activities = [], [], [], []
    paths = (["mql"], ["mql", "sal"], ["mql", "sal", "sql"], ["mql", "sql", "opportunity"], [], ["mql", "disqualified"])
    for number in range(n_leads):
        created = EXTRACTED_AT - dt.timedelta(days=float(random.uniform(20, 60)))
        lead_id, account_id = f"L{number:05d}", f"A{number // 2:05d}"
        if number % 2 == 0:
            size, industry = float(random.choice([10, 200, 5000])), str(random.choice(["software", "mining"]))
            accounts.append({"account_id": account_id, "employees": size, "industry": industry})
        leads.append({"lead_id": lead_id, "account_id": account_id, "created_at": created, "source": "web"})
        for step, stage in enumerate(paths[number % len(paths)], start=1):
            at = created + dt.timedelta(days=step)
            changes.append({"lead_id": lead_id, "stage": stage, "entered_at": at, "recorded_at": at})
        for nth in range(int(random.poisson(3))):
            at = created + dt.timedelta(days=float(random.uniform(0, 19)))
            kind = str(random.choice(["pricing_view", "page_view", "email_open"]))
            activities.append(
                {
                    "activity_id": f"{lead_id}-{nth}",
                    "lead_id": lead_id,
                    "kind": kind,
                    "direction": "inbound",
                    "occurred_at": at,
                    "recorded_at": at,
                }
            )
    return history({"accounts": accounts, "leads": leads, "stage_changes": changes, "activities": activities})
