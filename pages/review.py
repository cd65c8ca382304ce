"""Reviews: a page a period, the same parts each time, in the order in which both teams talk about them."""

from collections.abc import Iterator, Mapping, Sequence

from data_contracts.metrics.periods import Period
from data_contracts.metrics.plan import Plan
from data_contracts.metrics.review import Deeper, HeldReview, Review
from data_contracts.record_table import markdown_text, table_markdown
from pages.formats import Formats
from pages.frame import Frame, NotThere
from pages.review_accounts import accounts_section
from pages.review_after_win import after_win_section
from pages.review_agreed import agreed_section
from pages.review_black_hole import black_hole_section
from pages.review_content import RESOURCES, content_section, resources_page
from pages.review_costs import attribution_section, costs_section, own_pipeline_section
from pages.review_counts import counts_figures, counts_heading, counts_section
from pages.review_delivered import mqls_delivered_section
from pages.review_funnel import funnel_section
from pages.review_gap import gap_section
from pages.review_guarantee import guarantee_section
from pages.review_index import checklist_section, decisions_section, index_section, notes_section
from pages.review_journey import journey_section
from pages.review_loop import loop_section
from pages.review_nurture import nurture_section
from pages.review_periods import said_of
from pages.review_plan import plan_section
from pages.review_rejections import rejections_section
from pages.review_response import response_section
from pages.review_segments import segments_sections
from pages.review_sources import off_icp_section, ranking_section, sources_section
from pages.review_stuck import stuck_section
from pages.review_vectors import vectors_section
from pages.review_why import why_section
from pages.sections import Section
from pages.site import Page

FIRST = "review.html"
"""The page of the site that lists the reviews."""

LONG = (Period.QUARTER, Period.YEAR)
"""In reviews of these, single leads and accounts are opened, not seen: who works them has the weekly one."""

FOLDER = "reviews"
"""Where the reviews themselves are, from the folder of the site."""

SHEET = "index.html"
"""The first page of a review's folder. From a month on it has another one: what to use."""


def review_sheets(review: Review, frame: Frame) -> list[Page]:
    """One review as pages of a folder of its own: the review, and from a month on what each team gave the other."""
    if review.deeper is None:
        return [_page(review, frame)]
    return [_page(review, frame), resources_page(review.deeper.content, frame)]


def navigation_of(review: Review) -> Mapping[str, str]:
    """The pages that each page of `review_sheets` links to."""
    return {} if review.deeper is None else {SHEET: "Review", RESOURCES: "What to use"}


def review_summary(review: Review, frame: Frame) -> str:
    """The review in Markdown: its finding, its figures, and the finding of each part."""
    formats = frame.formats
    told = [{"": one.name, "now": one.value, "beside": one.beside} for one in counts_figures(review.counts, formats)]
    findings = (
        f"- {markdown_text(section.missing.because if section.missing else section.heading)}"
        for section in _sections(review, frame)
    )
    parts = [f"## {markdown_text(counts_heading(review.counts, formats))}", table_markdown(told), "\n".join(findings)]
    if frame.settings.url:
        parts.append(f"[All reviews]({frame.settings.url.rstrip('/')}/{FIRST})")
    return "\n\n".join(parts)


def findings(review: Review, frame: Frame) -> Iterator[str]:
    """The finding of the review, then that of each part that is there."""
    yield counts_heading(review.counts, frame.formats)
    yield from (section.heading for section in _sections(review, frame) if not section.missing)


def reviews_page(held: Sequence[HeldReview] | NotThere, frame: Frame) -> Page:
    """The reviews that were held, the latest first, each with its finding and a link to it; or why there are none."""
    if isinstance(held, NotThere):
        told = {"heading": "Which reviews were held nobody can say", "missing": held, "held": []}
        return Page(FIRST, "Review", "reviews.html", told)
    missing = NotThere("No review was held yet; `leadscore review` holds the one of the last week.")
    told = {
        "heading": held[0].finding if held else "No review was held yet",
        "missing": None if held else missing,
        "held": [(f"{FOLDER}/{one.folder}/{SHEET}", one) for one in held],
    }
    return Page(FIRST, "Review", "reviews.html", told)


def _page(review: Review, frame: Frame) -> Page:
    formats = frame.formats
    sections = list(_sections(review, frame))
    if review.span.period in LONG:
        sections = [one.with_leads_folded() for one in sections]
    tables = {table.name: table for section in sections for table in section.all_tables}
    return Page(
        SHEET,
        f"Review · {said_of(review.span, formats)}",
        "review.html",
        {
            "heading": counts_heading(review.counts, formats),
            "advice": _advice(review, frame),
            "figures": list(counts_figures(review.counts, formats)),
            "sections": [one for one in sections if not one.is_empty],
            "unknown": [one for one in sections if one.is_empty],
        },
        tables,
    )


def _sections(review: Review, frame: Frame) -> Iterator[Section]:
    formats, name, targets = frame.formats, str(review.span.period), review.targets
    sales, marketing = review.sales, review.marketing
    yield decisions_section(review.last_notes, formats, today=review.as_of.date(), name=name)
    yield notes_section(review.notes)
    yield index_section(review.index, formats, name=name)
    if review.deeper is not None:
        yield from _money(review, formats, name)
    yield mqls_delivered_section(marketing.delivered, formats, span=review.span, name=name)
    yield sources_section(marketing.sources, formats, name=name)
    yield guarantee_section(marketing.guarantee, formats, targets=targets, name=name)
    yield off_icp_section(marketing.off_icp, formats, name=name)
    yield response_section(sales.response, formats, targets=targets, splits=sales.response_by, name=name)
    yield black_hole_section(sales.black_hole, formats, name=name)
    yield rejections_section(sales.rejections, formats, name=name)
    yield loop_section(review.closed_loop, formats, name=name)
    yield stuck_section(sales.stuck, formats, name=name)
    yield funnel_section(review.funnel, formats, name=name)
    yield nurture_section(marketing.nurture, formats, name=name)
    if review.deeper is None:
        yield from _money(review, formats, name)
    else:
        yield from _deeper(review.deeper, formats, name)
    if review.deeper is not None and review.span.period is Period.YEAR:
        yield from segments_sections(review.deeper.segments, formats, name=name)
    yield checklist_section(review.checklist, formats, name=name)
    yield counts_section(review.counts)


def _money(review: Review, formats: Formats, name: str) -> Iterator[Section]:
    """What came of it all, why less than was planned, and what the next target takes: first where there is time."""
    yield vectors_section(review.money.vectors, formats, name=name)
    if review.money.gap is not None:
        yield gap_section(review.money.gap, formats, name=name)
    if review.span.period in LONG:
        yield _plan(review.plan, formats, name)


def _plan(plan: Plan | str, formats: Formats, name: str) -> Section:
    if isinstance(plan, str):
        return Section("What the next target takes", missing=NotThere(plan))
    return plan_section(plan, formats, name=name)


def _deeper(told: Deeper, formats: Formats, name: str) -> Iterator[Section]:
    """What a week is too short for."""
    yield agreed_section(told.agreed, formats, proposal=told.proposal, name=name)
    yield costs_section(told.costs, formats, name=name)
    yield ranking_section(told.ranking, formats, name=name)
    yield own_pipeline_section(told.own_pipeline, formats, name=name)
    yield attribution_section(told.attribution, formats, name=name)
    yield why_section(told.why, formats, name=name)
    yield content_section(told.content, formats, name=name)
    yield journey_section(told.journey, formats, name=name)
    yield accounts_section(told.accounts, formats, name=name)
    yield after_win_section(told.after_win, formats, name=name)


def _advice(review: Review, frame: Frame) -> str:
    """Under what the numbers were counted, and what they are compared with."""
    formats = frame.formats
    changed = "; ".join(review.definitions_changed)
    definitions = f"Definitions {review.definitions_version}" + (
        f", changed since: {changed}. Both periods are counted under them" if changed else ", as in the period before"
    )
    return (
        f"{definitions}. Known at {formats.full_moment(review.as_of)}; the {review.span.period} before as it was known "
        f"at {formats.full_moment(review.before_as_of)}, as long after its end."
    )
