"""A year by segment on a page: what each region brought, how its leads got on, and what they were worth."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from data_contracts.metrics.funnel import RATE
from data_contracts.metrics.segments import RATES, REST, UNKNOWN_SHARE, Segments
from data_contracts.metrics.sources import NEW, PIPELINE, REVENUE
from data_contracts.metrics.vectors import SHARE
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import said_of
from pages.review_sources import places_table, ranking_finding
from pages.review_words import (
    SAID,
    beside,
    between,
    capitalised,
    dimension,
    file_part,
    heading_of,
    made_by,
    sentences,
    top,
    with_total,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table

_RATES = {**{name: step.said for name, step in RATES.items()}, "translated": "pipeline → revenue"}


def segments_sections(found: Sequence[Segments], formats: Formats, *, name: str) -> Iterator[Section]:
    """The period by each segment of the settings, or why it is not split.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    if not found:
        because = "The settings name no segment: give attributes such as a region in `segments` of `[pages]`."
        yield Section("How regions differ nobody can say", missing=NotThere(because))
    for one in found:
        yield _section(one, formats, name)


def _section(told: Segments, formats: Formats, name: str) -> Section:
    by, period = dimension(told.by), said_of(told.span, formats)
    if not any(group is not None for group in told.rows["group"].to_pylist()):
        because = f"Of no lead of {period} anybody knows the {by}."
        return Section(f"What came by {by} nobody can say", missing=NotThere(because))
    files = f"{name}-by-{file_part(told.by)}"
    folded = {} if told.ranking.p_value is None else {f"Whether {by} matters": places_table(told.ranking, name)}
    return Section(
        _heading(told, by, period, formats),
        sentences(_advice(told, by, formats)),
        figures=tuple(_figures(told, formats)),
        tables=(_table(files, told),),
        folded=folded,
        points=tuple(_points(told, by, formats)),
    )


def _heading(told: Segments, by: str, period: str, formats: Formats) -> str:
    """Where most of the money came from; of the customers, or the leads, where nobody knows any money."""
    total = told.total.to_pylist()[0]
    one_by_one = told.rows.filter(pa.array([name != REST for name in told.rows["group"].to_pylist()], pa.bool_()))
    for column, what, written in (
        ("revenue", "revenue", formats.money),
        ("customers", "customers", formats.count),
        ("leads", "leads", formats.count),
    ):
        if most := top(one_by_one, column):
            amounts = f"{written(most[column])} of {written(total[column])}"
            return f"{period} by {by}: most {what} came from {most['group']}, {amounts}"
    return f"{period} by {by}: nothing came"


def _advice(told: Segments, by: str, formats: Formats) -> Iterator[str]:
    if told.ranking.p_value is None:
        yield told.ranking.said
    else:
        yield f"{capitalised(ranking_finding(told.ranking, formats))}."
    yield f"A lead counts under its {by} as it is known now."


def _points(told: Segments, by: str, formats: Formats) -> Iterator[str]:
    if told.unknown_share.value:
        share = formats.share(told.unknown_share.value)
        yield (
            f"Of {share} of the leads nobody knows the {by}. Where sales fills it in once a lead gets on, the known "
            "ones look better than they are: compare them with each other, not with those."
        )
    if told.why_no_deals:
        yield f"No pipeline and no revenue: {told.why_no_deals}."
    if told.not_over:
        named = ", ".join(_RATES[one] for one in told.not_over)
        yield f"Not every lead and deal was watched for as long as it may take: {named} may still move."
    if REST in told.rows["group"].to_pylist():
        yield f"The {formats.count(told.rows.num_rows)} rows hold the largest; smaller ones are told together."


def _figures(told: Segments, formats: Formats) -> Iterator[Figure]:
    unknown = told.unknown_share
    leads = told.total["leads"].to_pylist()[0]
    yield Figure(
        f"{heading_of(told.by)} not known",
        formats.share(unknown.value),
        beside(between(unknown, formats.share), "of the leads"),
        made_by(UNKNOWN_SHARE),
        f"{formats.count(leads)} leads.",
    )


def _table(files: str, told: Segments) -> Table:
    columns = (
        Column(SAID, heading_of(told.by)),
        Column("leads", "Leads", Shown.COUNT),
        Column("sqls", "SQLs", Shown.COUNT),
        Column("customers", "Customers", Shown.COUNT),
        *(
            Column(one, capitalised(said), Shown.SHARE, low=f"{one}_low", high=f"{one}_high")
            for one, said in _RATES.items()
        ),
        Column("pipeline", "Pipeline", Shown.MONEY),
        Column("revenue", "Revenue", Shown.MONEY),
        Column("revenue_before", f"Revenue the {told.span.period} before", Shown.MONEY),
    )
    how = made_by(NEW, RATE, PIPELINE, SHARE, REVENUE)
    return Table(files, f"A {dimension(told.by)} in the period", with_total(told.rows, told.total), columns, how)
