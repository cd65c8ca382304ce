import datetime as dt

import pyarrow as pa

from data_contracts.history import RawHistory
from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import EXTRACTED_AT, activity, lead, raw


def test_attributes_are_text_and_numbers_and_what_is_no_number_counts_as_missing(engine):
    rows = [
        {"account_id": "c0", "industry": " Software ", "employees": "120"},
        {"account_id": "c1", "industry": "", "employees": "many"},
    ]
    judged = judge_rows(raw({"accounts": rows}, engine=engine))
    assert [(row["industry"], row["employees"]) for row in judged.tables["accounts"]] == [
        ("Software", 120.0),
        (None, None),
    ]
    assert judged.refused("accounts") == []


def test_an_attribute_that_is_declared_and_absent_is_missing_in_every_row(engine):
    judged = judge_rows(raw({"accounts": [{"account_id": "c0"}]}, engine=engine))
    assert judged.tables["accounts"] == [{"account_id": "c0", "created_at": None, "industry": None, "employees": None}]


def test_what_is_missing_of_recorded_at_is_taken_from_when_it_happened(engine):
    rows = [activity("a0", "l0", recorded_at="2026-03-01"), activity("a1", "l0", recorded_at=" ")]
    judged = judge_rows(raw({"leads": [lead("l0")], "activities": rows}, engine=engine))
    assert judged.column("activities", "recorded_at") == [dt.datetime(2026, 2, 1), dt.datetime(2026, 3, 1)]


def test_an_absent_recorded_at_is_taken_from_when_it_happened(engine):
    judged = judge_rows(
        raw({"leads": [lead("l0")], "activities": [activity("a0", "l0", "2026-02-03T10:00:00+01:00")]}, engine=engine)
    )
    assert judged.column("activities", "recorded_at") == [dt.datetime(2026, 2, 3, 9)]


def test_column_names_may_be_written_in_any_case_and_undeclared_columns_are_left_out(engine):
    rows = [{"Lead_ID": " l0 ", "CREATED_AT": "2026-01-01", "Shoe Size": "41"}]
    (row,) = judge_rows(raw({"leads": rows}, engine=engine)).tables["leads"]
    assert row["lead_id"] == "l0"
    assert list(row) == [
        "lead_id",
        "account_id",
        "created_at",
        "source",
        "campaign",
        "current_stage",
        "owner_id",
        "merged_into",
        "merged_at",
        "role",
    ]


def test_changes_of_attributes_that_nobody_declared_are_left_out_and_nameless_ones_refused(engine):
    change = {"object": "Lead", "object_id": "l0", "new_value": "x", "changed_at": "2026-02-01"}
    rows = [change | {"attribute": name} for name in ("role", "email", "owner_id", None)]
    judged = judge_rows(raw({"attribute_changes": rows}, engine=engine))
    assert judged.column("attribute_changes", "attribute") == ["owner_id", "role"]
    assert judged.refused("attribute_changes") == [(4, "attribute.not_missing")]


def test_values_that_are_delivered_as_what_they_are_need_no_text(engine):
    table = pa.table(
        {
            "source_row": [1, 2],
            "opportunity_id": [17, 18],
            "lead_id": ["l0", "l0"],
            "created_at": [dt.datetime(2026, 3, 1, 10), dt.datetime(2026, 3, 2)],
            "amount": [12.5, float("nan")],
            "outcome": ["open", "won"],
        }
    )
    created = engine.create_table("raw_opportunities", table, overwrite=True)
    leads = raw({"leads": [lead("l0")]}, engine=engine).tables["leads"]
    history = RawHistory(engine, {"leads": leads, "opportunities": created}, EXTRACTED_AT, "example")
    judged = judge_rows(history)
    assert judged.refused("opportunities") == [(2, "amount.has_type")]
    (row,) = judged.tables["opportunities"]
    assert (row["opportunity_id"], row["created_at"], row["amount"]) == ("17", dt.datetime(2026, 3, 1, 10), 12.5)
