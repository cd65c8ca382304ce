"""How many of several events are to be expected."""

import numpy as np
import pytest

from data_contracts.expected_count import expected_count


def test_the_interval_of_a_count_holds_it_as_often_as_it_says():
    random = np.random.default_rng(0)
    probabilities = random.uniform(0.05, 0.9, 60)
    told = expected_count(probabilities)
    counts = (random.random((20_000, 60)) < probabilities).sum(axis=1)
    assert told.value == pytest.approx(probabilities.sum())
    assert 0.95 <= np.mean((counts >= told.low) & (counts <= told.high)) < 0.98


def test_of_no_events_none_is_expected():
    told = expected_count(np.zeros(0))
    assert (told.value, told.low, told.high) == (0.0, 0.0, 0.0)
