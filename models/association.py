"""How much columns know about the outcome, alone and on top of all others: learnt on earlier leads, judged on later."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import LOGISTIC_REGRESSION
from data_contracts.snapshots import FeatureColumn
from models.calibrate import NEAREST_TO_CERTAIN
from models.estimators import Setting, fit_design, model_frame
from models.evaluate import Z_95
from models.linear import logistic_probabilities
from models.split import Split, converted_or_not

PENALTY = 0.3
"""Inverse strength of the ridge penalty: weak, so that a single column can say all it knows."""

MOST_STEPS = 200
"""Steps of the solver, which begins where the model of all columns ended."""


@dataclass(frozen=True, slots=True)
class Association:
    """What some columns know.

    Attributes
    ----------
    auc
        Of the columns alone.
    gain
        Log loss of the base rate minus that of the columns alone.
    gain_on_top
        Log loss of all other columns minus that of all columns.
    lead_over_others
        AUC of the columns alone minus that of all other columns.
    """

    auc: Estimate
    gain: Estimate
    gain_on_top: Estimate
    lead_over_others: Estimate


@dataclass(frozen=True, slots=True)
class Associations:
    """What each subject knows, in their order, and the AUC of all columns together."""

    each: tuple[Association, ...]
    auc_of_all: Estimate


def associations(split: Split, columns: Sequence[FeatureColumn], subjects: Sequence[Sequence[str]]) -> Associations:
    """What each of `subjects` (names of columns) knows: logistic regressions learnt on the training rows of `split`.

    Figures are of its test rows. Intervals take the leads of an account together: those of an AUC by Obuchowski (1997,
    "Nonparametric analysis of clustered ROC curve data", Biometrics 53:567), those of a gain by the sums of accounts.
    """
    design = _Design.of(split, columns, subjects)
    outcome, group = converted_or_not(split.test), pd.factorize(split.test["group_id"])[0]
    everything = design.fitted(tuple(range(design.n_blocks)))
    all_columns = design.predicted(everything, tuple(range(design.n_blocks)))
    base = np.full(len(outcome), np.average(converted_or_not(split.train)))
    found = []
    for place in range(len(subjects)):
        others = tuple(block for block in range(design.n_blocks) if block != place)
        alone = design.predicted(design.fitted((place,)), (place,))
        without = design.predicted(design.fitted(others, start=everything), others)
        found.append(
            Association(
                auc=auc_estimate(alone, outcome, group),
                gain=_gain(base, alone, outcome, group),
                gain_on_top=_gain(without, all_columns, outcome, group),
                lead_over_others=auc_estimate(alone, outcome, group, against=without),
            )
        )
    return Associations(tuple(found), auc_of_all=auc_estimate(all_columns, outcome, group))


def auc_estimate(
    score: np.ndarray, outcome: np.ndarray, group: np.ndarray, *, against: np.ndarray | None = None
) -> Estimate:
    """Area under the ROC curve, or the difference to that of `against`, with its interval over accounts.

    >>> auc_estimate(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1]), np.arange(4)).value
    1.0
    """
    if outcome.min() == outcome.max():
        return Estimate(value=None, low=None, high=None)
    area, influence = _auc(score, outcome, group)
    if against is not None:
        other, its_influence = _auc(against, outcome, group)
        area, influence = area - other, influence - its_influence
    n = len(influence)
    half = Z_95 * float(np.sqrt(n / max(1, n - 1) * (influence**2).sum()))
    low, high = (area - half, area + half) if against is not None else (max(0.0, area - half), min(1.0, area + half))
    return Estimate(value=area, low=low, high=high)


def _auc(score: np.ndarray, outcome: np.ndarray, group: np.ndarray) -> tuple[float, np.ndarray]:
    """The area, and how far each account pulls it from its value."""
    is_one = outcome == 1
    n_one, n_none = int(is_one.sum()), int((~is_one).sum())
    rank = rankdata(score)
    placed = np.empty(len(score))
    placed[is_one] = (rank[is_one] - rankdata(score[is_one])) / n_none
    placed[~is_one] = 1 - (rank[~is_one] - rankdata(score[~is_one])) / n_one
    area = float(placed[is_one].mean())
    pull = (placed - area) / np.where(is_one, n_one, n_none)
    return area, np.bincount(group, weights=pull)


def _gain(reference: np.ndarray, model: np.ndarray, outcome: np.ndarray, group: np.ndarray) -> Estimate:
    gains = _losses(reference, outcome) - _losses(model, outcome)
    value = float(gains.mean())
    sums = np.bincount(group, weights=gains - value)
    half = Z_95 * float(np.sqrt((sums**2).sum())) / len(gains)
    return Estimate(value=value, low=value - half, high=value + half)


def _losses(probability: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    p = np.clip(probability, NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN)
    return np.asarray(-(xlogy(outcome, p) + xlogy(1 - outcome, 1 - p)))


@dataclass(frozen=True, eq=False)
class _Design:
    """The columns as a logistic regression reads them: a block for each subject, and one for all that is left."""

    train: list[np.ndarray]
    test: list[np.ndarray]
    outcome: np.ndarray

    @classmethod
    def of(cls, split: Split, columns: Sequence[FeatureColumn], subjects: Sequence[Sequence[str]]) -> "_Design":
        taken = {name for subject in subjects for name in subject}
        blocks = [[column for column in columns if column.name in subject] for subject in subjects]
        rest = [column for column in columns if column.name not in taken]
        outcome = converted_or_not(split.train)
        train, test = [], []
        for block in [*blocks, *([rest] if rest else [])]:
            known, asked = (model_frame(rows, block) for rows in (split.train, split.test))
            setting = Setting(LOGISTIC_REGRESSION, (("C", PENALTY),))
            design = fit_design(setting, known, columns=block, account=split.train["group_id"].to_numpy())
            train.append(design.matrix)
            test.append(np.asarray(design.transform.transform(asked)))
        return cls(train, test, outcome)

    @property
    def n_blocks(self) -> int:
        return len(self.train)

    def fitted(self, blocks: tuple[int, ...], *, start: LogisticRegression | None = None) -> LogisticRegression:
        """A logistic regression on `blocks`; it begins at the coefficients of `start`, a model of all blocks."""
        model = LogisticRegression(C=PENALTY, max_iter=MOST_STEPS, tol=1e-3, warm_start=start is not None)
        if start is not None:
            ends = np.cumsum([block.shape[1] for block in self.train])
            parts = [start.coef_[0, end - self.train[b].shape[1] : end] for b, end in enumerate(ends) if b in blocks]
            model.coef_, model.intercept_ = np.concatenate(parts)[None, :], start.intercept_.copy()
            model.classes_ = start.classes_
        return model.fit(np.hstack([self.train[block] for block in blocks]), self.outcome)

    def predicted(self, model: LogisticRegression, blocks: tuple[int, ...]) -> np.ndarray:
        return logistic_probabilities(model, np.hstack([self.test[block] for block in blocks]))
