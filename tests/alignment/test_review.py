"""One review: of a period that is over, beside the one before at the same maturity, with what was decided last."""

import datetime as dt
from pathlib import Path

import pytest

from alignment.review import Beside, Known, review
from data_contracts.errors import SettingsError
from data_contracts.metrics.periods import Period, Span
from data_contracts.review_notes import Decision, ReviewNotes
from data_contracts.scores import SCORED_HAND_OFFS_SCHEMA

AS_OF = dt.datetime(2026, 3, 12)
MARCH_2 = Span.of(Period.WEEK, dt.date(2026, 3, 2), time_zone="UTC")


def notes(of, held_on, period=Period.WEEK, what="x"):
    decision = Decision(what=what, owner="both", due=dt.date(2026, 4, 1))
    return ReviewNotes(period=period, of=of, held_on=held_on, decisions=(decision,))


HELD = (
    notes(dt.date(2026, 2, 20), dt.date(2026, 2, 24), what="older"),
    notes(dt.date(2026, 2, 26), dt.date(2026, 3, 3), what="last"),
    notes(dt.date(2026, 2, 26), dt.date(2026, 3, 3), period=Period.MONTH, what="of the month"),
    notes(dt.date(2026, 3, 8), dt.date(2026, 3, 10), what="this"),
)


@pytest.fixture(scope="module")
def known(make_history, settings):
    history = make_history(
        {
            "leads": [
                {"lead_id": "A", "created_at": "2026-02-24"},
                {"lead_id": "B", "created_at": "2026-03-03"},
                {"lead_id": "C", "created_at": "2025-12-20"},
            ],
            "stage_changes": [
                {"lead_id": "A", "stage": "mql", "entered_at": "2026-02-25", "recorded_at": "2026-03-05"},
                {"lead_id": "B", "stage": "mql", "entered_at": "2026-03-04", "recorded_at": "2026-03-04"},
            ],
        },
        extracted_at=AS_OF,
    )
    return Known.of(history, settings)


def reviewed(known, **told):
    return review(known, Beside(SCORED_HAND_OFFS_SCHEMA.empty_table(), **told), span=MARCH_2)


@pytest.fixture(scope="module")
def of_the_week(known, settings):
    in_force = settings.definitions
    older = {"version": "2025.9", "effective_from": dt.date(2025, 9, 1), "agreed_by": ("x",)}
    newer = in_force.model_copy(update={"effective_from": dt.date(2026, 3, 5)})
    return reviewed(known, notes=HELD, versions=[in_force.model_copy(update=older), newer])


def test_the_period_before_is_told_as_it_was_known_the_same_time_after_its_end(of_the_week):
    counts = of_the_week.counts
    assert of_the_week.before_as_of == AS_OF - dt.timedelta(days=7)
    assert (counts.row("mql")["reached"], counts.row("mql")["before"]) == (1, 0)
    assert (counts.row("lead")["reached"], counts.row("lead")["before"]) == (1, 1)


def test_a_period_that_is_not_over_is_refused(known):
    running = Span.of(Period.WEEK, AS_OF.date(), time_zone="UTC")
    with pytest.raises(ValueError, match="week of 2026-03-09 is not over at 2026-03-12"):
        review(known, Beside(SCORED_HAND_OFFS_SCHEMA.empty_table()), span=running)


def test_the_last_review_is_the_one_of_the_latest_period_of_its_kind_before(of_the_week):
    assert of_the_week.last_notes.decisions[0].what == "last"
    assert of_the_week.notes.decisions[0].what == "this"


def test_what_definitions_changed_since_the_period_began_is_told(of_the_week):
    assert any(one.startswith("definitions.version") for one in of_the_week.definitions_changed)


def test_without_notes_versions_and_targets_it_says_so(known):
    told = reviewed(known)
    assert (told.notes, told.last_notes, told.definitions_changed) == (None, None, ())
    assert (told.index.value, told.money.gap, told.deeper) == (None, None, None)
    assert told.checklist.items


def test_a_number_carries_the_version_of_definitions_and_targets(of_the_week):
    assert (of_the_week.definitions_version, of_the_week.targets.version) == ("2026.1", "")


def test_a_month_goes_deeper(known):
    month = Span.of(Period.MONTH, dt.date(2026, 2, 1), time_zone="UTC")
    told = review(known, Beside(SCORED_HAND_OFFS_SCHEMA.empty_table()), span=month)
    assert told.deeper.accounts.as_of == AS_OF


def test_what_data_would_change_is_a_diff_of_the_file_that_the_settings_were_read_from(known):
    file = Path("config/ours.toml")
    settings = known.milestones.settings.read_from(file)
    month = Span.of(Period.MONTH, dt.date(2026, 2, 1), time_zone="UTC")
    beside = Beside(SCORED_HAND_OFFS_SCHEMA.empty_table(), settings_text="= nothing")
    with pytest.raises(SettingsError, match=r"^ours\.toml is not valid TOML"):
        review(Known.of(known.history, settings), beside, span=month)


def test_what_stands_beside_a_period_is_the_one_before_at_the_same_maturity_everywhere(of_the_week):
    counts, sources = of_the_week.counts, of_the_week.marketing.sources
    (before,) = sources.before.to_pylist()
    assert before["period"] == dt.datetime(2026, 2, 23)
    # A became an MQL on 25 February, and nobody recorded it before 5 March.
    assert before["mqls"] == counts.row("mql")["before"] == 0
    as_of_now = {row["period"]: row["mqls"] for row in sources.totals.to_pylist()}
    assert as_of_now[dt.datetime(2026, 2, 23)] == 1


def test_a_month_has_what_it_cost_before_and_no_segments_and_a_year_has_them(known):
    told = {
        period: review(known, Beside(SCORED_HAND_OFFS_SCHEMA.empty_table()), span=Span.of(period, day, time_zone="UTC"))
        for period, day in ((Period.MONTH, dt.date(2026, 2, 1)), (Period.YEAR, dt.date(2025, 1, 1)))
    }
    month, year = told.values()
    assert month.deeper.segments == ()
    assert [one.by for one in year.deeper.segments] == ["region"]
    assert [row["period"] for row in month.deeper.costs.before.to_pylist()] == [dt.datetime(2026, 1, 1)]


def test_a_period_before_that_the_history_tells_half_of_is_compared_with_nothing(known):
    january = Span.of(Period.MONTH, dt.date(2026, 1, 1), time_zone="UTC")
    told = review(known, Beside(SCORED_HAND_OFFS_SCHEMA.empty_table()), span=january)
    assert told.marketing.sources.before.num_rows == told.deeper.costs.before.num_rows == 0


def test_the_review_of_an_older_period_tells_its_sources_and_not_the_latest_ones(known):
    february = Span.of(Period.WEEK, dt.date(2026, 2, 16), time_zone="UTC")
    told = review(known, Beside(SCORED_HAND_OFFS_SCHEMA.empty_table()), span=february)
    assert told.marketing.sources.spans[-1] == february


def test_an_earlier_period_is_told_as_it_was_known_as_long_after_its_end_as_the_last_one(known):
    zone = {"time_zone": "UTC"}
    week_before = Span.of(Period.WEEK, dt.date(2026, 2, 23), **zone)
    assert known.for_review_of(MARCH_2) is known
    then = known.for_review_of(week_before)
    assert then.milestones.as_of == AS_OF - dt.timedelta(days=7)
    mqls = then.milestones.frame.set_index("lead_id")["mql_at"]
    assert mqls[["A"]].isna().all(), "it was recorded later"


def test_a_year_s_money_is_that_of_the_year_and_a_week_s_that_of_months(known):
    year = review(
        known,
        Beside(SCORED_HAND_OFFS_SCHEMA.empty_table()),
        span=Span.of(Period.YEAR, dt.date(2025, 1, 1), time_zone="UTC"),
    )
    assert year.money.vectors.period is Period.YEAR
    assert reviewed(known).money.vectors.period is Period.MONTH
