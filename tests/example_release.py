"""A small release with models fitted on synthetic leads, for tests of what a release is handed to."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import logit

from data_contracts.amounts import AmountModel
from data_contracts.backtests import Backtest, BacktestGroup
from data_contracts.calibration import Calibration, CalibrationCurve, CalibrationGroup
from data_contracts.configuration import Configuration
from data_contracts.estimates import Estimate
from data_contracts.evaluations import Evaluation, LiftPoint, ModelFigures, ReliabilityBin
from data_contracts.history import CrmHistory
from data_contracts.policy import Policy
from data_contracts.recalibration import Mend, Recalibration
from data_contracts.releases import (
    BaseRateByAge,
    Candidate,
    ChainCalibrator,
    ChainSummary,
    ReleaseInputs,
    ReleaseManifest,
    TransitionSummary,
)
from data_contracts.sayings import Attribute
from data_contracts.settings import Settings
from data_contracts.snapshots import FeatureColumn, FeatureTable
from data_contracts.thresholds import Grading, TeamThreshold, Thresholds
from data_contracts.vocabulary import ENTRY, Stage, Transition
from features.build import build_features
from features.snapshots import scoring_snapshots
from models.estimators import Setting, fit_estimator, model_frame
from models.explain import Explained
from models.fitted import FittedTransition, Predicted, ScoringRelease
from serving.score import with_routes
from tests import example_history

COLUMNS = (
    FeatureColumn("visits", "number", "behaviour", Attribute("visits to the site", "visits"), "none were recorded"),
    FeatureColumn(
        "days_since_visit", "number", "behaviour", Attribute("days since the last visit", "days"), "never visited"
    ),
    FeatureColumn("industry", "category", "attributes", Attribute("the company's industry"), "not known"),
)

LOGISTIC = Setting("logistic_regression", (("C", 0.3),))
LIGHTGBM = Setting(
    "lightgbm",
    (
        ("num_leaves", 7),
        ("n_estimators", 20),
        ("learning_rate", 0.1),
        ("categories", "one_hot"),
        ("directions", "agreed"),
    ),
)

GRADING = Grading(
    fit_boundaries=(0.8, 0.6, 0.4),
    behaviour_boundaries=(0.6, 0.3, 0.1),
    labelled_by_grade={"A1": 40, "B2": 30, "C3": 29},
)


def thresholds(boundary: float = 0.3, *, policy: Policy = example_history.POLICY) -> Thresholds:
    """Each team's leads are eligible from a probability of `boundary` on."""
    teams = tuple(
        TeamThreshold(
            team=team.name,
            leads_per_week=team.leads_per_week,
            boundary=boundary,
            expected=None,
            said="the most likely leads that fill sales' week",
        )
        for team in policy.teams
    )
    return Thresholds(
        release_id="2026-05-01-abc123",
        policy=policy,
        data_fingerprint="f1" * 8,
        as_of=dt.datetime(2026, 5, 1),
        teams=teams,
    )


THRESHOLDS = thresholds()


def leads(n: int, *, seed: int = 0) -> pd.DataFrame:
    """`n` synthetic leads with the feature columns, some of them missing."""
    random = np.random.default_rng(seed)
    visits = random.poisson(3.0, n).astype(float)
    days = np.where(visits > 0, random.exponential(10.0, n), np.nan)
    industry = pd.Series(random.choice(["software", "retail", "mining"], n), dtype="str")
    industry[random.random(n) < 0.1] = None
    return pd.DataFrame({"visits": visits, "days_since_visit": days, "industry": industry})


def estimate(value: float, *, margin: float = 0.01) -> Estimate:
    return Estimate(value=value, low=value - margin, high=value + margin)


def figures(model: str, *, gain: float = 0.05, margin: float = 0.01) -> ModelFigures:
    undefined = Estimate(value=None, low=None, high=None)
    return ModelFigures(
        model=model,
        log_loss=estimate(0.5 - gain),
        gain=estimate(gain, margin=margin),
        brier=estimate(0.2),
        auc=undefined if model.startswith("base_rate") else estimate(0.7, margin=0.02),
        average_precision=estimate(0.4),
        calibration_slope=undefined if model.startswith("base_rate") else estimate(1.0, margin=0.1),
        calibration_intercept=estimate(0.0),
        expected_calibration_error=estimate(0.03),
        lift_in_top_tenth=estimate(3.0),
        captured_at_capacity=estimate(0.5),
    )


def evaluation(transition: Transition, *, model: str, gain: float = 0.05, margin: float = 0.01) -> Evaluation:
    return Evaluation(
        transition=transition,
        day=ENTRY,
        test_from=dt.datetime(2026, 1, 1),
        test_until=dt.datetime(2026, 4, 1),
        n_train=900,
        n_test=300,
        n_test_leads=300,
        test_base_rate=0.25,
        train_base_rate=0.24,
        models=(figures(model, gain=gain, margin=margin), figures("base_rate_by_age", gain=0.0)),
        reliability=(
            ReliabilityBin(predicted=0.1, observed=0.12, low=0.08, high=0.17, n=200),
            ReliabilityBin(predicted=0.5, observed=0.45, low=0.35, high=0.55, n=100),
        ),
        lift_curve=(
            LiftPoint(share_of_leads=0.1, captured=estimate(0.3)),
            LiftPoint(share_of_leads=1.0, captured=Estimate(value=1.0, low=1.0, high=1.0)),
        ),
    )


def calibration() -> Calibration:
    """Probabilities that are too high on referrals, and right on the leads of June."""
    curve = CalibrationCurve(
        probability=(0.1, 0.4, 0.9), observed=(0.1, 0.35, 0.8), low=(0.05, 0.3, 0.6), high=(0.2, 0.4, 0.9), n_leads=300
    )
    june = CalibrationGroup(
        by="month", value="2026-06", n_leads=120, predicted=0.21, observed=0.2, excess=estimate(0.01, margin=0.04)
    )
    referrals = CalibrationGroup(
        by="source", value="referral", n_leads=90, predicted=0.35, observed=0.25, excess=estimate(0.1, margin=0.06)
    )
    return Calibration(curve=curve, groups=(june, referrals))


def backtest(*windows: Evaluation) -> Backtest:
    """Those windows, with the two groups of `calibration`: it gained on the leads of June, and lost on referrals."""
    gained = (estimate(0.02, margin=0.01), estimate(-0.03, margin=0.01))
    groups = zip(calibration().groups, gained, strict=True)
    return Backtest(windows=windows, groups=tuple(BacktestGroup(**dict(group), gain=gain) for group, gain in groups))


def summary(
    transition: Transition, *, estimator: str, calibrator: str = "none", gain: float = 0.05, margin: float = 0.01
) -> TransitionSummary:
    candidates = (
        Candidate(
            estimator="logistic_regression",
            parameters={"C": 0.3, "recent_days": "all", "half_life_days": "never", "young": "left out"},
            calibrator="sigmoid",
            validation_log_loss=0.45,
            is_chosen=estimator != "base_rate_by_age",
            difference=0.0,
            standard_error=0.0,
        ),
    )
    return TransitionSummary(
        transition=transition,
        horizon_days=30,
        estimator=estimator,
        calibrator=calibrator,
        validation="forward",
        n_labelled=1_200,
        n_converted=300,
        base_rate=0.25,
        base_rate_by_age=BaseRateByAge(
            from_days=(0.0,),
            probability=(0.25,),
            level_from=dt.datetime(2025, 12, 1),
            level_until=dt.datetime(2025, 12, 31),
            level_leads=400,
        ),
        acting_day=ENTRY,
        has_signal=gain > margin,
        candidates=candidates,
        evaluations=(evaluation(transition, model=estimator, gain=gain, margin=margin),),
    )


def at_entry(told: TransitionSummary, **estimates: Estimate) -> TransitionSummary:
    """`told` with other figures of its model at entry."""
    evaluations = tuple(
        e.model_copy(update={"models": (e.model.model_copy(update=estimates), *e.models[1:])}) if e.day == ENTRY else e
        for e in told.evaluations
    )
    return told.model_copy(update={"evaluations": evaluations})


def chain_summary(calibrator: ChainCalibrator, *, intercept: float = 0.1) -> ChainSummary:
    """What training says of the way from MQL to a win: at entry, at all ages and of leads that sales has touched."""
    judged = evaluation(Transition.MQL_TO_WIN, model="chain")
    ours = judged.model.model_copy(update={"calibration_intercept": estimate(intercept)})
    product = () if calibrator == "none" else (figures("product", gain=-0.02),)
    judged = judged.model_copy(update={"models": (ours, *judged.models[1:], *product)})
    others = ({"day": None}, {"day": None, "stage": Stage.SAL})
    return ChainSummary(
        calibrator=calibrator,
        n_labelled=1_000,
        n_won=90,
        acting_day=ENTRY,
        evaluations=(judged, *(judged.model_copy(update=changes) for changes in others)),
    )


def recalibration(mend: Mend, *, intercept: float = 0.0, slope: float = 1.0, **changes: object) -> Recalibration:
    """A mend by 400 leads that entered in April and May, 120 of which converted; it gains."""
    told = Recalibration(
        mend=mend,
        intercept=intercept,
        slope=slope,
        entered_from=dt.datetime(2026, 4, 2),
        entered_until=dt.datetime(2026, 5, 30),
        n_leads=400,
        n_converted=120,
        slope_before=estimate(0.9, margin=0.2),
        intercept_before=estimate(0.3, margin=0.1),
        slope_after=estimate(1.0, margin=0.2),
        intercept_after=estimate(0.0, margin=0.1),
        gain=estimate(0.01, margin=0.005),
    )
    return told.model_copy(update=changes)


def fitted(transition: Transition, *, setting: Setting = LOGISTIC, seed: int = 0) -> FittedTransition:
    """A model of 600 synthetic leads of which those with many visits convert."""
    frame = leads(600, seed=seed)
    random = np.random.default_rng(seed + 1)
    log_odds = -2.0 + 0.6 * frame["visits"] - 1.0 * (frame["industry"] == "mining")
    outcome = (random.random(len(frame)) < 1 / (1 + np.exp(-log_odds))).to_numpy()
    estimator = fit_estimator(
        setting,
        model_frame(frame, COLUMNS),
        columns=COLUMNS,
        account=np.arange(len(frame)),
        outcome=outcome,
        weight=np.ones(len(frame)),
        seed=seed,
    )
    return FittedTransition(
        summary=summary(transition, estimator=setting.estimator),
        columns=COLUMNS,
        estimators=(estimator,),
        calibrator=None,
    )


def base_rate(
    transition: Transition, *, columns: Sequence[FeatureColumn] = COLUMNS, horizon_days: int = 30
) -> FittedTransition:
    """A transition in which no signal was found: a quarter of the leads convert."""
    told = summary(transition, estimator="base_rate_by_age", gain=0.0).model_copy(update={"horizon_days": horizon_days})
    return FittedTransition(summary=told, columns=tuple(columns), estimators=(), calibrator=None)


def open_leads(crm: CrmHistory, settings: Settings) -> FeatureTable:
    """The features of the leads that are open at the time of the extract."""
    snapshots = scoring_snapshots(crm, settings.definitions, as_of=crm.extracted_at)
    features = build_features(crm, snapshots, settings=settings)
    return with_routes(features, crm, snapshots, policy=settings.policy, crm=settings.crm)


def in_order(features: FeatureTable) -> pd.DataFrame:
    """The rows of the features in order of the lead."""
    return features.table.order_by("lead_id").to_pyarrow().to_pandas()


def release_of_pricing_views(features: FeatureTable, *transitions: Transition) -> ScoringRelease:
    """A release for which a logistic regression learnt from `features` that pricing views convert.

    It predicts `transitions`; the other of both publishes its base rate.
    """
    frame, columns = in_order(features), tuple(features.columns)
    models = {each: base_rate(each, columns=columns) for each in (Transition.MQL_TO_SQL, Transition.SQL_TO_WIN)}
    for transition in transitions:
        estimator = fit_estimator(
            LOGISTIC,
            model_frame(frame, columns),
            columns=columns,
            account=frame["group_id"].to_numpy(),
            outcome=(frame["n_pricing_view_90d"] > 0).to_numpy(),
            weight=np.ones(len(frame)),
            seed=0,
        )
        told = summary(transition, estimator="logistic_regression")
        models[transition] = FittedTransition(told, columns, (estimator,), None)
    return release_of(models, features=columns, catalogue_digest=features.catalogue_digest)


AMOUNTS = AmountModel(base=1_000.0, lowest=1_000.0, highest=1_000.0, mean=1_000.0, n_deals=40, said="as agreed")
"""A win brings 1,000, whoever the lead is."""

INPUTS = ReleaseInputs(
    source="simulated",
    currency="EUR",
    extracted_at=dt.datetime(2026, 5, 1),
    data_fingerprint="f1" * 8,
    configuration_digest="d1" * 8,
    catalogue_digest="c1" * 8,
    test_from=None,
    seed=0,
    policy_digest="p1" * 8,
    code_version="0.1.0",
    code_digest="e1" * 8,
    libraries={"numpy": "2.4.6"},
)


def manifest(*summaries: TransitionSummary, **changes: object) -> ReleaseManifest:
    """A manifest with `changes`, which may name inputs as well."""
    of_inputs = {name: value for name, value in changes.items() if name in ReleaseInputs.model_fields}
    made = ReleaseManifest(
        release_id="2026-05-01-abc123",
        created_at=dt.datetime(2026, 5, 1, 6),
        inputs=INPUTS.model_copy(update=of_inputs),
        configuration=Configuration.of(example_history.settings()),
        features=COLUMNS,
        transitions=summaries,
        grading=GRADING,
        thresholds=THRESHOLDS,
        amounts=AMOUNTS,
    )
    return made.model_copy(update={name: value for name, value in changes.items() if name not in of_inputs})


def release_of(transitions: Mapping[Transition, FittedTransition], **changes: object) -> ScoringRelease:
    summaries = [model.summary for model in transitions.values()]
    return ScoringRelease(manifest=manifest(*summaries, **changes), transitions=dict(transitions))


def two_step_release(*, setting: Setting = LOGISTIC, **changes: object) -> ScoringRelease:
    """Models of both transitions, from different leads."""
    transitions = {
        Transition.MQL_TO_SQL: fitted(Transition.MQL_TO_SQL, setting=setting),
        Transition.SQL_TO_WIN: fitted(Transition.SQL_TO_WIN, setting=setting, seed=7),
    }
    return release_of(transitions, **changes)


def with_estimator(release: ScoringRelease, transition: Transition, estimator: object) -> ScoringRelease:
    """`release` with another object in the place of one estimator, as an attacker would plant it."""
    planted = replace(release.transitions[transition], estimators=(estimator,))  # type: ignore[arg-type]
    return ScoringRelease(manifest=release.manifest, transitions={**release.transitions, transition: planted})


class Fixed:
    """A stand-in for a fitted transition: a fixed probability, and contributions of the features that are given."""

    def __init__(self, transition: Transition, *, probability: float, contributions: Mapping[str, float]):
        self.summary = summary(transition, estimator="logistic_regression")
        self.estimators = (object(),)
        self._probability, self._contributions = probability, contributions
        self.unlike: tuple[str, ...] = ()

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return np.full(len(frame), self._probability)

    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        each = pd.DataFrame(0.0, index=frame.index, columns=[c for c in frame.columns if frame[c].dtype != object])
        return each.assign(**self._contributions)

    def is_unlike(self, frame: pd.DataFrame) -> np.ndarray:
        return frame["lead_id"].isin(self.unlike).to_numpy()

    def predicted(self, frame: pd.DataFrame, *, asked: np.ndarray) -> Predicted:
        contributions, probability = self.contributions(frame[asked]), self.predict(frame[asked])
        baseline = logit(probability) - contributions.sum(axis=1).to_numpy()
        explained = Explained(baseline, contributions, np.zeros(len(contributions)), probability)
        return Predicted(self.predict(frame), explained)
