"""Nurture: who is in it, when marketing looks again, and how many came back and became an SQL."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period

RECYCLE_WITHIN_DAYS = 180
"""Half a year: "not now" often means "with the next budget". Shorter, and most of those that come back are not seen."""

RECHECK = Formula(
    name="recheck due",
    says="the moment at which the lead went to nurture + `recheck_after_days` of the policy",
)
RETURN_RATE = Formula(
    name="return rate",
    says="of the leads nurtured in the period, the share that is in MQL, or beyond, again within 180 days: "
    "cumulative incidence, where lost and disqualified compete and those still in nurture count for as long as they "
    "were watched",
)
RECYCLE_YIELD = Formula(
    name="recycle yield",
    says="of the leads nurtured in the period, the share that came back and became an SQL within 180 days: "
    "cumulative incidence as for the return rate",
)
DAYS_TO_RETURN = Formula(
    name="days to return",
    says="days in nurture until half of those that ever come back have come back: the time at which the incidence is "
    "half of its plateau; at least so many where the plateau is not reached",
)
FORMULAS = (RECHECK, RETURN_RATE, RECYCLE_YIELD, DAYS_TO_RETURN)

NURTURED_SCHEMA = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in ("persona", "source", "campaign", "owner_id")),
        pa.field("since_at", pa.timestamp("us"), nullable=False),
        pa.field("recheck_due_at", pa.timestamp("us"), nullable=False),
        pa.field("is_due", pa.bool_(), nullable=False),
        pa.field("came_from", pa.string(), nullable=False),
        pa.field("why", pa.string()),
        pa.field("was_worked", pa.bool_(), nullable=False),
        pa.field("touched_at", pa.timestamp("us")),
        pa.field("responded_at", pa.timestamp("us")),
        pa.field("n_times", pa.int64(), nullable=False),
    ]
)
"""One lead that is in nurture: what marketing's own tool needs to keep contact. No name and no address.

| column | holds |
|---|---|
| `since_at` | when it went to nurture, the last time |
| `recheck_due_at` | `RECHECK` |
| `is_due` | that moment has passed |
| `came_from` | the stage that it stood in before |
| `why` | the CRM's reason for it, or for the loss or disqualification just before; addresses in it are masked |
| `was_worked` | sales had touched it at some time from MQL on |
| `touched_at` | when we approached it last since it is in nurture, by any outbound activity; missing where nobody did |
| `responded_at` | when it did something last since then, of its own; missing where it did nothing |
| `n_times` | how often it went to nurture, this time too |
"""

NURTURE_SCHEMA = pa.schema(
    [
        pa.field("cohort", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        pa.field("horizon_days", pa.int64(), nullable=False),
        pa.field("is_mature", pa.bool_(), nullable=False),
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in ("nurtured", "returned", "became_sql", "ended", "waiting", "unsettled")
        ),
        *(
            pa.field(f"{figure}{end}", pa.float64())
            for figure in ("raw_yield", "recycle_yield", "return_rate")
            for end in (("",) if figure == "raw_yield" else ("", "_low", "_high"))
        ),
        pa.field("days_to_return", pa.float64()),
        pa.field("is_least_days_to_return", pa.bool_(), nullable=False),
    ]
)
"""The leads of one group that went to nurture in one period.

| column | holds |
|---|---|
| `cohort` | the local day on which the period begins in which they went to nurture; once each, at their first in it |
| `group` | what the leads share, such as a source; missing where all are counted, or nothing is known of them |
| `horizon_days` | `RECYCLE_WITHIN_DAYS` |
| `is_mature` | whether so many days have passed for all of them |
| `nurtured` | `returned + ended + waiting + unsettled` |
| `returned` | were in MQL or beyond again by now |
| `became_sql` | of these, those that became an SQL after it by now, whether or not they had been one before |
| `ended` | stand in lost or disqualified without having returned |
| `waiting` | neither yet |
| `unsettled` | nobody knows when they got where they are: they count in no rate |
| `raw_yield` | `became_sql / (nurtured - unsettled)`: of a cohort that is not mature it is too low |
| `recycle_yield` | `RECYCLE_YIELD` with its 95 % interval; missing where nobody was watched for so long |
| `return_rate` | `RETURN_RATE` likewise |
| `days_to_return` | `DAYS_TO_RETURN`; missing where none was seen to return |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Nurture:
    """Who is in nurture, and what became of those that were.

    Attributes
    ----------
    leads
        Of `NURTURED_SCHEMA`, those whose recheck is due longest first. Leads of which nobody knows where they stand are
        left out.
    rows
        Of `NURTURE_SCHEMA`, by cohort and group, the earliest first.
    as_of
        What is known at this moment (UTC, naive).
    period
        Of the cohorts.
    by
        What groups share; empty where there are none.
    definitions_version
        Under which the words were translated.
    """

    leads: pa.Table
    rows: pa.Table
    as_of: dt.datetime
    period: Period
    by: str
    definitions_version: str
