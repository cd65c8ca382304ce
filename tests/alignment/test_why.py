"""Reasons, objections and competitors: the worked examples of their page, what adds up, and what chance explains."""

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import proportions_ztest

from alignment.milestones import milestones_of
from alignment.shrinkage import shrunken
from alignment.why import why_of
from data_contracts.metrics.periods import Period
from data_contracts.metrics.why import Topic
from tests.alignment.metric_pages import assert_as_worked_out, page_specs


def _why(history, settings, every=Period.MONTH):
    return why_of(history, milestones_of(history, settings), every=every)


def _in_november(history, settings):
    rows = _why(history, settings).reasons.to_pylist()
    return [row for row in rows if row["period"].month == 11]


def _naming(history, settings):
    told = _why(history, settings)
    return [{"outcome": "won", "share": told.naming_won.value}, {"outcome": "lost", "share": told.naming_lost.value}]


COMPUTED = {
    "reasons in November": _in_november,
    "trends": lambda history, settings: _why(history, settings).trends.to_pylist(),
    "competitors": lambda history, settings: _why(history, settings).competitors.to_pylist(),
    "deals that name a competitor": _naming,
}


@pytest.mark.parametrize("spec", page_specs("why", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


REASONS = ("Price", "price", "No need", "No budget", "Bad timing", None)


@pytest.fixture(scope="module")
def busy(make_history):
    """400 leads of 150 accounts that ended in 2026, some with a deal, and texts of all kinds."""
    random = np.random.default_rng(8)
    leads, changes, deals = [], [], []
    for number in range(400):
        lead_id, reason = f"L{number:03d}", REASONS[random.integers(len(REASONS))]
        at = (np.datetime64("2026-01-02T00:00", "us") + np.timedelta64(int(random.integers(0, 360)), "D")).item()
        leads.append({"lead_id": lead_id, "account_id": f"A{number % 150}"})
        if number % 3 == 0:
            outcome = str(random.choice(["won", "lost", "open"]))
            said = dict.fromkeys(("loss_reason", "win_reason", "objection"), reason)
            closed_at, amount = None if outcome == "open" else at, float(number) if number % 2 else None
            deals.append({"opportunity_id": lead_id, "lead_id": lead_id, "created_at": at, "outcome": outcome,
                          "closed_at": closed_at, "amount": amount,
                          "competitor": random.choice(["Acme", "Initech", "", f"Number {number}"])} | said)  # fmt: skip
        changes.append({"lead_id": lead_id, "stage": str(random.choice(["lost", "disqualified"])), "entered_at": at,
                        "reason": reason})  # fmt: skip
    return make_history({"leads": leads, "stage_changes": changes, "opportunities": deals})


def test_every_ended_deal_and_lead_is_in_one_reason_of_its_period(busy, settings):
    told = _why(busy, settings)
    deals = busy.opportunities.to_pyarrow().to_pandas()
    changes = busy.stage_changes.to_pyarrow().to_pandas()
    for span in told.spans:
        rows = told.reasons.to_pandas()
        counted = rows[rows["period"].dt.date == span.first].groupby("topic")["n"].sum()
        closed = deals[(deals["closed_at"] >= span.start_at) & (deals["closed_at"] < span.end_at)]
        ended = changes[(changes["entered_at"] >= span.start_at) & (changes["entered_at"] < span.end_at)]
        without_deal = ended[~ended["lead_id"].isin(deals["lead_id"])]
        assert counted[Topic.WON_DEAL] + counted[Topic.LOST_DEAL] == len(closed) == counted[Topic.OBJECTION]
        assert counted[Topic.COMPETITOR] == len(closed)
        assert counted[Topic.DISQUALIFIED] == (ended["stage"] == "disqualified").sum()
        assert counted[Topic.LOST_LEAD] == (without_deal["stage"] == "lost").sum()


def test_shares_of_what_is_said_make_up_one(busy, settings):
    rows = _why(busy, settings).reasons.to_pandas()
    said = rows[rows["reason"].notna() | rows["is_rest"]]
    sums = said.groupby(["topic", "period"])["share"].sum()
    assert len(sums) > 20
    assert sums.to_numpy() == pytest.approx(1.0)
    assert ((rows["share_low"] <= rows["share"]) & (rows["share"] <= rows["share_high"])).all()


def test_amounts_of_lost_deals_are_those_of_the_deals(busy, settings):
    told = _why(busy, settings)
    deals = busy.opportunities.to_pyarrow().to_pandas()
    lost = deals[
        (deals["outcome"] == "lost") & deals["closed_at"].between(told.spans[0].start_at, told.spans[-1].end_at)
    ]
    rows = told.reasons.to_pandas().query("topic == 'lost_deal'")
    assert rows["amount"].sum() == lost["amount"].sum()
    assert rows["without_amount"].sum() == lost["amount"].isna().sum()
    against = told.competitors.to_pandas()
    assert against["amount_lost"].sum() == lost["amount"].sum()
    assert against["is_rest"].sum() == 1


def test_win_rates_against_competitors_are_drawn_towards_that_of_the_named_ones_alone(make_history, settings):
    said = ["Acme"] * 4 + ["Initech"] * 8 + [None] * 9
    won = [True] * 1 + [False] * 3 + [True] * 5 + [False] * 3 + [True] * 9
    deals = [
        {"opportunity_id": f"{n}", "lead_id": f"{n}", "created_at": "2026-03-01", "closed_at": "2026-11-01",
         "competitor": competitor, "outcome": "won" if is_won else "lost"}
        for n, (competitor, is_won) in enumerate(zip(said, won, strict=True))
    ]  # fmt: skip
    history = make_history({"leads": [{"lead_id": deal["lead_id"]} for deal in deals], "opportunities": deals})
    told = {row["competitor"]: row["shrunken_win_rate"] for row in _why(history, settings).competitors.to_pylist()}
    acme, initech = shrunken(np.array([1.0, 5.0]), np.array([4.0, 8.0]))
    assert told == {"Acme": pytest.approx(acme), "Initech": pytest.approx(initech), None: None}
    assert 1 / 4 < acme < 6 / 12 < initech < 5 / 8


def _ended(n, reason, day, start, account=None):
    leads = [{"lead_id": f"{start + nth}", "account_id": account} for nth in range(n)]
    changes = [{"lead_id": lead["lead_id"], "stage": "disqualified", "entered_at": f"{day} 00:00", "reason": reason}
               for lead in leads]  # fmt: skip
    return leads, changes


def _told(make_history, settings, *parts):
    leads, changes = ([row for rows in each for row in rows] for each in zip(*parts, strict=True))
    return _why(make_history({"leads": leads, "stage_changes": changes}), settings)


def _moved(make_history, settings, *parts):
    return {row["reason"]: row for row in _told(make_history, settings, *parts).trends.to_pylist()}


def test_a_rise_beyond_chance_is_told_and_its_p_value_is_that_of_the_two_shares(make_history, settings):
    told = _moved(
        make_history,
        settings,
        _ended(20, "Price", "2026-10-01", 0),
        _ended(80, "No need", "2026-10-01", 100),
        _ended(30, "Price", "2026-11-01", 200),
        _ended(30, "No need", "2026-11-01", 300),
    )
    alone = proportions_ztest([20, 30], [100, 60])[1]
    assert told["Price"]["change"] == pytest.approx(30 / 60 - 20 / 100)
    assert told["Price"]["change_low"] > 0
    assert told["Price"]["p_value"] < 0.05
    assert math.log(told["Price"]["p_value"]) == pytest.approx(math.log(2 * alone), rel=0.35)
    assert [told[name]["trend"] for name in ("Price", "No need")] == ["rising", "falling"]


def test_the_same_rise_within_one_account_is_chance(make_history, settings):
    told = _moved(
        make_history,
        settings,
        _ended(20, "Price", "2026-10-01", 0),
        _ended(80, "No need", "2026-10-01", 100),
        _ended(30, "Price", "2026-11-01", 200, account="X"),
        _ended(30, "No need", "2026-11-01", 300),
    )
    assert told["Price"]["trend"] in ("chance", "too_few")


def test_of_many_reasons_that_stay_as_they_are_hardly_ever_one_is_said_to_move(make_history, settings):
    random, wrong = np.random.default_rng(4), 0
    for _ in range(12):
        parts = []
        for nth in range(8):
            parts.append(_ended(int(random.poisson(40)), f"reason {nth}", "2026-10-01", 1000 * nth))
            parts.append(_ended(int(random.poisson(40)), f"reason {nth}", "2026-11-01", 1000 * nth + 500))
        told = _moved(make_history, settings, *parts)
        assert len(told) == 8
        wrong += any(row["trend"] != "chance" for row in told.values())
    assert wrong <= 2


def test_texts_that_few_say_and_addresses_are_not_shown(make_history, settings):
    address = "ask jane.doe@example.com"
    parts = [*(_ended(3, text, "2026-11-01", 10 * nth) for nth, text in enumerate((address, "Price", "  No   need "))),
             _ended(2, "Jane Doe said no", "2026-11-02", 90)]  # fmt: skip
    rows = _told(make_history, settings, *parts).reasons.to_pylist()
    shown = {row["reason"]: row["n"] for row in rows if row["period"].month == 11}
    assert shown == {"(masked: it looks like an email address or a phone number)": 3, "Price": 3, "No need": 3, None: 2}


def test_of_many_reasons_the_most_frequent_are_shown(make_history, settings):
    parts = [_ended(3 + (nth >= 5), f"reason {nth:02d}", "2026-11-01", 10 * nth) for nth in range(20)]
    rows = _told(make_history, settings, *parts).reasons.to_pylist()
    november = [row for row in rows if row["period"].month == 11]
    assert [row["reason"] for row in november] == [*(f"reason {nth:02d}" for nth in range(5, 17)), None]
    assert november[-1]["is_rest"]
    assert november[-1]["n"] == 3 * 4 + 5 * 3


def test_topics_of_which_nobody_says_anything_are_named(make_history, settings):
    deal = {"opportunity_id": "1", "lead_id": "A", "created_at": "2026-03-01 00:00", "outcome": "won",
            "closed_at": "2026-11-02 00:00"}  # fmt: skip
    undated = deal | {"opportunity_id": "2", "closed_at": None}
    told = _why(make_history({"leads": [{"lead_id": "A"}], "opportunities": [deal, undated]}), settings)
    assert told.silent == (Topic.WON_DEAL, Topic.OBJECTION, Topic.COMPETITOR)
    assert (told.undated, len(told.trends), len(told.competitors)) == (1, 0, 0)
    assert told.naming_won.value == 0


def test_nothing_that_ended_gives_no_rows(make_history, settings):
    told = _why(make_history({"leads": [{"lead_id": "A"}]}), settings)
    assert (len(told.reasons), len(told.trends), len(told.competitors), told.silent) == (0, 0, 0, ())
    assert told.naming_lost.value is None


def test_the_period_that_runs_is_not_counted(make_history, settings):
    assert len(_told(make_history, settings, _ended(3, "Price", "2026-12-01", 0)).reasons) == 0
