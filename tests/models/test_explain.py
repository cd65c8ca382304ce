import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.pipeline import Pipeline

from data_contracts.snapshots import FeatureColumn, LabelledTable
from models import design, explain
from models.estimators import (
    Setting,
    fit_estimator,
    model_frame,
    raw_probabilities,
)
from models.explain import compile_explainer
from models.split import converted_or_not, learning_rows
from tests.models.conftest import COLUMNS, LOGISTIC, NATIVE_TREES, TITLE, TREES, titled

NAMES = [column.name for column in COLUMNS]


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


def fitted(setting: Setting, rows: pd.DataFrame, *, columns: tuple[FeatureColumn, ...] = COLUMNS) -> Pipeline:
    weight = rows["weight"].to_numpy()
    features = model_frame(rows, columns)
    outcome, account = converted_or_not(rows), rows["group_id"].to_numpy()
    return fit_estimator(setting, features, columns=columns, account=account, outcome=outcome, weight=weight, seed=0)


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_contributions_and_baseline_add_up_to_the_log_odds(setting: Setting, rows: pd.DataFrame) -> None:
    estimator = fitted(setting, rows)
    features = model_frame(rows, COLUMNS)
    explainer = compile_explainer(estimator, COLUMNS)
    total = explainer.contributions(features).sum(axis=1) + explainer.baseline
    assert np.abs(total - logit(raw_probabilities(estimator, features))).max() < 1e-9


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_contributions_point_where_the_truth_does(setting: Setting, rows: pd.DataFrame) -> None:
    contributions = compile_explainer(fitted(setting, rows), COLUMNS).contributions(model_frame(rows, COLUMNS))
    size = contributions.abs().mean()
    assert size.idxmax() == "n_visits"
    assert size["noise"] < 0.2 * size["n_visits"]
    assert contributions.loc[rows["n_visits"] >= 4, "n_visits"].min() > 0
    assert contributions.loc[rows["n_visits"] == 0, "n_visits"].max() < 0
    assert contributions.loc[rows["source"] == "referral", "source"].mean() > 0
    assert contributions.loc[rows["source"] == "event", "source"].mean() < 0


def test_a_linear_contribution_is_zero_on_average_over_the_training_leads(rows: pd.DataFrame) -> None:
    explainer = compile_explainer(fitted(LOGISTIC, rows), COLUMNS)
    means = explainer.contributions(model_frame(rows, COLUMNS)).mean()
    assert means.abs().max() < 1e-9


def test_a_tree_contribution_agrees_with_shap_on_what_matters_most(rows: pd.DataFrame) -> None:
    estimator = fitted(TREES, rows)
    features = model_frame(rows.head(400), COLUMNS)
    ours = compile_explainer(estimator, COLUMNS).contributions(features)
    origin = explain.design_origin(estimator.named_steps["features"], NAMES)
    design = estimator[:-1].transform(features)
    shap = estimator.named_steps["classifier"].booster_.predict(design, pred_contrib=True)[:, :-1]
    theirs = pd.DataFrame({name: shap[:, origin == i].sum(axis=1) for i, name in enumerate(NAMES)})
    agree = ours.abs().to_numpy().argmax(axis=1) == theirs.abs().to_numpy().argmax(axis=1)
    assert agree.mean() > 0.85
    assert np.corrcoef(ours["n_visits"], theirs["n_visits"])[0, 1] > 0.98


def test_the_baseline_of_trees_is_the_expected_value_of_shap(rows: pd.DataFrame) -> None:
    estimator = fitted(TREES, rows)
    design = estimator[:-1].transform(model_frame(rows.head(1), COLUMNS))
    expected = estimator.named_steps["classifier"].booster_.predict(design, pred_contrib=True)[0, -1]
    assert compile_explainer(estimator, COLUMNS).baseline == pytest.approx(expected)


def test_every_design_column_is_booked_on_the_feature_it_was_made_from(rows: pd.DataFrame) -> None:
    transformer = fitted(LOGISTIC, rows).named_steps["features"]
    origin = explain.design_origin(transformer, NAMES)
    made_from = [name.split("__")[-1] for name in transformer.get_feature_names_out()]
    assert len(origin) == len(made_from)
    assert all(column.startswith(NAMES[i]) or NAMES[i] in column for i, column in zip(origin, made_from, strict=True))


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_contributions_are_the_same_in_batches_and_keep_the_index(
    setting: Setting, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    explainer = compile_explainer(fitted(setting, rows), COLUMNS)
    features = model_frame(rows.iloc[100:200], COLUMNS)
    whole = explainer.contributions(features)
    monkeypatch.setattr(design, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(design, "PLAIN_ROWS_AT_ONCE", 7)
    assert np.allclose(explainer.contributions(features), whole, atol=1e-12)
    assert whole.index.equals(features.index)
    assert explainer.contributions(features.head(0)).shape == (0, len(COLUMNS))


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_the_words_of_a_text_are_booked_on_it_together(setting: Setting, rows: pd.DataFrame) -> None:
    rows, columns = titled(rows), (TITLE, *COLUMNS)
    estimator = fitted(setting, rows, columns=columns)
    origin = explain.design_origin(estimator.named_steps["features"], [column.name for column in columns])
    assert (origin == 0).sum() > 10, "one for each word"
    features = model_frame(rows, columns)
    explainer = compile_explainer(estimator, columns)
    contributions = explainer.contributions(features)
    total = contributions.sum(axis=1) + explainer.baseline
    assert np.abs(total - logit(raw_probabilities(estimator, features))).max() < 1e-9
    is_head = rows["title"].str.startswith("Head", na=False)
    assert contributions.loc[is_head, "title"].min() > 0
    assert contributions.loc[rows["title"].str.startswith("Clerk", na=False), "title"].max() < 0


def test_a_tree_that_never_splits_explains_nothing(rows: pd.DataFrame) -> None:
    few = rows.head(60)
    explainer = compile_explainer(fitted(TREES, few), COLUMNS)
    assert (explainer.contributions(model_frame(few, COLUMNS)) == 0).all(axis=None)
    assert np.isfinite(explainer.baseline)
