"""What the settings leave out: in no canonical table, counted by name, and there to be looked at."""

import json

import pytest

from data_contracts.settings import Settings
from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import Rows, activity, change, check, deal, lead, raw, settings, stopped_by

TESTS = {"name": "test leads", "table": "leads", "column": "is_test", "one_of": ["true"]}
OURS = {"name": "our own people", "table": "accounts", "column": "industry", "one_of": ["us"]}
SCANNERS = {
    "name": "mail scanners", "table": "activities", "column": "kind", "one_of": ["email_click"],
    "within_seconds_of": "email_sent", "at_most": 2,
}  # fmt: skip
SHORT = {"name": "bounces", "table": "activities", "column": "duration_seconds", "at_most": 1}


def leaving(*conditions: dict[str, object]) -> Settings:
    return settings(max_refused_share=1.0, left_out=list(conditions))


def left(judged, table: str) -> dict[str, str]:
    """The name by which each row of `table` is left out, by its key."""
    return {row["row_key"]: row["name"] for row in judged.left_out if row["table"] == table}


FUNNEL: dict[str, Rows] = {
    "accounts": [{"account_id": "us", "industry": "us"}, {"account_id": "them", "industry": "mining"}],
    "leads": [
        lead("a", account_id="them", is_test=None),
        lead("b", account_id="them", is_test="true"),
        lead("c", account_id="us", is_test="true"),
        lead("d", account_id="us", is_test=None),
        lead("e", is_test="TRUE"),
        lead("f", "soon", is_test="true"),
    ],
    "activities": [activity("1", "a"), activity("2", "b"), activity("3", "c"), activity("4", "nobody")],
    "stage_changes": [change("a"), change("b"), change("d", "lost"), change("b", "won", "2026-13-01")],
    "opportunities": [deal("o", "a"), deal("p", "d", outcome="lost", closed_at="2026-04-01")],
}


@pytest.fixture(scope="module")
def funnel():
    return judge_rows(raw(FUNNEL), leaving(TESTS, OURS))


def test_an_account_is_left_out_with_its_leads_and_a_lead_with_its_rows_under_the_first_name_that_holds(funnel):
    assert left(funnel, "accounts") == {"us": "our own people"}
    assert left(funnel, "leads") == {"b": "test leads", "c": "test leads", "d": "our own people"}
    assert left(funnel, "activities") == {"2": "test leads", "3": "test leads"}
    assert left(funnel, "opportunities") == {"p": "our own people"}
    assert funnel.column("leads", "lead_id") == ["a", "e"]
    assert funnel.column("activities", "activity_id") == ["1"]
    assert funnel.column("stage_changes", "lead_id") == ["a"]


def test_every_row_is_accepted_refused_or_left_out(funnel):
    found = {name: (c.delivered, c.accepted, c.refused, dict(c.left_out)) for name, c in funnel.checks.items()}
    assert found == {
        "accounts": (2, 1, 0, {"our own people": 1}),
        "leads": (6, 2, 1, {"test leads": 2, "our own people": 1}),
        "activities": (4, 1, 1, {"test leads": 2}),
        "stage_changes": (4, 1, 1, {"our own people": 1, "test leads": 1}),
        "opportunities": (2, 1, 0, {"our own people": 1}),
    }
    assert all(c.delivered == c.accepted + c.refused + sum(c.left_out.values()) for c in funnel.checks.values())


def test_what_is_left_out_is_kept_as_it_was_delivered(funnel):
    (row,) = [row for row in funnel.left_out if row["row_key"] == "b" and row["table"] == "leads"]
    assert json.loads(row["raw_row"]) == {
        "lead_id": "b", "created_at": "2026-01-01", "account_id": "them", "is_test": "true"
    }  # fmt: skip


def test_leads_that_are_left_out_are_not_among_those_closed_nobody_knows_when(funnel):
    assert funnel.unsettled == []


def mail(number: int, lead_id: str, at: str, kind: str) -> dict[str, str | None]:
    return activity(str(number), lead_id, f"2026-02-01 {at}", kind=kind)


def test_a_click_right_after_a_mail_to_the_same_lead_is_a_scanner_and_a_later_or_earlier_one_is_none():
    rows = [
        mail(1, "a", "12:00:00", "email_sent"),
        mail(2, "a", "12:00:00", "email_click"),
        mail(3, "a", "12:00:02", "email_click"),
        mail(4, "a", "12:00:02.001", "email_click"),
        mail(5, "a", "11:59:59", "email_click"),
        mail(6, "a", "12:00:01", "email_open"),
        mail(7, "b", "12:00:01", "email_click"),
    ]
    judged = judge_rows(raw({"leads": [lead("a"), lead("b")], "activities": rows}), leaving(SCANNERS))
    assert left(judged, "activities") == {"2": "mail scanners", "3": "mail scanners"}


def test_an_activity_is_not_right_after_itself():
    again = SCANNERS | {"one_of": ["email_sent"]}
    rows = [mail(1, "a", "12:00:00", "email_sent"), mail(2, "a", "12:00:01", "email_sent")]
    judged = judge_rows(raw({"leads": [lead("a")], "activities": rows}), leaving(again))
    assert left(judged, "activities") == {"2": "mail scanners"}


def test_a_number_is_left_out_by_its_size_and_a_missing_one_never():
    rows = [activity(str(n), "a", duration_seconds=seconds) for n, seconds in enumerate(["0", "1", "1.5", None])]
    judged = judge_rows(raw({"leads": [lead("a")], "activities": rows}), leaving(SHORT))
    assert left(judged, "activities") == {"0": "bounces", "1": "bounces"}


def test_the_rows_of_a_merged_lead_go_with_it_and_with_its_survivor():
    merged = {"merged_into": "s", "merged_at": "2026-03-01"}
    rows = {"leads": [lead("s"), lead("m", is_test="true", **merged)], "activities": [activity("1", "m")]}
    assert left(judge_rows(raw(rows), leaving(TESTS)), "activities") == {"1": "test leads"}
    rows = {"leads": [lead("s", is_test="true"), lead("m", **merged)], "activities": [activity("1", "m")]}
    assert left(judge_rows(raw(rows), leaving(TESTS)), "activities") == {"1": "test leads"}


@pytest.mark.whole
def test_the_report_counts_by_name_and_tells_a_condition_that_no_row_meets_and_the_column_is_no_feature():
    checked = check(raw(FUNNEL), leaving(TESTS, OURS, SHORT))
    (leads,) = [c for c in checked.report.tables if c.table == "leads"]
    assert leads.left_out == {"test leads": 2, "our own people": 1}
    assert "left out by 'bounces': no row" in checked.report.warnings
    assert "is_test" not in checked.history.leads.columns
    assert checked.left_out.table.count().to_pyarrow().as_py() == 1 + 3 + 2 + 2 + 1


@pytest.mark.whole
def test_a_condition_on_a_column_that_is_not_delivered_stops_the_run():
    rows = {"leads": [lead("a")], "stage_changes": [change("a")]}
    (breach,) = stopped_by(raw(rows), leaving(TESTS))
    assert (breach.rule, breach.found) == (
        "leads.is_test.is_there_to_ask",
        "column 'is_test' is missing, and [[crm.left_out]] asks for it",
    )
