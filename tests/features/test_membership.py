"""Which account a lead was known to belong to at a moment: never one that it was attached to later."""

import datetime as dt

import pytest

from features.known import known_at

MOMENTS = [dt.datetime.fromisoformat(day) for day in ("2026-03-01", "2026-06-01", "2026-09-01")]
ATTACHED_AT = "2026-05-01"
DAY = 86_400_000_000  # microseconds


@pytest.fixture
def history(make_history):
    """A was attached to X on 1 May and moved to Y on 1 August, while B was at X and C at Y."""
    return make_history(
        {
            "accounts": [
                {"account_id": "X", "created_at": "2025-01-01", "industry": "software"},
                {"account_id": "Y", "created_at": "2025-01-01", "industry": "banking"},
            ],
            "leads": [
                {"lead_id": "A", "account_id": "Y", "created_at": "2026-02-01"},
                {"lead_id": "B", "account_id": "X", "created_at": "2026-01-01"},
                {"lead_id": "C", "account_id": "Y", "created_at": "2026-01-01"},
            ],
            "attribute_changes": [
                {"object": "lead", "object_id": "A", "attribute": "account_id", "old_value": old, "new_value": new}
                | {"changed_at": day}
                for old, new, day in ((None, "X", ATTACHED_AT), ("X", "Y", "2026-08-01"))
            ],
        }
    )


@pytest.fixture
def known(history, make_snapshots, settings):
    """What was known of A and B at each of the moments."""
    snapshots = make_snapshots([{"lead_id": lead, "as_of": as_of} for lead in "AB" for as_of in MOMENTS])
    return known_at(history, snapshots, settings=settings)


def by_snapshot(table, column):
    rows = table.select("snapshot_id", column).order_by("snapshot_id", column).to_pyarrow().to_pylist()
    return {number: [row[column] for row in rows if row["snapshot_id"] == number] for number in range(2 * len(MOMENTS))}


def test_the_account_s_attributes_are_those_of_the_account_at_the_moment(known):
    industries = by_snapshot(known.snapshots, "industry")
    assert [industries[number] for number in range(3)] == [[None], ["software"], ["banking"]]


def test_colleagues_are_those_of_the_account_at_the_moment_from_both_sides(known):
    others = by_snapshot(known.account_leads, "other_lead_id")
    assert [others[number] for number in range(3)] == [[], ["B"], ["C"]]
    assert [others[number] for number in range(3, 6)] == [[], ["A"], []]


def test_a_lead_without_a_known_account_has_no_buying_group(known):
    assert by_snapshot(known.snapshots, "has_buying_group")[0] == [False]


@pytest.mark.parametrize(
    ("after", "own", "of_b", "of_c"),
    [
        (0, [], [], []),
        (1, ["B"], ["A"], []),
        (92 * DAY, ["B"], ["A"], []),  # 1 August, the very moment of the move
        (92 * DAY + 1, ["C"], [], ["A"]),
    ],
    ids=["attached at the moment", "attached just before", "moves at the moment", "moved just before"],
)
def test_a_membership_counts_from_just_after_it_began_until_the_moment_it_ends(
    history, make_snapshots, settings, after, own, of_b, of_c
):
    as_of = dt.datetime.fromisoformat(ATTACHED_AT) + dt.timedelta(microseconds=after)
    snapshots = make_snapshots([{"lead_id": lead, "as_of": as_of} for lead in "ABC"])
    rows = known_at(history, snapshots, settings=settings).account_leads.to_pyarrow().to_pylist()
    others = {nth: sorted(row["other_lead_id"] for row in rows if row["snapshot_id"] == nth) for nth in range(3)}
    assert others == {0: own, 1: of_b, 2: of_c}


def test_a_lead_that_left_the_account_is_no_colleague_any_more(make_history, make_snapshots, settings):
    change = {"object": "lead", "object_id": "GONE", "attribute": "account_id", "old_value": "X", "new_value": None}
    history = make_history(
        {
            "leads": [{"lead_id": lead, "account_id": "X", "created_at": "2026-02-01"} for lead in ("A", "GONE")],
            "attribute_changes": [change | {"changed_at": "2026-03-01"}],
        }
    )
    moments = [{"lead_id": "A", "as_of": day} for day in ("2026-02-15", "2026-04-01")]
    rows = known_at(history, make_snapshots(moments), settings=settings).account_leads.to_pyarrow().to_pylist()
    assert [(row["snapshot_id"], row["other_lead_id"]) for row in rows] == [(0, "GONE")]
