"""How good each contestant is on a task, with intervals; how far from the best peer and from the base rate by age."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.models.references import references
from benchmarks.models.runs import Run
from benchmarks.models.tasks import Task
from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE, BASE_RATE_BY_AGE
from data_contracts.evaluations import ModelFigures
from models.evaluate import EvaluationPlan, evaluate
from models.metrics import Prediction

SEED = 0
"""Of the resamples: they are the same for every model of a task, which is what makes differences paired."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of a task's table.

    Attributes
    ----------
    key
        Of the contestant and its rows, or the name of a reference.
    run
        None for a reference.
    figures
        None where the run failed.
    from_best_peer, from_base_rate_by_age
        The log loss less that of the other, lead by lead (below 0 is better); None for the other itself.
    """

    key: str
    run: Run | None
    figures: ModelFigures | None
    from_best_peer: Estimate | None
    from_base_rate_by_age: Estimate | None


@dataclass(frozen=True, slots=True)
class Result:
    """A task with how everybody did. `best_peer` is the key of the peer with the least log loss, if any peer ran."""

    task: Task
    standings: tuple[Standing, ...]
    best_peer: str | None

    def standing(self, key: str) -> Standing:
        """The standing of `key`; raises `KeyError` where there is none."""
        for one in self.standings:
            if one.key == key:
                return one
        raise KeyError(key)


def result_of(task: Task, runs: Sequence[Run]) -> Result:
    """How `runs` and the references did on `task`: our models first, then peers by log loss, then the references."""
    ran = [
        Prediction(run.contestant.key, run.probability, run.probability) for run in runs if run.probability is not None
    ]
    predictions = [*ran, *references(task)]
    figures = {one.model: one for one in _figures(task, predictions)}
    peers = [run.contestant.key for run in runs if run.probability is not None and not run.contestant.is_ours]
    best = min(peers, key=lambda key: _log_loss(figures[key]), default=None)
    from_best = {} if best is None else _differences(task, predictions, reference=best)
    from_age = _differences(task, predictions, reference=BASE_RATE_BY_AGE)
    by_key = {run.contestant.key: run for run in runs}
    standings = [
        Standing(key, by_key.get(key), figures.get(key), from_best.get(key), from_age.get(key))
        for key in [*by_key, BASE_RATE, BASE_RATE_BY_AGE]
    ]
    return Result(task, tuple(sorted(standings, key=_place)), best)


def _place(standing: Standing) -> tuple[int, float]:
    if standing.run is None:
        return 2, 0.0
    kind = 0 if standing.run.contestant.is_ours else 1
    return (kind, float("inf") if standing.figures is None else _log_loss(standing.figures) * kind)


def _log_loss(figures: ModelFigures) -> float:
    return float("inf") if figures.log_loss.value is None else figures.log_loss.value


def _figures(task: Task, predictions: Sequence[Prediction]) -> tuple[ModelFigures, ...]:
    plan = EvaluationPlan(task.table.transition, day=None, capacity_share=None, seed=SEED)
    return evaluate(task.judged(), predictions, plan=plan).models


def _differences(task: Task, predictions: Sequence[Prediction], *, reference: str) -> dict[str, Estimate]:
    """The log loss of each prediction less that of `reference`, on the same resamples of accounts.

    An evaluation gives every gain over what is called the base rate by age, so `reference` takes that name.
    """
    names = [prediction.model for prediction in predictions]
    renamed = [
        replace(prediction, model=BASE_RATE_BY_AGE if prediction.model == reference else f"model {number}")
        for number, prediction in enumerate(predictions)
    ]
    gains = (one.gain for one in _figures(task, renamed))
    return {name: _negative(gain) for name, gain in zip(names, gains, strict=True) if name != reference}


def _negative(gain: Estimate) -> Estimate:
    if gain.value is None or gain.low is None or gain.high is None:
        return gain
    return Estimate(value=-gain.value, low=-gain.high, high=-gain.low)
