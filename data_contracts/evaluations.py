"""How good predictions are on leads that were not learnt from: figures with intervals, beside baselines."""

import datetime as dt

from data_contracts.estimates import Estimate, Record
from data_contracts.evaluation_table import evaluation_html, evaluation_text
from data_contracts.vocabulary import Stage, Transition

CHANCE_AUC = 0.5
"""Area under the ROC curve of a ranking by chance."""


class ModelFigures(Record):
    """How one model (or baseline) does on one set of leads.

    `gain` is the log loss of the base rate by age minus this model's (positive is better). `captured_at_capacity` is
    the share of all conversions among the leads that fit sales' capacity. None where a figure makes no sense for the
    model.
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


class ReliabilityBin(Record):
    """Leads of similar predicted probability: mean prediction and observed share with its 95 % (Wilson) interval."""

    predicted: float
    observed: float
    low: float
    high: float
    n: int


class LiftPoint(Record):
    """What share of all conversions is among the `share_of_leads` (in (0, 1]) with the highest predictions."""

    share_of_leads: float
    captured: Estimate


class Evaluation(Record):
    """How good a transition's model is on the latest leads, none of which (nor their accounts) it learnt from.

    It prints as a table of the model and its baselines, and shows as one in a notebook.

    Attributes
    ----------
    day
        Which snapshots are judged: those of one day of the plan (0 is the entry), or None for all.
    models
        The model first, then the baselines: `base_rate_by_age`, `base_rate`, `point_rule` (where one is defined),
        `logistic_regression`.
    stage
        The stage that the judged leads were in; None for all of them.
    lift_curve
        The model's lift point by point, shares of leads ascending; empty where none was computed.
    """

    transition: Transition
    day: int | None
    test_from: dt.datetime
    test_until: dt.datetime
    n_train: int
    n_test: int
    n_test_leads: int
    test_base_rate: float
    train_base_rate: float
    models: tuple[ModelFigures, ...]
    reliability: tuple[ReliabilityBin, ...]
    lift_curve: tuple[LiftPoint, ...] = ()
    stage: Stage | None = None

    @property
    def model(self) -> ModelFigures:
        """The figures of the model itself."""
        return self.models[0]

    @property
    def has_gain(self) -> bool:
        """Whether the interval of the model's gain over the base rate by age lies above 0."""
        return self.model.gain.low is not None and self.model.gain.low > 0

    @property
    def has_ranking(self) -> bool:
        """Whether the interval of the model's AUC lies above that of a ranking by chance."""
        return self.model.auc.low is not None and self.model.auc.low > CHANCE_AUC

    def __str__(self) -> str:
        return evaluation_text(self)

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        return evaluation_html(self)

    def baseline(self, name: str) -> ModelFigures:
        """The figures of the baseline called `name`; raises `KeyError` where it was not evaluated."""
        for figures in self.models[1:]:
            if figures.model == name:
                return figures
        raise KeyError(name)
