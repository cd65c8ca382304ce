import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.linear import logistic_probabilities


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(400, 309))


@pytest.fixture(scope="module")
def model(inputs: np.ndarray) -> LogisticRegression:
    return LogisticRegression(max_iter=1000).fit(inputs, inputs[:, 0] + inputs[:, 1] > 0)


def test_the_probabilities_are_those_of_scikit_learn(model: LogisticRegression, inputs: np.ndarray) -> None:
    assert logistic_probabilities(model, inputs) == pytest.approx(model.predict_proba(inputs)[:, 1], rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64])
def test_a_row_has_the_same_probability_in_any_batch(model: LogisticRegression, inputs: np.ndarray, n: int) -> None:
    batches = [logistic_probabilities(model, inputs[start : start + n]) for start in range(0, len(inputs), n)]
    assert np.concatenate(batches).tolist() == logistic_probabilities(model, inputs).tolist()


def test_the_layout_in_memory_makes_no_difference(model: LogisticRegression, inputs: np.ndarray) -> None:
    by_column = np.asfortranarray(inputs)
    assert logistic_probabilities(model, by_column).tolist() == logistic_probabilities(model, inputs).tolist()
