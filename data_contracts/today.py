"""What both teams look at in the morning: whom to call, who waits, and what became of those handed off before."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.calls import CALL_LIST_SCHEMA, CallList
from data_contracts.estimates import Estimate, Record
from data_contracts.scores import REASONS, SCORED_LEADS_SCHEMA

PERSONA, OWNER, SOURCE, CAMPAIGN = "persona", "owner_id", "source", "campaign"
"""What lists say of a lead beside its score. Segments follow, each under the name of its attribute."""

P_NEXT = "p_next"

_OF_THE_LIST = ("lead_id", "team", "action", "place", "waits_since_at", "expected_at", "handed_off_at")
_OF_THE_SCORE = ("stage", "grade", "p_next_low", "p_next_high", "p_win", "expected_value", "is_extrapolated", *REASONS)

LISTED_SCHEMA = pa.schema(
    [
        *(CALL_LIST_SCHEMA.field(name) for name in (*_OF_THE_LIST, "handed_off_by", "respond_by_at", "ranking_value")),
        pa.field(P_NEXT, pa.float64()),
        *(SCORED_LEADS_SCHEMA.field(name) for name in _OF_THE_SCORE),
        *(pa.field(name, pa.string()) for name in (SOURCE, CAMPAIGN, OWNER, PERSONA)),
        pa.field("is_overdue", pa.bool_(), nullable=False),
    ]
)
"""One lead that sales has not touched since it was handed off, or that waits. The columns of its segments follow.

| column | holds |
|---|---|
| `p_next` | the probability of its next transition, within the interval `p_next_low` to `p_next_high` |
| `persona` | the first of the definitions that it belongs to; missing where there is none |
| `is_overdue` | it was handed off, and the time to respond has passed |
"""


class HandOffRecord(Record):
    """What became of the hand-offs of some weeks.

    Attributes
    ----------
    since
        Hand-offs from here on count (UTC, naive).
    handed_off
        All of them.
    due, in_time
        Those whose time to respond has passed, and those of them that sales touched within it.
    mature_before
        Hand-offs before this moment have had their horizon (UTC, naive).
    mature, converted, expected
        Those that sales touched and whose horizon has passed; those of them that took the transition within it; and as
        many as their probabilities at the hand-off said: their sum, and where 95 of 100 such groups would lie if the
        probabilities are right. None of the latter without such hand-offs.
    """

    since: dt.datetime
    handed_off: int
    due: int
    in_time: int
    mature_before: dt.datetime
    mature: int
    converted: int
    expected: Estimate | None

    @property
    def is_outside(self) -> bool:
        """Whether fewer or more converted than their probabilities leave room for."""
        told = self.expected
        if told is None or told.low is None or told.high is None:
            return False
        return not told.low <= self.converted <= told.high


class Overdue(Record):
    """The leads whose time to respond has passed untouched.

    Attributes
    ----------
    since_at
        The earliest of the moments by which sales owed a touch (UTC, naive).
    expected_value
        Of all of them together.
    """

    leads: int
    since_at: dt.datetime
    expected_value: float


class OwnerRecord(Record):
    """As `HandOffRecord`, of the leads of one owner."""

    owner_id: str
    due: int
    in_time: int


@dataclass(frozen=True, slots=True, eq=False)
class Today:
    """What is to be done at the moment of `calls`.

    Attributes
    ----------
    calls
        The call list: the counts of each team are in it.
    listed
        Of `LISTED_SCHEMA`: the leads to call, the best first, then those that wait, in their order.
    record
        What became of earlier hand-offs; None where nothing was published before.
    overdue
        None where nothing is.
    by_owner
        Of owners with enough hand-offs, where the settings show figures by owner; the earliest in the alphabet first.
    warnings
        What a reader must not overlook: no signal, another release than was trained last.
    """

    calls: CallList
    listed: pa.Table
    record: HandOffRecord | None
    overdue: Overdue | None
    by_owner: tuple[OwnerRecord, ...] = ()
    warnings: tuple[str, ...] = ()
