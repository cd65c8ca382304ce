"""Sources, campaigns, personas, segments on a page: what each brought, whether they differ, who is off the profile."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.funnel import Step
from data_contracts.metrics.guarantee import OFF_ICP_SHARE
from data_contracts.metrics.off_icp import ABOVE, OffIcp
from data_contracts.metrics.periods import Span
from data_contracts.metrics.ranking import LEAST_WORTH, LEVEL, P_VALUE, SHRUNKEN, Ranking
from data_contracts.metrics.sources import CYCLE, NEW, PIPELINE, REVENUE, WIN_RATE, WON_OF_CLOSED, Sources
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import DATED, last_over, row_of, rows_of, said_of, span_before, with_days
from pages.review_words import (
    SAID,
    Said,
    between,
    dimension,
    file_part,
    heading_of,
    in_words,
    named,
    sure,
    top,
    with_total,
    yes_no,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table

_TOLD = {"customers": "customers", "sqls": "SQLs", "mqls": "MQLs", "leads": "leads"}
"""What the finding may count, what matters most first."""

SMALL = 0.001
"""A chance below this is told as such: a percentage with one decimal would show 0."""

NOBODY_JUDGED = (
    "at none of them was a version of the definitions with criteria in force of which anything was known of the lead"
)


def sources_section(sources: Sources, formats: Formats, *, name: str) -> Section:
    """What each group brought in the last period that is over, and which brought most.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    span = last_over(sources.spans, sources.as_of)
    if span is None or not sources.rows.num_rows:
        return Section(
            f"What each {dimension(sources.by)} brought nobody can say",
            missing=NotThere(f"No lead came by any {dimension(sources.by)} in a period that is over."),
        )
    files = f"{name}-{file_part(sources.by)}"
    rows, total = rows_of(sources.rows, span), row_of(sources.totals, span)
    table = _brought(files, with_total(_most_first(rows), rows_of(sources.totals, span)), sources)
    every = with_total(*(with_days(one, "period") for one in (sources.rows, sources.totals)))
    return Section(
        f"{said_of(span, formats)}: {_most(rows, total, sources, formats)}",
        "These counts say what came, not how good it is: whether rates differ at all is another question.",
        figures=tuple(_totals(sources, span, total, formats)),
        tables=(table,),
        folded={
            "Every period": _brought(f"{files}-periods", every, sources, DATED),
            "Win rate and sales cycle by cohort": _cohorts(f"{files}-cohorts", sources),
        },
        points=tuple(_points(sources, total, formats)),
    )


def _most_first(rows: pa.Table) -> pa.Table:
    return rows.sort_by([("customers", "descending"), ("sqls", "descending"), ("leads", "descending")])


def _most(rows: pa.Table, total: Mapping[str, Any], sources: Sources, formats: Formats) -> str:
    """The group with most of what matters most of all that came, and the one with most revenue."""
    told = []
    what = next((one for one in _TOLD if total[one]), None)
    if what is not None and (most := top(rows, what)):
        told.append(
            f"{dimension(sources.by)} {most['group']} brought most {_TOLD[what]}, {formats.count(most[what])} of "
            f"{formats.count(total[what])}"
        )
    if total["revenue"] and (most := top(rows, "revenue")):
        amounts = f"{formats.money(most['revenue'])} of {formats.money(total['revenue'])}"
        told.append(f"most revenue came by {most['group']}, {amounts}")
    return "; ".join(told) or f"nobody knows by which {dimension(sources.by)} anything came"


def _totals(sources: Sources, span: Span, total: Mapping[str, Any], formats: Formats) -> Iterator[Figure]:
    before = row_of(sources.before, span_before(sources.spans, span))
    for column, name, formula in (
        ("mqls", "MQLs", NEW),
        ("customers", "Customers", NEW),
        ("pipeline", "Qualified pipeline", PIPELINE),
        ("revenue", "Revenue", REVENUE),
    ):
        write = formats.money if formula is not NEW else formats.count
        if total[column] is not None:
            yield Figure(name, write(total[column]), _beside(before, column, span, write), f"{formula}.", "")


def _beside(before: Mapping[str, Any], column: str, span: Span, write: Callable[[Any], str]) -> str:
    """What came in the period before, as it was known the same time after its end; why there is nothing else."""
    if before[column] is None:
        return "nothing to compare"
    if before.get(f"{column}_without_amount"):
        return f"nothing to compare: what open deals were worth the {span.period} before nobody knows"
    return f"{write(before[column])} the {span.period} before"


def _brought(name: str, rows: pa.Table, sources: Sources, before: tuple[Column, ...] = ()) -> Table:
    columns = (
        *before,
        Column(SAID, heading_of(sources.by)),
        Column("leads", "Leads", Shown.COUNT),
        Column("mqls", "MQLs", Shown.COUNT),
        Column("sqls", "SQLs", Shown.COUNT),
        Column("customers", "Customers", Shown.COUNT),
        Column("pipeline", "Pipeline", Shown.MONEY),
        Column("revenue", "Revenue", Shown.MONEY),
        Column("won_of_closed", "Won / closed", Shown.SHARE, low="won_of_closed_low", high="won_of_closed_high"),
    )
    how = f"{NEW}. {PIPELINE}. {REVENUE}. {WON_OF_CLOSED}."
    return Table(name, f"What a {dimension(sources.by)} brought in a period", rows, columns, how)


def _cohorts(name: str, sources: Sources) -> Table:
    steps = pa.array([Step.SQL_TO_CUSTOMER.value, Step.LEAD_TO_CUSTOMER.value])
    told = with_total(sources.cohorts.rows, sources.total_cohorts.rows)
    rows = with_days(told.filter(pc.is_in(told["step"], steps)), "cohort")
    words: dict[str, Said] = {
        "step_said": lambda row: Step(row["step"]).said,
        "mature": yes_no("is_mature", no="not yet"),
        "days_said": lambda row: "at least" if row["is_least_median"] else "no",
    }
    rows = in_words(rows, words)
    columns = (
        Column("cohort", "From", Shown.DAY),
        Column(SAID, heading_of(sources.by)),
        Column("step_said", "Step"),
        Column("entered", "Leads", Shown.COUNT),
        Column("rate", "Take it", Shown.SHARE, low="rate_low", high="rate_high"),
        Column("days_median", "Days, half of them", Shown.NUMBER),
        Column("days_said", "Still rising"),
        Column("mature", "Horizon passed"),
    )
    return Table(name, "A cohort of leads taking a step", rows, columns, f"{WIN_RATE}. {CYCLE}.")


def _points(sources: Sources, total: Mapping[str, Any], formats: Formats) -> Iterator[str]:
    if sources.why_no_deals:
        yield f"No pipeline and no revenue: {sources.why_no_deals}."
    for column, what in (("pipeline", "the pipeline"), ("revenue", "the revenue")):
        if n := total[f"{column}_without_amount"]:
            yield f"{formats.count(n)} deals of {what} have no known amount: they add nothing."
    if sources.undated_wins:
        yield f"{formats.count(sources.undated_wins)} won deals have no date of their close: they are in no period."


def ranking_section(ranking: Ranking, formats: Formats, *, name: str) -> Section:
    """Whether groups differ by more than chance, and in which order; no order where they do not.

    Parameters
    ----------
    name
        What the table's files begin with.
    """
    by, step = dimension(ranking.by), ranking.step.said
    if ranking.p_value is None:
        because = f"{ranking.said} It takes two, of which leads were watched for {ranking.horizon_days} days."
        return Section(f"Whether {step} differs by {by} nobody can say", missing=NotThere(because))
    around = between(ranking.rate, formats.share)
    beyond = f"ranked where it is below {formats.share(LEVEL)}"
    figures = (
        Figure(f"{step}, all leads", formats.share(ranking.rate.value), around, f"{SHRUNKEN}.", ""),
        Figure("Chance alone does as much", _chance_said(ranking.p_value, formats), beyond, f"{P_VALUE}.", ""),
    )
    return Section(
        ranking_finding(ranking, formats),
        "Small groups are drawn towards the mean: what is left of their lead is no luck of few leads."
        if ranking.is_more_than_chance
        else "Nothing follows from the order of these rates: move no budget by them.",
        figures=figures,
        tables=(places_table(ranking, name),),
    )


def _chance_said(p_value: float, formats: Formats) -> str:
    return f"below {formats.share(SMALL)}" if p_value < SMALL else formats.share(p_value)


def ranking_finding(ranking: Ranking, formats: Formats) -> str:
    """Whether the groups of a ranking differ beyond chance, and which is first; of one that compares some."""
    by, step, of_all = dimension(ranking.by), ranking.step.said, formats.share(ranking.rate.value)
    placed = [row for row in ranking.rows.to_pylist() if row["place"] is not None]
    if not ranking.is_more_than_chance:
        return (
            f"Chance alone explains how {step} differs by {by}: there is no ranking, all together take it at {of_all}"
        )
    begin = f"{step} differs by {by} beyond chance"
    if not placed:
        return f"{begin}, but each has too few leads for a place"
    first = min(placed, key=lambda row: row["place"])
    rate = sure(first, "shrunken", formats.share)
    return f"{begin}: {first['group']} is first with {rate}, all have {of_all}"


def places_table(ranking: Ranking, name: str) -> Table:
    """The groups of a ranking: by place where they differ beyond chance, else by name."""
    columns = (
        *((Column("place", "Place", Shown.COUNT),) if ranking.is_more_than_chance else ()),
        Column(SAID, heading_of(ranking.by)),
        Column("shrunken", "Rate, drawn to the mean", Shown.SHARE, low="shrunken_low", high="shrunken_high"),
        Column("rate", "Rate by itself", Shown.SHARE, low="rate_low", high="rate_high"),
        Column("entered", "Leads", Shown.COUNT),
        Column("reached", "Got there so far", Shown.COUNT),
    )
    how = (
        f"{ranking.step.said} within {ranking.horizon_days} days. {SHRUNKEN}. {P_VALUE}. Groups that count as fewer "
        f"than {LEAST_WORTH} independent leads have no place."
    )
    caption = f"A {dimension(ranking.by)} with its rate"
    return Table(f"{name}-{file_part(ranking.by)}-ranking", caption, named(ranking.rows), columns, how)


def off_icp_section(off_icp: OffIcp, formats: Formats, *, name: str) -> Section:
    """Which share of the hand-offs misses the profile, and which groups bring clearly more of them.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    span = last_over(off_icp.spans, off_icp.as_of)
    total = row_of(off_icp.totals, span)
    why_not = off_icp.why_not or ("" if total["off_icp_share"] is not None else NOBODY_JUDGED)
    if span is None or why_not:
        because = f"Hand-offs are held against no profile: {why_not or 'no period is over'}."
        return Section("Which hand-offs miss the profile nobody can say", missing=NotThere(because))
    rows = named(rows_of(off_icp.rows, span)).sort_by([("is_above", "descending"), ("misses", "descending")])
    above = rows.filter(rows["is_above"])[SAID].to_pylist()
    agreed = dict(zip(off_icp.spans, off_icp.yardsticks, strict=True))[span] if off_icp.is_agreed else None
    figures = (
        _off_figure(total, agreed, formats),
        Figure("Clearly above", formats.count(len(above)), f"of {formats.count(rows.num_rows)}", f"{ABOVE}.", ""),
    )
    every = with_total(*(with_days(one, "period") for one in (off_icp.rows, off_icp.totals)))
    return Section(
        _above_heading(above, span, off_icp, agreed, formats),
        f"Most of them miss the criterion {total['most_missed']}." if total["most_missed"] else "",
        figures=figures,
        tables=(_hand_offs(f"{name}-{file_part(off_icp.by)}-off-icp", rows, off_icp),),
        folded={"Every period": _hand_offs(f"{name}-{file_part(off_icp.by)}-off-icp-periods", every, off_icp, DATED)},
    )


def _above_heading(above: list[str], span: Span, off_icp: OffIcp, agreed: float | None, formats: Formats) -> str:
    """Which groups stand out; the share of all is told with the guarantee."""
    than = "all hand-offs" if agreed is None else f"the agreed {formats.share(agreed)}"
    by, begin = dimension(off_icp.by), said_of(span, formats)
    if not above:
        return f"{begin}: no {by} misses the profile clearly more often than {than}"
    who = f"{by} {above[0]} and {len(above) - 1} more miss" if len(above) > 1 else f"{by} {above[0]} misses"
    return f"{begin}: {who} the profile clearly more often than {than}"


def _off_figure(total: Mapping[str, Any], agreed: float | None, formats: Formats) -> Figure:
    held = "nothing is agreed" if agreed is None else f"agreed at most {formats.share(agreed)}"
    is_bad = agreed is not None and total["off_icp_share_low"] is not None and total["off_icp_share_low"] > agreed
    rows = f"Of {formats.count(total['known'])} hand-offs that can be judged, of {formats.count(total['hand_offs'])}."
    return Figure("Off the profile", formats.share(total["off_icp_share"]), held, f"{OFF_ICP_SHARE}.", rows, is_bad)


def _hand_offs(name: str, rows: pa.Table, off_icp: OffIcp, before: tuple[Column, ...] = ()) -> Table:
    columns = (
        *before,
        Column(SAID, heading_of(off_icp.by)),
        Column("off_icp_share", "Off the profile", Shown.SHARE, low="off_icp_share_low", high="off_icp_share_high"),
        Column("above", "Clearly above", bad="yes"),
        Column("misses", "Miss it", Shown.COUNT),
        Column("known", "Can be judged", Shown.COUNT),
        Column("hand_offs", "Hand-offs", Shown.COUNT),
        Column("most_missed", "Most often missed"),
    )
    told = in_words(rows, {"above": yes_no("is_above")})
    return Table(name, "Hand-offs of a period", told, columns, f"{OFF_ICP_SHARE}. {ABOVE}.")
