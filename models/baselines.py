"""What a model is held against: the base rate by age, the base rate, the hand-tuned point rule, naive Bayes."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from data_contracts.evaluation_table import BASE_RATE, BASE_RATE_BY_AGE, NAIVE_BAYES, POINT_RULE
from data_contracts.snapshots import POINTS, FeatureColumn
from models.base_rate import base_rate_at, fit_base_rate_by_age
from models.evaluate import base_rate
from models.metrics import Prediction
from models.naive_bayes import fit_and_predict, team_of
from models.split import converted_or_not

Baseline = Callable[[pd.DataFrame, pd.DataFrame], Prediction]
"""Learnt from the rows given first, it says of each row given second."""


def base_rate_by_age_prediction(train: pd.DataFrame, test: pd.DataFrame) -> Prediction:
    """The base rate by age of `train`, at the level of its latest matured period, for each row of `test`."""
    probability = base_rate_at(fit_base_rate_by_age(train), test)
    return Prediction(BASE_RATE_BY_AGE, probability=probability, ranking=probability)


def base_rate_prediction(train: pd.DataFrame, test: pd.DataFrame) -> Prediction:
    """The share of `train` that converted, for everyone in `test`."""
    everyone = np.full(len(test), base_rate(train))
    return Prediction(BASE_RATE, probability=everyone, ranking=everyone)


def point_rule_prediction(train: pd.DataFrame, test: pd.DataFrame) -> Prediction | None:
    """The hand-tuned rule as a model: leads ranked by their points, probabilities learnt from the points on `train`.

    The probabilities are a logistic regression on the points, the kindest reading of a rule that states none. The
    ranking stays the rule's own. None where no rule is defined (no row has points); a row without points has 0.
    """
    if train[POINTS].isna().all():
        return None
    known, asked = (rows[POINTS].fillna(0).to_numpy(dtype=np.float64) for rows in (train, test))
    spread = known.std() or 1.0
    model = LogisticRegression(C=np.inf, max_iter=1000)
    model.fit((known / spread)[:, None], converted_or_not(train), sample_weight=train["weight"].to_numpy())
    return Prediction(POINT_RULE, probability=model.predict_proba((asked / spread)[:, None])[:, 1], ranking=asked)


def naive_bayes_prediction(train: pd.DataFrame, test: pd.DataFrame, *, columns: Sequence[FeatureColumn]) -> Prediction:
    """What Odoo's CRM would say of each row of `test`, from the values of `columns` among the rows of `train`.

    By team where an attribute `team` is declared. Texts are left out: Odoo counts whole values.
    """
    categories = [column.name for column in columns if column.type == "category"]
    numbers = [column.name for column in columns if column.type == "number"]
    probability = fit_and_predict(train, test, numbers=numbers, categories=categories, team=team_of(categories))
    return Prediction(NAIVE_BAYES, probability=probability, ranking=probability)
