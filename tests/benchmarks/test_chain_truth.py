import numpy as np
import pytest

from benchmarks.chain import AgainstTruth


def test_the_truth_itself_is_right_in_every_figure():
    true = np.linspace(0.01, 0.6, 500)
    found = AgainstTruth.of(true, true)
    assert found.mean_predicted == found.mean_true
    assert found.slope == pytest.approx(1, abs=1e-3)
    assert (found.rank_correlation, found.excess_loss) == (1.0, 0.0)


def test_half_the_probability_is_too_low_and_costs_log_loss():
    true = np.linspace(0.01, 0.6, 500)
    found = AgainstTruth.of(true / 2, true)
    assert found.mean_predicted == pytest.approx(found.mean_true / 2)
    assert found.rank_correlation == pytest.approx(1)
    assert found.excess_loss > 0.01
