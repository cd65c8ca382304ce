"""Which sources are better: no ranking of noise, and one that recovers what is there."""

import datetime as dt

import pytest

from alignment.funnel import followed
from alignment.milestones import milestones_of
from alignment.ranking import ranking
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Period, Span

MONTHS = [Span.of(Period.MONTH, dt.date(2026, month, 1), time_zone="UTC") for month in range(1, 7)]


def _history(make_history, sources, **more):
    """By source, how many leads became customers and how many did not, each of an account of its own."""
    told = [
        (f"{source}{nth}", source, nth < won)
        for source, (won, others) in sources.items()
        for nth in range(won + others)
    ]
    leads = [{"lead_id": each, "source": source, "created_at": "2026-01-10"} for each, source, _ in told]
    wins = [{"lead_id": each, "stage": "won", "entered_at": "2026-02-10"} for each, _, is_won in told if is_won]
    return make_history({"leads": leads, "stage_changes": wins}, **more)


def test_sources_that_differ_have_places_by_their_shrunken_rates(make_history, settings):
    history = _history(make_history, {"good": (40, 60), "fair": (20, 80), "poor": (5, 95), "tiny": (1, 0)})
    found = ranking(milestones_of(history, settings), MONTHS)
    assert found.is_more_than_chance
    assert "differ by more than chance" in found.said
    rows = found.rows.to_pylist()
    assert [(row["place"], row["group"]) for row in rows] == [(1, "good"), (2, "fair"), (3, "poor"), (None, "tiny")]
    # One lead that was won is no evidence of a source that wins all.
    assert (rows[-1]["rate"], rows[-1]["shrunken"] < 0.7, rows[-1]["shrunken_low"] < 0.1) == (1.0, True, True)


def test_sources_that_differ_by_chance_have_no_place_and_stand_by_name(make_history, settings):
    history = _history(make_history, {"b": (12, 88), "a": (10, 90), "c": (8, 92)})
    found = ranking(milestones_of(history, settings), MONTHS)
    assert not found.is_more_than_chance
    assert "there is no ranking" in found.said
    assert [(row["place"], row["group"]) for row in found.rows.to_pylist()] == [(None, "a"), (None, "b"), (None, "c")]


def test_leads_of_no_known_source_are_shown_and_compared_with_nobody(make_history, settings):
    history = _history(make_history, {"a": (10, 90), "b": (10, 90), None: (90, 10)})
    found = ranking(milestones_of(history, settings), MONTHS)
    last = found.rows.to_pylist()[-1]
    assert (last["group"], last["entered"], last["place"], last["shrunken"]) == (None, 100, None, None)
    assert not found.is_more_than_chance
    assert found.rate.value == pytest.approx(110 / 300)


@pytest.mark.parametrize("sources", [{}, {"a": (3, 4)}, {"a": (3, 4), None: (1, 1)}])
def test_fewer_than_two_sources_are_compared_with_nothing(sources, make_history, settings):
    found = ranking(milestones_of(_history(make_history, sources), settings), MONTHS)
    assert (found.p_value, found.is_more_than_chance) == (None, False)
    assert found.said.startswith("There are not two groups by source whose rate lead → customer is known")


def test_a_source_that_nobody_watched_to_the_horizon_is_not_compared(make_history, settings):
    leads = [
        {"lead_id": f"{source}{nth}", "source": source, "created_at": at}
        for source, at in (("old", "2026-01-10"), ("older", "2026-01-05"), ("new", "2026-06-20"))
        for nth in range(20)
    ]
    history = make_history({"leads": leads}, extracted_at=dt.datetime(2026, 6, 30))
    rows = ranking(milestones_of(history, settings), MONTHS).rows.to_pylist()
    assert [row["group"] for row in rows] == ["old", "older", "new"]
    assert (rows[-1]["rate"], rows[-1]["worth"], rows[-1]["shrunken"]) == (None, None, None)


def test_where_nobody_got_there_only_leads_watched_to_the_horizon_are_evidence(make_history, settings):
    leads = [
        {"lead_id": f"{at}{nth}", "source": "a", "created_at": at}
        for at, n in (("2026-01-10", 15), ("2026-06-20", 5))
        for nth in range(n)
    ]
    history = make_history({"leads": leads}, extracted_at=dt.datetime(2026, 6, 30))
    [row] = ranking(milestones_of(history, settings), MONTHS).rows.to_pylist()
    assert (row["entered"], row["rate"], row["worth"]) == (20, 0.0, 15.0)


@pytest.mark.parametrize("step", [Step.LEAD_TO_CUSTOMER, Step.MQL_TO_SQL])
@pytest.mark.parametrize("seed", range(2))
def test_each_settled_lead_is_in_one_group(step, seed, mixed_history, settings):
    milestones = milestones_of(mixed_history(seed), settings)
    year = Span.of(Period.YEAR, dt.date(2026, 1, 1), time_zone="UTC")
    for by in ("source", "campaign", "persona", "region"):
        rows = ranking(milestones, [year], step=step, by=by).rows.to_pandas()
        told, _ = followed(milestones, step)
        assert (rows["entered"].sum(), rows["reached"].sum()) == (len(told.days), told.reached.sum())
        known = rows.dropna(subset="shrunken")
        assert ((known["shrunken_low"] < known["shrunken"]) & (known["shrunken"] < known["shrunken_high"])).all()


def test_leads_of_one_account_are_worth_less(make_history, settings):
    leads = [
        {
            "lead_id": f"{source}{nth}",
            "source": source,
            "account_id": f"{source}{nth // 10}",
            "created_at": "2026-01-10",
        }
        for source in ("a", "b")
        for nth in range(100)
    ]
    # All ten of an account are won, or none is.
    wins = [
        {"lead_id": lead["lead_id"], "stage": "won", "entered_at": "2026-02-10"}
        for lead in leads
        if lead["account_id"] in {*(f"a{n}" for n in range(6)), *(f"b{n}" for n in range(3))}
    ]
    found = ranking(milestones_of(make_history({"leads": leads, "stage_changes": wins}), settings), MONTHS)
    assert [row["worth"] < 15 for row in found.rows.to_pylist()] == [True, True]
    # 60 of 100 against 30 of 100 would be far beyond chance.
    assert not found.is_more_than_chance
