import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import log_loss

from data_contracts.snapshots import LabelledTable
from models.calibrate import calibrated
from models.estimators import LIGHTGBM_SETTINGS, LOGISTIC_SETTINGS, model_frame, raw_probabilities
from models.fit import Choice, Fitter
from models.split import forward_folds, learning_rows
from tests.models.conftest import COLUMNS, TableFactory

FITTER = Fitter(COLUMNS, seed=0)


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


def test_held_out_predictions_are_made_without_the_leads_they_are_about(rows: pd.DataFrame) -> None:
    fold = forward_folds(rows)[-1]
    turned = fold.test.assign(converted=~fold.test["converted"].astype(bool))
    told, asked = (FITTER.held_out(LIGHTGBM_SETTINGS[0], fold.train, test) for test in (turned, fold.test))
    assert told.raw.tolist() == asked.raw.tolist()
    assert np.corrcoef(asked.raw, fold.test["true_p"])[0, 1] > 0.8


def test_cross_predictions_cover_every_row_once_and_never_use_the_account_s_own_outcomes(rows: pd.DataFrame) -> None:
    cross = FITTER.cross_predictions(LOGISTIC_SETTINGS[0], rows)
    assert len(cross.raw) == len(rows)
    assert sorted(cross.weight) == sorted(rows["weight"])
    own_only = FITTER.held_out(LOGISTIC_SETTINGS[0], rows, rows)
    loss, loss_seen = (log_loss(part.outcome, part.raw, sample_weight=part.weight) for part in (cross, own_only))
    assert loss > loss_seen, "a model that saw the outcomes would do better"


def test_a_calibrator_draws_overconfident_trees_in(make_table: TableFactory) -> None:
    rows = learning_rows(make_table(n_leads=1_500, strength=0.5, seed=3))
    setting = LIGHTGBM_SETTINGS[-1]
    (plain, nothing), (estimator, sigmoid) = (
        FITTER.fit_choice(Choice(setting, name), rows) for name in ("none", "sigmoid")
    )
    assert nothing is None
    fresh = model_frame(told := learning_rows(make_table(n_leads=1_500, strength=0.5, seed=4)), COLUMNS)
    raw = raw_probabilities(estimator, fresh)
    assert raw.tolist() == raw_probabilities(plain, fresh).tolist()
    mended = calibrated(sigmoid, raw)
    assert logit(mended).std() < 0.7 * logit(raw).std()
    assert log_loss(told["converted"], mended) < log_loss(told["converted"], raw)


def test_a_calibrator_that_cannot_be_learnt_is_not_in_force(rows: pd.DataFrame) -> None:
    few = rows[rows["as_of"] < rows["as_of"].min() + pd.Timedelta(days=40)]
    estimator, calibrator = FITTER.fit_choice(Choice(LOGISTIC_SETTINGS[0], "sigmoid"), few)
    assert calibrator is None
    probability = calibrated(calibrator, raw_probabilities(estimator, model_frame(few, COLUMNS)))
    assert ((probability > 0) & (probability < 1)).all()


def test_every_part_of_a_cross_fit_has_both_outcomes_however_unlike_the_accounts(rows: pd.DataFrame) -> None:
    """A few large accounts that never converted and many small ones that did must not end up on different sides."""
    lost, won = rows[~rows["converted"]].head(2_000), rows[rows["converted"]].head(20)
    large = lost.assign(group_id=[f"large {number // 100:02}" for number in range(len(lost))])
    small = won.assign(group_id=[f"small {number:02}" for number in range(len(won))])
    unlike = pd.concat([large, small], ignore_index=True)
    cross = FITTER.cross_predictions(LOGISTIC_SETTINGS[0], unlike)
    assert len(cross.raw) == len(unlike)
    assert cross.outcome.sum() == 20
