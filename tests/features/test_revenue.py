"""What won leads brought, and what was known of them before."""

import datetime as dt

import pandas as pd

from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.revenue import wins_as_first_seen, won_revenue

WON = pd.Timestamp("2026-04-01")


def deal(nth, outcome, amount, **values):
    return {
        "opportunity_id": str(nth),
        "lead_id": "A",
        "created_at": "2026-03-01",
        "outcome": outcome,
        "amount": amount,
    } | values


def leads(*ids):
    return [{"lead_id": lead} for lead in ids]


def test_a_lead_brought_the_sum_of_its_won_deals_from_the_first_one_on(make_history):
    deals = [
        deal(1, "won", 100.0, closed_at="2026-04-02"),
        deal(2, "won", 300.0, closed_at="2026-05-02"),
        deal(3, "lost", 9_000.0, closed_at="2026-04-01"),
        deal(4, "won", None, closed_at="2026-03-03"),
        deal(5, "won", 7.0, lead_id="B"),
        deal(6, "won", None, lead_id="C"),
    ]
    found = won_revenue(make_history({"leads": leads("A", "B", "C"), "opportunities": deals}))
    assert found.to_dict("records") == [
        {"lead_id": "A", "won_at": pd.Timestamp("2026-04-02"), "revenue": 100.0 + 300.0},
        {"lead_id": "B", "won_at": pd.Timestamp("2026-03-01"), "revenue": 7.0},
    ]


def test_without_amounts_no_lead_brought_anything_and_there_is_nothing_to_learn_from(make_history):
    revenue = won_revenue(make_history({"opportunities": [deal(1, "open", 100.0), deal(2, "won", None)]}))
    assert revenue.empty
    tables = {Transition.SQL_TO_WIN: table(Transition.SQL_TO_WIN, ("A", 0, "2026-03-20"))}
    assert wins_as_first_seen(revenue, tables).empty


def table(transition: Transition, *rows: tuple[str, int, str]) -> LabelledTable:
    """Snapshots: lead, day, moment."""
    frame = pd.DataFrame(rows, columns=["lead_id", "day", "as_of"]).astype({"lead_id": "str"})
    frame = frame.assign(as_of=pd.to_datetime(frame["as_of"]), seen_in=str(transition))
    return LabelledTable(transition, 30, frame, (), "", {}, dt.datetime(2026, 5, 1))


def test_a_win_is_learnt_from_as_its_lead_first_entered_a_stage_before_it_was_won():
    tables = {
        Transition.MQL_TO_SQL: table(Transition.MQL_TO_SQL, ("A", 7, "2026-03-08"), ("A", 0, "2026-03-01")),
        Transition.SQL_TO_WIN: table(
            Transition.SQL_TO_WIN, ("A", 0, "2026-03-20"), ("B", 0, "2026-03-21"), ("C", 0, "2026-04-02")
        ),
    }
    revenue = pd.DataFrame({"lead_id": ["A", "B", "C", "D"], "won_at": WON, "revenue": [1.0, 2.0, 3.0, 4.0]})
    found = wins_as_first_seen(revenue, tables)
    seen = found[["lead_id", "as_of", "seen_in", "revenue"]].to_dict("records")
    assert seen == [
        {"lead_id": "A", "as_of": pd.Timestamp("2026-03-01"), "seen_in": "mql_to_sql", "revenue": 1.0},
        {"lead_id": "B", "as_of": pd.Timestamp("2026-03-21"), "seen_in": "sql_to_win", "revenue": 2.0},
    ], "C was first seen after it was won, D never"
