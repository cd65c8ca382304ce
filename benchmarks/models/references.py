"""What everybody is held against: the base rate of training, and the base rate by age in stage."""

from typing import Final

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit

from benchmarks.models.tasks import Task, day_in_stage
from data_contracts.evaluation_table import BASE_RATE
from models.evaluate import base_rate
from models.metrics import Prediction
from models.split import converted_or_not

BASE_RATE_BY_AGE: Final = "base_rate_by_age"

LATEST_SHARE = 0.25
"""The share of the training rows, those whose outcomes became known last, that the level is taken from."""

PRIOR_ROWS = 10.0
"""Rows at the overall rate that are added to those of every day: no rate is 0 or 1."""

FARTHEST_SHIFT = 20.0
"""No level is farther away in log-odds."""


def references(task: Task) -> list[Prediction]:
    """The base rate of the task's own training rows, and the base rate by age."""
    judged = task.judged()
    everyone = np.full(len(judged.test), base_rate(judged.train))
    by_age = base_rate_by_age(task.split.train, judged.test)
    return [Prediction(BASE_RATE, everyone, everyone), Prediction(BASE_RATE_BY_AGE, by_age, by_age)]


def base_rate_by_age(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """For each row of `test`, the rate of `train` at its day in the stage, brought up to date.

    All log-odds are moved by the same amount, so that they add up to the outcomes of the latest rows of `train`. A day
    that `train` has no row of gets the overall rate.
    """
    overall = base_rate(train)
    weight, outcome = train["weight"].to_numpy(dtype=np.float64), converted_or_not(train)
    sums = pd.DataFrame({"won": weight * outcome, "all": weight}).groupby(day_in_stage(train)).sum()
    rates = (sums["won"] + PRIOR_ROWS * overall) / (sums["all"] + PRIOR_ROWS)
    log_odds, asked = (
        logit(pd.Series(day_in_stage(rows)).map(rates).fillna(overall).to_numpy()) for rows in (train, test)
    )
    known_at = train["outcome_known_at"].rank(method="max", pct=True).to_numpy()
    latest = known_at > 1 - LATEST_SHARE
    return np.asarray(expit(asked + _shift(log_odds[latest], outcome[latest], weight[latest])))


def _shift(log_odds: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> float:
    """What must be added to all `log_odds` for the probabilities to add up to the outcomes."""

    def excess(shift: float) -> float:
        return float(np.sum(weight * (expit(log_odds + shift) - outcome)))

    if excess(-FARTHEST_SHIFT) >= 0 or excess(FARTHEST_SHIFT) <= 0:
        return 0.0
    return float(brentq(excess, -FARTHEST_SHIFT, FARTHEST_SHIFT))
