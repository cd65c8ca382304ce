"""Accounts: the worked examples of their page, and what always adds up."""

import numpy as np
import pyarrow as pa
import pytest

from alignment.accounts import accounts_of
from alignment.milestones import milestones_of
from data_contracts.errors import SettingsError
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

DACH = {"attribute": "region", "one_of": ["DACH"]}
SCORES = pa.table({"lead_id": ["A", "B", "D"], "expected_value": [100.0, 50.0, 200.0]})


@pytest.fixture(scope="session")
def targeting(settings_with):
    """The settings of the page, where accounts in DACH are the targets."""
    return settings_with(targets={"target_accounts": DACH})


def _accounts(history, settings, **options):
    return accounts_of(history, milestones_of(history, settings), **options)


COMPUTED = {
    "accounts by activity": lambda history, settings: _accounts(history, settings).rows.to_pylist(),
    "accounts by expected value": lambda history, settings: _accounts(
        history, settings, scores=SCORES
    ).rows.to_pylist(),
    "penetration": lambda history, settings: _accounts(history, settings).penetration.to_pylist(),
}


@pytest.mark.parametrize("spec", page_specs("accounts", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, targeting):
    assert_as_worked_out(spec, COMPUTED, make_history, targeting)


@pytest.fixture(scope="module")
def busy(make_history):
    """200 leads of 60 accounts, some of none, with activities and deals of late."""
    random = np.random.default_rng(3)
    leads, activities, deals, changes = [], [], [], []
    end = np.datetime64("2026-12-30T00:00", "us")
    for number in range(200):
        lead_id = f"L{number:03d}"
        account = f"A{random.integers(60):02d}" if random.random() < 0.9 else None
        leads.append({"lead_id": lead_id, "account_id": account})
        for days in random.integers(0, 200, random.integers(0, 6)):
            kind = str(random.choice(["page_view", "webinar", "call", "email_sent"]))
            at = (end - np.timedelta64(int(days), "D")).item()
            activities.append({"lead_id": lead_id, "kind": kind, "occurred_at": at})
        if random.random() < 0.3:
            amount = float(random.integers(1, 9)) if random.random() < 0.7 else None
            deals.append({"opportunity_id": lead_id, "lead_id": lead_id, "created_at": "2026-03-01 00:00",
                          "outcome": str(random.choice(["open", "lost"])), "amount": amount})  # fmt: skip
        if random.random() < 0.5:
            stage = str(random.choice(["mql", "sql", "won"]))
            changes.append({"lead_id": lead_id, "stage": stage, "entered_at": "2026-02-01 00:00"})
    accounts = [{"account_id": f"A{n:02d}", "region": "DACH" if n % 3 else "Asia"} for n in range(70)]
    return make_history({"accounts": accounts, "leads": leads, "activities": activities, "opportunities": deals,
                         "stage_changes": changes})  # fmt: skip


def test_every_lead_and_every_open_deal_is_at_one_account(busy, targeting):
    told = _accounts(busy, targeting).rows.to_pandas()
    deals = busy.opportunities.to_pyarrow().to_pandas().query("outcome == 'open'")
    assert told["account_id"].is_unique
    assert told["leads"].sum() == 200
    assert told["open_deals"].sum() == len(deals)
    assert told["open_amount"].sum() == deals["amount"].sum()
    assert told["without_amount"].sum() == deals["amount"].isna().sum() > 0
    without_lead = told[told["leads"] == 0]
    assert without_lead["is_target"].all()
    assert len(without_lead) > 0


def test_people_are_those_who_make_accounts_active(busy, targeting):
    found = _accounts(busy, targeting)
    told, people = found.rows.to_pandas(), found.people.to_pandas()
    by_account = people.groupby("account_id").agg(n=("lead_id", "size"), activity=("activity", "sum"))
    active = told[told["active_90"] > 0].set_index("account_id").sort_index()
    assert active["active_90"].tolist() == by_account["n"].tolist()
    assert active["activity"].tolist() == pytest.approx(by_account["activity"].tolist())
    assert told["active_90"].sum() == len(people)
    assert (told["active_30"] <= told["active_90"]).all()


def test_ranks_follow_activity_and_leave_out_who_did_nothing(busy, targeting):
    told = _accounts(busy, targeting).rows.to_pandas()
    ranked = told[told["rank"].notna()]
    assert ranked["rank"].tolist() == list(range(1, len(ranked) + 1))
    assert ranked["activity"].is_monotonic_decreasing
    assert (told[told["rank"].isna()]["activity"] == 0).all()
    assert told["rank"].isna().any()


def test_the_further_the_fewer_accounts_and_targets_and_others_are_all_that_are_known(busy, targeting):
    told = _accounts(busy, targeting).penetration.to_pandas()
    assert told.groupby("group")["accounts"].first().to_dict() == {"target": 46, "other": 24}
    for _, rows in told[told["measure"] != "engaged"].groupby("group"):
        assert rows["reached"].is_monotonic_decreasing
    assert (told["share_low"] < told["share"]).any()
    assert ((told["share_low"] <= told["share"]) & (told["share"] <= told["share_high"])).all()


def test_targets_that_are_not_engaged_are_listed(busy, targeting):
    found = _accounts(busy, targeting)
    told, idle = found.rows.to_pandas(), found.idle_targets.to_pandas()
    assert (idle["is_target"] & (idle["active_30"] == 0)).all()
    assert len(idle) == (told["is_target"] & (told["active_30"] == 0)).sum() > 0


def test_who_else_is_active_leaves_out_the_lead_itself(make_history, settings):
    touch = {"kind": "chat", "occurred_at": "2026-12-30 00:00"}
    history = make_history({
        "leads": [{"lead_id": name, "account_id": "X"} for name in "ABC"] + [{"lead_id": "D"}],
        "activities": [touch | {"lead_id": "A"}, touch | {"lead_id": "B", "occurred_at": "2026-12-01 00:00"},
                       touch | {"lead_id": "D"}],
    })  # fmt: skip
    told = _accounts(history, settings)
    assert told.active_beside("C", "X") == ("A", "B")
    assert told.active_beside("A", "X") == ("B",)
    assert told.active_beside("D", "D") == ()


def test_without_agreed_targets_nothing_is_said_of_penetration(busy, settings):
    told = _accounts(busy, settings)
    assert (len(told.penetration), told.targets_said, len(told.idle_targets)) == (0, "", 0)


def test_a_history_without_leads_has_its_target_accounts_alone(make_history, targeting):
    history = make_history({"accounts": [{"account_id": "X", "region": "DACH"}, {"account_id": "Y"}]})
    told = _accounts(history, targeting)
    assert told.rows.column("account_id").to_pylist() == ["X"]
    first = told.penetration.to_pylist()[0]
    assert (first["measure"], first["accounts"], first["share"]) == ("lead", 1, 0.0)


def test_a_history_without_the_table_of_accounts_knows_those_that_leads_name(make_history, targeting):
    told = _accounts(make_history({"leads": [{"lead_id": "A", "account_id": "X"}, {"lead_id": "B"}]}), targeting)
    assert {row["account_id"]: row["is_known"] for row in told.rows.to_pylist()} == {"X": True, "B": False}
    shares = {(row["group"], row["measure"]): row["share"] for row in told.penetration.to_pylist()}
    assert (shares["target", "lead"], shares["other", "lead"]) == (None, 1.0)


def test_scores_of_leads_that_are_not_there_count_nowhere(make_history, settings):
    scores = pa.table({"lead_id": ["A", "gone"], "expected_value": [5.0, 9.0]})
    told = _accounts(make_history({"leads": [{"lead_id": "A", "account_id": "X"}]}), settings, scores=scores)
    assert [(row["account_id"], row["expected_value"]) for row in told.rows.to_pylist()] == [("X", 5.0)]


def test_a_range_of_a_category_is_refused(make_history, settings_with):
    wrong = settings_with(targets={"target_accounts": {"attribute": "region", "at_least": 5}})
    with pytest.raises(SettingsError, match=r"\[targets\]: target_accounts has a range, but 'region' is a category"):
        _accounts(make_history({}), wrong)
