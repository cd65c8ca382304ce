import pytest
from pydantic import ValidationError

from data_contracts.conditions import Condition
from data_contracts.policy import Policy, Suppression, Team

DACH = Condition(attribute="region", one_of=("DACH",))
SALES = Team(name="sales", leads_per_week=30)


def test_capacity_is_that_of_all_teams():
    policy = Policy(version="1", teams=(Team(name="DACH", leads_per_week=12.5, where=DACH), SALES))
    assert policy.leads_per_week == 12.5 + 30


def test_every_condition_is_known_by_what_asks_for_it():
    partner = Suppression(name="partner", where=DACH)
    customer = Suppression(name="customer", account_has_won=True)
    policy = Policy(
        version="1", teams=(Team(name="DACH", leads_per_week=1, where=DACH), SALES), suppressed=(partner, customer)
    )
    assert policy.conditions == {"policy team 'DACH'": DACH, "suppression 'partner'": DACH}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"teams": ()}, "the policy has no team"),
        ({"teams": (SALES, SALES)}, "more than one is called 'sales'"),
        ({"teams": (SALES, Team(name="later", leads_per_week=1, where=DACH))}, "'sales' takes every lead.*put it last"),
        ({"least_precision": 1.0}, "less than 1"),
        ({"respond_within_working_hours": 0}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, told: str):
    with pytest.raises(ValidationError, match=told):
        Policy(**{"version": "1", "teams": (SALES,), **changes})


@pytest.mark.parametrize("changes", [{}, {"where": DACH, "account_has_won": True}])
def test_a_suppression_has_one_ground(changes: dict):
    with pytest.raises(ValidationError, match="suppression 'x' needs either `where` or `account_has_won = true`"):
        Suppression(name="x", **changes)


@pytest.mark.parametrize("changes", [{}, {"one_of": ("x",), "at_most": 3}])
def test_a_condition_asks_for_values_or_for_a_range(changes: dict):
    with pytest.raises(ValidationError, match="the condition on 'region' needs either one_of or at_least/at_most"):
        Condition(attribute="region", **changes)


def test_any_change_of_a_policy_changes_its_digest():
    policy = Policy(version="1", teams=(SALES,))
    assert policy.digest == Policy(version="1", teams=(SALES,)).digest
    assert policy.digest != policy.model_copy(update={"cost_of_working_a_lead": 1.0}).digest
