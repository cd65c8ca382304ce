"""Why a lead got its probability: what each feature adds to the log-odds, fast enough for every lead of a CRM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from data_contracts.snapshots import FeatureColumn
from models.design import CATEGORY, category_widths
from models.estimators import N_THREADS
from models.linear import logistic_log_odds


@dataclass(frozen=True, eq=False)
class Explained:
    """Why leads got their probabilities, in log-odds that add up. One entry or row a lead.

    Attributes
    ----------
    baseline
        Log-odds of the average training lead, before calibration. Where the base rate by age is published, those of the
        lead's age.
    contributions
        One column a feature: log-odds by which it moves the lead off `baseline`.
    calibration
        What is added to log-odds before calibration: by the calibrator, by a mend since the training, and by the bounds
        that no probability passes (`NEAREST_TO_CERTAIN`).
    probability
        What is published.
    """

    baseline: np.ndarray
    contributions: pd.DataFrame
    calibration: np.ndarray
    probability: np.ndarray

    def log_odds(self) -> np.ndarray:
        """The sum of baseline, contributions and calibration: the log-odds of `probability`, to 1e-6."""
        return np.asarray(self.baseline + self.contributions.to_numpy().sum(axis=1) + self.calibration)


@dataclass(frozen=True, slots=True, eq=False)
class SplitLogOdds:
    """What an estimator says of some leads, feature by feature. One entry or row a lead.

    Attributes
    ----------
    total
        Its log-odds, before calibration, as `design_log_odds` has them to the last bit.
    contributions
        One column a feature. A row's sum and the explainer's baseline are `total`.
    """

    total: np.ndarray
    contributions: np.ndarray


class Explainer(Protocol):
    """Splits the log-odds of an estimator into one contribution a feature."""

    @property
    def baseline(self) -> float:
        """Log-odds of the average training lead."""
        ...

    def split(self, matrix: np.ndarray) -> SplitLogOdds:
        """The log-odds of leads, from rows of the design that the classifier reads."""
        ...


@dataclass(frozen=True, slots=True)
class LinearExplainer:
    """Coefficient times distance from the training mean, summed over the columns that a feature was turned into.

    Attributes
    ----------
    classifier
        It reads a design that is centred on the training mean.
    table
        Design column by feature: the coefficient where the column comes from the feature, otherwise 0.
    """

    classifier: LogisticRegression
    table: sp.csr_array

    @property
    def baseline(self) -> float:
        """Log-odds of the average training lead."""
        return float(self.classifier.intercept_[0])

    def split(self, matrix: np.ndarray) -> SplitLogOdds:
        """The log-odds of leads, from rows of the design."""
        return SplitLogOdds(logistic_log_odds(self.classifier, matrix), np.asarray(matrix @ self.table))


@dataclass(frozen=True, slots=True)
class TreeExplainer:
    """What a lead's path through each tree adds at each split, booked on the feature that was asked there.

    This is path attribution (Saabas 2014, treeinterpreter). A node's value is the mean of the leaves below it over the
    training rows that reached it. A split books the change of value from parent to child. Like SHAP values these add
    up; unlike them they credit the feature that is asked first where two share an effect. They are many times faster,
    because a leaf's row of `table` holds its whole path.

    Attributes
    ----------
    table
        Leaf (of all trees, one after the other) by feature: log-odds booked on the path to the leaf. Sparse: a path
        asks a handful of features.
    leaf_values
        Log-odds that each leaf gives.
    first_leaf
        Row of `table` at which each tree begins.
    """

    booster: Any
    table: sp.csr_array
    leaf_values: np.ndarray
    first_leaf: np.ndarray
    baseline: float

    def split(self, matrix: np.ndarray) -> SplitLogOdds:
        """The log-odds of leads, from rows of the design. Each lead goes through the trees once."""
        leaves = self.booster.predict(matrix, pred_leaf=True, num_threads=N_THREADS)
        rows, trees = leaves.shape
        columns = (leaves + self.first_leaf).ravel()
        starts = np.arange(0, rows * trees + 1, trees, dtype=np.int32)
        visited = sp.csr_array((np.ones(rows * trees), columns, starts), shape=(rows, len(self.leaf_values)))
        # Of a sparse row, values are added up in order of the trees, as LightGBM adds them.
        return SplitLogOdds(np.asarray(visited @ self.leaf_values), (visited @ self.table).toarray())


def compile_explainer(estimator: Pipeline, columns: Sequence[FeatureColumn]) -> Explainer:
    """What explains the log-odds of `estimator` (as `fit_estimator` returns it), prepared once for many leads."""
    names = tuple(column.name for column in columns)
    origin = design_origin(estimator.named_steps["features"], names)
    classifier = estimator.named_steps["classifier"]
    if isinstance(classifier, LogisticRegression):
        coefficients = classifier.coef_[0]
        shape = (len(coefficients), len(names))
        table = sp.csr_array((coefficients, (np.arange(len(coefficients)), origin)), shape=shape)
        return LinearExplainer(classifier, table)
    return _tree_explainer(classifier.booster_, origin=origin, n_features=len(names))


def design_origin(transformer: ColumnTransformer, names: Sequence[str]) -> np.ndarray:
    """For each column of the design matrix, the position in `names` of the feature it was made from."""
    position = {name: i for i, name in enumerate(names)}
    parts: list[int] = []
    for part, fitted, columns in transformer.transformers_:
        origins = [position[name] for name in ([columns] if isinstance(columns, str) else columns)]
        if part == CATEGORY:
            parts += list(np.repeat(origins, category_widths(fitted)))
        elif part == "missing":
            parts += [origins[i] for i in fitted.features_]
        else:
            repeats = transformer.output_indices_[part]
            parts += origins * ((repeats.stop - repeats.start) // len(origins))
    return np.asarray(parts)


def _tree_explainer(booster: Any, *, origin: np.ndarray, n_features: int) -> TreeExplainer:
    tables, values, baseline = [], [], 0.0
    for tree in booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        # A leaf's value stands in the last column, beside what is booked on the way to it.
        table = np.zeros((tree["num_leaves"], n_features + 1))
        _book_paths(root, np.zeros(n_features), table=table, origin=origin)
        tables.append(sp.csr_array(table[:, :-1]))
        values.append(table[:, -1])
        baseline += _value(root)
    first_leaf = np.cumsum([0, *(len(each) for each in values[:-1])], dtype=np.int32)
    return TreeExplainer(booster, sp.vstack(tables, format="csr"), np.concatenate(values), first_leaf, baseline)


def _book_paths(node: Mapping[str, Any], booked: np.ndarray, *, table: np.ndarray, origin: np.ndarray) -> None:
    """Fill the rows of `table` for the leaves below `node`, which was reached with `booked` on its way."""
    here = _value(node)
    if "split_feature" not in node:
        table[node.get("leaf_index", 0)] = [*booked, here]
        return
    for child in (node["left_child"], node["right_child"]):
        on = booked.copy()
        on[origin[node["split_feature"]]] += _value(child) - here
        _book_paths(child, on, table=table, origin=origin)


def _value(node: Mapping[str, Any]) -> float:
    """Mean of the leaves below `node` over the training rows that reached it."""
    if "split_feature" not in node:
        return float(node["leaf_value"])
    children = (node["left_child"], node["right_child"])
    counts = [_count(child) for child in children]
    return sum(_value(child) * count for child, count in zip(children, counts, strict=True)) / sum(counts)


def _count(node: Mapping[str, Any]) -> int:
    return int(node["internal_count"] if "split_feature" in node else node["leaf_count"])
