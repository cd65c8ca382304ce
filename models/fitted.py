"""What training leaves behind: a calibrated model of one transition, and the release that is promoted."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from data_contracts.errors import ReleaseError
from data_contracts.releases import ReleaseManifest, TransitionSummary
from data_contracts.snapshots import FeatureColumn
from data_contracts.vocabulary import Transition
from models.base_rate import base_rate_at
from models.calibrate import calibrated
from models.design import design_batches
from models.estimators import design_probabilities, model_frame, raw_probabilities
from models.explain import Explainer, compile_explainer
from models.threads import in_one_thread


@dataclass(frozen=True, eq=False)
class Explained:
    """What `FittedTransition.explained` says: a probability for each row, contributions for those that were asked."""

    probability: np.ndarray
    contributions: pd.DataFrame


@dataclass(frozen=True, eq=False)
class FittedTransition:
    """A calibrated model of one transition.

    Attributes
    ----------
    summary
        What was tried, what was chosen, and how good it is.
    columns
        The features that the model reads, in order.
    estimator
        A scikit-learn pipeline over exactly those columns; None where no signal was found: everyone then gets the
        base rate by age.
    calibrator
        The scikit-learn object that `summary.calibrator` names; None where the probabilities need none.
    """

    summary: TransitionSummary
    columns: tuple[FeatureColumn, ...]
    estimator: Pipeline | None
    calibrator: BaseEstimator | None

    @in_one_thread
    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Calibrated probabilities of the transition within its horizon, one a row of `frame`, within (0, 1).

        `frame` holds at least the feature columns. Categories that training never saw count as rare ones, missing
        values as missing. A lead's probability is the same to the last bit whatever batch it comes in. Raises
        `ReleaseError` that lists the feature columns `frame` lacks.
        """
        features = self._features(frame)
        if self.estimator is None:
            return base_rate_at(self.summary.base_rate_by_age, frame)
        return calibrated(self.calibrator, raw_probabilities(self.estimator, features))

    @in_one_thread
    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """How much each feature raises (or lowers, below 0) each lead's log-odds, before calibration.

        One column a feature, one row a row of `frame`, with its index. A row's sum is its log-odds less those of the
        average training lead. All 0 where the base rate by age is published. Raises `ReleaseError` as `predict` does.
        """
        features = self._features(frame)
        if self._explainer is None:
            return pd.DataFrame(0.0, index=frame.index, columns=list(features.columns))
        return self._explainer.contributions(features)

    @in_one_thread
    def explained(self, frame: pd.DataFrame, *, asked: np.ndarray) -> Explained:
        """What `predict` says of `frame`, and `contributions` of its rows where `asked` (one flag a row) is true.

        The features are turned once into what the model reads. Raises `ReleaseError` as `predict` does.
        """
        features = self._features(frame)
        contributions = pd.DataFrame(0.0, index=frame.index[asked], columns=list(features.columns))
        if self.estimator is None or self._explainer is None:
            return Explained(base_rate_at(self.summary.base_rate_by_age, frame), contributions)
        raw, parts = np.empty(len(frame)), [contributions.to_numpy()[:0]]
        for batch in design_batches(self.estimator[:-1], features):
            raw[batch.rows] = design_probabilities(self.estimator.named_steps["classifier"], batch.matrix)
            chosen = batch.matrix[asked[batch.rows]]
            if len(chosen):
                parts.append(self._explainer.of_design(chosen))
        found = pd.DataFrame(np.concatenate(parts), index=contributions.index, columns=contributions.columns)
        return Explained(calibrated(self.calibrator, raw), found)

    @cached_property
    def _explainer(self) -> Explainer | None:
        return None if self.estimator is None else compile_explainer(self.estimator, self.columns)

    def _features(self, frame: pd.DataFrame) -> pd.DataFrame:
        names = [column.name for column in self.columns]
        lacking = [name for name in names if name not in frame.columns]
        if lacking:
            raise ReleaseError(
                f"{self.summary.transition}: the frame lacks {len(lacking)} of the {len(names)} features this model "
                f"was fitted on ({', '.join(lacking)}); build the features with the catalogue of the release"
            )
        return model_frame(frame, self.columns)


@dataclass(frozen=True, eq=False)
class ScoringRelease:
    """All that scoring needs, and the only thing that is promoted: the manifest and the model of each transition."""

    manifest: ReleaseManifest
    transitions: Mapping[Transition, FittedTransition]
