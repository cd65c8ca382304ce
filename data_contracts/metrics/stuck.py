"""Where leads and deals are stuck: open for longer than almost all of those that went well took."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula

USUAL_SHARE = 0.9
"""Of those that went well, so many took no longer: one in ten is slower and goes well all the same."""

LEAST_GONE_WELL = 20
"""Of fewer, at most one took longer than what is usual: too few to say."""


class Waits(StrEnum):
    """What is open: a lead in its stage, or a deal."""

    LEAD = "lead"
    DEAL = "deal"


USUAL = Formula(
    name="usual days",
    says="the least number of days than which 90 % of those that went well took no longer; missing of fewer than 20. "
    "A stay in MQL or SAL went well where the lead became an SQL, one in SQL or opportunity where it was won, before "
    "it was lost, disqualified or nurtured; a deal where it was won, its days being those from its creation to its "
    "close. Only those that began a whole horizon ago count: of later ones, the quick alone are known. At least so "
    "many where they are more than the horizon",
)
DAYS = Formula(
    name="days",
    says="days since an open lead entered the stage in which it stands; since an open deal was created",
)
SLOW = Formula(name="slow", says="open for more days than are usual")
PAST_CLOSE = Formula(
    name="past close",
    says="an open deal whose expected close was on a day before today",
)
LATE_RATE = Formula(
    name="rate once slow",
    says="of those that began a whole horizon ago and took longer than usual, or are still open after so long, the "
    "share that went well by now",
)
RATE = Formula(name="rate of all", says="of all that began a whole horizon ago, the share that went well by now")
AT_STAKE = Formula(
    name="at stake",
    says="the sum of the amounts of the listed deals whose amount is known; of the listed leads, the sum of their "
    "expected values where they are scored. A lead that has an open deal is listed by its deals alone",
)
FORMULAS = (USUAL, DAYS, SLOW, PAST_CLOSE, LATE_RATE, RATE, AT_STAKE)

_WAITS = [pa.field("waits", pa.string(), nullable=False), pa.field("stage", pa.string(), nullable=False)]

USUAL_SCHEMA = pa.schema(
    [
        *_WAITS,
        pa.field("goal", pa.string(), nullable=False),
        pa.field("began", pa.int64(), nullable=False),
        pa.field("went_well", pa.int64(), nullable=False),
        *estimate_fields("usual_days"),
        pa.field("is_least", pa.bool_(), nullable=False),
        pa.field("rate", pa.float64()),
        pa.field("slow", pa.int64()),
        *estimate_fields("late_rate"),
        pa.field("why_not", pa.string()),
    ]
)
"""How long one stage, or a deal, usually takes.

| column | holds |
|---|---|
| `waits` | a `Waits` |
| `stage` | of a lead; a deal is in `opportunity` |
| `goal` | `sql` or `won`: what counts as having gone well |
| `began` | stays in the stage, or deals, that began a whole horizon ago; those of unsettled leads are left out |
| `went_well` | of these, those that got to the goal |
| `usual_days` | `USUAL` with its 95 % interval; missing where too few went well |
| `is_least` | they are more than the horizon, so that slower ones may still go well |
| `rate` | `RATE`: `went_well / began` |
| `slow` | of those that began, how many took longer than usual or are open for longer |
| `late_rate` | `LATE_RATE` with its 95 % interval |
| `why_not` | why nothing is usual; missing where something is |
"""

STUCK_SCHEMA = pa.schema(
    [
        *_WAITS,
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("opportunity_id", pa.string()),
        pa.field("since_at", pa.timestamp("us"), nullable=False),
        pa.field("days", pa.float64(), nullable=False),
        pa.field("usual_days", pa.float64()),
        pa.field("is_slow", pa.bool_()),
        pa.field("expected_close_at", pa.timestamp("us")),
        pa.field("is_past_close", pa.bool_(), nullable=False),
        pa.field("amount", pa.float64()),
        pa.field("expected_value", pa.float64()),
        pa.field("was_touched", pa.bool_()),
        *(pa.field(name, pa.string()) for name in ("owner_id", "team", "source", "persona")),
    ]
)
"""One open lead or deal that is slow, or past its expected close.

| column | holds |
|---|---|
| `opportunity_id` | of a deal |
| `since_at`, `days` | `DAYS`: since when, and for how long |
| `is_slow` | `SLOW`; missing where nothing is usual |
| `is_past_close` | `PAST_CLOSE`; no for a lead without a deal |
| `amount` | of a deal, as it is now; missing where it has none |
| `expected_value` | of a lead, as it was scored; missing where it was not |
| `was_touched` | sales touched the lead at some time from MQL on; missing where the definitions assume contact |
"""

STUCK_BY_STAGE_SCHEMA = pa.schema(
    [
        *_WAITS,
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in ("open", "slow", "past_close", "listed", "never_touched", "without_value", "unsettled")
        ),
        *(pa.field(name, pa.float64(), nullable=False) for name in ("value_open", "value_listed")),
        *(pa.field(name, pa.float64()) for name in ("days_median", "usual_days")),
    ]
)
"""The open leads of one stage, or the open deals.

| column | holds |
|---|---|
| `open` | all of them, without the unsettled |
| `slow`, `past_close` | how many are; one may be both |
| `listed` | how many are either |
| `never_touched` | of the listed, those that sales never touched: nobody called, so nothing is stuck with sales |
| `without_value` | of the listed, those of which no amount, or no expected value, is known: they add nothing |
| `unsettled` | nobody knows since when they are where they are: they are not listed |
| `value_open`, `value_listed` | `AT_STAKE`: of all that are open, and of the listed |
| `days_median` | `DAYS`, the median of all that are open; missing where none is |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Stuck:
    """Where leads and deals are stuck.

    Attributes
    ----------
    usual
        Of `USUAL_SCHEMA`, in order of the funnel, deals last.
    listed
        Of `STUCK_SCHEMA`: the furthest stage first, in it the most at stake, then the oldest.
    by_stage
        Of `STUCK_BY_STAGE_SCHEMA`, in the order of `usual`.
    as_of
        What is known at this moment (UTC, naive).
    definitions_version
        Under which the words were translated and the horizons agreed.
    """

    usual: pa.Table
    listed: pa.Table
    by_stage: pa.Table
    as_of: dt.datetime
    definitions_version: str
