"""One review: of a period that is over, beside the one before at the same maturity, with what was decided last."""

import datetime as dt

import pytest

from alignment.review import Known, review
from data_contracts.metrics.periods import Period, Span
from data_contracts.review_notes import Decision, ReviewNotes
from data_contracts.scores import SCORED_HAND_OFFS_SCHEMA

NOTHING_PUBLISHED = SCORED_HAND_OFFS_SCHEMA.empty_table()
AS_OF = dt.datetime(2026, 3, 12)
MARCH_2 = Span.of(Period.WEEK, dt.date(2026, 3, 2), time_zone="UTC")


def known(make_history, settings):
    history = make_history(
        {
            "leads": [{"lead_id": "A", "created_at": "2026-02-24"}, {"lead_id": "B", "created_at": "2026-03-03"}],
            "stage_changes": [
                {"lead_id": "A", "stage": "mql", "entered_at": "2026-02-25", "recorded_at": "2026-03-05"},
                {"lead_id": "B", "stage": "mql", "entered_at": "2026-03-04", "recorded_at": "2026-03-04"},
            ],
        },
        extracted_at=AS_OF,
    )
    return Known.of(history, settings)


def reviewed(make_history, settings, **told):
    return review(known(make_history, settings), span=MARCH_2, handed_off=NOTHING_PUBLISHED, **told)


def test_the_period_before_is_told_as_it_was_known_the_same_time_after_its_end(make_history, settings):
    told = reviewed(make_history, settings)
    assert told.before_as_of == AS_OF - dt.timedelta(days=7)
    assert (told.counts.row("mql")["reached"], told.counts.row("mql")["before"]) == (1, 0)
    assert (told.counts.row("lead")["reached"], told.counts.row("lead")["before"]) == (1, 1)


def test_a_period_that_is_not_over_is_refused(make_history, settings):
    running = Span.of(Period.WEEK, AS_OF.date(), time_zone="UTC")
    with pytest.raises(ValueError, match="week of 2026-03-09 is not over at 2026-03-12"):
        review(known(make_history, settings), span=running, handed_off=NOTHING_PUBLISHED)


def notes(of, held_on, period=Period.WEEK, what="x"):
    decision = Decision(what=what, owner="both", due=dt.date(2026, 4, 1))
    return ReviewNotes(period=period, of=of, held_on=held_on, decisions=(decision,))


def test_the_last_review_is_the_one_of_the_latest_period_of_its_kind_before(make_history, settings):
    held = [
        notes(dt.date(2026, 2, 20), dt.date(2026, 2, 24), what="older"),
        notes(dt.date(2026, 2, 26), dt.date(2026, 3, 3), what="last"),
        notes(dt.date(2026, 2, 26), dt.date(2026, 3, 3), period=Period.MONTH, what="of the month"),
        notes(dt.date(2026, 3, 8), dt.date(2026, 3, 10), what="this"),
    ]
    told = reviewed(make_history, settings, notes=held)
    assert told.last_notes.decisions[0].what == "last"
    assert told.notes.decisions[0].what == "this"
    without = reviewed(make_history, settings, notes=held[2:3])
    assert (without.notes, without.last_notes) == (None, None)


def test_what_definitions_changed_since_the_period_began_is_told(make_history, settings):
    in_force = settings.definitions
    older = in_force.model_copy(
        update={"version": "2025.9", "effective_from": dt.date(2025, 9, 1), "agreed_by": ("x",)}
    )
    assert reviewed(make_history, settings, versions=[older, in_force]).definitions_changed == ()
    newer = in_force.model_copy(update={"effective_from": dt.date(2026, 3, 5)})
    changed = reviewed(make_history, settings, versions=[older, newer]).definitions_changed
    assert any(one.startswith("definitions.version") for one in changed)
    assert reviewed(make_history, settings).definitions_changed == ()


def test_a_number_carries_the_version_of_definitions_and_targets(make_history, settings):
    told = reviewed(make_history, settings)
    assert (told.definitions_version, told.targets_version) == ("2026.1", "")
    assert told.index is None
    assert told.checklist.items
