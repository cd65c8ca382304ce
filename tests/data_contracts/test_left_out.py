"""Conditions by which rows are left out, as the settings say them."""

import pytest

from data_contracts.left_out import LeftOut, left_out_problems
from tests.example_kinds import KINDS

TYPES = {("leads", "budget"): "number"}


def problems(*several: dict[str, object]) -> list[str]:
    conditions = [LeftOut.model_validate({"name": "robots"} | one) for one in several]
    return left_out_problems(conditions, kinds=KINDS, types=TYPES)


CLICKS = {"table": "activities", "column": "kind", "one_of": ["email_click"]}
SCANNED = CLICKS | {"within_seconds_of": "email_sent", "at_most": 2}


@pytest.mark.parametrize(
    "one",
    [
        CLICKS,
        SCANNED,
        {"table": "leads", "column": "is_test", "one_of": ["true"]},
        {"table": "leads", "column": "budget", "at_least": 1e9},
        {"table": "activities", "column": "duration_seconds", "at_most": 1},
    ],
)
def test_a_condition_asks_for_any_column_of_its_table(one):
    assert problems(one) == []


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        ({"table": "leads", "column": "is_test"}, "needs either one_of or at_least/at_most"),
        (CLICKS | {"at_most": 2}, "needs either one_of or at_least/at_most"),
        (SCANNED | {"within_seconds_of": "fax"}, "is within seconds of 'fax', which is not declared in"),
        (CLICKS | {"within_seconds_of": "email_sent"}, "it needs one_of for the column, at_most for the seconds"),
        (SCANNED | {"table": "leads", "column": "source"}, "has within_seconds_of, but leads are no activities"),
        (CLICKS | {"one_of": ["Clicked"]}, "is about the kind 'Clicked', which is not declared in"),
        ({"table": "leads", "column": "budget", "one_of": ["1"]}, "asks for 'budget', which needs at_least/at_most"),
        ({"table": "leads", "column": "source", "at_least": 1}, "asks for 'source', which needs one_of"),
        ({"table": "leads", "column": "created_at", "one_of": ["x"]}, "needs no condition: it is a time"),
        ({"table": "leads", "column": "email", "one_of": ["x"]}, "would hold what identifies a person"),
    ],
)
def test_what_is_wrong_with_a_condition_is_told_with_its_name(one, problem):
    told = problems(one)
    assert all(text.startswith("left_out 'robots' ") for text in told)
    assert any(problem in text for text in told)


def test_a_name_stands_there_once_and_all_problems_are_told_at_once():
    told = problems(CLICKS, CLICKS | {"one_of": ["Clicked"]}, {"table": "leads", "column": "source", "at_least": 1})
    assert told[0] == "left_out 'robots' stands there twice; give each a name of its own"
    assert len(told) == 1 + 1 + 1
