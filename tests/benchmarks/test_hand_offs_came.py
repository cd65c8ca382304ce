import datetime as dt

import pandas as pd

from benchmarks.hand_offs_came import handed_off_at_entry
from data_contracts.scores import SCORED_HAND_OFFS_SCHEMA


def test_each_mql_is_handed_off_at_its_entry_with_its_true_probability_and_its_grade():
    entries = pd.to_datetime(["2026-01-05 10:00", "2026-01-06 11:00"])
    truth = pd.DataFrame({"lead_id": ["A", "B"], "mql_at": entries, "p_mql_to_sql": [0.05, 0.7]})
    told = handed_off_at_entry(truth)
    assert told.schema == SCORED_HAND_OFFS_SCHEMA
    assert told.select(["lead_id", "handed_off_at", "p_sql", "grade"]).to_pylist() == [
        {"lead_id": "A", "handed_off_at": dt.datetime(2026, 1, 5, 10), "p_sql": 0.05, "grade": "D"},
        {"lead_id": "B", "handed_off_at": dt.datetime(2026, 1, 6, 11), "p_sql": 0.7, "grade": "A"},
    ]
