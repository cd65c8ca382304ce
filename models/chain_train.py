"""The probability of a win before SQL, held against wins of later leads, and calibrated where that clearly helps."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.definitions import Definitions
from data_contracts.evaluation_table import CHAIN, PRODUCT
from data_contracts.evaluations import Evaluation
from data_contracts.progress import Say, silent
from data_contracts.releases import ChainCalibrator, ChainSummary
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Stage, Transition
from models.baselines import base_rate_by_age_prediction, base_rate_prediction, point_rule_prediction
from models.chain_links import STEPS, Chain, way_to_a_win
from models.chain_select import choose_calibrator, is_worth_a_try
from models.evaluate import EvaluationPlan, evaluate
from models.evidence import LEAST_ACCOUNTS, evidence_of
from models.fitted import FittedChain, FittedTransition
from models.judge import LEAST_TEST_OUTCOMES, LEAST_TRAIN_OUTCOMES
from models.metrics import Prediction
from models.split import Split, as_it_stood, at_day, default_test_from, learning_rows, split_at
from models.threads import in_one_thread
from models.train import SEED
from models.win_calibrator import WinCalibrator, fit_win_calibrator, p_win_before_sql

WAITING_STAGES = (Stage.MQL, Stage.SAL)
"""Stages before SQL in which leads are labelled."""


@dataclass(frozen=True, slots=True)
class CalibratedChain:
    """How a win before SQL is made of what was known at a moment: both links, and the calibrator of their product.

    `rows` are all that are labelled with wins.
    """

    chain: Chain
    rows: pd.DataFrame
    calibrator: ChainCalibrator

    def predicted(self, asked: pd.DataFrame, *, at: dt.datetime) -> npt.NDArray[np.float64]:
        """What it says of each row `asked`, made of what was known at the moment `at`."""
        known, made = as_it_stood(self.rows, at), None
        if self.calibrator != "none" and is_worth_a_try(known):
            made = fit_win_calibrator(self.calibrator, self.chain.cross_predicted(known, at=at))
        return p_win_before_sql(self.chain.predicted(asked, at=at), made)


@in_one_thread
def train_chain(
    tables: Mapping[Transition, LabelledTable],
    fitted: Mapping[Transition, FittedTransition],
    *,
    definitions: Definitions,
    seed: int = SEED,
    say: Say = silent,
) -> FittedChain | None:
    """How good `p_win` of leads before SQL is, and its calibrator.

    1. The test are the latest quarter of the leads of which it is known whether they were won.
    2. Both models are made anew, by the recipes in `fitted`, of what was known when the test begins.
    3. A calibrator is chosen and fitted on the leads known then, from products for accounts that neither model saw.
    4. The calibrated product is judged on the test: on each judged day, at all ages, and by stage.
    5. The same calibrator is fitted again on all leads, for the models of the release.

    The recipes were chosen on leads known when the tests of the transitions begin, which is later. So the settings of
    the models, though no coefficient, may owe something to leads of this test.

    Parameters
    ----------
    tables, fitted
        By transition: what each was learnt from, and its model.
    definitions
        For the horizons and the judged days.
    seed
        Of everything that is drawn.
    say
        Is told in a few words what was done, or why nothing was.

    Returns
    -------
    FittedChain or None
        None where one transition alone leads to a win, and where too few wins are known.
    """
    if not all(step in fitted for step in STEPS):
        return None
    rows = learning_rows(way_to_a_win(tables[Transition.MQL_TO_SQL], definitions))
    chain = Chain.of(tables, fitted, seed=seed)
    split = _split(rows, chain)
    known = evidence_of(rows)
    if split is None:
        say(
            f"p_win before SQL: not held against wins, because too few are known ({known.n_converted:,} of "
            f"{known.n_converted + known.n_not_converted:,} leads whose both horizons have passed were won)"
        )
        return None
    calibrator = _calibrator(split, chain)
    predictions = _predictions(split, chain, calibrator)
    evaluations = _evaluations(split, predictions, days=definitions.snapshots.judged_days, seed=seed)
    summary = ChainSummary(
        calibrator="none" if calibrator is None else calibrator.name,
        n_labelled=known.n_converted + known.n_not_converted,
        n_won=known.n_converted,
        acting_day=fitted[Transition.MQL_TO_SQL].summary.acting_day,
        evaluations=evaluations,
    )
    say(f"p_win before SQL: judged on {split.test['lead_id'].nunique():,} leads, calibrator {summary.calibrator}")
    return _fitted_on_all(rows, chain, summary)


def _fitted_on_all(rows: pd.DataFrame, chain: Chain, summary: ChainSummary) -> FittedChain:
    """The calibrator that `summary` names, fitted on all labelled `rows`; none where that turns the ranking round."""
    if summary.calibrator == "none":
        return FittedChain(summary, None)
    calibrator = fit_win_calibrator(summary.calibrator, chain.cross_predicted(rows, at=chain.first.table.extracted_at))
    if calibrator is None:
        return FittedChain(summary.model_copy(update={"calibrator": "none"}), None)
    return FittedChain(summary, calibrator)


def _is_enough(rows: pd.DataFrame, n_outcomes: int) -> bool:
    known = evidence_of(rows)
    return known.n_rarer >= n_outcomes and known.n_accounts >= LEAST_ACCOUNTS


def _split(rows: pd.DataFrame, chain: Chain) -> Split | None:
    """The latest quarter of the leads, and what was known before.

    None where there are too few wins to judge on or to take a base rate from, or too few outcomes for a model.
    """
    if not _is_enough(rows, 2 * LEAST_TEST_OUTCOMES):
        return None
    split = split_at(rows, default_test_from(rows))
    both = (chain.first.known(split.test_from), chain.second.known(split.test_from))
    is_judged = all(_is_enough(part, LEAST_TEST_OUTCOMES) for part in (split.train, split.test))
    return split if is_judged and all(_is_enough(known, LEAST_TRAIN_OUTCOMES) for known in both) else None


def _calibrator(split: Split, chain: Chain) -> WinCalibrator | None:
    """The calibrator that is chosen and fitted on what was known when the test of `split` begins."""
    if not is_worth_a_try(split.train):
        return None
    seen = chain.cross_predicted(split.train, at=split.test_from)
    return fit_win_calibrator(choose_calibrator(seen), seen)


def _evaluations(
    split: Split, predictions: Sequence[Prediction], *, days: Sequence[int], seed: int
) -> tuple[Evaluation, ...]:
    """One a judged day, one of all ages, one a stage; those of too few wins are left out, but for all ages."""
    test, train = split.test, split.train
    found = []
    for day in days:
        if all(_is_enough(at_day(rows, day), LEAST_TEST_OUTCOMES) for rows in (test, train)):
            plan = EvaluationPlan(Transition.MQL_TO_WIN, day, None, seed)
            found.append(evaluate(split, _at((test["day"] == day).to_numpy(), predictions, split, day), plan=plan))
    plan = EvaluationPlan(Transition.MQL_TO_WIN, None, None, seed)
    found.append(evaluate(split, _at(np.full(len(test), True), predictions, split, None), plan=plan))
    for stage in WAITING_STAGES:
        is_test = (test["stage"] == stage).to_numpy()
        part = Split(train[train["stage"] == stage], test[is_test], split.test_from)
        if all(_is_enough(rows, LEAST_TEST_OUTCOMES) for rows in (part.test, part.train)):
            judged = evaluate(part, _at(is_test, predictions, part, None), plan=plan)
            found.append(judged.model_copy(update={"stage": stage}))
    return tuple(found)


def _predictions(split: Split, chain: Chain, calibrator: WinCalibrator | None) -> list[Prediction]:
    """What the chain, the base rate by age and, where it was calibrated, the product say of every test row."""
    test = chain.predicted(split.test, at=split.test_from)
    ours, product = (p_win_before_sql(test, each) for each in (calibrator, None))
    made = [Prediction(CHAIN, ours, ours), base_rate_by_age_prediction(split.train, split.test)]
    return made if calibrator is None else [*made, Prediction(PRODUCT, product, product)]


def _at(
    is_judged: npt.NDArray[np.bool_], predictions: Sequence[Prediction], split: Split, day: int | None
) -> list[Prediction]:
    """`predictions` of the test rows that are judged, and the baselines learnt from the training rows of that day."""
    ours, by_age, *product = (prediction.of(is_judged) for prediction in predictions)
    train, test = at_day(split.train, day), at_day(split.test, day)
    points = point_rule_prediction(train, test)
    return [ours, by_age, base_rate_prediction(train, test), *([] if points is None else [points]), *product]
