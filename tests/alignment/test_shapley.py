"""How a change divides among its factors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alignment.shapley import shapley_parts

FACTORS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=5)


def product(x):
    return x.prod(axis=0)


@given(FACTORS)
@hypothesis_settings(max_examples=50, deadline=None)
def test_the_parts_add_up_to_the_change_and_do_not_hang_on_the_order(factors):
    before, after = (np.array([[one[side]] for one in factors]) for side in (0, 1))
    parts = shapley_parts(product, before, after)
    assert parts.sum() == pytest.approx(float(product(after)[0] - product(before)[0]), rel=1e-9, abs=1e-6)
    assert shapley_parts(product, before[::-1], after[::-1]) == pytest.approx(parts[::-1], rel=1e-9, abs=1e-6)


def test_a_factor_that_did_not_change_has_no_part():
    parts = shapley_parts(product, np.array([[2.0], [3.0], [0.0]]), np.array([[2.0], [5.0], [7.0]]))
    assert parts[0, 0] == 0.0
    assert parts.sum() == 2 * 5 * 7


def test_each_column_is_a_change_of_its_own():
    both = shapley_parts(product, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]))
    second = shapley_parts(product, np.array([[2.0], [4.0]]), np.array([[6.0], [8.0]]))
    assert both[:, 1].tolist() == second[:, 0].tolist()
