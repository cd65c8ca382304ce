"""From labelled snapshots to a model of one transition: chosen on the past, judged on later leads, fitted on all."""

import datetime as dt
from functools import partial

import numpy as np
import pandas as pd

from data_contracts.backtests import Backtest
from data_contracts.definitions import Definitions
from data_contracts.errors import TooFewOutcomesError
from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.progress import Say, silent
from data_contracts.releases import TransitionSummary
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, Stage
from models.base_rate import fit_base_rate_by_age
from models.baselines import naive_bayes_prediction
from models.calibration import backtest_groups, calibration_of
from models.contact import contact_model, contact_report
from models.evaluate import base_rate
from models.evidence import LEAST_ACCOUNTS, evidence_of
from models.fit import Fitter, Made
from models.fitted import FittedTransition
from models.judge import LEAST_TEST_OUTCOMES, LEAST_TRAIN_OUTCOMES, Judgement, judge
from models.recipe import Recipe
from models.select import select
from models.split import Split, at_day, default_test_from, learning_rows, rolling_tests, split_at
from models.threads import in_one_thread
from models.young import YoungLeads

LEAST_OUTCOMES = 100
"""Leads that converted, and leads that did not, below which nothing is trained. A logistic regression wants about ten
of the rarer outcome for each of some ten effects (Peduzzi et al., 1996, J Clin Epidemiol 49:1373)."""

SEED = 0
"""Of everything that a training draws."""


@in_one_thread
def train_transition(
    table: LabelledTable,
    *,
    definitions: Definitions,
    leads_per_week: float | None = None,
    test_from: dt.datetime | None = None,
    seed: int = SEED,
    say: Say = silent,
) -> FittedTransition:
    """A calibrated model of the table's transition, with figures from later leads it had not seen when they were made.

    1. The rows whose outcomes were known at `test_from` choose an estimator and a calibrator: by later leads where
       history is long enough, otherwise by other accounts.
    2. The result is evaluated on all labelled rows from `test_from` on: on each judged day and at all ages.
    3. Signal is a gain over the base rate by age, at all ages together, whose interval lies above 0, and an AUC at the
       acting age (`models.judge.acting_day`) whose interval lies above 0.5.
    4. With signal, the same choice is fitted again on all labelled rows. Without, the base rate by age is published.
    5. Whom sales contacted is told beside it (`models.contact`), and what came of the test leads by the probability
       they would have been given (`models.calibration`): neither changes a probability.

    Parameters
    ----------
    table
        Snapshots of one transition with outcomes.
    definitions
        For the judged days.
    leads_per_week
        Sales' capacity: what share of the conversions it would have met is told as well.
    test_from
        Where the test begins (UTC, naive); None for the midnight after which the last quarter of the labelled leads
        entered the stage.
    seed
        Of everything that is drawn. The same table and seed give the same model.
    say
        Is told in a few words what was done.

    Raises
    ------
    TooFewOutcomesError
        Where fewer leads than `LEAST_OUTCOMES` converted or did not, too few of them on one side of `test_from`, or
        fewer accounts than `LEAST_ACCOUNTS` on either side.
    """
    rows = learning_rows(table)
    _refuse_too_few(
        table, rows, needed=LEAST_OUTCOMES, when="", hint="wait for more outcomes, or load a longer history"
    )
    split = split_at(rows, test_from if test_from is not None else default_test_from(rows))
    _refuse_split(table, split)
    say(f"{table.transition}: {len(split.train):,} snapshots to learn from, {len(split.test):,} to judge on")
    young = YoungLeads.of(table, rows)
    judged = judge(
        table, split, young=young, definitions=definitions, leads_per_week=leads_per_week, seed=seed, say=say
    )
    contact = contact_report(table, judged.selection.best, test_from=split.test_from, seed=seed)
    calibration = calibration_of(
        split.test,
        judged.published,
        columns=table.columns,
        fit_boundaries=_fit_boundaries(table, definitions),
        seed=seed,
    )
    if not judged.has_signal:
        say(f"{table.transition}: no signal was found; the base rate by age is published")
    choice = judged.selection.best if judged.has_signal else None
    fitted = _fitted(table, rows, choice, judged=judged, seed=seed).knowing(
        contact=contact, model=contact_model(table, contact, seed=seed), calibration=calibration
    )
    say(f"{table.transition}: {fitted.summary.estimator} fitted on all {len(rows):,} snapshots")
    return fitted


@in_one_thread
def backtest_transition(
    table: LabelledTable,
    *,
    definitions: Definitions,
    n_folds: int,
    leads_per_week: float | None = None,
    seed: int = SEED,
    say: Say = silent,
) -> Backtest:
    """How good the procedure would have been: `n_folds` test windows, each after training on what was known before it.

    The windows cover the later half of the leads with about equally many in each. Each evaluation is at the acting age
    of its window, with a naive Bayes like Odoo's as one more baseline. Raises `TooFewOutcomesError` where a window has
    too few outcomes to learn from or to judge on.
    """
    rows = learning_rows(table)
    splits = rolling_tests(rows, n_folds=n_folds)
    for split in splits:
        _refuse_split(table, split)
    young = YoungLeads.of(table, rows)
    beside = (partial(naive_bayes_prediction, columns=table.columns),)
    judged = []
    for number, split in enumerate(splits, start=1):
        judged.append(
            judge(
                table,
                split,
                young=young,
                definitions=definitions,
                leads_per_week=leads_per_week,
                seed=seed,
                beside=beside,
                say=say,
            )
        )
        say(f"{table.transition}: judged window {number} of {len(splits)}")
    ours, by_age = (np.concatenate([window.predictions[of].probability for window in judged]) for of in (0, 1))
    groups = backtest_groups(
        pd.concat([split.test for split in splits]),
        ours,
        reference=by_age,
        columns=table.columns,
        fit_boundaries=_fit_boundaries(table, definitions),
        seed=seed,
    )
    return Backtest(windows=tuple(window.at_acting_age for window in judged), groups=groups)


@in_one_thread
def fit_on(table: LabelledTable, rows: pd.DataFrame, *, seed: int = SEED, say: Say = silent) -> FittedTransition:
    """What the procedure chooses and fits on `rows` of `table` and nothing else, not judged yet.

    It is the model that `train_transition` judges where `rows` are the training rows of its split. The base rate
    by age is never put in its place: whether there is a signal is told on later leads.
    """
    selection = select(rows, Fitter(table.columns, seed, YoungLeads.of(table, rows)), say=say)
    judged = Judgement(selection, acting_day=ENTRY, evaluations=(), predictions=())
    return _fitted(table, rows, selection.best, judged=judged, seed=seed)


def _fitted(
    table: LabelledTable, rows: pd.DataFrame, choice: Recipe | None, *, judged: Judgement, seed: int
) -> FittedTransition:
    """`choice` fitted on `rows`; the base rate by age of `rows` where there is no choice."""
    known = evidence_of(rows)
    made = Made((), None)
    if choice is not None:
        made = Fitter(table.columns, seed, YoungLeads.of(table, rows)).make(choice, rows, at=table.extracted_at)
    summary = TransitionSummary(
        transition=table.transition,
        horizon_days=table.horizon_days,
        estimator=BASE_RATE_BY_AGE if choice is None else choice.estimator,
        calibrator="none" if choice is None or made.calibrator is None else choice.calibrator,
        validation=judged.selection.validation,
        n_labelled=known.n_converted + known.n_not_converted,
        n_converted=known.n_converted,
        snapshots=dict(table.counts),
        sampled_share=table.sampled_share,
        base_rate=base_rate(rows),
        base_rate_by_age=fit_base_rate_by_age(rows),
        acting_day=judged.acting_day,
        has_signal=bool(judged.evaluations) and judged.has_signal,
        candidates=judged.selection.candidates,
        evaluations=judged.evaluations,
    )
    return FittedTransition(
        summary=summary, columns=table.columns, estimators=made.estimators, calibrator=made.calibrator
    )


def _fit_boundaries(table: LabelledTable, definitions: Definitions) -> tuple[float, float, float] | None:
    """Where the letters of a grade begin; None for a transition whose probabilities grade nobody."""
    return definitions.icp.fit_boundaries if table.transition.from_stage is Stage.MQL else None


def _refuse_split(table: LabelledTable, split: Split) -> None:
    day = f"{split.test_from:%Y-%m-%d}"
    _refuse_too_few(
        table,
        at_day(split.test, ENTRY),
        needed=LEAST_TEST_OUTCOMES,
        when=f" after entering on {day} or later (the test)",
        hint="begin the test earlier, or ask for fewer windows",
    )
    _refuse_too_few(
        table,
        at_day(split.train, ENTRY),
        needed=LEAST_TRAIN_OUTCOMES,
        when=f" by {day}, where the test begins,",
        hint="begin the test later, load a longer history, or agree on a shorter horizon",
    )


def _refuse_too_few(table: LabelledTable, rows: pd.DataFrame, *, needed: int, when: str, hint: str) -> None:
    known = evidence_of(rows)
    for what, found, least in (
        ("leads that converted", known.n_converted, needed),
        ("leads that did not convert", known.n_not_converted, needed),
        ("accounts of either outcome", known.n_accounts, LEAST_ACCOUNTS),
    ):
        if found < least:
            raise TooFewOutcomesError(table.transition, what=f"{what}{when}", found=found, needed=least, hint=hint)
