"""The boundary of a team is the lowest that no more leads a week are expected to reach than it can work."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_contracts.conditions import Condition
from data_contracts.past_scores import PastScores
from data_contracts.policy import Policy, Team
from models.thresholds import PAST_WEEKS, ReleaseScores, choose_thresholds, ranking_value

UNTIL = dt.datetime(2026, 5, 1)
PER_WEEK = 100
SOME = Condition(attribute="region", one_of=("DACH",))


def policy(leads_per_week: float = 10, **changes: object) -> Policy:
    return Policy(version="1", teams=(Team(name="sales", leads_per_week=leads_per_week),)).model_copy(update=changes)


def scores(p_first: np.ndarray, entered: pd.Series, *, sampled_share: float = 1.0) -> ReleaseScores:
    """Leads seen once, as they enter."""
    ids = [f"L{number:05}" for number in range(len(p_first))]
    frame = pd.DataFrame(
        {
            "lead_id": ids,
            "group_id": ids,
            "as_of": entered,
            "stage": "mql",
            "p_first": p_first,
            "p_win": p_first / 4,
            "amount": 1_000.0,
        }
    )
    return ReleaseScores("r1", PastScores(frame, sampled_share), True, "f1", UNTIL)


def leads_of(told: ReleaseScores, **columns: object) -> pd.DataFrame:
    frame = told.past.frame
    leads = pd.DataFrame({"lead_id": frame["lead_id"], "created_at": frame["as_of"]})
    return leads.assign(**({"team": "sales", "suppressed_by": None} | columns))


@pytest.fixture
def steady() -> ReleaseScores:
    """A hundred leads in each of the past weeks, with every probability once: 0.00, 0.01, ... 0.99."""
    weeks = np.repeat(np.arange(PAST_WEEKS), PER_WEEK)
    hours = np.tile(np.linspace(1, 167, PER_WEEK), PAST_WEEKS)
    entered = UNTIL - pd.to_timedelta(weeks * 168 + hours, unit="h")
    return scores(np.tile(np.arange(PER_WEEK) / PER_WEEK, PAST_WEEKS), pd.Series(entered))


def chosen(told: ReleaseScores, leads: pd.DataFrame | None = None, **changes: object):
    (one,) = choose_thresholds(told, leads_of(told) if leads is None else leads, policy=policy(**changes)).teams
    return one


def test_the_best_ten_of_a_hundred_a_week_fill_a_week_of_ten(steady: ReleaseScores):
    one = chosen(steady)
    assert one.boundary == 0.90
    assert one.expected.leads.value == pytest.approx(10)
    assert one.expected.precision.value == pytest.approx(np.mean(np.arange(90, 100) / 100))
    assert one.expected.sqls.value == pytest.approx(9.45)
    assert one.expected.wins.value == pytest.approx(9.45 / 4)
    assert one.expected.revenue.value == pytest.approx(9.45 / 4 * 1_000)


def test_one_more_call_is_worth_the_leads_next_below_the_boundary_less_its_cost(steady: ReleaseScores):
    """Twelve weeks have a lead with 0.89, twelve one with 0.88; six of those with 0.87 make it thirty."""
    below = (12 * 0.89 + 12 * 0.88 + 6 * 0.87) / 30
    one = chosen(steady, cost_of_working_a_lead=50.0)
    assert one.expected.one_more_call.value == pytest.approx(below / 4 * 1_000 - 50, abs=0.5)


def test_nine_of_ten_weeks_lie_where_poisson_numbers_would(steady: ReleaseScores):
    expected = chosen(steady).expected
    assert 3 <= expected.weeks_low <= 5
    assert 15 <= expected.weeks_high <= 18


def test_every_estimate_has_an_interval_around_it(steady: ReleaseScores):
    expected = chosen(steady).expected
    for estimate in (expected.leads, expected.sqls, expected.wins, expected.revenue, expected.precision):
        assert estimate.low < estimate.value < estimate.high


def test_a_boundary_is_not_lower_than_its_precision_allows(steady: ReleaseScores):
    """Above 0.90 the mean is 0.945; the best three of a hundred have a mean of 0.98."""
    one = chosen(steady, least_precision=0.98)
    assert one.boundary == 0.97
    assert "fewer than 98% would convert" in one.said


def test_all_are_eligible_where_the_team_has_time_for_everyone(steady: ReleaseScores):
    one = chosen(steady, teams=(Team(name="sales", leads_per_week=1_000),))
    assert one.boundary == 0.0
    assert "all of them are eligible" in one.said


def test_more_capacity_never_raises_the_boundary(steady: ReleaseScores):
    found = [chosen(steady, teams=(Team(name="sales", leads_per_week=n),)).boundary for n in (1, 5, 20, 99)]
    assert found == sorted(found, reverse=True)


def test_the_places_that_explore_are_not_filled_by_rank(steady: ReleaseScores):
    """Of ten places two are drawn by lot."""
    one = chosen(steady, exploration_share=0.2)
    assert one.boundary == 0.92
    assert "can work 10 leads a week, 8 of them by rank: so many" in one.said


def test_leads_that_share_the_highest_score_are_not_parted(steady: ReleaseScores):
    frame = steady.past.frame.assign(p_first=0.5)
    told = ReleaseScores("r1", PastScores(frame, 1.0), True, "f1", UNTIL)
    one = chosen(told)
    assert one.boundary == 0.5
    assert one.expected.leads.value == pytest.approx(PER_WEEK)
    assert "share the highest score" in one.said


def test_a_sample_of_the_accounts_stands_for_all(steady: ReleaseScores):
    half = ReleaseScores("r1", PastScores(steady.past.frame, 0.5), True, "f1", UNTIL)
    one = chosen(half)
    assert one.boundary == 0.95, "five of what is seen are ten"
    assert one.expected.leads.value == pytest.approx(10)


def test_suppressed_leads_take_up_no_capacity(steady: ReleaseScores):
    leads = leads_of(steady)
    best = steady.past.frame["p_first"] >= 0.95
    one = chosen(steady, leads.assign(suppressed_by=np.where(best, "customer", None)))
    assert one.boundary == 0.85


def test_each_team_has_the_boundary_of_its_own_leads(steady: ReleaseScores):
    is_odd = np.arange(len(steady.past.frame)) % 2 == 1
    leads = leads_of(steady).assign(team=np.where(is_odd, "odd", "even"))
    both = policy(teams=(Team(name="even", leads_per_week=5, where=SOME), Team(name="odd", leads_per_week=10)))
    found = choose_thresholds(steady, leads, policy=both).boundaries
    assert found == {"even": 0.90, "odd": 0.81}


def test_a_team_without_leads_says_so(steady: ReleaseScores):
    one = chosen(steady, leads_of(steady).assign(team="another"))
    assert one.expected is None
    assert "No lead of the team" in one.said


@pytest.mark.parametrize(("ranked_by", "least"), [("probability", 0.0), ("expected_value", 0.0 * 0.0 - 30)])
def test_a_team_without_leads_takes_every_lead_that_comes_whatever_it_is_ranked_by(
    steady: ReleaseScores, ranked_by: str, least: float
):
    """A lead that is never won costs 30, and is worth nothing: no lead is ranked lower."""
    asked = {"ranked_by": ranked_by, "cost_of_working_a_lead": 30.0}
    one = chosen(steady, leads_of(steady).assign(team="another"), **asked)
    assert one.boundary == least
    worst = ranking_value(np.zeros(1), np.zeros(1), policy=policy(**asked), amount=np.array([1_000.0]))
    assert worst >= one.boundary


def test_leads_that_bring_more_are_ranked_and_counted_by_what_they_bring(steady: ReleaseScores):
    """Of a hundred leads a week five bring 8,000 at a chance of 0.05, five 4,000 and all others 1,000 at one of 0.1."""
    p_first = steady.past.frame["p_first"]
    amount = np.select([p_first < 0.05, p_first < 0.10], [8_000.0, 4_000.0], 1_000.0)
    told = steady.past.frame.assign(p_win=np.where(p_first < 0.05, 0.05, 0.1), amount=amount)
    one = chosen(ReleaseScores("r1", PastScores(told, 1.0), True, "f1", UNTIL), ranked_by="expected_value")
    assert one.boundary == pytest.approx(400.0)
    assert one.expected.revenue.value == pytest.approx(5 * 0.05 * 8_000 + 5 * 0.1 * 4_000)
    assert one.expected.one_more_call.value == pytest.approx(0.1 * 1_000)


def test_leads_that_come_ever_more_raise_the_boundary(steady: ReleaseScores):
    """Of each week's leads, more are kept the later it is."""
    frame = steady.past.frame
    weeks_ago = (UNTIL - frame["as_of"]).dt.days // 7
    random = np.random.default_rng(0)
    growing = frame[random.random(len(frame)) < 0.9 ** weeks_ago.to_numpy()]
    told = ReleaseScores("r1", PastScores(growing, 1.0), True, "f1", UNTIL)
    flat = leads_of(told).assign(created_at=UNTIL - dt.timedelta(days=400))
    assert chosen(told).boundary > chosen(told, flat).boundary


def test_the_latest_weeks_count_most(steady: ReleaseScores):
    """In two weeks every lead is likelier by half of what it lacks: the latest two, or two of long before."""
    frame = steady.past.frame
    weeks_ago = ((UNTIL - frame["as_of"]) // pd.Timedelta(weeks=1)).to_numpy()
    found = []
    for weeks in ((0, 1), (8, 9)):
        likelier = np.where(np.isin(weeks_ago, weeks), (1 + frame["p_first"]) / 2, frame["p_first"])
        told = ReleaseScores("r1", PastScores(frame.assign(p_first=likelier), 1.0), True, "f1", UNTIL)
        found.append(chosen(told).boundary)
    assert found[0] > found[1] > 0.9 - 0.01


def test_thresholds_carry_their_policy_and_what_they_were_chosen_on(steady: ReleaseScores):
    found = choose_thresholds(steady, leads_of(steady), policy=policy())
    assert (found.release_id, found.data_fingerprint, found.as_of) == ("r1", "f1", UNTIL)
    assert found.thresholds_id.startswith("1-")
    other = choose_thresholds(steady, leads_of(steady), policy=policy(20))
    assert other.thresholds_id != found.thresholds_id


@pytest.mark.parametrize(("ranked_by", "value"), [("probability", 0.4), ("expected_value", 0.1 * 1_000 - 30)])
def test_leads_are_ranked_by_what_the_policy_says(ranked_by: str, value: float):
    asked = policy(ranked_by=ranked_by, cost_of_working_a_lead=30.0)
    found = ranking_value(np.array([0.4]), np.array([0.1]), policy=asked, amount=np.array([1_000.0]))
    assert found.tolist() == pytest.approx([value])
