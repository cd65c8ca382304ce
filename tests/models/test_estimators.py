import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from data_contracts.sayings import Attribute, Criterion
from data_contracts.snapshots import FeatureColumn, LabelledTable
from models.estimators import (
    Setting,
    fit_estimator,
    lightgbm_setting,
    model_frame,
    raw_probabilities,
)
from models.split import converted_or_not, learning_rows
from tests.models.conftest import COLUMNS, LOGISTIC, NATIVE_TREES, TITLE, TREES, titled

ONE_OF_EACH = [LOGISTIC, TREES, NATIVE_TREES]
named = pytest.mark.parametrize("setting", ONE_OF_EACH, ids=str)


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


def fitted(
    setting: Setting, rows: pd.DataFrame, *, columns: tuple[FeatureColumn, ...] = COLUMNS, seed: int = 0
) -> Pipeline:
    weight = rows["weight"].to_numpy()
    features = model_frame(rows, columns)
    outcome, account = converted_or_not(rows), rows["group_id"].to_numpy()
    return fit_estimator(setting, features, columns=columns, account=account, outcome=outcome, weight=weight, seed=seed)


@pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)
def test_every_setting_learns_the_true_probabilities(setting: Setting, rows: pd.DataFrame) -> None:
    raw = raw_probabilities(fitted(setting, rows), model_frame(rows, COLUMNS))
    assert np.corrcoef(raw, rows["true_p"])[0, 1] > 0.85
    assert np.average(raw - rows["true_p"], weights=rows["weight"]) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("categories", ["native", "one_hot"])
def test_meeting_a_criterion_of_the_agreed_profile_only_raises_a_probability(
    rows: pd.DataFrame, categories: str
) -> None:
    """In the past, leads that met it converted less often: trees that are free say so."""
    met = Criterion("size", reads="employees", at_least=50)
    columns = (*COLUMNS, FeatureColumn("is_met", "number", "icp_fit", met, "not known"))
    random = np.random.default_rng(0)
    past = rows.assign(is_met=np.where(random.random(len(rows)) < 0.8, ~rows["converted"], rows["converted"]) * 1.0)
    yes, no = (model_frame(past.head(300).assign(is_met=value), columns) for value in (1.0, 0.0))

    def effect(directions: str) -> np.ndarray:
        setting = lightgbm_setting(0, categories=categories, directions=directions)
        model = fitted(setting, past, columns=columns)
        return raw_probabilities(model, yes) - raw_probabilities(model, no)

    assert (effect("agreed") >= 0).all()
    assert effect("free").mean() < -0.1


@named
def test_missing_unseen_and_infinite_values_are_predicted(setting: Setting, rows: pd.DataFrame) -> None:
    estimator = fitted(setting, rows)
    odd = pd.DataFrame(
        {
            "n_visits": [np.nan, np.inf, 1e12, -5.0],
            "employees": [np.nan, 10.0, -np.inf, 1e300],
            "days_in_stage": [np.nan, 0.0, 7.0, 7.0],
            "noise": np.nan,
            "source": pd.Series(["never seen", None, "rare", "search"], dtype="str"),
        }
    )
    raw = raw_probabilities(estimator, model_frame(odd, COLUMNS))
    assert ((raw > 0) & (raw < 1)).all()


@named
def test_an_unseen_category_counts_as_a_rare_one(setting: Setting, rows: pd.DataFrame) -> None:
    assert 0 < (rows["source"] == "rare").sum() < 20
    estimator = fitted(setting, rows)
    leads = rows.head(50)
    unseen, rare = (
        raw_probabilities(estimator, model_frame(leads.assign(source=source), COLUMNS))
        for source in ("never seen", "rare")
    )
    assert unseen.tolist() == rare.tolist()


@named
def test_columns_that_are_constant_or_always_missing_do_no_harm(setting: Setting, rows: pd.DataFrame) -> None:
    extra = (
        FeatureColumn("constant", "number", "x", Attribute(""), ""),
        FeatureColumn("never_known", "number", "x", Attribute(""), ""),
        FeatureColumn("one_word", "category", "x", Attribute(""), ""),
        FeatureColumn("no_word", "category", "x", Attribute(""), ""),
    )
    wide = rows.assign(
        constant=1.0,
        never_known=pd.array([None] * len(rows), dtype="Float64"),
        one_word="same",
        no_word=pd.Series([None] * len(rows), index=rows.index, dtype="str"),
    )
    columns = (*COLUMNS, *extra)
    raw = raw_probabilities(fitted(setting, wide, columns=columns), model_frame(wide, columns))
    assert np.corrcoef(raw, rows["true_p"])[0, 1] > 0.9


@pytest.mark.parametrize("kind", ["number", "category", "text"])
@named
def test_features_of_one_type_only_are_enough(setting: Setting, kind: str, rows: pd.DataFrame) -> None:
    columns = tuple(column for column in (*COLUMNS, TITLE) if column.type == kind)
    rows = titled(rows)
    raw = raw_probabilities(fitted(setting, rows, columns=columns), model_frame(rows, columns))
    assert np.corrcoef(raw, rows["true_p"])[0, 1] > 0.25


@named
def test_the_same_seed_gives_the_same_probabilities(setting: Setting, rows: pd.DataFrame) -> None:
    features = model_frame(rows, COLUMNS)
    first, again = (raw_probabilities(fitted(setting, rows, seed=3), features) for _ in range(2))
    assert first.tolist() == again.tolist()


@named
def test_weights_count(setting: Setting, rows: pd.DataFrame) -> None:
    heavy = rows.assign(weight=np.where(rows["converted"], 3.0, 1.0))
    features = model_frame(rows, COLUMNS)
    light = raw_probabilities(fitted(setting, rows.assign(weight=1.0)), features).mean()
    assert raw_probabilities(fitted(setting, heavy), features).mean() > light + 0.1


@named
def test_the_artefact_holds_objects_of_the_libraries_only(setting: Setting, rows: pd.DataFrame) -> None:
    import skops.io

    estimator = fitted(setting, titled(rows), columns=(*COLUMNS, TITLE))
    untrusted = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
    assert set(untrusted) <= {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "numpy.dtype",
    }


@named
def test_a_text_counts_by_its_words_where_its_values_are_all_rare(setting: Setting, rows: pd.DataFrame) -> None:
    rows = titled(rows)
    columns = (*COLUMNS, TITLE)
    estimator = fitted(setting, rows, columns=columns)
    asked = rows[rows["n_visits"] > 0].head(200)

    def told(title: str | None) -> np.ndarray:
        return raw_probabilities(estimator, model_frame(asked.assign(title=title), columns))

    head, clerk = told("HEAD of something new"), told("clerk")
    assert (head > clerk).all()
    assert (head - clerk).mean() > 0.2
    assert told("never seen").tolist() == told("unheard of").tolist()
    assert told(None).tolist() == told(" - ").tolist()


@named
def test_a_text_none_of_whose_words_is_frequent_does_no_harm(setting: Setting, rows: pd.DataFrame) -> None:
    without = raw_probabilities(fitted(setting, rows), model_frame(rows, COLUMNS))
    columns = (*COLUMNS, TITLE)
    for titles in ([f"title{i}" for i in range(len(rows))], [None] * len(rows)):
        unheard = rows.assign(title=pd.Series(titles, index=rows.index, dtype="str"))
        raw = raw_probabilities(fitted(setting, unheard, columns=columns), model_frame(unheard, columns))
        assert np.corrcoef(raw, without)[0, 1] > 0.98


def test_nobody_to_predict_gives_no_probability(rows: pd.DataFrame) -> None:
    estimator = fitted(TREES, rows)
    assert raw_probabilities(estimator, model_frame(rows.head(0), COLUMNS)).shape == (0,)


def test_the_model_frame_has_numbers_and_words_with_nan_for_missing() -> None:
    frame = pd.DataFrame(
        {
            "n_visits": pd.array([1, None], dtype="Int64"),
            "employees": [np.inf, 2.0],
            "days_in_stage": [True, False],
            "noise": [0, 1],
            "source": pd.Series([None, "event"], dtype="str"),
            "title": pd.Series([None, "Head of Sales"], dtype="str"),
            "other": 0,
        }
    )
    assert model_frame(frame, [TITLE])["title"].tolist() == ["", "Head of Sales"]
    features = model_frame(frame, COLUMNS)
    assert list(features.columns) == [column.name for column in COLUMNS]
    assert features["n_visits"].tolist()[0] == 1.0
    assert features.isna().sum().tolist() == [1, 1, 0, 0, 1]
    assert set(map(str, features.dtypes)) == {"float64", "str"}
