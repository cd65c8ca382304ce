"""The black hole: leads that were handed off, that nobody touched, and that nobody decided on."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.formula import Formula
from data_contracts.snapshots import TEAM
from data_contracts.today import OWNER, PERSONA, SOURCE

AGE = Formula(
    name="age in the black hole",
    says="days from the lead's last hand-off to now, where sales neither touched nor decided on it since",
)
HOURS_OVERDUE = Formula(
    name="hours overdue",
    says="working hours, at the owner's place, since the time to respond passed; 0 where it has not",
)
VALUE_AT_STAKE = Formula(
    name="expected value at stake",
    says="the sum of the expected values that the leads have by their last score; leads without a score add nothing, "
    "and stand beside it",
)
FORMULAS = (AGE, HOURS_OVERDUE, VALUE_AT_STAKE)

AGE_BANDS = {
    "under 2 days": 2.0,
    "2 to 7 days": 7.0,
    "7 to 30 days": 30.0,
    "30 to 90 days": 90.0,
    "90 days or more": None,
}
"""Each band, and the age in days at which it ends."""

AGE_BAND = "age"

BLACK_HOLE_SCHEMA = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("handed_off_at", pa.timestamp("us"), nullable=False),
        pa.field("age_days", pa.float64(), nullable=False),
        pa.field(AGE_BAND, pa.string(), nullable=False),
        pa.field("respond_by_at", pa.timestamp("us"), nullable=False),
        pa.field("is_overdue", pa.bool_(), nullable=False),
        pa.field("hours_overdue", pa.float64(), nullable=False),
        pa.field("n_hand_offs", pa.int64(), nullable=False),
        *(pa.field(name, pa.string()) for name in (OWNER, TEAM, SOURCE, PERSONA)),
        pa.field("grade", pa.string()),
        pa.field("expected_value", pa.float64()),
    ]
)
"""One lead in the black hole.

| column | holds |
|---|---|
| `handed_off_at` | its last hand-off |
| `age_days`, `age` | `AGE`, and the band it lies in |
| `is_overdue`, `hours_overdue` | whether `respond_by_at` has passed; `HOURS_OVERDUE` |
| `n_hand_offs` | how often it was handed off in all |
| `owner_id`, `team` | the owner now, and the owner's team; the policy's where nobody knows it |
| `grade`, `expected_value` | of its last score, in the currency of the settings; missing where it has none |
"""

SUMMARY_SCHEMA = pa.schema(
    [
        pa.field("by", pa.string(), nullable=False),
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("leads", "overdue", "scored")),
        pa.field("expected_value", pa.float64()),
    ]
)
"""The leads of one age band, team or owner.

| column | holds |
|---|---|
| `by` | `age`, `team` or `owner_id` |
| `group` | the band, the team or the owner; missing where nobody knows it |
| `leads`, `overdue` | all, and those of them whose time to respond has passed |
| `scored` | those that have a score |
| `expected_value` | `VALUE_AT_STAKE`; missing where none of them has a score |
"""


@dataclass(frozen=True, slots=True, eq=False)
class BlackHole:
    """The leads that fell into the black hole.

    Attributes
    ----------
    rows
        Of `BLACK_HOLE_SCHEMA`: all of them, what is worth most first, then the oldest.
    summary
        Of `SUMMARY_SCHEMA`: every age band, then teams, then owners where the settings show figures by owner and they
        have enough leads.
    as_of
        What is known at this moment (UTC, naive).
    unsettled
        Leads that would be in it, and of which nobody knows when they were closed.
    unknown_because
        Why nobody can tell which leads sales touched; then there are no rows. Otherwise empty.
    """

    rows: pa.Table
    summary: pa.Table
    as_of: dt.datetime
    unsettled: int
    unknown_because: str
