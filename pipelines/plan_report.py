"""A plan as people read it: what it takes, from which sources, whether sales can work it, and until when."""

from collections.abc import Iterator

from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import NOW_WEEKS, NeededFlow, Plan
from data_contracts.wording import estimate_text, percent
from pipelines.console import show, show_rows, warn

DAY = "%Y-%m-%d"


def show_plan(plan: Plan) -> None:
    """Print the plan."""
    show_rows(flow_rows(plan), title=title_of(plan))
    show_rows(source_rows(plan), title="\nBy source, if the present mix stays (half sure)")
    show("")
    for line in lines_of(plan):
        show(line)
    for note in plan.notes:
        warn(note)


def title_of(plan: Plan) -> str:
    """What is planned, and on what it rests."""
    return (
        f"{_worth(plan, plan.target.amount)} by {plan.target.by}, in {plan.weeks:.1f} weeks from {plan.starts_on} on. "
        f"Measured on {plan.n_customers:,} customers of leads since {plan.measured_since}, as known at "
        f"{plan.as_of:{DAY} %H:%M} UTC, definitions {plan.definitions_version}"
    )


def flow_rows(plan: Plan) -> list[dict[str, str]]:
    """One row a figure, one column a way to count: leads, MQLs, SQLs."""
    told = [(_plural(one.milestone), _flow_figures(plan, one)) for one in plan.flows]
    return [{"counted in": name, **{column: own[name] for column, own in told}} for name in told[0][1]]


def _flow_figures(plan: Plan, flow: NeededFlow) -> dict[str, str]:
    least = "at least " if flow.is_least_chance else ""
    return {
        "open that got so far": f"{flow.waiting:,}",
        f"{_unit(plan)} from them": estimate_text(flow.under_way, least=0 if plan.amount else 1),
        "chance of a new one": least + _percent_text(flow.chance),
        "now a week": f"{flow.now_per_week:,.1f}",
        "which is enough in": f"{percent(flow.reached_share)} of the draws",
        "needed a week, to be half sure": _flow_text(flow.per_week.value),
        "if all came as expected": _flow_text(flow.expected_per_week),
        "80 % sure": _flow_text(flow.per_week_80),
        "90 % sure": _flow_text(flow.per_week_90),
        "95 % of the draws": f"{_flow_text(flow.per_week.low)} to {_flow_text(flow.per_week.high)}",
        "a product of averages says": _flow_text(flow.product_per_week),
    }


def source_rows(plan: Plan) -> list[dict[str, str]]:
    """One row a source, and the whole below them."""
    counted = [one.milestone for one in plan.flows]
    rows = [
        {
            "source": one.source or "not known",
            f"MQLs in {NOW_WEEKS} weeks": f"{one.now_mqls:,}",
            "MQL → customer": "–" if one.rate is None else percent(one.rate),
            **{f"{_plural(each)} a week": f"{one.per_week[each]:,.1f}" for each in counted if each in one.per_week},
            "customers": f"{one.customers:,.1f}",
            "money per MQL": _money(one.money_per_mql),
            "money a week": _money(one.money_per_week),
        }
        for one in plan.sources
    ]
    if not rows:
        return []
    whole = {
        "source": "all",
        f"MQLs in {NOW_WEEKS} weeks": f"{sum(one.now_mqls for one in plan.sources):,}",
        "MQL → customer": "",
        **{
            f"{_plural(each)} a week": f"{sum(one.per_week[each] for one in plan.sources):,.1f}"
            for each in counted
            if each in plan.sources[0].per_week
        },
        "customers": f"{sum(one.customers for one in plan.sources):,.1f}",
        "money per MQL": "",
        "money a week": _money(plan.money_per_week),
    }
    return [*rows, whole]


def lines_of(plan: Plan) -> Iterator[str]:
    """What the tables do not say, a sentence each."""
    if plan.target.since:
        yield f"Won since {plan.target.since}: {_worth(plan, plan.won)}."
    if plan.meanwhile:
        yield f"From those that come before {plan.starts_on}, at the present flow: {_span(plan, plan.meanwhile)}."
    if plan.amount:
        yield f"A customer brings {estimate_text(plan.amount, least=0)} {plan.currency}".rstrip() + "."
    if plan.money_per_week is not None:
        total = plan.money_per_week * plan.weeks
        yield f"Money where spend is known: {plan.money_per_week:,.0f} a week, {total:,.0f} {plan.currency} in all."
    yield _capacity_line(plan)
    yield from _reach_lines(plan)
    if plan.drift is not None:
        yield f"Rates differed between quarters by {percent(plan.drift)} of themselves beyond chance: draws do as well."


def _capacity_line(plan: Plan) -> str:
    own = plan.capacity
    if own.to_work is None or own.missing is None:
        return f"Capacity: {own.per_week:,.0f} new leads a week, and no flow is enough."
    worked = percent(own.worked_share.value if own.worked_share.value is not None else 1.0)
    told = (
        f"Capacity: {own.per_week:,.0f} new leads a week. If sales works {worked} of MQLs, as so far, it has "
        f"{own.now_to_work:,.1f} a week now and needs to work {own.to_work:,.1f}"
    )
    if not own.missing and not own.missing_80:
        return f"{told}: that is enough, to be 80 % sure too."
    half = f"{own.missing:,.1f} are missing" if own.missing else "that is enough to be half sure"
    more = f", {own.missing_80:,.1f} are missing to be 80 % sure" if own.missing_80 is not None else ""
    return f"{told}: {half}{more}, from {plan.starts_on} on."


def _reach_lines(plan: Plan) -> Iterator[str]:
    own, main = plan.reach, _main(plan)
    flow = f"{own.greatest_per_week:,.1f} {_plural(main.milestone)} a week, the most there was or sales can work"
    yield (
        f"By {plan.target.by} there will be {_span(plan, own.as_now)} at the present flow, "
        f"{_span(plan, own.at_greatest)} at {flow}."
    )
    if own.is_out_of_reach:
        when = f"by {own.reached_on}" if own.reached_on else "later than anybody can say"
        yield f"It is out of reach by then: with that flow from the start on, half of the draws reach it {when}."
    elif own.last_start is None:
        yield f"The present flow reaches the target in {percent(main.reached_share)} of the draws."
    else:
        yield f"The last day to start with that flow is {own.last_start}: after it the target is out of reach."


def _main(plan: Plan) -> NeededFlow:
    return next((one for one in plan.flows if one.milestone is Milestone.MQL), plan.flows[0])


def _plural(milestone: Milestone) -> str:
    return f"{milestone.said}s"


def _span(plan: Plan, estimate: Estimate) -> str:
    return f"{estimate_text(estimate, least=0)} {_unit(plan)}"


def _worth(plan: Plan, amount: float) -> str:
    return f"{amount:,.0f} {_unit(plan)}"


def _unit(plan: Plan) -> str:
    return "customers" if plan.target.revenue is None else plan.currency or "revenue"


def _percent_text(estimate: Estimate) -> str:
    value, low, high = (percent(each or 0.0) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _flow_text(per_week: float | None) -> str:
    return "no flow" if per_week is None else f"{per_week:,.1f}"


def _money(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:,.0f}"
