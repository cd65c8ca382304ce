"""What is known about models: how good with intervals, where the boundaries are, and what a release consists of."""

import datetime as dt

from pydantic import BaseModel, ConfigDict

from data_contracts.snapshots import FeatureColumn
from data_contracts.vocabulary import Moment, Transition


class _Record(BaseModel):
    """A frozen record that is kept as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Estimate(_Record):
    """A figure with its 95 % interval. `value` is None where the figure is not defined (one outcome only)."""

    value: float | None
    low: float | None
    high: float | None


class ModelFigures(_Record):
    """How one model (or baseline) does on one set of leads.

    `gain` is the log loss of the base rate minus this model's (positive is better). `captured_at_capacity` is the share
    of all conversions among the leads that fit sales' capacity. None where a figure makes no sense for the model.
    """

    model: str
    log_loss: Estimate
    gain: Estimate
    brier: Estimate
    auc: Estimate
    average_precision: Estimate
    calibration_slope: Estimate
    calibration_intercept: Estimate
    expected_calibration_error: Estimate
    lift_in_top_tenth: Estimate
    captured_at_capacity: Estimate


class ReliabilityBin(_Record):
    """Leads of similar predicted probability: mean prediction and observed share with its 95 % (Wilson) interval."""

    predicted: float
    observed: float
    low: float
    high: float
    n: int


class LiftPoint(_Record):
    """What share of all conversions is among the `share_of_leads` (in (0, 1]) with the highest predictions."""

    share_of_leads: float
    captured: Estimate


class Evaluation(_Record):
    """How good a transition's model is on the latest leads, none of which (nor their accounts) it learnt from.

    Attributes
    ----------
    moment
        Which snapshots are judged: `entry` only, or None for all.
    models
        The model first, then the baselines: `base_rate`, `point_rule` (where one is defined), `logistic_regression`.
    has_signal
        Whether the interval of the model's gain over the base rate lies above 0.
    lift_curve
        The model's lift point by point, shares of leads ascending; empty where none was computed.
    """

    transition: Transition
    moment: Moment | None
    test_from: dt.datetime
    test_until: dt.datetime
    n_train: int
    n_test: int
    n_test_leads: int
    test_base_rate: float
    train_base_rate: float
    models: tuple[ModelFigures, ...]
    reliability: tuple[ReliabilityBin, ...]
    has_signal: bool
    lift_curve: tuple[LiftPoint, ...] = ()

    @property
    def model(self) -> ModelFigures:
        """The figures of the model itself."""
        return self.models[0]

    def baseline(self, name: str) -> ModelFigures:
        """The figures of the baseline called `name`; raises `KeyError` where it was not evaluated."""
        for figures in self.models[1:]:
            if figures.model == name:
                return figures
        raise KeyError(name)


class Candidate(_Record):
    """One model that was tried: its validation log loss in time order, and its parameters."""

    estimator: str
    parameters: dict[str, float | int | str]
    calibrator: str
    validation_log_loss: float
    is_chosen: bool


class TransitionSummary(_Record):
    """One transition of a release, without the fitted objects. `estimator` is `base_rate` where no signal was found."""

    transition: Transition
    horizon_days: int
    estimator: str
    calibrator: str
    n_labelled: int
    n_converted: int
    base_rate: float
    candidates: tuple[Candidate, ...]
    evaluations: tuple[Evaluation, ...]


class Thresholds(_Record):
    """Hand-off and grade boundaries, and the policy they come from.

    Attributes
    ----------
    hand_off_probability
        A lead whose probability of the first transition is at least this is handed off to sales.
    leads_per_week, expected_per_week
        Sales' capacity, and how many leads a week crossed the boundary on the reference weeks.
    fit_boundaries
        Least ICP fit of the letters A, B, C (share in [0, 1], descending); below is D.
    behaviour_boundaries
        Least first-transition probability of the digits 1, 2, 3 (descending); below is 4.
    labelled_by_grade
        Labelled leads behind each grade ("A1" ... "D4").
    """

    hand_off_probability: float
    leads_per_week: float
    expected_per_week: float
    fit_boundaries: tuple[float, float, float]
    behaviour_boundaries: tuple[float, float, float]
    labelled_by_grade: dict[str, int]
    policy: str


class ReleaseManifest(_Record):
    """Everything of a release but the fitted objects: the only thing that is promoted, written as `release.json`."""

    release_id: str
    created_at: dt.datetime
    source: str
    as_of: dt.datetime
    data_fingerprint: str
    definitions_version: str
    definitions_digest: str
    catalogue_digest: str
    features: tuple[FeatureColumn, ...]
    transitions: tuple[TransitionSummary, ...]
    thresholds: Thresholds
    value_of_a_win: float
    currency: str

    def transition(self, transition: Transition) -> TransitionSummary:
        """The summary of `transition`; raises `KeyError` where the release has none."""
        for summary in self.transitions:
            if summary.transition == transition:
                return summary
        raise KeyError(transition)
