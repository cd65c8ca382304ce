"""How models would have done on later and later windows: an evaluation of each, and groups of the leads of all."""

import datetime as dt
from collections.abc import Sequence

from data_contracts.calibration import MONTH, CalibrationGroup, calibration_rows, groups_off
from data_contracts.estimates import Estimate, Record
from data_contracts.evaluations import Evaluation
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text


class BacktestGroup(CalibrationGroup):
    """Test leads of all windows that are alike in one respect: what they were given, what came, what it gained.

    Attributes
    ----------
    gain
        Log loss (nats) of the base rate by age of the same windows, less that of our model.
    """

    gain: Estimate


class Backtest(Record):
    """One transition, judged window by window.

    Attributes
    ----------
    windows
        At the acting age of each window, the oldest first.
    groups
        The test leads of all windows together, at all ages, by day, month, grade and category. Each has the
        probability that our model of its own window gives it.
    """

    windows: tuple[Evaluation, ...]
    groups: tuple[BacktestGroup, ...]

    @property
    def months(self) -> tuple[BacktestGroup, ...]:
        """The groups by month, in time order."""
        return tuple(group for group in self.groups if group.by == MONTH)

    @property
    def off(self) -> tuple[BacktestGroup, ...]:
        """The groups whose probabilities are off, the farthest off first."""
        return groups_off(self.groups)


class KeptBacktest(Record):
    """The last backtest, as it is kept for people to look at.

    Attributes
    ----------
    extracted_at
        Of the history that it was made on (UTC, naive).
    definitions_version, data_fingerprint
        Of the definitions and the history.
    transitions
        Each with its windows and groups.
    """

    extracted_at: dt.datetime
    definitions_version: str
    data_fingerprint: str
    transitions: dict[Transition, Backtest]


def group_rows(groups: Sequence[BacktestGroup]) -> list[dict[str, str]]:
    """One row a group: what its leads were given, what came, and the gain, with 95 % intervals."""
    rows = zip(calibration_rows(groups), groups, strict=True)
    return [row | {"gain": estimate_text(group.gain)} for row, group in rows]
