"""Models of one's own beside ours: the same rows to learn from, the same later leads, the same resampled accounts."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.utils.validation import has_fit_parameter

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE, age_judged, evaluation_title, model_names
from data_contracts.evaluations import Evaluation
from data_contracts.record_table import table_html, table_text
from data_contracts.snapshots import FeatureColumn, LabelledTable
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text
from models.baselines import base_rate_by_age_prediction
from models.estimators import model_frame
from models.evaluate import EvaluationPlan, evaluate, judged_rows, log_loss_difference
from models.fit import Fitter
from models.fitted import FittedTransition
from models.metrics import Prediction
from models.plots import differences_plot
from models.recipe import Recipe
from models.split import Split, converted_or_not, learning_rows, split_at
from models.threads import in_one_thread
from models.train import SEED
from models.young import YoungLeads


class Estimator(Protocol):
    """Whatever learns as scikit-learn's classifiers do."""

    def fit(self, features: pd.DataFrame, outcome: np.ndarray) -> Any:
        """Learn from `features` (see `frame_for`) and outcomes of 0 and 1."""
        ...

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        """Two columns, one row a row of `features`; the second is the probability of conversion."""
        ...


@dataclass(frozen=True, eq=False)
class ComparedAge:
    """All models on the test leads of one age.

    Attributes
    ----------
    evaluation
        Our model first, the base rate by age, then the others in the order they were given.
    differences
        Log loss less that of our model, one a model of `evaluation` but ours; below 0 is better than ours.
    """

    evaluation: Evaluation
    differences: tuple[Estimate, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models beside ours at the acting age and at all ages. It prints as a table, and shows as one in a notebook."""

    ages: tuple[ComparedAge, ...]

    def __str__(self) -> str:
        return "\n\n".join(table_text(evaluation_title(age.evaluation), _rows(age)) for age in self.ages)

    def _repr_html_(self) -> str:
        """The tables that a notebook shows; every text in them is escaped."""
        return "".join(table_html(evaluation_title(age.evaluation), _rows(age)) for age in self.ages)

    def plot(self) -> Figure:
        """The differences in log loss with their 95 % intervals, an age beside the other; left of 0 is better."""
        return differences_plot(
            {age_judged(age.evaluation): dict(zip(_others(age), age.differences, strict=True)) for age in self.ages},
            title=f"{self.ages[0].evaluation.transition}: log loss less that of {_names(self.ages[0])[0]}",
        )


def compare(
    table: LabelledTable,
    models: Mapping[str, Estimator | pd.Series],
    *,
    ours: FittedTransition,
    seed: int = SEED,
) -> Comparison:
    """`models` beside ours on the test leads of the training that made `ours`.

    Our model is made anew by its recipe, from the rows before that test: it gives the figures of `ours.summary`. An
    estimator is copied and fitted on the same rows, with their weights where its `fit` takes `sample_weight`.

    Parameters
    ----------
    table
        What `ours` was trained on.
    models
        By name, an estimator that is not fitted, or a probability for each row of `table.frame` (with its index) that
        was made without looking at the test.
    ours
        What `train_transition` made of `table`.
    seed
        That of the training.

    Raises
    ------
    ValueError
        Where a name is taken, a model is neither of both, or a probability is missing or not within [0, 1].
    """
    split = split_at(learning_rows(table), ours.summary.at_acting_age.test_from)
    own = _ours(table, split, ours, seed=seed)
    taken = {own.model, BASE_RATE_BY_AGE} & set(models)
    if taken:
        raise ValueError(f"{', '.join(sorted(taken))} is what a model of ours is called; give yours another name")
    others = [_prediction(name, model, split, columns=table.columns) for name, model in models.items()]
    predictions = [own, base_rate_by_age_prediction(split.train, split.test), *others]
    days = (ours.summary.acting_day, None)
    return Comparison(tuple(_compared(table.transition, split, predictions, day=day, seed=seed) for day in days))


def frame_for(rows: pd.DataFrame, columns: Sequence[FeatureColumn], *, like: pd.DataFrame) -> pd.DataFrame:
    """The features of `rows` as an estimator of one's own is given them: numbers as float64, categories and texts as
    pandas categories, what is missing as NaN.

    The categories are those of the rows `like`, which it learns from. A word that they lack counts as missing. A
    feature of which they know nothing is left out: some estimators refuse it.
    """
    columns = [column for column in columns if like[column.name].notna().any()]
    found = model_frame(rows, columns)
    for name in (column.name for column in columns if column.type != "number"):
        kind = pd.CategoricalDtype(sorted(like[name].dropna().unique()))
        found = found.assign(**{name: found[name].where(found[name].isin(kind.categories)).astype(kind)})
    return found


@in_one_thread
def _ours(table: LabelledTable, split: Split, ours: FittedTransition, *, seed: int) -> Prediction:
    chosen = next((candidate for candidate in ours.summary.candidates if candidate.is_chosen), None)
    if chosen is None:
        raise ValueError(f"{ours.summary.transition}: nothing was chosen in that training; use `train_transition`")
    fitter = Fitter(table.columns, seed, YoungLeads.of(table, learning_rows(table)))
    found = fitter.predicted(Recipe.of(chosen), split.train, split.test, at=split.test_from)
    return Prediction(chosen.estimator, found, found)


def _prediction(
    name: str, model: Estimator | pd.Series, split: Split, *, columns: Sequence[FeatureColumn]
) -> Prediction:
    if isinstance(model, pd.Series):
        probability = model.reindex(split.test.index).to_numpy(dtype=np.float64)
    elif hasattr(model, "fit") and hasattr(model, "predict_proba"):
        probability = _learnt(model, split, columns=columns)
    else:
        raise ValueError(
            f"{name} is a {type(model).__name__}; give an estimator with fit and predict_proba, or a Series"
        )
    wrong = ~((probability >= 0) & (probability <= 1))
    if wrong.any():
        raise ValueError(
            f"{name} has no probability within [0, 1] for {wrong.sum():,} of the {len(wrong):,} test rows, such as "
            f"row {split.test.index[wrong][0]} of the table ({probability[wrong][0]})"
        )
    return Prediction(name, probability, probability)


def _learnt(model: Estimator, split: Split, *, columns: Sequence[FeatureColumn]) -> np.ndarray:
    train, test = (frame_for(rows, columns, like=split.train) for rows in (split.train, split.test))
    own, weights = deepcopy(model), {}
    if has_fit_parameter(own, "sample_weight"):
        weights = {"sample_weight": split.train["weight"].to_numpy(dtype=np.float64)}
    own.fit(train, converted_or_not(split.train), **weights)
    return np.asarray(own.predict_proba(test), dtype=np.float64)[:, 1]


@in_one_thread
def _compared(
    transition: Transition, split: Split, predictions: Sequence[Prediction], *, day: int | None, seed: int
) -> ComparedAge:
    judged = np.full(len(split.test), True) if day is None else (split.test["day"] == day).to_numpy()
    ours, *others = (prediction.of(judged) for prediction in predictions)
    plan = EvaluationPlan(transition, day, capacity_share=None, seed=seed)
    rows = judged_rows(split, day)[1]
    return ComparedAge(
        evaluation=evaluate(split, [ours, *others], plan=plan),
        differences=tuple(
            log_loss_difference(rows, other.probability, ours.probability, seed=seed) for other in others
        ),
    )


def _rows(age: ComparedAge) -> list[dict[str, str]]:
    """One row a model: how good it is, and by how much its log loss differs from ours."""
    differences = ("", *(estimate_text(difference) for difference in age.differences))
    return [
        {
            "model": name,
            "log loss": estimate_text(figures.log_loss),
            "less ours": difference,
            "AUC": estimate_text(figures.auc),
            "slope": estimate_text(figures.calibration_slope, least=2),
        }
        for name, figures, difference in zip(_names(age), age.evaluation.models, differences, strict=True)
    ]


def _names(age: ComparedAge) -> list[str]:
    return model_names(age.evaluation)


def _others(age: ComparedAge) -> list[str]:
    return _names(age)[1:]
