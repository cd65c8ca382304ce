"""The two performance vectors, which both teams carry: pipeline created, and pipeline translated into revenue."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from data_contracts.estimates import Record
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period

QUALIFIED = Formula(
    name="qualified pipeline created",
    says="the amounts of the deals that were created in the period and are open or won by now",
)
CREATED = Formula(
    name="pipeline created at all",
    says="the amounts of all deals that were created in the period, those that are lost by now too",
)
SHARE_SO_FAR = Formula(
    name="translated so far",
    says="of the pipeline created at all in the period, the share that is won by now: won amount / created amount, "
    "where a deal of unknown amount weighs as the mean of the others of its cohort",
)
SHARE = Formula(
    name="pipeline translated into revenue",
    says="of the pipeline created at all in the period, the share that is won within the horizon: cumulative incidence "
    "(Aalen-Johansen) in which each deal weighs its amount, lost ones compete and open ones count for as long as they "
    "were watched",
)
REVENUE = Formula(
    name="revenue",
    says="the amounts of the deals that were won in the period, whenever they were created",
)
PLANNED_SHARE = Formula(
    name="translation planned",
    says="the period's target of revenue / its target of qualified pipeline",
)
FORMULAS = (QUALIFIED, CREATED, SHARE_SO_FAR, SHARE, REVENUE, PLANNED_SHARE)

_COUNTS = ("n_created", "n_open", "n_won", "n_lost", "n_without_amount", "n_undated")
_AMOUNTS = ("created_amount", "open_amount", "won_amount", "lost_amount", "qualified_amount")

VECTORS_SCHEMA = pa.schema(
    [
        pa.field("cohort", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        pa.field("horizon_days", pa.int64(), nullable=False),
        pa.field("is_mature", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in _COUNTS),
        *(pa.field(name, pa.float64(), nullable=False) for name in _AMOUNTS),
        *(pa.field(name, pa.float64()) for name in ("share_so_far", "share", "share_low", "share_high")),
    ]
)
"""The deals of one group that were created in one period.

| column | holds |
|---|---|
| `cohort` | the local day on which the period begins in which the deals were created |
| `group` | what their leads share, such as a source; missing where all are counted, or nothing is known of them |
| `is_mature` | whether the horizon of all of them has passed |
| `n_created` | deals: `n_open + n_won + n_lost` |
| `n_without_amount` | those whose amount nobody knows: they are in no amount |
| `n_undated` | closed nobody knows when: they are in the amounts and not in `share` |
| `created_amount` | `CREATED`: `open_amount + won_amount + lost_amount` |
| `qualified_amount` | `QUALIFIED`: `open_amount + won_amount`; it falls as deals are lost |
| `share_so_far` | `SHARE_SO_FAR`: of a cohort that is not mature it is too low; missing where no amount is known |
| `share` | `SHARE` with its 95 % interval; missing where nobody was watched until the horizon, or no amount is known |

Amounts are in the currency of the settings, as the CRM has them now.
"""


class Measure(StrEnum):
    """An amount of a period that a target is held against."""

    QUALIFIED = "qualified_pipeline"
    CREATED = "created_pipeline"
    REVENUE = "revenue"

    @property
    def formula(self) -> Formula:
        """How it is computed."""
        return {Measure.QUALIFIED: QUALIFIED, Measure.CREATED: CREATED, Measure.REVENUE: REVENUE}[self]


class AgainstPlan(Record):
    """An amount of a period beside its target.

    Attributes
    ----------
    period
        As the settings name it.
    is_over
        Whether the period is over: until then the measured amount still grows.
    planned, measured
        In the currency of the settings.
    """

    period: str
    measure: Measure
    is_over: bool
    planned: float
    measured: float

    @property
    def reached_share(self) -> float | None:
        """The measured amount / the target; None where the target is 0."""
        return self.measured / self.planned if self.planned else None


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Both vectors by period, and against plan. Neither belongs to one team alone.

    Attributes
    ----------
    rows
        Of `VECTORS_SCHEMA`, by cohort and group, the earliest first.
    plan
        One of each measure of each period that has a target and has begun, of all leads together. The target of
        pipeline is held against both what is still open or won and what was created at all.
    planned_shares
        By period, `PLANNED_SHARE`, where both targets are given.
    as_of
        What is known at this moment (UTC, naive).
    by
        What groups share; empty where there are none.
    notes
        What the figures cannot say, in sentences.
    """

    rows: pa.Table
    plan: tuple[AgainstPlan, ...]
    planned_shares: tuple[tuple[str, float], ...]
    as_of: dt.datetime
    period: Period
    by: str
    currency: str
    definitions_version: str
    targets_version: str
    notes: tuple[str, ...]
