"""When values came to be known, counted in the engine."""

import pytest

from data_contracts.vocabulary import Transition
from features.leak_evidence import change_counts, fates_of, filled_counts, recording_counts
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

FUNNEL = {
    "accounts": [{"account_id": "X", "industry": "software"}],
    "leads": [
        # A converts on the 10th, B is closed on the 5th, C stays open, D was never an MQL.
        {"lead_id": "A", "account_id": "X", "seniority": "head", "budget": 5.0},
        {"lead_id": "B", "seniority": "head"},
        {"lead_id": "C"},
        {"lead_id": "D"},
    ],
    "stage_changes": [
        {"lead_id": "A", "stage": "mql", "entered_at": "2026-03-01"},
        {"lead_id": "A", "stage": "sql", "entered_at": "2026-03-10"},
        {"lead_id": "B", "stage": "mql", "entered_at": "2026-03-01"},
        {"lead_id": "B", "stage": "nurture", "entered_at": "2026-03-05"},
        {"lead_id": "B", "stage": "mql", "entered_at": "2026-04-01"},
        {"lead_id": "B", "stage": "sql", "entered_at": "2026-04-02"},
        {"lead_id": "C", "stage": "mql", "entered_at": "2026-03-01"},
        {"lead_id": "D", "stage": "lead", "entered_at": "2026-03-01"},
    ],
}


def rows(table):
    return table.to_pyarrow().to_pylist()


@pytest.fixture
def funnel_with(make_history):
    """The funnel with further tables, and the fates in it."""

    def made(**tables):
        history = make_history(FUNNEL | tables)
        return history, fates_of(history, transition=Transition.MQL_TO_SQL)

    return made


def test_a_fate_is_the_first_decision_however_late(funnel_with):
    _, fates = funnel_with()
    found = {row["lead_id"]: (row["decided_at"], row["has_converted"]) for row in rows(fates)}
    assert {lead: (at and f"{at:%m-%d}", converted) for lead, (at, converted) in found.items()} == {
        "A": ("03-10", True),
        "B": ("03-05", False),
        "C": (None, False),
    }


def test_leads_that_ended_nobody_knows_when_have_no_fate(funnel_with):
    _, fates = funnel_with(unsettled=[{"lead_id": "C", "stage": "won", "reason": "deal_closed", "is_ending": True}])
    assert sorted(row["lead_id"] for row in rows(fates)) == ["A", "B"]


def test_activities_are_counted_before_and_after_the_first_entry(funnel_with):
    activities = [
        {"lead_id": "A", "kind": "call", "occurred_at": "2026-02-28"},
        {"lead_id": "A", "kind": "call", "occurred_at": "2026-03-01"},
        {"lead_id": "A", "kind": "call", "occurred_at": "2026-09-01"},
    ]
    _, fates = funnel_with(activities=activities)
    assert {row["lead_id"]: (row["n_before"], row["n_after"]) for row in rows(fates)} == {
        "A": (1, 2),
        "B": (0, 0),
        "C": (0, 0),
    }


def test_changes_are_counted_against_the_conversion_of_their_lead_or_of_the_leads_of_their_account(
    funnel_with, settings
):
    def change(of, attribute, at):
        return {"object": of[0], "object_id": of[1], "attribute": attribute, "new_value": "x", "changed_at": at}

    changes = [
        change(("lead", "A"), "seniority", "2026-03-02"),
        change(("lead", "A"), "seniority", "2026-03-09 12:00"),
        change(("lead", "A"), "seniority", "2026-03-10 12:00"),
        change(("lead", "A"), "seniority", "2026-06-01"),
        change(("lead", "B"), "seniority", "2026-03-05"),
        change(("account", "X"), "employees", "2026-03-10"),
    ]
    history, fates = funnel_with(attribute_changes=changes)
    found = {row.pop("attribute"): row for row in rows(change_counts(history, fates, crm=settings.crm))}
    assert found == {
        "seniority": {"n_changes": 4, "n_at_conversion": 2, "n_after": 1 + 1},
        "employees": {"n_changes": 1, "n_at_conversion": 1, "n_after": 1},
    }


def test_activities_that_are_dated_back_are_those_before_the_entry_that_were_recorded_at_the_decision_or_later(
    funnel_with, settings
):
    def call(lead, occurred_at, recorded_at, outcome="Connected"):
        times = {"occurred_at": occurred_at, "recorded_at": recorded_at}
        return {"lead_id": lead, "kind": "call", "outcome": outcome, **times}

    activities = [
        call("A", "2026-02-20", "2026-03-10"),
        call("A", "2026-02-20", "2026-03-09"),
        call("A", "2026-03-02", "2026-03-11"),
        call("B", "2026-02-20", "2026-03-05"),
        call("C", "2026-02-20", "2026-02-19"),
        call("C", "2026-02-20", "2026-02-20", outcome="No answer"),
    ]
    history, fates = funnel_with(activities=activities)
    found = {row["kind"]: row for row in rows(recording_counts(history, fates, crm=settings.crm))}
    assert (found["call_attempt"]["n"], found["call_attempt"]["n_leads_open"]) == (1, 1)
    assert found["call"] == {
        "kind": "call",
        "n_early_converted": 2,
        "n_late_converted": 1,
        "n_early_closed": 1,
        "n_late_closed": 1,
        "n_ahead": 1,
        "n": 5,
        "n_leads_converted": 1,
        "n_leads_closed": 1,
        "n_leads_open": 1,
    }


def test_filled_attributes_are_counted_in_the_latest_extract_by_fate(funnel_with, settings):
    history, fates = funnel_with()
    found = {
        (row["has_converted"], row["is_open"]): row for row in rows(filled_counts(history, fates, crm=settings.crm))
    }
    names = ("industry", "seniority", "budget")
    assert {fate: tuple(row[name] for name in names) for fate, row in found.items()} == {
        (True, False): (1, 1, 1),
        (False, False): (0, 1, 0),
        (False, True): (0, 0, 0),
    }
