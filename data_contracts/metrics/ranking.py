"""Which sources or campaigns are better than others, and whether they differ at all by more than chance."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.estimates import Estimate
from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Span

SHRUNKEN = Formula(
    name="shrunken rate",
    says="(w · common rate + leads that got there) / (w + leads), where w is as how many leads of a group the common "
    "rate counts; both are told by all groups (a beta distribution), and averaged over how likely they are",
)
P_VALUE = Formula(
    name="p-value of the differences",
    says="how often groups of one and the same rate would differ by at least as much by chance alone (Pearson's "
    "statistic, drawn 4,000 times)",
)
FORMULAS = (SHRUNKEN, P_VALUE)

LEVEL = 0.05
"""Below this p-value, groups differ by more than chance and are ranked."""

LEAST_WORTH = 5
"""A group that counts as fewer independent leads has no place: its share is mostly what it is drawn towards."""

RANKING_SCHEMA = pa.schema(
    [
        pa.field("place", pa.int64()),
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("entered", "reached")),
        pa.field("worth", pa.float64()),
        *estimate_fields("rate", "shrunken"),
    ]
)
"""One group.

| column | holds |
|---|---|
| `place` | from 1 on, by the shrunken rate, of groups of at least `LEAST_WORTH`; missing where groups do not differ |
| `group` | the source, campaign, ...; missing where nothing is known of the leads: they are compared with nobody |
| `entered` | leads that reached the step's first stage in the periods; the unsettled are left out |
| `reached` | those of them that have got to its second stage by now |
| `worth` | as how many independent leads they count, of accounts that come together and horizons not yet passed |
| `rate` | within the horizon, with its 95 % interval; missing where nobody was watched for so long |
| `shrunken` | `SHRUNKEN` with its 95 % interval; missing where the rate is |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The groups by a step's rate, in order if they differ, else by name.

    Attributes
    ----------
    rows
        Of `RANKING_SCHEMA`.
    step, horizon_days
        The rate that is compared.
    rate
        Of all leads, those of no known group too.
    p_value
        `P_VALUE`; None where there are not two groups with a known rate.
    """

    rows: pa.Table
    step: Step
    horizon_days: int
    rate: Estimate
    p_value: float | None
    spans: tuple[Span, ...]
    as_of: dt.datetime
    by: str
    definitions_version: str

    @property
    def is_more_than_chance(self) -> bool:
        """Whether the groups are ranked."""
        return self.p_value is not None and self.p_value < LEVEL

    @property
    def said(self) -> str:
        """Whether there is anything in it, as a sentence."""
        if self.p_value is None:
            return f"There are not two groups by {self.by} whose rate {self.step.said} is known: nothing is compared."
        if self.is_more_than_chance:
            return f"The rates {self.step.said} by {self.by} differ by more than chance (p = {self.p_value:.2g})."
        return (
            f"Chance alone explains how the rates {self.step.said} by {self.by} differ (p = {self.p_value:.2g}): "
            "there is no ranking."
        )
