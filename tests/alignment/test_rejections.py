"""Reasons for rejection: the worked examples of their page, what adds up, and how often noise is taken for a rise."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from alignment.handed_off import HandOffs, hand_offs_of
from alignment.milestones import Milestones, milestones_of
from alignment.rejections import rejections
from alignment.said import MOST_SHOWN
from data_contracts.metrics.periods import Period
from data_contracts.metrics.rejections import OTHER_REASONS
from tests.alignment.metric_pages import assert_as_worked_out, page_specs


def hand_offs(history, settings):
    return hand_offs_of(history, milestones_of(history, settings))


COMPUTED = {"reasons by month": lambda history, settings: rejections(hand_offs(history, settings)).rows.to_pylist()}


@pytest.mark.parametrize("spec", page_specs("rejections", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


START = pd.Timestamp("2026-01-05")


@pytest.fixture
def decided(settings):
    """Hand-offs that were decided on: each with its week, account and reason (None: an SQL; empty: none was given)."""

    def made(weeks, accounts, reasons, *, weeks_watched=12):
        n = len(weeks)
        decided_at = START + pd.to_timedelta(np.asarray(weeks, dtype=np.int64) * 7, unit="D")
        is_sql = np.array([reason is None for reason in reasons], dtype=bool)
        leads = pd.DataFrame({"lead_id": [str(k) for k in range(n)], "account_id": [str(k) for k in accounts]})
        as_of = (START + pd.Timedelta(weeks=weeks_watched)).to_pydatetime()
        milestones = Milestones(leads, as_of, settings, definitions_version="2026.1")
        frame = pd.DataFrame(
            {
                "lead_id": leads["lead_id"],
                "decided_at": decided_at,
                "touched_at": decided_at,
                "decision": np.where(is_sql, "sql", "disqualified"),
                "reason": pd.Series([reason or None for reason in reasons], dtype=object),
                "is_skipped": False,
                "is_unsettled": False,
                "place": np.arange(n),
                "jackknife_group": milestones.groups,
            }
        )
        return HandOffs(frame, milestones)

    return made


def rows(told):
    return rejections(told, every=Period.WEEK).rows.to_pylist()


def test_without_decisions_there_are_no_rows(decided):
    assert rows(decided([], [], [])) == []


def test_with_sqls_alone_there_is_no_reason_to_tell(decided):
    assert rows(decided([0, 1], [0, 1], [None, None])) == []


def test_every_period_from_the_first_decision_to_the_last_has_every_reason_and_they_add_up(decided):
    rng = np.random.default_rng(1)
    reasons = rng.choice(np.array(["Price", "No need", "", None], dtype=object), 200).tolist()
    told = rows(decided(rng.choice([0, 1, 2, 5], 200), rng.integers(0, 80, 200), reasons))
    frame = pd.DataFrame(told)
    assert len(frame) == 6 * 3
    for _, week in frame.groupby("period"):
        assert week["n"].sum() == week["turned_down"].iloc[0] <= week["decided"].iloc[0]
        assert set(week["reason"].dropna()) == {"No need", "Price"}
    assert frame["n"].sum() == sum(reason is not None for reason in reasons)
    assert frame[frame["decided"] == 0]["share"].isna().all()
    assert frame[frame["decided"] == 0]["period"].nunique() == 2


def test_a_period_is_held_against_the_six_before_it(decided):
    weeks = list(range(8))
    told = rows(decided(weeks, weeks, ["Price"] * 8))
    assert [row["decided_before"] for row in told] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert told[0]["share_before"] is None
    assert told[0]["p_value"] is None


def test_the_running_period_is_marked(decided):
    told = rows(decided([0, 1, 1], [0, 1, 2], ["Price"] * 3, weeks_watched=1))
    assert [row["is_complete"] for row in told] == [True, False]


def test_at_most_twelve_reasons_are_named_the_most_frequent_ones(decided):
    reasons = [f"R{n:02d}" for n in range(MOST_SHOWN + 3) for _ in range(4 if n < MOST_SHOWN else 3)]
    reasons += ["only twice", "Only Twice", "r00"]
    found = rejections(decided([0] * len(reasons), range(len(reasons)), reasons), every=Period.WEEK)
    named = [row["reason"] for row in found.rows.to_pylist()]
    assert named == [*(f"R{n:02d}" for n in range(MOST_SHOWN)), OTHER_REASONS]
    assert found.not_named == 3 + 1
    assert [row["n"] for row in found.rows.to_pylist()] == [4 + 1, *[4] * (MOST_SHOWN - 1), 3 * 3 + 2]


def test_a_reason_that_one_lead_has_again_and_again_is_no_category(decided):
    told = decided([0, 0, 0], [0, 0, 0], ["Price"] * 3)
    told.frame["lead_id"] = "0"
    assert [row["reason"] for row in rows(told)] == [OTHER_REASONS]


def test_a_rise_in_the_leads_of_one_account_is_no_rise(decided):
    weeks = [0] * 40 + [1] * 40
    reasons = [None] * 40 + ["Price"] * 20 + [None] * 20
    apart, together = list(range(80)), [*range(40), *[99] * 20, *range(60, 80)]
    assert [row["is_more_than_noise"] for row in rows(decided(weeks, apart, reasons))] == [False, True]
    assert [row["is_more_than_noise"] for row in rows(decided(weeks, together, reasons))] == [False, False]


def test_the_test_is_fishers_on_accounts_one_sided(decided):
    weeks = [0] * 30 + [1] * 20
    reasons = ["Price"] * 3 + [None] * 27 + ["Price"] * 8 + [None] * 12
    last = rows(decided(weeks, range(50), reasons))[-1]
    assert last["p_value"] == pytest.approx(fisher_exact([[8, 12], [3, 27]], alternative="greater").pvalue)


def test_many_reasons_are_corrected_for(decided):
    steady = [name for name in "abcdefg" for _ in range(3)]
    reasons = [*["Price"] * 2, *steady, *[None] * 37, *["Price"] * 9, *steady, *[None] * 30]
    told = rows(decided([0] * 60 + [1] * 60, range(120), reasons))
    price = next(row for row in told if row["n_before"] and row["reason"] == "Price")
    assert price["p_value"] < 0.05 < price["q_value"]
    assert price["q_value"] == pytest.approx(8 * price["p_value"])
    assert price["difference_low"] > 0
    assert not price["is_more_than_noise"]


def test_a_rise_whose_size_may_be_nothing_is_not_told(decided):
    """Few accounts that spread much: Fisher's test alone would speak of a rise."""
    weeks, accounts = [0] * 40 + [1] * 12, [*range(40), *range(100, 112)]
    big = ([1] * 60, [100] * 60, [None] * 60)
    reasons = [None] * 40 + ["Price"] * 5 + [None] * 7
    told = rows(decided(weeks + big[0], accounts + big[1], reasons + big[2]))[-1]
    assert told["q_value"] < 0.05
    assert told["difference_low"] < 0
    assert not told["is_more_than_noise"]


def test_too_few_accounts_are_not_tested_and_burden_no_other_reason(decided):
    weeks = [0] * 12 + [1] * 12
    reasons = [None] * 12 + ["rare"] * 4 + ["Price"] * 5 + [None] * 3
    last = {row["reason"]: row for row in rows(decided(weeks, range(24), reasons))[-2:]}
    assert last["rare"]["p_value"] is None
    assert not last["rare"]["is_more_than_noise"]
    assert last["Price"]["q_value"] == last["Price"]["p_value"]


def test_noise_is_seldom_taken_for_a_rise_even_where_accounts_answer_alike(decided):
    rng = np.random.default_rng(7)
    names, flagged = np.array(["a", "b", "c", "d", "e", None], dtype=object), 0
    for _ in range(60):
        account = np.repeat(np.arange(150), 2)
        week = rng.integers(0, 7, 150)[account]
        own = rng.choice(6, 150, p=[0.2, 0.1, 0.1, 0.05, 0.05, 0.5])[account]
        reason = np.where(rng.random(300) < 0.8, own, rng.choice(6, 300))
        told = rows(decided(week, account, names[reason].tolist()))
        flagged += any(row["is_more_than_noise"] for row in told if row["period"] == told[-1]["period"])
    assert flagged / 60 <= 0.08


def test_a_real_rise_is_found(decided):
    rng = np.random.default_rng(8)
    week = rng.integers(0, 7, 700)
    reason = np.where(rng.random(700) < np.where(week == 6, 0.35, 0.1), "Price", "No need").astype(object)
    reason[rng.random(700) < 0.3] = None
    last = {row["reason"]: row for row in rows(decided(week, range(700), reason.tolist()))[-2:]}
    assert last["Price"]["is_more_than_noise"]
    assert not last["No need"]["is_more_than_noise"]


def test_skipped_and_unsettled_leads_and_nurture_that_nobody_looked_at_are_no_decisions(make_history, settings):
    ways = {
        "skipped": [("sql", "2026-03-02", None)],
        "undated": [("mql", "2026-03-02", None), ("lost", "2026-03-03", "Price")],
        "given up": [("mql", "2026-03-02", None), ("nurture", "2026-03-20", None)],
        "said": [("mql", "2026-03-02", None), ("nurture", "2026-03-20", "Bad timing")],
        "also": [("mql", "2026-03-02", None), ("nurture", "2026-03-20", "Bad timing")],
        "too": [("mql", "2026-03-02", None), ("nurture", "2026-03-20", "Bad timing")],
        "worked": [("mql", "2026-03-02", None), ("sal", "2026-03-03", None), ("nurture", "2026-03-20", None)],
    }
    history = make_history(
        {
            "leads": [{"lead_id": name} for name in ways],
            "stage_changes": [
                {"lead_id": name, "stage": stage, "entered_at": at, "reason": reason}
                for name, way in ways.items()
                for stage, at, reason in way
            ],
            "unsettled": [{"lead_id": "undated", "stage": "won", "reason": "deal_undated", "is_ending": "true"}],
        },
        extracted_at=dt.datetime(2026, 5, 1),
    )
    (row,) = rejections(hand_offs(history, settings)).rows.to_pylist()
    assert (row["reason"], row["decided"], row["turned_down"], row["n"]) == ("Bad timing", 4, 3, 3)
