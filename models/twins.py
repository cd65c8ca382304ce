"""Leads that stand twice in a table, under two ids: the earlier one tells the outcome of the later one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_contracts.snapshots import FeatureColumn
from models.estimators import model_frame
from models.evaluate import Z_95
from models.split import converted_or_not


@dataclass(frozen=True, slots=True)
class Twins:
    """Leads whose features once were those of an earlier lead with another id, to the last bit.

    Attributes
    ----------
    n_leads, n_twins
        All leads, and those of them with a twin before them.
    agreement, agreement_low
        Correlation of the twins' outcomes and the lower end of its 95 % interval (Fisher, 1921, Metron 1:3); None
        where it is not defined. Leads that are alike by chance agree as far as their features foretell the outcome.
    """

    n_leads: int
    n_twins: int
    agreement: float | None
    agreement_low: float | None


def twins_of(rows: pd.DataFrame, columns: Sequence[FeatureColumn]) -> Twins:
    """The twins among the labelled `rows`, in order of time: of those alike, the first one, and one pair a lead."""
    told = pd.DataFrame(
        {
            "lead_id": rows["lead_id"].to_numpy(),
            "converted": converted_or_not(rows),
            "features": pd.util.hash_pandas_object(model_frame(rows, columns), index=False).to_numpy(),
        }
    )
    pairs = told.merge(told.drop_duplicates("features"), on="features", suffixes=("", "_earlier"))
    pairs = pairs[pairs["lead_id"] != pairs["lead_id_earlier"]].drop_duplicates("lead_id")
    n_leads, n = int(told["lead_id"].nunique()), len(pairs)
    outcomes = pairs[["converted", "converted_earlier"]].to_numpy(dtype=np.float64)
    if n < 4 or outcomes.std(axis=0).min() == 0:
        return Twins(n_leads, n, None, None)
    agreement = float(np.corrcoef(outcomes.T)[0, 1])
    low = np.tanh(np.arctanh(np.clip(agreement, -0.9999, 0.9999)) - Z_95 / np.sqrt(n - 3))
    return Twins(n_leads, n, agreement, float(low))
