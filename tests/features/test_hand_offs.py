"""The moments at which a lead could have been handed off, and what became of those that were."""

import datetime as dt

import pytest

from features.hand_offs import hand_off_leads, hand_off_snapshots, revenue_of_leads, with_what_came
from features.known_before import known_before
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

UNTIL = dt.datetime.fromisoformat("2026-03-01 06:00")


def entry(lead, stage, at, **more):
    return {"lead_id": lead, "stage": stage, "entered_at": at} | more


@pytest.fixture
def moments(make_history, settings):
    """The moments of each lead in the two weeks before the extract, as the day and the time, with the stage."""

    def found(tables):
        rows = hand_off_snapshots(make_history(tables, extracted_at=UNTIL), settings, weeks=2).table
        told: dict[str, list[str]] = {}
        for row in rows.order_by("lead_id", "as_of").to_pyarrow().to_pylist():
            told.setdefault(row["lead_id"], []).append(f"{row['as_of']:%m-%d %H:%M} {row['stage']}")
        return told

    return found


def test_a_lead_that_sales_took_before_the_next_night_has_the_moment_of_its_entry_into_mql(moments):
    tables = {
        "leads": [{"lead_id": "a", "created_at": "2026-02-24 08:00"}],
        "stage_changes": [entry("a", "mql", "2026-02-25 10:00"), entry("a", "sal", "2026-02-25 12:00")],
    }
    assert moments(tables) == {"a": ["02-25 06:00 lead", "02-25 10:01 mql"]}


def test_from_the_first_touch_on_nobody_could_hand_it_off_any_more(moments):
    call = {"lead_id": "a", "kind": "call", "direction": "outbound", "occurred_at": "2026-02-21 12:00"}
    tables = {"leads": [{"lead_id": "a"}], "activities": [call],
              "stage_changes": [entry("a", "mql", "2026-01-10 10:00")]}  # fmt: skip
    assert moments(tables) == {}
    logged_late = {"activities": [call | {"recorded_at": "2026-02-25 12:00"}]}
    assert moments(tables | logged_late) == {"a": ["02-22 06:00 mql"]}


def test_a_recycled_lead_can_be_handed_off_again_whoever_touched_it_before(moments):
    tables = {
        "leads": [{"lead_id": "a"}],
        "stage_changes": [entry("a", "mql", "2026-01-05"), entry("a", "sal", "2026-01-06"),
                          entry("a", "nurture", "2026-01-20"), entry("a", "mql", "2026-02-24 10:00")],
    }  # fmt: skip
    assert moments(tables)["a"][0] == "02-24 10:01 mql"


def test_team_and_suppression_are_those_of_the_moment(engine, make_history, settings_with):
    suppressed = [{"name": "customer", "account_has_won": True}]
    settings = settings_with(policy={"suppressed": suppressed})
    history = make_history({
        "accounts": [{"account_id": "X"}],
        "leads": [{"lead_id": "a", "account_id": "X"}, {"lead_id": "b", "account_id": "X"}],
        "stage_changes": [entry("b", "won", "2026-02-23 12:00")],
    }, extracted_at=UNTIL)  # fmt: skip
    found = hand_off_leads(engine, history, settings, weeks=2).frame
    own = found[found["lead_id"] == "a"]
    told = dict(zip(own["as_of"].dt.strftime("%m-%d"), own["suppressed_by"].fillna("nobody"), strict=True))
    assert told == {"02-22": "nobody", "03-01": "customer"}, "known once somebody at the account had bought"
    assert set(found["team"]) == {"sales"}


def test_what_came_is_told_from_the_hand_off_on(engine, make_history, settings):
    history = make_history({
        "leads": [{"lead_id": lead} for lead in ("won", "called", "uncalled", "late")],
        "stage_changes": [
            *(entry(lead, "mql", "2026-02-01") for lead in ("won", "called", "uncalled", "late")),
            entry("won", "sql", "2026-02-20"), entry("won", "won", "2026-03-10"),
            entry("called", "sal", "2026-02-20"), entry("late", "sal", "2026-06-01"),
        ],
        "opportunities": [
            {"opportunity_id": "1", "lead_id": "won", "amount": 300.0, "created_at": "2026-02-21",
             "closed_at": "2026-03-10", "outcome": "won"},
            {"opportunity_id": "2", "lead_id": "won", "amount": 400.0, "created_at": "2026-02-21",
             "closed_at": "2026-03-11", "outcome": "won"},
            {"opportunity_id": "3", "lead_id": "called", "amount": 900.0, "created_at": "2026-02-21",
             "closed_at": "2026-03-11", "outcome": "lost"},
        ],
    })  # fmt: skip
    then = known_before(history, UNTIL, attributes=settings.crm.attributes)
    first = hand_off_leads(engine, then, settings, weeks=3).frame.drop_duplicates("lead_id")
    came = with_what_came(engine, history, settings, hand_offs=first).set_index("lead_id")
    assert came["outcome"].to_dict() == {
        "won": "converted", "called": "not_converted", "uncalled": "never_contacted", "late": "never_contacted",
    }  # fmt: skip
    assert came["won_outcome"].to_dict()["won"] == "converted"
    assert came["revenue"].to_dict() == {"won": 300.0 + 400.0, "called": 0.0, "uncalled": 0.0, "late": 0.0}
    assert revenue_of_leads(history).count().to_pyarrow().as_py() == 1
