"""The gap between plan and result: the worked examples of its page, what always adds up, and what nobody knows."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from alignment.deals import deals_of
from alignment.gap import answer_of, gap_of
from alignment.milestones import milestones_of
from alignment.period_rates import figures, period_incidence
from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.gap import Answer, Goal, Origin, Part
from data_contracts.metrics.periods import Period, Span
from data_contracts.targets import Targets
from tests.alignment.example_milestones import funnel_frame, milestones, no_deals
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

Q2 = Span.named("2026-Q2", time_zone="UTC")

FULL = Targets(
    version="1",
    compliance_share=0.5,
    periods=({"period": "2026-Q2", "mqls": 4, "sqls": 2, "customers": 1, "revenue": 1000},),
)
AGREED = Targets(
    version="1",
    mqls_per_week=4 / 13,
    rates={"mql_to_sql": 0.4, "sql_to_customer": 0.25},
    compliance_share=0.4,
    periods=({"period": "2026-Q2", "customers": 1, "revenue": 1200},),
)
NONE = Targets()


def gap_in(history, settings, targets, goal=Goal.REVENUE, span=Q2):
    milestones = milestones_of(history, settings.model_copy(update={"targets": targets}))
    return gap_of(milestones, deals_of(history, milestones), span, goal=goal)


def _parts(targets, goal=Goal.REVENUE):
    def compute(history, settings):
        told = gap_in(history, settings, targets, goal).parts
        return [row.model_dump() | {"measured": row.measured.value, "effect": row.effect.value} for row in told]

    return compute


def _in_all(targets, goal=Goal.REVENUE):
    def compute(history, settings):
        told = gap_in(history, settings, targets, goal)
        rates = {name: getattr(told, name).value for name in ("rate_in_time", "rate_late")}
        return [told.model_dump() | {"gap": told.gap} | rates]

    return compute


def _rate(history, settings):
    milestones = milestones_of(history, settings)
    everyone = np.ones(len(milestones.frame), dtype=bool)
    return [{"share": float(figures(period_incidence(milestones, Step.MQL_TO_SQL, Q2, rows=everyone), days=None)[0])}]


COMPUTED = {
    "rate from MQL to SQL in Q2 2026": _rate,
    "gap to 1000 of revenue": _parts(FULL),
    "gap to 1000 of revenue in all": _in_all(FULL),
    "gap in customers": _parts(NONE, Goal.CUSTOMERS),
    "gap in customers in all": _in_all(NONE, Goal.CUSTOMERS),
    "gap to 1200 of revenue": _parts(AGREED),
    "gap to 1200 of revenue in all": _in_all(AGREED),
}


@pytest.mark.parametrize("spec", page_specs("gap", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


AS_OF = dt.datetime(2026, 12, 31)
PLANS = {
    "none": Targets(),
    "all of it": Targets(
        compliance_share=0.8,
        periods=({"period": "2026-Q2", "mqls": 400, "sqls": 160, "customers": 80, "revenue": 80_000},),
    ),
    "revenue alone": Targets(periods=({"period": "2026-Q2", "revenue": 80_000},)),
    "agreed": Targets(
        mqls_per_week=30,
        rates={"mql_to_sql": 0.5, "sql_to_customer": 0.4},
        compliance_share=0.9,
        periods=({"period": "2026-Q2", "customers": 80},),
    ),
}


def deals_won(made, amount=1000.0):
    rows = np.flatnonzero(made.frame["customer_at"].notna())
    closed_at = made.frame["customer_at"].iloc[rows].to_numpy()
    amounts = np.resize([amount, 2 * amount], len(rows))
    told = {"created_at": closed_at, "closed_at": closed_at, "outcome": "won", "lead_row": rows, "amount": amounts}
    return pd.DataFrame({"opportunity_id": [str(row) for row in rows]} | told) if len(rows) else no_deals()


def made_of(frame, settings, targets=NONE):
    return milestones(frame, settings=settings.model_copy(update={"targets": targets}), as_of=AS_OF)


@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize("plan", PLANS)
def test_the_parts_add_up_to_the_gap_whatever_the_plan_gives(settings, plan, goal):
    for seed in range(3):
        made = made_of(funnel_frame(600, seed=seed, late_share=0.5), settings, PLANS[plan])
        told = gap_of(made, deals_won(made), Q2, goal=goal)
        assert sum(part.effect.value for part in told.parts) == pytest.approx(told.gap, abs=1e-6)
        by_part = {part.part: part.effect.value for part in told.parts}
        sides = [by_part[Part.VOLUME] + by_part[Part.QUALITY]]
        sides.append(by_part[Part.RESPONSE] + by_part[Part.CLOSE] + by_part.get(Part.SIZE, 0.0))
        assert [told.marketing.value, told.sales.value] == pytest.approx(sides)
        assert told.difference.value == pytest.approx(sides[0] - sides[1])


def test_a_plan_that_gives_every_factor_leaves_nothing_unplanned(settings):
    made = made_of(funnel_frame(600, seed=1), settings, PLANS["all of it"])
    told = gap_of(made, deals_won(made), Q2)
    assert Part.UNPLANNED not in {part.part for part in told.parts}
    assert {part.origin for part in told.parts} == {Origin.PERIOD_TARGET, Origin.AGREED, Origin.NONE}


def test_the_same_period_of_the_year_before_is_the_yardstick_where_it_is_known(settings):
    made = made_of(funnel_frame(600, seed=1), settings)
    told = gap_of(made, deals_won(made), Q2)
    assert {part.origin_period for part in told.parts} == {"2025-Q2", None}


def test_leads_are_named_where_fewer_and_worse_ones_came(settings):
    usual, bad = funnel_frame(1500, seed=3), funnel_frame(1500, seed=4, p_sql=0.1)
    in_q2 = (bad["mql_at"] >= Q2.start_at) & (bad["mql_at"] < Q2.end_at)
    kept = (usual["mql_at"] < Q2.start_at) | (usual["mql_at"] >= Q2.end_at)
    made = made_of(pd.concat([usual[kept], bad[in_q2].iloc[::2]]), settings)
    told = gap_of(made, deals_won(made), Q2, goal=Goal.CUSTOMERS)
    assert told.gap < 0
    assert told.answer is Answer.LEADS


def test_sales_is_named_where_fewer_sqls_were_won(settings):
    usual, bad = funnel_frame(1500, seed=3), funnel_frame(1500, seed=4, p_win=0.1)
    since = Q2.start_at - dt.timedelta(days=100)
    frame = pd.concat([usual[usual["mql_at"] < since], bad[bad["mql_at"] >= since]])
    told = gap_of(made := made_of(frame, settings), deals_won(made), Q2, goal=Goal.CUSTOMERS)
    assert told.answer is Answer.SALES


def test_nobody_is_named_where_it_hangs_on_whether_answers_are_a_cause(settings):
    usual = funnel_frame(2500, seed=3, late_share=0.1, p_in_time=0.9)
    bad = funnel_frame(2500, seed=4, late_share=0.1, p_in_time=0.1)
    since = Q2.start_at - dt.timedelta(days=100)
    frame = pd.concat([usual[usual["mql_at"] < since], bad[bad["mql_at"] >= since]])
    told = gap_of(made := made_of(frame, settings), deals_won(made), Q2, goal=Goal.CUSTOMERS)
    response = {part.part: part.effect for part in told.parts}[Part.RESPONSE]
    assert response.high < 0
    assert told.sales.high < 0
    assert told.answer is Answer.UNKNOWN


def test_response_is_never_more_than_what_the_rate_is_off_by(settings):
    made = made_of(funnel_frame(1500, seed=5, p_sql=0.45, late_share=0.3), settings, PLANS["all of it"])
    gap = gap_of(made, deals_won(made), Q2)
    told = {part.part: part for part in gap.parts}
    assert any("could account for more than the rate is off" in note for note in gap.notes)
    assert told[Part.QUALITY].measured.value < told[Part.QUALITY].yardstick, "the rate is told as it was"
    assert told[Part.QUALITY].effect.value == pytest.approx(0.0, abs=1e-6)
    assert told[Part.RESPONSE].effect.value < 0


def test_where_no_touch_is_recorded_response_has_no_part_and_says_why(settings):
    frame = funnel_frame(600, seed=1)
    told = gap_of(made := made_of(frame.assign(sal_at=frame["sql_at"]), settings), deals_won(made), Q2)
    response = {part.part: part for part in told.parts}[Part.RESPONSE]
    assert (response.effect.value, response.yardstick, response.origin) == (0.0, None, Origin.NONE)
    assert (response.measured.value, told.rate_in_time.value, told.rate_late.value) == (None, None, None)
    assert any("not recorded when sales touched a lead" in note for note in told.notes)


def test_where_contact_is_assumed_response_has_no_part(settings_with):
    settings = settings_with(definitions={"contact": {"assume_contacted_because": "all are called"}})
    told = gap_of(made := made_of(funnel_frame(600, seed=1), settings), deals_won(made), Q2)
    assert any("in that of quality" in note for note in told.notes)


def test_without_sqls_one_rate_stands_on_neither_side(settings):
    frame = funnel_frame(600, seed=1).drop(columns="sql_at")
    told = gap_of(made := made_of(frame, settings), deals_won(made), Q2)
    parts = {part.part: part.effect.value for part in told.parts}
    assert set(parts) == {Part.VOLUME, Part.CONVERSION, Part.RESPONSE, Part.SIZE, Part.TIMING}
    assert sum(parts.values()) == pytest.approx(told.gap)


def test_where_nobody_was_won_deal_size_has_no_part(settings):
    usual = funnel_frame(600, seed=1)
    not_won = usual["customer_at"].between(Q2.start_at, Q2.end_at)
    frame = usual.assign(customer_at=usual["customer_at"].mask(not_won), stands=usual["stands"].mask(not_won, "sql"))
    told = gap_of(made := made_of(frame, settings), deals_won(made), Q2)
    size = {part.part: part for part in told.parts}[Part.SIZE]
    assert (told.result, size.effect.value, size.measured.value) == (0.0, 0.0, None)
    assert sum(part.effect.value for part in told.parts) == pytest.approx(told.gap)


def test_without_leads_nothing_is_known_and_that_is_said(settings):
    made = made_of(funnel_frame(0, seed=1), settings, PLANS["revenue alone"])
    told = gap_of(made, no_deals(), Q2)
    assert (told.result, told.target, told.parts, told.answer) == (0.0, 80_000, (), Answer.UNKNOWN)
    assert any("So the gap has no parts" in note for note in told.notes)


def test_one_account_gives_figures_without_intervals(settings):
    frame = funnel_frame(600, seed=1).assign(account_id="A")
    told = gap_of(made := made_of(frame, settings, PLANS["agreed"]), deals_won(made), Q2, goal=Goal.CUSTOMERS)
    assert told.parts[0].effect.low is None
    assert told.answer in (Answer.UNKNOWN, Answer.REACHED)


def test_a_share_answered_in_time_goes_with_the_rate_that_it_was_measured_beside(settings):
    made = made_of(funnel_frame(600, seed=1), settings, Targets(compliance_share=0.99))
    response = {part.part: part for part in gap_of(made, deals_won(made), Q2).parts}[Part.RESPONSE]
    assert (response.origin, response.origin_period) == (Origin.EARLIER, "2025-Q2")
    assert response.yardstick < 0.8


def test_a_week_is_held_against_the_week_a_year_before(settings):
    made = made_of(funnel_frame(4000, seed=1), settings)
    week = Span.of(Period.WEEK, dt.date(2026, 6, 17), time_zone="UTC")
    told = gap_of(made, deals_won(made), week, goal=Goal.CUSTOMERS)
    assert (told.period, told.is_planned) == ("2026-06-15", False)
    assert {part.origin_period for part in told.parts} == {"2025-06-16", None}


def test_a_period_that_is_not_over_is_refused(settings):
    made = made_of(funnel_frame(10, seed=1), settings)
    with pytest.raises(ValueError, match="Q1 2027 is not over"):
        gap_of(made, no_deals(), Span.named("2027-Q1", time_zone="UTC"))


def test_won_deals_of_unknown_amount_are_said(settings):
    made = made_of(funnel_frame(600, seed=1), settings)
    deals = deals_won(made)
    deals.loc[deals["closed_at"].between(Q2.start_at, Q2.end_at), "amount"] = np.nan
    assert any("have no known amount: revenue is more" in note for note in gap_of(made, deals, Q2).notes)


@pytest.mark.parametrize(
    ("result", "marketing", "sales", "difference", "answer"),
    [
        (10, (-9, -1), (-9, -1), (-1, 1), Answer.REACHED),
        (5, (-9, -5), (-1, 3), (-9, -3), Answer.LEADS),
        (5, (-1, 3), (-9, -5), (3, 9), Answer.SALES),
        (5, (-9, -1), (-9, -1), (-1, 1), Answer.BOTH),
        (5, (0, 3), (0, 2), (-1, 1), Answer.NEITHER),
        (5, (-9, 1), (-1, 2), (-9, 2), Answer.UNKNOWN),
        (5, (-9, 1), (3, 5), (-9, -1), Answer.UNKNOWN),
    ],
)
def test_a_side_is_named_only_where_the_intervals_say_so(result, marketing, sales, difference, answer):
    told = {
        name: Estimate(value=sum(ends) / 2, low=ends[0], high=ends[1])
        for name, ends in (("marketing", marketing), ("sales", sales), ("difference", difference))
    }
    assert answer_of(result, 10, told) is answer
    assert answer.says.endswith(".")


@pytest.mark.slow
def test_the_intervals_of_the_parts_cover_as_often_as_they_say(settings):
    plan = Targets(
        compliance_share=0.8,
        periods=({"period": "2026-Q2", "mqls": 400, "sqls": 200, "customers": 100, "revenue": 130_000},),
    )
    seen = []
    for seed in range(80):
        made = made_of(funnel_frame(2500, seed=seed, p_sql=0.45, late_share=0.6), settings, plan)
        told = gap_of(made, deals_won(made), Q2)
        seen.append([*(part.effect for part in told.parts), told.marketing, told.sales, told.difference])
    values, highs = (np.array([[getattr(one, name) for one in row] for row in seen]) for name in ("value", "high"))
    covered = (np.abs(values - values.mean(axis=0)) <= highs - values).mean(axis=0)
    assert covered.min() > 0.88
    assert covered.mean() < 0.99
