"""A transition's model chosen on the past and judged on later leads, at the ages when people act."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_contracts.definitions import Definitions
from data_contracts.evaluation_table import LOGISTIC_REGRESSION
from data_contracts.evaluations import Evaluation
from data_contracts.progress import Say, silent
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY
from models.baselines import Baseline, base_rate_by_age_prediction, base_rate_prediction, point_rule_prediction
from models.evaluate import EvaluationPlan, capacity_share, evaluate, judged_rows
from models.evidence import evidence_of
from models.fit import Fitter
from models.metrics import Prediction
from models.recipe import Recipe
from models.select import Selection, select
from models.split import Split, at_day
from models.young import YoungLeads

LEAST_TEST_OUTCOMES = 20
"""Leads of either outcome in the test: with fewer, no interval would be narrow enough to say anything."""

LEAST_TRAIN_OUTCOMES = 50
"""Leads of either outcome that are left to learn from before the test, a horizon apart."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was chosen on the training rows of a split, and how good it is on its test.

    Attributes
    ----------
    acting_day
        The day of the plan that decides.
    evaluations
        One a judged day with enough outcomes in the test, the acting day in any case; then one of all ages.
    predictions
        What our model, the base rate by age and a plain logistic regression say of every test row; empty while nothing
        is judged.
    """

    selection: Selection
    acting_day: int
    evaluations: tuple[Evaluation, ...]
    predictions: tuple[Prediction, ...]

    @property
    def published(self) -> Prediction:
        """What leads would have been given: our model's probability, the base rate by age where it has no signal."""
        return self.predictions[0] if self.has_signal else self.predictions[1]

    @property
    def at_acting_age(self) -> Evaluation:
        """The evaluation on the acting day."""
        return next(evaluation for evaluation in self.evaluations if evaluation.day == self.acting_day)

    @property
    def has_signal(self) -> bool:
        """Whether the model gains over the base rate by age at all ages together, and ranks leads of the acting age.

        The gain is taken over all ages because the base rate knows the age already. The ranking is not: a model that
        only knows that young leads convert more often would rank leads of all ages.
        """
        return self.evaluations[-1].has_gain and self.at_acting_age.has_ranking


def judge(
    table: LabelledTable,
    split: Split,
    *,
    young: YoungLeads,
    definitions: Definitions,
    leads_per_week: float | None,
    seed: int,
    beside: Sequence[Baseline] = (),
    say: Say = silent,
) -> Judgement:
    """What the procedure chooses on the training rows of `split`, judged on its test rows.

    Parameters
    ----------
    table
        What `split` is of: its transition, its columns, and all leads that compete for capacity.
    young
        The young leads of the same accounts as the rows of `split`.
    definitions
        For the judged days.
    leads_per_week
        Sales' capacity; None where no figure at capacity is asked for.
    seed
        Of everything that is drawn.
    beside
        What else the model is held against. It is learnt from the training rows of each judged day.
    """
    days = definitions.snapshots.judged_days
    decides = acting_day(split.train, days)
    fitter = Fitter(table.columns, seed, young)
    selection = select(split.train, fitter, say=say)
    share = leads_per_week and capacity_share(
        table,
        leads_per_week=leads_per_week,
        test_from=split.test_from,
        test_until=split.test["as_of"].max().to_pydatetime(),
    )
    predictions = _predictions(fitter, split, selection=selection)
    shown = [day for day in days if day == decides or _has_outcomes(at_day(split.test, day), LEAST_TEST_OUTCOMES)]
    evaluations = []
    for day in (*shown, None):
        plan = EvaluationPlan(table.transition, day, share, seed)
        train, test = judged_rows(split, day)
        others = [baseline(train, test) for baseline in beside]
        evaluations.append(evaluate(split, [*_at_day(predictions, split, day), *others], plan=plan))
    return Judgement(selection, decides, tuple(evaluations), predictions)


def acting_day(rows: pd.DataFrame, days: tuple[int, ...]) -> int:
    """The one of `days` nearest to the age at which sales acts: the median time from entry to its next touch.

    It is taken from the training `rows`, so that it is fixed before the test is read. A day on which too few of them
    are left to learn from is passed over. Where nobody records a touch, it is the entry.
    """
    touched = at_day(rows, ENTRY)["touched_after_days"]
    if touched.isna().all():
        return ENTRY
    usable = [day for day in days if _has_outcomes(at_day(rows, day), LEAST_TRAIN_OUTCOMES)]
    return min(usable, key=lambda day: abs(day - touched.median()), default=ENTRY)


def _has_outcomes(rows: pd.DataFrame, least: int) -> bool:
    return evidence_of(rows).n_rarer >= least


def _predictions(fitter: Fitter, split: Split, *, selection: Selection) -> tuple[Prediction, Prediction, Prediction]:
    """What our model, the base rate by age and a plain logistic regression say of every test row."""
    ours = fitter.predicted(selection.best, split.train, split.test, at=split.test_from)
    plain = ours
    if (baseline := _logistic_baseline(selection)) != selection.best:
        plain = fitter.predicted(baseline, split.train, split.test, at=split.test_from)
    return (
        Prediction(selection.best.estimator, ours, ours),
        base_rate_by_age_prediction(split.train, split.test),
        Prediction(LOGISTIC_REGRESSION, plain, plain),
    )


def _logistic_baseline(selection: Selection) -> Recipe:
    """The best logistic regression; without its calibrator where it is the model itself."""
    if selection.best.estimator == LOGISTIC_REGRESSION:
        return selection.best.with_calibrator("none")
    return selection.best_logistic


def _at_day(predictions: tuple[Prediction, Prediction, Prediction], split: Split, day: int | None) -> list[Prediction]:
    """`predictions` for the test rows of `day`, with the baselines that are learnt from the training rows of that day.

    The base rate and the points get their own level on each day: the kindest reading of both.
    """
    is_judged = np.full(len(split.test), True) if day is None else (split.test["day"] == day).to_numpy()
    ours, by_age, plain = (p.of(is_judged) for p in predictions)
    train, test = at_day(split.train, day), at_day(split.test, day)
    points = point_rule_prediction(train, test)
    return [ours, by_age, base_rate_prediction(train, test), *([] if points is None else [points]), plain]
