"""The rates of a period: what share would get further if leads fared at every age as they did in it.

A cohort's rate is known once its horizon has passed, so that a period's own cohort says little at its end. Period
analysis (Brenner and Gefeller, 1996, Cancer 78:2004) takes every lead for the part of its way that lies in the period:
of those that were 40 days old in it and still open, the share that got further at that age, and so on for each age.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from alignment.funnel import ENDED
from alignment.incidence import LEAST_WATCHED, Incidence, by_day, curve_of
from alignment.intervals import Floats, Integers
from alignment.milestones import Milestones, reached_at
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Span
from features.known import MICROSECONDS_PER_DAY

Flags = npt.NDArray[np.bool_]


def period_incidence(milestones: Milestones, step: Step, span: Span, *, rows: Flags) -> Incidence:
    """The incidence of `step` by age, from what happened to leads in `span` alone.

    A lead is watched from its age at the period's start to its age at the period's end, or until it got further or was
    closed. Ages are whole days. Of the first day in the period only a part is watched and counts whole; for it, the
    last one does not count.

    Parameters
    ----------
    rows
        Which rows of `milestones.frame` are looked at. Those that are unsettled are left out.

    Returns
    -------
    Incidence
        Drawn up to the age from which on fewer than `LEAST_WATCHED` leads had the age in the period, or than half of
        those that started in it, whether or not they were open. One replicate for each of `milestones.groups` that has
        any lead, in order, whether or not it has any here.
    """
    frame = milestones.frame
    starts = frame[reached_at(step.start)]
    ends = frame[reached_at(step.end)]
    closed = frame["stands_since"].where(frame["stands"].isin(ENDED) & ends.isna())
    over = ends.fillna(closed)
    begins, until = pd.Timestamp(span.start_at), pd.Timestamp(min(span.end_at, milestones.as_of))
    is_over = (over < until).to_numpy()
    first = np.maximum(_age(begins - starts), 0)
    until_day = _age(until - starts) - 1
    last = np.where(is_over, _age(over - starts), until_day)
    counts = rows & (starts < until).to_numpy() & ~frame["is_unsettled"].to_numpy()
    is_watched = counts & ~(over < begins).to_numpy() & (last >= first)
    is_reached = is_over & ends.notna().to_numpy()
    of_age = counts & (until_day >= first)
    return _drawn(
        first[is_watched],
        last[is_watched],
        is_reached[is_watched],
        (is_over & ~is_reached)[is_watched],
        groups=milestones.groups[is_watched],
        present=np.unique(milestones.groups),
        last_day=_last_day(first[of_age], until_day[of_age]),
    )


def _last_day(first: Integers, last: Integers) -> int:
    """The last age up to which enough leads had each age in the period, if they had it from `first` to `last`."""
    if not len(first):
        return -1
    n_days = int(last.max()) + 2
    n = (np.bincount(first, minlength=n_days) - np.bincount(last + 1, minlength=n_days)).cumsum()
    least = min(LEAST_WATCHED, max((int(n[0]) + 1) // 2, 1))
    return int(np.flatnonzero(n < least)[0]) - 1


def _drawn(
    first: Integers,
    last: Integers,
    reached: Flags,
    ended: Flags,
    *,
    groups: Integers,
    present: Integers,
    last_day: int,
) -> Incidence:
    """The incidence up to `last_day` of rows that are watched from day `first` to day `last`."""
    n_days = max(last_day, int(last.max(initial=-1))) + 1
    if not len(last) or last_day < 0:
        return Incidence(np.zeros(n_days), np.zeros((len(present), n_days)), len(last), -1)
    one = np.ones(len(last))
    n_reached, n_ended, n_last, n_first = (
        by_day(days, groups[rows], n_days, weights=one[rows])
        for days, rows in ((last[reached], reached), (last[ended], ended), (last, one > 0), (first, one > 0))
    )
    at_risk = n_first.cumsum(axis=1) - (n_last.cumsum(axis=1) - n_last)
    counts = (n_reached, n_ended, at_risk)
    # All leads first, then without each group.
    reached_, ended_, at_risk_ = (np.vstack([each.sum(axis=0), each.sum(axis=0) - each[present]]) for each in counts)
    curves = curve_of(reached_, ended_, at_risk=at_risk_)
    return Incidence(curve=curves[0], replicates=curves[1:], n=len(last), last_day=last_day)


def _age(spans: pd.Series) -> Integers:
    """Whole days; far below 0 where a moment is missing, which no lead is watched for."""
    whole = spans.astype("timedelta64[us]").fillna(pd.Timedelta(days=-1_000_000))
    return np.asarray(whole.to_numpy().astype("timedelta64[us]").astype(np.int64) // MICROSECONDS_PER_DAY)


def figures(drawn: Incidence, *, days: int | None) -> Floats:
    """The share within so many days, or for as long as it is drawn: of all leads, then without each group of accounts.

    NaN where it is not drawn for so long.
    """
    last = drawn.last_day if days is None else days - 1
    if not 0 <= last <= drawn.last_day:
        return np.full(1 + len(drawn.replicates), np.nan)
    return np.concatenate([[drawn.curve[last]], drawn.replicates[:, last]])
