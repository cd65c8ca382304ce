"""Which sources and campaigns hand off leads outside the ideal customer profile."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span

ABOVE = Formula(
    name="attracts leads outside the profile",
    says="the low end of the interval of the group's off-ICP share lies above the agreed one, or above that of all "
    "hand-offs of the period where none is agreed; the interval is that of 1 - 0.05 / groups of the period",
)
FORMULAS = (ABOVE,)

NO_PROFILE = "no version of the definitions holds a criterion of an ideal customer profile"
NOT_YET = "no version with a profile was in force yet at any of these hand-offs"

OFF_ICP_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("hand_offs", "known", "misses")),
        *estimate_fields("off_icp_share"),
        pa.field("most_missed", pa.string()),
        pa.field("is_above", pa.bool_(), nullable=False),
    ]
)
"""The hand-offs of one group in one period.

| column | holds |
|---|---|
| `period` | the local day on which it begins |
| `group` | the source, campaign, ...; missing where nothing is known, and in totals |
| `hand_offs` | those of the lead guarantee: entries into MQL at which the lead did not wait for sales already |
| `known`, `misses` | those that can be judged, and that miss the profile: the guarantee's `judged` and `off_icp` |
| `off_icp_share` | the guarantee's (`data_contracts.metrics.guarantee.OFF_ICP_SHARE`), with its 95 % interval |
| `most_missed` | the criterion that most of those that miss the profile miss, the first in the alphabet of equals |
| `is_above` | `ABOVE`: of many groups some are above by chance, so it asks more than the 95 % interval does |
"""


@dataclass(frozen=True, slots=True, eq=False)
class OffIcp:
    """Hand-offs that miss the ideal customer profile, by what they have in common.

    Attributes
    ----------
    rows, totals
        Of `OFF_ICP_SCHEMA`, by period and group, and one row a period.
    yardsticks
        By period, what a group's share is held against: the agreed `off_icp_share`, or the share of all in the period.
        None where neither is known.
    is_agreed
        Whether it is the agreed one.
    why_not
        Why no share is known at all; empty where any may be.
    as_of
        What is known at this moment (UTC, naive).
    by
        What groups share.
    definitions_version
        Of the checked history; hand-offs are held against the version of their day.
    """

    rows: pa.Table
    totals: pa.Table
    spans: tuple[Span, ...]
    yardsticks: tuple[float | None, ...]
    is_agreed: bool
    why_not: str
    as_of: dt.datetime
    by: str
    definitions_version: str
