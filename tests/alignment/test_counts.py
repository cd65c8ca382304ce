"""Counts of a period: the worked example, what is usual, and what was planned."""

import datetime as dt

import numpy as np
import pytest

from alignment.counts import stage_counts, usual_range
from alignment.milestones import milestones_of
from data_contracts.metrics.periods import Period, Span
from features.known_before import known_before
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

FEBRUARY = Span.of(Period.MONTH, dt.date(2026, 2, 1), time_zone="UTC")


def counted(history, settings, span=FEBRUARY):
    lag = history.extracted_at - span.end_at
    then = span.earlier(time_zone="UTC").end_at + lag
    earlier = known_before(history, then, attributes=settings.crm.attributes)
    return stage_counts(milestones_of(history, settings), milestones_of(earlier, settings), span=span)


COMPUTED = {"counts of February": lambda history, settings: counted(history, settings).rows.to_pylist()}


@pytest.mark.parametrize("spec", page_specs("counts", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def test_the_usual_range_holds_95_of_100_further_periods():
    random = np.random.default_rng(5)
    for spread in (None, 3.0):
        covered = []
        for _ in range(400):
            rates = 40 if spread is None else random.gamma(spread, 40 / spread, size=13)
            counts = random.poisson(rates, size=13)
            _, low, high = usual_range(counts[:12].tolist())
            covered.append(low <= counts[12] <= high)
        assert 0.90 <= np.mean(covered) <= 0.98


def test_of_few_periods_or_of_none_nothing_is_usual(make_history, settings):
    assert usual_range([1, 2, 3]) == (None, None, None)
    assert usual_range([0] * 5) == (0.0, 0.0, 0.0)
    history = make_history({"leads": [{"lead_id": "A", "created_at": "2026-01-15"}]})
    (row,) = counted(history, settings).rows.to_pylist()
    assert row["usual"] is None


def test_periods_before_the_first_lead_are_not_counted_as_empty_ones(make_history, settings):
    leads = [{"lead_id": str(n), "created_at": f"2025-{n:02}-15"} for n in range(8, 13)]
    (row,) = counted(make_history({"leads": leads}), settings).rows.to_pylist()
    assert row["usual"] == pytest.approx((1 + 1 + 1 + 1 + 0) / 5)


def test_targets_are_those_of_the_period_and_a_week_owes_its_mqls(make_history, settings_with):
    planned = {"mqls_per_week": 30, "periods": [{"period": "2026-02", "leads": 100, "sqls": 9}]}
    under = settings_with(targets=planned)
    history = make_history(
        {
            "leads": [{"lead_id": "A"}],
            "stage_changes": [
                {"lead_id": "A", "stage": "mql", "entered_at": "2026-02-02"},
                {"lead_id": "A", "stage": "sql", "entered_at": "2026-02-03"},
            ],
        },
        under=under,
    )
    assert {row["milestone"]: row["target"] for row in counted(history, under).rows.to_pylist()} == {
        "lead": 100,
        "mql": None,
        "sql": 9,
    }
    week = Span.of(Period.WEEK, dt.date(2026, 2, 2), time_zone="UTC")
    told = counted(history, under, week)
    assert told.row("mql")["target"] == 30
    assert told.row("customer") is None


def test_beside_a_period_of_which_the_history_tells_a_part_stands_nothing(make_history, settings):
    leads = [{"lead_id": "A", "created_at": "2026-01-20"}, {"lead_id": "B", "created_at": "2026-02-03"}]
    (row,) = counted(make_history({"leads": leads}), settings).rows.to_pylist()
    assert (row["reached"], row["before"]) == (1, None)
