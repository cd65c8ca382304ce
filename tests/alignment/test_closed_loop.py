"""What became of hand-offs: the worked example, what adds up, and what nobody can say."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from alignment.closed_loop import closed_loop, share_come
from alignment.milestones import milestones_of
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Period, Span
from data_contracts.scores import SCORED_HAND_OFFS_SCHEMA
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

MARCH = Span.of(Period.MONTH, dt.date(2026, 3, 1), time_zone="UTC")
FILLED = {pa.string(): "x", pa.float64(): 0.0, pa.timestamp("us"): "2026-03-02"}


def hand_offs(rows) -> pa.Table:
    """Hand-offs as the rows say; what they do not say is filled in."""
    told = {}
    for field in SCORED_HAND_OFFS_SCHEMA:
        cells = [row.get(field.name) or FILLED[field.type] for row in rows]
        if pa.types.is_timestamp(field.type):
            cells = [dt.datetime.fromisoformat(cell) for cell in cells]
        told[field.name] = pa.array([float(c) if pa.types.is_floating(field.type) else c for c in cells], field.type)
    return pa.table(told)


def of_march(history, settings, handed_off):
    return closed_loop(history, milestones_of(history, settings), handed_off=hand_offs(handed_off), span=MARCH)


COMPUTED = {
    "hand-offs of March": lambda history, settings, handed_off: of_march(history, settings, handed_off).rows.to_pylist()
}


@pytest.mark.parametrize("spec", page_specs("closed_loop", COMPUTED, beside=["handed_off"]), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def changes(lead_id, *entries):
    return [{"lead_id": lead_id, "stage": stage, "entered_at": at} for stage, at in entries]


def test_each_hand_off_is_in_one_part_whatever_came_after(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": name} for name in "ABCDE"],
            "stage_changes": [
                *changes("A", ("sql", "2026-03-05"), ("disqualified", "2026-03-09"), ("nurture", "2026-03-10")),
                *changes("B", ("sal", "2026-03-05"), ("nurture", "2026-03-06"), ("disqualified", "2026-03-10")),
                *changes("C", ("sal", "2026-03-05"), ("nurture", "2026-03-06")),
                *changes("D", ("sal", "2026-03-05"), ("sql", "2026-09-01"), ("won", "2026-10-01")),
                *changes("E", ("disqualified", "2026-03-05")),
            ],
        }
    )
    told = of_march(history, settings, [{"lead_id": name, "p_sql": "0.5"} for name in "ABCDE"])
    (whole, *by_grade) = told.rows.to_pylist()
    parts = {name: whole[name] for name in ("came", "turned_down", "nurtured", "open", "not_touched", "gone")}
    assert parts == {"came": 1, "turned_down": 1, "nurtured": 1, "open": 1, "not_touched": 1, "gone": 0}
    assert whole["handed_off"] == sum(parts.values())
    assert whole["won"] == 1
    assert whole["touched"] == 4
    assert [row["grade"] for row in by_grade] == ["x"]


def test_hand_offs_of_other_months_and_after_the_extract_are_left_out(make_history, settings):
    history = make_history({"leads": [{"lead_id": "A"}]}, extracted_at=dt.datetime(2026, 3, 20))
    days = ("2026-02-28 23:59", "2026-03-01 00:00", "2026-03-31 23:59", "2026-04-01 00:00")
    told = of_march(history, settings, [{"lead_id": "A", "handed_off_at": day} for day in days])
    assert told.rows.to_pylist()[0]["handed_off"] == 1
    assert told.rows.to_pylist()[0]["expected"] is None
    assert not told.is_outside


def test_without_hand_offs_there_are_no_rows(make_history, settings):
    told = of_march(make_history({"leads": [{"lead_id": "A"}]}), settings, [])
    assert told.rows.num_rows == 0
    assert told.ratings == "Sales rated none of these hand-offs."


def test_of_a_lead_that_was_merged_since_nobody_says_that_it_was_not_touched(make_history, settings):
    told = of_march(make_history({"leads": [{"lead_id": "A"}]}), settings, [{"lead_id": "A"}, {"lead_id": "merged"}])
    whole = told.rows.to_pylist()[0]
    assert (whole["handed_off"], whole["not_touched"], whole["gone"]) == (2, 1, 1)


def test_who_was_touched_after_the_horizon_is_in_no_expectation(make_history, settings):
    changes_of_both = [*changes("A", ("sal", "2026-03-05")), *changes("B", ("sal", "2026-04-05"))]
    history = make_history({"leads": [{"lead_id": "A"}, {"lead_id": "B"}], "stage_changes": changes_of_both})
    told = of_march(history, settings, [{"lead_id": "A", "p_sql": "0.5"}, {"lead_id": "B", "p_sql": "0.25"}])
    whole = told.rows.to_pylist()[0]
    assert (whole["touched"], whole["open"]) == (2, 2)
    assert (whole["expected"], whole["expected_in_all"]) == (0.5, 0.5)


def test_where_nothing_records_touches_every_hand_off_counts_as_touched_at_once(make_history, settings_with):
    under = settings_with(definitions={"contact": {"assume_contacted_because": "sales calls everybody"}})
    conversions = [*changes("A", ("mql", "2026-03-02"), ("sql", "2026-03-05")), *changes("B", ("mql", "2026-03-02"))]
    history = make_history({"leads": [{"lead_id": name} for name in "ABC"], "stage_changes": conversions}, under=under)
    handed_off = [{"lead_id": name, "p_sql": "0.5"} for name in ("A", "B", "merged")]
    told = of_march(history, under, handed_off)
    whole = told.rows.to_pylist()[0]
    assert (whole["touched"], whole["came"], whole["open"], whole["gone"]) == (2, 1, 1, 1)
    assert whole["expected"] == 0.5 + 0.5
    assert told.assumed_because == "sales calls everybody"


def test_conversions_are_counted_from_the_touch(make_history, settings):
    """A is touched after 9 days, comes on the second day from there, and is the only one that ever did."""
    ways = changes("A", ("mql", "2026-01-01"), ("sal", "2026-01-10"), ("sql", "2026-01-11 12:00"))
    history = make_history({"leads": [{"lead_id": "A"}, {"lead_id": "B"}], "stage_changes": ways})
    told = share_come(milestones_of(history, settings), Step.MQL_TO_SQL, days=np.array([1.0, 1.5, 2.0, 9.0]))
    assert told.tolist() == pytest.approx([0.0, 1 / 2, 1.0, 1.0])


def test_where_nothing_records_touches_all_leads_say_how_soon_conversions_come(make_history, settings_with):
    """A comes on day 4, of three; B is watched for 9 days, so that C on day 13 is the only one left of two thirds."""
    under = settings_with(definitions={"contact": {"assume_contacted_because": "sales calls everybody"}})
    conversions = [
        *changes("A", ("mql", "2026-01-01"), ("sql", "2026-01-05 12:00")),
        *changes("B", ("mql", "2026-03-02")),
        *changes("C", ("mql", "2026-01-01"), ("sql", "2026-01-14 12:00")),
    ]
    leads = [{"lead_id": name} for name in "ABC"]
    history = make_history(
        {"leads": leads, "stage_changes": conversions}, under=under, extracted_at=dt.datetime(2026, 3, 11)
    )
    told = share_come(milestones_of(history, under), Step.MQL_TO_SQL, days=np.array([5.0, 13.0, 14.0]))
    assert told.tolist() == pytest.approx([1 / 3, 1 / 3, 1.0])


def test_too_few_that_came_are_told(make_history, settings):
    touched = [{"lead_id": str(n), "stage": "sal", "entered_at": "2026-03-05"} for n in range(30)]
    history = make_history({"leads": [{"lead_id": str(n)} for n in range(30)], "stage_changes": touched})
    told = of_march(history, settings, [{"lead_id": str(n), "p_sql": "0.5"} for n in range(30)])
    assert told.rows.to_pylist()[0]["expected"] == pytest.approx(15)
    assert told.is_outside


def test_the_last_rating_of_each_hand_off_counts_in_the_words_of_the_crm(make_history, settings):
    def rated(lead_id, at, outcome):
        return {"lead_id": lead_id, "kind": "assessment", "occurred_at": at, "outcome": outcome}

    history = make_history(
        {
            "leads": [{"lead_id": "A"}, {"lead_id": "B"}],
            "activities": [
                rated("A", "2026-03-01", "poor"),
                rated("A", "2026-03-05", "fair"),
                rated("A", "2026-03-06", "good"),
                rated("B", "2026-03-06", "ask jane@example.com"),
            ],
        }
    )
    told = of_march(history, settings, [{"lead_id": "A"}, {"lead_id": "B"}])
    assert {row["rating"]: row["hand_offs"] for row in told.ratings.to_pylist()} == {
        "good": 1,
        "(masked: it looks like an email address or a phone number)": 1,
    }


def test_where_no_kind_is_an_assessment_that_is_said(make_history, settings):
    kinds = {name: kind for name, kind in settings.crm.kinds.items() if kind.family != "assessment"}
    under = settings.model_copy(update={"crm": settings.crm.model_copy(update={"kinds": kinds})})
    told = of_march(make_history({"leads": [{"lead_id": "A"}]}), under, [{"lead_id": "A"}])
    assert "family `assessment`" in told.ratings
