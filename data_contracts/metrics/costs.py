"""What a lead, an MQL, an SQL and a customer cost, by source or campaign and in total."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span

COST_PER = Formula(
    name="cost per lead, per MQL, per SQL, per customer",
    says="marketing spend of the period / leads that first got so far in the period, whenever the spend that brought "
    "them was made",
)
COST_PER_COHORT_CUSTOMER = Formula(
    name="cost per customer of the cohort",
    says="marketing spend of the period / leads that came in the period and became customers within the horizon; only "
    "of a cohort whose horizon has passed for all",
)
FORMULAS = (COST_PER, COST_PER_COHORT_CUSTOMER)

COSTED = ("leads", "mqls", "sqls", "customers")
"""What is divided by, as it is counted in a period."""

COHORT_CUSTOMERS = "cohort_customers"

COST_OF = {
    "leads": "cost_per_lead",
    "mqls": "cost_per_mql",
    "sqls": "cost_per_sql",
    "customers": "cost_per_customer",
    COHORT_CUSTOMERS: "cost_per_cohort_customer",
}
"""The column of the cost of each."""


class Scope(StrEnum):
    """What a row of costs is about."""

    GROUP = "group"
    """One source or campaign."""
    WITH_SPEND = "with_spend"
    """All groups for which spend is recorded in the period, together."""
    ALL = "all"
    """All spend and all leads, those that cost nothing and those of unknown source too."""


class NoCost(StrEnum):
    """Why there is no cost."""

    NO_SPEND = "no_spend"
    NOT_RECORDED = "not_recorded"
    PARTLY_RECORDED = "partly_recorded"
    NOT_NAMED = "not_named"
    NOT_OVER = "not_over"
    TOO_LONG = "too_long"
    LENGTH_UNKNOWN = "length_unknown"

    @property
    def said(self) -> str:
        """As the end of a sentence that begins with "no cost:"."""
        return {
            NoCost.NO_SPEND: "the CRM holds no spend",
            NoCost.NOT_RECORDED: "no spend is recorded for it in the period",
            NoCost.PARTLY_RECORDED: "spend is recorded for a part of the period only",
            NoCost.NOT_NAMED: "spend that names none bought more than the leads that name none",
            NoCost.NOT_OVER: "the period is not over, and its spend may be that of the whole",
            NoCost.TOO_LONG: "spend is recorded by longer periods than this one, and nothing says how it was spread",
            NoCost.LENGTH_UNKNOWN: "spend is recorded for one period alone, and nothing says how long that is",
        }[self]


COSTS_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        pa.field("scope", pa.string(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("spend", pa.float64()),
        *(pa.field(name, pa.int64()) for name in (*COSTED, COHORT_CUSTOMERS)),
        pa.field("is_mature", pa.bool_(), nullable=False),
        *estimate_fields(*COST_OF.values()),
        pa.field("why_not", pa.string()),
    ]
)
"""What one group cost in one period, or several together.

| column | holds |
|---|---|
| `period` | the local day on which it begins |
| `scope` | `Scope`: one group, all with spend, or all |
| `group` | the source or campaign; missing where nothing is known of it, and where several are counted together |
| `spend` | money whose period begins in this one, in the currency of the settings; missing where none is recorded |
| `leads`, `mqls`, `sqls`, `customers` | leads that first got so far in the period |
| `cohort_customers` | leads that came in it and became customers within the horizon; missing until `is_mature` |
| `is_mature` | whether the horizon from lead to customer has passed for all that came in the period |
| `cost_per_lead` to `cost_per_customer` | `COST_PER` with its 95 % interval: spend is known, who comes is chance |
| `cost_per_cohort_customer` | `COST_PER_COHORT_CUSTOMER`, likewise |
| `why_not` | `NoCost`, where there is no cost at all |

Where nobody got so far, the cost is missing and its low end is what it is at least. The high end is missing: there is
none.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What marketing's money bought in each period.

    Attributes
    ----------
    rows
        Of `COSTS_SCHEMA`, by period: its groups, then those with spend together, then all.
    spans
        The periods, the earliest first.
    without_leads
        Groups that have spend and no lead ever: another spelling, or money that brought nobody. In order of the
        alphabet.
    longest_days
        How many days of spend stand in one row, at most, as the starts of its periods tell; None where they do not.
    as_of
        What is known at this moment (UTC, naive).
    by
        `source` or `campaign`; empty where only totals are asked for.
    currency, definitions_version
        Of the money, and of what was counted.
    before
        Of `COSTS_SCHEMA`: all of the period before the last one, as it was known the same time after its end; `rows`
        know it as of now. No row where nobody asked for it.
    """

    rows: pa.Table
    spans: tuple[Span, ...]
    without_leads: tuple[str, ...]
    longest_days: int | None
    as_of: dt.datetime
    by: str
    currency: str
    definitions_version: str
    before: pa.Table = field(default_factory=COSTS_SCHEMA.empty_table)
