"""Which source or campaign the revenue is laid to: by the first touch, the last one, or all in equal parts."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span

FIRST_TOUCH = Formula(
    name="revenue by first touch",
    says="amount of the deals won in the period, under the source (or campaign) of their lead",
)
LAST_TOUCH = Formula(
    name="revenue by last touch",
    says="the same amount under the source of the last touch before the deal was created; a touch is an inbound "
    "activity that says its source, happened no later than the deal was created, and was recorded before it was won",
)
LINEAR = Formula(
    name="revenue in equal parts",
    says="the same amount, split among all of these touches, a touch a part",
)
FORMULAS = (FIRST_TOUCH, LAST_TOUCH, LINEAR)

ATTRIBUTION_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        *(pa.field(name, pa.float64()) for name in ("first_touch", "last_touch", "linear")),
    ]
)
"""The revenue of one period that is laid to one source or campaign, in the currency of the settings.

| column | holds |
|---|---|
| `period` | the local day on which it begins; a deal counts in the one in which it was closed |
| `group` | the source or campaign; missing for deals of which no touch is known |
| `first_touch` | `FIRST_TOUCH`; missing where the CRM has no deals |
| `last_touch` | `LAST_TOUCH`; missing where no activity says its source |
| `linear` | `LINEAR`, likewise |

Each of the three adds up to the revenue of the period.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What won deals brought, by what touched their lead.

    Attributes
    ----------
    rows
        Of `ATTRIBUTION_SCHEMA`, by period and group.
    totals
        Of `ATTRIBUTION_SCHEMA`, one row a period: the same amount by every rule.
    n_won, n_touched
        Deals won in the periods, and those of them of which a touch is known.
    why_no_deals, why_first_touch_only
        Why there is no revenue; why there is neither last touch nor equal parts. Empty where there is.
    as_of
        What is known at this moment (UTC, naive).
    by
        `source` or `campaign`.
    """

    rows: pa.Table
    totals: pa.Table
    spans: tuple[Span, ...]
    n_won: int
    n_touched: int
    why_no_deals: str
    why_first_touch_only: str
    as_of: dt.datetime
    by: str
    currency: str
    definitions_version: str
