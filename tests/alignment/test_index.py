"""The alignment index: the worked example, what is left out, and what went with results."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.index import LEAST_PERIODS, alignment_index
from data_contracts.estimates import Estimate
from data_contracts.metrics.index import Better, Part
from data_contracts.metrics.periods import Period, Span
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

SPAN = Span.of(Period.WEEK, dt.date(2026, 6, 1), time_zone="UTC")


def spans(n):
    return [SPAN.earlier(back, time_zone="UTC") for back in reversed(range(n))]


def part(*values, name="answered in time", agreed=0.9, better=Better.HIGHER, weight=1.0) -> Part:
    told = tuple(Estimate(value=value, low=None, high=None) for value in values)
    return Part(name=name, formula="x", owner="sales", agreed=agreed, better=better, weight=float(weight), values=told)


def _of_the_page(parts):
    def number(cell):
        return float(cell) if cell else None

    told = [
        part(
            number(row["week 1"]),
            number(row["week 2"]),
            name=row["part"],
            agreed=number(row["agreed"]),
            better=Better(row["better"]),
            weight=row["weight"],
        )
        for row in parts
    ]
    return alignment_index(spans(2), told, results=[None, None])


COMPUTED = {
    "parts of week 2": lambda history, settings, parts: [
        one.model_dump() | {"part": one.part.name, "not_counted": one.not_counted or None}
        for one in _of_the_page(parts).parts
    ],
    "index": lambda history, settings, parts: [
        one.model_dump() | {"week": nth} for nth, one in enumerate(_of_the_page(parts).trend, start=1)
    ],
}


@pytest.mark.parametrize("spec", page_specs("index", COMPUTED, beside=["parts"]), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


shares = st.one_of(st.none(), st.floats(0, 1))


@given(st.lists(st.tuples(shares, st.floats(0.1, 1), st.floats(0, 5), st.sampled_from(list(Better))), max_size=6))
def test_what_the_parts_would_gain_is_what_the_index_lacks(drawn):
    parts = [
        part(value, name=str(nth), agreed=agreed, weight=weight, better=better)
        for nth, (value, agreed, weight, better) in enumerate(drawn)
    ]
    told = alignment_index(spans(1), parts, results=[None])
    if told.value is None:
        assert all(one.kept is None for one in told.parts)
        assert told.raise_next is None
    else:
        assert 0 <= told.value <= 1
        assert sum(one.would_gain or 0 for one in told.parts) == pytest.approx(1 - told.value)


def test_a_part_that_is_not_measured_now_counts_in_no_period():
    parts = [part(0.9, 0.9, name="a"), part(0.0, None, name="b")]
    told = alignment_index(spans(2), parts, results=[None, None])
    assert [one.value for one in told.trend] == [1.0, 1.0]
    assert told.parts[1].not_counted == "nobody can measure it in this period"


def test_the_part_to_raise_next_is_the_one_with_most_to_gain_by_its_weight():
    told = alignment_index(spans(1), [part(0.45, name="a"), part(0.6, name="b", weight=3)], results=[None])
    assert told.raise_next.part.name == "b"
    assert alignment_index(spans(1), [part(0.95)], results=[None]).raise_next is None


def test_nothing_off_the_profile_is_kept_whole():
    (one,) = alignment_index(spans(1), [part(0.0, better=Better.LOWER, agreed=0.1)], results=[None]).parts
    assert one.kept == 1.0


def test_a_signal_that_leads_results_is_told_with_its_interval():
    n = LEAST_PERIODS + 6
    values = np.linspace(0.2, 0.9, n)
    results = [None, *(1_000 * values[:-1])]
    same, other_way = alignment_index(
        spans(n), [part(*values.tolist()), part(*values.tolist(), name="b", better=Better.LOWER)], results=results
    ).parts
    assert same.went_with.low > 0.5
    assert other_way.went_with.high < -0.5
    assert same.is_more_than_chance


def test_chance_among_many_parts_is_no_signal():
    random = np.random.default_rng(3)
    n, called = 20, 0
    for _ in range(100):
        parts = [part(*random.random(n).tolist(), name=str(k)) for k in range(8)]
        told = alignment_index(spans(n), parts, results=random.random(n).tolist())
        called += any(one.is_more_than_chance for one in told.parts)
    assert called <= 12  # 5 of 100 are to be; without the correction, a third


def test_of_few_periods_or_of_values_that_never_change_nothing_is_told():
    few = alignment_index(spans(5), [part(*[0.1, 0.2, 0.3, 0.4, 0.5])], results=[1.0, 2.0, 3.0, 4.0, 5.0])
    assert few.parts[0].went_with.value is None
    n = LEAST_PERIODS + 3
    flat = alignment_index(spans(n), [part(*[0.5] * n)], results=list(map(float, range(n))))
    assert flat.parts[0].went_with.value is None


def test_uneven_series_are_refused():
    with pytest.raises(ValueError, match=r"^answered in time: 2 periods need as many values$"):
        alignment_index(spans(2), [part(0.5)], results=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"^results: 1 periods need as many values$"):
        alignment_index(spans(1), [part(0.5)], results=[])
