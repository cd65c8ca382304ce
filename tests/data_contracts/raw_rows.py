"""Small raw histories, as text like an export's, for tests of the check."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from data_contracts.check import check_history
from data_contracts.columns import TABLES
from data_contracts.errors import Breach, ContractError
from data_contracts.history import CheckedHistory, RawHistory
from data_contracts.settings import Settings
from engines.duckdb import DuckDbEngine
from tests.example_history import EXTRACTED_AT
from tests.example_kinds import KINDS

Rows = Sequence[Mapping[str, str | None]]


def settings(*, max_refused_share: float = 0.05, max_volume_drop_share: float = 0.5, **crm: object) -> Settings:
    """Settings that declare `industry` and `employees` of accounts and `role` of leads."""
    attribute = {"availability": "immutable"}
    return Settings.model_validate(
        {
            "definitions": {
                "version": "2026.1",
                "effective_from": "2026-01-01",
                "transitions": {"mql_to_sql": {"horizon_days": 30}, "sql_to_win": {"horizon_days": 90}},
            },
            "policy": {"version": "2026.1", "teams": [{"name": "sales", "leads_per_week": 20}]},
            "checks": {"max_refused_share": max_refused_share, "max_volume_drop_share": max_volume_drop_share},
            "store": {"folder": "var"},
            "crm": {
                "source": "example",
                "data_folder": "data",
                "stages": {"Marketing Qualified": "mql", "open": "sal"},
                "kinds": KINDS | {"email_open": KINDS["email_open"] | {"words": ["Email Opened"]}},
                "attributes": {
                    "industry": attribute | {"table": "accounts", "type": "category", "meaning": "the industry"},
                    "employees": attribute | {"table": "accounts", "type": "number", "meaning": "employees"},
                    "role": attribute | {"table": "leads", "type": "category", "meaning": "what the person does"},
                },
            }
            | crm,
        }
    )


STRICT = settings()
"""Settings as they come: more than 5 % refused rows stop the run."""

LENIENT = settings(max_refused_share=1.0)
"""Settings under which no share of refused rows stops the run."""


def small_engine(file: Path | None = None) -> DuckDbEngine:
    """An engine in memory, or in `file`, with one thread, which is quicker with a handful of rows."""
    engine = DuckDbEngine.opened(file)
    engine.backend.con.execute("SET threads = 1")
    return engine


def raw(tables: Mapping[str, Rows], *, engine: DuckDbEngine | None = None, source: str = "example") -> RawHistory:
    """A raw history of the given rows by table. A table's columns are those that its rows mention."""
    into = small_engine() if engine is None else engine
    held = {}
    for name, rows in tables.items():
        names = list(dict.fromkeys(key for row in rows for key in row)) or required_columns(name)
        columns = {key: pa.array([row.get(key) for row in rows], pa.string()) for key in names}
        numbered = {"source_row": pa.array(range(1, len(rows) + 1), pa.int64())} | columns
        held[name] = into.backend.create_table(f"raw_{name}", pa.table(numbered), overwrite=True)
    return RawHistory(tables=held, extracted_at=EXTRACTED_AT, source=source)


def engine_of(raw: RawHistory) -> DuckDbEngine:
    """The engine that holds the rows of `raw`."""
    tables = list(raw.tables.values())
    return DuckDbEngine(tables[0].get_backend()) if tables else small_engine()


def check(raw: RawHistory, settings: Settings = LENIENT, **options: Any) -> CheckedHistory:
    """What `check_history` makes of `raw`, in the engine that holds it."""
    return check_history(raw, settings, engine=engine_of(raw), **options)


def stopped_by(raw: RawHistory, settings: Settings = STRICT, **options: Any) -> tuple[Breach, ...]:
    """The breaches for which `check_history` stops."""
    with pytest.raises(ContractError, match="breaks its data contract") as error:
        check(raw, settings, **options)
    return tuple(error.value.breaches)


def required_columns(table: str) -> list[str]:
    """The names of the columns that a source must have."""
    return [column.name for column in TABLES[table].columns if column.required]


def lead(lead_id: str | None, created_at: str | None = "2026-01-01", **values: str | None) -> dict[str, str | None]:
    """A row of `leads`."""
    return {"lead_id": lead_id, "created_at": created_at} | values


def change(
    lead_id: str | None, stage: str | None = "mql", entered_at: str | None = "2026-02-01", **values: str | None
) -> dict[str, str | None]:
    """A row of `stage_changes`."""
    return {"lead_id": lead_id, "stage": stage, "entered_at": entered_at} | values


def activity(
    activity_id: str | None, lead_id: str | None, occurred_at: str | None = "2026-02-01", **values: str | None
) -> dict[str, str | None]:
    """A row of `activities`, a page view unless said otherwise."""
    return {"activity_id": activity_id, "lead_id": lead_id, "kind": "page_view", "occurred_at": occurred_at} | values


def deal(opportunity_id: str | None, lead_id: str | None, **values: str | None) -> dict[str, str | None]:
    """A row of `opportunities`, open unless said otherwise."""
    row = {"opportunity_id": opportunity_id, "lead_id": lead_id, "created_at": "2026-03-01", "outcome": "open"}
    return row | values


def many(n: int) -> dict[str, list[dict[str, str | None]]]:
    """`n` clean leads, `l0` to `l<n-1>`, each with one stage change."""
    return {"leads": [lead(f"l{i}") for i in range(n)], "stage_changes": [change(f"l{i}") for i in range(n)]}


def rows_of(table: ir.Table) -> list[dict[str, Any]]:
    """The rows of a table in the engine."""
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return rows
