"""The moments of past weeks at which a nightly scoring could have moved a lead that waits for sales."""

import datetime as dt

import pytest

from features.past import past_leads, sampled_accounts
from features.snapshots import past_snapshots
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

UNTIL = dt.datetime.fromisoformat("2026-03-01 06:00")


def asked(make_history, settings, tables, *, weeks: int = 2) -> dict[str, list[str]]:
    """The moments of each lead, as the day and hour."""
    found = past_snapshots(make_history(tables, extracted_at=UNTIL), settings.definitions, weeks=weeks).table
    rows = found.order_by("lead_id", "as_of").to_pyarrow().to_pylist()
    moments: dict[str, list[str]] = {}
    for row in rows:
        moments.setdefault(row["lead_id"], []).append(f"{row['as_of']:%m-%d %H}")
    return moments


def test_a_lead_is_looked_at_each_week_and_at_the_first_scoring_after_anything_new(make_history, settings):
    found = asked(make_history, settings, {
        "leads": [{"lead_id": "quiet"}, {"lead_id": "busy"}, {"lead_id": "new", "created_at": "2026-02-26 08:00"}],
        "activities": [
            {"lead_id": "busy", "kind": "webinar", "occurred_at": "2026-02-20 05:59"},
            {"lead_id": "busy", "kind": "webinar", "occurred_at": "2026-02-24 06:00"},
            {"lead_id": "busy", "kind": "webinar", "occurred_at": "2026-02-24 07:00"},
        ],
    })  # fmt: skip
    assert found == {
        "quiet": ["02-22 06", "03-01 06"],
        "busy": ["02-20 06", "02-22 06", "02-25 06", "03-01 06"],
        "new": ["02-27 06", "03-01 06"],
    }


def test_what_was_recorded_late_is_new_when_it_is_recorded(make_history, settings):
    late = {"lead_id": "a", "kind": "webinar", "occurred_at": "2026-02-10 12:00", "recorded_at": "2026-02-24 12:00"}
    found = asked(make_history, settings, {"leads": [{"lead_id": "a"}], "activities": [late]})
    assert found == {"a": ["02-22 06", "02-25 06", "03-01 06"]}


def test_leads_that_sales_has_taken_or_that_are_closed_are_left_out(make_history, settings):
    stages = [("mql", "lead"), ("sal", "taken"), ("nurture", "resting"), ("disqualified", "out")]
    found = asked(make_history, settings, {
        "leads": [{"lead_id": lead} for _, lead in stages],
        "stage_changes": [
            {"lead_id": lead, "stage": stage, "entered_at": "2026-01-15 12:00"} for stage, lead in stages
        ],
    })  # fmt: skip
    assert set(found) == {"lead"}


def test_more_moments_than_asked_for_are_those_of_some_accounts(engine, make_history, settings):
    tables = {"leads": [{"lead_id": f"L{number:03}"} for number in range(200)]}
    history = make_history(tables, extracted_at=UNTIL)
    whole = past_leads(engine, history, settings, weeks=2)
    some = past_leads(engine, history, settings, weeks=2, most_moments=100)
    assert (whole.sampled_share, some.sampled_share) == (1.0, 100 / 400)
    assert len(whole.frame) == 400
    assert 0 < some.frame["lead_id"].nunique() < 200
    assert (some.frame.groupby("lead_id").size() == 2).all(), "whole accounts"
    assert "n_inbound_7d" in some.frame
    drawn = sampled_accounts(engine, history, share=some.sampled_share)
    assert set(some.frame["group_id"]) == set(drawn)
