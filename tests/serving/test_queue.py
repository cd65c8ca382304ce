import datetime as dt

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from data_contracts.calls import NOTHING_BEFORE, SinceHandOff
from data_contracts.conditions import Condition
from data_contracts.policy import Team
from tests.example_calls import actions, day, declined, listed, published, row, sales

FIVE = {"A": 0.9, "B": 0.8, "C": 0.7, "D": 0.6, "E": 0.4}


def test_the_best_are_handed_off_while_there_is_room_and_the_others_wait_in_order():
    calls = listed(FIVE, at=day(2))  # Tuesday: 2 of 5 places
    assert actions(calls) == {"A": "hand_off", "B": "hand_off", "C": "wait", "D": "wait"}
    assert [row(calls, lead)["place"] for lead in "ABCD"] == [None, None, 1, 2]


def test_a_lead_below_the_boundary_is_on_no_list():
    assert row(listed({"E": 0.4}, at=day(5)), "E") == {}


def test_a_hand_off_starts_the_clock_and_keeps_it():
    first = listed(FIVE, at=day(1))
    assert row(first, "A")["respond_by_at"] == day(1) + dt.timedelta(hours=8)
    later = listed(FIVE | {"A": 0.1}, published(first, next_at=day(3)), at=day(3))
    assert row(later, "A") == row(first, "A") | {"ranking_value": 0.1}


def test_a_hot_lead_on_thursday_finds_room():
    before, calls = NOTHING_BEFORE, None
    for number in (1, 2, 3):
        calls = listed({}, before, at=day(number))
        before = published(calls, before, next_at=day(number + 1))
    assert actions(listed({"hot": 0.99}, before, at=day(4))) == {"hot": "hand_off"}


def test_a_better_lead_that_comes_later_goes_first():
    first = listed({"A": 0.9, "B": 0.6}, at=day(1))
    later = listed({"A": 0.9, "B": 0.6, "hot": 0.8}, published(first, next_at=day(2)), at=day(2))
    assert actions(later) == {"A": "hand_off", "hot": "hand_off", "B": "wait"}


def test_of_equals_the_one_that_has_waited_longest_goes_first():
    first = listed({"A": 0.9, "Z": 0.6}, at=day(1))
    later = listed({"A": 0.9, "B": 0.6, "Z": 0.6}, published(first, next_at=day(2)), at=day(2))
    assert actions(later) == {"A": "hand_off", "Z": "hand_off", "B": "wait"}


def test_a_waiting_lead_knows_the_day_on_which_there_is_room():
    calls = listed({"A": 0.9, "B": 0.8, "C": 0.7}, at=day(4), thresholds=sales(5, wait_at_most_days=5))
    # Thursday: 4 of 5 places, so that none waits; with one place a week there is none until the next Friday.
    assert actions(calls) == dict.fromkeys("ABC", "hand_off")
    slow = listed({"A": 0.9, "B": 0.8, "C": 0.7}, at=day(5), thresholds=sales(1, wait_at_most_days=8))
    assert row(slow, "A")["action"] == "hand_off"
    assert row(slow, "B")["expected_at"] == day(12).replace(hour=0)
    assert row(slow, "C")["expected_at"] is None  # the Friday after: it gives up before


def test_a_lead_that_waited_too_long_rests_and_is_counted():
    policy = sales(1, wait_at_most_days=3, recheck_after_days=30)
    first = listed({"A": 0.9, "B": 0.6}, at=day(5), thresholds=policy)
    before = published(first, next_at=day(8))
    later = listed({"A": 0.9, "B": 0.6}, before, at=day(8), thresholds=policy)
    assert row(later, "B")["action"] == "nurture"
    assert (row(later, "B")["rests"], row(later, "B")["recheck_at"]) == ("expired", day(8 + 30))
    assert (later.teams[0].expired_now, later.teams[0].resting, later.teams[0].waiting) == (1, 1, 0)


@pytest.mark.parametrize(
    ("value", "at", "action"),
    [
        (0.60, day(20), "nurture"),  # as it was
        (0.65, day(20), "nurture"),  # hardly better than 0.6
        (0.67, day(20), "hand_off"),  # more than a tenth better
        (0.60, day(38), "hand_off"),  # the recheck date
    ],
)
def test_an_expired_lead_comes_back_when_it_is_clearly_better_or_rechecked(value, at, action):
    policy = sales(1, wait_at_most_days=3, recheck_after_days=30)
    before = published(listed({"A": 0.9, "B": 0.6}, at=day(5), thresholds=policy), next_at=day(8))
    before = published(listed({"B": 0.6}, before, at=day(8), thresholds=policy), before, next_at=at)
    assert actions(listed({"B": value}, before, at=at, thresholds=policy)) == {"B": action}


@pytest.mark.parametrize(("value", "on_list"), [(0.46, {"B": "wait"}), (0.44, {})])
def test_a_waiting_lead_keeps_its_place_until_it_is_clearly_below_the_boundary(value, on_list):
    before = published(listed({"A": 0.9, "B": 0.6}, at=day(1)), next_at=day(2))
    later = listed({"hot": 0.9, "B": value}, before, at=day(2))
    assert {lead: action for lead, action in actions(later).items() if lead == "B"} == on_list
    fresh = listed({"B": value}, at=day(2))
    assert actions(fresh) == {}


def test_a_lead_that_fell_below_and_comes_back_waits_anew():
    before = published(listed({"A": 0.9, "B": 0.6}, at=day(1)), next_at=day(2))
    before = published(listed({"A": 0.9, "C": 0.9, "B": 0.1}, before, at=day(2)), before, next_at=day(3))
    later = listed({"D": 0.9, "B": 0.6}, before, at=day(3))
    assert row(later, "B")["waits_since_at"] == day(3)


def test_what_sales_touched_is_its_work():
    before = published(listed(FIVE, at=day(1)), next_at=day(2))
    later = listed(FIVE, before, at=day(2), since=SinceHandOff(touched=frozenset("A")))
    assert (row(later, "A")["action"], row(later, "A")["respond_by_at"]) == ("work", None)
    assert later.teams[0].not_touched == 1  # B, handed off today


def test_a_lead_that_was_closed_since_may_be_handed_off_again():
    before = published(listed({"A": 0.9}, at=day(1)), next_at=day(9))
    again = listed({"A": 0.9}, before, at=day(9), since=SinceHandOff(over=frozenset("A")))
    assert row(again, "A")["handed_off_at"] == day(9)
    assert actions(listed({"A": 0.1}, before, at=day(9), since=SinceHandOff(over=frozenset("A")))) == {}


def test_a_declined_lead_is_nurtured_until_its_recheck_date_and_its_place_stays_taken():
    policy = sales(5, recheck_after_days=10)
    before = published(listed(FIVE, at=day(1), thresholds=policy), next_at=day(2))
    before = declined(before, "A", at=day(1) + dt.timedelta(hours=3))
    later = listed(FIVE, before, at=day(2), thresholds=policy)
    assert (row(later, "A")["action"], row(later, "A")["rests"]) == ("nurture", "declined")
    assert later.teams[0].handed_off_this_week == 2
    after = listed(FIVE, published(later, before, next_at=day(12)), at=day(12), thresholds=policy)
    assert row(after, "A")["action"] == "hand_off"


@pytest.mark.parametrize("action", ["suppress", "work"])
def test_who_is_suppressed_or_worked_is_on_no_list_though_it_was_handed_off(action):
    before = published(listed({"A": 0.9}, at=day(1)), next_at=day(2))
    assert actions(listed({"A": 0.9}, before, at=day(2), action={"A": action})) == {}


def test_each_team_has_its_own_places_and_order():
    of_dach = Condition(attribute="region", one_of=("DACH",))
    teams = (Team(name="DACH", leads_per_week=5, where=of_dach), Team(name="UK", leads_per_week=10))
    calls = listed(
        FIVE, at=day(1), thresholds=sales(teams=teams), team={"A": "DACH", "B": "DACH", "C": "UK", "D": "UK", "E": "UK"}
    )
    assert actions(calls) == {"A": "hand_off", "B": "wait", "C": "hand_off", "D": "hand_off"}
    assert [(one.team, one.this_week, one.handed_off_now) for one in calls.teams] == [("DACH", 5, 1), ("UK", 10, 2)]


def test_a_share_of_the_places_is_drawn_among_those_below_and_says_how_likely_each_was():
    values = {f"L{number}": 0.1 for number in range(20)} | {f"H{number}": 0.9 for number in range(20)}
    calls = listed(values, at=day(5), thresholds=sales(10, exploration_share=0.2))
    by_lot = [found for found in calls.rows.to_pylist() if found["handed_off_by"] == "lot"]
    assert len(by_lot) == 2
    assert {found["drawn_share"] for found in by_lot} == {2 / 20}
    assert {found["lead_id"][0] for found in by_lot} == {"L"}
    assert calls.teams[0].handed_off_now == 8 + 2


VALUES = st.dictionaries(st.sampled_from("ABCDEFGHIJ"), st.floats(0, 1), min_size=1)


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(values=st.lists(VALUES, min_size=1, max_size=4), capacity=st.sampled_from([1.0, 2.5, 7.0]))
def test_publishing_a_list_and_making_it_again_gives_the_same_and_capacity_holds(values, capacity):
    before, policy = NOTHING_BEFORE, sales(capacity, exploration_share=0.2, wait_at_most_days=2)
    for number, found in enumerate(values, start=1):
        calls = listed(found, before, at=day(number), thresholds=policy)
        again = listed(found, published(calls, before, next_at=day(number)), at=day(number), thresholds=policy)
        assert again.rows.equals(calls.rows)
        assert again.teams == calls.teams
        before = published(calls, before, next_at=day(number + 1))
        assert calls.teams[0].handed_off_this_week <= calls.teams[0].this_week
