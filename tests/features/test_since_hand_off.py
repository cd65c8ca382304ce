"""What became of leads after they were handed off; alike on each engine."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from features.since_hand_off import responses, since_hand_off
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

HANDED_OFF_AT, AS_OF = dt.datetime(2026, 6, 1, 6), dt.datetime(2026, 6, 10, 6)
EVENTS = {
    "leads": [
        {"lead_id": lead} for lead in ("called", "before", "unknown", "clicked", "sal", "closed", "mql", "later")
    ],
    "activities": [
        {"lead_id": "called", "kind": "call", "direction": "outbound", "occurred_at": "2026-06-02"},
        {"lead_id": "before", "kind": "call", "direction": "outbound", "occurred_at": "2026-05-31"},
        {
            "lead_id": "unknown", "kind": "call", "direction": "outbound", "occurred_at": "2026-06-02",
            "recorded_at": "2026-06-11",
        },
        {"lead_id": "clicked", "kind": "page_view", "direction": "inbound", "occurred_at": "2026-06-02"},
        {"lead_id": "later", "kind": "call", "direction": "outbound", "occurred_at": "2026-06-10 07:00"},
    ],
    "stage_changes": [
        {"lead_id": "sal", "stage": "sal", "entered_at": "2026-06-03"},
        {"lead_id": "closed", "stage": "sql", "entered_at": "2026-06-03"},
        {"lead_id": "closed", "stage": "nurture", "entered_at": "2026-06-04"},
        {"lead_id": "mql", "stage": "mql", "entered_at": "2026-06-01 07:00"},
        {"lead_id": "before", "stage": "disqualified", "entered_at": "2026-05-01"},
    ],
}  # fmt: skip


def handed_off(*lead_ids: str) -> pd.DataFrame:
    moments = np.full(len(lead_ids), np.datetime64(HANDED_OFF_AT, "us"))
    return pd.DataFrame({"lead_id": list(lead_ids), "handed_off_at": moments})


@pytest.fixture
def found(make_history, settings):
    leads = [lead["lead_id"] for lead in EVENTS["leads"]]
    return since_hand_off(make_history(EVENTS), handed_off(*leads), settings=settings, as_of=AS_OF)


def test_a_call_or_a_stage_of_sales_since_the_hand_off_is_a_touch(found):
    """Not one before it, one that was not known yet or is to come, the lead's own deeds, or becoming an MQL by it."""
    assert found.touched == {"called", "sal", "closed"}


def test_it_is_over_once_the_lead_was_closed_or_nurtured_since(found):
    assert found.over == {"closed"}


def test_nobody_was_handed_off(make_history, settings):
    found = since_hand_off(make_history(EVENTS), handed_off(), settings=settings, as_of=AS_OF)
    assert (found.touched, found.over) == (frozenset(), frozenset())


def test_only_the_leads_that_are_asked_for_are_told(make_history, settings):
    found = since_hand_off(make_history(EVENTS), handed_off("sal"), settings=settings, as_of=AS_OF)
    assert (found.touched, found.over) == ({"sal"}, frozenset())


def test_a_hand_off_is_answered_by_the_first_touch_since_and_converts_by_the_first_entry_since(make_history, settings):
    told = handed_off("called", "sal", "closed", "before", "unknown")
    answered = responses(make_history(EVENTS), told, settings=settings, as_of=AS_OF).set_index("lead_id")
    assert answered["touched_at"].dropna().to_dict() == {
        "called": pd.Timestamp("2026-06-02"), "sal": pd.Timestamp("2026-06-03"), "closed": pd.Timestamp("2026-06-03"),
    }  # fmt: skip
    assert answered["converted_at"].dropna().to_dict() == {"closed": pd.Timestamp("2026-06-03")}


def test_each_hand_off_of_a_lead_has_its_own_answer(make_history, settings):
    twice = pd.concat([handed_off("called"), handed_off("called").assign(handed_off_at=pd.Timestamp("2026-06-05"))])
    answered = responses(make_history(EVENTS), twice, settings=settings, as_of=AS_OF)
    assert answered["touched_at"].isna().tolist() == [False, True]
