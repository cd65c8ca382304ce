"""What was known at a snapshot: no times, no negative ages, no group that is none."""

import datetime as dt
from dataclasses import fields

import ibis
import pytest

from data_contracts.columns import TABLES
from data_contracts.errors import SettingsError
from data_contracts.history import CrmHistory
from data_contracts.snapshots import Snapshots
from features import known
from features.known import known_at, never_recorded_late
from tests.example_history import column_types

AS_OF = dt.datetime.fromisoformat("2026-06-30T12:00")
BUSY = {
    "accounts": [{"account_id": "X", "created_at": "2026-01-01", "industry": "software", "employees": 10}],
    "leads": [{"lead_id": lead, "account_id": "X", "created_at": "2026-02-01"} for lead in "ABC"],
    "activities": [
        {"lead_id": lead, "kind": "page_view", "occurred_at": f"2026-{month:02}-15"}
        for lead in "ABC"
        for month in (1, 6, 9)
    ],
    "stage_changes": [
        {"lead_id": lead, "stage": stage, "entered_at": f"2026-{month:02}-15"}
        for lead in "ABC"
        for month, stage in ((3, "mql"), (6, "sal"), (9, "sql"))
    ],
    "attribute_changes": [
        {"object": "lead", "object_id": "A", "attribute": "seniority", "new_value": "head", "changed_at": "2026-05-01"}
    ],
}


@pytest.fixture
def busy(make_history, make_snapshots, settings):
    snapshots = make_snapshots([{"lead_id": lead, "as_of": AS_OF} for lead in "ABC"])
    return known_at(make_history(BUSY), snapshots, settings=settings)


def tables_of(history):
    return {field.name: getattr(history, field.name) for field in fields(history)}


def count(table):
    return table.count().to_pyarrow().as_py()


def test_no_table_of_the_known_history_holds_a_time(busy):
    timed = {
        f"{name}.{column}"
        for name, table in tables_of(busy).items()
        for column, kind in table.schema().items()
        if kind.is_temporal() or kind.is_interval()
    }
    assert timed == set()


def test_no_fact_is_younger_than_the_moment(busy):
    ages = {
        name: table.age_days.min().to_pyarrow().as_py()
        for name, table in tables_of(busy).items()
        if "age_days" in table
    }
    assert set(ages) == set(tables_of(busy)) - {"snapshots"}
    assert min(ages.values()) == 15.5  # from 15 June to 30 June at noon


@pytest.mark.parametrize(
    ("happened", "recorded", "is_known"),
    [
        (dt.timedelta(0), dt.timedelta(days=-3), False),  # a meeting stands in the CRM before it takes place
        (dt.timedelta(microseconds=-1), dt.timedelta(days=-3), True),
        (dt.timedelta(days=-3), dt.timedelta(0), False),
        (dt.timedelta(days=-3), dt.timedelta(microseconds=-1), True),
    ],
    ids=["happens at the moment", "happened just before", "recorded at the moment", "recorded just before"],
)
def test_a_fact_is_known_only_if_it_happened_and_was_recorded_before_the_moment(
    make_history, make_snapshots, settings, happened, recorded, is_known
):
    times = {"lead_id": "A", "recorded_at": AS_OF + recorded}
    history = make_history(
        {
            "leads": [{"lead_id": lead, "account_id": "X", "created_at": "2026-02-01"} for lead in "AB"],
            "activities": [times | {"kind": "meeting", "occurred_at": AS_OF + happened}],
            "stage_changes": [times | {"stage": "sal", "entered_at": AS_OF + happened}],
        }
    )
    snapshots = make_snapshots([{"lead_id": lead, "as_of": AS_OF} for lead in "AB"])
    found = known_at(history, snapshots, settings=settings)
    facts = ("activities", "account_activities", "stage_changes", "account_stage_changes")
    assert {name: count(getattr(found, name)) for name in facts} == dict.fromkeys(facts, int(is_known))


def test_each_lead_knows_its_own_facts_and_those_of_the_two_others(busy):
    counts = {name: count(table) for name, table in tables_of(busy).items()}
    assert counts == {
        "snapshots": 3,
        "activities": 3 * 2,
        "stage_changes": 3 * 2,
        "account_leads": 3 * 2,
        "account_activities": 3 * 2 * 2,
        "account_stage_changes": 3 * 2 * 2,
    }


def test_an_account_with_too_many_leads_is_no_buying_group_once_they_are_known(
    make_history, make_snapshots, settings, monkeypatch
):
    monkeypatch.setattr(known, "LARGEST_BUYING_GROUP", 2)
    # The third lead comes on 1 June, so the group is one until then, inclusive: known means strictly before.
    leads = [
        {"lead_id": lead, "account_id": "X", "created_at": created_at}
        for lead, created_at in (("A", "2026-01-01"), ("B", "2026-02-01"), ("C", "2026-06-01"), ("D", "2026-07-01"))
    ]
    moments = [("A", "2026-06-01 00:00"), ("A", "2026-06-01 00:01"), ("C", "2026-06-30 12:00")]
    snapshots = make_snapshots([{"lead_id": lead, "as_of": as_of} for lead, as_of in moments])
    found = known_at(make_history({"leads": leads}), snapshots, settings=settings)
    groups = found.snapshots.order_by("snapshot_id").has_buying_group.to_pyarrow().to_pylist()
    assert groups == [True, False, False]
    assert found.account_leads.select("snapshot_id", "other_lead_id").to_pyarrow().to_pylist() == [
        {"snapshot_id": 0, "other_lead_id": "B"}
    ]


def test_an_attribute_with_the_name_of_a_column_of_ours_is_refused(make_history, make_snapshots, settings_with):
    declared = {"table": "leads", "type": "category", "availability": "immutable", "meaning": "stage of life"}
    settings = settings_with(
        definitions={"icp": {}, "point_rule": None}, crm={"attributes": {"stage": declared, "source": declared}}
    )
    with pytest.raises(SettingsError, match=r"'source', 'stage' would hide a column of ours"):
        known_at(make_history({}), make_snapshots([]), settings=settings)


def test_columns_that_the_engine_knows_to_be_never_missing_are_taken_as_well(settings):
    strict = {
        name: ibis.table(
            {column: f"!{ENGINE_TYPES[str(kind)]}" for column, kind in column_types(settings)[name].items()}, name=name
        )
        for name in TABLES
    }
    snapshots = ibis.table(
        {"snapshot_id": "!int64", "lead_id": "!string", "stage": "!string", "as_of": "!timestamp(6)"}, name="snapshots"
    )
    unsettled = ibis.table({"lead_id": "!string"}, name="unsettled")
    history = CrmHistory(strict, unsettled, AS_OF, (), fingerprint="", definitions_version="")
    found = known_at(history, Snapshots(snapshots), settings=settings)
    assert "seniority" in ibis.to_sql(found.snapshots)


ENGINE_TYPES = {"string": "string", "double": "float64", "timestamp[us]": "timestamp(6)"}


def test_a_table_none_of_whose_rows_was_recorded_late_is_named(make_history):
    late = {**BUSY["activities"][0], "recorded_at": "2026-01-16"}
    assert never_recorded_late(make_history(BUSY)) == ("activities", "stage_changes")
    assert never_recorded_late(make_history({**BUSY, "activities": [late]})) == ("stage_changes",)


def test_a_table_without_rows_is_not_named(make_history):
    assert never_recorded_late(make_history({**BUSY, "activities": []})) == ("stage_changes",)
