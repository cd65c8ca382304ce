"""When leads first reached a boundary, whichever it is: what a boundary sends to sales a week."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SECONDS_PER_WEEK = 7 * 86_400


@dataclass(frozen=True, eq=False)
class Crossings:
    """Every moment at which a lead's value was higher than ever before in the weeks looked at.

    A boundary above `previous` and not above `value` was first crossed then: for each boundary, a lead has one such
    row at most.

    Attributes
    ----------
    rows
        `lead_id`, `group_id`, `week` (int, 0 is the first that counts), `previous` (minus infinity at its first
        moment), `value`, `p_first`, `p_win`, `amount`.
    n_weeks
        The weeks that count.
    """

    rows: pd.DataFrame
    n_weeks: int

    def at(self, boundary: float) -> pd.DataFrame:
        """The rows by which `boundary` was crossed: one a lead that crossed it in the weeks that count."""
        rows = self.rows
        return rows[(rows["previous"] < boundary) & (rows["value"] >= boundary)]

    def by_week(self, boundary: float) -> Integers:
        """How many leads crossed `boundary` in each week, the first week first."""
        return np.bincount(self.at(boundary)["week"], minlength=self.n_weeks)

    def volumes(self) -> tuple[Floats, Integers]:
        """Every value that was reached, in descending order, and how many leads crossed a boundary there."""
        values = np.unique(self.rows["value"])
        reached = np.searchsorted(np.sort(self.rows["value"]), values, side="left")
        were_there = np.searchsorted(np.sort(self.rows["previous"]), values, side="left")
        # Of all rows, those whose `previous` is lower, less those whose `value` is lower as well.
        return values[::-1], (were_there - reached)[::-1]


def crossings_of(scores: pd.DataFrame, value: Floats, *, until: dt.datetime, n_weeks: int) -> Crossings:
    """The crossings of the last `n_weeks` weeks before `until`. What was reached in weeks before counts as crossed.

    Parameters
    ----------
    scores
        `PastScores.frame`.
    value
        What boundaries are drawn on, one a row.
    """
    ordered = scores.assign(value=value).sort_values(["lead_id", "as_of"], kind="stable", ignore_index=True)
    highest = ordered.groupby("lead_id")["value"].cummax()
    ordered["previous"] = highest.groupby(ordered["lead_id"]).shift(fill_value=-np.inf)
    weeks_ago = ((until - ordered["as_of"]).dt.total_seconds() // SECONDS_PER_WEEK).astype(np.int64)
    ordered["week"] = n_weeks - 1 - weeks_ago
    counts = (ordered["value"] > ordered["previous"]) & (ordered["week"] >= 0)
    kept = ["lead_id", "group_id", "week", "previous", "value", "p_first", "p_win", "amount"]
    return Crossings(ordered.loc[counts, kept].reset_index(drop=True), n_weeks)
