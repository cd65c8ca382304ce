"""Chance after many questions: what statsmodels says of the same ones."""

import pytest
from statsmodels.stats.multitest import multipletests

from alignment.chance import after_all_looks


def test_many_looks_count_as_holm_has_it():
    chances = [0.001, 0.2, 0.012, 0.03, 0.9]
    assert after_all_looks(chances) == pytest.approx(multipletests(chances, method="holm")[1])
    assert after_all_looks([]) == []
