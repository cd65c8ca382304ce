"""What each team gave the other to use: for which leads and reasons there is something, and for which there is not."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from data_contracts.metrics.formula import Formula


class Cover(StrEnum):
    """Whether there is something to use."""

    CURRENT = "current"
    STALE = "stale"
    NOTHING = "nothing"


STALE = Formula(
    name="stale resource",
    says="one whose last update is longer ago than the days after which it is to be reviewed",
)
ANSWERED = Formula(
    name="reasons answered",
    says="of the times that deals and leads say a reason that is shown, an objection or a competitor, those that a "
    "resource answers which is not stale",
)
COVERED = Formula(
    name="leads covered",
    says="of the leads that are not won, lost or disqualified, those for whose stage and persona there is a resource "
    "which is not stale",
)
FORMULAS = (STALE, ANSWERED, COVERED)

_COVER = [pa.field("resources", pa.list_(pa.string()), nullable=False), pa.field("cover", pa.string(), nullable=False)]

ANSWERS_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("topic", "reason")),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("amount", pa.float64()),
        *_COVER,
    ]
)
"""One reason that is shown, objection or competitor; those without an answer first, then the most frequent.

| column | holds |
|---|---|
| `topic` | a `Topic`: all but why deals were won |
| `n`, `amount` | deals or leads that say it, in all periods together, and the amount of the deals |
| `resources` | the titles of those that answer it, the ones that are not stale first, then the newest |
| `cover` | a `Cover`: `stale` where all of them are |
"""

CELLS_SCHEMA = pa.schema(
    [
        pa.field("stage", pa.string(), nullable=False),
        pa.field("persona", pa.string()),
        pa.field("leads", pa.int64(), nullable=False),
        *_COVER,
    ]
)
"""The leads that stand in one stage and are of one persona; those without a resource first, then the most leads.

| column | holds |
|---|---|
| `persona` | missing: of none |
| `leads` | settled ones; each is in one row |
| `resources`, `cover` | those that are for them, first those for the persona, else as above |
"""

RESOURCES_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("title", "kind", "url", "owner")),
        pa.field("updated", pa.date32(), nullable=False),
        pa.field("days_since_update", pa.int64(), nullable=False),
        pa.field("is_stale", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("leads", "n_answered")),
        pa.field("unheard", pa.list_(pa.string()), nullable=False),
    ]
)
"""One resource, in the order of the file.

| column | holds |
|---|---|
| `is_stale` | `STALE` |
| `leads` | that it is for now |
| `n_answered` | deals and leads of the periods that say what it answers |
| `unheard` | what it answers and nobody says in the periods, or too few: another word of the CRM, or none any more |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What there is to use, for whom, and what is lacking.

    Attributes
    ----------
    answers
        Of `ANSWERS_SCHEMA`.
    cells
        Of `CELLS_SCHEMA`.
    resources
        Of `RESOURCES_SCHEMA`.
    n_said, n_answered
        How often a reason that is shown is said, and `ANSWERED`. A deal may say one in each topic.
    n_leads, n_covered
        Leads that are not won, lost or disqualified, and `COVERED`.
    why_not
        Why there are no resources; empty where there are.
    as_of
        Resources are stale or not at this moment (UTC, naive).
    """

    answers: pa.Table
    cells: pa.Table
    resources: pa.Table
    n_said: int
    n_answered: int
    n_leads: int
    n_covered: int
    why_not: str
    as_of: dt.datetime
