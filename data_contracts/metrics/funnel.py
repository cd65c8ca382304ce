"""The cohort funnel: of those that reached a stage in a period, how many reached the next one, and how soon."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period


class Milestone(StrEnum):
    """How far a lead got, in funnel order. `sales_ready` is an attribute of an SQL that not every CRM has."""

    LEAD = "lead"
    MQL = "mql"
    SAL = "sal"
    SQL = "sql"
    SALES_READY = "sales_ready"
    OPPORTUNITY = "opportunity"
    CUSTOMER = "customer"

    @property
    def said(self) -> str:
        """As both teams write it."""
        return {"mql": "MQL", "sal": "SAL", "sql": "SQL", "sales_ready": "sales-ready"}.get(self.value, self.value)


class Step(StrEnum):
    """From one milestone to another. Those of sales-ready leave the row of the others: it is an attribute of an SQL."""

    LEAD_TO_MQL = "lead_to_mql"
    MQL_TO_SAL = "mql_to_sal"
    SAL_TO_SQL = "sal_to_sql"
    SQL_TO_SALES_READY = "sql_to_sales_ready"
    SQL_TO_OPPORTUNITY = "sql_to_opportunity"
    OPPORTUNITY_TO_CUSTOMER = "opportunity_to_customer"
    MQL_TO_SQL = "mql_to_sql"
    SQL_TO_CUSTOMER = "sql_to_customer"
    MQL_TO_CUSTOMER = "mql_to_customer"
    LEAD_TO_CUSTOMER = "lead_to_customer"

    @property
    def start(self) -> Milestone:
        """Where it starts."""
        return Milestone(self.value.split("_to_")[0])

    @property
    def end(self) -> Milestone:
        """Where it leads."""
        return Milestone(self.value.split("_to_")[1])

    @property
    def said(self) -> str:
        """As both teams write it: `MQL → SQL`."""
        return f"{self.start.said} → {self.end.said}"


RAW_RATE = Formula(
    name="rate so far",
    says="of those that reached the first stage in the period, the share that has reached the second by now",
)
RATE = Formula(
    name="rate",
    says="of those that reached the first stage in the period, the share that reaches the second within the horizon: "
    "cumulative incidence (Aalen-Johansen), where lost and disqualified compete and open ones count for as long as "
    "they were watched",
)
DAYS = Formula(
    name="days between",
    says="days from the first stage until half of those that ever reach the second have reached it: the time at which "
    "the incidence is half of its plateau; at least so many where the plateau is not reached",
)
FORMULAS = (RAW_RATE, RATE, DAYS)


FUNNEL_SCHEMA = pa.schema(
    [
        pa.field("cohort", pa.date32(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("step", pa.string(), nullable=False),
        pa.field("horizon_days", pa.int64(), nullable=False),
        pa.field("is_mature", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("entered", "reached", "ended", "open", "unsettled")),
        pa.field("skipped", pa.int64(), nullable=False),
        pa.field("raw_rate", pa.float64()),
        *estimate_fields("rate"),
        *(pa.field(f"days_{name}", pa.float64()) for name in ("lower_quartile", "median", "upper_quartile")),
        *(pa.field(f"is_least_{name}", pa.bool_()) for name in ("lower_quartile", "median", "upper_quartile")),
    ]
)
"""One cohort of one group taking one step.

| column | holds |
|---|---|
| `cohort` | the local day on which the period begins in which the leads reached the step's first stage |
| `group` | what the leads share, such as a source; missing where all are counted, or nothing is known of them |
| `is_mature` | whether the horizon of all of them has passed |
| `entered` | leads, each once: `reached + ended + open + unsettled` |
| `reached` | have got to the second stage by now |
| `ended` | stand in lost or disqualified and have not |
| `open` | neither yet, those in nurture too |
| `unsettled` | nobody knows when they were closed, or got further: they count in no rate |
| `skipped` | of `reached`, those that the CRM never showed in the second stage itself, only beyond it |
| `raw_rate` | `RAW_RATE`: of a cohort that is not mature it is too low |
| `rate` | `RATE` with its 95 % interval; missing where nobody was watched until the horizon |
| `days_median` | `DAYS`; the quartiles likewise, and whether each is a least value |
"""


@dataclass(frozen=True, slots=True, eq=False)
class CohortFunnel:
    """How cohorts of leads moved through the funnel.

    Attributes
    ----------
    rows
        Of `FUNNEL_SCHEMA`, by cohort, group and step, the earliest first.
    as_of
        What is known at this moment (UTC, naive).
    period
        Of the cohorts.
    by
        What groups share: `source`, `persona`, an attribute; empty where there are none.
    recorded
        The milestones that the history shows of any lead.
    definitions_version
        Under which the words were translated and the horizons agreed.
    """

    rows: pa.Table
    as_of: dt.datetime
    period: Period
    by: str
    recorded: tuple[Milestone, ...]
    definitions_version: str
