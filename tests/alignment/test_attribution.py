"""Which source the revenue is laid to: every rule adds up, and only touches known before the win count."""

import dataclasses
import datetime as dt

import pytest

from alignment.attribution import RULES, attribution
from alignment.milestones import milestones_of
from alignment.sources import sources
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.sources import NO_DEALS


def _month(month):
    return Span.of(Period.MONTH, dt.date(2026, month, 1), time_zone="UTC")


YEAR = [_month(month) for month in range(1, 13)]
DEAL = {
    "opportunity_id": "1",
    "lead_id": "A",
    "amount": 100.0,
    "created_at": "2026-02-10",
    "closed_at": "2026-03-01",
    "outcome": "won",
}
TOUCH = {"lead_id": "A", "kind": "page_view", "direction": "inbound", "source": "fair"}


def _laid(history, settings, *, by="source"):
    found = attribution(history, milestones_of(history, settings), [_month(3)], by=by)
    return {row["group"]: tuple(row[rule] for rule in RULES) for row in found.rows.to_pylist()}


@pytest.mark.parametrize("by", ["source", "campaign"])
@pytest.mark.parametrize("seed", range(3))
def test_every_rule_adds_up_to_the_revenue_of_the_period(by, seed, mixed_history, settings):
    history = mixed_history(seed)
    milestones = milestones_of(history, settings)
    found = attribution(history, milestones, YEAR, by=by)
    revenue = sources(history, milestones, YEAR).totals.to_pandas().set_index("period")["revenue"]
    assert revenue.sum() > 0
    rules = RULES if by == "source" else RULES[:1]
    parts = found.rows.to_pandas().groupby("period")[list(RULES)].sum().reindex(revenue.index).fillna(0)
    for rule in rules:
        assert parts[rule].tolist() == pytest.approx(revenue.tolist())
        assert found.totals.to_pandas()[rule].tolist() == pytest.approx(revenue.tolist())


def test_first_touch_is_the_revenue_of_the_sources(mixed_history, settings):
    history = mixed_history(1)
    milestones = milestones_of(history, settings)
    laid = attribution(history, milestones, YEAR).rows.to_pandas().groupby("group")["first_touch"].sum()
    brought = sources(history, milestones, YEAR).rows.to_pandas().groupby("group")["revenue"].sum()
    assert laid[laid > 0].to_dict() == pytest.approx(brought[brought > 0].to_dict())


@pytest.mark.parametrize(
    ("touch", "counts"),
    [
        ({"occurred_at": "2026-02-10 00:00"}, True),
        ({"occurred_at": "2026-02-10 00:01"}, False),
        ({"occurred_at": "2026-02-01", "recorded_at": "2026-02-28 23:59"}, True),
        ({"occurred_at": "2026-02-01", "recorded_at": "2026-03-01 00:00"}, False),
        ({"occurred_at": "2026-02-01", "direction": "outbound"}, False),
        ({"occurred_at": "2026-02-01", "direction": None}, True),
        ({"occurred_at": "2026-02-01", "source": None}, False),
        ({"occurred_at": "2026-02-01", "lead_id": "B"}, False),
    ],
)
def test_a_touch_is_inbound_names_its_source_and_was_known_in_time(touch, counts, make_history, settings):
    leads = [{"lead_id": "A", "source": "search"}, {"lead_id": "B", "source": "search"}]
    other = TOUCH | {"lead_id": "B", "occurred_at": "2026-01-02"}
    tables = {"leads": leads, "opportunities": [DEAL], "activities": [TOUCH | touch, other]}
    laid = _laid(make_history(tables), settings)
    assert laid["fair" if counts else None] == (0, 100, 100)
    assert laid["search"] == (100, 0, 0)


def test_of_touches_at_one_moment_the_one_of_the_later_id_is_the_last(make_history, settings):
    touches = [TOUCH | {"activity_id": each, "source": each, "occurred_at": "2026-02-01"} for each in ("y", "z", "x")]
    history = make_history({"leads": [{"lead_id": "A"}], "opportunities": [DEAL], "activities": touches})
    laid = _laid(history, settings)
    assert {group: amounts[1] for group, amounts in laid.items()} == {"x": 0, "y": 0, "z": 100, None: 0}


def test_two_deals_of_a_lead_have_their_own_touches(make_history, settings):
    deals = [DEAL, DEAL | {"opportunity_id": "2", "amount": 10.0, "created_at": "2026-01-10"}]
    touches = [TOUCH | {"source": "talk", "occurred_at": "2026-01-05"}, TOUCH | {"occurred_at": "2026-02-01"}]
    history = make_history({"leads": [{"lead_id": "A"}], "opportunities": deals, "activities": touches})
    laid = _laid(history, settings)
    assert {group: amounts[1:] for group, amounts in laid.items() if group} == {
        "fair": (100, 50),
        "talk": (10, 10 + 50),
    }


def test_where_no_activity_says_its_source_there_is_first_touch_alone(make_history, settings):
    tables = {"leads": [{"lead_id": "A", "source": "search"}], "opportunities": [DEAL]}
    history = make_history(tables | {"activities": [TOUCH | {"source": None, "occurred_at": "2026-02-01"}]})
    found = attribution(history, milestones_of(history, settings), [_month(3)])
    assert [tuple(row[rule] for rule in RULES) for row in found.totals.to_pylist()] == [(100, None, None)]
    assert found.why_first_touch_only == "no activity says its source: a touch after the first is not known"
    assert (found.n_won, found.n_touched) == (1, 0)


def test_a_history_that_was_checked_before_activities_had_sources_says_the_same(make_history, settings):
    history = make_history({"leads": [{"lead_id": "A", "source": "search"}], "opportunities": [DEAL]})
    tables = {**history.tables, "activities": history.activities.drop("source", "campaign")}
    found = attribution(dataclasses.replace(history, tables=tables), milestones_of(history, settings), [_month(3)])
    assert found.why_first_touch_only.startswith("no activity says its source")


def test_without_deals_there_is_no_revenue_to_lay_anywhere(make_history, settings):
    history = dataclasses.replace(make_history({"leads": [{"lead_id": "A"}]}), absent=("opportunities",))
    found = attribution(history, milestones_of(history, settings), [_month(3)])
    assert (found.rows.num_rows, found.why_no_deals) == (0, NO_DEALS)
    assert [tuple(row[rule] for rule in RULES) for row in found.totals.to_pylist()] == [(None, None, None)]


def test_revenue_is_laid_to_sources_and_campaigns_alone(mixed_history, settings):
    history = mixed_history(0)
    with pytest.raises(KeyError, match="revenue is laid to source or campaign, not to 'persona'"):
        attribution(history, milestones_of(history, settings), YEAR, by="persona")
