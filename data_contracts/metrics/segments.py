"""A period by segment, such as region: what came, which share got on, and what it was worth."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.estimates import Estimate
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Span
from data_contracts.metrics.ranking import Ranking

UNKNOWN_SHARE = Formula(
    name="segment not known",
    says="leads that came in the period and whose segment nobody knows, divided by all that came in it",
)
FORMULAS = (UNKNOWN_SHARE,)

RATES = {"sql_rate": Step.MQL_TO_SQL, "win_rate": Step.SQL_TO_CUSTOMER}
"""The column of each rate, and its step: marketing's half of the way, and sales' half."""

REST = "smaller ones together"

_COUNTS = ("leads", "mqls", "sqls", "customers")
_AMOUNTS = ("pipeline", "revenue", "revenue_before")

SEGMENTS_SCHEMA = pa.schema(
    [
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64()) for name in _COUNTS),
        *(pa.field(name, pa.float64()) for name in _AMOUNTS),
        *(pa.field(f"{name}{end}", pa.float64()) for name in (*RATES, "translated") for end in ("", "_low", "_high")),
    ]
)
"""One segment in the period.

| column | holds |
|---|---|
| `group` | the segment of the leads as it is known now; missing where nobody knows it, and in the total |
| `leads` to `customers` | leads that first got so far in the period; missing where the history shows none there |
| `pipeline`, `revenue` | qualified pipeline created in the period, and revenue won in it; missing without deals |
| `revenue_before` | the revenue of the period before; missing where the history does not tell of all of it |
| `sql_rate`, `win_rate` | the rates of `RATES` of those that got to the first stage in the period; 95 % intervals |
| `translated` | of the pipeline created at all in the period, the share that becomes revenue within the horizon |

A rate is missing where nobody was watched until its horizon.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """A period by one segment. The rows add up to the total.

    Attributes
    ----------
    rows, total
        Of `SEGMENTS_SCHEMA`: one row a segment, in order of the leads, then those of which nobody knows; one in all.
        Segments beyond the largest are one row, called `REST`.
    ranking
        Whether the segments differ in lead → customer by more than chance, of the leads of the period.
    unknown_share
        `UNKNOWN_SHARE`; None where no lead came.
    not_over
        The columns of the rates whose horizon has not passed for all of the period.
    why_no_deals
        Why there is no money in it; empty where there is.
    """

    rows: pa.Table
    total: pa.Table
    ranking: Ranking
    unknown_share: Estimate
    not_over: tuple[str, ...]
    span: Span
    why_no_deals: str
    as_of: dt.datetime
    by: str
    currency: str
    definitions_version: str
