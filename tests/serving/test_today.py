"""What is to be done now, and what came of earlier hand-offs."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.calls import CALL_LIST_SCHEMA, CallList
from data_contracts.page_settings import PageSettings
from data_contracts.scores import SCORED_HAND_OFFS_SCHEMA, SCORED_LEADS_SCHEMA
from data_contracts.today import LISTED_SCHEMA
from engines.duckdb import DuckDbEngine
from serving.today import today
from tests.example_history import history, settings

AS_OF = dt.datetime(2026, 5, 1, 12)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SCORE = {
    "account_id": None, "stage": "mql", "as_of": AS_OF, "p_sql": 0.5, "p_win_given_sql": 0.4, "p_win": 0.2,
    "expected_value": 100.0, "grade": "A1", "team": "sales", "ranking_value": 0.5, "is_eligible": True,
    "n_labelled_alike": 40, "is_extrapolated": False, "reason_1": "raises: a", "action": "hand_off",
    "release_id": "r1", "definitions_version": "1", "policy_version": "1",
}  # fmt: skip


def listed(lead_id: str, action: str = "hand_off", **changes: object) -> dict[str, object]:
    told = {"lead_id": lead_id, "team": "sales", "action": action, "ranking_value": 0.5, "respond_by_at": AS_OF + DAY}
    return told | changes


def handed_off(lead_id: str, at: dt.datetime, p_sql: float = 0.5) -> dict[str, object]:
    told = {"lead_id": lead_id, "team": "sales", "handed_off_at": at, "handed_off_by": "rank", "release_id": "r1"}
    return told | {"respond_by_at": at + 8 * HOUR, "p_sql": p_sql, "p_win": 0.1, "expected_value": 1.0}


@pytest.fixture
def asked(tmp_path):
    """Today from rows: of the call list, of earlier hand-offs, of the history, and what scores differ in."""

    def ask(rows, *, before=(), tables=None, scores=None, pages=None):
        names = {row["lead_id"] for row in rows} | {row["lead_id"] for row in before}
        table = [SCORE | {"lead_id": name} | (scores or {}).get(name, {}) for name in sorted(names)]
        pq.write_table(pa.Table.from_pylist(table, schema=SCORED_LEADS_SCHEMA), tmp_path / "part-0.parquet")
        under = settings().model_copy(update={"pages": pages or PageSettings()})
        given = {"leads": [{"lead_id": name, "created_at": AS_OF - 90 * DAY} for name in sorted(names)]} | (
            tables or {}
        )
        engine = DuckDbEngine.opened()
        return today(
            engine,
            history(given, engine=engine, under=under, extracted_at=AS_OF),
            CallList(AS_OF, pa.Table.from_pylist(rows, schema=CALL_LIST_SCHEMA), ()),
            scores=tmp_path,
            handed_off=pa.Table.from_pylist(list(before), schema=SCORED_HAND_OFFS_SCHEMA),
            settings=under,
        )

    return ask


def call(lead_id: str, at: dt.datetime) -> dict[str, object]:
    return {"lead_id": lead_id, "kind": "call", "direction": "outbound", "occurred_at": at, "recorded_at": at}


def test_the_best_to_call_come_first_then_who_waits_in_order(asked):
    found = asked(
        [
            listed("W2", "wait", place=2),
            listed("W1", "wait", place=1),
            listed("low", ranking_value=0.4),
            listed("high", ranking_value=0.9),
            listed("worked", "work"),
        ]
    )
    assert found.listed["lead_id"].to_pylist() == ["high", "low", "W1", "W2"]
    assert found.listed.schema.equals(LISTED_SCHEMA)


def test_the_next_step_is_the_first_transition_until_it_is_taken_then_the_win(asked):
    found = asked([listed("a"), listed("b")], scores={"b": {"stage": "sql", "p_sql": 1.0}})
    assert dict(zip(found.listed["lead_id"].to_pylist(), found.listed["p_next"].to_pylist(), strict=True)) == {
        "a": 0.5, "b": 0.4,
    }  # fmt: skip


def test_overdue_is_whose_time_to_respond_has_passed(asked):
    found = asked([listed("late", respond_by_at=AS_OF - 2 * DAY), listed("now", respond_by_at=AS_OF), listed("due")])
    assert found.listed.filter(found.listed["is_overdue"])["lead_id"].to_pylist() == ["late"]
    assert found.overdue is not None
    assert (found.overdue.leads, found.overdue.since_at, found.overdue.expected_value) == (1, AS_OF - 2 * DAY, 100.0)
    assert asked([listed("due")]).overdue is None


def test_without_hand_offs_before_there_is_no_record(asked):
    assert asked([listed("a")]).record is None


def test_a_hand_off_is_worked_in_time_if_sales_touched_it_by_the_agreed_moment(asked):
    at = AS_OF - 3 * DAY
    before = [
        handed_off("in time", at),
        handed_off("late", at),
        handed_off("never", at),
        handed_off("now", AS_OF - HOUR),
    ]
    calls = [call("in time", at + 8 * HOUR), call("late", at + 9 * HOUR)]
    record = asked([], before=before, tables={"activities": calls}).record
    assert record is not None
    assert (record.handed_off, record.due, record.in_time) == (4, 3, 1)


def test_only_worked_hand_offs_whose_horizon_has_passed_are_held_against_their_probabilities(asked):
    old, young = AS_OF - 40 * DAY, AS_OF - 20 * DAY
    before = [
        handed_off("sql", old, 0.9),
        handed_off("not", old, 0.3),
        handed_off("uncalled", old),
        handed_off("new", young),
    ]
    tables = {
        "activities": [call(name, old + HOUR) for name in ("sql", "not")] + [call("new", young + HOUR)],
        "stage_changes": [
            {"lead_id": "sql", "stage": "sql", "entered_at": old + DAY, "recorded_at": old + DAY},
            {"lead_id": "not", "stage": "sql", "entered_at": old + 31 * DAY, "recorded_at": old + 31 * DAY},
        ],
    }
    record = asked([], before=before, tables=tables).record
    assert record is not None
    assert (record.mature, record.converted) == (2, 1)
    assert record.expected is not None
    assert record.expected.value == pytest.approx(0.9 + 0.3)


def test_figures_by_owner_are_made_where_both_teams_asked_and_only_of_groups(asked):
    at = AS_OF - 3 * DAY
    before = [handed_off(name, at) for name in ("a", "b", "c")]
    owners = {"a": "U-1", "b": "U-1", "c": "U-2"}
    leads = [{"lead_id": one, "created_at": AS_OF - 90 * DAY, "owner_id": owner} for one, owner in owners.items()]
    tables = {"leads": leads, "activities": [call("a", at + HOUR)]}
    assert asked([], before=before, tables=tables).by_owner == ()
    shown = asked([], before=before, tables=tables, pages=PageSettings(figures_by_owner=True, least_group=2)).by_owner
    assert [(one.owner_id, one.due, one.in_time) for one in shown] == [("U-1", 2, 1)]
