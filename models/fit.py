"""From labelled rows to an estimator, and to a calibrator that learns from predictions for unseen accounts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from data_contracts.snapshots import FeatureColumn
from models.calibrate import CalibratorName, calibrated, fit_calibrator
from models.estimators import Setting, fit_estimator, model_frame, raw_probabilities
from models.split import converted_or_not

N_CROSS_FITS = 4
"""Parts into which accounts are dealt for calibration. Each part is predicted by a model of the other three, which has
seen 75 % of the accounts."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An estimator's setting, and the calibrator that follows it."""

    setting: Setting
    calibrator: CalibratorName


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Uncalibrated predictions for rows that the predicting model did not learn from, and what became of the rows."""

    raw: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    lead: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["HeldOut"]) -> "HeldOut":
        """All `parts` one after the other."""
        return cls(
            raw=np.concatenate([part.raw for part in parts]),
            outcome=np.concatenate([part.outcome for part in parts]),
            weight=np.concatenate([part.weight for part in parts]),
            group=np.concatenate([part.group for part in parts]),
            lead=np.concatenate([part.lead for part in parts]),
        )

    def calibrator(self, name: CalibratorName) -> BaseEstimator | None:
        """The calibrator called `name`, learnt from these predictions; None where they are too few."""
        return fit_calibrator(name, self.raw, outcome=self.outcome, weight=self.weight, lead=self.lead)


@dataclass(frozen=True, slots=True)
class Fitter:
    """Fits estimators over `columns`; `seed` decides whatever is drawn."""

    columns: tuple[FeatureColumn, ...]
    seed: int

    def fit_choice(self, choice: Choice, rows: pd.DataFrame) -> tuple[Pipeline, BaseEstimator | None]:
        """The estimator and the calibrator of `choice`, fitted on all of `rows`.

        The calibrator is None where `choice` names none, or where the rows are too few for the one it names.
        """
        calibrator = None
        if choice.calibrator != "none":
            calibrator = self.cross_predictions(choice.setting, rows).calibrator(choice.calibrator)
        return self._fit(choice.setting, rows), calibrator

    def predicted(self, choice: Choice, train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
        """What `choice`, fitted on `train`, says of each row of `test`: calibrated probabilities."""
        estimator, calibrator = self.fit_choice(choice, train)
        return calibrated(calibrator, raw_probabilities(estimator, model_frame(test, self.columns)))

    def held_out(self, setting: Setting, train: pd.DataFrame, test: pd.DataFrame) -> HeldOut:
        """What a model with `setting` that learnt from `train` predicts for `test`."""
        estimator = self._fit(setting, train)
        return HeldOut(
            raw=raw_probabilities(estimator, model_frame(test, self.columns)),
            outcome=converted_or_not(test),
            weight=_weights(test),
            group=test["group_id"].to_numpy(),
            lead=test["lead_id"].to_numpy(),
        )

    def cross_predictions(self, setting: Setting, rows: pd.DataFrame) -> HeldOut:
        """Predictions for all `rows`, each by a model of three quarters of the accounts, never of the row's own.

        A calibrator learns from these. Predictions of earlier models for later rows would be at hand. But those models
        learnt from less, so they are more overconfident than the one that is calibrated in the end. Their calibrator
        would make it timid.
        """
        dealt = StratifiedGroupKFold(N_CROSS_FITS).split(rows, converted_or_not(rows), groups=rows["group_id"])
        return HeldOut.joined([self.held_out(setting, rows.iloc[train], rows.iloc[test]) for train, test in dealt])

    def _fit(self, setting: Setting, rows: pd.DataFrame) -> Pipeline:
        return fit_estimator(
            setting,
            model_frame(rows, self.columns),
            columns=self.columns,
            outcome=converted_or_not(rows),
            weight=_weights(rows),
            seed=self.seed,
        )


def _weights(rows: pd.DataFrame) -> np.ndarray:
    return rows["weight"].to_numpy(dtype=np.float64)
