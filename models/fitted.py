"""What training leaves behind: a calibrated model of one transition, and the release that is promoted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from data_contracts.calibration import Calibration
from data_contracts.contact import ContactReport
from data_contracts.errors import ReleaseError
from data_contracts.leaks import LeakReport
from data_contracts.past_scores import PastScores
from data_contracts.recalibration import Recalibration
from data_contracts.releases import ChainSummary, ReleaseManifest, TransitionSummary
from data_contracts.scores import P_SQL
from data_contracts.snapshots import FeatureColumn
from data_contracts.vocabulary import Transition
from models.base_rate import base_rate_at
from models.calibrate import blended, calibrated, clipped, mended
from models.design import design_batches
from models.estimators import design_log_odds, model_frame, raw_probabilities
from models.explain import Explained, Explainer, SplitLogOdds, compile_explainer
from models.threads import in_one_thread
from models.win_calibrator import WinCalibrator, p_win_before_sql


@dataclass(frozen=True, eq=False)
class Predicted:
    """The probability of every lead of a batch, and why those got theirs that were asked about."""

    probability: np.ndarray
    explained: Explained


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
        return self.explained(frame).contributions

    def explained(self, frame: pd.DataFrame) -> Explained:
        """Why each row of `frame` gets its probability, in log-odds. Raises `ReleaseError` as `predict` does."""
        return self.predicted(frame, asked=np.ones(len(frame), dtype=bool)).explained

    @in_one_thread
    def predicted(self, frame: pd.DataFrame, *, asked: np.ndarray) -> Predicted:
        """What `predict` says of `frame`, and `explained` of its rows where `asked` (one flag a row) is true.

        The features are turned once into what each estimator reads. Raises `ReleaseError` as `predict` does.
        """
        features = self._features(frame)
        split = [
            _split_log_odds(estimator, explainer, features, asked=asked)
            for estimator, explainer in zip(self.estimators, self._explainers, strict=True)
        ]
        probability = self._published(frame, [expit(one.total) for one in split])
        return Predicted(probability, self._explained(frame[asked], split, asked=asked, published=probability[asked]))

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
        found = calibrated(self.calibrator, blended(raw)) if raw else self._base_rate(frame)
        return mended(found, self.summary.recalibration)

    def _explained(
        self, leads: pd.DataFrame, split: Sequence[SplitLogOdds], *, asked: np.ndarray, published: np.ndarray
    ) -> Explained:
        """Why `leads`, those `asked` about, get what is `published`; `split` is what each estimator says."""
        names = [column.name for column in self.columns]
        if split:
            found = np.mean([one.contributions for one in split], axis=0)
            before = np.mean([one.total[asked] for one in split], axis=0)
            baseline = np.full(len(leads), np.mean([explainer.baseline for explainer in self._explainers]))
        else:
            found = np.zeros((len(leads), len(names)))
            before = baseline = logit(self._base_rate(leads))
        contributions = pd.DataFrame(found, index=leads.index, columns=names)
        return Explained(baseline, contributions, logit(published) - before, published)

    def _base_rate(self, frame: pd.DataFrame) -> np.ndarray:
        return clipped(base_rate_at(self.summary.base_rate_by_age, frame))

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


def _split_log_odds(
    estimator: Pipeline, explainer: Explainer, features: pd.DataFrame, *, asked: np.ndarray
) -> SplitLogOdds:
    """The log-odds of every row of `features` by one estimator, and the contributions of those `asked`."""
    total, contributions = np.empty(len(features)), np.empty((int(asked.sum()), len(features.columns)))
    n_split = 0
    for batch in design_batches(estimator[:-1], features):
        is_asked = asked[batch.rows]
        of_batch, others = total[batch.rows], batch.matrix[~is_asked]
        if len(others):
            of_batch[~is_asked] = design_log_odds(estimator.named_steps["classifier"], others)
        if is_asked.any():
            split = explainer.split(batch.matrix[is_asked])
            of_batch[is_asked] = split.total
            contributions[n_split : n_split + len(split.total)] = split.contributions
            n_split += len(split.total)
    return SplitLogOdds(total, contributions)


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

    `win_calibrator` mends the probability of a win of leads before SQL; None where `manifest.chain` names none. `past`
    is what it would have said of past leads, on which thresholds are chosen anew; scoring does without.
    """

    manifest: ReleaseManifest
    transitions: Mapping[Transition, FittedTransition]
    win_calibrator: WinCalibrator | None = None
    past: PastScores | None = None

    @property
    def chain(self) -> FittedChain | None:
        """How good the probability of a win before SQL is, with its calibrator; None where nobody could judge it."""
        return None if self.manifest.chain is None else FittedChain(self.manifest.chain, self.win_calibrator)
