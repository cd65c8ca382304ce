"""The two performance vectors on a page: pipeline created, and pipeline translated into revenue, against plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.periods import Span
from data_contracts.metrics.vectors import (
    CREATED,
    PLANNED_SHARE,
    QUALIFIED,
    REVENUE,
    SHARE,
    SHARE_SO_FAR,
    AgainstPlan,
    Measure,
    Vectors,
)
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import said_of, span_of, with_days, within_sentence
from pages.review_words import (
    NO_INTERVAL,
    NOT_KNOWN,
    SAID,
    heading_of,
    in_words,
    known,
    range_of,
    yes_no,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table, told_rows

CALLED = {
    Measure.QUALIFIED: "Qualified pipeline",
    Measure.CREATED: "Pipeline created at all",
    Measure.REVENUE: "Revenue",
}


@dataclass(frozen=True, slots=True)
class _Last:
    """The last period that is over: what was measured beside its plan, and its deals.

    Attributes
    ----------
    deals
        By group, the largest amount first; one row where there are no groups.
    before
        All deals of the period before; None where there are none, and where there are groups.
    """

    span: Span
    plan: Mapping[Measure, AgainstPlan]
    deals: pa.Table
    before: Mapping[str, Any] | None
    by: str

    @property
    def whole(self) -> dict[str, Any] | None:
        """All deals of the period; None where there are none, and where there are groups."""
        rows: list[dict[str, Any]] = self.deals.to_pylist()
        return None if self.by or not rows else rows[0]


def vectors_section(vectors: Vectors, formats: Formats, *, name: str) -> Section:
    """Both vectors of the last period that is over, against plan; every period in tables that are opened.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    if not vectors.rows.num_rows and not vectors.plan:
        return Section(
            "What pipeline was created nobody can say",
            missing=NotThere("The CRM shows no deals: deliver `opportunities` with their amounts."),
        )
    rows = with_days(vectors.rows, "cohort")
    last = _last(vectors, rows, formats)
    tables = [] if not last.plan else [_plan_table(f"{name}-vectors-plan", list(last.plan.values()))]
    if vectors.by and last.deals.num_rows:
        tables.append(_cohorts(f"{name}-vectors-groups", last.deals, vectors.by))
    folded = {"Every period": _cohorts(f"{name}-vectors", rows, vectors.by)}
    if len(vectors.plan) > len(last.plan):
        folded["Every period against plan"] = _plan_table(f"{name}-vectors-plans", list(vectors.plan))
    return Section(
        _heading(last, formats),
        " ".join(_said(vectors, last, rows, formats)),
        figures=tuple(_figures(last, formats)),
        tables=tuple(tables),
        folded=folded,
        points=vectors.notes,
    )


def _last(vectors: Vectors, rows: pa.Table, formats: Formats) -> _Last:
    span = Span.before(vectors.as_of, vectors.period, time_zone=formats.time_zone)
    begins = (span.first, span.earlier(time_zone=formats.time_zone).first)
    here, before = (rows.filter(pc.equal(rows["cohort"], pa.scalar(first, pa.date32()))) for first in begins)
    return _Last(
        span=span,
        plan={one.measure: one for one in vectors.plan if one.period == span.name},
        deals=here.sort_by([("created_amount", "descending")]),
        before=None if vectors.by or not before.num_rows else before.to_pylist()[0],
        by=vectors.by,
    )


def _heading(last: _Last, formats: Formats) -> str:
    """Both against plan, pipeline before any of it is lost; without one, beside the period before, or by whom most."""
    begin = said_of(last.span, formats)
    told = [
        f"{word} reached {formats.share(one.reached_share)} of its target "
        f"({formats.money(one.measured)} of {formats.money(one.planned)})"
        for word, measure in (("pipeline created", Measure.CREATED), ("revenue", Measure.REVENUE))
        if (one := last.plan.get(measure)) and one.planned
    ]
    if told:
        return f"{begin}: {', '.join(told)}"
    if not last.deals.num_rows:
        return f"{begin}: no deal was created"
    first = last.deals.to_pylist()[0]
    created = formats.money(first["created_amount"])
    if last.by:
        return f"{begin}: most pipeline was created by {last.by} {first['group'] or NOT_KNOWN}, {created}"
    if first["n_without_amount"] == first["n_created"]:
        return f"{begin}: nobody knows the amount of the {formats.count(first['n_created'])} deals that were created"
    beside = f", {formats.money(last.before['created_amount'])} the {last.span.period} before" if last.before else ""
    return f"{begin}: {created} of pipeline created{beside}; {formats.money(first['lost_amount'])} of it is lost by now"


def _said(vectors: Vectors, last: _Last, rows: pa.Table, formats: Formats) -> Iterator[str]:
    """Where the pipeline went, and the second vector of the latest period of which it is known."""
    qualified, created = (last.plan.get(measure) for measure in (Measure.QUALIFIED, Measure.CREATED))
    if qualified and created and qualified.measured < qualified.planned <= created.measured:
        yield "Enough pipeline was created for the target: what is missing was lost since."
    if not vectors.by:
        yield _translated_said(vectors, last, rows, formats)
    yield "Both teams answer for both."


def _translated_said(vectors: Vectors, last: _Last, rows: pa.Table, formats: Formats) -> str:
    known = [row for row in rows.to_pylist() if row["share"] is not None and row["cohort"] <= last.span.first]
    if not known:
        return "How much pipeline becomes revenue nobody can say yet: no deal was watched for long enough."
    row = known[-1]
    planned = dict(vectors.planned_shares).get(span_of(row["cohort"], vectors.period, formats).name)
    beside = "" if planned is None else f"; the plan's revenue is {formats.share(planned)} of its pipeline"
    days = formats.count(row["horizon_days"])
    created = f"Of the pipeline of {within_sentence(row['cohort'], vectors.period, formats)}"
    return (
        f"{created}, {formats.share(row['share'])} becomes revenue within {days} days "
        f"({_between(row, formats)}){beside}."
    )


def _figures(last: _Last, formats: Formats) -> Iterator[Figure]:
    """The two vectors, each beside its target."""
    whole = last.whole
    rows = "" if whole is None else f"Of {formats.count(whole['n_created'])} deals."
    columns = {Measure.QUALIFIED: "qualified_amount", Measure.CREATED: "created_amount"}
    for measure in Measure:
        column, one = columns.get(measure), last.plan.get(measure)
        if one is not None:
            beside = f"planned {formats.money(one.planned)}"
            is_short = one.measured < one.planned
            yield Figure(CALLED[measure], formats.money(one.measured), beside, f"{measure.formula}.", rows, is_short)
        elif column and whole is not None and whole["n_without_amount"] < whole["n_created"]:
            yield Figure(CALLED[measure], formats.money(whole[column]), "no target given", f"{measure.formula}.", rows)
    if whole is not None and whole["share"] is not None:
        share = formats.share(whole["share"])
        yield Figure("Translated into revenue", share, _between(whole, formats), f"{SHARE}.", rows)


def _between(row: Mapping[str, Any], formats: Formats) -> str:
    return range_of(row, "share", formats.share) or NO_INTERVAL


def _plan_table(name: str, told: list[AgainstPlan]) -> Table:
    columns = (
        Column("period", "Period"),
        Column("measure", "What"),
        Column("measured", "Measured", Shown.MONEY),
        Column("planned", "Planned", Shown.MONEY),
        Column("reached", "Reached", Shown.SHARE),
        Column("over", "Period over"),
    )
    rows = [
        {
            "period": one.period,
            "measure": CALLED[one.measure],
            "measured": one.measured,
            "planned": one.planned,
            "reached": one.reached_share,
            "over": "yes" if one.is_over else "not yet",
        }
        for one in told
    ]
    how = f"{QUALIFIED}. {CREATED}. {REVENUE}. The target of pipeline is held against both. {PLANNED_SHARE}."
    return Table(name, "An amount beside its target", told_rows(rows, columns), columns, how)


def _cohorts(name: str, rows: pa.Table, by: str) -> Table:
    rows = in_words(rows, {"mature": yes_no("is_mature", no="not yet"), SAID: known("group")})
    columns = (
        Column("cohort", "From", Shown.DAY),
        *((Column(SAID, heading_of(by)),) if by else ()),
        Column("n_created", "Deals", Shown.COUNT),
        Column("created_amount", "Created at all", Shown.MONEY),
        Column("qualified_amount", "Open or won", Shown.MONEY),
        Column("won_amount", "Won", Shown.MONEY),
        Column("share", "Translated", Shown.SHARE, low="share_low", high="share_high"),
        Column("share_so_far", "So far", Shown.SHARE),
        Column("mature", "Horizon passed"),
    )
    how = (
        f"{CREATED}. {QUALIFIED}. {SHARE}. {SHARE_SO_FAR}. Qualified pipeline falls as deals are lost: compare it "
        "between periods of the same age."
    )
    return Table(name, "The deals that were created in a period", rows, columns, how)
