"""The order in which an engine happens to hold the rows of a history changes nothing, not by a bit."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from data_contracts.settings import Settings
from features.build import build_features
from features.revenue import won_revenue
from tests.features.conftest import MakeHistory, MakeSnapshots

Tables = Mapping[str, Sequence[dict[str, Any]]]
LEADS = [f"L{nth}" for nth in range(20)]
FROM = dt.datetime(2026, 1, 1)


def history_rows() -> dict[str, list[dict[str, Any]]]:
    """Twenty leads of five accounts, all active, some moved between accounts and stages at the same moments."""
    random = np.random.default_rng(0)

    def moment() -> str:
        return str(FROM + dt.timedelta(minutes=int(random.integers(1, 200_000))))

    kinds, stages = ["page_view", "pricing_view", "email_click", "webinar"], ["mql", "sql", "nurture"]
    return {
        "accounts": [{"account_id": f"A{nth}", "industry": "software", "employees": 60.0} for nth in range(5)],
        "leads": [{"lead_id": lead, "account_id": f"A{nth % 5}"} for nth, lead in enumerate(LEADS)],
        "activities": [
            {"activity_id": str(nth), "lead_id": LEADS[nth % 20], "kind": kinds[nth % 4], "occurred_at": moment()}
            for nth in range(2_000)
        ],
        "stage_changes": [
            {"lead_id": lead, "stage": stage, "entered_at": moment()} for lead in LEADS for stage in stages
        ],
        "attribute_changes": [
            {"object": "account", "object_id": f"A{nth % 5}", "attribute": "employees", "changed_at": moment(),
             "old_value": str(nth), "new_value": str(nth + 1)}
            for nth in range(40)
        ],
        "opportunities": [
            {"opportunity_id": str(nth), "lead_id": LEADS[nth % 20], "created_at": moment(), "outcome": "won",
             "amount": float(random.lognormal(9, 2))}
            for nth in range(500)
        ],
    }  # fmt: skip


def shuffled(tables: Tables, seed: int) -> dict[str, list[dict[str, Any]]]:
    random = np.random.default_rng(seed)
    return {name: [rows[nth] for nth in random.permutation(len(rows))] for name, rows in tables.items()}


@pytest.fixture(scope="module")
def features_of(
    make_history: MakeHistory, make_snapshots: MakeSnapshots, settings: Settings
) -> Callable[[Tables], pa.Table]:
    asked = make_snapshots([{"lead_id": lead, "as_of": "2026-06-01 12:00"} for lead in LEADS])

    def measured(tables: Tables) -> pa.Table:
        features = build_features(make_history(tables), asked, settings=settings)
        return features.table.order_by("snapshot_id").to_pyarrow()

    return measured


@pytest.fixture(scope="module")
def in_order(features_of: Callable[[Tables], pa.Table]) -> pa.Table:
    return features_of(history_rows())


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_rows_give_the_same_features(
    in_order: pa.Table, features_of: Callable[[Tables], pa.Table], seed: int
) -> None:
    out_of_order = features_of(shuffled(history_rows(), seed))
    assert in_order.num_rows == len(LEADS)
    different = [name for name in in_order.column_names if in_order[name].to_pylist() != out_of_order[name].to_pylist()]
    assert not different


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_deals_give_the_same_revenue(make_history: MakeHistory, seed: int) -> None:
    tables = history_rows()
    assert won_revenue(make_history(shuffled(tables, seed))).equals(won_revenue(make_history(tables)))
