"""The base rate by age in stage: what every model has to beat, and what is published where none does."""

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from data_contracts.releases import BaseRateByAge
from data_contracts.snapshots import DAYS_IN_STAGE
from models.evidence import evidence_of, n_so_far
from models.metrics import logistic_shift
from models.split import converted_or_not

AGES_FROM = (0.0, 0.5, 2.0, 5.0, 10.0, 21.0, 42.0, 84.0, 168.0)
"""Days in stage at which an age begins. Rates fall fast at first and slowly later, so that ages get longer; none of the
usual days to look at a lead (0, 1, 3, 7, 14, 28) is near a boundary."""

LEAST_LEADS = 100
"""Leads below which an age shares the rate of the younger one before it: the 95 % interval of a rate seen among 100
reaches 10 percentage points to either side."""

LEVEL_DAYS = 28
"""A period is at least this long: four whole weeks, so that weekdays and paydays even out."""

LEVEL_OUTCOMES = 100
"""Leads of the rarer outcome that a period has: the standard error of its level is then about a tenth of the odds."""


def fit_base_rate_by_age(rows: pd.DataFrame) -> BaseRateByAge:
    """The share that converts by age in stage, from all labelled `rows`, at the level of the latest matured period.

    The shape comes from all rows: how much less likely a lead of day 14 is than one of day 0. The level comes from the
    latest period with outcomes, by one shift of all log-odds: rates drift, and the latest ones hold next. It is pulled
    towards the level of all history as far as the periods before differ by no more than chance (empirical Bayes with
    the between-period variance of DerSimonian and Laird, 1986, Control Clin Trials 7:177). Without drift a lone period
    would only add noise, and what adds noise to the reference flatters every model.

    Parameters
    ----------
    rows
        Labelled rows, with `days_in_stage`, `as_of`, `weight`, `converted`, `lead_id` and `group_id`.
    """
    starts = _kept_starts(rows)
    age = _age(rows[DAYS_IN_STAGE].to_numpy(dtype=np.float64), starts)
    outcome, weight = converted_or_not(rows), rows["weight"].to_numpy(dtype=np.float64)
    everyone = np.average(outcome, weights=weight)
    converted, total = (np.bincount(age, weights=w, minlength=len(starts)) for w in (weight * outcome, weight))
    shape = logit((converted + everyone) / (total + 1))
    level_from = _periods(rows)[0]
    shift = _latest_level(rows, shape[age])
    return BaseRateByAge(
        from_days=starts,
        probability=tuple(float(p) for p in expit(shape + shift)),
        level_from=level_from,
        level_until=rows["as_of"].max().to_pydatetime(),
        level_leads=int(rows.loc[rows["as_of"] >= level_from, "lead_id"].nunique()),
    )


def base_rate_at(rate: BaseRateByAge, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The probability of each row of `frame` by its `days_in_stage`; a missing one counts as just entered.

    Where there is one rate for all ages, `frame` need not say the age.
    """
    if len(rate.from_days) == 1:
        return np.full(len(frame), rate.probability[0])
    days = frame[DAYS_IN_STAGE].to_numpy(dtype=np.float64, na_value=0.0)
    return np.asarray(rate.probability)[_age(days, rate.from_days)]


def _age(days: npt.NDArray[np.float64], starts: tuple[float, ...]) -> npt.NDArray[np.intp]:
    """The number of the age that each of `days` lies in."""
    return np.maximum(np.searchsorted(starts, days, side="right") - 1, 0)


def _kept_starts(rows: pd.DataFrame) -> tuple[float, ...]:
    """`AGES_FROM` without those ages that have too few leads: these belong to the age before."""
    age = _age(rows[DAYS_IN_STAGE].to_numpy(dtype=np.float64), AGES_FROM)
    n_leads = pd.Series(rows["lead_id"].to_numpy()).groupby(age).nunique()
    return (AGES_FROM[0], *(start for i, start in enumerate(AGES_FROM) if i and n_leads.get(i, 0) >= LEAST_LEADS))


def _latest_level(rows: pd.DataFrame, log_odds: npt.NDArray[np.float64]) -> float:
    """By how much the log-odds of the latest period lie above `log_odds`, pulled towards 0 where periods differ little.

    0 where the latest period has one outcome only.
    """
    outcome, weight = converted_or_not(rows), rows["weight"].to_numpy(dtype=np.float64)
    starts = _periods(rows)
    period = len(starts) - np.searchsorted(
        np.array(starts[::-1], dtype="M8[us]"), rows["as_of"].to_numpy(), side="right"
    )
    levels, variances = [], []
    for number in range(len(starts)):
        is_in = period == number
        level = logistic_shift(log_odds[is_in], outcome=outcome[is_in], weight=weight[is_in])
        known = evidence_of(rows[is_in])
        if np.isfinite(level) and known.n_rarer:
            levels.append(level)
            variances.append(1 / known.n_converted + 1 / known.n_not_converted)
        elif number == 0:
            return 0.0
    return levels[0] * _trusted_share(np.array(levels), np.array(variances))


def _trusted_share(levels: npt.NDArray[np.float64], variances: npt.NDArray[np.float64]) -> float:
    """How much of the latest level is taken: the share of its variance that is between periods; all of a lone one."""
    if len(levels) == 1:
        return 1.0
    precision = 1 / variances
    mean = np.average(levels, weights=precision)
    excess = float((precision * (levels - mean) ** 2).sum()) - (len(levels) - 1)
    between = max(0.0, excess / float(precision.sum() - (precision**2).sum() / precision.sum()))
    return between / (between + float(variances[0]))


def _periods(rows: pd.DataFrame) -> tuple[dt.datetime, ...]:
    """Where each period begins, the latest first: `LEVEL_DAYS` long, or longer until it has `LEVEL_OUTCOMES`.

    The earliest begins with history and may have fewer.
    """
    latest_first = rows.sort_values("as_of", ascending=False, kind="stable")
    first: pd.Timestamp = latest_first["as_of"].iloc[-1]
    starts = []
    while len(latest_first):
        n_leads = n_so_far(latest_first["lead_id"])
        n_converted = n_so_far(latest_first["lead_id"].where(latest_first["converted"].astype(bool)))
        is_enough = (np.minimum(n_converted, n_leads - n_converted) >= LEVEL_OUTCOMES) & (
            latest_first["as_of"] <= latest_first["as_of"].iloc[0] - dt.timedelta(days=LEVEL_DAYS)
        )
        start: pd.Timestamp = latest_first["as_of"].iloc[int(is_enough.argmax())] if is_enough.any() else first
        starts.append(start.to_pydatetime())
        latest_first = latest_first[latest_first["as_of"] < start]
    return tuple(starts)
