"""A history cut at a moment is what an extract taken then would have given."""

import datetime as dt

import pytest

from features.build import build_features
from features.known_before import known_before
from features.revenue import won_revenue
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

MOMENT = dt.datetime.fromisoformat("2026-06-01")
EARLIER, LATER = "2026-05-01 12:00", "2026-07-01 12:00"


@pytest.fixture
def rows(make_history, settings):
    """The rows of a table of the history that is made of tables, cut at the moment."""

    def cut(name, tables):
        history = known_before(make_history(tables), MOMENT, attributes=settings.crm.attributes)
        return sorted(history.tables[name].to_pyarrow().to_pylist(), key=str)

    return cut


def test_nothing_that_became_known_later_is_left(rows):
    activity, entry = {"lead_id": "old", "kind": "webinar"}, {"lead_id": "old", "stage": "mql"}
    tables = {
        "leads": [{"lead_id": "old", "created_at": EARLIER}, {"lead_id": "new", "created_at": LATER}],
        "activities": [
            activity | {"activity_id": "known", "occurred_at": EARLIER},
            activity | {"activity_id": "logged late", "occurred_at": EARLIER, "recorded_at": LATER},
            activity | {"activity_id": "planned", "occurred_at": LATER, "recorded_at": EARLIER},
        ],
        "stage_changes": [
            entry | {"entered_at": EARLIER},
            entry | {"stage": "sal", "entered_at": EARLIER, "recorded_at": LATER},
            entry | {"stage": "sql", "entered_at": LATER},
        ],
    }
    assert [row["lead_id"] for row in rows("leads", tables)] == ["old"]
    assert [row["activity_id"] for row in rows("activities", tables)] == ["known"]
    assert [row["stage"] for row in rows("stage_changes", tables)] == ["mql"]


def test_an_account_that_was_created_later_is_not_there_and_an_undated_one_is(rows):
    tables = {"accounts": [{"account_id": "old", "created_at": EARLIER}, {"account_id": "undated"},
                           {"account_id": "new", "created_at": LATER}]}  # fmt: skip
    assert {row["account_id"] for row in rows("accounts", tables)} == {"old", "undated"}


def change(kind, owner, attribute, old, new, at=LATER):
    return {"object": kind, "object_id": owner, "attribute": attribute, "old_value": old, "new_value": new,
            "changed_at": at}  # fmt: skip


def test_a_historised_attribute_that_changed_later_has_the_value_of_then(rows):
    tables = {
        "leads": [{"lead_id": "a", "seniority": "head"}, {"lead_id": "b", "seniority": "head"},
                  {"lead_id": "c", "seniority": "head"}],
        "accounts": [{"account_id": "X", "employees": 900.0}],
        "attribute_changes": [
            change("lead", "a", "seniority", "junior", "head"),
            change("lead", "b", "seniority", None, "junior", EARLIER),
            change("lead", "b", "seniority", "junior", "head"),
            change("account", "X", "employees", "20", "900"),
        ],
    }  # fmt: skip
    assert [row["seniority"] for row in rows("leads", tables)] == ["junior", "junior", "head"]
    assert [row["employees"] for row in rows("accounts", tables)] == [20.0]
    assert [row["object_id"] for row in rows("attribute_changes", tables)] == ["b"]


def test_a_lead_that_was_attached_to_its_account_later_had_none(rows):
    tables = {
        "accounts": [{"account_id": "X"}],
        "leads": [{"lead_id": "a", "account_id": "X"}, {"lead_id": "b", "account_id": "X"}],
        "attribute_changes": [change("lead", "a", "account_id", None, "X")],
    }
    assert [row["account_id"] for row in rows("leads", tables)] == [None, "X"]


def test_nobody_knows_which_stage_and_owner_the_crm_showed_then(rows):
    (lead,) = rows("leads", {"leads": [{"lead_id": "a", "current_stage": "won", "owner_id": "U1"}]})
    assert (lead["current_stage"], lead["owner_id"]) == (None, None)


def test_a_deal_that_closed_later_was_open_and_of_no_known_amount(make_history, settings):
    deal = {"lead_id": "a", "created_at": EARLIER, "amount": 500.0, "outcome": "won"}
    history = make_history({
        "leads": [{"lead_id": "a"}],
        "opportunities": [deal | {"opportunity_id": "1", "closed_at": "2026-05-20 12:00"},
                          deal | {"opportunity_id": "2", "closed_at": LATER, "amount": 900.0},
                          deal | {"opportunity_id": "3", "created_at": LATER, "closed_at": LATER}],
    })  # fmt: skip
    cut = known_before(history, MOMENT, attributes=settings.crm.attributes)
    deals = {row["opportunity_id"]: row for row in cut.opportunities.to_pyarrow().to_pylist()}
    assert {name: (deal["outcome"], deal["amount"], deal["closed_at"]) for name, deal in deals.items()} == {
        "1": ("won", 500.0, dt.datetime(2026, 5, 20, 12)), "2": ("open", None, None),
    }  # fmt: skip
    assert won_revenue(cut)["revenue"].to_list() == [500.0]


def test_what_is_said_of_a_deal_that_closed_later_was_not_known(rows):
    said = {"loss_reason": "price", "win_reason": "service", "competitor": "Acme", "objection": "too slow"}
    deal = {"lead_id": "a", "created_at": EARLIER, "outcome": "lost"} | said
    found = rows("opportunities", {
        "leads": [{"lead_id": "a"}],
        "opportunities": [deal | {"opportunity_id": "closed", "closed_at": "2026-05-20 12:00"},
                          deal | {"opportunity_id": "open", "closed_at": LATER}],
    })  # fmt: skip
    told = {row["opportunity_id"]: {name: row[name] for name in said} for row in found}
    assert told == {"closed": said, "open": dict.fromkeys(said)}


def test_a_margin_is_known_once_its_deal_has_closed_and_a_churn_once_it_has_come(rows):
    won = {"lead_id": "a", "created_at": EARLIER, "margin": 40.0, "outcome": "won"}
    deals = [
        won | {"opportunity_id": "1", "closed_at": "2026-05-10 12:00", "churned_at": "2026-05-31 23:59"},
        won | {"opportunity_id": "2", "closed_at": "2026-05-10 12:00", "churned_at": "2026-06-01 00:00"},
        won | {"opportunity_id": "3", "closed_at": LATER, "churned_at": LATER},
    ]
    then = {row["opportunity_id"]: row for row in rows("opportunities", {"leads": [{"lead_id": "a"}],
                                                                          "opportunities": deals})}  # fmt: skip
    assert {name: row["margin"] for name, row in then.items()} == {"1": 40.0, "2": 40.0, "3": None}
    churned = {name: row["churned_at"] for name, row in then.items()}
    assert churned == {"1": dt.datetime(2026, 5, 31, 23, 59), "2": None, "3": None}


def test_features_at_an_earlier_moment_are_those_of_the_whole_history(make_history, make_snapshots, settings):
    tables = {
        "accounts": [{"account_id": "X", "employees": 900.0}],
        "leads": [{"lead_id": "a", "account_id": "X", "seniority": "head"}, {"lead_id": "b", "account_id": "X"}],
        "activities": [{"lead_id": "a", "kind": "webinar", "occurred_at": at} for at in (EARLIER, LATER)],
        "attribute_changes": [change("account", "X", "employees", "20", "900"),
                              change("lead", "b", "account_id", None, "X"),
                              change("lead", "a", "seniority", None, "head")],
    }  # fmt: skip
    whole = make_history(tables)
    snapshots = make_snapshots([{"lead_id": "a", "as_of": "2026-05-31"}])
    cut = known_before(whole, MOMENT, attributes=settings.crm.attributes)
    then, now = (build_features(each, snapshots, settings=settings).to_pandas() for each in (cut, whole))
    assert then.equals(now)
    assert then["attribute_employees"].tolist() == [20.0]


def test_sellers_are_as_they_stand_in_the_extract(rows):
    sellers = [{"owner_id": "u", "team": "north", "time_zone": "Europe/Berlin"}]
    assert rows("sellers", {"sellers": sellers}) == sellers
