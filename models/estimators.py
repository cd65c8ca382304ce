"""The models that are tried: logistic regression and gradient-boosted trees over the same features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
)

from data_contracts.evaluation_table import LIGHTGBM, LOGISTIC_REGRESSION
from data_contracts.sayings import Criterion, ProfileShare
from data_contracts.snapshots import TEXT, FeatureColumn
from models.design import CATEGORY, CODES, design_batches, fit_transform
from models.linear import logistic_log_odds
from models.words import NO_WORD, word_indicators

EstimatorName = Literal["logistic_regression", "lightgbm"]

RARE_CATEGORY_ROWS = 20
"""A category with fewer training rows counts as rare: fewer say little about a rate of a few per cent."""

MAX_CATEGORIES = 40
"""The most categories a feature is split into; the rest count as rare. Bounds the width of the design matrix."""

MOST_CODES = 200
"""The most categories of a feature that LightGBM reads by itself; the rest count as rare."""

CATEGORY_SMOOTHING = 20.0
MOST_IN_A_GROUP = 16
"""LightGBM sorts categories by their rate and parts them in two. Each rate is drawn towards the mean by so many rows,
and the smaller group has no more than so many categories: with its own settings it learns rare ones by heart."""

N_QUANTILES = 200
"""Grid on which a number is replaced by its rank: half a per cent of the training rows a step."""

N_COSINES = 4
"""Cosines of its rank that stand for a number in the logistic regression, of half a wave to two waves over its range.
They bend often enough for an hour of the day or an amount, and are few enough for some thousand leads."""

N_THREADS = 1
"""Threads of a LightGBM fit. Two gain little on tables of this size, and beside a busy neighbour they wait for each
other: ten times slower was measured on two shared cores."""


@dataclass(frozen=True, slots=True)
class Setting:
    """An estimator and its parameters, by the names of the library that fits it."""

    estimator: EstimatorName
    parameters: tuple[tuple[str, float | int | str], ...]


def logistic_setting(penalty: int) -> Setting:
    """A logistic regression whose penalty is ten to the power of `-penalty / 2`: the higher, the looser.

    >>> logistic_setting(-3).parameters
    (('C', 0.03),)
    """
    return Setting(LOGISTIC_REGRESSION, (("C", float(f"{10 ** (penalty / 2):.1g}")),))


TREE_SIZES = ((4, 60, 0.05), (4, 250, 0.04), (15, 250, 0.04), (31, 400, 0.04))
"""Leaves, trees and learning rate of the LightGBMs that are tried, from small to large. Small trees, strongly
regularised: on lead data a default LightGBM is often worse than the base rate. The first is for some hundred
conversions, the last for hundreds of thousands."""

Categories = Literal["native", "one_hot"]
"""How LightGBM reads words: it parts them into two groups at a split, or asks for one of them."""


Directions = Literal["agreed", "free"]
"""Whether meeting a criterion of the agreed profile may only raise a probability, or do what it did in the past. Where
no profile is agreed, there is nothing to keep to."""


def lightgbm_setting(size: int, *, categories: Categories, directions: Directions = "agreed") -> Setting:
    """The LightGBM of `TREE_SIZES[size]`."""
    leaves, trees, rate = TREE_SIZES[size]
    named = (("num_leaves", leaves), ("n_estimators", trees), ("learning_rate", rate))
    return Setting(LIGHTGBM, (*named, ("categories", categories), ("directions", directions)))


def has_direction(column: FeatureColumn) -> bool:
    """Whether the agreed profile says that the more of it, the better the lead: a criterion met, the share of them."""
    return isinstance(column.said, (Criterion, ProfileShare))


def model_frame(frame: pd.DataFrame, columns: Sequence[FeatureColumn]) -> pd.DataFrame:
    """The features of `frame` as estimators take them: numbers as float64, all others as strings, missing as NaN.

    Infinite numbers count as missing. A missing text is "".
    """
    found = {column.name: _as_model_column(frame[column.name], column) for column in columns}
    return pd.DataFrame(found, index=frame.index, copy=False)


def _as_model_column(values: pd.Series, column: FeatureColumn) -> pd.Series:
    if column.type != "number":
        words = values.astype(TEXT)
        return words.fillna(NO_WORD) if column.type == "text" else words
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    is_infinite = np.isinf(numbers)
    if is_infinite.any():
        numbers = np.where(is_infinite, np.nan, numbers)
    return pd.Series(numbers, index=values.index, copy=False)


Part = tuple[str, Any, str | list[str]]
"""A part of a `ColumnTransformer`: its name, what it does, and to which features. A text stands by its bare name."""


@dataclass(frozen=True, slots=True)
class Design:
    """The fitted steps before a classifier, and what it reads of the rows that they were fitted on."""

    transform: Pipeline
    matrix: np.ndarray


def design_kind(setting: Setting) -> str:
    """What tells designs of the same rows apart: settings of one kind read the same matrix."""
    return str(dict(setting.parameters).get("categories", setting.estimator))


def fit_design(
    setting: Setting, features: pd.DataFrame, *, columns: Sequence[FeatureColumn], account: np.ndarray
) -> Design:
    """What estimators of `design_kind(setting)` read of `features` (a `model_frame`), whose rows are of `account`."""
    texts = [
        (f"text_{place}", word_indicators(features[column.name], account), column.name)
        for place, column in enumerate(columns)
        if column.type == "text"
    ]
    if setting.estimator == LOGISTIC_REGRESSION:
        transform = _bent_numbers(columns, texts, n_rows=len(features))
    else:
        transform = _plain_numbers(setting, columns, texts)
    return Design(transform, fit_transform(transform, features))


def fit_estimator(
    setting: Setting,
    features: pd.DataFrame,
    *,
    columns: Sequence[FeatureColumn],
    account: np.ndarray,
    outcome: np.ndarray,
    weight: np.ndarray,
    seed: int,
) -> Pipeline:
    """A scikit-learn pipeline fitted on `features` (a `model_frame`), of scikit-learn's and LightGBM's objects only."""
    design = fit_design(setting, features, columns=columns, account=account)
    return fit_on_design(setting, design, columns=columns, outcome=outcome, weight=weight, seed=seed)


def fit_on_design(
    setting: Setting,
    design: Design,
    *,
    columns: Sequence[FeatureColumn],
    outcome: np.ndarray,
    weight: np.ndarray,
    seed: int,
) -> Pipeline:
    """What `fit_estimator` gives, for rows whose `design` is there already."""
    if setting.estimator == LOGISTIC_REGRESSION:
        classifier = LogisticRegression(**dict(setting.parameters), max_iter=1000)
        classifier.fit(design.matrix, outcome, sample_weight=weight)
    else:
        classifier = _lightgbm(setting, columns, width=design.matrix.shape[1], seed=seed)
        words = _categorical(setting, columns)
        classifier.fit(design.matrix, outcome, sample_weight=weight, categorical_feature=words)
    return Pipeline([*design.transform.steps, ("classifier", classifier)])


def raw_probabilities(estimator: Pipeline, features: pd.DataFrame) -> np.ndarray:
    """Uncalibrated probabilities of conversion, one a row of `features` (a `model_frame`).

    A row's is the same to the last bit whatever the other rows are.
    """
    classifier = estimator.named_steps["classifier"]
    found = np.empty(len(features))
    for batch in design_batches(estimator[:-1], features):
        found[batch.rows] = expit(design_log_odds(classifier, batch.matrix))
    return found


def design_log_odds(classifier: LogisticRegression | LGBMClassifier, matrix: np.ndarray) -> np.ndarray:
    """Uncalibrated log-odds of conversion from the `matrix` of a design's batch, one a row of it."""
    if isinstance(classifier, LogisticRegression):
        return logistic_log_odds(classifier, matrix)
    # The booster itself: its scikit-learn face checks every batch once more.
    return np.asarray(classifier.booster_.predict(matrix, raw_score=True, num_threads=N_THREADS))


def _bent_numbers(columns: Sequence[FeatureColumn], texts: Sequence[Part], *, n_rows: int) -> Pipeline:
    """What the logistic regression reads: cosines of each number's rank, and indicators of missing ones and of words.

    Ranks make counts with long tails harmless and bound what an unheard-of value can do; cosines (a smooth basis of
    functions on [0, 1]) let the log-odds bend. Nothing is standardised: the penalty then shrinks most what is rare.
    Centring changes no prediction; it keeps the training mean, from which contributions are measured, in the artefact.
    """
    numbers, categories = _names(columns)
    numeric = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("rank", QuantileTransformer(n_quantiles=min(N_QUANTILES, n_rows), subsample=100_000, random_state=0)),
            ("cosines", FeatureUnion([(f"cosine_{k}", _cosine(k)) for k in range(1, N_COSINES + 1)])),
        ]
    )
    steps = [
        ("number", numeric, numbers),
        ("missing", MissingIndicator(features="missing-only", error_on_new=False), numbers),
        (CATEGORY, _one_hot(), categories),
        *texts,
    ]
    return Pipeline(
        [
            ("features", _side_by_side(steps)),
            ("centre", StandardScaler(with_std=False)),
        ]
    )


def _plain_numbers(setting: Setting, columns: Sequence[FeatureColumn], texts: Sequence[Part]) -> Pipeline:
    """What LightGBM reads: numbers as they are, categories as codes or as indicators, the words of `texts`."""
    numbers, categories = _names(columns)
    is_native = dict(setting.parameters)["categories"] == "native"
    words = (CODES, _codes(), categories) if is_native else (CATEGORY, _one_hot(), categories)
    return Pipeline([("features", _side_by_side([("number", "passthrough", numbers), words, *texts]))])


def _side_by_side(parts: Sequence[Part]) -> ColumnTransformer:
    """Those of `parts` that have a feature, one beside the other: never sparse, however few words a text has."""
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0)


def _categorical(setting: Setting, columns: Sequence[FeatureColumn]) -> list[int]:
    """Which columns of the design LightGBM reads as categories: those after the numbers, where it reads any."""
    numbers, categories = _names(columns)
    if dict(setting.parameters)["categories"] == "one_hot":
        return []
    return list(range(len(numbers), len(numbers) + len(categories)))


def _directions(setting: Setting, columns: Sequence[FeatureColumn], *, width: int) -> list[int] | None:
    """For each of the `width` columns of the design, numbers first: 1 where more of it may only raise, else 0."""
    if dict(setting.parameters)["directions"] == "free":
        return None
    numbers = [int(has_direction(column)) for column in columns if column.type == "number"]
    return numbers + [0] * (width - len(numbers))


def _lightgbm(setting: Setting, columns: Sequence[FeatureColumn], *, width: int, seed: int) -> LGBMClassifier:
    theirs = {name: value for name, value in setting.parameters if name not in ("categories", "directions")}
    return LGBMClassifier(
        max_depth=5,
        min_child_samples=50,
        reg_lambda=5.0,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        random_state=seed,
        n_jobs=N_THREADS,
        deterministic=True,
        force_row_wise=True,
        cat_smooth=CATEGORY_SMOOTHING,
        cat_l2=CATEGORY_SMOOTHING,
        max_cat_threshold=MOST_IN_A_GROUP,
        verbose=-1,
        monotone_constraints=_directions(setting, columns, width=width),
    ).set_params(**theirs)


def _names(columns: Sequence[FeatureColumn]) -> tuple[list[str], list[str]]:
    numbers = [column.name for column in columns if column.type == "number"]
    return numbers, [column.name for column in columns if column.type == "category"]


def _codes() -> OrdinalEncoder:
    """Words as numbers from 0; what is missing or unheard of is a missing number."""
    return OrdinalEncoder(
        min_frequency=RARE_CATEGORY_ROWS,
        max_categories=MOST_CODES,
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )


def _one_hot() -> OneHotEncoder:
    return OneHotEncoder(
        min_frequency=RARE_CATEGORY_ROWS,
        max_categories=MAX_CATEGORIES,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )


def _cosine(half_waves: int) -> Pipeline:
    """The cosine that swings `half_waves` times over the range of what it is given."""
    return Pipeline(
        [
            ("angle", MinMaxScaler(feature_range=(0, half_waves * np.pi))),
            ("cosine", FunctionTransformer(np.cos, feature_names_out="one-to-one")),
        ]
    )
