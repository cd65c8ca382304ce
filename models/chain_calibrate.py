"""Whether the product of both transitions means what it says, and the calibrator that mends it where it does not."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from data_contracts.releases import ChainCalibrator
from data_contracts.scores import P_SQL, P_WIN_GIVEN_SQL
from models.calibrate import LEAST_CALIBRATION_OUTCOMES, fit_calibrator
from models.chain import p_win_before_sql
from models.evidence import evidence_of
from models.fit import HeldOut
from models.select import CLEAR, mean_loss, paired_gain
from models.split import converted_or_not, forward_folds, grouped_folds

TRIED: tuple[ChainCalibrator, ...] = ("sigmoid", "beta")
"""Isotonic regression is left out: it takes 500 wins at the least, and wins are few."""


def is_worth_a_try(rows: pd.DataFrame) -> bool:
    """Whether the labelled `rows` hold enough wins for any calibrator."""
    return evidence_of(rows).n_rarer >= min(LEAST_CALIBRATION_OUTCOMES[name] for name in TRIED)


def choose_calibrator(rows: pd.DataFrame, chances: pd.DataFrame) -> ChainCalibrator:
    """The calibrator of least log loss on later leads; none unless it clearly gains.

    It is the rule by which a transition's calibrator is chosen (`models.select`): a gain beyond one standard error of
    the paired difference, between accounts. Each fold's calibrator learns from the products of the rows known then.

    Parameters
    ----------
    rows
        Labelled with wins, in order of `as_of`.
    chances
        `p_sql` and `p_win_given_sql` of each row, by models that had not seen its account.
    """
    told = rows.assign(**{name: chances[name] for name in (P_SQL, P_WIN_GIVEN_SQL)})
    folds = forward_folds(told) or grouped_folds(told)
    later = HeldOut.joined([_held_out(fold.test) for fold in folds])
    found: dict[ChainCalibrator, npt.NDArray[np.float64]] = {
        "none": np.concatenate([p_win_before_sql(fold.test, None) for fold in folds])
    }
    for name in TRIED:
        learnt = [fit_chain_calibrator(name, fold.train, fold.train) for fold in folds]
        if any(calibrator is not None for calibrator in learnt):
            pairs = zip(folds, learnt, strict=True)
            found[name] = np.concatenate([p_win_before_sql(fold.test, calibrator) for fold, calibrator in pairs])
    best = min(found, key=lambda name: mean_loss(found[name], later))
    return best if paired_gain(found["none"], found[best], later).exceeds(CLEAR) else "none"


def fit_chain_calibrator(name: ChainCalibrator, rows: pd.DataFrame, chances: pd.DataFrame) -> BaseEstimator | None:
    """The calibrator called `name`, learnt from the products of `chances` and the wins of `rows`.

    None where none is asked for or none can be had (`models.calibrate.fit_calibrator`).
    """
    held_out = _held_out(rows.assign(**{each: chances[each] for each in (P_SQL, P_WIN_GIVEN_SQL)}))
    return fit_calibrator(name, held_out.raw, outcome=held_out.outcome, weight=held_out.weight, lead=held_out.lead)


def _held_out(rows: pd.DataFrame) -> HeldOut:
    return HeldOut(
        raw=(rows[P_SQL] * rows[P_WIN_GIVEN_SQL]).to_numpy(dtype=np.float64),
        outcome=converted_or_not(rows),
        weight=rows["weight"].to_numpy(dtype=np.float64),
        group=rows["group_id"].to_numpy(),
        lead=rows["lead_id"].to_numpy(),
    )
