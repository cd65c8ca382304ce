"""Marketing's money as it is recorded: how long its periods are, and into which of ours it falls."""

import datetime as dt

import pandas as pd
import pytest

from alignment.grouped import NOT_KNOWN
from alignment.milestones import milestones_of
from alignment.spend import spend_of
from data_contracts.metrics.periods import Period, Span

NEW_YORK = "America/New_York"


def _read(history, settings):
    return spend_of(history, milestones_of(history, settings))


def _rows(*starts, source="search"):
    return [{"period_start_at": start, "source": source, "amount": 1.0} for start in starts]


def test_days_without_a_time_are_local_ones(make_history, settings_with):
    american = settings_with(policy={"calendar": {"time_zone": NEW_YORK}})
    spend = _read(make_history({"spend": _rows("2026-01-01", "2026-02-01")}, under=american), american)
    january = Span.of(Period.MONTH, dt.date(2026, 1, 1), time_zone=NEW_YORK)
    assert spend.numbers([january]).tolist() == [0, -1]


def test_moments_lie_on_the_local_day(make_history, settings_with):
    american = settings_with(policy={"calendar": {"time_zone": NEW_YORK}})
    # Midnight in New York is five o'clock UTC.
    spend = _read(make_history({"spend": _rows("2026-01-01 05:00", "2026-02-01 04:59")}, under=american), american)
    assert spend.frame["day"].tolist() == [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-31")]


def test_a_fair_now_and_then_is_taken_for_months_where_other_spend_is_monthly(make_history, settings):
    months = _rows("2026-01-01", "2026-02-01", "2026-03-01")
    spend = _read(make_history({"spend": [*months, *_rows("2026-01-01", "2026-06-01", source="fair")]}), settings)
    assert spend.longest_days("source").to_dict() == {"fair": 28, "search": 28}


def test_weekly_spend_beside_monthly_keeps_its_own_length(make_history, settings):
    weeks = _rows("2026-01-05", "2026-01-12", "2026-01-19", source="ads")
    spend = _read(make_history({"spend": [*weeks, *_rows("2026-01-01", "2026-02-01")]}), settings)
    assert spend.longest_days("source").to_dict() == {"ads": 7, "search": 31}
    assert spend.longest_days().to_dict() == {NOT_KNOWN: 31}


def test_two_campaigns_that_begin_on_one_day_are_no_gap(make_history, settings):
    rows = [row | {"campaign": name} for row in _rows("2026-01-01", "2026-02-01") for name in ("a", "b")]
    assert _read(make_history({"spend": rows}), settings).longest_days("source").to_dict() == {"search": 31}


@pytest.mark.parametrize("starts", [(), ("2026-01-01",)])
def test_no_length_is_known_of_less_than_two_periods(starts, make_history, settings):
    spend = _read(make_history({"spend": _rows(*starts)}), settings)
    assert spend.longest_days().isna().all()
    assert not spend.covers(Span.of(Period.MONTH, dt.date(2026, 1, 1), time_zone="UTC"))
