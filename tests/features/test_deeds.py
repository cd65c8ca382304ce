"""What each activity turned out to be."""

import pytest

from data_contracts.kinds import KindDeclaration
from features.deeds import as_done
from tests.example_kinds import KINDS
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

DIAL = {"lead_id": "A", "kind": "call", "direction": None, "occurred_at": "2026-03-02", "outcome": "no answer"}


def done(history, **declared):
    kinds = {name: KindDeclaration.model_validate(kind) for name, kind in (KINDS | declared).items()}
    rows = as_done(history.activities, kinds).order_by("occurred_at").to_pyarrow().to_pylist()
    return [(row["kind"], row["direction"]) for row in rows]


@pytest.fixture
def activities(make_history):
    """A dial without an answer, a call of five seconds, and a page view."""
    return make_history(
        {
            "leads": [{"lead_id": "A"}],
            "activities": [
                DIAL,
                DIAL | {"occurred_at": "2026-03-03", "outcome": "Connected", "duration_seconds": 5.0},
                {"lead_id": "A", "kind": "page_view", "occurred_at": "2026-03-04"},
            ],
        }
    )


def test_an_activity_that_is_not_the_deed_is_of_the_other_kind_and_keeps_the_direction_of_its_word(activities):
    inbound_attempts = KINDS["call_attempt"] | {"direction": "inbound"}
    assert done(activities, call_attempt=inbound_attempts) == [
        ("call_attempt", "outbound"),
        ("call_attempt", "outbound"),
        ("page_view", "inbound"),
    ]


def test_without_another_kind_it_is_of_none(activities):
    assert done(activities, call=KINDS["call"] | {"otherwise": ""})[:2] == [(None, "outbound"), (None, "outbound")]


def test_each_condition_holds_by_itself_and_a_kind_without_conditions_is_what_the_crm_says(activities):
    by_outcome = KINDS["call"] | {"least_seconds": 0, "outcomes": ["CONNECTED "]}
    by_length = KINDS["call"] | {"outcomes": []}
    plain = KINDS["call"] | {"least_seconds": 0, "outcomes": [], "otherwise": ""}
    assert [kind for kind, _ in done(activities, call=by_outcome)] == ["call_attempt", "call", "page_view"]
    assert [kind for kind, _ in done(activities, call=by_length)] == ["call", "call_attempt", "page_view"]
    assert [kind for kind, _ in done(activities, call=plain)] == ["call", "call", "page_view"]
