"""Marketing's half of the service-level agreement: MQLs of the agreed quality, each week."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula

MQLS_OF_QUALITY = Formula(
    name="MQLs of the agreed quality",
    says="hand-offs of the week whose share of the profile known to be met at the hand-off is at least the agreed one; "
    "where nothing of the profile is known, they are not",
)
QUALITY_SHARE = Formula(
    name="quality share",
    says="MQLs of the agreed quality divided by the hand-offs of the week",
)
DELIVERED_SHARE = Formula(
    name="delivered",
    says="MQLs of the agreed quality of the week divided by those that marketing owes in a week",
)
FORMULAS = (MQLS_OF_QUALITY, QUALITY_SHARE, DELIVERED_SHARE)

MQLS_DELIVERED_SCHEMA = pa.schema(
    [
        pa.field("week", pa.timestamp("us"), nullable=False),
        pa.field("is_complete", pa.bool_(), nullable=False),
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in ("handed_off", "recycled", "of_quality", "below", "unknown_fit", "skipped")
        ),
        *estimate_fields("quality_share"),
        pa.field("owed", pa.float64()),
        pa.field("delivered_share", pa.float64()),
    ]
)
"""One week.

| column | holds |
|---|---|
| `week` | the local Monday |
| `is_complete` | whether the week is over: of the running one, more may come |
| `handed_off` | hand-offs by marketing: `of_quality + below + unknown_fit` |
| `recycled` | of them, those of leads that had been handed off before |
| `of_quality` | `MQLS_OF_QUALITY` |
| `below` | known to meet less |
| `unknown_fit` | nothing of the profile was known at the hand-off; where no quality is agreed, they are `of_quality` |
| `skipped` | beside them: leads that sales took without an MQL; they are not marketing's |
| `quality_share` | `QUALITY_SHARE` with its 95 % interval |
| `owed`, `delivered_share` | by the agreement, missing where there is none; `DELIVERED_SHARE` may be above 1 |
"""


@dataclass(frozen=True, slots=True, eq=False)
class MqlsDelivered:
    """What marketing delivered.

    Attributes
    ----------
    rows
        Of `MQLS_DELIVERED_SCHEMA`: every week from the first hand-off to now, those without any too.
    as_of
        What is known at this moment (UTC, naive).
    owed
        MQLs a week; None where nothing is agreed.
    least_fit_share
        The agreed quality; 0 where none is agreed.
    weeks, weeks_kept
        Weeks that are over, and those of them with at least as many as owed; None where nothing is agreed.
    definitions_version, targets_version
        Under which the profile and the targets were agreed.
    """

    rows: pa.Table
    as_of: dt.datetime
    owed: float | None
    least_fit_share: float
    weeks: int
    weeks_kept: int | None
    definitions_version: str
    targets_version: str
