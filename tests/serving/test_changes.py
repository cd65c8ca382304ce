"""The parts of a score's difference: what each cause changes, and that they add up."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.errors import UnknownLeadError
from data_contracts.history import CrmHistory
from data_contracts.score_changes import FIGURES, Cause, ScoreChanges, change_rows
from data_contracts.vocabulary import Transition
from serving.changes import published_alone, score_changes, state_of
from serving.one_score import Regime
from tests.example_history import EXTRACTED_AT, busy_history, history, settings
from tests.example_release import open_leads, release_of_pricing_views, thresholds

FIRST, SECOND = EXTRACTED_AT - dt.timedelta(days=10), EXTRACTED_AT
SETTINGS = settings()
VIEW = {"activity_id": "v", "lead_id": "A", "kind": "pricing_view", "direction": "inbound"}
LATER_VIEW = VIEW | {"activity_id": "w", "occurred_at": FIRST + dt.timedelta(days=3)}


def crm(*later: dict) -> CrmHistory:
    """A, an MQL for 20 days that looked at pricing before the first moment, and what happened `later`."""
    created = FIRST - dt.timedelta(days=20)
    events = [VIEW | {"occurred_at": FIRST - dt.timedelta(days=2)}, *later]
    return history(
        {
            "accounts": [{"account_id": "A", "employees": 200.0, "industry": "software"}],
            "leads": [{"lead_id": "A", "account_id": "A", "created_at": created, "source": "web"}],
            "stage_changes": [{"lead_id": "A", "stage": "mql", "entered_at": created, "recorded_at": created}],
            "activities": [event | {"recorded_at": event["occurred_at"]} for event in events],
        }
    )


@pytest.fixture(scope="module")
def regime() -> Regime:
    release = release_of_pricing_views(open_leads(busy_history(60), SETTINGS), Transition.MQL_TO_SQL)
    return Regime(release, SETTINGS, thresholds(0.3))


@pytest.fixture(scope="module")
def other_release(regime):
    """One that gives every lead its base rate."""
    made = release_of_pricing_views(open_leads(busy_history(60), SETTINGS))
    return replace(made, manifest=made.manifest.model_copy(update={"release_id": "2026-06-01-other"}))


def changes(
    near: CrmHistory,
    then: Regime | None,
    now: Regime,
    *,
    published: Regime | None = None,
    ends: dict | None = None,
    **given,
) -> ScoreChanges:
    """`given` is what was published at the first moment, `ends` at the second, where today's history says otherwise."""
    before = published_alone(near, "A", regime=published or then or now, as_of=FIRST) | given
    after = published_alone(near, "A", regime=now, as_of=SECOND) | (ends or {})
    return score_changes(near, before, after, then=then, now=now)


def parts(told: ScoreChanges) -> dict[tuple[Cause, ...], float]:
    return {part.causes: part.above_boundary for part in told.parts}


def test_the_parts_of_every_figure_add_up_to_its_difference(regime, other_release):
    now = Regime(other_release, SETTINGS, thresholds(0.4))
    ends = {"p_sql": 0.9, "p_win": 0.5, "expected_value": 12.0, "ranking_value": 0.9}
    told = changes(crm(LATER_VIEW), regime, now, p_sql=0.123, p_win=0.01, ranking_value=0.123, ends=ends)
    assert told.after.p_sql == 0.9
    for name in FIGURES:
        whole = getattr(told.after, name) - getattr(told.before, name)
        assert sum(getattr(part, name) for part in told.parts) == pytest.approx(whole, abs=1e-12)
    assert [part.causes for part in told.parts] == [
        (Cause.CORRECTED,), (Cause.TIME,), (Cause.FACTS,), (Cause.DEFINITIONS,), (Cause.MODEL,), (Cause.THRESHOLD,),
    ]  # fmt: skip


def test_where_nothing_happened_time_alone_moves_the_score(regime):
    found = parts(changes(crm(), regime, regime))
    assert found[(Cause.TIME,)] != 0
    assert found == {(Cause.CORRECTED,): 0, (Cause.TIME,): found[(Cause.TIME,)], (Cause.FACTS,): 0}


def test_a_new_fact_is_told_apart_from_the_time_that_passed(regime):
    with_fact, without = (parts(changes(near, regime, regime)) for near in (crm(LATER_VIEW), crm()))
    assert with_fact[(Cause.FACTS,)] > 0
    assert with_fact[(Cause.TIME,)] == without[(Cause.TIME,)]
    assert with_fact[(Cause.CORRECTED,)] == 0, "what happened later was not known then"


def test_what_was_published_and_would_not_be_today_was_corrected(regime):
    true = published_alone(crm(), "A", regime=regime, as_of=FIRST)
    told = changes(crm(), regime, regime, ranking_value=true["ranking_value"] - 0.1)
    assert parts(told)[(Cause.CORRECTED,)] == pytest.approx(0.1)


def test_a_higher_boundary_moves_the_distance_to_it_and_no_probability(regime):
    told = changes(crm(), regime, replace(regime, thresholds=thresholds(0.4)))
    (part,) = [part for part in told.parts if part.causes == (Cause.THRESHOLD,)]
    assert (part.p_sql, part.p_win, part.above_boundary) == (0, 0, pytest.approx(-0.1))


def test_another_model_is_told_apart_from_other_definitions(regime, other_release):
    strict = settings(icp={"criteria": [{"name": "industry", "attribute": "industry", "one_of": ["mining"]}]})
    of_strict = release_of_pricing_views(open_leads(busy_history(60), strict))
    of_strict = replace(of_strict, manifest=of_strict.manifest.model_copy(update={"release_id": "2026-06-01-strict"}))
    told = changes(crm(), regime, Regime(of_strict, strict, regime.thresholds))
    assert (Cause.DEFINITIONS, Cause.MODEL) in parts(told), "the first release asks for a criterion that is gone"
    same_criteria = settings(
        icp={
            "criteria": [
                {"name": "company size", "attribute": "employees", "at_least": 500, "at_most": 999},
                {"name": "industry", "attribute": "industry", "one_of": ["mining"]},
            ]
        }
    )
    found = parts(changes(crm(), regime, Regime(other_release, same_criteria, regime.thresholds)))
    assert found[(Cause.DEFINITIONS,)] != 0
    assert found[(Cause.MODEL,)] != 0


def test_where_the_first_release_is_gone_facts_and_time_are_told_apart_from_all_else(regime, other_release):
    told = changes(crm(LATER_VIEW), None, regime, published=Regime(other_release, SETTINGS, regime.thresholds))
    assert [part.causes for part in told.parts] == [
        (Cause.CORRECTED, Cause.DEFINITIONS, Cause.MODEL, Cause.THRESHOLD), (Cause.TIME,), (Cause.FACTS,),
    ]  # fmt: skip
    assert sum(part.p_sql for part in told.parts) == pytest.approx(told.after.p_sql - told.before.p_sql, abs=1e-12)


def test_a_lead_that_was_not_open_has_no_score_to_split(regime):
    before = published_alone(crm(), "A", regime=regime, as_of=FIRST) | {"as_of": FIRST - dt.timedelta(days=30)}
    after = published_alone(crm(), "A", regime=regime, as_of=SECOND)
    with pytest.raises(UnknownLeadError, match="lead 'A' was not open at 2026-03-22 12:00 UTC"):
        score_changes(crm(), before, after, then=regime, now=regime)


def test_a_lead_of_no_team_has_no_distance_to_a_boundary(regime):
    row = published_alone(crm(), "A", regime=regime, as_of=SECOND)
    assert state_of(row | {"boundary": None}).above_boundary is None


def test_the_table_starts_at_the_first_score_and_ends_at_the_second(regime):
    told = changes(crm(LATER_VIEW), regime, replace(regime, thresholds=thresholds(0.4)))
    rows = change_rows(told)
    assert [row[""] for row in rows] == [
        "published 2026-04-21 12:00", "what the CRM says of the past was corrected since",
        "time passed, and nothing else happened", "new facts", "a new threshold or policy", "2026-05-01 12:00",
    ]  # fmt: skip
    assert (rows[0]["p_sql"], rows[-1]["p_sql"]) == (f"{told.before.p_sql:.4f}", f"{told.after.p_sql:.4f}")
    assert rows[4]["above boundary"] == "-0.1000"
