"""After the win: who bought again, who left, and what won deals leave after their costs."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period

WITHIN_DAYS = 365
"""A year: what is bought once a year, or for a year, comes up again within it."""

REPEAT_RATE = Formula(
    name="repeat rate",
    says="of the accounts whose first deal was won in the period, the share of which another one was won within 365 "
    "days, on a later day, that was opened once the first was won: cumulative incidence, where accounts count for as "
    "long as they were watched",
)
CHURN_RATE = Formula(
    name="churn rate",
    says="of the deals won in the period, the share whose customer ended what they sold within 365 days: cumulative "
    "incidence likewise",
)
MARGIN_SHARE = Formula(
    name="margin share",
    says="the sum of the margins of won deals / the sum of their amounts, of those of which both are known",
)
MARGIN_PER_DEAL = Formula(
    name="margin per deal",
    says="the sum of the margins of won deals / the number of won deals of which it is known",
)
FORMULAS = (REPEAT_RATE, CHURN_RATE, MARGIN_SHARE, MARGIN_PER_DEAL)

_COHORT = [pa.field("cohort", pa.timestamp("us"), nullable=False), pa.field("group", pa.string())]

REPEAT_SCHEMA = pa.schema(
    [
        *_COHORT,
        pa.field("is_mature", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("customers", "repeated", "open_before")),
        pa.field("raw_rate", pa.float64()),
        *estimate_fields("repeat_rate"),
    ]
)
"""The accounts of one group that became customers in one period.

| column | holds |
|---|---|
| `cohort` | the local day on which the period begins |
| `group` | what the lead of the first deal shares with others; missing where all are counted, or nothing is known |
| `is_mature` | whether 365 days have passed for all of them |
| `customers` | accounts, each once; a lead without an account is one of its own |
| `repeated` | bought again by now |
| `open_before` | of the others, those of which another deal was won later that was open before: no second purchase |
| `raw_rate` | `repeated / customers`: of a cohort that is not mature it is too low |
| `repeat_rate` | `REPEAT_RATE` with its 95 % interval; missing where nobody was watched for so long |
"""

CHURN_SCHEMA = pa.schema(
    [
        *_COHORT,
        pa.field("is_mature", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("deals", "churned")),
        pa.field("raw_rate", pa.float64()),
        *estimate_fields("churn_rate"),
    ]
)
"""The deals of one group that were won in one period. Columns as in `REPEAT_SCHEMA`; `churned` by now."""

MARGIN_SCHEMA = pa.schema(
    [
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("deals", "with_margin", "with_both")),
        pa.field("margin", pa.float64()),
        *estimate_fields("margin_share", "margin_per_deal"),
    ]
)
"""The won deals of one group, of all time.

| column | holds |
|---|---|
| `group` | the source of the deal's lead, or the letter of its fit; missing where nothing is known of it |
| `deals` | won ones |
| `with_margin`, `with_both` | of these, those of which the margin, and the amount too, is known |
| `margin` | the sum of the known ones; missing where none is |
| `margin_share` | `MARGIN_SHARE` with its 95 % interval |
| `margin_per_deal` | `MARGIN_PER_DEAL` with its 95 % interval |
"""


@dataclass(frozen=True, slots=True, eq=False)
class AfterWin:
    """What became of customers.

    Attributes
    ----------
    repeats
        Of `REPEAT_SCHEMA`, by cohort and group, the earliest first.
    churn
        Of `CHURN_SCHEMA`, likewise; no rows where the CRM does not say who left.
    margin_by_source, margin_by_fit
        Of `MARGIN_SCHEMA`, the largest margin first; no rows where the CRM has no margins. Fit is the letter A to D
        under the definitions in force, as the lead was known when it first got to MQL or beyond.
    as_of
        What is known at this moment (UTC, naive).
    period
        Of the cohorts.
    by
        What the groups of `repeats` and `churn` share; empty where there are none.
    without_date
        Deals that were won nobody knows when: they are in no rate.
    why_not
        By figure (`repeats`, `churn`, `margin`), why there is none; without those that there are.
    """

    repeats: pa.Table
    churn: pa.Table
    margin_by_source: pa.Table
    margin_by_fit: pa.Table
    as_of: dt.datetime
    period: Period
    by: str
    without_date: int
    why_not: dict[str, str]
