"""Cumulative incidence: which share of a cohort has reached something after so many days, while others ended first."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alignment.intervals import GROUPS, UNKNOWN, Floats, Integers, share_estimate, without_each
from data_contracts.estimates import Estimate

LEAST_WATCHED = 10
"""The incidence is drawn for as long as so many were watched, or half of fewer: beyond, each lead is a whole step."""

PLATEAU_SHARE = 0.8
"""Of the days that are drawn: what still rises after these is not at its plateau."""

WEIGHT_PARTS = 2.0**50
"""Fine enough for any amount, and a sum of so many is exact in a float."""

LEAST_RISE = 0.01
"""A rise by less than this share of the incidence is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """How each row of a cohort fared, in whole days from the start.

    Attributes
    ----------
    days
        Until it reached the milestone, ended elsewhere, or was last watched: whole days, rounded down.
    watched
        Until now, whatever came before: whole days. A row that ended early was watched for as long as the others.
    reached, ended
        Whether the first or the second came to pass; neither for a row that is still open.
    groups
        The jackknife group of its account.
    weights
        What each row counts for, 0 or more, such as its amount; each counts once where there are none.
    """

    days: Integers
    watched: Integers
    reached: npt.NDArray[np.bool_]
    ended: npt.NDArray[np.bool_]
    groups: Integers
    weights: Floats | None = None

    def of(self, rows: npt.NDArray[np.bool_] | Integers) -> "Followed":
        """The chosen rows alone: by a mask, or by their places."""
        return Followed(
            self.days[rows],
            self.watched[rows],
            self.reached[rows],
            self.ended[rows],
            self.groups[rows],
            None if self.weights is None else self.weights[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """The share that has reached the milestone by the end of each day.

    Attributes
    ----------
    curve
        By day from 0 on, of all rows.
    replicates
        One curve for each group of accounts left out.
    n
        Rows; where they have weights, as many rows of one weight as they are worth (Kish's effective size).
    last_day
        The last day for which at least `LEAST_WATCHED` were watched, or half of fewer; -1 where there are no rows.
    """

    curve: Floats
    replicates: Floats
    n: float
    last_day: int

    def within(self, days: int) -> Estimate:
        """The share reached within so many days (1 or more); unknown where too few were watched for so long."""
        last = days - 1
        if last > self.last_day or not self.n:
            return UNKNOWN
        return share_estimate(float(self.curve[last]), self.replicates[:, last], n=self.n)

    @property
    def is_at_plateau(self) -> bool:
        """Whether the share has stopped rising by the last days that are watched."""
        if self.last_day < 0:
            return False
        top, earlier = self.curve[self.last_day], self.curve[int(PLATEAU_SHARE * self.last_day)]
        return bool(top > 0 and top - earlier < LEAST_RISE * top)

    def quantile(self, share: float) -> float | None:
        """Days until `share` of those that ever reach the milestone have reached it; None where none was seen to.

        They are at least so many where the incidence is not at its plateau: it is divided by what was seen. Within a
        day, its part.
        """
        if self.last_day < 0 or not self.curve[self.last_day]:
            return None
        drawn = np.concatenate([[0.0], self.curve[: self.last_day + 1]])
        wanted = share * drawn[-1]
        end = int(np.argmax(drawn >= wanted - 1e-12))
        return end - float((drawn[end] - wanted) / (drawn[end] - drawn[end - 1]))


@dataclass(frozen=True, slots=True, eq=False)
class Redrawn:
    """Cumulative incidences of one cohort with its accounts weighted anew, draw by draw.

    Attributes
    ----------
    reached, ended
        The share that has reached the milestone, and that ended elsewhere, by the end of each day: one row a draw, one
        column a day, up to the last day for which enough were watched.
    """

    reached: Floats
    ended: Floats


def incidence(followed: Followed) -> Incidence:
    """The Aalen-Johansen estimate of the cumulative incidence (1978, Scand J Stat 5:141), on whole days.

    Those that are still open leave the count after the last day on which they were watched: they are no negatives. Of
    several things on one day, endings and milestones come before a watch that ends. With weights, it is the share of
    the weight that has reached the milestone: of money, where they are amounts.
    """
    weights = _weights(followed)
    if not weights.sum():
        return Incidence(np.zeros(0), np.zeros((0, 0)), 0, -1)
    counts = _counts(followed, weights)
    return Incidence(
        curve=_curve(counts.sum(axis=0)[np.newaxis])[0],
        replicates=_curve(without_each(counts)),
        n=weights.sum() ** 2 / np.square(weights).sum(),
        last_day=_last_day(followed),
    )


def redrawn(followed: Followed, weights: Floats) -> Redrawn:
    """The incidences of a cohort whose groups of accounts count `weights` times: one row a draw, one column a group.

    The ends that compete have a curve too: who is still open after a day is in neither.
    """
    if not len(followed.days):
        return Redrawn(np.zeros((len(weights), 0)), np.zeros((len(weights), 0)))
    counts = np.tensordot(weights, _counts(followed, _weights(followed)), axes=1)
    n_days = _last_day(followed) + 1
    swapped = counts[..., [1, 0, 2]]
    return Redrawn(reached=_curve(counts)[:, :n_days], ended=_curve(swapped)[:, :n_days])


def _last_day(followed: Followed) -> int:
    n = len(followed.days)
    return int(np.sort(followed.watched)[-min(LEAST_WATCHED, (n + 1) // 2)])


def _weights(followed: Followed) -> Floats:
    return np.ones(len(followed.days)) if followed.weights is None else _in_parts(followed.weights)


def _counts(followed: Followed, weights: Floats) -> Floats:
    """The weight of the rows, by group, day, and (reached, ended, all)."""
    n_days = int(followed.watched.max()) + 1
    return np.stack(
        [
            by_day(followed.days[rows], followed.groups[rows], n_days, weights=weights[rows])
            for rows in (followed.reached, followed.ended, np.ones(len(weights), dtype=bool))
        ],
        axis=2,
    )


def _in_parts(weights: Floats) -> Floats:
    """The weights in whole parts of their sum: sums of these are exact, and so are those without a group."""
    total = weights.sum()
    return np.rint(weights / total * WEIGHT_PARTS) if total else weights


def by_day(days: Integers, groups: Integers, n_days: int, *, weights: Floats) -> Floats:
    """The weight of the rows of each group on each day: one row a group, one column a day."""
    cells = np.bincount(groups * n_days + days, weights=weights, minlength=GROUPS * n_days)
    return cells.reshape(GROUPS, n_days).astype(np.float64)


def _curve(counts: Floats) -> Floats:
    """The incidence by day of each replicate: `counts` by replicate, day, and (reached, ended, all)."""
    left = counts[..., 2]
    return curve_of(counts[..., 0], counts[..., 1], at_risk=left[:, ::-1].cumsum(axis=1)[:, ::-1])


def curve_of(reached: Floats, ended: Floats, *, at_risk: Floats) -> Floats:
    """The incidence by day, one row a replicate, from how many reached it, ended and were watched on each day."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p_reached = np.where(at_risk > 0, reached / at_risk, 0.0)
        p_stays = np.where(at_risk > 0, 1 - (reached + ended) / at_risk, 1.0)
    still_open = np.concatenate([np.ones((len(reached), 1)), p_stays.cumprod(axis=1)[:, :-1]], axis=1)
    return np.asarray((still_open * p_reached).cumsum(axis=1))
