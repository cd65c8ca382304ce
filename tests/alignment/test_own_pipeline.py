"""Sales' own pipeline beside marketing's: what adds up, and what nobody said."""

import datetime as dt

import pytest
from pydantic import ValidationError

from alignment.milestones import milestones_of
from alignment.own_pipeline import own_pipeline
from alignment.sources import sources
from data_contracts.metrics.own_pipeline import NOBODY_SAID, Side
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.sources import COUNTS
from data_contracts.targets import Targets

MONTHS = [Span.of(Period.MONTH, dt.date(2026, month, 1), time_zone="UTC") for month in range(1, 7)]


@pytest.fixture(scope="module")
def agreed(settings_with):
    return settings_with(targets={"sales_sources": ["Outbound", "cold calls"]})


@pytest.mark.parametrize("seed", range(2))
def test_the_sides_add_up_to_what_all_sources_brought(seed, mixed_history, agreed):
    history = mixed_history(seed)
    milestones = milestones_of(history, agreed)
    rows = own_pipeline(history, milestones, MONTHS).rows.to_pandas()
    columns = [*COUNTS.values(), "deals_created", "deals_won", "pipeline", "revenue"]
    wholes = sources(history, milestones, MONTHS).totals.to_pandas().set_index("period")[columns].fillna(0)
    parts = rows.groupby("period")[columns].sum()
    assert parts.to_numpy(float) == pytest.approx(wholes.to_numpy(float))
    for name in ("pipeline", "revenue"):
        shares = rows.groupby("period")[f"{name}_share"].sum(min_count=1)
        assert shares[wholes[name] > 0].tolist() == pytest.approx([1.0] * (wholes[name] > 0).sum())
        assert shares[wholes[name] == 0].isna().all()


def test_every_side_has_a_row_in_every_period_in_the_same_order(mixed_history, agreed):
    history = mixed_history(0)
    rows = own_pipeline(history, milestones_of(history, agreed), MONTHS).rows.to_pylist()
    assert [row["side"] for row in rows] == list(Side) * len(MONTHS)
    assert [row["period"].date() for row in rows] == [span.first for span in MONTHS for _ in Side]


def test_a_source_of_sales_that_no_lead_has_is_told(mixed_history, agreed):
    history = mixed_history(0)
    assert own_pipeline(history, milestones_of(history, agreed), MONTHS).never_seen == ("cold calls",)


def test_where_nobody_said_whose_the_sources_are_nothing_is_split(mixed_history, settings):
    history = mixed_history(0)
    found = own_pipeline(history, milestones_of(history, settings), MONTHS)
    assert (found.rows.num_rows, found.why_not, found.never_seen) == (0, NOBODY_SAID, ())


def test_a_share_lies_in_its_interval(mixed_history, agreed):
    history = mixed_history(1)
    rows = (
        own_pipeline(history, milestones_of(history, agreed), MONTHS).rows.to_pandas().dropna(subset="pipeline_share")
    )
    assert len(rows) > 3
    assert (rows["pipeline_share_low"] <= rows["pipeline_share"]).all()
    assert (rows["pipeline_share"] <= rows["pipeline_share_high"]).all()


def test_a_source_of_sales_is_named_once_and_has_a_name():
    with pytest.raises(ValidationError, match="sales_sources Outbound stand more than once; keep one of each"):
        Targets.model_validate({"sales_sources": ["Outbound", "fairs", "Outbound"]})
    with pytest.raises(ValidationError, match="at least 1 character"):
        Targets.model_validate({"sales_sources": [""]})


def test_all_that_stands_twice_is_told_at_once():
    twice = [{"period": "2026"}, {"period": "2026"}]
    with pytest.raises(ValidationError, match="targets for 2026 stand more than once; sales_sources x stand more"):
        Targets.model_validate({"sales_sources": ["x", "x"], "periods": twice})
