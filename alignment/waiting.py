"""How long something takes that has not come for everybody yet: Kaplan-Meier, with intervals over accounts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alignment.incidence import LEAST_WATCHED
from alignment.intervals import GROUPS, UNKNOWN, Floats, Integers, spread, wilson, without_each
from data_contracts.estimates import Estimate

ROUNDING = 1e-12
"""A product of shares is not held to the last bit."""


@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """How long each row waited, in whole units of time.

    Attributes
    ----------
    waited
        Until it came, or until now where it has not come: rounded down.
    watched
        Until now, whether it came or not.
    came
        Whether it came; a row of which it did not was watched for nothing more.
    groups
        The jackknife group of its account.
    """

    waited: Integers
    watched: Integers
    came: npt.NDArray[np.bool_]
    groups: Integers

    def of(self, rows: npt.NDArray[np.bool_]) -> "Waits":
        """The chosen rows alone."""
        return Waits(self.waited[rows], self.watched[rows], self.came[rows], self.groups[rows])


@dataclass(frozen=True, slots=True)
class Quantile:
    """Within what time a share of the rows has it. `is_least`: they need at least so long, as far as was watched."""

    time: Estimate
    is_least: bool


def quantiles(waits: Waits, shares: Sequence[float]) -> tuple[Quantile, ...]:
    """Within what time each of `shares` of the rows has it: the quantiles of the Kaplan-Meier curve.

    Rows of which it has not come count for as long as they were watched. The curve is read for as long as at least
    `LEAST_WATCHED` rows were watched, or half of fewer. The interval is Woodruff's (1952, J Am Stat Assoc 47:635): that
    of the share at the quantile, read from the curve, for as many rows as the jackknife over accounts says that they
    are worth. Its end is missing where the curve does not get so far.
    """
    if not len(waits.waited):
        return tuple(Quantile(UNKNOWN, False) for _ in shares)
    last = int(np.sort(waits.watched)[-min(LEAST_WATCHED, (len(waits.waited) + 1) // 2)])
    times = np.unique(waits.waited[waits.came & (waits.waited <= last)])
    return tuple(_quantile(share, times, _counts(waits, times), n=len(waits.waited), last=last) for share in shares)


def _counts(waits: Waits, times: Integers) -> Floats:
    """By group and time: for how many rows it came then, and for how many it had not come before."""
    width = len(times) + 1
    cells = waits.groups * width + np.searchsorted(times, waits.waited, side="right")
    by_rows = [
        np.bincount(cells[rows], minlength=GROUPS * width).reshape(GROUPS, width)
        for rows in (waits.came & np.isin(waits.waited, times), np.ones(len(cells), dtype=bool))
    ]
    came, ends = (each.astype(np.float64) for each in by_rows)
    at_risk = ends[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.stack([came, at_risk], axis=2)[:, 1:]


def _share_come(counts: Floats) -> Floats:
    """The share for which it has come by each time: `counts` by replicate, time, and (came, at risk)."""
    came, at_risk = counts[..., 0], counts[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        stays = np.where(at_risk > 0, 1 - came / at_risk, 1.0)
    return np.asarray(1 - stays.cumprod(axis=-1))


def _quantile(share: float, times: Integers, counts: Floats, *, n: int, last: int) -> Quantile:
    if not len(times):
        return Quantile(Estimate(value=float(last), low=float(last), high=None), True)
    curve = _share_come(counts.sum(axis=0))
    found = _first(share, times, curve)
    upto = len(times) if found is None else int(np.searchsorted(times, found)) + 1
    error = spread(_share_come(without_each(counts[:, :upto]))[:, -1])
    variance = float(curve[upto - 1] * (1 - curve[upto - 1]))
    worth = min(n, variance / error**2) if error > 0 and variance > 0 else n
    low, high = (_first(end, times, curve) for end in wilson(share, max(worth, 1.0)))
    value = float(last) if found is None else found
    return Quantile(Estimate(value=value, low=value if low is None else low, high=high), found is None)


def _first(share: float, times: Integers, curve: Floats) -> float | None:
    """The first of `times` by which `share` have it; None where the curve does not get so far."""
    reached = curve >= share - ROUNDING
    return float(times[np.argmax(reached)]) if reached.any() else None
