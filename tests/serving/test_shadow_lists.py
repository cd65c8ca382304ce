"""Whom the old rule and whom the model hand off, week by week."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_contracts.errors import SettingsError
from data_contracts.policy import Policy, Team
from data_contracts.shadow import OldRule
from data_contracts.vocabulary import Availability
from serving.shadow_lists import hand_offs_on_both_terms, handed_off
from serving.shadow_rule import meets, old_rule, order_of
from tests.example_history import settings

MONDAY = dt.datetime(2026, 6, 1)
RULE = OldRule(kind="points", threshold=30.0, said="the point rule (30 points and more)")


def moments(*rows: tuple[str, int, float, float], boundary: float = 0.5) -> pd.DataFrame:
    """Lead, week, points and probability at each moment, in order of time."""
    frame = pd.DataFrame(rows, columns=["lead_id", "week", "point_rule_points", "p_first"])
    return frame.assign(
        snapshot_id=range(len(frame)),
        group_id=frame["lead_id"],
        as_of=[MONDAY + dt.timedelta(weeks=week, hours=nth) for nth, week in enumerate(frame["week"])],
        ranking_value=frame["p_first"],
        boundary=boundary,
        team="sales",
        suppressed_by=None,
        stage="mql",
    )


def compared(frame: pd.DataFrame, *, capacity: float = 2, rule: OldRule = RULE):
    policy = Policy(version="1", teams=(Team(name="sales", leads_per_week=capacity),))
    return hand_offs_on_both_terms(frame, rule, policy=policy, share=1.0)


def by_week(side: pd.DataFrame) -> dict[int, list[str]]:
    return {week: list(rows["lead_id"]) for week, rows in side.groupby("week")}


FOUR = moments(("a", 0, 50, 0.1), ("b", 0, 30, 0.2), ("c", 0, 10, 0.9), ("d", 0, 29, 0.8))


def test_at_equal_volume_the_model_takes_as_many_of_all_that_wait():
    equal, _ = compared(FOUR)
    assert (by_week(equal.rule), by_week(equal.model)) == ({0: ["a", "b"]}, {0: ["c", "d"]})
    assert equal.listed().to_dict() == {
        "a": "only the rule", "b": "only the rule", "c": "only the model", "d": "only the model",
    }  # fmt: skip


def test_at_capacity_each_side_takes_the_first_in_its_own_order():
    _, capacity = compared(FOUR, capacity=1)
    assert (by_week(capacity.rule), by_week(capacity.model)) == ({0: ["a"]}, {0: ["c"]})


def test_nobody_is_handed_off_twice_and_who_is_passed_over_does_not_come_back():
    later = moments(
        ("a", 0, 50, 0.6), ("b", 0, 40, 0.7), ("a", 1, 50, 0.9), ("b", 1, 40, 0.9), ("c", 1, 30, 0.4), ("d", 1, 1, 0.3)
    )
    equal, capacity = compared(later, capacity=1)
    assert by_week(equal.rule) == {0: ["a", "b"], 1: ["c"]}
    assert by_week(equal.model) == {0: ["b", "a"], 1: ["c"]}
    assert (by_week(capacity.rule), by_week(capacity.model)) == ({0: ["a"], 1: ["c"]}, {0: ["b"]})


def test_in_a_week_in_which_all_were_handed_off_before_nobody_is():
    rows = moments(("a", 0, 0.9, 0), ("a", 1, 0.9, 0))
    chosen = handed_off(rows.assign(order=rows["p_first"]), most=lambda week, team: 1)
    assert by_week(chosen) == {0: ["a"]}


def test_who_was_handed_off_before_the_weeks_that_are_told_of_is_on_no_list_but_that_of_the_other_side():
    earlier = moments(("a", -1, 50, 0.1), ("b", -1, 0, 0.9), ("a", 0, 50, 0.9), ("c", 0, 40, 0.1))
    equal, _ = compared(earlier)
    assert by_week(equal.rule) == {-1: ["a"], 0: ["c"]}
    assert by_week(equal.model) == {-1: ["b"], 0: ["a"]}
    assert equal.listed().to_dict() == {"a": "both", "c": "only the rule"}


def test_a_suppressed_lead_and_one_of_no_team_are_handed_off_by_neither():
    out = FOUR.assign(suppressed_by=[None, "customer", None, None], team=["sales", "sales", None, "sales"])
    equal, _ = compared(out)
    assert (by_week(equal.rule), by_week(equal.model)) == ({0: ["a"]}, {0: ["d"]})


def test_each_team_has_its_own_number():
    rows = moments(*((lead, 0, 0, p) for lead, p in zip("abcd", (0.9, 0.8, 0.7, 0.6), strict=True)))
    rows = rows.assign(team=["x", "x", "y", "y"], order=rows["p_first"])
    chosen = handed_off(rows, most=lambda week, team: {"x": 1, "y": np.inf}[team])
    assert list(chosen["lead_id"]) == ["a", "c", "d"]


def test_a_lead_is_handed_off_at_the_first_moment_at_its_best_of_the_week():
    rows = moments(("a", 0, 0, 0.2), ("a", 0, 0, 0.7), ("a", 0, 0, 0.7), ("a", 0, 0, 0.5))
    chosen = handed_off(rows.assign(order=rows["p_first"]), most=lambda week, team: 1)
    assert list(chosen["snapshot_id"]) == [1]


def with_points(**more: object):
    return settings(point_rule={"threshold": 30, "activities": []}, **more)


def test_the_rule_is_the_point_rule_if_there_is_one_and_otherwise_what_the_crm_did():
    assert old_rule(with_points()).said == "the point rule (30 points and more)"
    assert old_rule(settings()).kind == old_rule(with_points(), written="crm").kind == "crm"
    with pytest.raises(SettingsError, match="has no point_rule"):
        old_rule(settings(), written="points")


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("employees > 50", "is no condition; write an attribute"),
        ("employees >= many", "'many' is no number"),
        ("size >= 50", "'size', which is not declared"),
        ("industry >= 5", "has a range, but 'industry' is a category"),
    ],
)
def test_a_rule_that_cannot_be_read_says_what_to_write(written, complaint):
    with pytest.raises(SettingsError, match=complaint):
        old_rule(settings(), written=written)


def test_a_rule_on_what_is_known_now_alone_is_refused():
    now = settings()
    declared = now.crm.attributes["employees"].model_copy(update={"availability": Availability.NOW})
    crm = now.crm.model_copy(update={"attributes": now.crm.attributes | {"employees": declared}})
    with pytest.raises(SettingsError, match="only the present value of 'employees' is known"):
        old_rule(now.model_copy(update={"crm": crm}), written="employees >= 50")


def test_a_condition_is_met_by_the_value_as_it_was_known_and_a_missing_one_meets_none():
    leads = pd.DataFrame(
        {"attribute_employees": [49.0, 50.0, np.nan], "attribute_industry": ["mining", "software", None]}
    )
    rule = old_rule(settings(), written="employees >= 50")
    assert meets(rule, leads).tolist() == [False, True, False]
    assert order_of(rule, leads)[:2].tolist() == [49.0, 50.0]
    words = old_rule(settings(), written="industry = mining, farming")
    assert meets(words, leads).tolist() == [True, False, False]
    assert order_of(words, leads).tolist() == [0.0, 0.0, 0.0]
    assert meets(old_rule(settings()), pd.DataFrame({"stage": ["lead", "mql"]})).tolist() == [False, True]
