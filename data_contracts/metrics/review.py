"""One review: a period's numbers, as both teams look at them together."""

import datetime as dt
from dataclasses import dataclass

from data_contracts.metrics.checklist import Checklist
from data_contracts.metrics.closed_loop import ClosedLoop
from data_contracts.metrics.counts import StageCounts
from data_contracts.metrics.funnel import CohortFunnel
from data_contracts.metrics.index import AlignmentIndex
from data_contracts.metrics.periods import Span
from data_contracts.review_notes import ReviewNotes


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """What both teams look at for one period.

    Attributes
    ----------
    span
        The period.
    as_of
        What is known at this moment (UTC, naive).
    before_as_of
        The period before is told as it was known then: the same time after its end.
    definitions_version, targets_version
        Under which it was counted, that before too.
    definitions_changed
        What the definitions in force changed since the end of the period before, by path; nothing where they are the
        same.
    notes, last_notes
        Of the review of this period, where it was held already, and of the last one of its kind before; None where
        nobody wrote any.
    """

    span: Span
    as_of: dt.datetime
    before_as_of: dt.datetime
    definitions_version: str
    targets_version: str
    definitions_changed: tuple[str, ...]
    counts: StageCounts
    funnel: CohortFunnel
    closed_loop: ClosedLoop
    index: AlignmentIndex | None
    checklist: Checklist
    notes: ReviewNotes | None
    last_notes: ReviewNotes | None
