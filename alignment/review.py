"""One review: every shared number of a period, told as both teams look at it together."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import pandas as pd
import pyarrow as pa

from alignment.accounts import accounts_of
from alignment.after_win import after_win
from alignment.agreed import agreed_against_measured
from alignment.attribution import attribution
from alignment.black_hole import black_hole
from alignment.checklist import alignment_checklist
from alignment.closed_loop import closed_loop
from alignment.content import content_of
from alignment.costs import cost_of_all, costs
from alignment.counts import stage_counts
from alignment.deals import deals_of
from alignment.funnel import cohort_funnel
from alignment.gap import gap_of
from alignment.guarantee import lead_guarantee
from alignment.handed_off import HandOffs, hand_offs_of
from alignment.index import alignment_index
from alignment.index_parts import PERIODS, index_parts, revenues
from alignment.journey import journey_of
from alignment.judged import guaranteed_hand_offs, judged_hand_offs
from alignment.milestones import Milestones, milestones_of
from alignment.mqls_delivered import mqls_delivered
from alignment.nurture import nurture
from alignment.off_icp import off_icp
from alignment.own_pipeline import own_pipeline
from alignment.plan import plan
from alignment.proposal import proposal_of
from alignment.ranking import ranking
from alignment.rejections import rejections
from alignment.response import response
from alignment.segments import segments_of
from alignment.sources import sources, total_of
from alignment.stuck import stuck
from alignment.vectors import performance_vectors
from alignment.why import why_of
from data_contracts.configuration import definitions_differences
from data_contracts.definitions import Definitions
from data_contracts.errors import LeadScoreError
from data_contracts.history import CrmHistory
from data_contracts.metrics.after_win import AfterWin
from data_contracts.metrics.agreed import Agreed, Proposal
from data_contracts.metrics.costs import Costs
from data_contracts.metrics.index import AlignmentIndex
from data_contracts.metrics.journey import Journey
from data_contracts.metrics.mqls_delivered import MqlsDelivered
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.plan import Plan, Target
from data_contracts.metrics.review import Deeper, MarketingHalf, Money, Review, SalesHalf
from data_contracts.metrics.segments import Segments
from data_contracts.metrics.sources import Sources
from data_contracts.metrics.why import Why
from data_contracts.resources import Resources
from data_contracts.review_notes import ReviewNotes
from data_contracts.settings import Settings
from data_contracts.snapshots import TEAM
from data_contracts.today import SOURCE
from features.known_before import known_before

COHORTS = {Period.WEEK: Period.MONTH, Period.MONTH: Period.MONTH, Period.QUARTER: Period.QUARTER}
"""How long cohorts are in a review of each length. Those of a week are too few for a rate. A year has its quarters."""


RECENT = 8
"""Periods that sources are told for: two years of quarters, two months of weeks."""


@dataclass(frozen=True, eq=False)
class Known:
    """A history with the milestones that were known by its extract, and what is the same in the review of any period.

    Each of the latter is computed once, when it is first asked for.
    """

    history: CrmHistory
    milestones: Milestones

    @classmethod
    def of(cls, history: CrmHistory, settings: Settings) -> "Known":
        """What `history` tells, under `settings`."""
        return cls(history, milestones_of(history, settings))

    def before(self, span: Span) -> "Known":
        """What was known of the period before `span` as long after its end as `span` is over now.

        So the two are compared at the same maturity, and under the same definitions.
        """
        milestones = self.milestones
        return self._known_at(span.earlier(time_zone=milestones.time_zone).end_at + (milestones.as_of - span.end_at))

    def for_review_of(self, span: Span) -> "Known":
        """What was known as long after the end of `span` as the last period of its length is over now.

        So any two reviews of the same length are told at the same maturity, whenever they are held.
        """
        milestones = self.milestones
        last = Span.before(milestones.as_of, span.period, time_zone=milestones.time_zone)
        if span == last:
            return self
        return self._known_at(span.end_at + (milestones.as_of - last.end_at))

    def _known_at(self, moment: dt.datetime) -> "Known":
        attributes = self.milestones.settings.crm.attributes
        history = known_before(self.history, moment, attributes=attributes)
        return Known.of(history, self.milestones.settings)

    @cached_property
    def hand_offs(self) -> HandOffs:
        """Every hand-off."""
        return hand_offs_of(self.history, self.milestones)

    @cached_property
    def deals(self) -> pd.DataFrame:
        """Every deal, as `alignment.deals` lays it out."""
        return deals_of(self.history, self.milestones)

    @cached_property
    def delivered(self) -> MqlsDelivered:
        """What marketing delivered, week by week."""
        return mqls_delivered(self.history, self.hand_offs)

    @cached_property
    def agreed(self) -> Agreed:
        """What was agreed beside what was measured."""
        return agreed_against_measured(self.history, self.milestones)

    @cached_property
    def why(self) -> Why:
        """Why deals and leads were won and lost."""
        return why_of(self.history, self.milestones)

    @cached_property
    def journey(self) -> Journey:
        """The ways that lead to a customer."""
        return journey_of(self.history, self.milestones)

    @cached_property
    def after_win(self) -> AfterWin:
        """What came after the first win."""
        return after_win(self.milestones, self.history)

    @cached_property
    def plan(self) -> Plan | str:
        """What it takes to reach the target that ends last, or why nobody can say."""
        milestones, zone = self.milestones, self.milestones.time_zone
        planned = [(Span.named(one.period, time_zone=zone), one) for one in milestones.settings.targets.periods]
        ahead = [(span, one) for span, one in planned if span.end_at > milestones.as_of]
        ahead = [(span, one) for span, one in ahead if one.revenue or one.customers]
        if not ahead:
            return "No target lies ahead: give revenue or customers of a period to come in `[[targets.periods]]`."
        span, one = max(ahead, key=lambda each: (each[0].end, -each[0].first.toordinal()))
        wanted = Target(
            customers=None if one.revenue else int(one.customers or 0),
            revenue=one.revenue,
            since=span.first if span.start_at < milestones.as_of else None,
            by=span.end - dt.timedelta(days=1),
        )
        try:
            return plan(self.history, milestones, wanted)
        except LeadScoreError as error:
            return f"{error}"


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a review takes beside the history.

    Attributes
    ----------
    handed_off
        What was published of hand-offs, of `SCORED_HAND_OFFS_SCHEMA`.
    notes
        Of all reviews, those held first coming first.
    versions
        Of the definitions, in the order in which they hold.
    scores
        `lead_id`, `expected_value` and `grade` of open leads, for what is at stake; None where nothing was scored.
    disputes
        What was said of hand-offs under the guarantee, of `DISPUTES_SCHEMA`.
    resources
        What each team gave the other; None where the settings name no file of it.
    settings_text
        Of the settings file, which proposals are a diff of.
    """

    handed_off: pa.Table
    notes: Sequence[ReviewNotes] = ()
    versions: Sequence[Definitions] = ()
    scores: pa.Table | None = None
    disputes: pa.Table | None = None
    resources: Resources | None = None
    settings_text: str = ""


def review(now: Known, beside: Beside, *, span: Span) -> Review:
    """The review of `span`, a period that was over at the extract.

    Raises
    ------
    ValueError
        Where the period is not over yet.
    """
    history, milestones, settings = now.history, now.milestones, now.milestones.settings
    if span.end_at > milestones.as_of:
        raise ValueError(f"{span} is not over at {milestones.as_of}: it ends at {span.end_at}")
    before = now.before(span)
    sales = _sales(now, span.period, beside.scores)
    marketing = _marketing(now, before, span, versions=beside.versions, disputes=beside.disputes)
    this, last = _of_this_and_the_last(beside.notes, span, time_zone=milestones.time_zone)
    return Review(
        span=span,
        as_of=milestones.as_of,
        before_as_of=before.milestones.as_of,
        definitions_version=milestones.definitions_version,
        targets=settings.targets,
        definitions_changed=_changed(settings.definitions, beside.versions, since=span.first),
        counts=stage_counts(milestones, before.milestones, span=span),
        funnel=cohort_funnel(milestones, every=COHORTS.get(span.period, Period.QUARTER)),
        closed_loop=closed_loop(history, milestones, handed_off=beside.handed_off, span=span),
        index=_index(span, settings, sales=sales, marketing=marketing, deals=now.deals),
        checklist=alignment_checklist(settings, beside.notes, as_of=milestones.as_of),
        notes=this,
        last_notes=last,
        sales=sales,
        marketing=marketing,
        money=_money(now, span),
        plan=_plan(now, span.period),
        deeper=None if span.period is Period.WEEK else _deeper(now, before, beside, span),
    )


def _sales(now: Known, period: Period, scores: pa.Table | None) -> SalesHalf:
    hand_offs = now.hand_offs
    return SalesHalf(
        response=response(hand_offs, every=period),
        response_by=tuple(response(hand_offs, every=period, by=by) for by in (TEAM, SOURCE)),
        black_hole=black_hole(hand_offs, scores=scores),
        rejections=rejections(hand_offs, every=period),
        stuck=stuck(now.milestones, now.history, values=scores),
    )


def _marketing(
    now: Known, before: Known, span: Span, *, versions: Sequence[Definitions], disputes: pa.Table | None
) -> MarketingHalf:
    history, milestones = now.history, now.milestones
    settings = milestones.settings
    spans = _recent(span, time_zone=milestones.time_zone)
    judged = judged_hand_offs(
        guaranteed_hand_offs(history, settings), history, versions=versions or [settings.definitions], settings=settings
    )
    return MarketingHalf(
        delivered=now.delivered,
        guarantee=lead_guarantee(milestones, judged, disputes=disputes, every=span.period),
        off_icp=off_icp(milestones, judged, spans),
        sources=_with_before(sources(history, milestones, spans), before, total_of),
        nurture=nurture(milestones, history, every=COHORTS.get(span.period, Period.QUARTER)),
    )


Told = TypeVar("Told", Sources, Costs)


def _with_before(told: Told, before: Known, row_of: Callable[[CrmHistory, Milestones, Span], pa.Table]) -> Told:
    """`told` with what was known of the period before the last one, where the history tells of all of that."""
    span = told.spans[-2]
    if not before.milestones.tells_of(span):
        return told
    return replace(told, before=row_of(before.history, before.milestones, span))


def _recent(last: Span, *, time_zone: str) -> list[Span]:
    """The `last` period and those before it, the earliest first."""
    return [last.earlier(back, time_zone=time_zone) for back in reversed(range(RECENT))]


def _money(now: Known, span: Span) -> Money:
    milestones = now.milestones
    every = Period.MONTH if span.period is Period.WEEK else span.period
    is_planned = milestones.settings.targets.of(span.name) is not None
    return Money(
        vectors=performance_vectors(now.history, milestones, every=every),
        gap=gap_of(milestones, now.deals, span) if is_planned else None,
    )


def _deeper(now: Known, before: Known, beside: Beside, span: Span) -> Deeper:
    history, milestones, zone = now.history, now.milestones, now.milestones.time_zone
    spans = _recent(span, time_zone=zone)
    last_quarter = Span.before(min(milestones.as_of, span.end_at), Period.QUARTER, time_zone=zone)
    return Deeper(
        agreed=now.agreed,
        proposal=_proposal(now, beside.settings_text),
        costs=_with_before(costs(history, milestones, spans), before, cost_of_all),
        ranking=ranking(milestones, _recent(last_quarter, time_zone=zone)),
        own_pipeline=own_pipeline(history, milestones, spans),
        attribution=attribution(history, milestones, spans),
        why=now.why,
        content=content_of(milestones, now.why, beside.resources),
        journey=now.journey,
        accounts=accounts_of(history, milestones, scores=beside.scores),
        after_win=now.after_win,
        segments=_segments(now, span) if span.period is Period.YEAR else (),
    )


def _proposal(now: Known, text: str) -> Proposal:
    file = now.milestones.settings.file
    return proposal_of(now.agreed, text, name=file.name if file else "the settings")


def _segments(now: Known, span: Span) -> tuple[Segments, ...]:
    has_deals = "opportunities" not in now.history.absent
    named = now.milestones.settings.pages.segments
    return tuple(segments_of(now.milestones, now.deals, span, by=by, has_deals=has_deals) for by in named)


def _plan(now: Known, period: Period) -> Plan | str:
    return now.plan if period in (Period.QUARTER, Period.YEAR) else f"A {period} is too short to plan by."


def _index(
    span: Span, settings: Settings, *, sales: SalesHalf, marketing: MarketingHalf, deals: pd.DataFrame
) -> AlignmentIndex:
    zone = settings.policy.calendar.time_zone
    spans = [span.earlier(back, time_zone=zone) for back in reversed(range(PERIODS))]
    parts = index_parts(
        spans,
        settings,
        response=sales.response,
        delivered=marketing.delivered,
        guarantee=marketing.guarantee,
        deals=deals,
    )
    return alignment_index(spans, parts, results=revenues(deals, spans))


def _of_this_and_the_last(
    notes: Sequence[ReviewNotes], span: Span, *, time_zone: str
) -> tuple[ReviewNotes | None, ReviewNotes | None]:
    """The notes of the review of `span`, and of the last one of its kind before it."""
    alike = [(one.span(time_zone).first, one) for one in notes if one.period is span.period]
    this = [one for first, one in alike if first == span.first]
    earlier = [one for first, one in sorted(alike, key=lambda each: each[0]) if first < span.first]
    return (this[-1] if this else None), (earlier[-1] if earlier else None)


def _changed(in_force: Definitions, versions: Sequence[Definitions], *, since: dt.date) -> tuple[str, ...]:
    """In what the definitions `in_force` differ from those that held just before the day `since`, by path."""
    held = [one for one in versions if one.effective_from < since]
    if not held or held[-1].version == in_force.version:
        return ()
    return definitions_differences(held[-1], in_force)
