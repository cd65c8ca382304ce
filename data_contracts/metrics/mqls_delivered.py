"""Marketing's half of the service-level agreement: MQLs of the agreed quality, by week, month, quarter and year."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period

MQLS_OF_QUALITY = Formula(
    name="MQLs of the agreed quality",
    says="hand-offs of the period whose share of the profile known to be met at the hand-off is at least the agreed "
    "one; where nothing of the profile is known, they are not",
)
QUALITY_SHARE = Formula(
    name="quality share",
    says="MQLs of the agreed quality divided by the hand-offs of the period",
)
OWED = Formula(
    name="MQLs owed",
    says="those that marketing owes in a week × days of the period / 7, from the Monday of the first hand-off on",
)
DELIVERED_SHARE = Formula(
    name="delivered",
    says="MQLs of the agreed quality of the period divided by those owed in it",
)
WEEKS_KEPT = Formula(
    name="weeks with as many as owed",
    says="weeks that began in the period and are over, with at least as many MQLs of the agreed quality as are owed in "
    "a week",
)
FORMULAS = (MQLS_OF_QUALITY, QUALITY_SHARE, OWED, DELIVERED_SHARE, WEEKS_KEPT)

MQLS_DELIVERED_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        pa.field("is_complete", pa.bool_(), nullable=False),
        pa.field("days", pa.int64(), nullable=False),
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in ("handed_off", "recycled", "of_quality", "below", "unknown_fit", "skipped")
        ),
        *estimate_fields("quality_share"),
        pa.field("owed", pa.float64()),
        pa.field("delivered_share", pa.float64()),
        pa.field("weeks", pa.int64(), nullable=False),
        pa.field("weeks_kept", pa.int64()),
    ]
)
"""One period.

| column | holds |
|---|---|
| `period` | its first local day |
| `is_complete` | whether it is over: of the running one, more may come |
| `days` | its days from the Monday of the first hand-off on |
| `handed_off` | hand-offs by marketing: `of_quality + below + unknown_fit` |
| `recycled` | of them, those of leads that had been handed off before |
| `of_quality` | `MQLS_OF_QUALITY` |
| `below` | known to meet less |
| `unknown_fit` | nothing of the profile was known at the hand-off; where no quality is agreed, they are `of_quality` |
| `skipped` | beside them: leads that sales took without an MQL; they are not marketing's |
| `quality_share` | `QUALITY_SHARE` with its 95 % interval |
| `owed`, `delivered_share` | `OWED`, missing where nothing is agreed; `DELIVERED_SHARE` may be above 1 |
| `weeks`, `weeks_kept` | weeks that began in the period and are over; `WEEKS_KEPT`, missing where nothing is agreed |
"""


@dataclass(frozen=True, slots=True, eq=False)
class MqlsDelivered:
    """What marketing delivered.

    Attributes
    ----------
    rows
        By length, of `MQLS_DELIVERED_SCHEMA`: every period from the Monday of the first hand-off to now, those without
        any too.
    as_of
        What is known at this moment (UTC, naive).
    owed
        MQLs a week; None where nothing is agreed.
    least_fit_share
        The agreed quality; 0 where none is agreed.
    definitions_version, targets_version
        Under which the profile and the targets were agreed.
    """

    rows: Mapping[Period, pa.Table]
    as_of: dt.datetime
    owed: float | None
    least_fit_share: float
    definitions_version: str
    targets_version: str
