from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.preprocessing import QuantileTransformer

from data_contracts.errors import ReleaseError
from data_contracts.recalibration import Recalibration
from data_contracts.releases import BaseRateByAge
from data_contracts.snapshots import DAYS_IN_STAGE
from data_contracts.vocabulary import Transition
from models import design
from models.calibrate import CALIBRATORS, NEAREST_TO_CERTAIN, CalibratorName, fit_calibrator
from models.estimators import design_log_odds, model_frame
from models.fitted import FittedTransition
from tests.example_release import COLUMNS, LIGHTGBM, LOGISTIC, base_rate, fitted, leads, recalibration

KINDS = {"logistic_regression": (LOGISTIC,), "lightgbm": (LIGHTGBM,), "blend": (LOGISTIC, LIGHTGBM)}
MENDS = (
    None,
    recalibration("none"),
    recalibration("level", intercept=0.7),
    recalibration("level_and_slope", intercept=-0.4, slope=1.3),
    recalibration("level", intercept=40.0),
)


@cache
def calibrated_model(kind: str, calibrator: CalibratorName) -> FittedTransition:
    """A model of that kind whose calibrator learnt from other leads that half of those convert that it expects to."""
    parts = [fitted(Transition.MQL_TO_SQL, setting=setting) for setting in KINDS[kind]]
    made = replace(parts[0], estimators=tuple(part.estimators[0] for part in parts))
    p = made.predict(leads(3_000, seed=8))
    outcome = (np.random.default_rng(0).random(len(p)) < p / 2).astype(int)
    fit = fit_calibrator(calibrator, p, outcome=outcome, weight=np.ones(len(p)), lead=np.arange(len(p)))
    assert (fit is None) == (calibrator == "none")
    return replace(made, calibrator=fit)


@cache
def base_rate_of_two_ages() -> FittedTransition:
    """A fifth of those who have just come convert, a tenth of those who wait for a week."""
    made = base_rate(Transition.MQL_TO_SQL)
    ages = {"from_days": (0.0, 7.0), "probability": (0.2, 0.1)}
    by_age = BaseRateByAge(**(dict(made.summary.base_rate_by_age) | ages))
    return replace(made, summary=made.summary.model_copy(update={"base_rate_by_age": by_age}))


def mended_by(model: FittedTransition, mend: Recalibration | None) -> FittedTransition:
    return replace(model, summary=model.summary.model_copy(update={"recalibration": mend}))


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 12).map(float)
words = st.sampled_from(["software", "retail", "mining", "unheard of", None])
frames = st.lists(st.tuples(numbers, numbers, words, st.sampled_from([0.0, 3.0, 7.0, 100.0])), max_size=6).map(
    lambda rows: pd.DataFrame(
        rows, columns=["visits", "days_since_visit", "industry", DAYS_IN_STAGE]
    ).astype({"visits": float, "days_since_visit": float, "industry": "str", DAYS_IN_STAGE: float})
)  # fmt: skip


@pytest.mark.whole
@pytest.mark.parametrize(("kind", "calibrator"), [*product(KINDS, CALIBRATORS), ("base_rate", "none")])
@settings(max_examples=8, deadline=None)
@given(mend=st.sampled_from(MENDS), frame=frames)
def test_baseline_contributions_and_calibration_add_up_to_what_is_published(
    kind: str, calibrator: CalibratorName, mend: Recalibration | None, frame: pd.DataFrame
) -> None:
    model = base_rate_of_two_ages() if kind == "base_rate" else calibrated_model(kind, calibrator)
    explained = mended_by(model, mend).explained(frame)
    published = mended_by(model, mend).predict(frame)
    assert explained.probability.tolist() == published.tolist()
    assert explained.log_odds() == pytest.approx(logit(published), abs=1e-6)
    assert ((published >= NEAREST_TO_CERTAIN) & (published <= 1 - NEAREST_TO_CERTAIN)).all()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(frame=frames.filter(len))
def test_baseline_and_contributions_are_what_the_estimators_say_on_average(kind: str, frame: pd.DataFrame) -> None:
    model, features = calibrated_model(kind, "beta"), model_frame(frame, COLUMNS)
    said = [design_log_odds(one[-1], one[:-1].transform(features)) for one in model.estimators]
    explained = model.explained(frame)
    before = explained.baseline + explained.contributions.sum(axis=1)
    assert before.to_numpy() == pytest.approx(np.mean(said, axis=0), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_calibrator_calibration_adds_nothing(kind: str) -> None:
    explained = calibrated_model(kind, "none").explained(leads(50, seed=9))
    assert np.abs(explained.calibration).max() < 1e-9


def test_what_a_mend_adds_is_in_the_calibration() -> None:
    model, frame = calibrated_model("blend", "none"), leads(50, seed=9)
    mend = recalibration("level_and_slope", intercept=-0.4, slope=1.3)
    expected = -0.4 + 0.3 * logit(model.predict(frame))
    assert mended_by(model, mend).explained(frame).calibration == pytest.approx(expected, abs=1e-9)


def test_the_base_rate_of_the_age_is_the_baseline_where_there_is_no_signal() -> None:
    model = mended_by(base_rate_of_two_ages(), recalibration("level", intercept=0.7))
    explained = model.explained(leads(3).assign(**{DAYS_IN_STAGE: [0.0, 8.0, 7.0]}))
    assert explained.baseline == pytest.approx(logit([0.2, 0.1, 0.1]))
    assert explained.calibration == pytest.approx([0.7, 0.7, 0.7])


def test_what_the_bounds_cut_off_is_in_the_calibration() -> None:
    model, frame = fitted(Transition.MQL_TO_SQL), leads(20, seed=9)
    sure = deepcopy(model.estimators[0])
    sure.named_steps["classifier"].intercept_ += 100.0
    explained = replace(model, estimators=(sure,)).explained(frame)
    assert explained.probability.tolist() == [1 - NEAREST_TO_CERTAIN] * 20
    assert explained.baseline.min() > 90
    assert explained.calibration.max() < -75
    assert explained.log_odds() == pytest.approx(logit(1 - NEAREST_TO_CERTAIN), abs=1e-6)


@pytest.mark.parametrize("setting", [LOGISTIC, LIGHTGBM], ids=lambda setting: setting.estimator)
def test_contributions_are_differences_in_log_odds_before_calibration(setting: object) -> None:
    model = fitted(Transition.MQL_TO_SQL, setting=setting)  # type: ignore[arg-type]
    frame = leads(100, seed=9)
    contributions = model.contributions(frame)
    differences = contributions.sum(axis=1) - logit(model.predict(frame))
    assert differences.to_numpy() == pytest.approx(differences.iloc[0], abs=1e-9)
    assert list(contributions.columns) == ["visits", "days_since_visit", "industry"]


def test_probabilities_are_calibrated() -> None:
    raw = fitted(Transition.MQL_TO_SQL)
    frame = leads(4_000, seed=9)
    random = np.random.default_rng(0)
    p = raw.predict(frame)
    outcome = (random.random(len(p)) < p / 2).astype(int)
    halving = fit_calibrator("sigmoid", p, outcome=outcome, weight=np.ones(len(p)), lead=np.arange(len(p)))
    mended = FittedTransition(raw.summary, raw.columns, raw.estimators, halving)
    assert mended.predict(frame).mean() == pytest.approx(p.mean() / 2, abs=0.01)
    assert mended.contributions(frame).equals(raw.contributions(frame))


def test_more_columns_in_any_order_are_fine() -> None:
    model = fitted(Transition.MQL_TO_SQL)
    frame = leads(5)
    wider = pd.DataFrame({"lead_id": list("abcde")}).join(frame[["industry", "days_since_visit", "visits"]])
    assert model.predict(wider).tolist() == model.predict(frame).tolist()


@pytest.mark.parametrize("model", [fitted(Transition.MQL_TO_SQL), base_rate(Transition.MQL_TO_SQL)])
def test_all_lacking_features_are_named(model: FittedTransition) -> None:
    frame = leads(5)[["industry"]]
    for ask in (model.predict, model.contributions):
        with pytest.raises(ReleaseError, match=r"lacks 2 of the 3 features .*\(visits, days_since_visit\)"):
            ask(frame)


def test_the_base_rate_is_the_same_for_all_and_has_no_reasons() -> None:
    model = base_rate(Transition.SQL_TO_WIN)
    frame = leads(3).set_index(pd.Index([5, 6, 7]))
    assert model.predict(frame).tolist() == [0.25] * 3
    contributions = model.contributions(frame)
    assert contributions.index.tolist() == [5, 6, 7]
    assert (contributions == 0).all(axis=None)


def test_a_blend_is_the_mean_of_the_log_odds_and_so_are_its_contributions() -> None:
    one, other = (fitted(Transition.MQL_TO_SQL, setting=setting) for setting in (LOGISTIC, LIGHTGBM))
    blend = FittedTransition(one.summary, one.columns, (*one.estimators, *other.estimators), None)
    frame = leads(20, seed=9)
    mean = (logit(one.predict(frame)) + logit(other.predict(frame))) / 2
    assert logit(blend.predict(frame)) == pytest.approx(mean)
    parts = (one.contributions(frame) + other.contributions(frame)) / 2
    assert blend.contributions(frame).to_numpy() == pytest.approx(parts.to_numpy())
    predicted = blend.predicted(frame, asked=np.arange(20) < 7)
    assert predicted.probability.tolist() == blend.predict(frame).tolist()
    assert predicted.explained.contributions.equals(blend.contributions(frame).head(7))


def test_nobody_asked_about_gives_nothing() -> None:
    model = fitted(Transition.MQL_TO_SQL, setting=LIGHTGBM)
    assert model.predict(leads(5).head(0)).shape == (0,)
    assert model.contributions(leads(5).head(0)).shape == (0, 3)


@pytest.mark.parametrize(
    "model",
    [fitted(Transition.MQL_TO_SQL, setting=setting) for setting in (LOGISTIC, LIGHTGBM)]
    + [base_rate(Transition.MQL_TO_SQL)],
    ids=["logistic_regression", "lightgbm", "base_rate"],
)
@pytest.mark.parametrize("asked", [[0, 3, 4], [], [0, 1, 2, 3, 4]])
def test_those_who_are_asked_about_are_explained_and_all_are_predicted(
    model: FittedTransition, asked: list[int]
) -> None:
    frame = leads(5, seed=9).set_index(pd.Index(list("abcde")))
    found = model.predicted(frame, asked=np.isin(np.arange(5), asked))
    assert found.probability.tolist() == model.predict(frame).tolist()
    assert found.explained.probability.tolist() == model.predict(frame)[asked].tolist()
    assert found.explained.contributions.equals(model.contributions(frame).iloc[asked])
    assert found.explained.log_odds() == pytest.approx(logit(model.predict(frame)[asked]), abs=1e-6)


def test_explaining_turns_the_features_into_a_design_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(Transition.MQL_TO_SQL, setting=LOGISTIC)
    asked: list[int] = []
    original = QuantileTransformer.transform

    def counting(ranks: QuantileTransformer, numbers: np.ndarray) -> np.ndarray:
        asked.append(len(numbers))
        return np.asarray(original(ranks, numbers))

    monkeypatch.setattr(QuantileTransformer, "transform", counting)
    model.explained(leads(5, seed=9))
    assert asked == [5]


@pytest.mark.parametrize("kind", KINDS)
def test_leads_that_fill_several_designs_are_told_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, frame = calibrated_model(kind, "none"), leads(100, seed=9)
    asked = np.arange(100) % 3 == 0
    whole = model.predicted(frame, asked=asked)
    monkeypatch.setattr(design, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(design, "PLAIN_ROWS_AT_ONCE", 7)
    parts = model.predicted(frame, asked=asked)
    assert parts.probability.tolist() == whole.probability.tolist()
    assert parts.explained.contributions.to_numpy() == pytest.approx(whole.explained.contributions, abs=1e-12)


def batches_of(frame: pd.DataFrame) -> Iterator[list[pd.DataFrame]]:
    """`frame` lead by lead, and in batches of three and of seven."""
    for n in (1, 3, 7):
        yield [frame.iloc[start : start + n] for start in range(0, len(frame), n)]


@pytest.mark.whole
@pytest.mark.parametrize("calibrator", CALIBRATORS)
@pytest.mark.parametrize("kind", ["logistic_regression", "lightgbm"])
def test_a_lead_is_told_the_same_in_any_batch(kind: str, calibrator: CalibratorName) -> None:
    model, frame = calibrated_model(kind, calibrator), leads(20, seed=9)
    for batches in batches_of(frame):
        assert np.concatenate([model.predict(batch) for batch in batches]).tolist() == model.predict(frame).tolist()


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["logistic_regression", "lightgbm"])
def test_what_features_contribute_is_the_same_in_any_batch(kind: str) -> None:
    """No calibrator plays a part in it."""
    model, frame = calibrated_model(kind, "none"), leads(20, seed=9)
    for batches in batches_of(frame):
        assert pd.concat([model.contributions(batch) for batch in batches]).equals(model.contributions(frame))
