import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import log_loss

from data_contracts.snapshots import LabelledTable
from models.calibrate import calibrated
from models.estimators import FALLBACK_SETTING, LIGHTGBM_SETTINGS, LOGISTIC_SETTINGS, SETTINGS
from models.fit import Choice, LaterPredictions, Selection, fit_choice, later_predictions, select
from models.fit import _calibrator as calibrator_of
from models.split import forward_folds, learning_rows
from tests.models.conftest import COLUMNS, TableFactory


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


@pytest.fixture(scope="module")
def selection(rows: pd.DataFrame) -> Selection:
    return select(rows, columns=COLUMNS, seed=0)


def test_every_setting_is_tried_and_the_least_log_loss_on_later_leads_is_chosen(selection: Selection) -> None:
    tried = {(one.estimator, tuple(one.parameters.items())) for one in selection.candidates}
    assert tried == {(setting.estimator, setting.parameters) for setting in SETTINGS}
    uncalibrated = [one for one in selection.candidates if one.calibrator == "none"]
    least = min(uncalibrated, key=lambda one: one.validation_log_loss)
    chosen = [one for one in selection.candidates if one.is_chosen]
    assert len(chosen) == 1
    assert (chosen[0].estimator, chosen[0].parameters) == (least.estimator, least.parameters)
    assert selection.best_logistic.setting in LOGISTIC_SETTINGS


def test_calibrators_are_tried_on_the_chosen_setting(selection: Selection) -> None:
    chosen = selection.best.setting
    calibrators = {
        one.calibrator
        for one in selection.candidates
        if one.estimator == chosen.estimator and one.parameters == dict(chosen.parameters)
    }
    assert calibrators == {"none", "sigmoid", "beta", "isotonic"}


def test_later_predictions_are_made_without_the_leads_they_are_about(rows: pd.DataFrame) -> None:
    """A model that had seen the outcomes would predict a copy of the outcome perfectly; later ones are unrelated."""
    random = np.random.default_rng(0)
    told = rows.assign(noise=random.normal(size=len(rows)))
    folds = forward_folds(told)
    later = later_predictions(LIGHTGBM_SETTINGS[0], folds, columns=COLUMNS, seed=0)
    assert len(later.raw) == sum(len(fold.test) for fold in folds)
    truth = np.concatenate([fold.test["true_p"] for fold in folds])
    assert np.corrcoef(later.raw, truth)[0, 1] > 0.8


def later(n: int, *, distortion: float, seed: int = 0) -> LaterPredictions:
    random = np.random.default_rng(seed)
    truth = random.beta(2, 4, n)
    outcome = (random.random(n) < truth).astype(np.int64)
    return LaterPredictions(raw=truth**distortion, outcome=outcome, weight=np.ones(n))


def test_a_calibrator_is_chosen_where_probabilities_are_off() -> None:
    assert calibrator_of(later(4_000, distortion=2.0)) in {"sigmoid", "beta", "isotonic"}


def test_no_calibrator_is_chosen_where_probabilities_are_right() -> None:
    assert [calibrator_of(later(2_000, distortion=1.0, seed=seed)) for seed in range(5)].count("none") >= 4


def test_a_chosen_calibrator_draws_overconfident_trees_in(make_table: TableFactory) -> None:
    rows = learning_rows(make_table(n_leads=1_500, strength=0.5, seed=3))
    setting = LIGHTGBM_SETTINGS[-1]
    raw, mended = (fit_choice(Choice(setting, name), rows, columns=COLUMNS, seed=0) for name in ("none", "sigmoid"))
    assert (raw.calibrator_name, mended.calibrator_name) == ("none", "sigmoid")
    fresh = learning_rows(make_table(n_leads=1_500, strength=0.5, seed=4))
    assert mended.predict(fresh).tolist() == calibrated(mended.calibrator, raw.predict(fresh)).tolist()
    assert logit(mended.predict(fresh)).std() < 0.7 * logit(raw.predict(fresh)).std()
    losses = [log_loss(fresh["converted"], model.predict(fresh)) for model in (raw, mended)]
    assert losses[1] < losses[0]


def test_without_later_outcomes_the_most_regularised_logistic_regression_is_fitted(rows: pd.DataFrame) -> None:
    few = rows[rows["as_of"] < rows["as_of"].min() + pd.Timedelta(days=40)]
    assert forward_folds(few) == ()
    selection = select(few, columns=COLUMNS, seed=0)
    assert selection == Selection(Choice(FALLBACK_SETTING, "none"), Choice(FALLBACK_SETTING, "none"), ())
    model = fit_choice(Choice(FALLBACK_SETTING, "sigmoid"), few, columns=COLUMNS, seed=0)
    assert model.calibrator_name == "none", "a calibrator that cannot be learnt is not in force"
    assert ((model.predict(few) > 0) & (model.predict(few) < 1)).all()
