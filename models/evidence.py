"""How much labelled rows can tell: leads and accounts count, snapshots do not."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST_ACCOUNTS = 20
"""Accounts of either outcome below which nothing is trained, chosen or judged. Accounts are the independent
observations; a resample of fewer than some twenty says little about how figures vary (Cameron, Gelbach and Miller,
2008, Rev Econ Stat 90:414)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Leads that converted after one of their snapshots, leads that never did, and accounts.

    `n_accounts` is the smaller of two numbers: accounts with a lead of the one kind, and with one of the other. An
    account may have both.
    """

    n_converted: int
    n_not_converted: int
    n_accounts: int

    @property
    def n_rarer(self) -> int:
        """Leads with the rarer of the two outcomes."""
        return min(self.n_converted, self.n_not_converted)


def evidence_of(rows: pd.DataFrame) -> Evidence:
    """What the labelled `rows` can tell.

    Examples
    --------
    Three snapshots of two leads of one account:

    >>> evidence_of(pd.DataFrame({"lead_id": [1, 1, 2], "group_id": "A", "converted": [False, True, False]}))
    Evidence(n_converted=1, n_not_converted=1, n_accounts=1)
    """
    converted = rows["converted"].to_numpy(dtype=bool)
    n_converted, n_not = leads_by_outcome(rows["lead_id"].to_numpy(), converted)
    is_of_converted = rows["lead_id"].isin(rows.loc[converted, "lead_id"])
    n_accounts = [rows.loc[kind, "group_id"].nunique() for kind in (is_of_converted, ~is_of_converted)]
    return Evidence(n_converted, n_not, n_accounts=min(n_accounts))


def n_so_far(values: pd.Series) -> np.ndarray:
    """How many different values there are up to each place; missing ones are none.

    Examples
    --------
    >>> n_so_far(pd.Series(["L1", "L1", None, "L2"])).tolist()
    [1, 1, 1, 2]
    """
    return (values.notna() & ~values.duplicated()).to_numpy().cumsum()


def leads_by_outcome(lead: np.ndarray, converted: np.ndarray) -> tuple[int, int]:
    """How many of the leads converted after one of their snapshots, and how many never did."""
    n_leads, n_converted = len(pd.unique(lead)), len(pd.unique(lead[converted]))
    return n_converted, n_leads - n_converted
