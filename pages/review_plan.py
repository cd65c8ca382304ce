"""A target worked backwards, on a page: how many must come a week, how many come, and whether sales can work them."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import (
    CHANCE,
    LAST_START,
    MONEY,
    NEEDED,
    NOW_WEEKS,
    PART,
    PRODUCT,
    TO_WORK,
    UNDER_WAY,
    NeededFlow,
    Plan,
)
from pages.formats import Formats
from pages.frame import Figure
from pages.review_counts import CALLED
from pages.review_words import beside, between, made_by, sentences, sure_of
from pages.sections import Section
from pages.tables import Column, Shown, Table

NO_DECIMAL_FROM = 100

HALF = 0.5
"""A plan holds where the present flow is enough in at least so many of the draws."""


def plan_section(plan: Plan, formats: Formats, *, name: str) -> Section:
    """Whether the target is reached as things are, what it takes, and until when that can begin.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    flow = _main(plan)
    folded = {"By source, in the present mix": _sources(plan, name=name)} if plan.sources else {}
    return Section(
        _finding(plan, flow, formats),
        sentences(_advice(plan, flow, formats)),
        figures=tuple(_figures(plan, flow, formats)),
        tables=(_flows(plan, name=name),),
        folded=folded,
        points=tuple(f"{note[:1].upper()}{note[1:]}." for note in plan.notes),
    )


def _main(plan: Plan) -> NeededFlow:
    """MQLs where the CRM records them: they are what marketing owes."""
    return next((one for one in plan.flows if one.milestone is Milestone.MQL), plan.flows[0])


def _named(milestone: Milestone) -> str:
    return "leads" if milestone is Milestone.LEAD else CALLED[milestone]


def _flow(formats: Formats, value: float | None) -> str:
    """So many a week: a decimal says something below a hundred alone."""
    return formats.number(value, 0 if value is not None and (value >= NO_DECIMAL_FROM or value == round(value)) else 1)


def _amount(value: float | None, plan: Plan, formats: Formats) -> str:
    """Of customers, or of revenue, as the target is."""
    return formats.count(value) if plan.target.revenue is None else formats.money(value)


def _target_said(plan: Plan, formats: Formats) -> str:
    unit = " customers" if plan.target.revenue is None else ""
    return f"{_amount(plan.target.amount, plan, formats)}{unit} by {formats.day(plan.target.by)}"


def _finding(plan: Plan, flow: NeededFlow, formats: Formats) -> str:
    target, now = _target_said(plan, formats), f"{_flow(formats, flow.now_per_week)} {_named(flow.milestone)} a week"
    comes = sure_of(plan.reach.as_now, lambda value: _amount(value, plan, formats))
    if plan.won >= plan.target.amount:
        return f"{target}: reached already, with {_amount(plan.won, plan, formats)}"
    if flow.reached_share >= HALF:
        return f"{target}: {now} are enough, with a chance of {formats.share(flow.reached_share)}"
    if plan.reach.is_out_of_reach or flow.per_week.value is None:
        chance = formats.share(flow.reached_share)
        return f"{target}: no flow that can be worked makes it likely; at {now}, as now, {comes} come, chance {chance}"
    needed = sure_of(flow.per_week, lambda value: _flow(formats, value))
    return f"{target}: {needed} {_named(flow.milestone)} a week are needed, {_flow(formats, flow.now_per_week)} come"


def _advice(plan: Plan, flow: NeededFlow, formats: Formats) -> Iterator[str]:
    reach = plan.reach
    greatest = f"{_flow(formats, reach.greatest_per_week)} {_named(flow.milestone)} a week"
    if plan.won >= plan.target.amount:
        return
    if reach.is_out_of_reach and flow.reached_share < HALF:
        most = sure_of(reach.at_greatest, lambda value: _amount(value, plan, formats))
        until = f"; with it the target is reached by {formats.day(reach.reached_on)}" if reach.reached_on else ""
        yield f"Even {greatest}, the most that came so far or can be worked, bring {most}{until}."
        yield "Agree on another target, or on another day."
    elif reach.last_start is not None:
        comes = sure_of(reach.as_now, lambda value: _amount(value, plan, formats))
        yield (
            f"As now, {comes} come by then. More have to come from {formats.day(reach.last_start)} on at the latest, "
            f"and then {greatest}."
        )
    if plan.capacity.missing:
        yield (
            f"Of what is needed sales would have {_flow(formats, plan.capacity.to_work)} a week to work, and can work "
            f"{_flow(formats, plan.capacity.per_week)}."
        )
    yield (
        f"Measured on {formats.count(plan.n_customers)} customers since {formats.day(plan.measured_since)}; it holds "
        "if rates stay as they were."
    )


def _figures(plan: Plan, flow: NeededFlow, formats: Formats) -> Iterator[Figure]:
    rows = f"{formats.count(plan.n_draws)} draws."
    sure_80 = f"to be 80% sure {_flow(formats, flow.per_week_80)}" if flow.per_week_80 is not None else ""
    yield Figure(
        f"{CALLED[flow.milestone] if flow.milestone is not Milestone.LEAD else 'Leads'} needed a week",
        _flow(formats, flow.per_week.value),
        beside(
            between(flow.per_week, lambda value: _flow(formats, value)),
            sure_80,
            f"{_flow(formats, flow.now_per_week)} come",
        ),
        made_by(NEEDED),
        rows,
        is_bad=flow.reached_share < HALF,
    )
    won = f"{_amount(plan.won, plan, formats)} won already, " if plan.target.since else ""
    yield Figure(
        "Chance at the present flow",
        formats.share(flow.reached_share),
        f"{won}{sure_of(flow.under_way, lambda value: _amount(value, plan, formats))} under way",
        made_by(UNDER_WAY),
        rows,
    )
    capacity = plan.capacity
    yield Figure(
        "To work a week",
        _flow(formats, capacity.to_work),
        f"sales can work {_flow(formats, capacity.per_week)}; as now it is {_flow(formats, capacity.now_to_work)}",
        made_by(TO_WORK),
        f"Sales worked {sure_of(capacity.worked_share, formats.share)} of the MQLs.",
        is_bad=bool(capacity.missing),
    )
    if plan.money_per_week is not None:
        known = sum(one.money_per_week is not None for one in plan.sources)
        yield Figure(
            "Money a week",
            formats.money(plan.money_per_week),
            f"of {formats.count(known)} of {formats.count(len(plan.sources))} sources with a spend",
            made_by(MONEY),
            rows,
        )


def _flows(plan: Plan, *, name: str) -> Table:
    """Three ways to count one plan."""
    rows = [
        {
            "milestone": one.milestone.said,
            **_columns("per_week", one.per_week),
            "per_week_80": one.per_week_80,
            "per_week_90": one.per_week_90,
            "expected_per_week": one.expected_per_week,
            "now_per_week": one.now_per_week,
            "reached_share": one.reached_share,
            "waiting": one.waiting,
            **_columns("under_way", one.under_way),
            **_columns("chance", one.chance),
            "product_per_week": one.product_per_week,
        }
        for one in plan.flows
    ]
    columns = (
        Column("milestone", "Counted at"),
        Column("per_week", "Needed a week", Shown.NUMBER, low="per_week_low", high="per_week_high"),
        Column("now_per_week", "Come a week", Shown.NUMBER),
        Column("per_week_80", "To be 80 % sure", Shown.NUMBER),
        Column("reached_share", "Chance as now", Shown.SHARE),
        Column("chance", "Become customers in time", Shown.SHARE, low="chance_low", high="chance_high"),
        Column("waiting", "Open", Shown.COUNT),
        Column(
            "under_way",
            "Under way",
            Shown.NUMBER if plan.target.revenue is None else Shown.MONEY,
            low="under_way_low",
            high="under_way_high",
        ),
    )
    how = f"{made_by(NEEDED, CHANCE, UNDER_WAY, PRODUCT, LAST_START)} Rows are ways to count one plan, not to be added."
    return Table(f"{name}-plan", "A milestone that the plan is counted at", _table(rows), columns, how)


def _columns(name: str, estimate: Any) -> dict[str, float | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _sources(plan: Plan, *, name: str) -> Table:
    shown = [one.milestone for one in plan.flows if any(one.milestone in part.per_week for part in plan.sources)]
    rows = [
        {
            "source": one.source or "unknown",
            "now_mqls": one.now_mqls,
            "rate": one.rate,
            **{f"{milestone}_per_week": one.per_week.get(milestone) for milestone in shown},
            "customers": one.customers,
            "money_per_mql": one.money_per_mql,
            "money_per_week": one.money_per_week,
        }
        for one in plan.sources
    ]
    columns = (
        Column("source", "Source"),
        *(Column(f"{one}_per_week", f"{one.said[:1].upper()}{one.said[1:]}s a week", Shown.NUMBER) for one in shown),
        Column("rate", "MQLs that become customers", Shown.SHARE),
        Column("customers", "Customers", Shown.NUMBER),
        Column("money_per_mql", "Money per MQL", Shown.MONEY),
        Column("money_per_week", "Money a week", Shown.MONEY),
        Column("now_mqls", f"MQLs of {NOW_WEEKS} weeks", Shown.COUNT),
    )
    return Table(f"{name}-plan-sources", "A source", _table(rows), columns, made_by(PART, MONEY))


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """The rows; a column of figures in which none is known is one of figures too."""
    table = pa.Table.from_pylist(rows)
    for place, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.float64()))
    return table
