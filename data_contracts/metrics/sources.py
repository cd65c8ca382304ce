"""What each source, campaign, persona, team or segment brought in a period: leads, stages, deals and money."""

import datetime as dt
from dataclasses import dataclass, field

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.funnel import CohortFunnel, Milestone
from data_contracts.metrics.periods import Span

COUNTS = {
    Milestone.LEAD: "leads",
    Milestone.MQL: "mqls",
    Milestone.SAL: "sals",
    Milestone.SQL: "sqls",
    Milestone.SALES_READY: "sales_ready",
    Milestone.OPPORTUNITY: "opportunities",
    Milestone.CUSTOMER: "customers",
}
"""The column that counts the leads that reached each milestone."""

NEW = Formula(
    name="leads, MQLs, SALs, SQLs, sales-ready, opportunities, customers",
    says="leads that first got so far in the period, each once, under the group that the lead belongs to",
)
WIN_RATE = Formula(
    name="win rate",
    says="customers / SQLs by cohort: of the leads that became SQL in the period, the share that is won within the "
    "horizon (the rate of the step SQL → customer)",
)
WON_OF_CLOSED = Formula(
    name="won / closed",
    says="of the deals that were closed in the period, the share that was won; it leaves out what is still open, so it "
    "is no win rate",
)
CYCLE = Formula(
    name="sales cycle",
    says="days from lead to customer for half of those of a cohort that ever become customers (the days of the step "
    "lead → customer)",
)
PIPELINE = Formula(
    name="qualified pipeline of the group",
    says="amount of the deals that were created in the period and are open or won, under the group of their lead",
)
REVENUE = Formula(
    name="revenue of the group",
    says="amount of the deals that were won in the period, by the day on which they were closed, under the group of "
    "their lead (by source or campaign: first touch)",
)
FORMULAS = (NEW, WIN_RATE, WON_OF_CLOSED, CYCLE, PIPELINE, REVENUE)

NO_DEALS = "the CRM has no deals: there are no amounts"

SOURCES_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64()) for name in COUNTS.values()),
        *(pa.field(name, pa.int64()) for name in ("deals_created", "deals_won", "deals_lost")),
        *(pa.field(f"{name}_without_amount", pa.int64()) for name in ("pipeline", "revenue")),
        *(pa.field(name, pa.float64()) for name in ("pipeline", "revenue")),
        *estimate_fields("won_of_closed"),
    ]
)
"""One group in one period.

| column | holds |
|---|---|
| `period` | the local day on which it begins |
| `group` | what the leads share, such as a source; missing where nothing is known of them, and in totals |
| `leads` to `customers` | `NEW`; missing where the history shows no lead in that stage |
| `deals_created` | deals created in the period, whatever became of them |
| `deals_won`, `deals_lost` | deals closed in the period |
| `pipeline` | `PIPELINE`, in the currency of the settings |
| `revenue` | `REVENUE`, likewise |
| `pipeline_without_amount`, `revenue_without_amount` | deals of each whose amount is not known: they add nothing |
| `won_of_closed` | `WON_OF_CLOSED` with its 95 % interval; missing where none was closed |

What is about deals is missing where the CRM has none.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What each group brought in each period. The rows of a period add up to its total.

    Attributes
    ----------
    rows
        Of `SOURCES_SCHEMA`, by period and group; a group that brought nothing in a period has no row in it.
    totals
        Of `SOURCES_SCHEMA`, one row a period.
    cohorts, total_cohorts
        Rates and days of the leads that reached each stage in the periods, by group and of all: `WIN_RATE` and `CYCLE`
        are among them.
    spans
        The periods, the earliest first.
    undated_wins
        Won deals of which nobody knows when they were closed: their money is in no period.
    why_no_deals
        Why there is no money in it; empty where there is.
    as_of
        What is known at this moment (UTC, naive).
    by
        What groups share.
    currency, definitions_version
        Of amounts, and of what was counted.
    before
        Of `SOURCES_SCHEMA`: the total of the period before the last one, as it was known the same time after its end.
        `totals` know it as of now, longer after its end than the last one, so the two are no pair. No row where nobody
        asked for it.
    """

    rows: pa.Table
    totals: pa.Table
    cohorts: CohortFunnel
    total_cohorts: CohortFunnel
    spans: tuple[Span, ...]
    undated_wins: int
    why_no_deals: str
    as_of: dt.datetime
    by: str
    currency: str
    definitions_version: str
    before: pa.Table = field(default_factory=SOURCES_SCHEMA.empty_table)
