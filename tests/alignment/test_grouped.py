"""Which group and which period each lead belongs to."""

import datetime as dt

import pandas as pd
import pytest

from alignment.grouped import dimensions, grouped_deals, groups_of, in_order, span_numbers
from alignment.milestones import milestones_of
from data_contracts.metrics.periods import Period, Span


def _month(month):
    return Span.of(Period.MONTH, dt.date(2026, month, 1), time_zone="UTC")


def test_a_moment_lies_in_the_span_that_begins_with_it_and_not_in_the_one_that_ends_with_it():
    days = ["2026-01-31 23:59", "2026-02-01", "2026-03-01", "2026-04-01", None]
    moments = pd.to_datetime(pd.Series(days), format="ISO8601")
    assert span_numbers(moments, [_month(2), _month(4)]).tolist() == [-1, 0, -1, 1, -1]


def test_spans_of_two_lengths_are_told_by_name():
    week = Span.of(Period.WEEK, dt.date(2026, 1, 5), time_zone="UTC")
    with pytest.raises(ValueError, match="one length, and they are of month, week"):
        in_order([_month(1), week])
    with pytest.raises(ValueError, match="and they are of none"):
        in_order([])


def test_all_leads_are_one_group_where_nothing_is_asked(mixed_history, settings):
    milestones = milestones_of(mixed_history(0), settings)
    assert set(groups_of(milestones, "")) == {""}
    assert dimensions(settings) == ("source", "campaign", "persona", "team", "region")


def test_a_deal_has_the_group_and_the_account_of_its_lead(mixed_history, settings):
    history = mixed_history(0)
    milestones = milestones_of(history, settings)
    deals = grouped_deals(history, milestones, "source")
    leads = milestones.frame.assign(accounts=milestones.groups).iloc[deals["lead_row"]]
    assert deals["accounts"].tolist() == leads["accounts"].tolist()
    assert deals["group"].tolist() == leads["source"].astype(object).fillna("").tolist()
    assert len(deals) == history.opportunities.count().to_pyarrow().as_py()
    assert deals["opportunity_id"].is_monotonic_increasing
