"""When a lead reached a milestone: with what was known, and with what the agreement says."""

import datetime as dt

import pandas as pd
import pytest

from alignment.milestones import milestones_of
from data_contracts.errors import SettingsError
from data_contracts.metrics.funnel import Milestone
from features.known_before import known_before
from tests.some_engines import ENGINES


def changes(lead_id, *entries):
    return [{"lead_id": lead_id, "stage": stage, "entered_at": at} for stage, at in entries]


def only(told):
    (row,) = told.frame.to_dict("records")
    return row


def test_a_lead_without_an_account_is_its_own_and_one_with_carries_its_segment(make_history, settings):
    history = make_history(
        {
            "accounts": [{"account_id": "X", "region": "DACH"}],
            "leads": [{"lead_id": "A", "account_id": "X", "source": "web"}, {"lead_id": "B", "role": "Finance"}],
        }
    )
    rows = milestones_of(history, settings).frame
    assert rows["account_id"].tolist() == ["X", "B"]
    assert rows["region"].astype(object).tolist()[0] == "DACH"
    assert rows["persona"].astype(object).tolist()[1] == "controller"
    assert rows["team"].tolist() == ["sales", "sales"]
    assert rows["mql_at"].isna().all()


def test_backward_moves_and_recycles_are_counted_apart(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": "A"}],
            "stage_changes": changes(
                "A",
                ("mql", "2026-02-01"),
                ("sql", "2026-02-03"),
                ("mql", "2026-02-05"),
                ("disqualified", "2026-02-07"),
                ("nurture", "2026-02-08"),
                ("mql", "2026-04-01"),
                ("lead", "2026-04-02"),
            ),
        }
    )
    row = only(milestones_of(history, settings))
    assert (row["n_backward"], row["n_recycles"]) == (1 + 1, 1)
    assert row["stands"] == "lead"
    assert row["sql_at"] == pd.Timestamp("2026-02-03")


def test_an_earlier_moment_gives_what_was_known_then(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": "A"}],
            "stage_changes": [
                *changes("A", ("mql", "2026-02-01")),
                {"lead_id": "A", "stage": "sql", "entered_at": "2026-02-03", "recorded_at": "2026-03-01"},
            ],
        }
    )
    then = known_before(history, dt.datetime(2026, 2, 20), attributes=settings.crm.attributes)
    told = milestones_of(then, settings)
    assert told.as_of == dt.datetime(2026, 2, 20)
    assert pd.isna(only(told)["sql_at"])
    assert only(milestones_of(history, settings))["sql_at"] == pd.Timestamp("2026-02-03")


def test_a_touch_recorded_after_the_moment_is_not_known(make_history, settings):
    touch = {"lead_id": "A", "kind": "call", "direction": "outbound", "occurred_at": "2026-02-02"}
    history = make_history(
        {
            "leads": [{"lead_id": "A"}],
            "stage_changes": changes("A", ("mql", "2026-02-01")),
            "activities": [touch | {"recorded_at": "2027-01-05"}],
        }
    )
    assert pd.isna(only(milestones_of(history, settings))["sal_at"])


def test_leads_that_nobody_can_date_are_marked(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": "A"}, {"lead_id": "B"}],
            "unsettled": [
                {"lead_id": "B", "stage": "won", "reason": "deal_undated", "is_ending": "true"},
                {"lead_id": "B", "stage": "sql", "reason": "stage_refused", "is_ending": "false"},
            ],
        }
    )
    assert milestones_of(history, settings).frame["is_unsettled"].tolist() == [False, True]


def test_milestones_that_the_history_never_shows_are_not_recorded(make_history, settings):
    history = make_history({"leads": [{"lead_id": "A"}], "stage_changes": changes("A", ("mql", "2026-02-01"))})
    assert milestones_of(history, settings).recorded == (Milestone.LEAD, Milestone.MQL)
    assert milestones_of(make_history({}), settings).recorded == (Milestone.LEAD,)


def test_sal_is_recorded_where_a_stage_or_a_touch_shows_it_and_not_where_leads_only_got_further(make_history, settings):
    leads = [{"lead_id": "A"}]
    sqls = changes("A", ("mql", "2026-02-01"), ("sql", "2026-02-03"))
    call = {"lead_id": "A", "kind": "call", "direction": "outbound", "occurred_at": "2026-02-02"}
    without = make_history({"leads": leads, "stage_changes": sqls})
    with_call = make_history({"leads": leads, "stage_changes": sqls, "activities": [call]})
    assert Milestone.SAL not in milestones_of(without, settings).recorded
    assert Milestone.SAL in milestones_of(with_call, settings).recorded


READY = [{"attribute": "budget", "one_of": ["approved"]}, {"attribute": "employees", "at_least": 10}]


def budget(lead_id, old, new, at):
    told = {"old_value": old, "new_value": new, "changed_at": at}
    return {"object": "lead", "object_id": lead_id, "attribute": "budget", **told}


@pytest.mark.parametrize(
    ("moved", "ready_at"),
    [
        ([], None),
        ([budget("A", "open", "approved", "2026-01-20")], "2026-02-01"),
        ([budget("A", "open", "approved", "2026-03-05")], "2026-03-05"),
        ([budget("A", "approved", "open", "2026-01-20"), budget("A", "open", "approved", "2026-03-09")], "2026-03-09"),
        ([budget("A", "open", "approved", "2026-01-10"), budget("A", "approved", "open", "2026-01-20")], None),
    ],
)
def test_an_sql_is_ready_once_it_meets_all_that_is_agreed_on(make_history, settings_with, moved, ready_at):
    under = settings_with(definitions={"sales_ready": READY})
    history = make_history(
        {
            "accounts": [{"account_id": "X", "employees": 50}],
            "leads": [{"lead_id": "A", "account_id": "X", "budget": moved[-1]["new_value"] if moved else "open"}],
            "stage_changes": changes("A", ("mql", "2026-01-05"), ("sql", "2026-02-01")),
            "attribute_changes": moved,
        },
        under=under,
    )
    found = only(milestones_of(history, under))["sales_ready_at"]
    assert (pd.isna(found) and ready_at is None) or found.floor("s") == pd.Timestamp(ready_at)


def test_a_condition_that_does_not_suit_its_attribute_is_refused(make_history, settings_with):
    under = settings_with(definitions={"sales_ready": [{"attribute": "budget", "at_least": 10}]})
    history = make_history({"leads": [{"lead_id": "A"}]}, under=under)
    with pytest.raises(SettingsError, match=r"\[definitions.sales_ready\]: .*'budget' is a category; use one_of"):
        milestones_of(history, under)


@pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")
def test_every_engine_tells_the_same_milestones(make_history, settings_with):
    under = settings_with(definitions={"sales_ready": READY})
    history = make_history(
        {
            "accounts": [{"account_id": "X", "region": "DACH", "employees": 50}],
            "leads": [{"lead_id": "A", "account_id": "X", "budget": "approved"}, {"lead_id": "B"}],
            "stage_changes": [
                *changes("A", ("mql", "2026-02-01"), ("nurture", "2026-02-03"), ("mql", "2026-03-01")),
                *changes("A", ("sql", "2026-03-09"), ("lost", "2026-04-01")),
                *changes("B", ("opportunity", "2026-02-01"), ("sql", "2026-02-02")),
            ],
            "activities": [{"lead_id": "B", "kind": "call", "direction": "outbound", "occurred_at": "2026-02-01"}],
            "attribute_changes": [budget("A", "open", "approved", "2026-03-10")],
            "unsettled": [{"lead_id": "B", "stage": "won", "reason": "deal_undated", "is_ending": "true"}],
        },
        under=under,
    )
    first, second = milestones_of(history, under).frame.to_dict("records")
    assert first["mql_at"] == pd.Timestamp("2026-02-01")
    assert first["sales_ready_at"].floor("s") == pd.Timestamp("2026-03-10")
    assert (first["stands"], first["n_recycles"], first["region"]) == ("lost", 1, "DACH")
    assert second["sql_at"] == second["mql_at"] == second["sal_at"] == pd.Timestamp("2026-02-01")
    assert second["sql_shown_at"] == pd.Timestamp("2026-02-02")
    assert (second["n_backward"], second["is_unsettled"]) == (1, True)
