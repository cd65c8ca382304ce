"""How far the published probabilities meant what they said: at each probability, and for each kind of lead."""

from collections.abc import Sequence
from typing import TypeVar

from data_contracts.estimates import Estimate, Record
from data_contracts.wording import estimate_text, figure

CHANCE_SHARE = 0.05
"""The share of groups that 95 % intervals call off where none is."""

AGE, MONTH, GRADE = "day", "month", "grade"
"""What leads are parted by, beside their categories: the day of the plan, the month they were looked at, the grade."""


class CalibrationCurve(Record):
    """What share of the later leads converted, by the probability they were given.

    Attributes
    ----------
    probability
        Ascending, from the least to the greatest that was given.
    observed, low, high
        The share at each, and its 95 % interval from resampled accounts.
    n_leads
        Later leads that the curve is drawn through.
    """

    probability: tuple[float, ...]
    observed: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n_leads: int


class CalibrationGroup(Record):
    """Later leads that are alike in one respect: what they were given, and what came.

    Attributes
    ----------
    by, value
        What the leads are parted by (`day`, `month`, `grade`, or the name of a category), and what these leads have.
    predicted, observed
        Weighted mean probability, and weighted share that converted.
    excess
        `predicted` less `observed`.
    """

    by: str
    value: str
    n_leads: int
    predicted: float
    observed: float
    excess: Estimate

    @property
    def is_off(self) -> bool:
        """Whether the interval of the excess leaves out 0. By chance, that is so for one group in twenty."""
        if self.excess.low is None or self.excess.high is None:
            return False
        return self.excess.low > 0 or self.excess.high < 0


Group = TypeVar("Group", bound=CalibrationGroup)


class Calibration(Record):
    """The curve over all probabilities, and the groups of leads, larger ones first within what they are parted by."""

    curve: CalibrationCurve
    groups: tuple[CalibrationGroup, ...]

    @property
    def off(self) -> tuple[CalibrationGroup, ...]:
        """The groups whose probabilities are off, the farthest off first."""
        return groups_off(self.groups)


def groups_off(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Those of `groups` whose probabilities are off, the farthest off first."""
    return tuple(sorted((group for group in groups if group.is_off), key=_distance, reverse=True))


def calibration_rows(groups: Sequence[CalibrationGroup]) -> list[dict[str, str]]:
    """One row a group: what its leads were given, what came, and the difference with its 95 % interval."""
    return [
        {
            "leads by": group.by,
            "with": group.value,
            "leads": f"{group.n_leads:,}",
            "were given": figure(group.predicted),
            "converted": figure(group.observed),
            "too high by": estimate_text(group.excess),
        }
        for group in groups
    ]


def calibration_title(groups: Sequence[CalibrationGroup]) -> str:
    """How many groups are off, and how many chance alone would show."""
    n, n_off = len(groups), len(groups_off(groups))
    return (
        f"{n_off:,} of {n:,} groups of test leads were given probabilities that are off; "
        f"chance alone shows about {CHANCE_SHARE * n:.0f}; 95 % intervals"
    )


def _distance(group: CalibrationGroup) -> float:
    return abs(group.excess.value or 0.0)
