"""What is a hand-off, what is known of it, and that each lead's first one is its entry into the funnel's MQL."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from alignment.handed_off import hand_offs_of
from alignment.judged import guaranteed_hand_offs
from alignment.milestones import milestones_of
from data_contracts.privacy import MASKED
from data_contracts.vocabulary import Stage
from features.known_before import known_before
from tests.some_engines import ENGINES


def changes(lead_id, *entries):
    names = ("lead_id", "stage", "entered_at", "reason")
    return [dict(zip(names, (lead_id, *entry), strict=False)) for entry in entries]


def call(lead_id, at, **told):
    return {"lead_id": lead_id, "kind": "call", "direction": "outbound", "occurred_at": at, **told}


@pytest.fixture
def handed_off(make_history, settings):
    """The hand-offs of a history of the given tables."""

    def made(tables, *, under=settings, **options):
        history = make_history(tables, under=under, **options)
        return hand_offs_of(history, milestones_of(history, under))

    return made


def rows(told):
    return told.frame.to_dict("records")


ONE = {"leads": [{"lead_id": "A"}]}


def test_without_hand_offs_there_are_no_rows_and_all_columns(handed_off):
    some, none = handed_off(ONE | {"stage_changes": changes("A", ("mql", "2026-03-02"))}), handed_off({})
    assert len(none.frame) == 0
    assert list(none.frame.columns) == list(some.frame.columns)
    assert len(handed_off(ONE).frame) == 0
    assert none.told("source").tolist() == []


@pytest.mark.parametrize(
    ("way", "at"),
    [
        (["mql", "mql"], [0]),
        (["mql", "sal", "mql"], [0]),
        (["mql", "lead", "mql"], [0, 2]),
        (["mql", "sql", "mql"], [0, 2]),
        (["mql", "won", "mql"], [0, 2]),
        (["sal", "mql", "sql"], [0]),
        (["opportunity", "sql"], [0]),
        (["nurture", "sql", "nurture", "sql"], [1]),
        (["mql", "nurture", "sal"], [0]),
        (["lost", "mql", "lost", "mql"], [1, 3]),
        (["lead", "disqualified", "nurture"], []),
    ],
)
def test_an_entry_into_mql_starts_a_hand_off_where_the_lead_did_not_wait_already(handed_off, way, at):
    days = [f"2026-03-{day:02d}" for day in range(2, 2 + len(way))]
    told = handed_off(ONE | {"stage_changes": changes("A", *zip(way, days, strict=True))})
    assert told.frame["handed_off_at"].tolist() == [pd.Timestamp(days[place]) for place in at]
    assert told.frame["nth"].tolist() == list(range(1, len(at) + 1))
    assert told.frame["is_skipped"].tolist() == [way[place] != "mql" for place in at]


def test_where_no_sql_is_agreed_on_a_lead_waits_until_it_is_won(handed_off, settings_with):
    under = settings_with(definitions={"transitions": {"mql_to_win": {"horizon_days": 90}}})
    way = [("mql", "2026-03-02"), ("sql", "2026-03-03"), ("mql", "2026-03-04")]
    told = handed_off(ONE | {"stage_changes": changes("A", *way)}, under=under)
    assert told.frame["handed_off_at"].tolist() == [pd.Timestamp("2026-03-02")]


def test_a_decision_is_the_first_after_the_hand_off_with_its_own_reason(handed_off):
    way = [("mql", "2026-03-02"), ("disqualified", "2026-03-03"), ("lost", "2026-03-04", "Price")]
    (row,) = rows(handed_off(ONE | {"stage_changes": changes("A", *way)}))
    assert (row["decision"], row["decided_at"]) == ("disqualified", pd.Timestamp("2026-03-03"))
    assert pd.isna(row["reason"])


def test_what_comes_after_the_next_hand_off_is_not_of_the_one_before(handed_off):
    way = [("mql", "2026-03-02"), ("lead", "2026-03-03"), ("mql", "2026-03-04"), ("lost", "2026-03-05", "Price")]
    tables = ONE | {"stage_changes": changes("A", *way), "activities": [call("A", "2026-03-04 00:00")]}
    first, second = rows(handed_off(tables))
    assert (first["next_handed_off_at"], pd.isna(second["next_handed_off_at"])) == (pd.Timestamp("2026-03-04"), True)
    assert pd.isna(first["touched_at"]), "a touch at the next hand-off is the next one's"
    assert second["touched_at"] == first["contacted_at"] == pd.Timestamp("2026-03-04")
    assert pd.isna(first["decision"])
    assert (second["decision"], second["reason"]) == ("lost", "Price")


def test_a_call_before_the_hand_off_and_an_inbound_one_are_no_answer(handed_off):
    tables = ONE | {
        "stage_changes": changes("A", ("mql", "2026-03-02 10:00")),
        "activities": [call("A", "2026-03-02 09:59"), call("A", "2026-03-02 11:00") | {"direction": "inbound"}],
    }
    assert pd.isna(rows(handed_off(tables))[0]["touched_at"])


def test_what_was_recorded_after_the_extract_is_not_known(handed_off):
    tables = ONE | {
        "stage_changes": [
            *changes("A", ("mql", "2026-03-02")),
            {"lead_id": "A", "stage": "sql", "entered_at": "2026-03-04", "recorded_at": "2027-01-02"},
        ],
        "activities": [call("A", "2026-03-03", recorded_at="2027-01-01")],
    }
    (row,) = rows(handed_off(tables))
    assert pd.isna(row["touched_at"])
    assert pd.isna(row["decision"])


def test_an_earlier_moment_gives_what_was_known_then(make_history, settings):
    tables = {
        "stage_changes": changes("A", ("mql", "2026-03-02"), ("lost", "2026-03-20", "Price")),
        "activities": [call("A", "2026-03-03", recorded_at="2026-03-10")],
    }
    history = make_history(ONE | tables)
    then = known_before(history, dt.datetime(2026, 3, 9), attributes=settings.crm.attributes)
    (row,) = rows(hand_offs_of(then, milestones_of(then, settings)))
    assert pd.isna(row["touched_at"])
    assert pd.isna(row["decision"])
    assert row["watched_hours"] == 5 * 8
    (now,) = rows(hand_offs_of(history, milestones_of(history, settings)))
    assert now["touched_at"] == pd.Timestamp("2026-03-03")


def test_an_address_in_a_reason_is_masked(handed_off):
    way = [("mql", "2026-03-02"), ("lost", "2026-03-03", "mail jane@example.com")]
    assert rows(handed_off(ONE | {"stage_changes": changes("A", *way)}))[0]["reason"] == MASKED


def test_a_seller_that_nobody_knows_has_the_team_and_the_zone_of_the_policy(handed_off):
    owners = {"A": "u", "B": "v", "C": "w"}
    tables = {
        "sellers": [{"owner_id": "u", "team": "north", "time_zone": "Asia/Tokyo"}, {"owner_id": "v"}],
        "leads": [{"lead_id": name, "owner_id": owner} for name, owner in owners.items()],
        "stage_changes": [row for name in owners for row in changes(name, ("mql", "2026-03-02 10:00"))],
    }
    told = handed_off(tables).frame
    assert told["team"].astype(object).tolist() == ["north", "sales", "sales"]
    assert told["time_zone"].astype(object).tolist() == ["Asia/Tokyo", "UTC", "UTC"]
    # In Tokyo it is 19 o'clock: eight hours of the next day, which begins at midnight UTC.
    owed = ["2026-03-03 08:00", "2026-03-03 10:00", "2026-03-03 10:00"]
    assert told["respond_by_at"].tolist() == [pd.Timestamp(at) for at in owed]


def test_leads_are_grouped_by_their_own_words(handed_off):
    tables = {
        "accounts": [{"account_id": "X", "region": "DACH"}],
        "leads": [{"lead_id": "0"}, {"lead_id": "A", "account_id": "X", "source": "web"}],
        "stage_changes": changes("A", ("mql", "2026-03-02"), ("lost", "2026-03-03"), ("mql", "2026-03-04")),
    }
    told = handed_off(tables)
    assert told.told("source").tolist() == ["web", "web"]
    assert told.told("region").tolist() == ["DACH", "DACH"]
    assert told.of(np.array([False, True])).told("source").tolist() == ["web"]
    with pytest.raises(KeyError, match="shoe_size"):
        told.told("shoe_size")


def test_leads_that_cannot_be_dated_or_skipped_mql_count_in_no_rate(handed_off):
    tables = {
        "leads": [{"lead_id": name} for name in "ABC"],
        "stage_changes": [
            *changes("A", ("mql", "2026-03-02")),
            *changes("B", ("mql", "2026-03-02")),
            *changes("C", ("sql", "2026-03-02")),
        ],
        "unsettled": [{"lead_id": "B", "stage": "won", "reason": "deal_undated", "is_ending": "true"}],
    }
    assert handed_off(tables).counted.tolist() == [True, False, False]


def test_where_contact_is_assumed_nobody_knows_when_sales_answered(handed_off, settings_with):
    assert handed_off(ONE).unknown_because == ""
    under = settings_with(definitions={"contact": {"assume_contacted_because": "everybody is called"}})
    assert "everybody is called" in handed_off(ONE, under=under).unknown_because


STAGES = [stage.value for stage in Stage]
MOMENTS = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 30))
WAYS = st.lists(st.lists(st.tuples(MOMENTS, st.sampled_from(STAGES)), max_size=6), min_size=1, max_size=30)


@settings_of_hypothesis(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ways=WAYS, touches=st.lists(st.tuples(st.integers(0, 29), MOMENTS), max_size=20))
def test_whatever_way_leads_take_their_first_hand_off_is_when_they_reached_mql(make_history, settings, ways, touches):
    history = make_history(
        {
            "leads": [{"lead_id": str(n)} for n in range(len(ways))],
            "stage_changes": [
                {"lead_id": str(n), "stage": stage, "entered_at": at}
                for n, way in enumerate(ways)
                for at, stage in {at: (at, stage) for at, stage in way}.values()
            ],
            "activities": [call(str(n), at) for n, at in touches],
        }
    )
    milestones = milestones_of(history, settings)
    frame = hand_offs_of(history, milestones).frame
    first = frame[frame["nth"] == 1].set_index("lead_id")["handed_off_at"]
    assert first.to_dict() == milestones.frame.set_index("lead_id")["mql_at"].dropna().to_dict()
    guaranteed = guaranteed_hand_offs(history, settings).to_pyarrow().to_pandas()[["lead_id", "handed_off_at"]]
    owed = frame.loc[~frame["is_skipped"], ["lead_id", "handed_off_at"]]
    assert sorted(guaranteed.itertuples(index=False)) == sorted(owed.itertuples(index=False))
    until = frame["next_handed_off_at"].fillna(pd.Timestamp("2100-01-01"))
    for at in ("touched_at", "decided_at"):
        known = frame[at].notna()
        assert (frame[at] >= frame["handed_off_at"])[known].all()
        assert (frame[at] <= until)[known].all()
    assert (frame["touched_at"].isna() | (frame["contacted_at"] == frame["touched_at"])).all()
    assert (frame["respond_by_at"] > frame["handed_off_at"]).all()
    assert frame["decision"].notna().equals(frame["decided_at"].notna())


@pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")
def test_every_engine_tells_the_same_hand_offs(handed_off):
    tables = {
        "sellers": [{"owner_id": "u", "team": "north", "time_zone": "Asia/Tokyo"}],
        "leads": [{"lead_id": "A", "owner_id": "u"}, {"lead_id": "B"}],
        "stage_changes": [
            *changes("A", ("mql", "2026-03-02"), ("disqualified", "2026-03-03"), ("lost", "2026-03-04", "Price")),
            *changes("A", ("mql", "2026-04-02"), ("lost", "2026-04-05", "jane@example.com")),
            *changes("B", ("opportunity", "2026-03-02")),
        ],
        "activities": [call("A", "2026-03-02 12:00")],
    }
    first, second, third = rows(handed_off(tables))
    assert (first["decision"], second["decision"], third["decision"]) == ("disqualified", "lost", "sql")
    assert pd.isna(first["reason"])
    assert second["reason"] == MASKED
    assert first["touched_at"] == pd.Timestamp("2026-03-02 12:00")
    assert [row["is_skipped"] for row in (first, second, third)] == [False, False, True]
    assert (first["team"], third["team"]) == ("north", "sales")
