"""Money on a review: costs, sales' own pipeline, and what revenue is laid to."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.metrics.attribution import ATTRIBUTION_SCHEMA, Attribution
from data_contracts.metrics.costs import COST_OF, COSTS_SCHEMA, Costs, NoCost, Scope
from data_contracts.metrics.own_pipeline import OWN_PIPELINE_SCHEMA, OwnPipeline, Side
from data_contracts.metrics.periods import Span
from pages.formats import Formats
from pages.review_costs import attribution_section, costs_section, own_pipeline_section
from tests.example_sections import seen_of
from tests.example_site import EVIL

ENGLISH = Formats("en", "EUR", "America/New_York")
AS_OF = dt.datetime(2026, 6, 20, 12)
APRIL, MAY, JUNE = (Span.named(f"2026-0{month}", time_zone="America/New_York") for month in (4, 5, 6))


def local(span: Span) -> dt.datetime:
    return dt.datetime.combine(span.first, dt.time())


def cost(scope: Scope = Scope.ALL, group: str | None = None, span: Span = MAY, **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = dict.fromkeys(COSTS_SCHEMA.names, 2) | {"is_mature": False, "why_not": None}
    for place, column in enumerate(COST_OF.values(), start=1):
        told |= {column: 100.0 * place, f"{column}_low": 80.0 * place, f"{column}_high": 150.0 * place}
    return told | {"period": local(span), "scope": scope, "group": group, "spend": 1_000.0} | changes


def without(*columns: str, least: float | None = 900.0) -> dict[str, Any]:
    """No cost, for nobody came so far."""
    told: dict[str, Any] = {}
    for column in columns:
        told |= {column: None, f"{column}_low": least, f"{column}_high": None}
    return told


NO_COST = without(*COST_OF.values(), least=None)


def costs(*rows: dict[str, Any], **changes: Any) -> Costs:
    told: dict[str, Any] = {
        "rows": pa.Table.from_pylist(list(rows), schema=COSTS_SCHEMA),
        "spans": (APRIL, MAY, JUNE),
        "without_leads": (),
        "longest_days": None,
        "as_of": AS_OF,
        "by": "source",
        "currency": "EUR",
        "definitions_version": "1",
    }
    return Costs(**(told | changes))


def test_the_finding_is_what_a_customer_cost_in_all_beside_the_period_before():
    before = pa.Table.from_pylist([cost(span=APRIL, cost_per_customer=300.0)], schema=COSTS_SCHEMA)
    rows = (cost(span=APRIL, cost_per_customer=250.0), cost(Scope.WITH_SPEND), cost(), cost(span=JUNE, spend=7.0))
    told = costs(*rows, before=before)
    section = costs_section(told, ENGLISH, name="month")
    assert section.heading == "May 2026: a customer cost €400 (€320 to €600), €300 the month before"
    assert [one.value for one in section.figures] == ["€1,000", "€200", "€300", "€400"]
    assert section.figures[0].beside == "€1,000 the month before"
    assert costs_section(costs(cost()), ENGLISH, name="month").heading.endswith("(€320 to €600)")


def test_where_nobody_became_a_customer_an_sql_is_told_and_what_a_customer_costs_at_least(tmp_path):
    section = costs_section(costs(cost(**without("cost_per_customer"))), ENGLISH, name="month")
    assert section.heading == "May 2026: an SQL cost €300 (€240 to €450)"
    assert (section.figures[-1].value, section.figures[-1].beside) == ("–", "at least €900")
    assert seen_of(tmp_path, section).row_of("all")[-1] == "a customer costs at least €900"


def test_where_nobody_came_at_all_the_money_is_told():
    nobody = without(*COST_OF.values())
    heading = costs_section(costs(cost(**nobody)), ENGLISH, name="month").heading
    assert heading == "May 2026: €1,000 was spent, and a lead costs at least €900"


def test_groups_stand_with_their_cost_or_why_there_is_none(tmp_path):
    rows = (
        cost(Scope.GROUP, "Web"),
        cost(Scope.GROUP, None, **NO_COST, why_not=NoCost.NOT_RECORDED),
        cost(Scope.WITH_SPEND),
        cost(),
    )
    seen = seen_of(tmp_path, costs_section(costs(*rows), ENGLISH, name="month"))
    assert seen.row_of("Web")[:3] == ["Web", "€1,000", "€400 €320 to €600"]
    assert seen.row_of("not known")[2:] == ["–"] * 4 + ["no cost: no spend is recorded for it in the period"]
    assert seen.row_of("all with spend")[1] == "€1,000"
    assert seen.row_of("May 1, 2026")[-2] == "€500 €400 to €750"


@pytest.mark.parametrize("why", list(NoCost))
def test_without_any_cost_it_says_why_and_what_to_deliver(tmp_path, why):
    section = costs_section(costs(cost(**NO_COST, why_not=why)), ENGLISH, name="month")
    assert f"No cost: {why.said}. Deliver spend" in seen_of(tmp_path, section).text


def test_a_period_that_is_not_over_has_no_costs_yet(tmp_path):
    section = costs_section(costs(cost(span=JUNE), spans=(JUNE,)), ENGLISH, name="month")
    assert "No cost: no period is over." in seen_of(tmp_path, section).text


def test_spend_that_brought_nobody_is_named():
    told = costs(cost(), without_leads=("Wbe", "Radio"), longest_days=31)
    assert costs_section(told, ENGLISH, name="month").points == (
        "Spend without any lead ever: Wbe, Radio. It is another spelling, or money that brought nobody.",
        "A row of spend covers 31 days at most.",
    )


def test_costs_in_total_alone_need_no_groups(tmp_path):
    section = costs_section(costs(cost(Scope.WITH_SPEND), cost(), by=""), ENGLISH, name="month")
    assert section.tables[0].name == "month-costs"
    assert "Of" in [cell["data-heading"] for cell in seen_of(tmp_path, section).attributes("td")]


def side(one: Side, share: float | None, span: Span = MAY, **changes: Any) -> dict[str, Any]:
    told = dict.fromkeys(OWN_PIPELINE_SCHEMA.names, 0) | {"period": local(span), "side": one, "pipeline": 500.0}
    for what in ("pipeline", "revenue"):
        ends = (None, None) if share is None else (share / 2, min(share * 2, 1.0))
        told |= {f"{what}_share": share, f"{what}_share_low": ends[0], f"{what}_share_high": ends[1]}
    return told | changes


def own(*rows: dict[str, Any], **changes: Any) -> OwnPipeline:
    told: dict[str, Any] = {
        "rows": pa.Table.from_pylist(list(rows), schema=OWN_PIPELINE_SCHEMA),
        "spans": (APRIL, MAY, JUNE),
        "why_not": "",
        "never_seen": (),
        "as_of": AS_OF,
        "currency": "EUR",
        "definitions_version": "1",
    }
    return OwnPipeline(**(told | changes))


def sides(
    sales: float | None, marketing: float | None, unknown: float | None, span: Span = MAY
) -> list[dict[str, Any]]:
    shares = {Side.SALES: sales, Side.MARKETING: marketing, Side.NOT_KNOWN: unknown}
    return [side(one, share, span, leads=7) for one, share in shares.items()]


def test_what_sales_found_itself_stands_beside_marketings_and_the_period_before(tmp_path):
    told = own(*sides(0.4, 0.6, 0.0, APRIL), *sides(0.25, 0.7, 0.05), *sides(0.9, 0.1, 0.0, JUNE))
    section = own_pipeline_section(told, ENGLISH, name="month")
    assert section.heading == (
        "May 2026: sales found 25% of the pipeline itself (12% to 50%), marketing 70%, of 5.0% nobody knows who"
    )
    assert (section.figures[0].name, section.figures[0].beside) == (
        "Sales' own pipeline",
        "€500 · 40% the month before",
    )
    seen = seen_of(tmp_path, section)
    assert seen.row_of("sales")[:3] == ["sales", "€500", "25% 12% to 50%"]
    assert seen.row_of("Jun 1, 2026")[1] == "sales"


def test_without_pipeline_leads_are_counted():
    heading = own_pipeline_section(own(*sides(None, None, None)), ENGLISH, name="month").heading
    assert heading == "May 2026: no pipeline was created; sales found 7 leads, marketing 7"


def test_where_nobody_said_whose_sources_are_it_says_what_to_name(tmp_path):
    section = own_pipeline_section(own(why_not="name them in [targets] sales_sources"), ENGLISH, name="month")
    assert "No side is known: name them in [targets] sales_sources." in seen_of(tmp_path, section).text


def test_a_source_of_sales_that_no_lead_has_is_named():
    section = own_pipeline_section(own(*sides(0.5, 0.5, 0.0), never_seen=("Cold call",)), ENGLISH, name="month")
    assert section.points[0].startswith("No lead has the source Cold call")


def laid(group: str | None, first: float | None, last: float | None, span: Span = MAY) -> dict[str, Any]:
    return {"period": local(span), "group": group, "first_touch": first, "last_touch": last, "linear": last}


def attribution(*rows: dict[str, Any], total: dict[str, Any] | None = None, **changes: Any) -> Attribution:
    told: dict[str, Any] = {
        "rows": pa.Table.from_pylist(list(rows), schema=ATTRIBUTION_SCHEMA),
        "totals": pa.Table.from_pylist([total or laid(None, 900.0, 900.0)], schema=ATTRIBUTION_SCHEMA),
        "spans": (APRIL, MAY, JUNE),
        "n_won": 12,
        "n_touched": 10,
        "why_no_deals": "",
        "why_first_touch_only": "",
        "as_of": AS_OF,
        "by": "source",
        "currency": "EUR",
        "definitions_version": "1",
    }
    return Attribution(**(told | changes))


def test_revenue_is_told_by_the_first_and_by_the_last_touch(tmp_path):
    told = attribution(laid("Event", 100.0, 700.0), laid("Web", 600.0, 200.0), laid(None, 200.0, 0.0))
    section = attribution_section(told, ENGLISH, name="month")
    assert section.heading == ("May 2026: by first touch Web has most revenue, €600 of €900; by last touch Event, €700")
    assert (section.figures[0].value, section.figures[0].beside) == ("10", "of 12 in all periods")
    assert section.tables[0].rows["group_said"].to_pylist() == ["Web", "not known", "Event", "all"]
    assert seen_of(tmp_path, section).row_of("Event") == ["Event", "€100", "€700", "€700"]


def test_one_that_is_first_by_both_rules_is_named_once():
    heading = attribution_section(attribution(laid("Web", 600.0, 500.0)), ENGLISH, name="month").heading
    assert heading.endswith("Web has most revenue, €600 of €900; by last touch too, €500")


def test_where_no_activity_says_its_source_the_first_touch_stands_alone():
    told = attribution(laid("Web", 600.0, None), why_first_touch_only="no activity says its source")
    section = attribution_section(told, ENGLISH, name="month")
    assert section.heading.endswith("by first touch Web has most revenue, €600 of €900")
    assert section.said == "No activity says its source."
    assert [one.heading for one in section.tables[0].columns] == ["Source", "By first touch"]
    assert section.figures == ()


def test_revenue_of_which_nobody_knows_a_touch_is_laid_to_nobody():
    heading = attribution_section(attribution(laid(None, 900.0, None)), ENGLISH, name="month").heading
    assert heading == "May 2026: of no part of the revenue of €900 the first touch is known"
    nothing = attribution(total=laid(None, 0.0, 0.0))
    assert attribution_section(nothing, ENGLISH, name="month").heading.endswith("no revenue to lay to any source")


def test_without_deals_nothing_is_laid_to_anyone(tmp_path):
    section = attribution_section(attribution(why_no_deals="the CRM has no deals"), ENGLISH, name="month")
    assert "No revenue: the CRM has no deals." in seen_of(tmp_path, section).text


def test_names_from_the_crm_never_run(tmp_path):
    for section in (
        costs_section(costs(cost(Scope.GROUP, EVIL), cost(), without_leads=(EVIL,)), ENGLISH, name="month"),
        own_pipeline_section(own(*sides(0.5, 0.5, 0.0), never_seen=(EVIL,)), ENGLISH, name="month"),
        attribution_section(attribution(laid(EVIL, 1.0, 1.0), why_first_touch_only=EVIL), ENGLISH, name="month"),
    ):
        assert "{{ 7*7 }}" in seen_of(tmp_path, section).text
