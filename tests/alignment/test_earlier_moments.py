"""Journeys, accounts and reasons at an earlier moment are those of an extract that was taken then."""

import datetime as dt

import numpy as np
import pytest

from alignment.accounts import accounts_of
from alignment.journey import journey_of
from alignment.milestones import milestones_of
from alignment.why import why_of
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.periods import Period
from features.known_before import known_before

MOMENT = dt.datetime(2026, 8, 1)
START = np.datetime64("2026-01-02T00:00", "us")


def _at(days):
    return (START + np.timedelta64(int(days * 24), "h")).item()


@pytest.fixture(scope="module")
def tables():
    """Leads that came, did something, moved and bought all through the year; a third was recorded two months late."""
    random = np.random.default_rng(11)
    leads, activities, changes, deals = [], [], [], []
    for number in range(150):
        lead_id, came = f"L{number:03d}", random.uniform(0, 200)
        leads.append({"lead_id": lead_id, "account_id": f"A{number % 40}", "created_at": _at(came)})
        for days in came + random.exponential(40, random.integers(0, 6)):
            late = 60 if random.random() < 0.3 else 0
            activities.append({"activity_id": f"{lead_id}-{days}", "lead_id": lead_id, "occurred_at": _at(days),
                               "kind": str(random.choice(["chat", "page_view", "call"])),
                               "recorded_at": _at(days + late)})  # fmt: skip
        for nth, stage in enumerate(("mql", "sql", "opportunity", "lost")[: random.integers(0, 5)]):
            days, late = came + 10 + 15 * nth, 60 if random.random() < 0.3 else 0
            changes.append({"lead_id": lead_id, "stage": stage, "entered_at": _at(days), "reason": "Price",
                            "recorded_at": _at(days + late)})  # fmt: skip
            if stage == "opportunity":
                outcome = str(random.choice(["won", "lost"]))
                deals.append({"opportunity_id": lead_id, "lead_id": lead_id, "created_at": _at(days), "amount": 5.0,
                              "closed_at": _at(days + 20), "outcome": outcome, "loss_reason": "Price",
                              "competitor": "Acme"})  # fmt: skip
    return {"leads": leads, "activities": activities, "stage_changes": changes, "opportunities": deals}


def _then(rows):
    """The rows that an extract at the moment would have given."""
    times = ("created_at", "occurred_at", "entered_at", "recorded_at")
    kept = [row for row in rows if all(row[name] < MOMENT for name in times if name in row)]
    still_open = {"outcome": "open", "amount": None, "closed_at": None, "loss_reason": None, "competitor": None}
    return [row | still_open if "closed_at" in row and row["closed_at"] >= MOMENT else row for row in kept]


@pytest.fixture(scope="module")
def both(tables, make_history, settings):
    """The whole history cut at the moment, and the extract of then."""
    cut = known_before(make_history(tables), MOMENT, attributes=settings.crm.attributes)
    return cut, make_history({name: _then(rows) for name, rows in tables.items()}, extracted_at=MOMENT)


def test_journeys_are_those_of_then(both, settings):
    one, other = (journey_of(each, milestones_of(each, settings), to=Milestone.SQL, least_leads=1) for each in both)
    assert len(one.paths) > 10
    for name in ("paths", "first_and_last", "drops", "before_sales"):
        assert getattr(one, name).equals(getattr(other, name))


def test_accounts_are_those_of_then(both, settings):
    one, other = (accounts_of(each, milestones_of(each, settings)) for each in both)
    assert sum(one.rows["open_deals"].to_pylist()) > 0
    assert one.rows.equals(other.rows)
    assert one.people.equals(other.people)


def test_reasons_are_those_of_then(both, settings):
    one, other = (why_of(each, milestones_of(each, settings), every=Period.MONTH) for each in both)
    assert sum(one.reasons["n"].to_pylist()) > 20
    for name in ("reasons", "trends", "competitors"):
        assert getattr(one, name).equals(getattr(other, name))
