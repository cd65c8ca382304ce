"""What became of hand-offs that were published, beside what their scores said."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span

EXPECTED_SO_FAR = Formula(
    name="expected so far",
    says="the sum over hand-offs that sales touched within the horizon of the probability at the hand-off times the "
    "share of all conversions that come within the time since the touch; in brackets, where 95 of 100 such groups "
    "lie if the probabilities are right",
)
CAME_SO_FAR = Formula(
    name="came so far",
    says="hand-offs that sales touched and that have taken the first transition since, within its horizon",
)
RATED_WELL = Formula(
    name="ratings",
    says="assessments by sales after the hand-off, by what they say in the CRM's words; the last one of each hand-off "
    "counts",
)
FORMULAS = (CAME_SO_FAR, EXPECTED_SO_FAR, RATED_WELL)

CLOSED_LOOP_SCHEMA = pa.schema(
    [
        pa.field("grade", pa.string()),
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in (
                "handed_off",
                "touched",
                "came",
                "turned_down",
                "nurtured",
                "open",
                "not_touched",
                "gone",
                "won",
            )
        ),
        *(pa.field(name, pa.float64()) for name in ("expected", "expected_low", "expected_high", "expected_in_all")),
    ]
)
"""The hand-offs of one grade; a row without a grade is of all.

| column | holds |
|---|---|
| `handed_off` | `not_touched + gone + came + turned_down + nurtured + open` |
| `touched` | sales touched them since |
| `came` | `CAME_SO_FAR`; one that came without a touch is among them, because its stage is one |
| `turned_down`, `nurtured` | touched, not come, and since the hand-off disqualified or lost; or sent to nurture |
| `open` | touched, and nothing of these yet: also where it came after the horizon |
| `gone` | the lead is no longer in the history: merged into another, deleted or left out since; nobody can say |
| `won` | became customers since, whatever else |
| `expected` | `EXPECTED_SO_FAR`, with its range; missing where none was touched in time |
| `expected_in_all` | as many of these as are to come in the end |
"""

RATINGS_SCHEMA = pa.schema(
    [
        pa.field("grade", pa.string()),
        pa.field("rating", pa.string(), nullable=False),
        pa.field("hand_offs", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class ClosedLoop:
    """What became of the hand-offs of a period.

    Attributes
    ----------
    span
        In which they were handed off.
    as_of
        What is known at this moment (UTC, naive).
    rows
        Of `CLOSED_LOOP_SCHEMA`: all together first, then by grade, the best first.
    ratings
        Of `RATINGS_SCHEMA`, or why there are none: a sentence.
    assumed_because
        Why each hand-off is taken as touched at once, where nothing records whom sales touched; empty where it does.
    """

    span: Span
    as_of: dt.datetime
    rows: pa.Table
    ratings: pa.Table | str
    assumed_because: str = ""

    @property
    def is_outside(self) -> bool:
        """Whether fewer or more came so far than the probabilities leave room for."""
        whole = self.rows.slice(0, 1).to_pylist()
        if not whole or whole[0]["expected"] is None:
            return False
        return not whole[0]["expected_low"] <= whole[0]["came"] <= whole[0]["expected_high"]
