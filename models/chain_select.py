"""Which calibrator the product of both transitions gets: the one that clearly gains on later leads, otherwise none."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.releases import ChainCalibrator
from models.calibrate import LEAST_CALIBRATION_OUTCOMES
from models.evidence import evidence_of
from models.fit import HeldOut
from models.select import CLEAR, mean_loss, paired_gain
from models.split import converted_or_not, forward_folds, grouped_folds
from models.win_calibrator import fit_win_calibrator, p_win_before_sql, product_of

PLAIN: tuple[ChainCalibrator, ...] = ("sigmoid", "beta")
"""Those that read the product alone. Isotonic regression is left out: it takes 500 wins at the least."""

BY_AGE: ChainCalibrator = "sigmoid_by_age"


def is_worth_a_try(rows: pd.DataFrame) -> bool:
    """Whether the labelled `rows` hold enough wins for any calibrator."""
    return evidence_of(rows).n_rarer >= LEAST_CALIBRATION_OUTCOMES["sigmoid"]


def choose_calibrator(rows: pd.DataFrame) -> ChainCalibrator:
    """The calibrator that clearly lowers the log loss of later leads; none where none does.

    `sigmoid` and `beta` are held against none, and `sigmoid_by_age` against what that leaves. To gain clearly is to
    gain beyond one standard error of the paired difference, between accounts (`models.select`). Each fold's calibrator
    learns from the products of the rows known then. Where history is too short for that, it learns from other accounts
    of the same time.

    Parameters
    ----------
    rows
        Labelled with wins, in order of `as_of`; `p_sql` and `p_win_given_sql` by models that had not seen the account.
    """
    folds = forward_folds(rows) or grouped_folds(rows)
    later = HeldOut.joined([_held_out(fold.test) for fold in folds])
    found: dict[ChainCalibrator, npt.NDArray[np.float64]] = {
        "none": np.concatenate([p_win_before_sql(fold.test, None) for fold in folds])
    }
    for name in (*PLAIN, BY_AGE):
        learnt = [fit_win_calibrator(name, fold.train) for fold in folds]
        if any(calibrator is not None for calibrator in learnt):
            pairs = zip(folds, learnt, strict=True)
            found[name] = np.concatenate([p_win_before_sql(fold.test, calibrator) for fold, calibrator in pairs])
    kept: ChainCalibrator = "none"
    for tried in (PLAIN, (BY_AGE,)):
        best = min(
            (name for name in tried if name in found), key=lambda name: mean_loss(found[name], later), default=kept
        )
        kept = best if paired_gain(found[kept], found[best], later).exceeds(CLEAR) else kept
    return kept


def _held_out(rows: pd.DataFrame) -> HeldOut:
    return HeldOut(
        raw=product_of(rows),
        outcome=converted_or_not(rows),
        weight=rows["weight"].to_numpy(dtype=np.float64),
        group=rows["group_id"].to_numpy(),
        lead=rows["lead_id"].to_numpy(),
    )
