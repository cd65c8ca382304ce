"""A target worked backwards: the worked examples of its page, what always holds of a plan, and what is refused."""

import datetime as dt

import pytest

from alignment.milestones import milestones_of
from alignment.plan import plan
from alignment.plan_parts import source_rates
from data_contracts.errors import SettingsError, TooFewOutcomesError
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import Plan, Target
from features.known_before import known_before
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

DAY = dt.timedelta(days=1)


def _flows(target):
    def compute(history, settings):
        told = plan(history, milestones_of(history, settings), target).flows
        return [
            one.model_dump()
            | {"under_way": one.under_way.value, "chance": one.chance.value, "milestone": one.milestone}
            for one in told
            if one.milestone is Milestone.LEAD
        ]

    return compute


BY = dt.date(2026, 3, 21)
COMPUTED = {
    "plan for 5 customers by 2026-03-21": _flows(Target(customers=5, by=BY)),
    "plan for 15 customers from 2026-01-05 to 2026-03-21": _flows(
        Target(customers=15, since=dt.date(2026, 1, 5), by=BY)
    ),
}


@pytest.mark.parametrize("spec", page_specs("plan", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


EXTRACTED_AT = dt.datetime(2026, 12, 31)
SOURCES = ("web", "event", None)


def rows(*, n=300, every_days=1, source=lambda nth: SOURCES[nth % 3], amount=1000.0):
    """A lead a day, an MQL at once: every third becomes an SQL after 10 days, every sixth is won after 40."""
    leads, changes, deals = [], [], []
    for nth in range(n):
        name, at = f"L{nth:04d}", EXTRACTED_AT - (n - nth) * every_days * DAY
        leads.append({"lead_id": name, "created_at": at, "source": source(nth)})
        entries = [("mql", at)]
        if nth % 3 == 0:
            entries += [("sal", at + 9 * DAY), ("sql", at + 10 * DAY)]
            deals.append({"opportunity_id": name, "lead_id": name, "created_at": at + 10 * DAY, "outcome": "open"})
            if nth % 6 == 0:
                entries.append(("won", at + 40 * DAY))
                if at + 40 * DAY < EXTRACTED_AT:
                    deals[-1] |= {"outcome": "won", "amount": amount, "closed_at": at + 40 * DAY}
        changes += [
            {"lead_id": name, "stage": stage, "entered_at": when} for stage, when in entries if when < EXTRACTED_AT
        ]
    deals = [deal for deal in deals if deal["created_at"] < EXTRACTED_AT]
    return {"leads": leads, "stage_changes": changes, "opportunities": deals}


@pytest.fixture(scope="module")
def history(make_history):
    spend = [
        {"period_start_at": dt.datetime(2026, month, 1), "source": source, "amount": 620.0}
        for month in range(7, 13)
        for source in ("web", "radio")
    ]
    return make_history(rows() | {"spend": spend})


@pytest.fixture(scope="module")
def milestones(history, settings):
    return milestones_of(history, settings)


@pytest.fixture(scope="module")
def told(history, milestones) -> Plan:
    return plan(history, milestones, Target(customers=40, by=dt.date(2027, 5, 31)))


def test_the_surer_one_wants_to_be_the_more_it_takes(told):
    for flow in told.flows:
        spans = [flow.per_week.low, flow.per_week.value, flow.per_week_80, flow.per_week_90, flow.per_week.high]
        assert spans == sorted(spans)
        assert flow.under_way.low <= flow.under_way.value <= flow.under_way.high
        assert 0 < flow.chance.low <= flow.chance.value <= flow.chance.high <= 1


def test_a_sixth_of_the_mqls_is_won_and_who_is_under_way_is_won_for_certain(told):
    """151 days; 40 of them are too late. Half of those on day 40 are in time: 110 and a half of 151 days count."""
    assert told.flow(Milestone.MQL).chance.value == pytest.approx(1 / 6 * (110 + 1 / 2) / 151, rel=0.03)
    # Of the last 40 leads, every sixth is on its way.
    assert told.flow(Milestone.MQL).under_way.value == pytest.approx(40 / 6, rel=0.15)
    assert told.flow(Milestone.LEAD).chance.value == pytest.approx(told.flow(Milestone.MQL).chance.value, rel=0.01)
    # One of two SQLs is won 30 days later, and the last 30 SQLs' ten days have passed.
    assert told.flow(Milestone.SQL).chance.value == pytest.approx(1 / 2 * (120 + 1 / 2) / 151, rel=0.03)
    assert told.flow(Milestone.SQL).under_way.value == pytest.approx(30 / 6, rel=0.2)


def test_the_parts_of_the_sources_make_up_the_whole(told):
    for flow in told.flows:
        parts = [one.per_week[flow.milestone] for one in told.sources]
        assert sum(parts) == pytest.approx(flow.per_week.value)
    mqls = told.flow(Milestone.MQL)
    to_come = mqls.per_week.value * told.weeks * mqls.chance.value
    assert sum(one.customers for one in told.sources) == pytest.approx(to_come)
    assert [one.source for one in told.sources].count(None) == 1
    assert sum(one.now_mqls for one in told.sources) == 26 * 7


def test_a_source_with_the_better_rate_has_more_of_the_customers(told):
    """Every sixth lead is won, and these all come from the web: every third lead is."""
    by_source = {one.source: one for one in told.sources}
    assert by_source["web"].customers > 5 * by_source["event"].customers
    assert by_source["web"].rate > 5 * by_source["event"].rate


def test_money_is_spend_by_mqls_of_the_same_whole_periods(told):
    """From July to November: the last period has no known end. Every third lead of these 153 days is the web's."""
    by_source = {one.source: one for one in told.sources}
    web = by_source["web"]
    assert web.money_per_mql == pytest.approx(5 * 620 / (153 / 3))
    assert web.money_per_week == pytest.approx(web.money_per_mql * web.per_week[Milestone.MQL])
    assert by_source["event"].money_per_mql is None
    assert told.money_per_week == pytest.approx(web.money_per_week)
    assert any("3,100 were spent on sources that brought no MQL" in note for note in told.notes)


def test_without_spend_it_says_why_there_is_no_cost(make_history, settings):
    without = make_history(rows(n=200))
    target = Target(customers=10, by=dt.date(2027, 3, 31))
    told = plan(without, milestones_of(without, settings), target)
    assert told.money_per_week is None
    assert "no cost: the history has no spend" in told.notes
    once = make_history(rows(n=200) | {"spend": [{"period_start_at": "2026-12-01", "source": "web", "amount": 5.0}]})
    told = plan(once, milestones_of(once, settings), target)
    assert any("no whole period of spend is known" in note for note in told.notes)


def test_a_third_of_the_mqls_is_worked_and_capacity_is_held_against_that(told):
    """Sales accepts a lead a day before its SQL here: every third. The settings' team works 10 a week."""
    mqls, own = told.flow(Milestone.MQL), told.capacity
    assert own.worked_share.value == pytest.approx(1 / 3, abs=0.02)
    assert own.to_work == pytest.approx(own.worked_share.value * mqls.per_week.value)
    assert own.to_work_80 == pytest.approx(own.worked_share.value * mqls.per_week_80)
    assert own.now_to_work == pytest.approx(own.worked_share.value * 7)
    assert (own.per_week, own.missing) == (10, max(0.0, own.to_work - 10))


def test_a_larger_team_misses_nobody(history, settings_with):
    large = settings_with(policy={"teams": [{"name": "sales", "leads_per_week": 500}]})
    target = Target(customers=40, by=dt.date(2027, 5, 31))
    own = plan(history, milestones_of(history, large), target)
    assert (own.capacity.missing, own.capacity.missing_80) == (0, 0)
    assert own.reach.greatest_per_week == 500


def test_the_greatest_flow_is_that_of_the_best_weeks_where_it_is_more_than_the_capacity(make_history, settings):
    many = make_history(rows(n=400, every_days=1 / 4))
    told = plan(many, milestones_of(many, settings), Target(customers=40, by=dt.date(2027, 3, 31)))
    assert told.reach.greatest_per_week == pytest.approx(4 * 7)


def test_more_time_takes_less_a_week_and_a_greater_target_more(history, milestones, told):
    later = plan(history, milestones, Target(customers=40, by=dt.date(2027, 8, 31)))
    more = plan(history, milestones, Target(customers=60, by=dt.date(2027, 5, 31)))
    for one in Milestone.LEAD, Milestone.MQL, Milestone.SQL:
        assert later.flow(one).per_week.value < told.flow(one).per_week.value < more.flow(one).per_week.value
        assert later.flow(one).reached_share >= told.flow(one).reached_share >= more.flow(one).reached_share


def test_what_is_under_way_may_be_enough(history, milestones):
    flow = plan(history, milestones, Target(customers=1, by=dt.date(2027, 5, 31))).flow(Milestone.MQL)
    assert (flow.per_week.value, flow.per_week_90, flow.expected_per_week) == (0, 0, 0)
    assert flow.reached_share == 1


def test_customers_won_since_the_first_day_count_and_later_ones_alone_where_it_is_still_to_come(history, milestones):
    won = plan(history, milestones, Target(customers=60, since=dt.date(2026, 12, 1), by=dt.date(2027, 5, 31)))
    assert (won.won, won.starts_on, won.meanwhile) == (5, dt.date(2026, 12, 31), None)
    later = plan(history, milestones, Target(customers=60, since=dt.date(2027, 3, 1), by=dt.date(2027, 5, 31)))
    assert (later.won, later.starts_on) == (0, dt.date(2027, 3, 1))
    assert later.weeks == pytest.approx(92 / 7)
    assert later.flow(Milestone.MQL).under_way.value == pytest.approx(0, abs=0.2), "all of them are won by then"
    # Of those that come from the extract on, a sixth is won 40 days later: those of days 20 to 60 in the plan.
    assert later.meanwhile.value == pytest.approx(40 / 6, rel=0.1)


def test_too_much_too_soon_is_out_of_reach_and_it_says_when_it_is_not(history, milestones, told):
    short = plan(history, milestones, Target(customers=40, by=dt.date(2027, 2, 28)))
    assert short.reach.is_out_of_reach
    assert short.reach.last_start is None
    assert short.target.by < short.reach.reached_on
    then = plan(history, milestones, Target(customers=40, by=short.reach.reached_on))
    before = plan(history, milestones, Target(customers=40, by=short.reach.reached_on - 7 * DAY))
    assert (then.reach.is_out_of_reach, before.reach.is_out_of_reach) == (False, True)
    assert told.reach.is_out_of_reach == (told.flow(Milestone.MQL).per_week.value > told.reach.greatest_per_week)
    never = plan(history, milestones, Target(customers=4000, by=dt.date(2027, 2, 28)))
    assert never.reach.is_out_of_reach
    assert never.reach.reached_on is None


def test_the_last_day_to_start_lies_before_those_that_are_too_late(history, settings_with):
    large = settings_with(policy={"teams": [{"name": "sales", "leads_per_week": 60}]})
    known = milestones_of(history, large)
    reach = plan(history, known, Target(customers=60, by=dt.date(2027, 5, 31))).reach
    assert dt.date(2026, 12, 31) < reach.last_start < dt.date(2027, 5, 31) - 40 * DAY
    easy = plan(history, known, Target(customers=8, by=dt.date(2027, 5, 31)))
    assert (easy.reach.last_start, easy.reach.is_out_of_reach) == (None, False)
    assert easy.flow(Milestone.MQL).reached_share > 0.5


def test_a_revenue_is_as_many_customers_as_bring_it(history, milestones, told):
    """Each brings 1,000: 40,000 are 40 customers."""
    worth = plan(history, milestones, Target(revenue=40_000, by=dt.date(2027, 5, 31)))
    assert [worth.amount.low, worth.amount.value, worth.amount.high] == pytest.approx([1000] * 3)
    for one in Milestone.LEAD, Milestone.MQL, Milestone.SQL:
        assert worth.flow(one).expected_per_week == pytest.approx(told.flow(one).expected_per_week)
        assert worth.flow(one).per_week.value == pytest.approx(told.flow(one).per_week.value, rel=0.1)
        assert worth.flow(one).under_way.value == pytest.approx(1000 * told.flow(one).under_way.value)


def test_an_open_deal_brings_its_own_amount(make_history, settings):
    tables = rows()
    for deal in tables["opportunities"]:
        if deal["outcome"] == "open":
            deal["amount"] = 5000.0
    rich = make_history(tables)
    told = plan(rich, milestones_of(rich, settings), Target(revenue=100_000, by=dt.date(2027, 5, 31)))
    sqls = told.flow(Milestone.SQL).under_way.value
    assert sqls == pytest.approx(5000 * 30 / 6, rel=0.2)
    assert told.flow(Milestone.MQL).under_way.value - sqls == pytest.approx(1000 * 10 / 6, rel=0.2)


def test_customers_of_unknown_amount_are_said(make_history, settings):
    tables = rows()
    won = [deal for deal in tables["opportunities"] if deal["outcome"] == "won"]
    for deal in won[: len(won) // 2]:
        deal["amount"] = None
    history = make_history(tables)
    told = plan(history, milestones_of(history, settings), Target(revenue=40_000, by=dt.date(2027, 5, 31)))
    assert any("of the customers no amount is known" in note for note in told.notes)
    assert told.amount.value == pytest.approx(1000)


def test_the_same_history_gives_the_same_plan_and_it_survives_as_json(history, milestones, told):
    assert plan(history, milestones, told.target) == told
    assert Plan.model_validate_json(told.model_dump_json()) == told


def test_what_is_recorded_later_is_in_no_number(history, settings, told):
    moment = EXTRACTED_AT - 60 * DAY
    before = known_before(history, moment, attributes=settings.crm.attributes)
    target = Target(customers=40, by=dt.date(2027, 3, 31))
    then = plan(before, milestones_of(before, settings), target)
    assert then.as_of == moment
    assert then.n_customers == told.n_customers - 60 // 6


def test_leads_before_the_day_from_which_on_the_definitions_learn_are_left_out(history, settings_with, told):
    since = settings_with(definitions={"learn_since": "2026-06-01"})
    later = plan(history, milestones_of(history, since), told.target)
    assert later.measured_since == dt.date(2026, 6, 1)
    assert later.n_customers < told.n_customers
    assert later.flow(Milestone.MQL).waiting == told.flow(Milestone.MQL).waiting


def test_a_source_of_few_mqls_is_drawn_to_the_others(make_history, settings):
    history = make_history(rows(source=lambda nth: "fair" if nth in (0, 6) else "web" if nth % 2 else "event"))
    rates = source_rates(milestones_of(history, settings))
    assert rates["web"] < 0.05
    assert rates["web"] < rates["fair"] < 0.9, "both of the fair's two MQLs were won"


def test_a_present_mix_of_other_sources_is_said(make_history, settings):
    tables = rows(source=lambda nth: ("web" if nth % 6 == 0 else "event") if nth < 120 else "event")
    history = make_history(tables)
    told = plan(history, milestones_of(history, settings), Target(customers=40, by=dt.date(2027, 5, 31)))
    assert any("the sources of the last weeks convert at" in note for note in told.notes)


def test_where_nobody_came_for_weeks_the_present_flow_is_doubted(make_history, settings, told):
    tables = rows(n=200)
    late = {lead["lead_id"] for lead in tables["leads"][-15:]}
    kept = {name: [row for row in own if row["lead_id"] not in late] for name, own in tables.items()}
    quiet = make_history(kept)
    noted = plan(quiet, milestones_of(quiet, settings), Target(customers=40, by=dt.date(2027, 3, 31))).notes
    assert "nobody became MQL since 2026-12-15: what comes now a week may be over" in noted
    assert not any("nobody became" in note for note in told.notes)


def test_where_customers_still_came_on_the_last_days_it_says_that_more_may_come(make_history, settings):
    """One lead a day, won after as many days as its number says: nobody knows who comes after day 60."""
    leads = [{"lead_id": f"L{n}", "created_at": EXTRACTED_AT - 64 * DAY} for n in range(60)]
    leads.append({"lead_id": "first", "created_at": EXTRACTED_AT - 200 * DAY})
    changes = [{"lead_id": f"L{n}", "stage": "won", "entered_at": EXTRACTED_AT - 64 * DAY + n * DAY} for n in range(60)]
    history = make_history({"leads": leads, "stage_changes": changes})
    told = plan(history, milestones_of(history, settings), Target(customers=40, by=dt.date(2027, 4, 30)))
    assert told.flow(Milestone.LEAD).is_least_chance
    assert any("more may come" in note for note in told.notes)
    assert any("too short to say how rates change" in note for note in told.notes)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(by=dt.date(2027, 3, 1)), "give either a number of customers or a revenue"),
        (Target(customers=3, revenue=3.0, by=dt.date(2027, 3, 1)), "give either a number of customers or a revenue"),
        (Target(customers=0, by=dt.date(2027, 3, 1)), "0 is no target; give a number above 0"),
        (Target(revenue=float("inf"), by=dt.date(2027, 3, 1)), "inf is no target"),
        (
            Target(customers=3, by=dt.date(2026, 12, 30)),
            "2026-12-30 is not a day after the extract of 2026-12-31 00:00",
        ),
        (
            Target(customers=3, since=dt.date(2027, 3, 2), by=dt.date(2027, 3, 1)),
            "less than a day lies between 2027-03-02 and 2027-03-01",
        ),
        (Target(customers=3, by=dt.date(2028, 3, 1)), "leads were watched for 300 days.*plan up to 2027-10-26"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_what_to_do(history, milestones, target, said):
    with pytest.raises(SettingsError, match=said):
        plan(history, milestones, target)


def test_all_that_is_wrong_is_said_at_once(history, milestones):
    with pytest.raises(SettingsError, match=r"(?s)one of the two.*not a day after the extract"):
        plan(history, milestones, Target(by=dt.date(2026, 5, 1)))


def test_the_last_day_that_may_be_planned_can_be(history, milestones):
    assert plan(history, milestones, Target(customers=40, by=dt.date(2027, 10, 26))).flows


def test_too_few_customers_are_no_ground_for_a_plan(make_history, settings):
    few = make_history(rows(n=90))
    with pytest.raises(TooFewOutcomesError, match="plan: 9 customers are known and 10 are needed"):
        plan(few, milestones_of(few, settings), Target(customers=3, by=dt.date(2027, 1, 31)))
    none = make_history(rows() | {"opportunities": []})
    with pytest.raises(TooFewOutcomesError, match="plan: 0 won leads with an amount are known"):
        plan(none, milestones_of(none, settings), Target(revenue=3.0, by=dt.date(2027, 1, 31)))
    empty = make_history({})
    with pytest.raises(SettingsError, match="the history has no leads"):
        plan(empty, milestones_of(empty, settings), Target(customers=3, by=dt.date(2027, 1, 31)))


def test_unsettled_leads_are_neither_waited_for_nor_measured(make_history, settings, told):
    unsettled = [
        {"lead_id": f"L{n:04d}", "stage": "won", "reason": "deal_undated", "is_ending": "true"} for n in range(300)
    ]
    marked = make_history(rows() | {"unsettled": unsettled[:60] + unsettled[-2:]})
    other = plan(marked, milestones_of(marked, settings), told.target)
    assert other.n_customers == told.n_customers - 10
    assert other.flow(Milestone.MQL).waiting == told.flow(Milestone.MQL).waiting - 50 - 2


def test_one_account_says_nothing_of_others_and_is_planned_all_the_same(make_history, settings):
    tables = rows(n=200)
    one = make_history(
        {
            **tables,
            "accounts": [{"account_id": "X"}],
            "leads": [lead | {"account_id": "X"} for lead in tables["leads"]],
        }
    )
    told = plan(one, milestones_of(one, settings), Target(customers=30, by=dt.date(2027, 3, 31)))
    assert told.flow(Milestone.MQL).per_week.value > 0
