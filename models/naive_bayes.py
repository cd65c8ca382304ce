"""Naive Bayes as Odoo's CRM scores leads: how often each value was seen among won and among lost leads.

It is written from the description of Odoo's predictive lead scoring and shares no code with it. Odoo counts words only;
numbers are binned here, so that it reads what the others read. It needs numpy and pandas only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

SMOOTHING = 0.1
"""Added to the won and to the lost leads of every value that was seen, as in Odoo: no count is 0."""

N_BINS = 10
"""Bins of a number, each with about as many of the leads that were learnt from."""

LEAST, MOST = 0.0001, 0.9999
"""Odoo's limits of a probability."""

WON, LOST = "won", "lost"

TEAM_FEATURES = ("attribute_team", "team")
"""The category that tells a lead's team: our feature of the declared attribute `team`, or a column of that name."""


@dataclass(frozen=True, slots=True)
class Frequencies:
    """What was counted among the leads of one team, or of all.

    Attributes
    ----------
    n_won, n_lost
        Leads, by weight.
    by_value
        By feature, a table with one row a value and the columns `won` and `lost`, smoothed.
    """

    n_won: float
    n_lost: float
    by_value: Mapping[str, pd.DataFrame]


def binned(train: pd.Series, rows: pd.Series) -> pd.Series:
    """The numbers `rows` as the number of their bin, whose limits are quantiles of `train`; missing stays missing."""
    known = train.dropna().to_numpy(dtype=np.float64)
    if len(known) == 0:
        return pd.Series(np.nan, index=rows.index)
    limits = np.unique(np.quantile(known, np.arange(1, N_BINS) / N_BINS))
    bins = np.searchsorted(limits, rows.to_numpy(dtype=np.float64), side="right").astype(np.float64)
    return pd.Series(np.where(rows.isna(), np.nan, bins), index=rows.index)


def frequencies(words: pd.DataFrame, *, converted: np.ndarray, weight: np.ndarray) -> Frequencies:
    """The counts of every value of every column of `words`. A missing value is no value and is not counted."""
    won, lost = weight * converted, weight * (1 - converted)
    counted = {}
    for name in words.columns:
        by_value = pd.DataFrame({WON: won, LOST: lost}).groupby(words[name].to_numpy()).sum()
        counted[name] = by_value + SMOOTHING
    return Frequencies(float(won.sum()), float(lost.sum()), counted)


def probabilities(words: pd.DataFrame, known: Frequencies) -> np.ndarray:
    """The probability that each row of `words` is won: the share of won leads, times that of each of its values.

    A value that was never seen, and a missing one, says nothing. Neither does any where one outcome was never seen.
    """
    total = known.n_won + known.n_lost
    if min(known.n_won, known.n_lost) == 0:
        return np.full(len(words), np.clip(known.n_won / total, LEAST, MOST))
    log_odds = np.full(len(words), np.log(known.n_won) - np.log(known.n_lost))
    for name, counted in known.by_value.items():
        shares = counted / counted.sum()
        evidence = np.log(shares[WON]) - np.log(shares[LOST])
        log_odds += words[name].map(evidence).fillna(0.0).to_numpy(dtype=np.float64)
    return np.asarray(np.clip(1 / (1 + np.exp(-log_odds)), LEAST, MOST))


def fit_and_predict(
    train: pd.DataFrame, test: pd.DataFrame, *, numbers: Sequence[str], categories: Sequence[str], team: str | None
) -> np.ndarray:
    """The probability of each row of `test`, by the counts of the rows of `train`.

    `train` has the columns `converted` and `weight` beside the features. Where `team` names a column, each team has its
    own counts, and a team that was never seen those of all.
    """
    columns = [*numbers, *categories]
    known, asked = (_words(train, rows, columns=columns, numbers=numbers) for rows in (train, test))
    everyone = _counted(train, known)
    found = probabilities(asked, everyone)
    for name in [] if team is None else train[team].dropna().unique():
        own, here = (train[team] == name).to_numpy(), (test[team] == name).to_numpy()
        found[here] = probabilities(asked[here], _counted(train[own], known[own]))
    return found


def team_of(categories: Sequence[str]) -> str | None:
    """The one of `categories` that tells a lead's team; None where none does."""
    return next((name for name in TEAM_FEATURES if name in categories), None)


def _words(train: pd.DataFrame, rows: pd.DataFrame, *, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    read = {name: binned(train[name], rows[name]) if name in numbers else rows[name] for name in columns}
    return pd.DataFrame(read, index=rows.index)


def _counted(rows: pd.DataFrame, words: pd.DataFrame) -> Frequencies:
    converted, weight = (rows[name].to_numpy(dtype=np.float64) for name in ("converted", "weight"))
    return frequencies(words, converted=converted, weight=weight)
