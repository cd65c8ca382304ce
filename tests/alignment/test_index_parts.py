"""The parts of the alignment index: each duty with its value in each period."""

import datetime as dt

import pandas as pd
import pytest

from alignment.deals import deals_of
from alignment.guarantee import lead_guarantee
from alignment.handed_off import hand_offs_of
from alignment.index_parts import index_parts, revenues
from alignment.judged import guaranteed_hand_offs, judged_hand_offs
from alignment.milestones import milestones_of
from alignment.mqls_delivered import mqls_delivered
from alignment.response import response
from data_contracts.metrics.index import Better
from data_contracts.metrics.periods import Period, Span

MARCH = Span.of(Period.MONTH, dt.date(2026, 3, 1), time_zone="UTC")
SPANS = [MARCH.earlier(time_zone="UTC"), MARCH]
TARGETS = {
    "mqls_per_week": 2,
    "compliance_share": 0.9,
    "disposition_share": 0.8,
    "off_icp_share": 0.1,
    "periods": [{"period": "2026-03", "revenue": 4_000}],
}


@pytest.fixture(scope="module")
def parts(make_history, settings_with):
    under = settings_with(targets=TARGETS)
    won = {"lead_id": "A", "created_at": "2026-03-05", "outcome": "won", "amount": 1_000}
    history = make_history(
        {
            "accounts": [{"account_id": "X", "industry": "mining", "employees": 5}],
            "leads": [{"lead_id": "A", "account_id": "X"}, {"lead_id": "B"}],
            "stage_changes": [
                {"lead_id": "A", "stage": "mql", "entered_at": "2026-03-02 10:00"},
                {"lead_id": "B", "stage": "mql", "entered_at": "2026-03-03 10:00"},
                {"lead_id": "A", "stage": "sql", "entered_at": "2026-03-02 11:00"},
            ],
            "opportunities": [won | {"opportunity_id": "1", "closed_at": "2026-03-20"}],
        },
        under=under,
    )
    milestones = milestones_of(history, under)
    hand_offs, deals = hand_offs_of(history, milestones), deals_of(history, milestones)
    judged = judged_hand_offs(
        guaranteed_hand_offs(history, under), history, versions=[under.definitions], settings=under
    )
    told = index_parts(
        SPANS,
        under,
        response=response(hand_offs, every=Period.MONTH),
        delivered=mqls_delivered(history, hand_offs),
        guarantee=lead_guarantee(milestones, judged, every=Period.MONTH),
        deals=deals,
    )
    return {one.name: one for one in told}, revenues(deals, SPANS)


@pytest.mark.parametrize(
    ("name", "owner", "agreed", "before", "now"),
    [
        ("answered within 8 working hours", "sales", 0.9, None, 1 / 2),
        ("decided with a reason", "sales", 0.8, None, 1.0),
        ("MQLs delivered", "marketing", 1.0, None, 2 / (2 * 30 / 7)),
        ("off the agreed profile (less is better)", "marketing", 0.1, None, 1.0),
        ("revenue against plan", "both", 1.0, None, 1_000 / 4_000),
    ],
)
def test_each_duty_has_its_owner_what_is_agreed_and_its_value_in_each_period(parts, name, owner, agreed, before, now):
    part = parts[0][name]
    assert (part.owner, part.agreed) == (owner, agreed)
    assert [one.value for one in part.values] == pytest.approx([before, now], nan_ok=True)


def test_only_of_hand_offs_off_the_profile_less_is_better(parts):
    assert [name for name, part in parts[0].items() if part.better is Better.LOWER] == [
        "off the agreed profile (less is better)"
    ]


def test_results_are_what_was_won_in_each_period(parts):
    assert parts[1] == [0.0, 1_000.0]
    assert revenues(pd.DataFrame(), SPANS) == [None, None]
