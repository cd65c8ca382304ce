"""One lead's way through every noun, from CRM row to written-back score, for reading."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.scores import P_NEXT_INTERVAL, PUBLISHED_SCORES_SCHEMA
from data_contracts.today import P_NEXT

Rows = tuple[tuple[str, str], ...]
"""Pairs of a label and a value, both for reading. A label that begins with a blank belongs to the one before it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one noun holds for the lead."""

    noun: str
    meaning: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Trace:
    """One lead's way through every noun, in order."""

    lead_id: str
    as_of: dt.datetime
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class NotTraced:
    """A lead that has no way to show, and what became of it, in a sentence."""

    lead_id: str
    because: str


SCORE_HISTORY_SCHEMA = pa.schema(
    [
        *(PUBLISHED_SCORES_SCHEMA.field(name) for name in ("lead_id", "as_of", "stage")),
        pa.field(P_NEXT, pa.float64()),
        *(PUBLISHED_SCORES_SCHEMA.field(name) for name in (*P_NEXT_INTERVAL, "expected_value", "grade", "action")),
        *(PUBLISHED_SCORES_SCHEMA.field(name) for name in ("release_id", "thresholds_id")),
    ]
)
"""One published score of a lead: the probability of its next transition then (`p_next`), within its interval."""


def as_text(trace: Trace) -> str:
    """`trace` as plain text: a numbered heading for each noun, its rows below.

    Examples
    --------
    >>> step = Step("Thresholds", "the boundaries", (("hand-off", "0.3"), ("fit letters", "0.8, 0.6")))
    >>> print(as_text(Trace("L1", dt.datetime(2026, 5, 1), (step,))))
    L1 as of 2026-05-01 00:00 UTC
    <BLANKLINE>
     1 Thresholds: the boundaries
         hand-off     0.3
         fit letters  0.8, 0.6
    """
    lines = [f"{trace.lead_id} as of {trace.as_of:%Y-%m-%d %H:%M} UTC"]
    for number, step in enumerate(trace.steps, start=1):
        width = max((len(label) for label, _ in step.rows), default=0)
        lines += ["", f"{number:2d} {step.noun}: {step.meaning}"]
        lines += [f"     {label:<{width}}  {value}".rstrip() for label, value in step.rows]
    return "\n".join(lines)
