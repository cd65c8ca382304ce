"""The calibrator of the product of two transitions, and the probability of a win of leads before SQL."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from data_contracts.releases import ChainCalibrator
from data_contracts.scores import P_SQL, P_WIN_GIVEN_SQL
from data_contracts.snapshots import DAYS_IN_STAGE
from models.calibrate import LEAST_CALIBRATION_OUTCOMES, calibrated, clipped, fit_calibrator
from models.evidence import leads_by_outcome
from models.linear import logistic_probabilities
from models.split import converted_or_not

MOST_DAYS = 84.0
"""Days in stage beyond which age moves the calibrator no further: snapshots usually end after twelve weeks, and a line
is not to be drawn on where nothing was seen."""


@dataclass(frozen=True, eq=False)
class WinCalibrator:
    """What mends the product of both transitions for leads before SQL.

    Attributes
    ----------
    name
        What it is. `sigmoid` and `beta` read the product alone (`models.calibrate`); `sigmoid_by_age` reads the days
        in stage as well.
    fitted
        The scikit-learn object.
    """

    name: ChainCalibrator
    fitted: BaseEstimator

    def mended(self, product: npt.NDArray[np.float64], rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """The calibrated `product`, one a row of `rows`, which has `days_in_stage`."""
        if self.name == "sigmoid_by_age":
            return clipped(logistic_probabilities(self.fitted, _by_age(product, rows)))
        return calibrated(self.fitted, product)


def fit_win_calibrator(name: ChainCalibrator, rows: pd.DataFrame) -> WinCalibrator | None:
    """The calibrator called `name`; None where none is asked for, too few were won, or it would turn the ranking round.

    `sigmoid_by_age` is a logistic regression on the log-odds of the product and the logarithm of the days in stage. It
    extends the recalibration of a model by one predictor whose effect differs where the model is used (Steyerberg et
    al., 2004, "Validation and updating of predictive logistic regression models", Stat Med 23:2567). What `sql_to_win`
    misses most in a new lead are the calls and meetings that SQLs have had. They come with age.

    Parameters
    ----------
    name
        One of `ChainCalibrator`.
    rows
        Labelled with wins; `p_sql` and `p_win_given_sql` by models that had not seen the account.
    """
    outcome, weight = converted_or_not(rows), rows["weight"].to_numpy(dtype=np.float64)
    lead, product = rows["lead_id"].to_numpy(), product_of(rows)
    if name == "none":
        return None
    if name != "sigmoid_by_age":
        fitted = fit_calibrator(name, product, outcome=outcome, weight=weight, lead=lead)
        return None if fitted is None else WinCalibrator(name, fitted)
    if min(leads_by_outcome(lead, outcome == 1)) < LEAST_CALIBRATION_OUTCOMES["sigmoid"]:
        return None
    model = LogisticRegression(C=np.inf, max_iter=1000)
    model.fit(_by_age(product, rows), outcome, sample_weight=weight)
    return WinCalibrator(name, model) if model.coef_[0, 0] > 0 else None


def p_win_before_sql(rows: pd.DataFrame, calibrator: WinCalibrator | None) -> npt.NDArray[np.float64]:
    """The probability of a win of leads before SQL: the calibrated product, and the product itself without calibrator.

    It is at most `p_sql`. A calibrator does not know `p_sql`, and could lift a win above the SQL that it needs.

    Parameters
    ----------
    rows
        `p_sql` and `p_win_given_sql`, as the two models say them, and `days_in_stage`.
    calibrator
        Of the product.
    """
    product = product_of(rows)
    if calibrator is None:
        return product
    return np.asarray(np.minimum(calibrator.mended(product, rows), rows[P_SQL].to_numpy(dtype=np.float64)))


def product_of(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """`p_sql * p_win_given_sql` of each row."""
    return np.asarray((rows[P_SQL] * rows[P_WIN_GIVEN_SQL]).to_numpy(dtype=np.float64))


def _by_age(product: npt.NDArray[np.float64], rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The log-odds of the product, and the logarithm of one plus the days in stage; missing days count as none."""
    days = rows[DAYS_IN_STAGE].to_numpy(dtype=np.float64, na_value=0.0)
    return np.column_stack([logit(clipped(product)), np.log1p(np.clip(days, 0.0, MOST_DAYS))])
