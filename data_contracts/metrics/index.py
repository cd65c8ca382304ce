"""The alignment index: how well both teams keep what they agreed on, each part visible with its formula."""

from dataclasses import dataclass
from enum import StrEnum

from data_contracts.estimates import Estimate, Record
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span

KEPT = Formula(
    name="kept",
    says="what was reached divided by what is agreed, at most 1; where less is better, what is agreed divided by what "
    "was reached, at most 1",
)
INDEX = Formula(
    name="alignment index",
    says="the mean of what is kept of each part, by its weight; parts that nobody can measure, or for which nothing is "
    "agreed, are left out and named",
)
WOULD_GAIN = Formula(
    name="would gain",
    says="by how much the index would rise if this part were kept whole: its weight times what is not kept, divided by "
    "the weights of all parts that count",
)
WENT_WITH = Formula(
    name="went with results",
    says="Spearman's rank correlation of the part in one period with the results of the next, over the periods that "
    "are over; told where it is more than chance, after Holm's correction for the number of parts",
)
FORMULAS = (KEPT, INDEX, WOULD_GAIN, WENT_WITH)


class Better(StrEnum):
    """Which side of what is agreed is the good one."""

    HIGHER = "higher"
    LOWER = "lower"


class Part(Record):
    """One part of the index, over the periods.

    Attributes
    ----------
    name
        In words: "answered in time".
    formula
        How it is computed.
    owner
        Who can move it: `marketing`, `sales` or `both`.
    agreed
        What it is held against; None where nothing is agreed.
    better
        Which side of it is good.
    weight
        In the index.
    values
        One a period, the earliest first.
    """

    name: str
    formula: str
    owner: str
    agreed: float | None
    better: Better
    weight: float
    values: tuple[Estimate, ...]


class PartKept(Record):
    """How a part was kept in the last period.

    Attributes
    ----------
    kept
        `KEPT`, in [0, 1]; None where nobody can say, which `not_counted` explains.
    would_gain
        `WOULD_GAIN`; None where it does not count.
    change
        Of `kept`, less that of the period before; None where either is not known.
    went_with
        `WENT_WITH`, with its interval; no value where fewer than `LEAST_PERIODS` periods tell.
    is_more_than_chance
        Of `went_with`.
    """

    part: Part
    kept: float | None
    not_counted: str
    would_gain: float | None
    change: float | None
    went_with: Estimate
    is_more_than_chance: bool


class IndexOfPeriod(Record):
    """The index of one period; None where no part counts. Not all periods have the same parts: `n_parts` do."""

    period: str
    value: float | None
    n_parts: int


@dataclass(frozen=True, slots=True)
class AlignmentIndex:
    """The index of the last period, its parts, and its past.

    Attributes
    ----------
    span
        The last period.
    parts
        In the order that was given.
    trend
        One a period, the earliest first; the last one is that of `span`. The parts that count in the last period count
        in each where they are known.
    """

    span: Span
    parts: tuple[PartKept, ...]
    trend: tuple[IndexOfPeriod, ...]

    @property
    def value(self) -> float | None:
        """The index of the last period."""
        return self.trend[-1].value

    @property
    def raise_next(self) -> PartKept | None:
        """The part that would raise the index most; None where nothing is left to gain."""
        open_parts = [one for one in self.parts if one.would_gain]
        return max(open_parts, key=lambda one: one.would_gain or 0.0) if open_parts else None
