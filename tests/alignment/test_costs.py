"""What leads and customers cost: what adds up, and when there is no cost and why."""

import datetime as dt

import numpy as np
import pytest

from alignment.costs import costs
from alignment.intervals import count_interval
from alignment.milestones import milestones_of
from data_contracts.metrics.costs import COST_OF, COSTED, NoCost, Scope
from data_contracts.metrics.periods import Period, Span


def _month(month):
    return Span.of(Period.MONTH, dt.date(2026, month, 1), time_zone="UTC")


MONTHS = [_month(1), _month(2), _month(3)]


def _spend(*rows):
    return [dict(zip(("period_start_at", "source", "amount"), row, strict=True)) for row in rows]


MONTHLY = _spend(("2026-01-01", "search", 100.0), ("2026-02-01", "search", 200.0))
LEAD = {"lead_id": "A", "source": "search", "created_at": "2026-01-05"}


def _rows(history, settings, spans, **more):
    return costs(history, milestones_of(history, settings), spans, **more).rows.to_pylist()


def _why(rows):
    return {(row["scope"], row["group"]): row["why_not"] for row in rows}


@pytest.mark.parametrize("by", ["source", "campaign"])
@pytest.mark.parametrize("seed", range(2))
def test_the_groups_of_a_period_add_up_to_all(by, seed, mixed_history, settings):
    history = mixed_history(seed)
    told = costs(history, milestones_of(history, settings), MONTHS, by=by).rows.to_pandas()
    columns = ["spend", *COSTED]
    parts, wholes = (
        told[told["scope"] == scope].groupby("period")[columns].sum() for scope in (Scope.GROUP, Scope.ALL)
    )
    assert parts.to_numpy(float) == pytest.approx(wholes.to_numpy(float))
    assert wholes["spend"].tolist() == [300.0, 600.0, 900.0]


@pytest.mark.parametrize("seed", range(2))
def test_a_cost_lies_in_its_interval_and_is_the_money_divided_by_the_number(seed, mixed_history, settings):
    rows = _rows(mixed_history(seed), settings, MONTHS)
    seen = 0
    for row in rows:
        for what, name in COST_OF.items():
            if row[name] is not None:
                seen += 1
                assert row[name] == pytest.approx(row["spend"] / row[what])
                assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert seen > 20


def test_spend_that_brought_nobody_shows_and_is_named(make_history, settings):
    history = make_history({"leads": [LEAD], "spend": [*MONTHLY, *_spend(("2026-01-01", "radio", 50.0))]})
    found = costs(history, milestones_of(history, settings), [_month(1)])
    radio = next(row for row in found.rows.to_pylist() if row["group"] == "radio")
    assert (radio["spend"], radio["leads"], radio["cost_per_lead"]) == (50.0, 0, None)
    assert found.without_leads == ("radio",)


def test_a_cohort_has_a_cost_per_customer_once_its_horizon_has_passed(make_history, settings):
    won = {"lead_id": "A", "stage": "won", "entered_at": "2026-01-20"}
    tables = {"leads": [LEAD], "stage_changes": [won], "spend": MONTHLY}
    # January ends on the 31st; 30 + 90 days later it is the 1st of June.
    for extracted_at, expected in ((dt.datetime(2026, 5, 31), None), (dt.datetime(2026, 6, 1), 100.0)):
        rows = _rows(make_history(tables, extracted_at=extracted_at), settings, [_month(1)])
        assert [row["cost_per_cohort_customer"] for row in rows] == [expected] * 3
        assert [row["cost_per_customer"] for row in rows] == [100.0] * 3


def test_a_win_after_the_horizon_is_no_customer_of_the_cohort(make_history, settings):
    for won_at, expected in (("2026-05-04 23:59", 1), ("2026-05-05 00:00", 0)):
        won = {"lead_id": "A", "stage": "won", "entered_at": won_at}
        history = make_history({"leads": [LEAD], "stage_changes": [won], "spend": MONTHLY})
        assert [row["cohort_customers"] for row in _rows(history, settings, [_month(1)])] == [expected] * 3


def test_an_account_that_came_by_two_sources_is_one_account_in_all(make_history, settings):
    leads = [
        LEAD | {"lead_id": each, "account_id": "X", "source": source}
        for each, source in (("A", "search"), ("B", "fair"))
    ]
    spend = [*MONTHLY, *_spend(("2026-01-01", "fair", 100.0), ("2026-02-01", "fair", 100.0))]
    rows = _rows(make_history({"leads": leads, "spend": spend}), settings, [_month(1)])
    whole = next(row for row in rows if row["scope"] == Scope.ALL)
    fewest, most = count_interval(np.array([2.0]))
    assert (whole["cost_per_lead_low"], whole["cost_per_lead_high"]) == pytest.approx((200 / most, 200 / fewest))


def test_without_spend_nothing_has_a_cost(make_history, settings):
    rows = _rows(make_history({"leads": [LEAD]}), settings, [_month(1)])
    assert _why(rows) == {(Scope.GROUP, "search"): NoCost.NO_SPEND, (Scope.ALL, None): NoCost.NO_SPEND}


def test_a_period_that_is_not_over_has_no_cost(make_history, settings):
    history = make_history({"leads": [LEAD], "spend": MONTHLY}, extracted_at=dt.datetime(2026, 1, 31, 23, 59))
    assert set(_why(_rows(history, settings, [_month(1)])).values()) == {NoCost.NOT_OVER}


def test_money_that_names_no_campaign_buys_no_campaigns_leads(make_history, settings):
    rows = _rows(make_history({"leads": [LEAD], "spend": MONTHLY}), settings, [_month(1)], by="campaign")
    assert _why(rows) == {
        (Scope.GROUP, None): NoCost.NOT_NAMED,
        (Scope.WITH_SPEND, None): None,
        (Scope.ALL, None): None,
    }


def test_the_length_of_a_single_period_is_not_known(make_history, settings):
    history = make_history({"leads": [LEAD], "spend": MONTHLY[:1]})
    assert set(_why(_rows(history, settings, [_month(1)])).values()) == {NoCost.LENGTH_UNKNOWN}


@pytest.mark.parametrize(
    ("period", "expected"),
    [(Period.WEEK, NoCost.TOO_LONG), (Period.MONTH, NoCost.TOO_LONG), (Period.QUARTER, None), (Period.YEAR, None)],
)
def test_a_quarters_money_is_for_quarters_and_years(period, expected, make_history, settings):
    quarterly = _spend(
        *((f"{day}", "search", 300.0) for day in ("2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01"))
    )
    history = make_history({"leads": [LEAD | {"created_at": "2025-01-02"}], "spend": quarterly})
    span = Span.of(period, dt.date(2025, 1, 2), time_zone="UTC")
    assert _why(_rows(history, settings, [span]))[Scope.GROUP, "search"] == expected


@pytest.mark.parametrize(
    ("month", "expected"), [(1, NoCost.NOT_RECORDED), (2, None), (3, None), (4, NoCost.NOT_RECORDED)]
)
def test_spend_of_months_is_recorded_from_the_first_to_the_last(month, expected, make_history, settings):
    spend = _spend(("2026-02-01", "search", 100.0), ("2026-03-01", "search", 200.0))
    rows = _rows(make_history({"leads": [LEAD], "spend": spend}), settings, [_month(month)])
    assert _why(rows)[Scope.ALL, None] == expected


@pytest.mark.parametrize("days", [("2026-02-01", "2026-03-01"), ("2026-01-01", "2026-02-01")], ids=["begins", "ends"])
def test_a_quarter_of_which_a_month_is_not_recorded_has_no_cost(days, make_history, settings):
    spend = _spend(*((day, "search", 100.0) for day in days))
    span = Span.of(Period.QUARTER, dt.date(2026, 1, 1), time_zone="UTC")
    rows = _rows(make_history({"leads": [LEAD], "spend": spend}), settings, [span])
    assert _why(rows)[Scope.ALL, None] == NoCost.PARTLY_RECORDED


def test_every_reason_is_said():
    assert all(reason.said for reason in NoCost)


def test_spend_names_sources_and_campaigns_alone(mixed_history, settings):
    history = mixed_history(0)
    with pytest.raises(KeyError, match="spend is recorded by source and campaign, not by 'persona'"):
        costs(history, milestones_of(history, settings), MONTHS, by="persona")


def test_what_is_counted_is_in_its_interval_in_95_of_100():
    draw = np.random.default_rng(5)
    for mean, size in ((2.0, 1), (8.0, 1), (6.0, 3)):
        intervals = [count_interval(np.full(draw.poisson(mean), float(size))) for _ in range(400)]
        covered = np.mean([low <= mean * size <= high for low, high in intervals])
        assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)


def test_leads_that_come_together_widen_the_interval():
    alone, together = count_interval(np.ones(12)), count_interval(np.full(3, 4.0))
    assert together[0] < alone[0] < 12 < alone[1] < together[1]
