import datetime as dt

import pyarrow as pa
import pytest

from data_contracts.errors import PublishError
from data_contracts.scores import SCORED_LEADS_SCHEMA
from serving.calls import open_call_list, with_calls
from tests.example_calls import day, listed

SCORE = {
    "account_id": None, "stage": "mql", "as_of": day(2), "p_win": 0.1, "expected_value": 1.0, "grade": "A1",
    "team": "sales", "ranking_value": 0.5, "is_eligible": True, "n_labelled_alike": 1, "is_extrapolated": False,
    "action": "wait", "release_id": "r1", "definitions_version": "1", "policy_version": "1",
}  # fmt: skip


def test_the_call_list_decides_of_the_leads_on_it_and_leaves_all_others_alone():
    calls = listed({"A": 0.9, "B": 0.8, "C": 0.7}, at=day(2))
    recheck_at = dt.datetime(2026, 7, 1)
    own = {"lead_id": "E", "action": "nurture", "recheck_at": recheck_at}
    scores = pa.Table.from_pylist(
        [SCORE | {"lead_id": "A"}, SCORE | {"lead_id": "C"}, SCORE | own], schema=SCORED_LEADS_SCHEMA
    )
    told = with_calls(scores, calls.rows)
    assert told.schema.equals(SCORED_LEADS_SCHEMA)
    assert told["action"].to_pylist() == ["hand_off", "wait", "nurture"]
    assert told["respond_by_at"].to_pylist() == [day(2) + dt.timedelta(hours=8), None, None]
    assert told["expected_at"].to_pylist() == [None, day(3).replace(hour=0), None]
    assert told["recheck_at"].to_pylist() == [None, None, recheck_at]
    others = [
        name for name in told.column_names if name not in ("action", "respond_by_at", "expected_at", "recheck_at")
    ]
    assert told.select(others).equals(scores.select(others))


def test_without_a_scoring_there_is_no_call_list(tmp_path):
    with pytest.raises(PublishError, match=r"no call list at .*; run `leadscore score` first"):
        open_call_list(tmp_path, as_of=day(1))
