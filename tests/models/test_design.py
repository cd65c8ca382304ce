import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from data_contracts.snapshots import FeatureColumn, LabelledTable
from models import design
from models.design import CATEGORY, CODES, category_widths, design_batches
from models.estimators import Setting, fit_design, fit_estimator, model_frame
from models.split import converted_or_not, learning_rows
from tests.models.conftest import COLUMNS, LOGISTIC, NATIVE_TREES, TITLE, TREES, titled

TEXTUAL = (*COLUMNS, TITLE)

named = pytest.mark.parametrize("setting", [LOGISTIC, TREES, NATIVE_TREES], ids=str)


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(design, "PLAIN_ROWS_AT_ONCE", 7)


def fitted(setting: Setting, rows: pd.DataFrame, *, columns: tuple[FeatureColumn, ...] = COLUMNS) -> Pipeline:
    features = model_frame(rows, columns)
    weight = rows["weight"].to_numpy()
    outcome, account = converted_or_not(rows), rows["group_id"].to_numpy()
    return fit_estimator(setting, features, columns=columns, account=account, outcome=outcome, weight=weight, seed=0)


def _names(parts: ColumnTransformer) -> list[str]:
    return [name for name, *_ in parts.transformers_]


def whole(transform: Pipeline, features: pd.DataFrame) -> np.ndarray:
    return np.concatenate([batch.matrix.copy() for batch in design_batches(transform, features)])


@named
@pytest.mark.parametrize("source", ["as they are", "never missing", "always missing", "one word"])
def test_fitting_a_design_is_what_scikit_learn_makes_of_it_to_the_last_bit(
    setting: Setting, source: str, rows: pd.DataFrame
) -> None:
    changes = {"never missing": rows["source"].fillna("search"), "one word": "search", "always missing": None}
    words = pd.Series(changes.get(source, rows["source"]), index=rows.index, dtype="str")
    features = model_frame(rows.assign(source=words), COLUMNS)
    told = fit_design(setting, features, columns=COLUMNS, account=rows["group_id"].to_numpy())
    (_, ours), *_ = told.transform.steps
    plain = clone(told.transform)
    np.testing.assert_array_equal(told.matrix, plain.fit_transform(features))
    (_, theirs), *_ = plain.steps
    ((known, again),) = [
        [parts.named_transformers_[name] for parts in (ours, theirs)]
        for name in (CATEGORY, CODES)
        if name in _names(ours)
    ]
    assert [list(map(str, words)) for words in known.categories_] == [
        list(map(str, words)) for words in again.categories_
    ]
    np.testing.assert_array_equal(told.transform.transform(features.head(40)), plain.transform(features.head(40)))


@named
def test_the_design_is_that_of_the_pipeline_to_the_last_bit(setting: Setting, rows: pd.DataFrame) -> None:
    transform = fitted(setting, rows)[:-1]
    features = model_frame(rows.head(40), COLUMNS)
    np.testing.assert_array_equal(whole(transform, features), transform.transform(features))


@named
@pytest.mark.parametrize(
    "words",
    [
        ["search", None, "never seen", "rare", "event", "search", "also never seen", None, "partner"],
        [None] * 9,
        ["never seen"] * 9,
    ],
)
def test_missing_rare_and_unseen_words_are_what_the_encoder_makes_of_them(
    setting: Setting, words: list[str | None], rows: pd.DataFrame
) -> None:
    transform = fitted(setting, rows)[:-1]
    features = model_frame(rows.head(9).assign(source=pd.Series(words, index=rows.index[:9], dtype="str")), COLUMNS)
    np.testing.assert_array_equal(whole(transform, features), transform.transform(features))


@named
def test_batches_cover_all_rows_in_order(setting: Setting, rows: pd.DataFrame) -> None:
    batches = design_batches(fitted(setting, rows)[:-1], model_frame(rows.head(16), COLUMNS))
    assert [(batch.rows.start, batch.rows.stop, len(batch.matrix)) for batch in batches] == [
        (0, 7, 7),
        (7, 14, 7),
        (14, 16, 2),
    ]


@named
def test_nobody_gives_no_batch(setting: Setting, rows: pd.DataFrame) -> None:
    assert list(design_batches(fitted(setting, rows)[:-1], model_frame(rows.head(0), COLUMNS))) == []


@named
def test_the_encoder_is_asked_about_each_different_word_once(
    setting: Setting, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    transform = fitted(setting, rows)[:-1]
    asked: list[int] = []
    kind = OrdinalEncoder if setting == NATIVE_TREES else OneHotEncoder
    original = kind.transform

    def counting(encoder: OneHotEncoder | OrdinalEncoder, words: pd.DataFrame) -> np.ndarray:
        asked.append(len(words))
        return np.asarray(original(encoder, words))

    monkeypatch.setattr(kind, "transform", counting)
    features = model_frame(rows.head(500), COLUMNS)
    whole(transform, features)
    assert asked == [features["source"].nunique(dropna=False)]


def test_a_category_is_as_wide_as_its_frequent_words_and_one_for_the_rare(rows: pd.DataFrame) -> None:
    encoder = fitted(TREES, rows).named_steps["features"].named_transformers_["category"]
    counts = rows["source"].value_counts(dropna=False)
    assert counts["rare"] < 20
    assert category_widths(encoder) == [int((counts >= 20).sum()) + 1]
    assert category_widths(encoder) == [encoder.get_feature_names_out().size]


TITLES = {
    "as they are": None,
    "always missing": pd.NA,
    "never frequent": [f"title{i}" for i in range(100_000)],
    "one": "Head of Sales",
}


@named
@pytest.mark.parametrize("titles", TITLES)
def test_texts_are_fitted_and_read_as_by_scikit_learn_to_the_last_bit(
    setting: Setting, titles: str, rows: pd.DataFrame
) -> None:
    given = TITLES[titles]
    found = titled(rows)
    if given is not None:
        values = given[: len(rows)] if isinstance(given, list) else given
        found = found.assign(title=pd.Series(values, index=rows.index, dtype="str"))
    features = model_frame(found, TEXTUAL)
    told = fit_design(setting, features, columns=TEXTUAL, account=rows["group_id"].to_numpy())
    plain = clone(told.transform)
    np.testing.assert_array_equal(told.matrix, plain.fit_transform(features))
    later = model_frame(found.head(40).assign(title=["clerk", None, "", "never seen"] * 10), TEXTUAL)
    np.testing.assert_array_equal(whole(told.transform, later), plain.transform(later))


@named
def test_each_different_text_is_split_into_words_once(
    setting: Setting, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = titled(rows)
    transform = fitted(setting, found, columns=TEXTUAL)[:-1]
    asked: list[int] = []
    original = CountVectorizer.transform
    monkeypatch.setattr(
        CountVectorizer, "transform", lambda reader, texts: (asked.append(len(texts)), original(reader, texts))[1]
    )
    features = model_frame(found.head(500), TEXTUAL)
    whole(transform, features)
    assert asked == [features["title"].nunique()]
    assert asked[0] < 500
