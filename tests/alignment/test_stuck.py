"""Where leads and deals are stuck: the worked examples of its page, and what always adds up."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from alignment.milestones import milestones_of
from alignment.stuck import stuck, usual_days
from data_contracts.metrics.stuck import FORMULAS, LEAST_GONE_WELL
from tests.alignment.metric_pages import assert_as_worked_out, formulas_not_said, page_specs

START = dt.datetime(2026, 1, 1)


def told(history, settings, **options):
    return stuck(milestones_of(history, settings), history, **options)


def of_deals(rows):
    return [row for row in rows if row["waits"] == "deal"]


COMPUTED = {
    "usual days": lambda history, settings: told(history, settings).usual.to_pylist(),
    "usual days of deals": lambda history, settings: of_deals(told(history, settings).usual.to_pylist()),
    "stuck": lambda history, settings: told(history, settings).listed.to_pylist(),
    "open leads and deals": lambda history, settings: told(history, settings).by_stage.to_pylist(),
    "open deals": lambda history, settings: of_deals(told(history, settings).by_stage.to_pylist()),
}


@pytest.mark.parametrize("spec", page_specs("stuck", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def test_the_page_says_each_formula():
    assert formulas_not_said("stuck", FORMULAS) == []
    assert f"fewer than {LEAST_GONE_WELL}" in FORMULAS[0].says


def moves(lead_id, *stages):
    """Entries of a lead: each stage, and on which day from the start."""
    return [{"lead_id": lead_id, "stage": stage, "entered_at": START + dt.timedelta(days=day)} for stage, day in stages]


def funnel(*leads, went_well=LEAST_GONE_WELL):
    """`went_well` leads that were in MQL for 1 to so many days and became SQLs, beside the moves of `leads`."""
    usual = {f"W{nth:02d}": (("mql", 0), ("sql", nth)) for nth in range(1, went_well + 1)}
    others = {f"L{nth}": stages for nth, stages in enumerate(leads)}
    return {
        "leads": [{"lead_id": lead_id} for lead_id in usual | others],
        "stage_changes": [move for lead_id, stages in (usual | others).items() for move in moves(lead_id, *stages)],
    }


def usual_of(found, stage, waits="lead"):
    (row,) = [row for row in found.usual.to_pylist() if (row["stage"], row["waits"]) == (stage, waits)]
    return row


def listed(found):
    return {row["lead_id"]: row for row in found.listed.to_pylist()}


def test_an_mql_is_slow_after_the_days_that_those_took_which_became_sqls(make_history, settings):
    until = START + dt.timedelta(days=60)
    history = make_history(funnel((("mql", 41),), (("mql", 42),)), extracted_at=until)
    found = told(history, settings)
    row = usual_of(found, "mql")
    assert (row["usual_days"], row["goal"], row["began"], row["went_well"]) == (18.0, "sql", 20, 20)
    assert {name: each["days"] for name, each in listed(found).items() if name.startswith("L")} == {"L0": 19.0}


def test_with_one_too_few_nothing_is_usual(make_history, settings):
    row = usual_of(told(make_history(funnel(went_well=LEAST_GONE_WELL - 1)), settings), "mql")
    assert (row["usual_days"], row["slow"]) == (None, None)
    assert row["why_not"] == "too few to say: 19 went well, and 20 are needed"


def test_a_stay_that_was_turned_down_first_did_not_go_well_whatever_came_later(make_history, settings):
    put_off = (("mql", 0), ("nurture", 25), ("mql", 30), ("sql", 31))
    row = usual_of(told(make_history(funnel(put_off)), settings), "mql")
    assert (row["began"], row["went_well"], row["usual_days"]) == (22, 21, 18.0), "with the 25 days it would be 19"


def test_a_stage_that_was_entered_again_is_one_stay_and_one_moved_back_is_two(make_history, settings):
    again, back = (("mql", 0), ("mql", 10)), (("mql", 0), ("sal", 5), ("mql", 10))
    found = told(make_history(funnel(again, back)), settings)
    since = {name: each["since_at"] for name, each in listed(found).items()}
    assert since == {"L0": START, "L1": START + dt.timedelta(days=10)} | {
        name: since[name] for name in since if name.startswith("W")
    }


def test_only_what_began_a_whole_horizon_ago_tells_what_is_usual(make_history, settings):
    quick = [(("mql", 31), ("sql", 31.5))] * 30
    history = make_history(funnel(*quick), extracted_at=START + dt.timedelta(days=60, hours=23))
    row = usual_of(told(history, settings), "mql")
    assert (row["began"], row["usual_days"]) == (20, 18.0)


def test_days_beyond_the_horizon_are_a_least_value(make_history, settings):
    slow = [(("mql", 0), ("sql", 40))] * 20
    row = usual_of(told(make_history(funnel(*slow)), settings), "mql")
    assert (row["usual_days"], row["is_least"]) == (40.0, True)
    assert not usual_of(told(make_history(funnel()), settings), "mql")["is_least"]


def test_where_the_crm_records_no_sql_every_stage_goes_well_with_the_win(make_history, settings_with):
    under = settings_with(definitions={"transitions": {"mql_to_win": {"horizon_days": 30}}})
    tables = funnel((("mql", 0), ("won", 3)), went_well=0)
    row = usual_of(told(make_history(tables, under=under), under), "mql")
    assert (row["goal"], row["went_well"]) == ("won", 1)


def test_a_scored_lead_is_worth_its_expected_value_and_the_most_comes_first(make_history, settings):
    scores = pa.table({"lead_id": ["L0", "L1", "L2"], "expected_value": [5.0, 80.0, None]})
    tables = funnel((("mql", 0),), (("mql", 0),), (("mql", 0),)) | {
        "activities": [
            {"lead_id": "L1", "kind": "call", "direction": "outbound", "occurred_at": START + dt.timedelta(days=1)}
        ]
    }
    found = told(make_history(tables), settings, values=scores)
    rows = [row for row in found.listed.to_pylist() if row["stage"] == "mql"]
    assert [(row["lead_id"], row["expected_value"]) for row in rows] == [("L1", 80.0), ("L0", 5.0), ("L2", None)]
    assert [row["was_touched"] for row in rows] == [True, False, False]
    (summed,) = [row for row in found.by_stage.to_pylist() if row["stage"] == "mql"]
    assert (summed["listed"], summed["value_listed"], summed["without_value"], summed["never_touched"]) == (3, 85, 1, 2)


def test_a_lead_of_which_nobody_knows_since_when_it_is_there_is_counted_and_not_listed(make_history, settings):
    unsettled = {"lead_id": "L0", "stage": "lost", "reason": "current_stage", "is_ending": True}
    found = told(make_history(funnel((("mql", 0),)) | {"unsettled": [unsettled]}), settings)
    assert "L0" not in listed(found)
    (summed,) = [row for row in found.by_stage.to_pylist() if row["stage"] == "mql"]
    assert (summed["open"], summed["unsettled"]) == (0, 1)


def test_a_history_without_leads_beyond_their_first_stage_has_an_empty_list(make_history, settings):
    found = told(make_history({"leads": [{"lead_id": "A"}]}), settings)
    assert found.listed.num_rows == 0
    assert [row["open"] for row in found.by_stage.to_pylist()] == [0] * 5


def test_the_interval_is_wider_where_all_days_are_of_few_accounts():
    days = np.random.default_rng(0).lognormal(size=400)
    alone, together = (
        usual_days(np.sort(days), groups) for groups in (np.arange(400) % 60, np.repeat(np.arange(4), 100))
    )
    assert alone.value == together.value == np.quantile(days, 0.9, method="inverted_cdf")
    assert together.high - together.low > alone.high - alone.low > 0


@pytest.mark.parametrize("seed", range(2))
def test_every_open_lead_and_deal_is_counted_once(make_history, settings, seed):
    random = np.random.default_rng(seed)
    ids = [f"L{nth:03d}" for nth in range(150)]
    stages = ["mql", "sal", "sql", "opportunity", "won", "nurture", "lost"]
    changed = [
        {"lead_id": lead_id, "stage": str(random.choice(stages)), "entered_at": START + dt.timedelta(days=int(day))}
        for lead_id in ids
        for day in sorted(random.choice(300, size=random.integers(0, 6), replace=False))
    ]
    deals = [
        {"opportunity_id": f"O{nth}", "lead_id": str(random.choice(ids)), "created_at": START,
         "outcome": outcome, "closed_at": None if outcome == "open" else START + dt.timedelta(days=5),
         "amount": random.choice([100.0, None])}
        for nth, outcome in enumerate(random.choice(["open", "won", "lost"], size=60))
    ]  # fmt: skip
    tables = {"leads": [{"lead_id": lead_id} for lead_id in ids], "stage_changes": changed, "opportunities": deals}
    found = told(make_history(tables), settings)
    with_deal = {deal["lead_id"] for deal in deals if deal["outcome"] == "open"}
    last = {move["lead_id"]: move["stage"] for move in changed}
    by_stage = {(row["waits"], row["stage"]): row for row in found.by_stage.to_pylist()}
    for stage in ("mql", "sal", "sql", "opportunity"):
        standing = {lead_id for lead_id, stands in last.items() if stands == stage} - with_deal
        assert by_stage["lead", stage]["open"] == len(standing)
    assert by_stage["deal", "opportunity"]["open"] == sum(deal["outcome"] == "open" for deal in deals)
    for row in by_stage.values():
        assert max(row["slow"], row["past_close"]) <= row["listed"] <= row["slow"] + row["past_close"]
        assert row["value_listed"] <= row["value_open"]
    assert found.listed.num_rows == sum(row["listed"] for row in by_stage.values())


def test_where_contact_is_assumed_nobody_knows_whom_sales_touched(make_history, settings_with):
    under = settings_with(definitions={"contact": {"assume_contacted_because": "everybody is called"}})
    found = told(make_history(funnel((("mql", 0),)), under=under), under)
    assert {row["was_touched"] for row in found.listed.to_pylist()} == {None}
    assert sum(row["never_touched"] for row in found.by_stage.to_pylist()) == 0
