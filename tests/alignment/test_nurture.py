"""Nurture: the worked examples of its page, and what always adds up."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from alignment.milestones import milestones_of
from alignment.nurture import nurture
from data_contracts.metrics.nurture import FORMULAS, RECYCLE_WITHIN_DAYS
from data_contracts.metrics.periods import Period
from tests.alignment.metric_pages import assert_as_worked_out, formulas_not_said, page_specs


def told(history, settings, **options):
    return nurture(milestones_of(history, settings), history, **options)


COMPUTED = {
    "nurture by month": lambda history, settings: told(history, settings).rows.to_pylist(),
    "nurture by year": lambda history, settings: told(history, settings, every=Period.YEAR).rows.to_pylist(),
    "leads in nurture": lambda history, settings: told(history, settings).leads.to_pylist(),
}


@pytest.mark.parametrize("spec", page_specs("nurture", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def test_the_page_says_each_formula():
    assert formulas_not_said("nurture", FORMULAS) == []
    assert all(str(RECYCLE_WITHIN_DAYS) in one.says for one in FORMULAS if "within" in one.says)


def changes(lead_id, *moves):
    return [{"lead_id": lead_id, "stage": stage, "entered_at": f"2026-{day} 00:00"} for stage, day in moves]


def test_a_history_in_which_nobody_was_nurtured_has_no_rows(make_history, settings):
    nothing = told(make_history({"leads": [{"lead_id": "A"}]}), settings)
    assert (nothing.leads.num_rows, nothing.rows.num_rows) == (0, 0)


def test_a_lead_counts_once_a_period_from_its_first_time_in_it(make_history, settings):
    moves = changes("A", ("nurture", "01-02"), ("mql", "01-05"), ("nurture", "01-10"), ("mql", "02-01"),
                    ("nurture", "02-03"), ("sql", "03-01"))  # fmt: skip
    history = make_history({"leads": [{"lead_id": "A"}], "stage_changes": moves})
    rows = told(history, settings).rows.to_pylist()
    assert [(row["cohort"].month, row["nurtured"], row["returned"], row["became_sql"]) for row in rows] == [
        (1, 1, 1, 1), (2, 1, 1, 1),
    ]  # fmt: skip
    assert rows[0]["days_to_return"] == 3.5, "it came back on day 3, half of one lead is half of that day"


def test_a_second_entry_without_a_return_is_the_same_stay(make_history, settings):
    moves = changes("A", ("nurture", "01-02"), ("nurture", "02-20"))
    mail = {"lead_id": "A", "kind": "email_sent", "occurred_at": "2026-01-10"}
    history = make_history({"leads": [{"lead_id": "A"}], "stage_changes": moves, "activities": [mail]})
    (lead,) = told(history, settings).leads.to_pylist()
    assert (lead["since_at"], lead["n_times"]) == (dt.datetime(2026, 1, 2), 1)
    assert lead["touched_at"] == dt.datetime(2026, 1, 10)


def test_an_sql_that_was_put_off_counts_once_it_is_taken_up_again(make_history, settings):
    moves = changes("A", ("sql", "01-02"), ("nurture", "01-05"), ("opportunity", "02-01"))
    (row,) = told(make_history({"leads": [{"lead_id": "A"}], "stage_changes": moves}), settings).rows.to_pylist()
    assert (row["returned"], row["became_sql"], row["recycle_yield"]) == (1, 1, 1.0)


def test_what_came_before_nurture_at_the_same_moment_is_no_return(make_history, settings):
    moves = changes("A", ("mql", "01-05"), ("nurture", "01-05"))
    history = make_history({"leads": [{"lead_id": "A"}], "stage_changes": moves})
    (row,) = told(history, settings).rows.to_pylist()
    assert (row["returned"], row["waiting"]) == (0, 1)


def test_a_lead_of_which_nobody_knows_where_it_stands_is_counted_beside_and_not_listed(make_history, settings):
    unsettled = {"lead_id": "A", "stage": "lost", "reason": "current_stage", "is_ending": True}
    tables = {"leads": [{"lead_id": "A"}], "stage_changes": changes("A", ("nurture", "01-05"))}
    found = told(make_history(tables | {"unsettled": [unsettled]}), settings)
    (row,) = found.rows.to_pylist()
    assert (row["nurtured"], row["unsettled"], row["waiting"], row["raw_yield"]) == (1, 1, 0, None)
    assert found.leads.num_rows == 0


def test_a_cohort_that_nobody_watched_for_so_long_has_no_yield(make_history, settings):
    tables = {"leads": [{"lead_id": "A"}], "stage_changes": changes("A", ("nurture", "01-05"))}
    watched, young = (
        told(make_history(tables, extracted_at=dt.datetime(2026, 1, 5) + dt.timedelta(days=days)), settings)
        for days in (RECYCLE_WITHIN_DAYS - 1, RECYCLE_WITHIN_DAYS - 2)
    )
    assert watched.rows.to_pylist()[0]["recycle_yield"] == 0.0
    assert young.rows.to_pylist()[0]["recycle_yield"] is None
    assert not watched.rows.to_pylist()[0]["is_mature"]


def test_each_lead_is_in_one_part_and_the_groups_make_up_the_whole(make_history, settings):
    random = np.random.default_rng(2)
    ids = [f"L{nth:03d}" for nth in range(120)]
    stages = ["mql", "sal", "sql", "nurture", "nurture", "disqualified", "lost", "won"]
    moves = [
        {"lead_id": lead_id, "stage": str(random.choice(stages)),
         "entered_at": dt.datetime(2026, 1, 1) + dt.timedelta(days=int(day))}
        for lead_id in ids
        for day in sorted(random.choice(300, size=random.integers(0, 6), replace=False))
    ]  # fmt: skip
    leads = [{"lead_id": lead_id, "source": random.choice(["web", "fair", None])} for lead_id in ids]
    unsettled = [{"lead_id": lead_id, "stage": "lost", "reason": "x", "is_ending": True} for lead_id in ids[:9]]
    history = make_history({"leads": leads, "stage_changes": moves, "unsettled": unsettled})
    whole, parts = (told(history, settings, every=Period.QUARTER, by=by) for by in ("", "source"))
    counts = [field.name for field in whole.rows.schema if pa.types.is_int64(field.type)]
    for row in whole.rows.to_pylist():
        of_cohort = [part for part in parts.rows.to_pylist() if part["cohort"] == row["cohort"]]
        assert all(row[name] == sum(part[name] for part in of_cohort) for name in counts if name != "horizon_days")
        assert row["nurtured"] == row["returned"] + row["ended"] + row["waiting"] + row["unsettled"]
        assert row["became_sql"] <= row["returned"]
        if row["recycle_yield"] is not None:
            assert 0 <= row["recycle_yield_low"] <= row["recycle_yield"] <= row["recycle_yield_high"] <= 1
            assert row["recycle_yield"] <= row["return_rate"] + 1e-12
    last = {move["lead_id"]: move["stage"] for move in moves}
    here = {lead_id for lead_id, stage in last.items() if stage == "nurture"} - set(ids[:9])
    assert set(whole.leads["lead_id"].to_pylist()) == here
