import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY
from models.split import (
    as_it_stood,
    at_day,
    converted_or_not,
    default_test_from,
    forward_folds,
    grouped_folds,
    learning_rows,
    rolling_tests,
    split_at,
)
from tests.models.conftest import TableFactory


def rows_of(
    days: list[int], *, groups: list[int], horizon: int, converted: list[bool], leads: list[int] | None = None
) -> pd.DataFrame:
    """One snapshot a day given; each is of a lead of its own unless `leads` says otherwise."""
    as_of = pd.Timestamp("2025-01-01") + pd.to_timedelta(days, unit="D")
    frame = pd.DataFrame({"as_of": as_of, "group_id": groups, "converted": converted, "day": ENTRY, "weight": 1.0})
    frame["lead_id"] = range(len(days)) if leads is None else leads
    frame["outcome_known_at"] = frame["as_of"] + dt.timedelta(days=horizon)
    frame["contacted_after_days"] = 0.0
    frame["converted_after_days"] = np.where(frame["converted"], horizon / 2, np.nan)
    return frame.sort_values("as_of", ignore_index=True)


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(2, 400))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    groups = random.integers(0, draw(st.integers(1, 400)), n)
    return rows_of(
        random.integers(0, draw(st.integers(1, 700)), n).tolist(),
        groups=groups.tolist(),
        leads=(3 * groups + random.integers(0, 3, n)).tolist(),
        horizon=draw(st.integers(1, 200)),
        converted=(random.random(n) < draw(st.floats(0.05, 0.95))).tolist(),
    )


@given(rows=histories(), day=st.integers(-10, 800))
@settings(max_examples=150, deadline=None)
def test_a_split_keeps_leads_apart_and_learns_from_what_was_known(rows: pd.DataFrame, day: int) -> None:
    test_from = dt.datetime(2025, 1, 1) + dt.timedelta(days=day)
    split = split_at(rows, test_from)
    assert not set(split.train["lead_id"]) & set(split.test["lead_id"])
    assert (split.train["outcome_known_at"] <= test_from).all()
    assert len(split.train) == (rows["outcome_known_at"] <= test_from).sum(), "all that was known is learnt from"
    assert (split.train["as_of"] < test_from).all()
    assert (split.test["as_of"] >= test_from).all()
    first_seen = rows.groupby("lead_id")["as_of"].transform("min")
    entered_later = rows.index[first_seen >= test_from]
    assert entered_later.isin(split.test.index).all(), "the test has all leads that entered from then on"


def test_what_was_recorded_later_was_not_known() -> None:
    """Five leads of one day with a horizon of 10 days; each is judged 20 days later and again 40 days later."""
    rows = rows_of([0] * 5, groups=[0, 1, 2, 3, 4], horizon=10, converted=[True, True, True, False, False]).assign(
        contacted_after_days=[1.0, 1.0, 30.0, 1.0, 30.0], converted_after_days=[5.0, 30.0, 30.0, np.nan, np.nan]
    )
    then, later = (as_it_stood(rows, dt.datetime(2025, 1, 1) + dt.timedelta(days=days)) for days in (20, 40))
    assert dict(zip(then["lead_id"], then["converted"], strict=True)) == {0: True, 1: False, 3: False}
    assert later["converted"].tolist() == [True, True, True, False, False]
    assert rows["converted"].sum() == 3, "the rows that were given are as they were"


def test_what_is_recorded_at_the_very_moment_is_not_known_yet() -> None:
    rows = rows_of([0], groups=[0], horizon=10, converted=[True]).assign(converted_after_days=20.0)
    found = [as_it_stood(rows, pd.Timestamp("2025-01-21") + pd.Timedelta(seconds=s)) for s in (0, 1)]
    assert [one["converted"].tolist() for one in found] == [[False], [True]]


@given(rows=histories())
@settings(max_examples=150, deadline=None)
def test_folds_go_forward_and_no_row_is_validated_twice(rows: pd.DataFrame) -> None:
    folds = forward_folds(rows)
    starts = [fold.test_from for fold in folds]
    assert starts == sorted(set(starts))
    validated = [index for fold in folds for index in fold.test.index]
    assert len(validated) == len(set(validated))
    for fold in folds:
        assert not set(fold.train["lead_id"]) & set(fold.test["lead_id"])
        assert fold.train["outcome_known_at"].max() <= fold.test_from <= fold.test["as_of"].min()
        assert 0 < converted_or_not(fold.train).mean() < 1


def test_the_default_test_holds_the_latest_quarter_of_the_leads(table: LabelledTable) -> None:
    rows = learning_rows(table)
    test_from = default_test_from(rows)
    entries = rows[rows["day"] == ENTRY]
    assert (entries["as_of"] >= test_from).mean() == pytest.approx(0.25, abs=0.005)
    assert test_from.time() == dt.time()


def test_training_stops_one_horizon_before_the_test() -> None:
    rows = rows_of([0, 9, 10, 11, 20, 25], groups=[0, 1, 2, 3, 4, 5], horizon=10, converted=[True] * 6)
    split = split_at(rows, dt.datetime(2025, 1, 1) + dt.timedelta(days=20))
    assert split.train["group_id"].tolist() == [0, 1, 2], "day 11 + 10 is known on day 21 only"
    assert split.test["group_id"].tolist() == [4, 5]


def test_an_account_that_comes_up_again_in_the_test_stays_in_training_with_what_was_known() -> None:
    rows = rows_of([0, 1, 25, 40], groups=[7, 8, 7, 7], horizon=10, converted=[True, False, True, True])
    split = split_at(rows, dt.datetime(2025, 1, 1) + dt.timedelta(days=30))
    assert split.train["lead_id"].tolist() == [0, 1], "what day 25 + 10 brought was not known on day 30"
    assert split.test["lead_id"].tolist() == [3]


def test_grouped_folds_keep_accounts_apart_and_choose_by_each_row_once(table: LabelledTable) -> None:
    rows = learning_rows(table)
    folds = grouped_folds(rows)
    assert len(folds) == 4
    for fold in folds:
        assert not set(fold.train["group_id"]) & set(fold.test["group_id"])
        assert converted_or_not(fold.test).mean() == pytest.approx(converted_or_not(rows).mean(), abs=0.02)
    assert sorted(index for fold in folds for index in fold.test.index) == sorted(rows.index)


def test_who_is_still_open_in_the_test_stays_in_training_with_what_was_known() -> None:
    """Lead 1 did not convert and is open on day 30; leaving it out would keep those who converted at once only."""
    rows = rows_of(
        [0, 1, 25, 32, 32], groups=[0, 1, 2, 1, 2], leads=[0, 1, 2, 1, 2], horizon=10, converted=[True] + [False] * 4
    )
    split = split_at(rows, dt.datetime(2025, 1, 1) + dt.timedelta(days=30))
    assert split.train["lead_id"].tolist() == [0, 1]
    assert split.test["lead_id"].tolist() == [2], "lead 2's first outcome was not known on day 30, lead 1's was"


def test_training_keeps_the_rate_of_leads_that_stay_open_for_long(make_table: TableFactory) -> None:
    rows = learning_rows(make_table(n_leads=8_000, drop_out=0.02, leads_per_account=1))
    test_from = default_test_from(rows)
    train = split_at(rows, test_from).train
    late = train[train["as_of"] > test_from - dt.timedelta(weeks=6)]
    assert converted_or_not(late).mean() == pytest.approx(late["true_p"].mean(), abs=0.03)
    in_test = rows.loc[rows["as_of"] >= test_from, "lead_id"]
    left_over = late[~late["lead_id"].isin(in_test)]
    assert converted_or_not(left_over).mean() > left_over["true_p"].mean() + 0.06


def test_the_first_validation_waits_until_enough_outcomes_are_known(table: LabelledTable) -> None:
    folds = forward_folds(learning_rows(table))
    assert len(folds) == 4
    sizes = [len(fold.train) for fold in folds]
    assert sizes == sorted(sizes)
    assert min(converted_or_not(folds[0].train).sum(), (1 - converted_or_not(folds[0].train)).sum()) >= 20


def test_too_short_a_history_has_no_folds() -> None:
    days = list(range(100))
    converted = [day % 2 == 0 for day in days]
    assert forward_folds(rows_of(days, groups=days, horizon=200, converted=converted)) == ()


def test_few_conversions_make_fewer_folds() -> None:
    days = list(range(400))
    rows = rows_of(days, groups=days, horizon=5, converted=[day % 4 == 0 for day in days])
    assert len(forward_folds(rows)) == 2, "55 conversions from day 185 on, at least 25 a fold"


def test_few_accounts_have_no_folds_however_many_their_snapshots() -> None:
    days = list(range(400))
    converted = [day // 20 % 2 == 0 for day in days]
    many, few = ([day % n for day in days] for n in (20, 19))
    assert len(forward_folds(rows_of(days, groups=many, horizon=5, converted=converted))) == 4
    assert forward_folds(rows_of(days, groups=few, horizon=5, converted=converted)) == ()


def test_few_accounts_to_choose_by_give_no_folds_however_many_are_known_before() -> None:
    days = list(range(400))
    early, late = ([30 if day < 200 else n for day in days] for n in (30, 19))
    for n_accounts, n_folds in ((early, 3), (late, 0)):
        groups = [day % n for day, n in zip(days, n_accounts, strict=True)]
        converted = [day // n % 2 == 0 for day, n in zip(days, n_accounts, strict=True)]
        assert len(forward_folds(rows_of(days, groups=groups, horizon=100, converted=converted))) == n_folds


def test_few_leads_have_no_folds_however_many_their_snapshots() -> None:
    """39 leads that converted, each seen ten times, are 39 leads."""
    days = list(range(780))
    leads = [day % 78 for day in days]
    converted = [lead % 2 == 0 for lead in leads]
    assert forward_folds(rows_of(days, groups=leads, leads=leads, horizon=5, converted=converted)) == ()


def test_rolling_tests_cover_the_later_half_without_a_gap(table: LabelledTable) -> None:
    rows = learning_rows(table)
    splits = rolling_tests(rows, n_folds=5)
    tested = pd.concat([split.test for split in splits])
    assert len(splits) == 5
    assert tested.index.is_unique
    entries = rows[(rows["day"] == ENTRY) & (rows["as_of"] >= splits[0].test_from)]
    assert entries.index.isin(tested.index).all()
    sizes = [int((split.test["day"] == ENTRY).sum()) for split in splits]
    assert max(sizes) < 1.15 * min(sizes)


def test_rolling_tests_that_would_begin_on_one_day_are_one() -> None:
    rows = rows_of([0] * 10 + [1] * 10, groups=list(range(20)), horizon=1, converted=[True, False] * 10)
    assert len(rolling_tests(rows, n_folds=6)) == 1


def test_the_weight_of_a_snapshot_depends_on_earlier_ones_only(table: LabelledTable) -> None:
    rows = learning_rows(table)
    lead = rows.loc[rows["lead_id"] == rows["lead_id"].value_counts().index[0], "weight"]
    assert lead.tolist() == pytest.approx([1 / (j + 1) for j in range(len(lead))])
    earlier = replace(table, frame=table.frame[table.frame["as_of"] < dt.datetime(2025, 1, 1)])
    shortened = learning_rows(earlier)
    assert shortened["weight"].equals(rows.loc[shortened.index, "weight"])


def test_weights_keep_the_rate_at_entry_which_equal_shares_of_a_lead_would_raise(make_table: TableFactory) -> None:
    """A lead that converts at once has one snapshot, one that never does has up to eight."""
    table = make_table(n_leads=6_000)
    rows = learning_rows(table)
    entry = rows["day"] == ENTRY
    truth = np.average(rows.loc[entry, "true_p"], weights=rows.loc[entry, "weight"])
    ours = np.average(converted_or_not(rows[entry]), weights=rows.loc[entry, "weight"])
    shared = 1 / rows.groupby("lead_id")["lead_id"].transform("size")
    biased = np.average(converted_or_not(rows[entry]), weights=shared[entry])
    assert ours == pytest.approx(truth, abs=0.015)
    assert biased > truth + 0.06


def test_at_entry_each_row_weighs_one(table: LabelledTable) -> None:
    rows = learning_rows(table)
    assert (at_day(rows, ENTRY)["weight"] == 1).all()
    assert at_day(rows, None) is rows


def test_more_rows_than_can_be_learnt_from_are_a_sample_of_whole_accounts(table: LabelledTable) -> None:
    rows = learning_rows(table)
    sample = learning_rows(table, most_rows=len(rows) // 3)
    assert len(rows) // 3 - 50 < len(sample) <= len(rows) // 3
    assert not set(sample["group_id"]) & set(rows.drop(sample.index)["group_id"])
    assert converted_or_not(sample).mean() == pytest.approx(converted_or_not(rows).mean(), abs=0.03)
    assert sample.equals(learning_rows(table, most_rows=len(rows) // 3))


def test_unlabelled_rows_are_not_learnt_from(make_table: TableFactory) -> None:
    table = make_table(contacted_share=0.4, n_leads=500)
    statuses = set(learning_rows(table)["outcome_status"])
    assert statuses == {"converted", "not_converted"}
    assert {"censored", "never_contacted"} < set(table.frame["outcome_status"])
