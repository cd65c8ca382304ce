from dataclasses import replace

import numpy as np
import pytest

from simulation import laws
from simulation.behaviour import Activities, attribute_points, draw_interest, ledger, reach_points
from simulation.clock import DAY, HOUR
from simulation.people import People, draw_groups, draw_people
from simulation.truth import Timeline, gather, p_sql_if_contacted

NEVER = np.inf


def people_without_points(n: int) -> People:
    """Staff without an account: the old rule gives them nothing for who they are."""
    rng = np.random.default_rng(1)
    groups = draw_groups(rng, n)
    groups = replace(groups, has_account=np.zeros(len(groups.n_people), dtype=bool))
    people = draw_people(rng, groups)
    return replace(people, seniority=np.full(n, 1), created_at=np.zeros(n), duplicate_of=np.full(n, -1))


def activities(*rows: tuple[int, int, float]) -> Activities:
    """Activities of (lead, kind, hour), recorded as they happen."""
    lead, kind, hour = (np.array(column) for column in zip(*rows, strict=True))
    return Activities(lead, kind, np.zeros_like(lead), hour * HOUR, hour * HOUR)


def test_points_add_up_by_lead_and_are_capped_by_kind():
    people = people_without_points(3)
    rows = [(0, laws.WEBINAR, 5.0), (0, laws.WEBINAR, 6.0), (0, laws.WEBINAR, 7.0), (0, laws.OPEN, 8.0)]
    rows += [(1, laws.DEMO, 2.0), (1, laws.DEMO, 3.0), (1, laws.DOWNLOAD, 4.0), (1, laws.PRICING, 9.0)]
    rows += [(2, laws.SENT, float(hour)) for hour in range(50)]
    reached_at, points = reach_points(people, activities(*rows))
    assert reached_at.tolist() == [8.0 * HOUR, 4.0 * HOUR, NEVER]
    assert points[:2].tolist() == [14 + 14 + 0 + 2, 25 + 0 + 7]


def test_points_count_from_when_an_activity_is_recorded():
    people = people_without_points(1)
    made = activities((0, laws.DEMO, 1.0), (0, laws.DOWNLOAD, 2.0))
    late = replace(made, recorded_at=np.array([30.0, 2.0]) * HOUR)
    assert reach_points(people, late)[0].tolist() == [30.0 * HOUR]


def test_who_somebody_is_gives_points_and_duplicates_are_never_handed_off():
    people = people_without_points(2)
    directors = replace(people, seniority=np.full(2, laws.SENIORITIES.index("Director")))
    assert attribute_points(directors).tolist() == [10.0, 10.0]
    made = activities((0, laws.DEMO, 1.0), (1, laws.DEMO, 1.0))
    assert reach_points(directors, made)[1].tolist() == [10 + 25, 10 + 25]
    merged = replace(directors, duplicate_of=np.array([-1, 0]))
    assert reach_points(merged, made)[0].tolist() == [HOUR, NEVER]


def test_a_ledger_counts_what_was_recorded_in_a_window_before_a_moment():
    made = activities((0, laws.PRICING, 1.0), (0, laws.PRICING, 24.0), (0, laws.PAGE, 24.0), (1, laws.PRICING, 25.0))
    counted = ledger(made, kinds=(laws.PRICING,))
    leads = np.array([0, 0, 1, 1])
    until = np.array([24.0, 25.0, 25.0, 26.0]) * HOUR
    assert counted.count(leads, until=until, days=1).tolist() == [1, 1 + 1, 0, 1]


def test_colleagues_are_active_only_within_the_window_and_never_oneself():
    rng = np.random.default_rng(2)
    groups = replace(draw_groups(rng, 4), n_people=np.array([3, 1]), has_account=np.array([True, True]))
    groups = replace(groups, first_at=np.zeros(2))
    people = draw_people(rng, groups)
    made = activities((0, laws.PAGE, 10.0), (1, laws.PAGE, 11.0), (2, laws.SENT, 11.0), (3, laws.PAGE, 11.0))
    evidence = gather(people, Timeline(np.zeros(4, dtype=np.int64), np.full(4, NEVER)), made)
    at = np.full(4, 12.0 * HOUR)
    assert evidence.active_colleagues(np.arange(4), at=at, days=1).tolist() == [1, 1, 1 + 1, 0]
    assert evidence.active_colleagues(np.arange(4), at=at + DAY, days=1).tolist() == [0, 0, 0, 0]


def test_those_that_mean_it_do_more_and_look_at_prices():
    rng = np.random.default_rng(3)
    people = draw_people(rng, draw_groups(rng, 5_000))
    made = draw_interest(rng, people)
    keen = people.intent[made.lead] > 1
    idle = people.intent[made.lead] < -1
    assert keen.sum() / (people.intent > 1).sum() > 1.5 * idle.sum() / (people.intent < -1).sum()
    assert (made.kind[keen] == laws.PRICING).mean() > 2 * (made.kind[idle] == laws.PRICING).mean()
    assert (made.recorded_at >= made.occurred_at).all()


def test_the_true_probability_of_an_sql_is_less_than_that_of_a_lead_called_at_once():
    log_odds = np.array([-2.0, 0.0, 2.0])
    at = np.full(3, 30 * DAY + 10 * HOUR)
    p = p_sql_if_contacted(log_odds, at=at, points=np.full(3, laws.MQL_POINTS))
    at_once = 1 / (1 + np.exp(-log_odds))
    assert (p < at_once).all()
    assert p == pytest.approx(at_once, rel=0.15)
    eager = p_sql_if_contacted(log_odds, at=at, points=np.full(3, laws.MQL_POINTS + 30))
    assert (eager > p).all()  # sales calls leads with more points sooner, and waiting costs
