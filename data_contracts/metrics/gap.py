"""Where a target was missed: the gap between plan and result, in parts that add up to it."""

import datetime as dt
from enum import StrEnum

from data_contracts.estimates import Estimate, Record
from data_contracts.metrics.formula import Formula

VOLUME = Formula(name="volume", says="leads that first became MQL in the period")
PERIOD_RATE = Formula(
    name="rate of a period",
    says="of the leads that reached the first stage, the share that would reach the second if at every age they fared "
    "as leads of that age did in the period: Aalen-Johansen over the part of each lead's way that lies in it",
)
RESPONSE = Formula(
    name="response",
    says="(share of the period's MQLs answered in time - share agreed) x (rate MQL → SQL of those answered in time - "
    "rate of the others): how much of the rate's difference from its yardstick goes with the answers; never more than "
    "that difference, and nothing where the rate went the other way",
)
QUALITY = Formula(
    name="quality",
    says="the period's rate MQL → SQL, less response",
)
CLOSE = Formula(name="close rate", says="the period's rate SQL → customer")
SIZE = Formula(name="deal size", says="revenue of the period / customers won in it")
EXPECTED = Formula(
    name="run rate",
    says="volume x (quality + response) x close rate x deal size: what the period's own MQLs bring at its rates, "
    "sooner or later; without deal size, customers",
)
EFFECT = Formula(
    name="part of a factor",
    says="its Shapley value: what setting it from its yardstick to its measured value changes in the run rate, as the "
    "mean over all orders in which the factors can be set one after the other",
)
TIMING = Formula(
    name="timing",
    says="result - run rate: won in the period from leads of earlier periods, less what its own leads bring later",
)
UNPLANNED = Formula(
    name="not in the plan",
    says="run rate of the yardsticks - target: what is left where the plan does not give all factors; 0 where it does",
)
GAP = Formula(name="gap", says="result - target: the sum of the parts of all factors, timing and not in the plan")
FORMULAS = (VOLUME, PERIOD_RATE, RESPONSE, QUALITY, CLOSE, SIZE, EXPECTED, EFFECT, TIMING, UNPLANNED, GAP)


class Goal(StrEnum):
    """What was to be reached."""

    REVENUE = "revenue"
    CUSTOMERS = "customers"


class Side(StrEnum):
    """Whose a part is; `neither` where it is nobody's alone."""

    MARKETING = "marketing"
    SALES = "sales"
    NEITHER = "neither"


class Part(StrEnum):
    """A part of the gap. `conversion` stands in place of quality and close rate where the CRM shows no SQLs."""

    VOLUME = "volume"
    QUALITY = "quality"
    CONVERSION = "conversion"
    RESPONSE = "response"
    CLOSE = "close"
    SIZE = "size"
    TIMING = "timing"
    UNPLANNED = "unplanned"

    @property
    def side(self) -> Side:
        """Whose it is."""
        if self in (Part.VOLUME, Part.QUALITY):
            return Side.MARKETING
        return Side.SALES if self in (Part.RESPONSE, Part.CLOSE, Part.SIZE) else Side.NEITHER


class Origin(StrEnum):
    """Where a yardstick comes from."""

    PERIOD_TARGET = "period target"
    AGREED = "agreed figure"
    EARLIER = "earlier period"
    NONE = "none"


class Answer(StrEnum):
    """Whether it is leads or sales."""

    REACHED = "reached"
    LEADS = "leads"
    SALES = "sales"
    BOTH = "both"
    NEITHER = "neither"
    UNKNOWN = "nobody can say"

    @property
    def says(self) -> str:
        """A sentence."""
        return {
            Answer.REACHED: "The target was reached.",
            Answer.LEADS: "It is the leads: their number and quality cost clearly more than what sales made of them.",
            Answer.SALES: "It is sales: response, close rate and deal size cost clearly more than the leads did.",
            Answer.BOTH: "It is both: each side fell short, and nobody can say which of them cost more.",
            Answer.NEITHER: "It is neither: both sides reached their yardsticks, and the wins fell into other periods.",
            Answer.UNKNOWN: "Nobody can say: chance alone does as much, or it hangs on whether answers are a cause.",
        }[self]


class GapPart(Record):
    """One part of the gap.

    Attributes
    ----------
    yardstick
        MQLs, a share or an amount; of response, the share answered in time. None for timing and what is not planned,
        and where there is none.
    origin, origin_period
        Where the yardstick comes from, and in which earlier period it was measured; None where it was agreed.
    measured
        The same figure of the period.
    is_least
        Whether the rate had not stopped rising as far as leads could be watched: it is at least so much.
    effect
        What it adds to the gap, below 0 where it made it wider; in the goal's unit.
    """

    part: Part
    yardstick: float | None
    origin: Origin
    origin_period: str | None
    measured: Estimate
    is_least: bool
    effect: Estimate


class Gap(Record):
    """Why a period's result differs from its target.

    Attributes
    ----------
    period
        As the settings name it.
    target
        Of the period; where the plan has none, the run rate of the yardsticks. None where a yardstick is missing.
    is_planned
        Whether the target is the plan's.
    result
        Of the period: what was won in it.
    run_rate
        `EXPECTED`.
    parts
        Their effects add up to `result - target`; none where a factor is unknown, and the notes say which.
    rate_in_time, rate_late
        MQL → SQL of those answered in time, and of the others.
    marketing, sales
        The parts of volume and quality together, and of response, close rate and deal size.
    difference
        The first less the second.
    answer
        What holds both where response is sales' and where it is no cause, and counts as quality.
    notes
        What the figures cannot say, in sentences.
    """

    period: str
    goal: Goal
    currency: str
    target: float | None
    is_planned: bool
    result: float
    run_rate: Estimate
    parts: tuple[GapPart, ...]
    rate_in_time: Estimate
    rate_late: Estimate
    marketing: Estimate
    sales: Estimate
    difference: Estimate
    answer: Answer
    notes: tuple[str, ...]
    as_of: dt.datetime
    definitions_version: str
    targets_version: str

    @property
    def gap(self) -> float | None:
        """Result less target: below 0 where it was missed."""
        return None if self.target is None else self.result - self.target
