import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import log_loss

from data_contracts.snapshots import LabelledTable
from models import fit
from models.calibrate import blended, calibrated
from models.estimators import lightgbm_setting, logistic_setting, model_frame, raw_probabilities
from models.fit import Fitter
from models.recipe import Recipe
from models.split import forward_folds, learning_rows
from models.young import YoungLeads
from tests.models.conftest import COLUMNS, LOGISTIC, TREES, TableFactory

FITTER = Fitter(COLUMNS, seed=0)


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


def test_held_out_predictions_are_made_without_the_leads_they_are_about(rows: pd.DataFrame) -> None:
    fold = forward_folds(rows)[-1]
    turned = fold.test.assign(converted=~fold.test["converted"].astype(bool))
    told, asked = (FITTER.held_out(TREES, fold.train, test) for test in (turned, fold.test))
    assert told.raw.tolist() == asked.raw.tolist()
    assert np.corrcoef(asked.raw, fold.test["true_p"])[0, 1] > 0.8


def test_cross_predictions_cover_every_row_once_and_never_use_the_account_s_own_outcomes(rows: pd.DataFrame) -> None:
    cross = FITTER.cross_predictions((LOGISTIC,), rows)
    assert len(cross.raw) == len(rows)
    assert sorted(cross.weight) == sorted(rows["weight"])
    own_only = FITTER.held_out(LOGISTIC, rows, rows)
    loss, loss_seen = (log_loss(part.outcome, part.raw, sample_weight=part.weight) for part in (cross, own_only))
    assert loss > loss_seen, "a model that saw the outcomes would do better"


def test_a_calibrator_draws_overconfident_trees_in(make_table: TableFactory) -> None:
    rows = learning_rows(make_table(n_leads=1_500, strength=0.5, seed=3))
    overconfident = Recipe((lightgbm_setting(2, categories="one_hot"),))
    plain, mended = (FITTER.make(overconfident.with_calibrator(name), rows, at=None) for name in ("none", "sigmoid"))
    assert plain.calibrator is None
    fresh = model_frame(told := learning_rows(make_table(n_leads=1_500, strength=0.5, seed=4)), COLUMNS)
    raw, again = (raw_probabilities(made.estimators[0], fresh) for made in (plain, mended))
    assert raw.tolist() == again.tolist()
    drawn_in = calibrated(mended.calibrator, raw)
    assert logit(drawn_in).std() < 0.7 * logit(raw).std()
    assert log_loss(told["converted"], drawn_in) < log_loss(told["converted"], raw)


def test_a_calibrator_that_cannot_be_learnt_is_not_in_force(rows: pd.DataFrame) -> None:
    few = rows[rows["as_of"] < rows["as_of"].min() + pd.Timedelta(days=40)]
    made = FITTER.make(Recipe((LOGISTIC,), calibrator="sigmoid"), few, at=None)
    assert made.calibrator is None
    probability = FITTER.predicted(Recipe((LOGISTIC,), calibrator="sigmoid"), few, few, at=None)
    assert ((probability > 0) & (probability < 1)).all()


def test_every_part_of_a_cross_fit_has_both_outcomes_however_unlike_the_accounts(rows: pd.DataFrame) -> None:
    """A few large accounts that never converted and many small ones that did must not end up on different sides."""
    lost, won = rows[~rows["converted"]].head(2_000), rows[rows["converted"]].head(20)
    large = lost.assign(group_id=[f"large {number // 100:02}" for number in range(len(lost))])
    small = won.assign(group_id=[f"small {number:02}" for number in range(len(won))])
    unlike = pd.concat([large, small], ignore_index=True)
    cross = FITTER.cross_predictions((LOGISTIC,), unlike)
    assert len(cross.raw) == len(unlike)
    assert cross.outcome.sum() == 20


def test_a_blend_predicts_the_mean_log_odds_of_its_parts(rows: pd.DataFrame) -> None:
    fold = forward_folds(rows)[-1]
    one, other = (FITTER.held_out(setting, fold.train, fold.test).raw for setting in (LOGISTIC, TREES))
    blend = FITTER.predicted(Recipe((LOGISTIC, TREES)), fold.train, fold.test, at=None)
    assert blend.tolist() == blended([one, other]).tolist()


def test_a_recipe_learns_from_the_latest_rows_only_where_it_says_so(rows: pd.DataFrame) -> None:
    latest = FITTER.learnt(Recipe((LOGISTIC,), recent_days=90.0), rows, at=None)
    is_recent = rows["as_of"] >= rows["as_of"].max() - pd.Timedelta(days=90)
    assert latest.equals(rows[is_recent])
    assert 0 < is_recent.sum() < len(rows)
    assert FITTER.learnt(Recipe((LOGISTIC,)), rows, at=None).equals(rows)


def test_a_row_weighs_half_as_much_as_one_that_is_a_half_life_later(rows: pd.DataFrame) -> None:
    faded = FITTER.learnt(Recipe((LOGISTIC,), half_life_days=90.0), rows, at=None)
    share = (faded["weight"] / rows["weight"]).to_numpy()
    age = (rows["as_of"].max() - rows["as_of"]).dt.total_seconds().to_numpy() / 86_400
    assert share[-1] == 1.0
    assert share == pytest.approx(2.0 ** (-age / 90.0))


def test_a_calibrator_learns_from_a_sample_of_accounts_where_rows_are_many(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(FITTER.seen_by_calibrator((LOGISTIC,), rows).raw) == len(rows)
    monkeypatch.setattr(fit, "CALIBRATION_ROWS", 1_000)
    seen = FITTER.seen_by_calibrator((LOGISTIC,), rows)
    assert 950 < len(seen.raw) <= 1_000
    assert rows["group_id"].isin(seen.group).sum() == len(seen.raw), "whole accounts"


def test_designs_that_are_kept_change_no_prediction(rows: pd.DataFrame) -> None:
    fold, kept = forward_folds(rows)[-1], {}
    for setting in (logistic_setting(-3), logistic_setting(-2), TREES):
        again = FITTER.held_out(setting, fold.train, fold.test, designs=kept)
        assert again.raw.tolist() == FITTER.held_out(setting, fold.train, fold.test).raw.tolist()
    assert set(kept) == {"logistic_regression", "one_hot"}


def test_a_recipe_learns_from_young_leads_only_where_it_says_so(rows: pd.DataFrame, table: LabelledTable) -> None:
    at = dt.datetime(2025, 6, 1)
    mature = rows[rows["outcome_known_at"] <= at]
    fitter = Fitter(COLUMNS, seed=0, young=YoungLeads.of(table, rows))
    assert fitter.learnt(Recipe((LOGISTIC,)), mature, at=at).equals(mature)
    with_young = fitter.learnt(Recipe((LOGISTIC,), young=True), mature, at=at)
    assert with_young["as_of"].max() > mature["as_of"].max()
    assert fitter.learnt(Recipe((LOGISTIC,), young=True), mature, at=None).equals(mature), "time plays no part"
