"""What a publication takes: hand-made scores of leads, under a call list."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.calls import CallList
from data_contracts.scores import SCORED_LEADS_SCHEMA, ScoredLeads, WriteBackPlan
from data_contracts.thresholds import Thresholds

SCORE = {
    "account_id": None, "stage": "mql", "p_sql": 0.5, "p_win": 0.1, "expected_value": 1.0, "grade": "A1",
    "team": "sales", "is_eligible": True, "n_labelled_alike": 1, "is_extrapolated": False, "reason_1": "raises: a",
    "release_id": "r1", "definitions_version": "2026.2", "policy_version": "1",
    "action": "nurture", "ranking_value": 0.5,
}  # fmt: skip


def write_back_plan(
    folder: Path,
    calls: CallList,
    scores: Mapping[str, Mapping[str, Any]],
    *,
    thresholds: Thresholds,
    changed: tuple[str, ...] = (),
) -> WriteBackPlan:
    """`scores` by lead, filled in, of which those of `changed` differ from what stands in the CRM."""
    path, decided = folder / "scores.parquet", {row["lead_id"]: row for row in calls.rows.to_pylist()}
    rows = [
        SCORE
        | {"lead_id": lead, "as_of": calls.as_of}
        | {name: decided[lead][name] for name in ("action", "ranking_value") if lead in decided}
        | dict(scores[lead])
        for lead in sorted(scores)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCORED_LEADS_SCHEMA), path)
    changes = {"lead_id": list(changed), "field": ["grade"] * len(changed)}
    return WriteBackPlan(
        changes=pa.table({name: pa.array(values, pa.string()) for name, values in changes.items()}),
        scored=ScoredLeads(
            path,
            n_leads=len(rows),
            as_of=calls.as_of,
            release_id="r1",
            definitions_version="2026.2",
            data_fingerprint="f1",
            thresholds_id=thresholds.thresholds_id,
        ),
        thresholds=thresholds,
        n_leads=len(rows),
        n_changed=len(changed),
        n_unchanged=len(rows) - len(changed),
        n_left=0,
    )
