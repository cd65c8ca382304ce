import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from models.metrics import N_BINS, AdditiveMetrics, Judged, RankingMetrics, equal_mass_bins, lift_name


def judged(outcome: list[int] | np.ndarray, *, weight: np.ndarray | None = None) -> Judged:
    """Rows of which each is a group of its own."""
    n = len(outcome)
    return Judged(np.asarray(outcome), np.ones(n) if weight is None else weight, np.arange(n), n)


def once(n: int) -> np.ndarray:
    return np.ones((1, n))


@pytest.fixture(scope="module")
def leads() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, probability with ties, and weight of 500 leads."""
    random = np.random.default_rng(1)
    probability = np.round(random.beta(2, 5, 500), 2).clip(0.01, 0.99)
    return (random.random(500) < probability**1.3).astype(int), probability, random.uniform(0.1, 1, 500)


def test_losses_and_ranks_are_those_of_scikit_learn_with_weights_and_ties(leads: tuple[np.ndarray, ...]) -> None:
    outcome, probability, weight = leads
    rows = judged(outcome, weight=weight)
    additive = AdditiveMetrics(rows, probability)(once(500))
    ranking = RankingMetrics(rows, probability, capacity_share=None)(once(500))
    assert additive["log_loss"][0] == pytest.approx(log_loss(outcome, probability, sample_weight=weight))
    assert additive["brier"][0] == pytest.approx(brier_score_loss(outcome, probability, sample_weight=weight))
    assert ranking["auc"][0] == pytest.approx(roc_auc_score(outcome, probability, sample_weight=weight))
    assert ranking["average_precision"][0] == pytest.approx(
        average_precision_score(outcome, probability, sample_weight=weight)
    )


def test_calibration_slope_is_that_of_a_logistic_regression_on_the_log_odds(leads: tuple[np.ndarray, ...]) -> None:
    outcome, probability, weight = leads
    found = AdditiveMetrics(judged(outcome, weight=weight), probability)(once(500))
    line = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(probability)[:, None], outcome, sample_weight=weight)
    assert found["calibration_slope"][0] == pytest.approx(line.coef_[0, 0], abs=1e-4)


@pytest.mark.parametrize("too_certain", [0.0, 5.0, 30.0])
def test_slope_and_intercept_are_found_for_probabilities_that_are_far_too_certain(too_certain: float) -> None:
    random = np.random.default_rng(3)
    truth = random.normal(size=2_000)
    outcome = (random.random(2_000) < expit(truth)).astype(int)
    log_odds = np.clip(3 + too_certain * truth, logit(1e-6), -logit(1e-6)) + random.normal(size=2_000) / 1e3
    found = AdditiveMetrics(judged(outcome), expit(log_odds))(once(2_000))
    seen = logit(np.clip(expit(log_odds), 1e-6, 1 - 1e-6))
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(seen[:, None], outcome)
    if too_certain:
        assert found["calibration_slope"][0] == pytest.approx(line.coef_[0, 0], rel=1e-3)
    assert np.sum(expit(seen + found["calibration_intercept"][0])) == pytest.approx(np.sum(outcome), rel=1e-3)


def test_calibration_intercept_is_what_makes_predictions_add_up_to_the_outcomes(leads: tuple[np.ndarray, ...]) -> None:
    outcome, probability, weight = leads
    shift = AdditiveMetrics(judged(outcome, weight=weight), probability)(once(500))["calibration_intercept"][0]
    assert shift < 0, "outcomes were drawn from lower probabilities"
    assert np.sum(weight * expit(logit(probability) + shift)) == pytest.approx(np.sum(weight * outcome))


def test_counting_a_group_twice_is_the_same_as_having_its_rows_twice(leads: tuple[np.ndarray, ...]) -> None:
    outcome, probability, weight = leads
    random = np.random.default_rng(2)
    group = np.arange(500) // 2
    counts = random.poisson(1.0, (1, 250)).astype(float)
    repeated = np.repeat(np.arange(500), counts[0, group].astype(int))
    again = judged(outcome[repeated], weight=weight[repeated])
    rows = Judged(outcome, weight, group, 250)
    resampled = RankingMetrics(rows, probability, capacity_share=0.3)(counts)
    redone = RankingMetrics(again, probability[repeated], capacity_share=0.3)(once(len(repeated)))
    for name, values in resampled.items():
        assert values[0] == pytest.approx(redone[name][0]), name
    resampled = AdditiveMetrics(rows, probability)(counts)
    redone = AdditiveMetrics(again, probability[repeated])(once(len(repeated)))
    for name in ("log_loss", "brier"):
        assert resampled[name][0] == pytest.approx(redone[name][0]), name
    for name in ("calibration_slope", "calibration_intercept"):
        assert resampled[name][0] == pytest.approx(redone[name][0], abs=0.02), f"{name}: one Newton step is close"


def test_share_of_conversions_counts_leads_from_the_top() -> None:
    outcome = [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    ranking = np.array([10, 9, 8, 7, 6, 5, 4, 3, 2, 1.0])
    found = RankingMetrics(judged(outcome), ranking, capacity_share=0.35)(once(10))
    assert found["lift_in_top_tenth"][0] == pytest.approx((1 / 3) / (1 / 10))
    assert found["captured_at_capacity"][0] == pytest.approx(2 / 3), "3.5 leads: the first three hold two of three"
    assert found[lift_name(1.0)][0] == 1.0


def test_leads_that_tie_are_captured_in_part() -> None:
    outcome = [1, 1, 0, 0]
    found = RankingMetrics(judged(outcome), np.zeros(4), capacity_share=0.5)(once(4))
    assert found["auc"][0] == 0.5
    assert found["captured_at_capacity"][0] == pytest.approx(0.5)
    assert found["lift_in_top_tenth"][0] == pytest.approx(1.0)


def test_expected_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    probability = np.repeat([0.2, 0.6], 10)
    outcome = np.array([1] * 3 + [0] * 7 + [1] * 4 + [0] * 6)
    found = AdditiveMetrics(judged(outcome), probability)(once(20))
    assert found["expected_calibration_error"][0] == pytest.approx((abs(0.2 - 0.3) + abs(0.6 - 0.4)) / 2)


def test_bins_hold_equal_weight_and_never_part_a_tie() -> None:
    weight = np.ones(100)
    assert np.bincount(equal_mass_bins(np.arange(100) / 100, weight)).tolist() == [10] * N_BINS
    assert np.unique(equal_mass_bins(np.array([0.1] * 95 + [0.2] * 5), np.ones(100))).tolist() == [4, 9]


def test_figures_that_are_not_defined_are_not_numbers() -> None:
    one_outcome = AdditiveMetrics(judged([0, 0, 0]), np.array([0.1, 0.2, 0.3]))(once(3))
    assert np.isnan(one_outcome["calibration_intercept"][0])
    assert np.isnan(RankingMetrics(judged([0, 0]), np.array([1.0, 2.0]), capacity_share=None)(once(2))["auc"][0])
    same_for_all = AdditiveMetrics(judged([0, 1, 0]), np.full(3, 0.3))(once(3))
    assert np.isnan(same_for_all["calibration_slope"][0])
    assert same_for_all["calibration_intercept"][0] == pytest.approx(logit(1 / 3) - logit(0.3))


def test_certain_and_wrong_predictions_cost_much_but_not_infinitely_much() -> None:
    found = AdditiveMetrics(judged([1, 0]), np.array([0.0, 0.5]))(once(2))
    assert found["log_loss"][0] == pytest.approx((-np.log(1e-6) - np.log(0.5)) / 2)
