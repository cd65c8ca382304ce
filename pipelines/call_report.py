"""The call list as people read it: whom to call, by when and why, and who waits."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from data_contracts.calls import CallList
from data_contracts.scores import REASONS, Action
from data_contracts.wording import figure

_TOLD = ["stage", "grade", "p_sql", "p_win", "expected_value", "is_extrapolated", *REASONS]


def hand_off_rows(calls: CallList, scores: Path, *, limit: int) -> list[dict[str, str]]:
    """One row a lead that sales has not touched: those handed off now first, and the best of them before the others."""
    order = [("handed_off_at", "descending"), ("ranking_value", "descending"), ("lead_id", "ascending")]
    return [
        {"lead": row["lead_id"], "team": row["team"]}
        | _told(row)
        | {"respond by": f"{row['respond_by_at']:%Y-%m-%d %H:%M}", "why": _why(row)}
        for row in _rows(calls, scores, action=Action.HAND_OFF, order=order, limit=limit)
    ]


def waiting_rows(calls: CallList, scores: Path, *, limit: int) -> list[dict[str, str]]:
    """One row a waiting lead, in the order in which they come up."""
    order = [("place", "ascending"), ("team", "ascending")]
    return [
        {"place": str(row["place"]), "lead": row["lead_id"], "team": row["team"]}
        | _told(row)
        | {
            "waits since": f"{row['waits_since_at']:%Y-%m-%d}",
            "expected": f"{row['expected_at']:%Y-%m-%d}" if row["expected_at"] else "expires before",
            "why": _why(row),
        }
        for row in _rows(calls, scores, action=Action.WAIT, order=order, limit=limit)
    ]


def _rows(
    calls: CallList, scores: Path, *, action: Action, order: list[tuple[str, str]], limit: int
) -> list[dict[str, Any]]:
    """The first rows of the list with that action, each with what its score says."""
    first = calls.rows.filter(pc.equal(calls.rows["action"], action)).sort_by(order).slice(0, limit)
    asked = ds.field("lead_id").isin(first["lead_id"].combine_chunks())
    told = ds.dataset(scores, format="parquet").to_table(columns=["lead_id", *_TOLD], filter=asked)
    places = pc.index_in(first["lead_id"].combine_chunks(), value_set=told["lead_id"].combine_chunks())
    for name in _TOLD:
        first = first.append_column(name, told[name].take(places))
    rows: list[dict[str, Any]] = first.to_pylist()
    return rows


def _told(row: dict[str, Any]) -> dict[str, str]:
    return {
        "stage": row["stage"],
        "grade": row["grade"],
        "p_sql": figure(row["p_sql"], least=2),
        "p_win": figure(row["p_win"], least=2),
        "expected value": f"{row['expected_value']:,.0f}",
        "extrapolated": "yes" if row["is_extrapolated"] else "no",
    }


def _why(row: dict[str, Any]) -> str:
    drawn = "drawn by lot, to learn from" if row["handed_off_by"] == "lot" else None
    return "; ".join(told for told in (drawn, *(row[reason] for reason in REASONS)) if told)


def call_json(calls: CallList) -> dict[str, Any]:
    """The whole list, for programs."""
    return {
        "as_of": calls.as_of.isoformat(),
        "teams": [one.model_dump(mode="json") for one in calls.teams],
        "leads": _as_text(calls.rows).to_pylist(),
    }


def _as_text(rows: pa.Table) -> pa.Table:
    """`rows` with times as ISO 8601."""
    times = [field.name for field in rows.schema if pa.types.is_timestamp(field.type)]
    for name in times:
        position = rows.schema.get_field_index(name)
        text = pc.strftime(rows[name].cast(pa.timestamp("s"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
        rows = rows.set_column(position, name, text)
    return rows
