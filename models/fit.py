"""One procedure from labelled rows to a calibrated model, chosen by how it does on later leads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from data_contracts.releases import Candidate
from data_contracts.snapshots import FeatureColumn
from models.calibrate import CALIBRATORS, CalibratorName, calibrated, fit_calibrator
from models.estimators import (
    FALLBACK_SETTING,
    LOGISTIC_SETTINGS,
    SETTINGS,
    Setting,
    fit_estimator,
    model_frame,
    raw_probabilities,
)
from models.split import Split, forward_folds, outcomes

N_CALIBRATION_BLOCKS = 4
"""Later predictions are cut in time into this many blocks; a calibrator is judged on each after learning from those
before it."""

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress that nobody wants to hear of."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An estimator's setting, and the calibrator that follows it."""

    setting: Setting
    calibrator: CalibratorName


@dataclass(frozen=True, eq=False)
class CalibratedModel:
    """A fitted choice. `calibrator` is None where `choice` names none or where the rows were too few to fit it."""

    choice: Choice
    columns: tuple[FeatureColumn, ...]
    estimator: Pipeline
    calibrator: BaseEstimator | None

    @property
    def calibrator_name(self) -> CalibratorName:
        """The calibrator that is in force."""
        return "none" if self.calibrator is None else self.choice.calibrator

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Calibrated probabilities, one a row."""
        return calibrated(self.calibrator, raw_probabilities(self.estimator, model_frame(rows, self.columns)))


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen: over all settings, and among the logistic regressions; with all that was tried."""

    best: Choice
    best_logistic: Choice
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class LaterPredictions:
    """Predictions for the validation rows of all folds, each by a model of what was known before; in time order."""

    raw: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray


def select(
    rows: pd.DataFrame, *, columns: tuple[FeatureColumn, ...], seed: int, progress: Progress = silent
) -> Selection:
    """The setting with the least log loss on later leads, and the calibrator that lowers it further.

    Without enough outcomes for a single validation fold, it is the most regularised logistic regression without a
    calibrator, and there are no candidates to show.
    """
    folds = forward_folds(rows)
    if not folds:
        choice = Choice(FALLBACK_SETTING, "none")
        return Selection(best=choice, best_logistic=choice, candidates=())
    later = {}
    for setting in SETTINGS:
        later[setting] = later_predictions(setting, folds, columns=columns, seed=seed)
        progress(f"tried {_described(setting)}: log loss {_log_loss(later[setting], later[setting].raw):.4f}")
    raw_losses = {setting: _log_loss(predictions, predictions.raw) for setting, predictions in later.items()}
    best = min(SETTINGS, key=lambda setting: raw_losses[setting])
    best_logistic = min(LOGISTIC_SETTINGS, key=lambda setting: raw_losses[setting])
    losses = {setting: _calibrated_losses(later[setting]) for setting in {best, best_logistic}}
    chosen, chosen_logistic = (Choice(setting, _calibrator(later[setting])) for setting in (best, best_logistic))
    candidates = tuple(
        _candidate(Choice(setting, name), loss, chosen=chosen)
        for setting in SETTINGS
        for name, loss in losses.get(setting, {"none": raw_losses[setting]}).items()
    )
    return Selection(best=chosen, best_logistic=chosen_logistic, candidates=candidates)


def fit_choice(choice: Choice, rows: pd.DataFrame, *, columns: tuple[FeatureColumn, ...], seed: int) -> CalibratedModel:
    """`choice` fitted on all of `rows`, its calibrator on predictions for later rows by models of earlier ones."""
    estimator = fit_estimator(
        choice.setting,
        model_frame(rows, columns),
        columns=columns,
        outcome=outcomes(rows),
        weight=_weights(rows),
        seed=seed,
    )
    calibrator = None
    if choice.calibrator != "none":
        later = later_predictions(choice.setting, forward_folds(rows), columns=columns, seed=seed)
        calibrator = fit_calibrator(choice.calibrator, later.raw, outcome=later.outcome, weight=later.weight)
    return CalibratedModel(choice, columns, estimator, calibrator)


def later_predictions(
    setting: Setting, folds: Sequence[Split], *, columns: tuple[FeatureColumn, ...], seed: int
) -> LaterPredictions:
    """What models with `setting`, each learnt on a fold's training rows, predict for its later rows."""
    raw = []
    for fold in folds:
        estimator = fit_estimator(
            setting,
            model_frame(fold.train, columns),
            columns=columns,
            outcome=outcomes(fold.train),
            weight=_weights(fold.train),
            seed=seed,
        )
        raw.append(raw_probabilities(estimator, model_frame(fold.test, columns)))
    tests = [fold.test for fold in folds]
    return LaterPredictions(
        raw=np.concatenate([np.empty(0), *raw]),
        outcome=np.concatenate([np.empty(0, dtype=np.int64), *(outcomes(test) for test in tests)]),
        weight=np.concatenate([np.empty(0), *(_weights(test) for test in tests)]),
    )


def _calibrated_losses(later: LaterPredictions) -> dict[CalibratorName, float]:
    """The log loss with each calibrator that there are enough outcomes to try; `none` first."""
    predicted = {name: _forward_calibrated(name, later) for name in CALIBRATORS}
    untouched = predicted["none"]
    return {
        name: _log_loss(later, probability)
        for name, probability in predicted.items()
        if name == "none" or not np.array_equal(probability, untouched)
    }


def _calibrator(later: LaterPredictions) -> CalibratorName:
    """The calibrator with the least log loss; none unless it gains more than one standard error of the difference."""
    losses = {name: _losses(later, _forward_calibrated(name, later)) for name in CALIBRATORS}
    best = min(CALIBRATORS, key=lambda name: np.average(losses[name], weights=later.weight))
    gains, weight = losses["none"] - losses[best], later.weight
    gain = np.average(gains, weights=weight)
    standard_error = np.sqrt(np.sum((weight * (gains - gain)) ** 2)) / weight.sum()
    return best if gain > standard_error else "none"


def _forward_calibrated(name: CalibratorName, later: LaterPredictions) -> np.ndarray:
    """The predictions, block by block as a calibrator learnt from the blocks before would have changed them."""
    blocks = np.array_split(np.arange(len(later.raw)), N_CALIBRATION_BLOCKS)
    parts = [calibrated(None, later.raw[blocks[0]])]
    for number, block in enumerate(blocks[1:], start=1):
        before = np.concatenate(blocks[:number])
        calibrator = fit_calibrator(name, later.raw[before], outcome=later.outcome[before], weight=later.weight[before])
        parts.append(calibrated(calibrator, later.raw[block]))
    return np.concatenate(parts)


def _candidate(choice: Choice, loss: float, *, chosen: Choice) -> Candidate:
    return Candidate(
        estimator=choice.setting.estimator,
        parameters=dict(choice.setting.parameters),
        calibrator=choice.calibrator,
        validation_log_loss=loss,
        is_chosen=choice == chosen,
    )


def _described(setting: Setting) -> str:
    parameters = ", ".join(f"{name}={value:g}" for name, value in setting.parameters)
    return f"{setting.estimator} ({parameters})"


def _losses(later: LaterPredictions, probability: np.ndarray) -> np.ndarray:
    p, outcome = calibrated(None, probability), later.outcome
    return np.asarray(-(xlogy(outcome, p) + xlogy(1 - outcome, 1 - p)))


def _log_loss(later: LaterPredictions, probability: np.ndarray) -> float:
    return float(np.average(_losses(later, probability), weights=later.weight))


def _weights(rows: pd.DataFrame) -> np.ndarray:
    return rows["weight"].to_numpy(dtype=np.float64)
