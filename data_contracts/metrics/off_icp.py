"""Which sources and campaigns hand off leads outside the ideal customer profile."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span

OFF_ICP_SHARE = Formula(
    name="off-ICP share",
    says="of the leads that became MQL in the period and of which any criterion of the profile was known by then, the "
    "share whose fit (weights of the criteria that are met / weights of those that are known) is below the least of "
    "letter C: grade D",
)
FORMULAS = (OFF_ICP_SHARE,)

NO_PROFILE = "the definitions hold no criterion of an ideal customer profile"

OFF_ICP_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("hand_offs", "known", "misses")),
        *(pa.field(name, pa.float64()) for name in ("off_icp_share", "off_icp_share_low", "off_icp_share_high")),
        pa.field("most_missed", pa.string()),
        pa.field("is_above", pa.bool_(), nullable=False),
    ]
)
"""The hand-offs of one group in one period.

| column | holds |
|---|---|
| `period` | the local day on which it begins |
| `group` | the source, campaign, ...; missing where nothing is known, and in totals |
| `hand_offs` | leads that first became MQL in the period, or were first shown beyond it |
| `known` | those of which any criterion was known by then |
| `misses` | those of them that miss the profile |
| `off_icp_share` | `OFF_ICP_SHARE` with its 95 % interval; missing where of none any criterion was known |
| `most_missed` | the criterion that most of those that miss the profile miss, the first in the alphabet of equals |
| `is_above` | whether the group attracts leads outside the profile: its share is above the yardstick, beyond chance |

With many groups, some shares are above the yardstick by chance. So `is_above` asks more than the 95 % interval: that
the low end of the interval of 1 - 0.05 / groups of the period is above (Bonferroni).
"""


@dataclass(frozen=True, slots=True, eq=False)
class OffIcp:
    """Hand-offs that miss the ideal customer profile, as it was known at the hand-off.

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
        Whose profile it is: the one in force now, for the past too.
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
