"""What sales prospects itself beside what marketing brings: leads, pipeline and revenue of either side."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span
from data_contracts.metrics.sources import SOURCES_SCHEMA


class Side(StrEnum):
    """Who found a lead."""

    SALES = "sales"
    """Its source is one of `sales_sources`."""
    MARKETING = "marketing"
    """Its source is any other."""
    NOT_KNOWN = "not_known"
    """The CRM does not say its source."""


PIPELINE_SHARE = Formula(
    name="share of the pipeline",
    says="qualified pipeline created in the period from leads that the side found / that of all leads, those of "
    "unknown source too",
)
REVENUE_SHARE = Formula(
    name="share of the revenue",
    says="revenue of the period from leads that the side found / that of all leads, those of unknown source too",
)
FORMULAS = (PIPELINE_SHARE, REVENUE_SHARE)

NOBODY_SAID = "nobody said which sources are sales' own: name them in [targets] sales_sources"

OWN_PIPELINE_SCHEMA = pa.schema(
    [
        *(field.with_name("side") if field.name == "group" else field for field in SOURCES_SCHEMA),
        *estimate_fields("pipeline_share", "revenue_share"),
    ]
)
"""One side in one period.

| column | holds |
|---|---|
| `side` | `Side` |
| `pipeline_share` | `PIPELINE_SHARE` with its 95 % interval; missing where no pipeline was created |
| `revenue_share` | `REVENUE_SHARE`, likewise |

All others are those of `SOURCES_SCHEMA`.
"""


@dataclass(frozen=True, slots=True, eq=False)
class OwnPipeline:
    """Sales' own pipeline beside marketing's.

    Attributes
    ----------
    rows
        Of `OWN_PIPELINE_SCHEMA`, by period and side: every side in every period. No rows where nobody said whose the
        sources are.
    why_not
        Why nobody can say; empty where the settings do.
    never_seen
        `sales_sources` that no lead has: another spelling, or nobody was found there yet.
    as_of
        What is known at this moment (UTC, naive).
    """

    rows: pa.Table
    spans: tuple[Span, ...]
    why_not: str
    never_seen: tuple[str, ...]
    as_of: dt.datetime
    currency: str
    definitions_version: str
