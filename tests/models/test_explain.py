import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.pipeline import Pipeline

from data_contracts.snapshots import FeatureColumn, LabelledTable
from models import explain
from models.estimators import (
    Setting,
    design_log_odds,
    fit_estimator,
    model_frame,
    raw_probabilities,
)
from models.explain import SplitLogOdds, compile_explainer
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


def split(estimator: Pipeline, features: pd.DataFrame, *, columns: tuple[FeatureColumn, ...] = COLUMNS) -> SplitLogOdds:
    """What `estimator` says of `features`, feature by feature."""
    return compile_explainer(estimator, columns).split(estimator[:-1].transform(features))


def contributions_of(
    estimator: Pipeline, rows: pd.DataFrame, *, columns: tuple[FeatureColumn, ...] = COLUMNS
) -> pd.DataFrame:
    found = split(estimator, model_frame(rows, columns), columns=columns).contributions
    return pd.DataFrame(found, index=rows.index, columns=[column.name for column in columns])


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_contributions_and_baseline_add_up_to_the_log_odds(setting: Setting, rows: pd.DataFrame) -> None:
    estimator = fitted(setting, rows)
    features = model_frame(rows, COLUMNS)
    found = split(estimator, features)
    total = found.contributions.sum(axis=1) + compile_explainer(estimator, COLUMNS).baseline
    assert np.abs(total - logit(raw_probabilities(estimator, features))).max() < 1e-9
    assert np.abs(total - found.total).max() < 1e-9


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_who_is_explained_is_given_the_same_to_the_last_bit(setting: Setting, rows: pd.DataFrame) -> None:
    estimator = fitted(setting, rows)
    design = estimator[:-1].transform(model_frame(rows, COLUMNS))
    said = design_log_odds(estimator.named_steps["classifier"], design)
    assert split(estimator, model_frame(rows, COLUMNS)).total.tolist() == said.tolist()


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_contributions_point_where_the_truth_does(setting: Setting, rows: pd.DataFrame) -> None:
    contributions = contributions_of(fitted(setting, rows), rows)
    size = contributions.abs().mean()
    assert size.idxmax() == "n_visits"
    assert size["noise"] < 0.2 * size["n_visits"]
    assert contributions.loc[rows["n_visits"] >= 4, "n_visits"].min() > 0
    assert contributions.loc[rows["n_visits"] == 0, "n_visits"].max() < 0
    assert contributions.loc[rows["source"] == "referral", "source"].mean() > 0
    assert contributions.loc[rows["source"] == "event", "source"].mean() < 0


def test_a_linear_contribution_is_zero_on_average_over_the_training_leads(rows: pd.DataFrame) -> None:
    means = contributions_of(fitted(LOGISTIC, rows), rows).mean()
    assert means.abs().max() < 1e-9


def test_a_tree_contribution_agrees_with_shap_on_what_matters_most(rows: pd.DataFrame) -> None:
    estimator = fitted(TREES, rows)
    features = model_frame(rows.head(400), COLUMNS)
    ours = contributions_of(estimator, rows.head(400))
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
def test_the_words_of_a_text_are_booked_on_it_together(setting: Setting, rows: pd.DataFrame) -> None:
    rows, columns = titled(rows), (TITLE, *COLUMNS)
    estimator = fitted(setting, rows, columns=columns)
    origin = explain.design_origin(estimator.named_steps["features"], [column.name for column in columns])
    assert (origin == 0).sum() > 10, "one for each word"
    features = model_frame(rows, columns)
    contributions = contributions_of(estimator, rows, columns=columns)
    total = contributions.sum(axis=1) + compile_explainer(estimator, columns).baseline
    assert np.abs(total - logit(raw_probabilities(estimator, features))).max() < 1e-9
    is_head = rows["title"].str.startswith("Head", na=False)
    assert contributions.loc[is_head, "title"].min() > 0
    assert contributions.loc[rows["title"].str.startswith("Clerk", na=False), "title"].max() < 0


def test_a_tree_that_never_splits_explains_nothing(rows: pd.DataFrame) -> None:
    few = rows.head(60)
    estimator = fitted(TREES, few)
    assert (contributions_of(estimator, few) == 0).all(axis=None)
    assert np.isfinite(compile_explainer(estimator, COLUMNS).baseline)
