"""Money on a page: what a lead, an SQL and a customer cost, whose the pipeline is, and what revenue is laid to."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from data_contracts.metrics.attribution import FIRST_TOUCH, LAST_TOUCH, LINEAR, Attribution
from data_contracts.metrics.costs import COST_OF, COST_PER, COST_PER_COHORT_CUSTOMER, Costs, NoCost, Scope
from data_contracts.metrics.own_pipeline import PIPELINE_SHARE, REVENUE_SHARE, OwnPipeline, Side
from data_contracts.metrics.periods import Span
from data_contracts.metrics.sources import NEW
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import DATED, last_over, row_of, rows_of, said_of, span_before, with_days
from pages.review_words import (
    NO_INTERVAL,
    NOT_KNOWN,
    SAID,
    Said,
    capitalised,
    file_part,
    heading_of,
    in_words,
    top,
    with_total,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table

_ONE = {"customers": "a customer", "sqls": "an SQL", "mqls": "an MQL", "leads": "a lead"}
"""What costs are of, what matters most first."""

SIDES = {Side.SALES: "sales", Side.MARKETING: "marketing", Side.NOT_KNOWN: NOT_KNOWN}


def costs_section(costs: Costs, formats: Formats, *, name: str) -> Section:
    """What a customer cost in the last period that is over, all leads and all spend together, then group by group.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    span = last_over(costs.spans, costs.as_of)
    everything = costs.rows.filter(pa.array([one == Scope.ALL for one in costs.rows["scope"].to_pylist()], pa.bool_()))
    whole = row_of(everything, span)
    why_not = "no period is over" if span is None else whole["why_not"] and NoCost(whole["why_not"]).said
    if span is None or why_not:
        because = f"No cost: {why_not}. Deliver `spend` for every period of the review, by source or campaign."
        return Section("What leads and customers cost nobody can say", missing=NotThere(because))
    before = row_of(costs.before, span_before(costs.spans, span))
    rows = _told(rows_of(costs.rows, span), formats)
    return Section(
        f"{said_of(span, formats)}: {_cost_said(whole, before, span, formats)}",
        "That is all spend by all leads, also those that cost nothing; the spend may have brought later ones too.",
        figures=tuple(_cost_figures(whole, before, span, formats)),
        tables=(_costs(f"{name}-costs{_by(costs)}", rows, costs),),
        folded={"Every period": _every_cost(f"{name}-costs{_by(costs)}-periods", _told(costs.rows, formats), costs)},
        points=tuple(_cost_points(costs, formats)),
    )


def _by(costs: Costs) -> str:
    return f"-{file_part(costs.by)}" if costs.by else ""


def _cost_said(whole: Mapping[str, Any], before: Mapping[str, Any], span: Span, formats: Formats) -> str:
    """The cost of what matters most and of which any came; what it is at least where none came."""
    known = [what for what in _ONE if whole[COST_OF[what]] is not None]
    if not known:
        return f"{formats.money(whole['spend'])} was spent, and {_least(whole, formats) or 'nobody came'}"
    what = known[0]
    earlier = before[COST_OF[what]]
    beside = f", {formats.money(earlier)} the {span.period} before" if earlier is not None else ""
    return f"{_ONE[what]} cost {formats.money(whole[COST_OF[what]])} ({_between(whole, what, formats)}){beside}"


def _between(row: Mapping[str, Any], what: str, formats: Formats) -> str:
    low, high = (row[f"{COST_OF[what]}_{end}"] for end in ("low", "high"))
    if low is None:
        return NO_INTERVAL
    return f"{formats.money(low)} to {formats.money(high)}" if high is not None else f"at least {formats.money(low)}"


def _least(row: Mapping[str, Any], formats: Formats) -> str:
    """What the first milestone that nobody reached costs at least; empty where there is none, or nothing is known."""
    missing = [one for one in _ONE if row[COST_OF[one]] is None and row[f"{COST_OF[one]}_low"] is not None]
    return f"{_ONE[missing[-1]]} costs at least {formats.money(row[f'{COST_OF[missing[-1]]}_low'])}" if missing else ""


def _cost_figures(
    whole: Mapping[str, Any], before: Mapping[str, Any], span: Span, formats: Formats
) -> Iterator[Figure]:
    spent = (
        "nothing to compare"
        if before["spend"] is None
        else f"{formats.money(before['spend'])} the {span.period} before"
    )
    yield Figure("Spend", formats.money(whole["spend"]), spent, "Marketing spend of the period.", "")
    for what, said in (("mqls", "Per MQL"), ("sqls", "Per SQL"), ("customers", "Per customer")):
        if whole[what] is not None:
            rows = f"Of {formats.count(whole[what])}."
            cost = formats.money(whole[COST_OF[what]])
            yield Figure(said, cost, _between(whole, what, formats), f"{COST_PER}.", rows)


def _told(rows: pa.Table, formats: Formats) -> pa.Table:
    """The rows by name, those of several groups by what they are, with why there is no cost or what it is at least."""
    unnamed = {Scope.GROUP: NOT_KNOWN, Scope.WITH_SPEND: "all with spend", Scope.ALL: "all"}
    words: dict[str, Said] = {
        SAID: lambda row: row["group"] or unnamed[Scope(row["scope"])],
        "note": lambda row: _note(row, formats),
    }
    return in_words(rows, words)


def _note(row: Mapping[str, Any], formats: Formats) -> str:
    if row["why_not"]:
        return f"no cost: {NoCost(row['why_not']).said}"
    return _least(row, formats)


def _cost_columns(costs: Costs) -> tuple[Column, ...]:
    return (
        Column(SAID, heading_of(costs.by) if costs.by else "Of"),
        Column("spend", "Spend", Shown.MONEY),
        *(_cost_column(what, said) for what, said in (("customers", "Per customer"), ("sqls", "Per SQL"))),
        *(_cost_column(what, said) for what, said in (("mqls", "Per MQL"), ("leads", "Per lead"))),
    )


def _cost_column(what: str, said: str) -> Column:
    return Column(COST_OF[what], said, Shown.MONEY, low=f"{COST_OF[what]}_low", high=f"{COST_OF[what]}_high")


def _costs(name: str, rows: pa.Table, costs: Costs) -> Table:
    columns = (*_cost_columns(costs), Column("note", "Mind"))
    return Table(name, "Spend and what it cost", rows, columns, f"{COST_PER}.")


def _every_cost(name: str, rows: pa.Table, costs: Costs) -> Table:
    cohort = _cost_column("cohort_customers", "Per customer of the cohort")
    columns = (*DATED, *_cost_columns(costs), cohort, Column("note", "Mind"))
    how = f"{COST_PER}. {COST_PER_COHORT_CUSTOMER}."
    return Table(name, "Spend of a period and what it cost", with_days(rows, "period"), columns, how)


def _cost_points(costs: Costs, formats: Formats) -> Iterator[str]:
    if costs.without_leads:
        named_so = ", ".join(costs.without_leads)
        yield f"Spend without any lead ever: {named_so}. It is another spelling, or money that brought nobody."
    if costs.longest_days is not None:
        yield f"A row of spend covers {formats.count(costs.longest_days)} days at most."


def own_pipeline_section(own: OwnPipeline, formats: Formats, *, name: str) -> Section:
    """How much of the pipeline and the revenue sales found itself, beside marketing's.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    span = last_over(own.spans, own.as_of)
    if own.why_not or span is None or not own.rows.num_rows:
        because = f"No side is known: {own.why_not or 'no period is over'}."
        return Section("How much sales found itself nobody can say", missing=NotThere(because))
    rows = rows_of(own.rows, span)
    sides = {Side(row["side"]): row for row in rows.to_pylist()}
    before = {row["side"]: row for row in rows_of(own.rows, span_before(own.spans, span)).to_pylist()}
    points = [
        f"No lead has the source {one}, which is sales' own: another spelling, or nobody came yet."
        for one in own.never_seen
    ]
    return Section(
        f"{said_of(span, formats)}: {_own_said(sides, formats)}",
        "Who found a lead is told by its source alone: each side's pipeline was worked by both.",
        figures=tuple(_own_figures(sides, before, span, formats)),
        tables=(_sides(f"{name}-own-pipeline", rows),),
        folded={"Every period": _sides(f"{name}-own-pipeline-periods", with_days(own.rows, "period"), DATED)},
        points=tuple(points),
    )


def _own_said(sides: Mapping[Side, Mapping[str, Any]], formats: Formats) -> str:
    sales, marketing = sides[Side.SALES], sides[Side.MARKETING]
    if sales["pipeline_share"] is None:
        leads = formats.count(sales["leads"]), formats.count(marketing["leads"])
        return f"no pipeline was created; sales found {leads[0]} leads, marketing {leads[1]}"
    low, high = formats.share(sales["pipeline_share_low"]), formats.share(sales["pipeline_share_high"])
    unknown = sides[Side.NOT_KNOWN]["pipeline_share"]
    rest = f", of {formats.share(unknown)} nobody knows who" if unknown else ""
    return (
        f"sales found {formats.share(sales['pipeline_share'])} of the pipeline itself ({low} to {high}), marketing "
        f"{formats.share(marketing['pipeline_share'])}{rest}"
    )


def _own_figures(
    sides: Mapping[Side, Mapping[str, Any]], before: Mapping[str, Mapping[str, Any]], span: Span, formats: Formats
) -> Iterator[Figure]:
    for side, whose in ((Side.SALES, "Sales' own"), (Side.MARKETING, "Marketing's")):
        for what, formula in (("pipeline", PIPELINE_SHARE), ("revenue", REVENUE_SHARE)):
            share = sides[side][f"{what}_share"]
            if share is not None:
                earlier = before.get(side, {}).get(f"{what}_share")
                beside = formats.money(sides[side][what])
                if earlier is not None:
                    beside += f" · {formats.share(earlier)} the {span.period} before"
                yield Figure(f"{whose} {what}", formats.share(share), beside, f"{formula}.", "")


def _sides(name: str, rows: pa.Table, before: tuple[Column, ...] = ()) -> Table:
    told = in_words(rows, {"side_said": lambda row: SIDES[Side(row["side"])]})
    columns = (
        *before,
        Column("side_said", "Found by"),
        Column("pipeline", "Pipeline", Shown.MONEY),
        Column("pipeline_share", "Of all pipeline", Shown.SHARE, low="pipeline_share_low", high="pipeline_share_high"),
        Column("revenue", "Revenue", Shown.MONEY),
        Column("revenue_share", "Of all revenue", Shown.SHARE, low="revenue_share_low", high="revenue_share_high"),
        Column("leads", "Leads", Shown.COUNT),
        Column("sqls", "SQLs", Shown.COUNT),
        Column("customers", "Customers", Shown.COUNT),
    )
    return Table(name, "Who found leads", told, columns, f"{PIPELINE_SHARE}. {REVENUE_SHARE}. {NEW}.")


def attribution_section(attribution: Attribution, formats: Formats, *, name: str) -> Section:
    """What the revenue of the last period that is over is laid to, by each rule.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    span = last_over(attribution.spans, attribution.as_of)
    total = row_of(attribution.totals, span)
    if attribution.why_no_deals or span is None:
        because = f"No revenue: {attribution.why_no_deals or 'no period is over'}."
        return Section("What revenue is laid to nobody can say", missing=NotThere(because))
    rows = rows_of(attribution.rows, span).sort_by([("first_touch", "descending")])
    shown = with_total(rows, rows_of(attribution.totals, span))
    every = with_total(*(with_days(one, "period") for one in (attribution.rows, attribution.totals)))
    why, files = attribution.why_first_touch_only, f"{name}-{file_part(attribution.by)}-attribution"
    n_touched, n_won = formats.count(attribution.n_touched), formats.count(attribution.n_won)
    known = Figure("Won deals with a known touch", n_touched, f"of {n_won} in all periods", f"{LAST_TOUCH}.", "")
    return Section(
        f"{said_of(span, formats)}: {_laid_said(rows, total, attribution, formats)}",
        f"{capitalised(why)}." if why else "Each rule shares out the same money: none says what caused it.",
        figures=() if why else (known,),
        tables=(_laid(files, shown, attribution),),
        folded={"Every period": _laid(f"{files}-periods", every, attribution, DATED)},
    )


def _laid_said(rows: pa.Table, total: Mapping[str, Any], attribution: Attribution, formats: Formats) -> str:
    """The group with most revenue by either rule, of all of it."""
    if not total["first_touch"]:
        return f"there is no revenue to lay to any {attribution.by}"
    of_all = formats.money(total["first_touch"])
    first, last = top(rows, "first_touch"), top(rows, "last_touch")
    if first is None:
        return f"of no part of the revenue of {of_all} the first touch is known"
    said = f"by first touch {first['group']} has most revenue, {formats.money(first['first_touch'])} of {of_all}"
    if last is None:
        return said
    whose = "by last touch too" if last["group"] == first["group"] else f"by last touch {last['group']}"
    return f"{said}; {whose}, {formats.money(last['last_touch'])}"


def _laid(name: str, rows: pa.Table, attribution: Attribution, before: tuple[Column, ...] = ()) -> Table:
    told = [("first_touch", "By first touch"), ("last_touch", "By last touch"), ("linear", "In equal parts")]
    told = told[:1] if attribution.why_first_touch_only else told
    columns = (
        *before,
        Column(SAID, heading_of(attribution.by)),
        *(Column(rule, said, Shown.MONEY) for rule, said in told),
    )
    return Table(name, "Revenue that is laid to one", rows, columns, f"{FIRST_TOUCH}. {LAST_TOUCH}. {LINEAR}.")
