"""Which estimator and which calibrator: those that do best on leads that they did not learn from, later ones if any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy

from data_contracts.progress import Say, silent
from data_contracts.releases import Candidate, Validation
from models.calibrate import CALIBRATORS, CalibratorName, calibrated
from models.estimators import LOGISTIC_SETTINGS, SETTINGS, Setting
from models.fit import Choice, Fitter, HeldOut
from models.split import Fold, forward_folds, grouped_folds


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen: over all settings, and among the logistic regressions; with all that was tried.

    `validation` says on which leads: `forward` on later ones, `grouped` on other accounts of the same time.
    """

    best: Choice
    best_logistic: Choice
    candidates: tuple[Candidate, ...]
    validation: Validation


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting on the validation folds, without and with calibrators.

    `probabilities` has `none` first, and then the calibrators that were tried; one probability a row of `later`.
    """

    later: HeldOut
    probabilities: Mapping[CalibratorName, np.ndarray]

    def loss(self, calibrator: CalibratorName) -> float:
        """The mean log loss with `calibrator`."""
        return float(np.average(self._losses(calibrator), weights=self.later.weight))

    def best_calibrator(self) -> CalibratorName:
        """The calibrator with the least log loss; none unless it gains over one standard error of the difference.

        Accounts are the independent observations: the snapshots of one go together.
        """
        best = min(self.probabilities, key=self.loss)
        gains, weight = self._losses("none") - self._losses(best), self.later.weight
        gain = np.average(gains, weights=weight)
        _, account = np.unique(self.later.group, return_inverse=True)
        standard_error = np.sqrt(np.sum(np.bincount(account, weight * (gains - gain)) ** 2)) / weight.sum()
        return best if gain > standard_error else "none"

    def _losses(self, calibrator: CalibratorName) -> np.ndarray:
        p, outcome = self.probabilities[calibrator], self.later.outcome
        return np.asarray(-(xlogy(outcome, p) + xlogy(1 - outcome, 1 - p)))


def select(rows: pd.DataFrame, fitter: Fitter, *, say: Say = silent) -> Selection:
    """The setting with the least log loss on leads it did not learn from, and the calibrator that lowers it further.

    The leads are later ones. Where history is too short for a single such fold, they are those of other accounts, and
    the selection says so: no model is ever taken untried.
    """
    folds: Sequence[Fold] = forward_folds(rows)
    validation: Validation = "forward" if folds else "grouped"
    if not folds:
        say("history is too short to choose by later leads; choosing by other accounts of the same time")
        folds = grouped_folds(rows)
    later, tried = {}, {}
    for setting in SETTINGS:
        later[setting] = [fitter.held_out(setting, fold.train, fold.test) for fold in folds]
        tried[setting] = _tried(later[setting])
        say(f"tried {_described(setting)}: log loss {tried[setting].loss('none'):.4f}")
    best, best_logistic = (
        min(settings, key=lambda setting: tried[setting].loss("none")) for settings in (SETTINGS, LOGISTIC_SETTINGS)
    )
    for setting in dict.fromkeys((best, best_logistic)):
        say(f"trying calibrators after {_described(setting)}")
        tried[setting] = _tried_with_calibrators(setting, folds, later=later[setting], fitter=fitter)
    chosen = Choice(best, tried[best].best_calibrator())
    return Selection(
        best=chosen,
        best_logistic=Choice(best_logistic, tried[best_logistic].best_calibrator()),
        candidates=tuple(_candidates(tried, chosen=chosen)),
        validation=validation,
    )


def _tried(parts: Sequence[HeldOut]) -> Tried:
    joined = HeldOut.joined(parts)
    return Tried(joined, {"none": calibrated(None, joined.raw)})


def _tried_with_calibrators(
    setting: Setting, folds: Sequence[Fold], *, later: Sequence[HeldOut], fitter: Fitter
) -> Tried:
    """Each fold's calibrators learnt from its training rows, as `Fitter.fit_choice` will learn the final one."""
    seen = [fitter.cross_predictions(setting, fold.train) for fold in folds]
    probabilities: dict[CalibratorName, np.ndarray] = {}
    for name in CALIBRATORS:
        fitted = [part.calibrator(name) for part in seen]
        if name == "none" or any(calibrator is not None for calibrator in fitted):
            parts = [calibrated(calibrator, part.raw) for calibrator, part in zip(fitted, later, strict=True)]
            probabilities[name] = np.concatenate(parts)
    return Tried(HeldOut.joined(later), probabilities)


def _candidates(tried: Mapping[Setting, Tried], *, chosen: Choice) -> list[Candidate]:
    return [
        Candidate(
            estimator=setting.estimator,
            parameters=dict(setting.parameters),
            calibrator=calibrator,
            validation_log_loss=one.loss(calibrator),
            is_chosen=Choice(setting, calibrator) == chosen,
        )
        for setting, one in tried.items()
        for calibrator in one.probabilities
    ]


def _described(setting: Setting) -> str:
    parameters = ", ".join(f"{name}={value:g}" for name, value in setting.parameters)
    return f"{setting.estimator} ({parameters})"
