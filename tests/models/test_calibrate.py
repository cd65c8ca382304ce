import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from models.calibrate import CALIBRATORS, NEAREST_TO_CERTAIN, CalibratorName, calibrated, fit_calibrator

TRIED = [name for name in CALIBRATORS if name != "none"]


def distorted(n: int, *, slope: float, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True probabilities, outcomes, and what an overconfident or shifted model would say."""
    random = np.random.default_rng(seed)
    truth = random.beta(2, 3, n)
    return truth, (random.random(n) < truth).astype(int), expit((logit(truth) - shift) / slope)


def fit(name: CalibratorName, raw: np.ndarray, outcome: np.ndarray) -> object:
    return fit_calibrator(name, raw, outcome=outcome, weight=np.ones(len(raw)), lead=np.arange(len(raw)))


@pytest.mark.parametrize(
    ("name", "tolerance"), [("sigmoid", 0.015), ("beta", 0.015), ("isotonic", 0.05), ("venn_abers", 0.05)]
)
def test_a_known_distortion_is_undone(name: CalibratorName, tolerance: float) -> None:
    truth, outcome, raw = distorted(20_000, slope=0.5, shift=-1.0)
    assert np.abs(raw - truth).mean() > 0.1
    found = calibrated(fit(name, raw, outcome), raw)
    assert np.abs(found - truth).mean() < tolerance


def test_beta_undoes_a_skewed_distortion_that_sigmoid_cannot() -> None:
    random = np.random.default_rng(0)
    truth = random.beta(1, 1, 50_000)
    outcome = (random.random(50_000) < truth).astype(int)
    raw = truth**3
    errors = {name: np.abs(calibrated(fit(name, raw, outcome), raw) - truth).mean() for name in ("sigmoid", "beta")}
    assert errors["beta"] < errors["sigmoid"] / 2


@pytest.mark.parametrize("name", TRIED)
@given(asked=hnp.arrays(np.float64, st.integers(2, 50), elements=st.floats(0.0005, 0.9995).map(lambda p: round(p, 4))))
@settings(max_examples=50, deadline=None)
def test_calibration_never_changes_the_order_nor_makes_ties(name: CalibratorName, asked: np.ndarray) -> None:
    _, outcome, raw = distorted(2_000, slope=0.6, shift=0.5)
    found = calibrated(fit(name, raw, outcome), np.unique(asked))
    assert (np.diff(found) > 0).all()
    assert ((found > 0) & (found < 1)).all()


def test_isotonic_probabilities_stay_off_0_and_1_where_outcomes_are_all_the_same() -> None:
    raw = np.linspace(0.01, 0.99, 2_000)
    outcome = (raw > 0.5).astype(int)
    found = calibrated(fit("isotonic", raw, outcome), np.array([0.0, 1.0]))
    assert 0 < found[0] < 0.001
    assert 0.999 < found[1] < 1


def test_venn_abers_stands_between_what_either_outcome_of_the_next_lead_would_make() -> None:
    """By its definition: one more lead at the same probability, once with each outcome."""
    _, outcome, raw = distorted(700, slope=0.6, shift=0.5)
    asked = np.quantile(raw, [0.0, 0.5, 1.0])
    made = [
        [IsotonicRegression().fit(np.append(raw, one), np.append(outcome, said)).predict([one])[0] for one in asked]
        for said in (0, 1)
    ]
    p0, p1 = np.array(made)
    expected = p1 / (1 - p0 + p1)
    found = calibrated(fit("venn_abers", raw, outcome), asked)
    assert found == pytest.approx(0.99 * expected + 0.01 * asked, abs=1e-9)
    assert ((p0 <= expected) & (expected <= p1)).all()


def test_venn_abers_is_less_certain_than_isotonic_where_all_outcomes_were_the_same() -> None:
    raw = np.linspace(0.01, 0.99, 1_200)
    outcome = (raw > 0.5).astype(int)
    isotonic, venn_abers = (
        calibrated(fit(name, raw, outcome), np.array([0.99])) for name in ("isotonic", "venn_abers")
    )
    assert 0.95 < venn_abers[0] < isotonic[0]


@pytest.mark.parametrize("name", ["sigmoid", "beta"])
def test_a_calibrator_that_would_turn_the_ranking_round_is_not_used(name: CalibratorName) -> None:
    _, outcome, raw = distorted(5_000, slope=1.0, shift=0.0)
    assert fit(name, raw, 1 - outcome) is None


@pytest.mark.parametrize(("name", "least"), [("sigmoid", 50), ("beta", 50), ("isotonic", 500), ("venn_abers", 200)])
def test_too_few_outcomes_give_no_calibrator(name: CalibratorName, least: int) -> None:
    random = np.random.default_rng(0)
    raw = random.random(3 * least)
    outcome = np.zeros(3 * least, dtype=int)
    outcome[np.argsort(raw)[-least:]] = 1
    assert fit(name, raw, outcome) is not None
    outcome[np.argmax(raw)] = 0
    assert fit(name, raw, outcome) is None


def test_weights_count() -> None:
    _, outcome, raw = distorted(5_000, slope=1.0, shift=0.0)
    weight = np.where(outcome == 1, 3.0, 1.0)
    found = calibrated(fit_calibrator("sigmoid", raw, outcome=outcome, weight=weight, lead=np.arange(len(raw))), raw)
    expected = expit(logit(raw) + np.log(3))
    assert np.abs(found - expected).mean() < 0.02


def test_no_calibrator_leaves_probabilities_as_they_are_but_for_certainty() -> None:
    assert fit("none", np.array([0.2]), np.array([1])) is None
    assert calibrated(None, np.array([0.0, 0.3])).tolist() == [NEAREST_TO_CERTAIN, 0.3]


@pytest.mark.parametrize("name", TRIED)
def test_nobody_to_calibrate_gives_nothing(name: CalibratorName) -> None:
    _, outcome, raw = distorted(2_000, slope=1.0, shift=0.0)
    assert calibrated(fit(name, raw, outcome), np.empty(0)).shape == (0,)
