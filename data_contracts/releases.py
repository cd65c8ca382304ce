"""What is known about models: how they were chosen, what they grade by, and what a release consists of."""

import datetime as dt
import hashlib
import json
from typing import Literal

from pydantic import Field

from data_contracts.amounts import AmountModel
from data_contracts.calibration import Calibration
from data_contracts.configuration import Configuration
from data_contracts.contact import ContactReport
from data_contracts.estimates import Record
from data_contracts.evaluations import Evaluation
from data_contracts.leaks import LeakReport
from data_contracts.recalibration import Parent, Recalibration
from data_contracts.snapshots import FeatureColumn
from data_contracts.thresholds import Grading, Thresholds
from data_contracts.vocabulary import OutcomeStatus, Transition

Validation = Literal["forward", "grouped"]
"""What models were chosen by: later leads, or where history is too short for that, other accounts of the same time."""


class Candidate(Record):
    """One model that was tried: its parameters, and its log loss (nats) on the validation leads.

    `difference` is that less the chosen one's, with its paired `standard_error` by account; None in an older release.
    """

    estimator: str
    parameters: dict[str, float | int | str]
    calibrator: str
    validation_log_loss: float
    is_chosen: bool
    difference: float | None = None
    standard_error: float | None = None


class BaseRateByAge(Record):
    """What share converts, by how long a lead has been in its stage.

    Attributes
    ----------
    from_days
        Days in stage at which each age begins, ascending from 0.
    probability
        Of the transition within its horizon, one an age.
    level_from, level_until, level_leads
        The latest matured period, from which the level of all probabilities is taken: its first and last snapshot
        (UTC, naive) and its leads.
    """

    from_days: tuple[float, ...]
    probability: tuple[float, ...]
    level_from: dt.datetime
    level_until: dt.datetime
    level_leads: int


class TransitionSummary(Record):
    """One transition of a release, without the fitted objects.

    Attributes
    ----------
    estimator
        `base_rate_by_age` where no signal was found.
    sampled_share
        The share of the accounts that came into memory, drawn by a digest of their id.
    snapshots
        How many there were by outcome: what was learnt from, and what was left out.
    base_rate
        Weighted share of the labelled snapshots that converted.
    acting_day
        The day of the plan that stands for the age at which people act. There, the model has to rank leads.
    has_signal
        Whether the model gains over the base rate by age at all ages together, and ranks leads of the acting age.
    evaluations
        One a judged day with enough outcomes, in order, and one of all snapshots at the end; empty while not judged.
    leaks
        What was looked for in the attributes and activity kinds; None where nobody looked.
    contact
        Whom sales contacted, and what that leaves unknown; None where contact is assumed, the transition needs none, or
        too few leads were contacted, or never contacted, to tell.
    calibration
        What came of the test leads by the probability that they would have been given, all ages; None where not judged.
    recalibration
        What outcomes that came after the training asked for; None in a release that was trained.
    """

    transition: Transition
    horizon_days: int
    estimator: str
    calibrator: str
    validation: Validation
    n_labelled: int
    n_converted: int
    snapshots: dict[OutcomeStatus, int] = Field(default_factory=dict)
    sampled_share: float = 1.0
    base_rate: float
    base_rate_by_age: BaseRateByAge
    acting_day: int
    has_signal: bool
    candidates: tuple[Candidate, ...]
    evaluations: tuple[Evaluation, ...]
    leaks: LeakReport | None = None
    contact: ContactReport | None = None
    calibration: Calibration | None = None
    recalibration: Recalibration | None = None

    @property
    def chosen(self) -> Candidate | None:
        """What was chosen among the candidates; None where nothing was tried."""
        return next((candidate for candidate in self.candidates if candidate.is_chosen), None)

    @property
    def at_acting_age(self) -> Evaluation:
        """The evaluation on the acting day: the one that decides. Raises `ValueError` where it was not judged."""
        for evaluation in self.evaluations:
            if evaluation.day == self.acting_day:
                return evaluation
        raise ValueError(f"{self.transition} was not judged on day {self.acting_day}")

    @property
    def at_all_ages(self) -> Evaluation:
        """The evaluation of all snapshots together, the last one."""
        return self.evaluations[-1]


ChainCalibrator = Literal["none", "sigmoid", "beta", "sigmoid_by_age"]
"""What the product of both transitions is calibrated by."""


class ChainSummary(Record):
    """How good `p_win` is for leads before SQL, where it is the product of two transitions.

    Attributes
    ----------
    n_labelled, n_won
        Leads of which it is known whether they became an SQL within the first horizon that was won within the second,
        and those that did.
    acting_day
        That of `mql_to_sql`.
    evaluations
        On leads after all that both models and the calibrator knew: one a judged day with enough wins, one of all
        ages, one a stage with enough wins. The gain is over the base rate by age of wins. Where there is a calibrator,
        the product without it stands among the baselines as `product`.
    recalibration
        What wins that came after the training asked for; None in a release that was trained, and where too few came.
    """

    calibrator: ChainCalibrator
    n_labelled: int
    n_won: int
    acting_day: int
    evaluations: tuple[Evaluation, ...]
    recalibration: Recalibration | None = None

    @property
    def at_acting_age(self) -> Evaluation | None:
        """The evaluation on the acting day; None where too few of its leads were won."""
        return next((one for one in self.evaluations if one.day == self.acting_day and one.stage is None), None)


class ReleaseInputs(Record):
    """Everything that decides what a training makes. The same inputs make the same release, and give it the same id.

    No figure takes part: the last digits of figures differ with the number of threads and from processor to processor.

    Attributes
    ----------
    source, currency
        Of the settings.
    extracted_at
        When the extract was taken (UTC, naive): it decides which outcomes are mature.
    data_fingerprint
        Of the checked history.
    configuration_digest, catalogue_digest
        Of the definitions and declared attributes, and of the features computed from them.
    test_from
        First moment of the test leads (UTC, naive); None for the latest 25 % of the leads.
    seed
        Of everything that is drawn.
    policy_digest
        Of the policy that its first thresholds are chosen for, and of the capacity that models are judged at.
    code_version, code_digest
        Of this project, and of the source text of its packages that make figures.
    libraries
        Versions of the libraries that make figures, by name.
    parent
        The release that was recalibrated; None where models were trained.
    """

    source: str
    currency: str
    extracted_at: dt.datetime
    data_fingerprint: str
    configuration_digest: str
    catalogue_digest: str
    test_from: dt.datetime | None
    seed: int
    policy_digest: str
    code_version: str
    code_digest: str
    libraries: dict[str, str]
    parent: Parent | None = None

    @property
    def release_id(self) -> str:
        """The day of the extract and a digest of all inputs: `2026-06-30-30c12665`."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"{self.extracted_at:%Y-%m-%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


class ReleaseManifest(Record):
    """Everything of a release but the fitted objects: the only thing that is promoted, written as `release.json`.

    `release_id` is that of the inputs. `thresholds` are the first ones, chosen at its training; those that were
    published since are in the store. `amounts` is what a win is expected to bring. `chain` is None where one transition
    leads to a win, and where too few wins are known to judge the way of two.
    """

    release_id: str
    created_at: dt.datetime
    inputs: ReleaseInputs
    configuration: Configuration
    features: tuple[FeatureColumn, ...]
    transitions: tuple[TransitionSummary, ...]
    grading: Grading
    thresholds: Thresholds
    amounts: AmountModel
    chain: ChainSummary | None = None

    @property
    def source(self) -> str:
        """The source that was learnt from."""
        return self.inputs.source

    @property
    def currency(self) -> str:
        """Of every amount."""
        return self.inputs.currency

    @property
    def as_of(self) -> dt.datetime:
        """The moment of the extract that was learnt from (UTC, naive)."""
        return self.inputs.extracted_at

    @property
    def trained_on(self) -> dt.datetime:
        """The moment of the extract that the models were trained on (UTC, naive): the parent's where there is one."""
        return self.inputs.parent.trained_on if self.inputs.parent else self.as_of

    @property
    def as_parent(self) -> Parent:
        """What a release with mended probabilities says of the one that it is made of."""
        return Parent(release_id=self.release_id, trained_on=self.trained_on)

    @property
    def data_fingerprint(self) -> str:
        """Of the checked history that was learnt from."""
        return self.inputs.data_fingerprint

    @property
    def definitions_version(self) -> str:
        """Version of the definitions that it was made under."""
        return self.configuration.definitions.version

    @property
    def catalogue_digest(self) -> str:
        """Of the feature catalogue that it was made with."""
        return self.inputs.catalogue_digest

    def transition(self, transition: Transition) -> TransitionSummary:
        """The summary of `transition`; raises `KeyError` where the release has none."""
        for summary in self.transitions:
            if summary.transition == transition:
                return summary
        raise KeyError(transition)
