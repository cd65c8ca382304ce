"""Hand-offs outside the profile: what adds up, what was known then, and what is said of a campaign."""

import datetime as dt

import pytest

from alignment.guarantee import lead_guarantee
from alignment.judged import guaranteed_hand_offs, judged_hand_offs
from alignment.milestones import milestones_of
from alignment.off_icp import off_icp
from data_contracts.metrics.off_icp import NO_PROFILE, NOT_YET
from data_contracts.metrics.periods import Period, Span

QUARTER = Span.of(Period.QUARTER, dt.date(2026, 1, 1), time_zone="UTC")
INSIDE, OUTSIDE = ({"industry": each, "employees": 100.0} for each in ("software", "mining"))


def _history(make_history, campaigns, *, under):
    """By campaign, how many MQLs inside the profile and outside it, each of an account of its own."""
    told = [
        (f"{campaign}{nth}", campaign, INSIDE if nth < inside else OUTSIDE)
        for campaign, (inside, outside) in campaigns.items()
        for nth in range(inside + outside)
    ]
    tables = {
        "accounts": [{"account_id": each} | profile for each, _, profile in told],
        "leads": [{"lead_id": each, "account_id": each, "campaign": campaign} for each, campaign, _ in told],
        "stage_changes": [{"lead_id": each, "stage": "mql", "entered_at": "2026-01-10"} for each, _, _ in told],
    }
    return make_history(tables, under=under)


def _judged(history, settings, versions=None):
    agreed = versions or [settings.definitions]
    return judged_hand_offs(guaranteed_hand_offs(history, settings), history, versions=agreed, settings=settings)


def _off_icp(history, settings, versions=None):
    return off_icp(milestones_of(history, settings), _judged(history, settings, versions), [QUARTER])


def _above(history, settings):
    found = _off_icp(history, settings)
    return {row["group"]: row["is_above"] for row in found.rows.to_pylist()}, found


@pytest.mark.parametrize("seed", range(2))
def test_the_guarantee_and_this_tell_the_same_of_the_same_hand_offs(seed, mixed_history, settings):
    history = mixed_history(seed)
    milestones, judged = milestones_of(history, settings), _judged(history, settings)
    found = off_icp(milestones, judged, [QUARTER], by="source")
    guarantee = lead_guarantee(milestones, judged, every=Period.QUARTER)
    by_source = lead_guarantee(milestones, judged, every=Period.QUARTER, by="source")
    same = {"cohort": "period", "group": "group", "hand_offs": "hand_offs", "judged": "known", "off_icp": "misses"}
    same |= {name: name for name in ("off_icp_share", "off_icp_share_low", "off_icp_share_high")}
    for one, other in ((guarantee.rows, found.totals), (by_source.rows, found.rows)):
        rows = [row for row in one.to_pylist() if row["cohort"].date() == QUARTER.first]
        assert [[row[name] for name in same] for row in rows] == [
            [row[name] for name in same.values()] for row in other.to_pylist()
        ]


@pytest.mark.parametrize("seed", range(2))
def test_groups_add_up_to_the_total(seed, mixed_history, settings):
    history = mixed_history(seed)
    found = off_icp(milestones_of(history, settings), _judged(history, settings), [QUARTER], by="source")
    rows, [total] = found.rows.to_pandas(), found.totals.to_pylist()
    assert total["misses"] > 0
    for name in ("hand_offs", "known", "misses"):
        assert rows[name].sum() == total[name]
    assert (rows["misses"] <= rows["known"]).all()
    assert (rows["known"] <= rows["hand_offs"]).all()
    assert (found.yardsticks, found.is_agreed) == ((total["off_icp_share"],), False)


def test_a_campaign_far_off_the_profile_is_said_to_be_and_a_small_one_is_not(make_history, settings):
    history = _history(make_history, {"good": (90, 10), "bad": (20, 40), "small": (0, 2)}, under=settings)
    above, found = _above(history, settings)
    assert above == {"good": False, "bad": True, "small": False}
    assert found.yardsticks == (pytest.approx(52 / 162),)


def test_the_agreed_share_is_the_yardstick_where_there_is_one(make_history, settings_with):
    agreed = settings_with(targets={"off_icp_share": 0.8})
    above, found = _above(_history(make_history, {"good": (90, 10), "bad": (20, 40)}, under=agreed), agreed)
    assert above == {"good": False, "bad": False}
    assert (found.yardsticks, found.is_agreed) == ((0.8,), True)


def test_the_more_campaigns_are_looked_at_the_more_it_takes(make_history, settings_with):
    agreed = settings_with(targets={"off_icp_share": 0.3})
    few = {"suspect": (10, 13)}
    many = few | {f"other {nth}": (8, 2) for nth in range(20)}
    for campaigns, expected in ((few, True), (many, False)):
        above, _ = _above(_history(make_history, campaigns, under=agreed), agreed)
        assert above["suspect"] is expected


def test_a_fit_at_the_boundary_of_the_letter_is_no_miss(make_history, settings_with):
    # A mine of the right size meets 1 of 1 + 1.5: 0.4, the least of letter C.
    criteria = [
        {"name": "industry", "attribute": "industry", "one_of": ["software"], "weight": 1.5},
        {"name": "size", "attribute": "employees", "at_least": 50},
    ]
    agreed = settings_with(definitions={"icp": {"criteria": criteria}})
    _, found = _above(_history(make_history, {"mines": (0, 5)}, under=agreed), agreed)
    assert [row["misses"] for row in found.rows.to_pylist()] == [0]


def test_without_a_profile_nobody_misses_it_and_it_says_why(make_history, settings_with):
    agreed = settings_with(definitions={"icp": {"criteria": []}})
    above, found = _above(_history(make_history, {"good": (3, 3)}, under=agreed), agreed)
    [row] = found.rows.to_pylist()
    assert (row["hand_offs"], row["known"], row["misses"], row["off_icp_share"]) == (6, 0, 0, None)
    assert (above, found.why_not, found.yardsticks) == ({"good": False}, NO_PROFILE, (None,))


def test_each_hand_off_is_held_against_the_version_of_its_day(make_history, settings, settings_with):
    strict = settings_with(definitions={"version": "2026.2", "effective_from": "2026-01-11"}).definitions
    lenient = settings_with(definitions={"icp": {"criteria": []}}).definitions
    history = _history(make_history, {"mines": (0, 5)}, under=settings)
    for versions, expected in (([strict, lenient], 0), ([settings.definitions, strict], 5)):
        found = _off_icp(history, settings, versions)
        assert [row["misses"] for row in found.rows.to_pylist()] == [expected]


def test_hand_offs_before_the_first_version_are_not_judged_and_it_says_why(make_history, settings, settings_with):
    later = settings_with(definitions={"effective_from": "2026-04-01"}).definitions
    from_the_first_day_on = later.model_copy(update={"effective_from": dt.date(2000, 1, 1)})
    history = _history(make_history, {"mines": (0, 5)}, under=settings)
    for version, known, why_not in ((later, 0, NOT_YET), (from_the_first_day_on, 5, "")):
        found = _off_icp(history, settings, [version])
        assert [(row["hand_offs"], row["known"]) for row in found.rows.to_pylist()] == [(5, known)]
        assert found.why_not == why_not


def test_a_history_without_rows_has_no_hand_offs(make_history, settings):
    history = make_history({})
    found = _off_icp(history, settings)
    assert found.rows.num_rows == 0
    assert [row["hand_offs"] for row in found.totals.to_pylist()] == [0]
