import datetime as dt

import ibis
import pyarrow as pa
import pytest

from data_contracts.check.read_values import text_of, value_of
from data_contracts.history import RawHistory
from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import EXTRACTED_AT, activity, lead, raw, small_engine

ENGINE = small_engine()


def value(given: object, wanted: str, delivered_type: str = "VARCHAR") -> object:
    """What the engine makes of `given`, delivered as `delivered_type`, as text."""
    delivered = ENGINE.backend.sql(f"SELECT CAST('{given}' AS {delivered_type}) AS given").given
    return value_of(ENGINE, delivered, wanted=wanted).cast("string").to_pyarrow()[0].as_py()


@pytest.mark.parametrize(
    ("given", "time"),
    [
        ("2024-02-29", "2024-02-29 00:00:00"),
        ("2024-02-29 13:45", "2024-02-29 13:45:00"),
        ("2024-02-29T13:45:00Z", "2024-02-29 13:45:00"),
        ("2024-02-29T13:45:00.123", "2024-02-29 13:45:00.123"),
        ("2024-02-29T13:45:00+01:00", "2024-02-29 12:45:00"),
        ("2024-02-29 13:45:00.5-0530", "2024-02-29 19:15:00.5"),
        ("2024-03-01 00:30:00+02", "2024-02-29 22:30:00"),
        (" 2024-02-29\t", "2024-02-29 00:00:00"),
    ],
)
def test_a_time_becomes_utc_and_is_utc_where_it_has_no_offset(given, time):
    assert value(given, "timestamp") == time


@pytest.mark.parametrize(
    "given", ["2023-02-29", "31.12.2024", "12/31/2024", "24-01-05", "0001-01-01", "infinity", "soon", "1704067200", ""]
)
def test_what_is_no_time_is_missing(given):
    assert value(given, "timestamp") is None


@pytest.mark.parametrize(
    ("delivered_type", "given", "time"),
    [
        ("TIMESTAMP", "2024-02-29 13:45:00", "2024-02-29 13:45:00"),
        ("DATE", "2024-02-29", "2024-02-29 00:00:00"),
        ("TIMESTAMP_NS", "2024-02-29 13:45:00.123456789", "2024-02-29 13:45:00.123456"),
        ("TIMESTAMP WITH TIME ZONE", "2024-02-29 13:45:00+01:00", "2024-02-29 12:45:00"),
        ("BIGINT", "1704067200", None),
    ],
)
def test_a_time_may_be_delivered_as_a_time(delivered_type, given, time):
    assert value(given, "timestamp", delivered_type) == time


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("1234.5", "1234.5"),
        ("-1", "-1.0"),
        (" 7 ", "7.0"),
        ("1e3", "1000.0"),
        ("nan", None),
        ("inf", None),
        ("1,5", None),
    ],
)
def test_a_number_is_finite_and_has_a_decimal_point(given, number):
    assert value(given, "number") == number


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (" a b ", "a b"),
        ("\ta\r\n", "a"),
        ("\u00a0Müller\ufeff", "Müller"),
        ("é", "é"),
        ("   ", None),
        ("", None),
        (None, None),
    ],
)
def test_text_loses_the_blanks_around_it_and_an_empty_one_is_missing(given, text):
    delivered = ibis.memtable(pa.table({"given": pa.array([given], pa.string())})).given
    assert ENGINE.backend.to_pyarrow(text_of(delivered))[0].as_py() == text


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
    created = engine.backend.create_table("raw_opportunities", table, overwrite=True)
    leads = raw({"leads": [lead("l0")]}, engine=engine).tables["leads"]
    history = RawHistory({"leads": leads, "opportunities": created}, EXTRACTED_AT, "example")
    judged = judge_rows(history)
    assert judged.refused("opportunities") == [(2, "amount.has_type")]
    (row,) = judged.tables["opportunities"]
    assert (row["opportunity_id"], row["created_at"], row["amount"]) == ("17", dt.datetime(2026, 3, 1, 10), 12.5)
