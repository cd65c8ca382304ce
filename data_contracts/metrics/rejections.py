"""Why sales turned hand-offs down, period by period, and which reasons are on the rise."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period

PERIODS_BEFORE = 6
"""How many periods a period is held against."""

LEAST_TESTED = 5
"""Accounts with a reason, in the period and before, of which a rise could be told from noise at all."""

OTHER_REASONS = "(other reasons)"
"""Those that few leads have or that are too many to show, as `alignment.why` shows them."""

CHANCE = 0.05

REASON_SHARE = Formula(
    name="reason's share",
    says="of sales' decisions in the period (SQL, disqualified, lost, and nurture after a touch or with a reason), the "
    "share with that reason; the reasons together are the share that is turned down",
)
MORE_THAN_NOISE = Formula(
    name="more than noise",
    says=f"the share is higher than in the {PERIODS_BEFORE} periods before, with an interval of the difference that "
    f"lies above 0, and Fisher's exact test on accounts agrees: q below {CHANCE}, by Benjamini and Hochberg for all "
    "reasons of the period",
)
FORMULAS = (REASON_SHARE, MORE_THAN_NOISE)

REJECTIONS_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        pa.field("is_complete", pa.bool_(), nullable=False),
        pa.field("reason", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("decided", "turned_down", "n")),
        *estimate_fields("share"),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("decided_before", "n_before")),
        pa.field("share_before", pa.float64()),
        *estimate_fields("difference"),
        *(pa.field(name, pa.float64()) for name in ("p_value", "q_value")),
        pa.field("is_more_than_noise", pa.bool_(), nullable=False),
    ]
)
"""One reason in one period.

| column | holds |
|---|---|
| `period` | the local day on which the period begins in which sales decided |
| `is_complete` | whether the period is over |
| `reason` | in the CRM's words, whatever their case; missing where sales gave none |
| `decided` | hand-offs that sales decided on in the period; those of leads that skipped MQL are not among them |
| `turned_down` | of them, disqualified or lost, or sent to nurture with a reason: the sum of `n` over the reasons |
| `n`, `share` | of them, those with that reason; `REASON_SHARE` with its 95 % interval |
| `decided_before`, `n_before`, `share_before` | the same in the periods before: `PERIODS_BEFORE`, or what there is |
| `difference` | `share` less `share_before`, with its 95 % interval over accounts |
| `p_value` | of a rise by chance; missing without periods before, and of fewer than `LEAST_TESTED` accounts |
| `q_value` | the same, corrected for the number of reasons of the period |
| `is_more_than_noise` | `MORE_THAN_NOISE` |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Rejections:
    """Why hand-offs were turned down.

    Attributes
    ----------
    rows
        Of `REJECTIONS_SCHEMA`: every period from the first decision to the last, each with every reason, the most
        frequent first; a missing one and the other ones last.
    as_of
        What is known at this moment (UTC, naive).
    period
        Of the decisions.
    not_named
        How many different reasons `OTHER_REASONS` stands for.
    definitions_version
        Under which the words for stages were translated.
    """

    rows: pa.Table
    as_of: dt.datetime
    period: Period
    not_named: int
    definitions_version: str
