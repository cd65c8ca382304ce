from dataclasses import replace

import pytest

from data_contracts.check import open_checked
from data_contracts.columns import TABLES
from data_contracts.errors import SourceError
from data_contracts.history import CheckReport, TableCheck
from tests.data_contracts.raw_rows import (
    EXTRACTED_AT,
    LENIENT,
    STRICT,
    activity,
    change,
    check,
    engine_of,
    lead,
    many,
    raw,
    rows_of,
    settings,
    small_engine,
    stopped_by,
)

pytestmark = pytest.mark.whole


def refused(tables, under=STRICT, **options):
    """The breaches, as text, for which the check stops."""
    return [str(breach) for breach in stopped_by(raw(tables), under, **options)]


def test_only_leads_and_stage_changes_are_needed_and_the_rest_is_there_without_rows():
    checked = check(raw(many(3)), STRICT)
    history = checked.history
    assert history.absent == ("accounts", "activities", "opportunities", "attribute_changes", "spend", "sellers")
    assert {name: len(rows_of(history.tables[name])) for name in TABLES} == {
        "accounts": 0, "leads": 3, "activities": 0, "stage_changes": 3, "opportunities": 0, "attribute_changes": 0,
        "spend": 0, "sellers": 0,
    }  # fmt: skip
    assert history.accounts.columns == ("account_id", "created_at", "industry", "employees")
    assert history.accounts.employees.type().is_float64()
    assert history.leads.columns[-1] == "role"
    assert (history.extracted_at, history.definitions_version) == (EXTRACTED_AT, "2026.1")
    assert rows_of(checked.quarantine.table) == []


def test_the_report_says_what_is_lacking_and_what_that_costs():
    rows = many(2)
    rows["leads"][0] |= {"shoe_size": "41", "account_id": "c9"}
    warnings = check(raw(rows | {"opportunities": []}), STRICT).report.warnings
    assert warnings == (
        "accounts is absent: no company attributes and no buying-group features; each lead counts as its own account; "
        "declared, and missing in every row: employees, industry",
        "activities is absent: no behaviour features, and contact is known from stages only",
        "attribute_changes is absent: historised attributes have no history: "
        "every attribute must be immutable or known at creation",
        "spend is absent: no cost per lead, MQL, SQL or customer",
        "sellers is absent: teams are those of the policy, and everybody's working hours are in the time zone of its "
        "calendar",
        "leads: left out, because nobody declared them: shoe_size",
        "leads: absent, and missing in every row: campaign, current_stage, merged_at, merged_into, owner_id, source",
        "leads: declared but absent, and missing in every row: role",
        "stage_changes: absent, and missing in every row: changed_by, reason",
        "stage_changes: recorded_at is absent and taken from entered_at: late entries go unnoticed",
        "opportunities: absent, and missing in every row: amount, closed_at, expected_close_at, loss_reason",
        "opportunities has no rows: no deal amounts: expected value counts each win as one",
    )  # fmt: skip


def test_all_breaches_of_all_tables_are_told_at_once():
    rows = {
        "leads": [lead("l0", leadscore_grade="A1"), lead("l1", "soon")],
        "stage_changes": [{"lead_id": "l0", "stage": "opportunty"}],
        "activities": [activity("a0", "l0", kind="telegram")],
    }
    assert sorted(breach.rule for breach in stopped_by(raw(rows))) == [
        "activities.kind.in_vocabulary",
        "activities.refused_share",
        "leads.leadscore_grade.is_not_written_back",
        "leads.refused_share",
        "stage_changes.entered_at.column_exists",
    ]


def test_a_missing_required_table_stops_the_run():
    assert refused({"stage_changes": [change("l0")]}) == [
        "leads: the table is missing; write leads.sql with one row for a person who showed up in the CRM"
    ]


def test_a_missing_required_column_stops_the_run():
    rows = {"leads": [{"lead_id": "l0", "created": "2026-01-01"}], "stage_changes": [change("l0")]}
    assert refused(rows) == [
        "leads: column created_at is missing (there are created, lead_id); "
        "add it to the SELECT of leads, or rename what holds it: SELECT ... AS created_at"
    ]


def test_an_empty_required_table_stops_the_run():
    assert refused({"leads": [lead("l0")], "stage_changes": []}) == [
        "stage_changes: the table has no rows; export it again, or correct the WHERE in the SELECT of stage_changes"
    ]


def test_an_unknown_stage_stops_the_run():
    rows = many(300)
    for row in rows["stage_changes"][:12]:
        row["stage"] = "opportunty"
    (breach,) = refused(rows)
    assert breach.startswith(
        "stage_changes: 'opportunty' (12 rows) is not mapped; add it to [crm.stages] in the settings"
    )


def test_a_few_dirty_rows_are_quarantined_and_the_rest_goes_on():
    rows = many(100)
    for row in rows["stage_changes"][:5]:
        row["entered_at"] = "31.12.2025"
    checked = check(raw(rows), settings(max_refused_share=0.05))
    assert len(rows_of(checked.history.stage_changes)) == 95
    assert len(rows_of(checked.quarantine.table)) == 5
    (table_check,) = [each for each in checked.report.tables if each.table == "stage_changes"]
    assert (table_check.rows, table_check.accepted, table_check.refused) == (100, 95, 5)
    assert table_check.breaches == {"stage_changes.entered_at.has_type": 5}


def test_too_many_dirty_rows_stop_the_run_and_none_is_lost():
    rows = many(100)
    for row in rows["stage_changes"][:6]:
        row["entered_at"] = "31.12.2025"
    for row in rows["stage_changes"][6:10]:
        row["lead_id"] = f"unknown {row['lead_id']}"
    engine = small_engine()
    (breach,) = stopped_by(raw(rows, engine=engine), settings(max_refused_share=0.05))
    assert breach.found == (
        "10 of 100 rows (10 %, at most 5 %) are refused: "
        "stage_changes.entered_at.has_type (6), stage_changes.lead_id.references (4)"
    )
    assert "see reason and raw_row in the table `quarantine`" in breach.remedy
    assert len(rows_of(engine.table("quarantine"))) == 10
    with pytest.raises(SourceError, match="holds no trusted history"):
        open_checked(engine)


def test_a_failed_check_leaves_no_earlier_history_that_could_be_taken_for_trusted(checked_before):
    stopped_by(raw({"leads": [], "stage_changes": []}, engine=checked_before))
    with pytest.raises(SourceError, match="the last check failed"):
        open_checked(checked_before)
    assert set(checked_before.tables()) == {"raw_leads", "raw_stage_changes", "quarantine", "left_out"}


def test_a_check_that_falls_over_leaves_no_earlier_history_either(checked_before, monkeypatch):
    def falls_over(*_):
        raise RuntimeError("the engine is gone")

    monkeypatch.setattr("data_contracts.check.run.receive", falls_over)
    with pytest.raises(RuntimeError, match="the engine is gone"):
        check(raw(many(3), engine=checked_before), STRICT)
    with pytest.raises(SourceError, match="the last check failed"):
        open_checked(checked_before)


def last_run(n, source="example", refused=0):
    """The report of an accepted run with `n` leads and stage changes, of which `refused` were refused."""
    tables = tuple(
        TableCheck(name, "", delivered=n, rows=n, accepted=n - refused, refused=refused, breaches={})
        for name in ("leads", "stage_changes")
    )
    return CheckReport(source, EXTRACTED_AT, "2026.1", "f1", tables=tables, warnings=(), verdicts=(), absent=())


def test_a_volume_that_collapsed_since_the_last_run_stops_the_run():
    assert refused(many(4), last=last_run(10)) == [
        f"{table}: 4 rows where the last accepted run had 10 (40 %); "
        "export it again; if it is right, raise max_volume_drop_share in [checks] for one run"
        for table in ("leads", "stage_changes")
    ]


@pytest.mark.parametrize(
    ("n", "drop", "source"), [(5, 0.5, "example"), (1, 0.9, "example"), (1, 0.5, "another, not compared with")]
)
def test_a_volume_that_dropped_as_far_as_agreed_goes_on(n, drop, source):
    checked = check(raw(many(n)), settings(max_volume_drop_share=drop), last=last_run(10, source))
    assert checked.report.tables[0].rows == n


def test_volumes_are_compared_as_delivered_whatever_was_refused():
    assert len(refused(many(4), last=last_run(10, refused=6))) == 2, "4 rows after 10, of which 4 were accepted"


def test_what_the_settings_leave_out_is_no_drop():
    changed = {"object": "lead", "object_id": "l0", "attribute": "role", "new_value": "x"}
    changes = [changed | {"changed_at": f"2026-02-{day:02}"} for day in range(1, 11)]
    rows = many(2) | {"attribute_changes": changes}
    last = check(raw(rows), STRICT).report
    without_role = check(raw(rows), settings(attributes={}), last=last)
    assert len(rows_of(without_role.history.attribute_changes)) == 0
    assert refused(rows | {"attribute_changes": changes[:4]}, last=last) == [
        "attribute_changes: 4 rows where the last accepted run had 10 (40 %); "
        "export it again; if it is right, raise max_volume_drop_share in [checks] for one run"
    ]


def test_a_table_whose_select_was_edited_is_not_compared_and_that_is_said():
    before = many(10)
    before["leads"] = [row | {"campaign": "x"} for row in before["leads"]]
    first = replace(raw(before), select_digests={"leads": "one", "stage_changes": "same"})
    last = check(first, STRICT).report
    edited = replace(raw(many(4)), select_digests={"leads": "two", "stage_changes": "same"})
    assert [breach.rule for breach in stopped_by(edited, last=last)] == ["stage_changes.volume"]
    edited = replace(raw(many(10)), select_digests={"leads": "two", "stage_changes": "same"})
    assert check(edited, STRICT, last=last).report.warnings[0] == (
        "leads: its SELECT was edited since the last accepted run, with which it is therefore not compared"
    )


def test_a_column_or_a_table_that_vanished_since_the_last_run_stops_the_run():
    before = many(3)
    before["leads"] = [row | {"campaign": "x", "role": "Manager", "shoe_size": "41"} for row in before["leads"]]
    last = check(raw(before | {"activities": [activity("a0", "l0")]}), STRICT).report
    assert refused(many(3), last=last) == [
        "activities: the table is gone, and the last accepted run had 1 row; "
        "deliver it again; if it is gone for good, set max_volume_drop_share in [checks] to 1 for one run",
        "leads: column campaign was there in the last accepted run and is gone; "
        "bring it back; if it is gone for good, say so in the SELECT of leads: NULL AS campaign",
        "leads: column role was there in the last accepted run and is gone; "
        "bring it back; if it is gone for good, say so in the SELECT of leads: NULL AS role",
    ]


def test_a_field_that_we_write_ourselves_is_refused_as_a_column_and_as_a_historised_attribute():
    rows = many(1)
    rows["leads"][0]["LeadScore_Grade"] = "A1"
    history = {"object": "lead", "object_id": "l0", "new_value": "A2", "changed_at": "2026-02-01"}
    rows["attribute_changes"] = [history | {"attribute": "leadscore_p_win"}]
    assert refused(rows) == [
        "leads: column 'leadscore_grade' is a field that we write back, and a score must never feed itself; "
        "leave it out of the SELECT of leads",
        "attribute_changes: attribute 'leadscore_p_win' (1 row) is a field that we write back, "
        "and a score must never feed itself; leave it out of the SELECT of attribute_changes",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["category", "text"])
def test_an_attribute_that_holds_what_identifies_a_person_stops_the_run_without_saying_what_it_holds(kind):
    rows = many(3)
    rows["leads"] = [
        row | {"role": "jane@example.com" if row["lead_id"] == "l1" else "Manager"} for row in rows["leads"]
    ]
    declared = {"role": {"table": "leads", "type": kind, "availability": "immutable", "meaning": "role"}}
    (breach,) = refused(rows, settings(attributes=declared))
    assert breach == (
        "leads: role looks like an email address or a phone number in 1 row; "
        "take role out of [crm.attributes]: what identifies a person never becomes a feature"
    )


def test_an_attribute_called_like_a_column_of_the_contract_stops_the_run():
    declared = {"source": {"table": "leads", "type": "category", "availability": "immutable", "meaning": "x"}}
    (breach,) = refused(many(1), settings(attributes=declared))
    assert breach.startswith(
        "leads: the declared attribute 'source' is a column of the contract already; give the attribute"
    )


def test_what_is_found_in_rows_that_stay_is_told_too():
    change_of = {"object": "lead", "object_id": "l0", "new_value": "x", "changed_at": "2026-02-01"}
    rows = {
        "accounts": [{"account_id": "c0", "employees": "many"}],
        "leads": [lead("l0", account_id="c0"), lead("l1", account_id="c9"), lead("l2", merged_into="l0")],
        "stage_changes": [change("l0")],
        "attribute_changes": [change_of | {"attribute": "email"}],
    }
    warnings = check(raw(rows), STRICT).report.warnings
    assert "accounts.employees: no number in 1 row, which counts as missing" in warnings
    assert "leads: at an account that was not accepted, of which nothing is known: 1 row" in warnings
    assert "leads: merged at an unknown time, taken for that of the extract: 1 row" in warnings
    assert "attribute_changes: left out, because nobody declared the attribute: 'email' (1 row)" in warnings


def test_raw_tables_that_the_check_would_overwrite_are_refused():
    history = raw(many(1))
    engine_of(history).backend.con.execute("ALTER TABLE raw_leads RENAME TO leads")
    tables = dict(history.tables) | {"leads": engine_of(history).table("leads")}
    clashing = type(history)(tables, history.extracted_at, history.source)
    with pytest.raises(ValueError, match="raw tables called like checked ones would be overwritten: leads"):
        check(clashing, LENIENT)
