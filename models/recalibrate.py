"""Level and slope of a model's probabilities, mended from outcomes that came after it was trained."""

import datetime as dt

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from data_contracts.errors import TooFewOutcomesError
from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.recalibration import MENDS, Mend, Recalibration
from data_contracts.snapshots import LabelledTable
from models.base_rate import base_rate_at
from models.calibrate import clipped, with_line
from models.calibration import calibration_of
from models.evaluate import EvaluationPlan, log_loss_difference, model_figures
from models.evidence import LEAST_ACCOUNTS, evidence_of
from models.fit import HeldOut
from models.fitted import FittedTransition
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
    rows = rows_since(table, since)
    known = evidence_of(rows)
    for what, found, least in (
        ("leads that converted", known.n_converted, LEAST_OUTCOMES),
        ("leads that did not convert", known.n_not_converted, LEAST_OUTCOMES),
        ("accounts of either outcome", known.n_accounts, LEAST_ACCOUNTS),
    ):
        if found < least:
            raise TooFewOutcomesError(
                table.transition,
                what=f"{what} after entering since the release's extract on {since:%Y-%m-%d}",
                found=found,
                needed=least,
                hint="wait for more outcomes",
            )
    parent = fitted.as_trained()
    before = HeldOut.of(rows, parent.predict(rows))
    mend, after = _chosen(before)
    told = _recalibration(parent, rows, before=before, mend=mend, after=after, seed=seed)
    published = Prediction(parent.summary.estimator, after, after)
    calibration = calibration_of(rows, published, columns=table.columns, fit_boundaries=fit_boundaries, seed=seed)
    return parent.recalibrated_by(told, calibration=calibration)


def mend_in_use(fitted: FittedTransition) -> Recalibration | None:
    """The mend by which `fitted` publishes; None where it publishes what was trained."""
    told = fitted.summary.recalibration
    return None if told is None or told.mend == "none" else told


def rows_since(table: LabelledTable, since: dt.datetime) -> pd.DataFrame:
    """The labelled rows of leads that entered the stage from `since` on, in order of `as_of`."""
    rows = learning_rows(table)
    return rows[_entered_at(rows) >= since]


def _chosen(before: HeldOut) -> tuple[Mend, np.ndarray]:
    """The mend that is taken, and what each row would be given by it as other accounts ask for it."""
    best: tuple[Mend, np.ndarray] = ("none", before.raw)
    for mend in MENDS[1:]:
        after = _cross_fitted(before, mend=mend)
        if paired_gain(best[1], after, before).exceeds(CLEAR):
            best = (mend, after)
    return best


def _recalibration(
    parent: FittedTransition, rows: pd.DataFrame, *, before: HeldOut, mend: Mend, after: np.ndarray, seed: int
) -> Recalibration:
    summary, known, entered_at = parent.summary, evidence_of(rows), _entered_at(rows)
    by_age = base_rate_at(summary.base_rate_by_age, rows)
    as_it_was, as_it_is, _ = model_figures(
        rows,
        [
            Prediction(summary.estimator, before.raw, before.raw),
            Prediction("mended", after, after),
            Prediction(BASE_RATE_BY_AGE, by_age, by_age),
        ],
        plan=EvaluationPlan(summary.transition, day=None, capacity_share=None, seed=seed),
    )
    intercept, slope = _line(before, mend=mend)
    return Recalibration(
        mend=mend,
        intercept=intercept,
        slope=slope,
        entered_from=entered_at.min().to_pydatetime(),
        entered_until=entered_at.max().to_pydatetime(),
        n_leads=known.n_converted + known.n_not_converted,
        n_converted=known.n_converted,
        slope_before=as_it_was.calibration_slope,
        intercept_before=as_it_was.calibration_intercept,
        slope_after=as_it_is.calibration_slope,
        intercept_after=as_it_is.calibration_intercept,
        gain=log_loss_difference(rows, before.raw, after, seed=seed),
    )


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
