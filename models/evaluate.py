"""How good models are on later leads, with 95 % intervals from resampled accounts and the baselines beside them."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.evaluations import Evaluation, LiftPoint, ModelFigures, ReliabilityBin
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, Stage, Transition
from models.metrics import (
    LIFT_SHARES,
    N_BINS,
    AdditiveMetrics,
    Figures,
    Judged,
    Prediction,
    RankingMetrics,
    equal_mass_bins,
    lift_name,
)
from models.split import Split, at_day, converted_or_not

N_RESAMPLES = 500
"""Resamples behind an interval: its ends then lie within about 1 percentage point of coverage of where more would."""

_CELLS_AT_ONCE = 4_000_000
"""Resamples times rows held in memory at a time."""

Z_95 = 1.959963984540054
DAYS_PER_WEEK = 7

METRICS = tuple(name for name in ModelFigures.model_fields if name != "model")


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What is judged and how.

    Attributes
    ----------
    day
        Which snapshots are judged: those of one day of the plan, one a lead's spell, each weighing 1; or all (None),
        one of day d weighing 1/(1 + d/7), so that long-open leads hardly count more.
    capacity_share
        Share of the leads that came in during the test which fits sales' capacity; None where sales does not choose.
    seed
        Of the resamples.
    """

    transition: Transition
    day: int | None
    capacity_share: float | None
    seed: int


def evaluate(split: Split, predictions: Sequence[Prediction], *, plan: EvaluationPlan) -> Evaluation:
    """The figures of each of `predictions`, the model's own first, on the test rows of `split` that `plan` judges.

    Each prediction has one probability for each row of `judged_rows(split, plan.day)[1]`; one of them is called
    `base_rate_by_age`. Intervals are percentiles over `N_RESAMPLES` bootstrap samples of groups (accounts), the same
    samples for every model.

    Expected calibration error is the exception. It is biased upwards, and more so in a resample. So the mean excess of
    the resamples is taken off, and the interval is mirrored (the basic bootstrap; Davison and Hinkley, 1997, "Bootstrap
    Methods and their Application", 2.4 and 5.2). It still leans high: judge calibration by slope and intercept first.
    """
    train, test = judged_rows(split, plan.day)
    judged = judged_of(test)
    figures = _resampled_figures(judged, predictions, plan=plan)
    return Evaluation(
        transition=plan.transition,
        day=plan.day,
        test_from=split.test_from,
        test_until=test["as_of"].max().to_pydatetime(),
        n_train=len(train),
        n_test=len(test),
        n_test_leads=int(test["lead_id"].nunique()),
        test_base_rate=base_rate(test),
        train_base_rate=base_rate(train),
        models=_by_model(predictions, figures),
        reliability=_reliability(test, predictions[0].probability),
        lift_curve=_lift_curve(figures[0]),
    )


def model_figures(
    rows: pd.DataFrame, predictions: Sequence[Prediction], *, plan: EvaluationPlan
) -> tuple[ModelFigures, ...]:
    """The figures of each of `predictions` on labelled `rows`, as `evaluate` gives them of a test."""
    return _by_model(predictions, _resampled_figures(judged_of(rows), predictions, plan=plan))


def log_loss_difference(rows: pd.DataFrame, probability: np.ndarray, reference: np.ndarray, *, seed: int) -> Estimate:
    """Log loss (nats) of `probability` less that of `reference` on labelled `rows`: below 0 it is better.

    The 95 % interval is over `N_RESAMPLES` bootstrap samples of accounts, the same samples for both, as in `evaluate`.
    """
    judged = judged_of(rows)
    ours, theirs = (AdditiveMetrics(judged, said) for said in (probability, reference))
    differences = [ours(counts)["log_loss"] - theirs(counts)["log_loss"] for counts in group_counts(judged, seed=seed)]
    return _estimate("difference", {"difference": np.concatenate(differences)})


def calibration_line(rows: pd.DataFrame, probability: np.ndarray, *, seed: int) -> tuple[Estimate, Estimate]:
    """Slope and intercept of the calibration of `probability` on labelled `rows`, with intervals as in `evaluate`."""
    judged = judged_of(rows)
    metrics = AdditiveMetrics(judged, probability)
    found = _joined([metrics(counts) for counts in group_counts(judged, seed=seed)])
    return _estimate("calibration_slope", found), _estimate("calibration_intercept", found)


def judged_rows(split: Split, day: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training and test rows of `split` on `day`; all of them where that is None."""
    return at_day(split.train, day), at_day(split.test, day)


def base_rate(rows: pd.DataFrame) -> float:
    """The weighted share of `rows` that converted."""
    return float(np.average(converted_or_not(rows), weights=rows["weight"]))


def capacity_share(
    table: LabelledTable, *, leads_per_week: float, test_from: dt.datetime, test_until: dt.datetime
) -> float | None:
    """The share of the leads that entered the stage between the two dates which sales could work, at most 1.

    All leads that came in count, labelled or not: they compete for the same hours. None for `sql_to_win`, where sales
    works every lead and capacity makes no choice, and where nobody came in.
    """
    if table.transition.from_stage is not Stage.MQL:
        return None
    entered = table.frame.loc[table.frame["day"] == ENTRY, "as_of"]
    n_entered = entered.between(test_from, test_until).sum() / table.sampled_share
    weeks = (test_until - test_from) / dt.timedelta(days=DAYS_PER_WEEK)
    return min(1.0, float(leads_per_week * weeks / n_entered)) if n_entered else None


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share seen among `n` (Wilson, 1927).

    >>> low, high = wilson_interval(0.0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    spread = Z_95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return float(np.clip(centre - half, 0, share)), float(np.clip(centre + half, share, 1))


def judged_of(test: pd.DataFrame) -> Judged:
    """The labelled rows `test` as they are judged, accounts as groups."""
    group, groups = pd.factorize(test["group_id"])
    return Judged(converted_or_not(test), test["weight"].to_numpy(dtype=np.float64), group, len(groups))


def _by_model(
    predictions: Sequence[Prediction], figures: Sequence[Mapping[str, np.ndarray]]
) -> tuple[ModelFigures, ...]:
    return tuple(
        ModelFigures(model=prediction.model, **{name: _estimate(name, found) for name in METRICS})
        for prediction, found in zip(predictions, figures, strict=True)
    )


def _resampled_figures(
    judged: Judged, predictions: Sequence[Prediction], *, plan: EvaluationPlan
) -> list[dict[str, np.ndarray]]:
    """For each prediction, by metric: the value on all rows, then those on the resamples."""
    metrics = [
        (
            AdditiveMetrics(judged, prediction.probability),
            RankingMetrics(judged, prediction.ranking, capacity_share=plan.capacity_share),
        )
        for prediction in predictions
    ]
    parts: list[list[Figures]] = [[] for _ in predictions]
    for counts in group_counts(judged, seed=plan.seed):
        for found, (additive, ranking) in zip(parts, metrics, strict=True):
            found.append({**additive(counts), **ranking(counts)})
    figures = [_joined(found) for found in parts]
    reference = figures[[prediction.model for prediction in predictions].index(BASE_RATE_BY_AGE)]["log_loss"]
    return [found | {"gain": reference - found["log_loss"]} for found in figures]


def group_counts(judged: Judged, *, seed: int) -> Iterator[np.ndarray]:
    """How often each group is drawn: first everyone once, then `N_RESAMPLES` bootstrap samples, in chunks."""
    yield np.ones((1, judged.n_groups))
    random = np.random.default_rng(seed)
    chunk = max(1, min(N_RESAMPLES, _CELLS_AT_ONCE // len(judged.outcome)))
    for start in range(0, N_RESAMPLES, chunk):
        n = min(chunk, N_RESAMPLES - start)
        drawn = random.integers(0, judged.n_groups, size=(n, judged.n_groups))
        yield np.stack([np.bincount(row, minlength=judged.n_groups) for row in drawn]).astype(np.float64)


def _joined(parts: Sequence[Figures]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _estimate(name: str, figures: Mapping[str, np.ndarray]) -> Estimate:
    value, resampled = float(figures[name][0]), figures[name][1:]
    resampled = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or len(resampled) == 0:
        return Estimate(value=None, low=None, high=None)
    low, high = np.quantile(resampled, [0.025, 0.975])
    if name == "expected_calibration_error":
        value, low, high = 2 * value - resampled.mean(), 2 * value - high, 2 * value - low
        value, low, high = max(value, 0.0), max(low, 0.0), max(high, 0.0)
    return Estimate(value=float(value), low=float(low), high=float(high))


def _lift_curve(figures: Mapping[str, np.ndarray]) -> tuple[LiftPoint, ...]:
    points = ((float(share), _estimate(lift_name(share), figures)) for share in LIFT_SHARES)
    return tuple(LiftPoint(share_of_leads=share, captured=captured) for share, captured in points)


def _reliability(test: pd.DataFrame, probability: np.ndarray) -> tuple[ReliabilityBin, ...]:
    """Up to `N_BINS` bins of equal weight; their intervals count leads, not snapshots, as observations."""
    weight = test["weight"].to_numpy()
    bins = equal_mass_bins(probability, weight)
    found = []
    for number in range(N_BINS):
        is_in = bins == number
        if not is_in.any():
            continue
        n = int(test.loc[is_in, "lead_id"].nunique())
        observed = float(np.average(converted_or_not(test)[is_in], weights=weight[is_in]))
        low, high = wilson_interval(observed, n)
        predicted = float(np.average(probability[is_in], weights=weight[is_in]))
        found.append(ReliabilityBin(predicted=predicted, observed=observed, low=low, high=high, n=n))
    return tuple(found)
