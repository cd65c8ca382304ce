import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.preprocessing import QuantileTransformer

from data_contracts.errors import ReleaseError
from data_contracts.vocabulary import Transition
from models.calibrate import CALIBRATORS, CalibratorName, fit_calibrator
from models.estimators import Setting
from models.fitted import FittedTransition
from tests.example_release import LIGHTGBM, LOGISTIC, base_rate, fitted, leads


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
    explained = blend.explained(frame, asked=np.arange(20) < 7)
    assert explained.probability.tolist() == blend.predict(frame).tolist()
    assert explained.contributions.equals(blend.contributions(frame).head(7))


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
def test_explained_are_the_probabilities_and_the_contributions_of_those_asked(
    model: FittedTransition, asked: list[int]
) -> None:
    frame = leads(5, seed=9).set_index(pd.Index(list("abcde")))
    found = model.explained(frame, asked=np.isin(np.arange(5), asked))
    assert found.probability.tolist() == model.predict(frame).tolist()
    assert found.contributions.equals(model.contributions(frame).iloc[asked])


def test_explaining_turns_the_features_into_a_design_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(Transition.MQL_TO_SQL, setting=LOGISTIC)
    asked: list[int] = []
    original = QuantileTransformer.transform

    def counting(ranks: QuantileTransformer, numbers: np.ndarray) -> np.ndarray:
        asked.append(len(numbers))
        return np.asarray(original(ranks, numbers))

    monkeypatch.setattr(QuantileTransformer, "transform", counting)
    model.explained(leads(5, seed=9), asked=np.ones(5, dtype=bool))
    assert asked == [5]


@pytest.mark.whole
@pytest.mark.parametrize("calibrator", CALIBRATORS)
@pytest.mark.parametrize("setting", [LOGISTIC, LIGHTGBM], ids=lambda setting: setting.estimator)
def test_a_lead_is_told_the_same_in_any_batch(setting: Setting, calibrator: CalibratorName) -> None:
    raw = fitted(Transition.MQL_TO_SQL, setting=setting)
    learnt, frame = leads(2_000, seed=8), leads(30, seed=9)
    p = raw.predict(learnt)
    outcome = (np.random.default_rng(0).random(len(p)) < p).astype(int)
    fit = fit_calibrator(calibrator, p, outcome=outcome, weight=np.ones(len(p)), lead=np.arange(len(p)))
    model = FittedTransition(raw.summary, raw.columns, raw.estimators, fit)
    for n in (1, 3, 7):
        batches = [frame.iloc[start : start + n] for start in range(0, len(frame), n)]
        assert np.concatenate([model.predict(batch) for batch in batches]).tolist() == model.predict(frame).tolist()
        assert pd.concat([model.contributions(batch) for batch in batches]).equals(model.contributions(frame))
