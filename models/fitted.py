"""What training leaves behind: a calibrated model of one transition, and the release that is promoted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from data_contracts.calibration import Calibration
from data_contracts.contact import ContactReport
from data_contracts.errors import ReleaseError
from data_contracts.leaks import LeakReport
from data_contracts.recalibration import Recalibration
from data_contracts.releases import ChainSummary, ReleaseManifest, TransitionSummary
from data_contracts.scores import P_SQL
from data_contracts.snapshots import FeatureColumn
from data_contracts.vocabulary import Transition
from models.base_rate import base_rate_at
from models.calibrate import blended, calibrated, mended
from models.design import design_batches
from models.estimators import design_probabilities, model_frame, raw_probabilities
from models.explain import Explainer, compile_explainer
from models.threads import in_one_thread
from models.win_calibrator import WinCalibrator, p_win_before_sql


@dataclass(frozen=True, eq=False)
class Explained:
    """What `FittedTransition.explained` says: a probability for each row, contributions for those that were asked."""

    probability: np.ndarray
    contributions: pd.DataFrame


@dataclass(frozen=True, eq=False)
class ContactModel:
    """How likely sales is to contact a lead, to tell leads like which it contacted hardly any.

    Attributes
    ----------
    estimator
        A scikit-learn pipeline over the features of the transition.
    unlike_up_to
        The chance, in (0, 1), up to which a lead is unlike every labelled one.
    """

    estimator: Pipeline
    unlike_up_to: float


@dataclass(frozen=True, eq=False)
class FittedTransition:
    """A calibrated model of one transition.

    Attributes
    ----------
    summary
        What was tried, what was chosen, and how good it is.
    columns
        The features that the model reads, in order.
    estimators
        Scikit-learn pipelines over exactly those columns, of which the mean log-odds are taken; none where no signal
        was found: everyone then gets the base rate by age.
    calibrator
        The scikit-learn object that `summary.calibrator` names; None where the probabilities need none.
    contact
        What tells leads that are unlike every labelled one; None where no lead is, or nobody could tell.
    """

    summary: TransitionSummary
    columns: tuple[FeatureColumn, ...]
    estimators: tuple[Pipeline, ...]
    calibrator: BaseEstimator | None
    contact: ContactModel | None = None

    @in_one_thread
    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Calibrated probabilities of the transition within its horizon, one a row of `frame`, within (0, 1).

        `frame` holds at least the feature columns. Categories that training never saw count as rare ones, missing
        values as missing. A lead's probability is the same to the last bit whatever batch it comes in. Raises
        `ReleaseError` that lists the feature columns `frame` lacks.
        """
        features = self._features(frame)
        return self._published(frame, [raw_probabilities(estimator, features) for estimator in self.estimators])

    @in_one_thread
    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """How much each feature raises (or lowers, below 0) each lead's log-odds, before calibration.

        One column a feature, one row a row of `frame`, with its index. A row's sum is its log-odds less those of the
        average training lead. All 0 where the base rate by age is published. Raises `ReleaseError` as `predict` does.
        """
        features = self._features(frame)
        found = pd.DataFrame(0.0, index=frame.index, columns=list(features.columns))
        for explainer in self._explainers:
            found += explainer.contributions(features) / len(self._explainers)
        return found

    @in_one_thread
    def explained(self, frame: pd.DataFrame, *, asked: np.ndarray) -> Explained:
        """What `predict` says of `frame`, and `contributions` of its rows where `asked` (one flag a row) is true.

        The features are turned once into what each estimator reads. Raises `ReleaseError` as `predict` does.
        """
        features = self._features(frame)
        found = np.zeros((int(asked.sum()), len(features.columns)))
        raw = [np.empty(len(frame)) for _ in self.estimators]
        for estimator, explainer, probability in zip(self.estimators, self._explainers, raw, strict=True):
            n_explained = 0
            for batch in design_batches(estimator[:-1], features):
                probability[batch.rows] = design_probabilities(estimator.named_steps["classifier"], batch.matrix)
                chosen = batch.matrix[asked[batch.rows]]
                if len(chosen):
                    rows = slice(n_explained, n_explained + len(chosen))
                    found[rows] += explainer.of_design(chosen) / len(self.estimators)
                n_explained += len(chosen)
        contributions = pd.DataFrame(found, index=frame.index[asked], columns=list(features.columns))
        return Explained(self._published(frame, raw), contributions)

    @in_one_thread
    def is_unlike(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each row of `frame` is unlike every lead that was learnt from: sales contacted hardly any like it.

        What is predicted for it rests on other leads alone. Raises `ReleaseError` as `predict` does.
        """
        if self.contact is None or not len(frame):
            return np.zeros(len(frame), dtype=bool)
        return raw_probabilities(self.contact.estimator, self._features(frame)) <= self.contact.unlike_up_to

    def as_trained(self) -> "FittedTransition":
        """The same model without what was mended after its training."""
        return replace(self, summary=self.summary.model_copy(update={"recalibration": None}))

    def recalibrated_by(self, recalibration: Recalibration, *, calibration: Calibration) -> "FittedTransition":
        """The same model with its probabilities mended, and how far they then meant what they said."""
        told = {"recalibration": recalibration, "calibration": calibration}
        return replace(self, summary=self.summary.model_copy(update=told))

    def looked_through(self, leaks: LeakReport) -> "FittedTransition":
        """The same model, with what may have known the outcome."""
        return replace(self, summary=self.summary.model_copy(update={"leaks": leaks}))

    def knowing(
        self, *, contact: ContactReport | None, model: ContactModel | None = None, calibration: Calibration
    ) -> "FittedTransition":
        """The same model, with whom sales contacted, and how far its probabilities meant what they said.

        `model` tells leads that are unlike every labelled one.
        """
        told = {"contact": contact, "calibration": calibration}
        return replace(self, summary=self.summary.model_copy(update=told), contact=model)

    def _published(self, frame: pd.DataFrame, raw: Sequence[np.ndarray]) -> np.ndarray:
        """What leads are given, from what each estimator says of them."""
        by_age = self.summary.base_rate_by_age
        found = calibrated(self.calibrator, blended(raw)) if raw else base_rate_at(by_age, frame)
        return mended(found, self.summary.recalibration)

    @cached_property
    def _explainers(self) -> tuple[Explainer, ...]:
        return tuple(compile_explainer(estimator, self.columns) for estimator in self.estimators)

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
class FittedChain:
    """How good the probability of a win before SQL is, and the calibrator of it that `summary` names, if any."""

    summary: ChainSummary
    calibrator: WinCalibrator | None

    @property
    def is_product(self) -> bool:
        """Whether the product of both transitions is published as it is."""
        told = self.summary.recalibration
        return self.calibrator is None and (told is None or told.mend == "none")

    def p_win(self, rows: pd.DataFrame) -> np.ndarray:
        """The probability of a win of leads before SQL, at most `p_sql`: calibrated, and mended since if it was.

        `rows` have `p_sql` and `p_win_given_sql`, as the two models say them, and `days_in_stage`.
        """
        found = mended(p_win_before_sql(rows, self.calibrator), self.summary.recalibration)
        return np.asarray(np.minimum(found, rows[P_SQL].to_numpy(dtype=np.float64)))

    def as_trained(self) -> "FittedChain":
        """The same without what was mended after its training."""
        return replace(self, summary=self.summary.model_copy(update={"recalibration": None}))

    def recalibrated_by(self, recalibration: Recalibration) -> "FittedChain":
        """The same with its probability mended."""
        return replace(self, summary=self.summary.model_copy(update={"recalibration": recalibration}))


@dataclass(frozen=True, eq=False)
class ScoringRelease:
    """All that scoring needs, and the only thing that is promoted: the manifest and the model of each transition.

    `win_calibrator` mends the probability of a win of leads before SQL; None where `manifest.chain` names none.
    """

    manifest: ReleaseManifest
    transitions: Mapping[Transition, FittedTransition]
    win_calibrator: WinCalibrator | None = None

    @property
    def chain(self) -> FittedChain | None:
        """How good the probability of a win before SQL is, with its calibrator; None where nobody could judge it."""
        return None if self.manifest.chain is None else FittedChain(self.manifest.chain, self.win_calibrator)
