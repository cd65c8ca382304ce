"""MQLs delivered: the worked example of its page, and what counts towards what is owed."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from alignment.handed_off import hand_offs_of
from alignment.milestones import milestones_of
from alignment.mqls_delivered import fit_at_hand_offs, mqls_delivered
from data_contracts.errors import SettingsError
from data_contracts.metrics.periods import Period
from tests.alignment.metric_pages import assert_as_worked_out, page_specs
from tests.some_engines import ENGINES


def hand_offs(history, settings):
    return hand_offs_of(history, milestones_of(history, settings))


COMPUTED = {
    "fit at the hand-off": lambda history, settings: fit_at_hand_offs(history, settings).to_dict("records"),
    **{
        f"MQLs by {period}": lambda history, settings, period=period: (
            mqls_delivered(history, hand_offs(history, settings)).rows[period].to_pylist()
        )
        for period in (Period.WEEK, Period.MONTH)
    },
}
OWED = {"version": "2026.2", "mqls_per_week": 2, "mql_least_fit_share": 0.6}


@pytest.mark.parametrize("spec", page_specs("mqls_delivered", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings_with):
    assert_as_worked_out(spec, COMPUTED, make_history, settings_with(targets=OWED))


def mqls(*when):
    return {
        "leads": [{"lead_id": str(n)} for n in range(len(when))],
        "stage_changes": [{"lead_id": str(n), "stage": "mql", "entered_at": at} for n, at in enumerate(when)],
    }


@pytest.fixture
def delivered(make_history):
    """What the MQLs of the given tables come to, as known on a day of March 2026."""

    def made(tables, under, *, day=1, at=None):
        history = make_history(tables, extracted_at=at or dt.datetime(2026, 3, day), under=under)
        return mqls_delivered(history, hand_offs(history, under))

    return made


def test_without_hand_offs_there_are_no_weeks(delivered, settings):
    told = delivered({}, settings, day=4)
    assert [len(told.rows[period]) for period in Period] == [0, 0, 0, 0]


def test_where_no_quality_is_agreed_every_mql_is_of_it_and_nothing_is_owed(delivered, settings):
    told = delivered(mqls("2026-03-02"), settings, day=4)
    (row,) = told.rows[Period.WEEK].to_pylist()
    assert (row["of_quality"], row["below"], row["unknown_fit"]) == (1, 0, 0)
    assert (row["owed"], row["delivered_share"], row["weeks_kept"]) == (None, None, None)


def test_weeks_that_are_over_are_held_against_what_is_owed(delivered, settings_with):
    under = settings_with(targets={"version": "2026.2", "mqls_per_week": 2})
    when = ["2026-03-02", "2026-03-03", "2026-03-09", "2026-03-16", "2026-03-17", "2026-03-17"]
    told = delivered(mqls(*when), under, day=18)
    weeks = told.rows[Period.WEEK]
    assert weeks["of_quality"].to_pylist() == [2, 1, 3]
    assert weeks["delivered_share"].to_pylist() == [1.0, 0.5, 1.5]
    assert weeks["is_complete"].to_pylist() == [True, True, False]
    assert weeks["weeks"].to_pylist() == [1, 1, 0]
    assert weeks["weeks_kept"].to_pylist() == [1, 0, 0]
    assert (told.owed, told.targets_version) == (2, "2026.2")


@pytest.mark.parametrize("day_of_first", [0, 207, 361])
def test_every_length_of_period_counts_the_same_mqls_and_owes_the_same_days(delivered, settings_with, day_of_first):
    per_week = 2.5
    days = [day_of_first, *np.random.default_rng(day_of_first).integers(day_of_first, 500, 30)]
    under = settings_with(targets={"version": "1", "mqls_per_week": per_week})
    first = dt.datetime(2025, 1, 6, 12)
    when = [f"{first + dt.timedelta(days=int(day)):%Y-%m-%d %H:%M}" for day in days]
    told = delivered(mqls(*when), under, at=dt.datetime(2026, 7, 1))
    since = first + dt.timedelta(days=day_of_first)
    monday = (since - dt.timedelta(days=since.weekday())).date()
    assert {sum(told.rows[one]["of_quality"].to_pylist()) for one in Period} == {len(days)}
    over = [row for row in told.rows[Period.MONTH].to_pylist() if row["is_complete"]]
    assert sum(row["owed"] for row in over) == pytest.approx(per_week * (dt.date(2026, 7, 1) - monday).days / 7)
    weeks = [row for row in told.rows[Period.WEEK].to_pylist() if row["is_complete"]]
    for one in Period:
        assert sum(told.rows[one]["weeks"].to_pylist()) == len(weeks)
        kept = sum(told.rows[one]["weeks_kept"].to_pylist())
        assert kept == sum(row["of_quality"] >= per_week for row in weeks)


def test_the_parts_make_up_the_hand_offs_and_recycled_and_undated_leads_are_among_them(delivered, settings_with):
    tables = {
        "accounts": [{"account_id": "X", "industry": "mining"}, {"account_id": "Y", "industry": "software"}],
        "leads": [{"lead_id": "A", "account_id": "X"}, {"lead_id": "B", "account_id": "Y"}, {"lead_id": "C"}],
        "stage_changes": [
            {"lead_id": name, "stage": stage, "entered_at": at}
            for name, stage, at in (
                ("A", "mql", "2026-03-02"), ("A", "nurture", "2026-03-03"), ("A", "mql", "2026-03-04"),
                ("B", "mql", "2026-03-02"), ("C", "mql", "2026-03-02"),
            )
        ],
        "unsettled": [{"lead_id": "B", "stage": "won", "reason": "deal_undated", "is_ending": "true"}],
    }  # fmt: skip
    (row,) = delivered(tables, settings_with(targets=OWED), day=5).rows[Period.WEEK].to_pylist()
    assert (row["of_quality"], row["below"], row["unknown_fit"]) == (1, 2, 1)
    assert row["handed_off"] == 1 + 2 + 1
    assert row["recycled"] == 1


def test_the_agreed_share_itself_is_enough(delivered, settings_with):
    tables = mqls("2026-03-02")
    tables["accounts"] = [{"account_id": "X", "industry": "software", "employees": 5}]
    tables["leads"][0]["account_id"] = "X"
    told = delivered(tables, settings_with(targets=OWED | {"mql_least_fit_share": 2 / 3}), day=5)
    assert told.rows[Period.WEEK]["of_quality"].to_pylist() == [1]


CHANGED = {"object": "account", "object_id": "X", "attribute": "industry"}
RECYCLED = {
    "accounts": [{"account_id": "X", "industry": "mining"}],
    "leads": [{"lead_id": "A", "account_id": "X"}],
    "stage_changes": [
        {"lead_id": "A", "stage": stage, "entered_at": at}
        for stage, at in (("mql", "2026-03-02"), ("nurture", "2026-03-04"), ("mql", "2026-03-30"))
    ],
    "attribute_changes": [
        CHANGED | {"old_value": None, "new_value": "software", "changed_at": "2026-03-02"},
        CHANGED | {"old_value": "software", "new_value": "mining", "changed_at": "2026-03-20"},
    ],
}


@pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")
def test_the_profile_is_that_of_each_hand_off_and_of_what_was_entered_with_it(make_history, settings):
    told = fit_at_hand_offs(make_history(RECYCLED), settings)
    assert told["icp_fit_share"].tolist() == [1.0, 0.0]
    assert told["nth"].tolist() == [1, 2]


def test_where_no_profile_is_agreed_nothing_of_it_is_known(make_history, settings_with):
    under = settings_with(definitions={"icp": {"criteria": []}})
    assert fit_at_hand_offs(make_history(RECYCLED, under=under), under)["icp_fit_share"].isna().all()


def test_hand_offs_of_some_leads_alone_are_counted_alone(make_history, settings):
    history = make_history(mqls("2026-03-02", "2026-03-02"), extracted_at=dt.datetime(2026, 3, 4))
    some = milestones_of(history, settings).of(pd.Series([True, False]))
    told = mqls_delivered(history, hand_offs_of(history, some))
    assert told.rows[Period.WEEK]["handed_off"].to_pylist() == [1]


def test_a_profile_that_does_not_suit_its_attributes_is_refused(make_history, settings_with):
    criterion = {"name": "size", "attribute": "employees", "one_of": ["many"]}
    under = settings_with(definitions={"icp": {"criteria": [criterion]}})
    with pytest.raises(SettingsError, match="employees"):
        fit_at_hand_offs(make_history(RECYCLED, under=under), under)
