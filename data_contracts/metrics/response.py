"""Sales' half of the service-level agreement: how soon hand-offs are answered, and whether they are decided on."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period

NEVER_CONTACTED_DAYS = 30
"""A hand-off that nobody touched for so long is never contacted."""

COMPLIANCE = Formula(
    name="SLA compliance",
    says="of the hand-offs of the period whose time to respond has passed, the share that sales touched within it",
)
RESPONSE_TIME = Formula(
    name="response time",
    says="working hours, at the owner's place, from the hand-off to sales' first touch: within how many half (the "
    "median) or nine in ten of the hand-offs have one (Kaplan-Meier); those without a touch count for as long as they "
    "were watched; at least so many hours where fewer have one",
)
TOUCHED_RESPONSE_TIME = Formula(
    name="response time if touched",
    says=f"of the hand-offs that are {NEVER_CONTACTED_DAYS} days old and were touched within {NEVER_CONTACTED_DAYS} "
    "days, the median of the working hours to the touch: how soon sales answers where it answers",
)
NEVER_CONTACTED = Formula(
    name="never-contacted share",
    says=f"of the hand-offs of the period that are {NEVER_CONTACTED_DAYS} days old, the share without a touch within "
    f"{NEVER_CONTACTED_DAYS} days",
)
DISPOSITIONS = Formula(
    name="disposition coverage",
    says="of the hand-offs of the period whose first horizon has passed and that sales touched within it, the share "
    "with a decision within it: SQL, nurture, or turned down with a reason",
)
FORMULAS = (COMPLIANCE, RESPONSE_TIME, TOUCHED_RESPONSE_TIME, NEVER_CONTACTED, DISPOSITIONS)


def _counts(*names: str, nullable: bool) -> list[pa.Field]:
    return [pa.field(name, pa.int64(), nullable=nullable) for name in names]


RESPONSE_SCHEMA = pa.schema(
    [
        pa.field("cohort", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        *_counts("handed_off", "recycled", "skipped", "unsettled", nullable=False),
        *_counts("due", "in_time", nullable=True),
        *estimate_fields("compliance"),
        pa.field("compliance_shrunken", pa.float64()),
        *estimate_fields("hours_median"),
        pa.field("is_least_hours_median", pa.bool_()),
        *estimate_fields("hours_p90"),
        pa.field("is_least_hours_p90", pa.bool_()),
        *estimate_fields("hours_if_touched"),
        *_counts("aged", "never_contacted", nullable=True),
        *estimate_fields("never_contacted_share"),
        *_counts("worked", "disposed", nullable=False),
        *estimate_fields("disposition_share"),
        *_counts("decided_untouched", nullable=True),
        pa.field("is_mature", pa.bool_(), nullable=False),
    ]
)
"""The hand-offs of one period and group.

| column | holds |
|---|---|
| `cohort` | the local day on which the period of the hand-offs begins |
| `group` | what the leads share, such as a source; missing where all are counted, or nothing is known of them |
| `handed_off` | all of them |
| `recycled` | of them, those of leads that had been handed off before |
| `skipped` | of them, those that the CRM never showed in MQL: no time to respond was owed, they count in no rate |
| `unsettled` | of the others, those of leads of which nobody knows when they were closed: in no rate either |
| `due` | the rest whose time to respond has passed, unless the lead was handed off anew within it |
| `in_time` | of `due`, those touched within it; `COMPLIANCE` with its 95 % interval is their share |
| `compliance_shrunken` | drawn to that of all groups of the period, as `ranking.SHRUNKEN` is: they are compared by it |
| `hours_median`, `hours_p90` | `RESPONSE_TIME`, and whether each is a least value |
| `hours_if_touched` | `TOUCHED_RESPONSE_TIME`: nothing of hand-offs that nobody answered is in it |
| `aged`, `never_contacted` | the two counts of `NEVER_CONTACTED`: a touch after a later hand-off counts too |
| `worked`, `disposed` | the two counts of `DISPOSITIONS` |
| `decided_untouched` | hand-offs that were decided on, or sent to nurture, and never touched |
| `is_mature` | whether 30 days and the first horizon of the whole period have passed |

Counts and figures of touches are missing where the CRM does not record them; all leads count as worked then.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """How sales answered the hand-offs of each period.

    Attributes
    ----------
    rows
        Of `RESPONSE_SCHEMA`, by period and group, the earliest first.
    as_of
        What is known at this moment (UTC, naive).
    period
        Of the hand-offs.
    by
        What groups share; empty where there are none.
    not_shown
        Hand-offs of owners with so few in a period that no figure of theirs is shown.
    unknown_because
        Why nobody can tell when sales touched a lead; empty where the CRM records it.
    definitions_version, policy_version
        Under which touches, horizons and the time to respond were agreed.
    """

    rows: pa.Table
    as_of: dt.datetime
    period: Period
    by: str
    not_shown: int
    unknown_because: str
    definitions_version: str
    policy_version: str
