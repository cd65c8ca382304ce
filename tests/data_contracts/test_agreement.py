"""Versions of the definitions with what each changed, and what the settings file changes of a policy."""

import datetime as dt

from data_contracts.agreement import agreed_versions
from data_contracts.configuration import policy_differences
from data_contracts.policy import Team
from tests.example_history import POLICY, settings


def test_versions_come_newest_first_each_with_what_it_changed():
    first = settings(agreed_by=["sales"]).definitions
    second = settings(
        version="2026.2", effective_from="2026-04-01", agreed_by=["sales", "marketing"], learn_since="2025-01-01"
    ).definitions
    newest, oldest = agreed_versions([first, second])
    assert (newest.version, newest.effective_from) == ("2026.2", dt.date(2026, 4, 1))
    assert newest.agreed_by == ("sales", "marketing")
    assert newest.changed == ("definitions.learn_since nothing -> 2025-01-01",)
    assert (oldest.version, oldest.changed) == ("2026.1", ())


def test_what_a_policy_changes_is_told_by_path():
    after = POLICY.model_copy(update={"teams": (Team(name="sales", leads_per_week=25),), "version": "2026.2"})
    assert policy_differences(POLICY, after) == (
        "policy.version 2026.1 -> 2026.2",
        "policy.teams.sales.leads_per_week 20.0 -> 25.0",
    )
    assert policy_differences(POLICY, POLICY) == ()
