"""Level and slope of a model's probabilities, mended from outcomes that came after it was trained."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from data_contracts.definitions import Definitions
from data_contracts.errors import TooFewOutcomesError
from data_contracts.recalibration import MENDS, P_WIN_BEFORE_SQL, Mend, Recalibration
from data_contracts.scores import P_SQL, P_WIN
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from models.calibrate import clipped, with_line
from models.calibration import calibration_of
from models.chain import win_probabilities
from models.chain_links import way_to_a_win
from models.evaluate import calibration_line, log_loss_difference
from models.evidence import LEAST_ACCOUNTS, evidence_of
from models.fit import HeldOut
from models.fitted import FittedChain, FittedTransition
from models.metrics import Prediction, logistic_shift
from models.select import CLEAR, paired_gain
from models.split import learning_rows
from models.threads import in_one_thread
from models.train import SEED

LEAST_OUTCOMES = 50
"""Leads of either outcome since the release's extract, below which nothing is mended: as for a sigmoid calibrator."""

N_PARTS = 4
"""Parts into which accounts are dealt, so that each is predicted by a mend of the others."""


@in_one_thread
def recalibrated(
    fitted: FittedTransition,
    table: LabelledTable,
    *,
    since: dt.datetime,
    fit_boundaries: tuple[float, float, float] | None,
    seed: int = SEED,
) -> FittedTransition:
    """`fitted` with the level, or the level and slope, that leads which entered from `since` on ask for.

    The simpler mend is taken unless the other clearly gains over it, and none unless it clearly gains (after Vergouwe
    et al., 2017, "A closed testing procedure to select an appropriate method for updating prediction models",
    Statistics in Medicine 36:4529, by the log loss on other accounts in place of a likelihood ratio).

    Parameters
    ----------
    fitted
        A model that has learnt nothing from these leads. A mend that it has already is replaced.
    table
        Its snapshots as known now.
    since
        The extract that it was trained on (UTC, naive).
    fit_boundaries
        As `calibration_of` takes them: what came at a probability is told anew, on these leads.
    seed
        Of the resamples.

    Raises
    ------
    TooFewOutcomesError
        Where fewer leads than `LEAST_OUTCOMES` of either outcome entered since and are mature, or they are of fewer
        accounts than `LEAST_ACCOUNTS`.
    """
    rows = _enough_since(table, since, name=table.transition)
    parent = fitted.as_trained()
    told, after = _asked_for(rows, parent.predict(rows), seed=seed)
    published = Prediction(parent.summary.estimator, after, after)
    calibration = calibration_of(rows, published, columns=table.columns, fit_boundaries=fit_boundaries, seed=seed)
    return parent.recalibrated_by(told, calibration=calibration)


@in_one_thread
def recalibrated_chain(
    chain: FittedChain,
    transitions: Mapping[Transition, FittedTransition],
    table: LabelledTable,
    *,
    definitions: Definitions,
    since: dt.datetime,
    seed: int = SEED,
) -> FittedChain:
    """`chain` with the level, or the level and slope, that wins of leads which entered from `since` on ask for.

    What is judged is what would be published: the product of `transitions`, by the calibrator of the training, at most
    `p_sql`. It is mended by the rules of `recalibrated`.

    Parameters
    ----------
    chain
        As it was trained, on none of these leads. A mend that it has already is replaced.
    transitions
        Both models, mended where they are.
    table
        Snapshots of `mql_to_sql`, with wins, as known now.
    definitions
        For both horizons: a lead counts once both have passed.
    since, seed
        As `recalibrated` takes them.

    Raises
    ------
    TooFewOutcomesError
        Where fewer leads than `LEAST_OUTCOMES` were won or not, or they are of fewer accounts than `LEAST_ACCOUNTS`.
    """
    rows = _enough_since(way_to_a_win(table, definitions), since, name=P_WIN_BEFORE_SQL)
    parent = chain.as_trained()
    chances = win_probabilities(transitions, rows, chain=parent)
    told, _ = _asked_for(rows, chances[P_WIN].to_numpy(), at_most=chances[P_SQL].to_numpy(), seed=seed)
    return parent.recalibrated_by(told)


def mend_in_use(fitted: FittedTransition | FittedChain) -> Recalibration | None:
    """The mend by which `fitted` publishes; None where it publishes what was trained."""
    told = fitted.summary.recalibration
    return None if told is None or told.mend == "none" else told


def rows_since(table: LabelledTable, since: dt.datetime) -> pd.DataFrame:
    """The labelled rows of leads that entered the stage from `since` on, in order of `as_of`."""
    rows = learning_rows(table)
    return rows[_entered_at(rows) >= since]


def _enough_since(table: LabelledTable, since: dt.datetime, *, name: str) -> pd.DataFrame:
    """`rows_since`; raises `TooFewOutcomesError` where they are too few to mend by."""
    rows = rows_since(table, since)
    known = evidence_of(rows)
    for what, found, least in (
        ("leads that converted", known.n_converted, LEAST_OUTCOMES),
        ("leads that did not convert", known.n_not_converted, LEAST_OUTCOMES),
        ("accounts of either outcome", known.n_accounts, LEAST_ACCOUNTS),
    ):
        if found < least:
            raise TooFewOutcomesError(
                name,
                what=f"{what} after entering since the release's extract on {since:%Y-%m-%d}",
                found=found,
                needed=least,
                hint="wait for more outcomes",
            )
    return rows


def _asked_for(
    rows: pd.DataFrame, said: np.ndarray, *, at_most: np.ndarray | None = None, seed: int
) -> tuple[Recalibration, np.ndarray]:
    """The mend that `rows` ask for, and what each would be given by it as other accounts ask for it.

    `said` is what they would be given without; no mend lifts any of it above `at_most`.
    """
    before = HeldOut.of(rows, said)
    most = np.ones(len(rows)) if at_most is None else at_most
    mend, after = _chosen(before, most)
    known, entered_at = evidence_of(rows), _entered_at(rows)
    intercept, slope = _line(before, mend=mend)
    slope_before, intercept_before = calibration_line(rows, said, seed=seed)
    slope_after, intercept_after = calibration_line(rows, after, seed=seed)
    told = Recalibration(
        mend=mend,
        intercept=intercept,
        slope=slope,
        entered_from=entered_at.min().to_pydatetime(),
        entered_until=entered_at.max().to_pydatetime(),
        n_leads=known.n_converted + known.n_not_converted,
        n_converted=known.n_converted,
        slope_before=slope_before,
        intercept_before=intercept_before,
        slope_after=slope_after,
        intercept_after=intercept_after,
        gain=log_loss_difference(rows, said, after, seed=seed),
    )
    return told, after


def _chosen(before: HeldOut, at_most: np.ndarray) -> tuple[Mend, np.ndarray]:
    """The mend that is taken, and what each row would be given by it as other accounts ask for it."""
    best: tuple[Mend, np.ndarray] = ("none", before.raw)
    for mend in MENDS[1:]:
        after = np.minimum(_cross_fitted(before, mend=mend), at_most)
        if paired_gain(best[1], after, before).exceeds(CLEAR):
            best = (mend, after)
    return best


def _cross_fitted(later: HeldOut, *, mend: Mend) -> np.ndarray:
    """What each row would be given, by the `mend` that rows of other accounts ask for."""
    found = np.empty(len(later.raw))
    for train, test in StratifiedGroupKFold(N_PARTS).split(later.raw, later.outcome, groups=later.group):
        found[test] = with_line(later.raw[test], *_line(later.at(train), mend=mend))
    return found


def _line(later: HeldOut, *, mend: Mend) -> tuple[float, float]:
    """Intercept and slope of the log-odds that `later` asks for; the level alone where leads would change places."""
    if mend == "none":
        return 0.0, 1.0
    log_odds = logit(clipped(later.raw))
    if mend == "level_and_slope":
        model = LogisticRegression(C=np.inf, max_iter=1000)
        model.fit(log_odds[:, None], later.outcome, sample_weight=later.weight)
        if (slope := float(model.coef_[0, 0])) > 0:
            return float(model.intercept_[0]), slope
    return float(logistic_shift(log_odds, outcome=later.outcome, weight=later.weight)), 1.0


def _entered_at(rows: pd.DataFrame) -> pd.Series:
    return rows["as_of"] - pd.to_timedelta(rows["day"], unit="D")
