"""What was agreed against what was measured: rates, the ideal customer profile, and what data would change in both."""

import datetime as dt
from enum import StrEnum

from data_contracts.definitions import IcpCriterion
from data_contracts.estimates import Estimate, Record
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.funnel import Step

MEASURED_RATE = Formula(
    name="measured rate",
    says="of the leads that reached the step's first stage in the last year, the share that reaches the second within "
    "the horizon (Aalen-Johansen, as in the funnel); outside where the agreed rate is not in its interval",
)
GROUP_RATE = Formula(
    name="rate of those that meet, miss, or of whom it is unknown",
    says="of the leads that sales worked, whose horizon is over, and that met the criterion (missed it, had no known "
    "value) when they became MQL, the share that became customers within the horizon",
)
DIFFERENCE = Formula(
    name="difference",
    says="rate of those that meet - rate of those that miss; the interval is Newcombe's, of as many independent leads "
    "as accounts make of them",
)
ADJUSTED = Formula(
    name="adjusted difference",
    says="the same between leads that are alike in all other criteria (met, missed, unknown): Mantel-Haenszel, sum of "
    "(hits that meet x n that miss - hits that miss x n that meet) / n over all strata, by the sum of (n that meet x n "
    "that miss) / n",
)
VALUE_DIFFERENCE = Formula(
    name="difference of a value",
    says="rate of the leads whose attribute had the value - rate of all others whose attribute was known",
)
HOLM = Formula(
    name="chance after all looks",
    says="the p-value of the difference, multiplied as Holm does: the smallest by the number of looks, the next by one "
    "less, and so on, none below the one before, and none above 1",
)
FORMULAS = (MEASURED_RATE, GROUP_RATE, DIFFERENCE, ADJUSTED, VALUE_DIFFERENCE, HOLM)


class Standing(StrEnum):
    """Where an agreed rate lies."""

    INSIDE = "inside"
    TOO_HIGH = "agreed too high"
    TOO_LOW = "agreed too low"
    UNKNOWN = "not known"


class RateCheck(Record):
    """An agreed rate beside the measured one, of `n` leads."""

    step: Step
    agreed: float
    measured: Estimate
    n: int
    standing: Standing

    def __str__(self) -> str:
        """As both teams read it."""
        if self.measured.value is None or self.measured.low is None or self.measured.high is None:
            return f"{self.step.said}: agreed {self.agreed:.1%}, not known yet"
        ends = f"[{100 * self.measured.low:.1f}, {100 * self.measured.high:.1f}]"
        place = "inside" if self.standing is Standing.INSIDE else "outside"
        return f"{self.step.said}: agreed {self.agreed:.1%}, measured {self.measured.value:.1%} {ends}: {place}"


class GroupRate(Record):
    """Leads, those of them that got there, and the share."""

    n: int
    hits: int
    rate: Estimate


class Weight(StrEnum):
    """What a criterion does, beside all others."""

    MATTERS = "matters"
    OTHER_WAY = "goes the other way"
    NO_MATTER = "does not matter"
    UNCLEAR = "too few to say"


class CriterionCheck(Record):
    """A criterion of the profile and what became of leads that met it.

    Attributes
    ----------
    difference, adjusted
        `DIFFERENCE` and `ADJUSTED`.
    n_compared
        Leads in strata that hold both such that meet and such that miss.
    chance
        `HOLM` of the adjusted difference, over all criteria; None where it is not known.
    """

    criterion: IcpCriterion
    met: GroupRate
    missed: GroupRate
    unknown: GroupRate
    difference: Estimate
    adjusted: Estimate
    n_compared: int
    chance: float | None
    weight: Weight


class Finding(StrEnum):
    """What a value says of the agreement."""

    LEFT_OUT = "wins, and is left out"
    AGREED_BELOW = "is agreed, and wins less"


class ValueCheck(Record):
    """A value of a declared attribute that wins clearly more, or clearly less, than all others.

    Attributes
    ----------
    value
        Of a category; None of a range of numbers, which lies from `at_least` to `at_most`, both included.
    criterion
        The name of the criterion that asks for the attribute; empty where none does.
    adjusted
        The difference between leads that are alike in the criteria on other attributes.
    """

    finding: Finding
    attribute: str
    value: str | None
    at_least: float | None
    at_most: float | None
    criterion: str
    held: GroupRate
    others: GroupRate
    difference: Estimate
    adjusted: Estimate
    chance: float

    @property
    def said(self) -> str:
        """The value as a condition."""
        if self.value is not None:
            return f"{self.attribute} = {self.value}"
        ends = [f"{sign} {end:g}" for sign, end in ((">=", self.at_least), ("<=", self.at_most)) if end is not None]
        return f"{self.attribute} {' and '.join(ends)}"


class Agreed(Record):
    """The agreement against what was measured.

    Attributes
    ----------
    rates
        Those that the targets name.
    step, horizon_days
        By which criteria and values are judged.
    all_leads
        All leads that are looked at.
    criteria
        In the order of the profile.
    values
        Those with a finding, the least likely by chance first.
    n_looks
        How many values were looked at.
    notes
        What the figures cannot say, in sentences.
    """

    rates: tuple[RateCheck, ...]
    step: Step
    horizon_days: int
    all_leads: GroupRate
    criteria: tuple[CriterionCheck, ...]
    values: tuple[ValueCheck, ...]
    n_looks: int
    notes: tuple[str, ...]
    as_of: dt.datetime
    definitions_version: str
    targets_version: str


class Change(Record):
    """A change of the settings that data support.

    Attributes
    ----------
    what
        Changed to what.
    why
        The figures that support it.
    """

    what: str
    why: str


class Proposal(Record):
    """What data would change in the agreement. Nobody writes it but people.

    Attributes
    ----------
    text
        The settings file with the changes.
    diff
        Unified; empty where nothing is proposed.
    by_hand
        Changes that the file's form does not let us write.
    """

    changes: tuple[Change, ...]
    text: str
    diff: str
    by_hand: tuple[Change, ...]
