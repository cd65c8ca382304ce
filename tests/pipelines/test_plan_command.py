"""`leadscore plan` as a user calls it, and how a plan reads."""

import datetime as dt
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import Capacity, NeededFlow, Plan, Reach, SourcePart, Target
from pipelines.cli import app
from pipelines.plan_report import flow_rows, lines_of, source_rows, title_of

ROOT = Path(__file__).parents[2]
SETTINGS_ERROR = 3


def run(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, ["plan", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.stdout if exit_code == 0 else " ".join(result.output.split())


@pytest.mark.whole
def test_a_target_is_worked_backwards_as_a_table_and_as_json(checked_folder, monkeypatch):
    monkeypatch.chdir(checked_folder)
    shown = run("--customers", "30", "--by", "2026-12-31")
    assert shown.startswith("30 customers by 2026-12-31")
    assert "a product of averages says" in shown
    assert "By source, if the present mix stays" in shown
    told = Plan.model_validate_json(run("--revenue", "900000", "--by", "2026-12-31", "--from", "2026-05-01", "--json"))
    assert told.target == Target(revenue=900_000.0, since=dt.date(2026, 5, 1), by=dt.date(2026, 12, 31))
    assert [one.milestone for one in told.flows] == [Milestone.LEAD, Milestone.MQL, Milestone.SQL]
    assert told.won > 0
    assert json.loads(run("--customers", "30", "--by", "2026-12-31", "--json"))["amount"] is None


@pytest.mark.whole
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "2026-12-31"], "give either a number of customers or a revenue, one of the two"),
        (["--customers", "3", "--revenue", "9", "--by", "2026-12-31"], "one of the two"),
        (["--customers", "3", "--by", "2026-06-29"], "2026-06-29 is not a day after the extract of 2026-06-30"),
        (["--customers", "3", "--by", "2036-06-29"], "plan up to 2028-"),
    ],
)
def test_what_cannot_be_planned_is_an_error_with_what_to_do(checked_folder, monkeypatch, arguments, said):
    monkeypatch.chdir(checked_folder)
    assert said in run(*arguments, exit_code=SETTINGS_ERROR)


def exactly(value: float | None) -> Estimate:
    return Estimate(value=value, low=value, high=value)


FLOW = NeededFlow(
    milestone=Milestone.MQL,
    waiting=1200,
    under_way=Estimate(value=12.0, low=9.0, high=15.0),
    chance=exactly(0.0125),
    is_least_chance=True,
    per_week=Estimate(value=40.0, low=30.0, high=None),
    per_week_80=50.0,
    per_week_90=None,
    expected_per_week=39.0,
    now_per_week=35.0,
    reached_share=0.25,
    product_per_week=31.0,
)
REACH = Reach(
    greatest_per_week=60.0,
    as_now=Estimate(value=35.0, low=28.0, high=43.0),
    at_greatest=Estimate(value=55.0, low=45.0, high=66.0),
    last_start=dt.date(2026, 9, 14),
    is_out_of_reach=False,
    reached_on=None,
)
PLAN = Plan(
    target=Target(customers=40, by=dt.date(2027, 3, 31)),
    as_of=dt.datetime(2026, 6, 30, 18),
    starts_on=dt.date(2026, 6, 30),
    weeks=39.0,
    definitions_version="2026.3",
    currency="EUR",
    measured_since=dt.date(2024, 7, 1),
    n_customers=354,
    drift=0.1,
    n_draws=500,
    won=0.0,
    amount=None,
    meanwhile=None,
    flows=(FLOW,),
    sources=(
        SourcePart(
            source="web",
            now_mqls=600,
            rate=0.03,
            per_week={Milestone.MQL: 30.0},
            customers=20.0,
            money_per_mql=100.0,
            money_per_week=3000.0,
        ),
        SourcePart(
            source=None,
            now_mqls=200,
            rate=None,
            per_week={Milestone.MQL: 10.0},
            customers=8.0,
            money_per_mql=None,
            money_per_week=None,
        ),
    ),
    money_per_week=3000.0,
    capacity=Capacity(
        per_week=18.0,
        worked_share=exactly(0.5),
        to_work=20.0,
        to_work_80=25.0,
        now_to_work=17.5,
        missing=2.0,
        missing_80=7.0,
    ),
    reach=REACH,
    notes=(),
)


def test_a_plan_says_on_what_it_rests():
    assert title_of(PLAN) == (
        "40 customers by 2027-03-31, in 39.0 weeks from 2026-06-30 on. Measured on 354 customers of leads since "
        "2024-07-01, as known at 2026-06-30 18:00 UTC, definitions 2026.3"
    )


def test_a_figure_that_no_flow_reaches_is_said_and_a_least_chance_is_one():
    told = {row["counted in"]: row["MQLs"] for row in flow_rows(PLAN)}
    assert told["chance of a new one"] == "at least 1.25 % [1.25 %, 1.25 %]"
    assert (told["80 % sure"], told["90 % sure"]) == ("50.0", "no flow")
    assert told["95 % of the draws"] == "30.0 to no flow"
    assert told["which is enough in"] == "25 % of the draws"


def test_the_sources_end_with_their_sum():
    rows = source_rows(PLAN)
    assert [row["source"] for row in rows] == ["web", "not known", "all"]
    assert rows[-1]["MQLs a week"] == "40.0"
    assert [row["money a week"] for row in rows] == ["3,000", "–", "3,000"]
    assert source_rows(PLAN.model_copy(update={"sources": ()})) == []


def test_capacity_and_reach_are_sentences():
    lines = list(lines_of(PLAN))
    assert "Money where spend is known: 3,000 a week, 117,000 EUR in all." in lines
    assert (
        "Capacity: 18 new leads a week. If sales works 50 % of MQLs, as so far, it has 17.5 a week now and needs to "
        "work 20.0: 2.0 are missing, 7.0 are missing to be 80 % sure, from 2026-06-30 on." in lines
    )
    assert "The last day to start with that flow is 2026-09-14: after it the target is out of reach." in lines


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"last_start": None}, "The present flow reaches the target in 25 % of the draws."),
        (
            {"last_start": None, "is_out_of_reach": True, "reached_on": dt.date(2027, 5, 2)},
            "It is out of reach by then: with that flow from the start on, half of the draws reach it by 2027-05-02.",
        ),
        ({"last_start": None, "is_out_of_reach": True}, "half of the draws reach it later than anybody can say."),
    ],
)
def test_what_can_be_reached_is_said(changes, said):
    told = PLAN.model_copy(update={"reach": REACH.model_copy(update=changes)})
    assert any(line.endswith(said) for line in lines_of(told))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"missing": 0.0, "missing_80": 0.0}, "needs to work 20.0: that is enough, to be 80 % sure too."),
        (
            {"missing": 0.0},
            "needs to work 20.0: that is enough to be half sure, 7.0 are missing to be 80 % sure, from 2026-06-30 on.",
        ),
        ({"to_work": None, "missing": None}, "Capacity: 18 new leads a week, and no flow is enough."),
    ],
)
def test_capacity_is_said_as_it_is(changes, said):
    told = PLAN.model_copy(update={"capacity": PLAN.capacity.model_copy(update=changes)})
    assert any(line.endswith(said) for line in lines_of(told))


def test_what_is_won_and_what_comes_meanwhile_are_said_in_the_unit_of_the_target():
    told = PLAN.model_copy(
        update={
            "target": Target(revenue=900_000.0, since=dt.date(2026, 5, 1), by=dt.date(2027, 3, 31)),
            "won": 120_000.0,
            "amount": exactly(50_000.0),
            "meanwhile": exactly(10_000.0),
        }
    )
    lines = list(lines_of(told))
    assert title_of(told).startswith("900,000 EUR by 2027-03-31")
    assert lines[0] == "Won since 2026-05-01: 120,000 EUR."
    assert "at the present flow: 10,000 [10,000, 10,000] EUR." in lines[1]
    assert lines[2] == "A customer brings 50,000 [50,000, 50,000] EUR."
