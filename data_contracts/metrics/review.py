"""One review: a period's numbers, as both teams look at them together."""

import datetime as dt
from dataclasses import dataclass

from data_contracts.estimates import Record
from data_contracts.metrics.accounts import Accounts
from data_contracts.metrics.after_win import AfterWin
from data_contracts.metrics.agreed import Agreed, Proposal
from data_contracts.metrics.attribution import Attribution
from data_contracts.metrics.black_hole import BlackHole
from data_contracts.metrics.checklist import Checklist
from data_contracts.metrics.closed_loop import ClosedLoop
from data_contracts.metrics.content import Content
from data_contracts.metrics.costs import Costs
from data_contracts.metrics.counts import StageCounts
from data_contracts.metrics.funnel import CohortFunnel
from data_contracts.metrics.gap import Gap
from data_contracts.metrics.guarantee import Guarantee
from data_contracts.metrics.index import AlignmentIndex
from data_contracts.metrics.journey import Journey
from data_contracts.metrics.mqls_delivered import MqlsDelivered
from data_contracts.metrics.nurture import Nurture
from data_contracts.metrics.off_icp import OffIcp
from data_contracts.metrics.own_pipeline import OwnPipeline
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.plan import Plan
from data_contracts.metrics.ranking import Ranking
from data_contracts.metrics.rejections import Rejections
from data_contracts.metrics.response import Response
from data_contracts.metrics.segments import Segments
from data_contracts.metrics.sources import Sources
from data_contracts.metrics.stuck import Stuck
from data_contracts.metrics.vectors import Vectors
from data_contracts.metrics.why import Why
from data_contracts.review_notes import ReviewNotes
from data_contracts.targets import Targets


@dataclass(frozen=True, slots=True, eq=False)
class SalesHalf:
    """How hand-offs were answered (by team and source too), which were not, why turned down, and what is stuck."""

    response: Response
    response_by: tuple[Response, ...]
    black_hole: BlackHole
    rejections: Rejections
    stuck: Stuck


@dataclass(frozen=True, slots=True, eq=False)
class MarketingHalf:
    """What was delivered and by which sources, what missed the agreed profile (by campaign too), what is nurtured."""

    delivered: MqlsDelivered
    guarantee: Guarantee
    off_icp: OffIcp
    sources: Sources
    nurture: Nurture


@dataclass(frozen=True, slots=True, eq=False)
class Money:
    """Both performance vectors, and why the result is not the target; None where the gap has no period of its own."""

    vectors: Vectors
    gap: Gap | None


@dataclass(frozen=True, slots=True, eq=False)
class Deeper:
    """What a week is too short for: agreed against measured with what data would change, what sources cost and which
    is best, why customers buy and what answers it, journeys, accounts, after the win.

    Attributes
    ----------
    segments
        Of a year, by each segment of the settings: region, industry. Shorter ones have too few of each.
    """

    agreed: Agreed
    proposal: Proposal
    costs: Costs
    ranking: Ranking
    own_pipeline: OwnPipeline
    attribution: Attribution
    why: Why
    content: Content
    journey: Journey
    accounts: Accounts
    after_win: AfterWin
    segments: tuple[Segments, ...]


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
    definitions_version, targets
        Under which it was counted, that before too, and what it is held against.
    definitions_changed
        What the definitions in force changed since the end of the period before, by path; nothing where they are the
        same.
    notes, last_notes
        Of the review of this period, where it was held already, and of the last one of its kind before; None where
        nobody wrote any.
    deeper
        Of a month or longer; None of a week.
    plan
        In a quarter or a year, what it takes to reach the target that ends last; else why there is none.
    """

    span: Span
    as_of: dt.datetime
    before_as_of: dt.datetime
    definitions_version: str
    targets: Targets
    definitions_changed: tuple[str, ...]
    counts: StageCounts
    funnel: CohortFunnel
    closed_loop: ClosedLoop
    index: AlignmentIndex
    checklist: Checklist
    notes: ReviewNotes | None
    last_notes: ReviewNotes | None
    sales: SalesHalf
    marketing: MarketingHalf
    money: Money
    deeper: Deeper | None
    plan: Plan | str


class HeldReview(Record):
    """A review that was written: which period, what it found, and what was known.

    Attributes
    ----------
    folder
        The name of its folder among the reviews of the store.
    first
        The first local day of the period.
    finding
        Its heading.
    as_of
        What was known (UTC, naive).
    """

    folder: str
    period: Period
    first: dt.date
    finding: str
    as_of: dt.datetime
