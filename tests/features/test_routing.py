"""Whose a lead is in sales, and what keeps it from being handed off, as known at the snapshot; alike on each engine."""

import datetime as dt

import pytest

from data_contracts.conditions import Condition
from data_contracts.errors import SettingsError
from data_contracts.policy import Policy, Suppression, Team
from data_contracts.snapshots import Snapshots
from features.routing import routes_of
from features.snapshots import lead_snapshots
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

SOFTWARE = Condition(attribute="industry", one_of=("software",))
LARGE = Condition(attribute="employees", at_least=100)
SALES = Team(name="sales", leads_per_week=10)

LEADS = {
    "accounts": [
        {"account_id": "A", "industry": "software", "employees": 500},
        {"account_id": "B", "industry": "software", "employees": 20},
        {"account_id": "C", "industry": "banking"},
    ],
    "leads": [
        {"lead_id": "a", "account_id": "A"},
        {"lead_id": "b", "account_id": "B"},
        {"lead_id": "c", "account_id": "C"},
        {"lead_id": "none"},
    ],
}


def routed(history, settings, policy: Policy, *, as_of: dt.datetime | None = None) -> dict:
    leads = lead_snapshots(history)
    if as_of is not None:
        leads = leads.mutate(as_of=as_of)
    found = routes_of(history, Snapshots(leads), policy=policy, crm=settings.crm)
    rows = found.join(leads.select("snapshot_id", "lead_id"), "snapshot_id").to_pyarrow().to_pylist()
    return {row["lead_id"]: (row["team"], row["suppressed_by"]) for row in rows}


def test_a_lead_belongs_to_the_first_team_whose_condition_it_meets(make_history, settings):
    teams = (Team(name="large", leads_per_week=5, where=LARGE), Team(name="software", leads_per_week=5, where=SOFTWARE))
    found = routed(make_history(LEADS), settings, Policy(version="1", teams=(*teams, SALES)))
    assert {lead: team for lead, (team, _) in found.items()} == {
        "a": "large", "b": "software", "c": "sales", "none": "sales",
    }  # fmt: skip


def test_a_lead_of_which_nothing_is_known_belongs_to_no_team_that_asks_for_something(make_history, settings):
    teams = (Team(name="large", leads_per_week=5, where=LARGE),)
    found = routed(make_history(LEADS), settings, Policy(version="1", teams=teams))
    assert {lead for lead, (team, _) in found.items() if team is None} == {"b", "c", "none"}


def test_the_first_suppression_that_is_met_is_named(make_history, settings):
    both = (Suppression(name="partner", where=LARGE), Suppression(name="competitor", where=SOFTWARE))
    found = routed(make_history(LEADS), settings, Policy(version="1", teams=(SALES,), suppressed=both))
    assert {lead: by for lead, (_, by) in found.items()} == {
        "a": "partner", "b": "competitor", "c": None, "none": None,
    }  # fmt: skip


def test_everybody_of_an_account_that_became_a_customer_is_one_from_when_it_is_known(make_history, settings):
    tables = {
        "accounts": [{"account_id": "A"}, {"account_id": "B"}],
        "leads": [{"lead_id": "winner", "account_id": "A"}, {"lead_id": "colleague", "account_id": "A"},
                  {"lead_id": "other", "account_id": "B"}, {"lead_id": "alone"}],
        "stage_changes": [{"lead_id": "winner", "stage": "won", "entered_at": "2026-03-01 12:00"}],
    }  # fmt: skip
    customers = (Suppression(name="customer", account_has_won=True),)
    policy, history = Policy(version="1", teams=(SALES,), suppressed=customers), make_history(tables)
    for as_of, suppressed in (("2026-03-01 12:00", set()), ("2026-03-01 12:01", {"winner", "colleague"})):
        found = routed(history, settings, policy, as_of=dt.datetime.fromisoformat(as_of))
        assert {lead for lead, (_, by) in found.items() if by == "customer"} == suppressed


def test_an_attribute_that_is_declared_no_more_is_named(make_history, settings):
    gone = Suppression(name="opted out", where=Condition(attribute="opted_out", one_of=("yes",)))
    policy = Policy(version="1", teams=(SALES,), suppressed=(gone,))
    with pytest.raises(SettingsError, match="'opted out' asks for 'opted_out', which is not declared in"):
        routed(make_history(LEADS), settings, policy)


def test_a_condition_that_does_not_suit_its_attribute_is_refused_by_name(make_history, settings):
    wrong = (Team(name="small", leads_per_week=5, where=Condition(attribute="industry", at_most=9)), SALES)
    partner = Suppression(name="partner", where=Condition(attribute="employees", one_of=("500",)))
    policy = Policy(version="1", teams=wrong, suppressed=(partner,))
    with pytest.raises(SettingsError, match=r"team 'small' has a range.*suppression 'partner' has one"):
        routed(make_history(LEADS), settings, policy)
