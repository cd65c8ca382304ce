"""Notes of reviews: what is read, and what is said of those that cannot be."""

import datetime as dt

import pytest

from data_contracts.errors import SettingsError
from data_contracts.metrics.periods import Period
from data_contracts.review_notes import Decision, Standing, read_review_notes

WEEK = """
period = "week"
of = 2026-06-24
held_on = 2026-06-29
attended = ["marketing", "sales"]
blockers = ["nobody answers on Fridays"]

[[decisions]]
what = "a rota for Friday afternoons"
owner = "sales"
due = 2026-07-03
done_on = 2026-07-02
outcome = "all Friday leads were called"
"""


def test_notes_are_read_in_the_order_in_which_reviews_were_held(tmp_path):
    (tmp_path / "b.toml").write_text(WEEK)
    (tmp_path / "a.toml").write_text('period = "month"\nof = 2026-06-01\nheld_on = 2026-07-02\n')
    week, month = read_review_notes(tmp_path)
    assert (week.period, month.period) == (Period.WEEK, Period.MONTH)
    assert week.span("UTC").first == dt.date(2026, 6, 22)
    assert week.decisions[0].outcome == "all Friday leads were called"


def test_without_a_folder_there_are_none(tmp_path):
    assert read_review_notes(tmp_path / "reviews") == read_review_notes(None) == ()


def test_every_problem_of_every_file_is_told_at_once(tmp_path):
    (tmp_path / "a.toml").write_text(WEEK.replace("held_on", "held_at").replace('"sales"\ndue', '"Bob"\ndue'))
    (tmp_path / "b.toml").write_text("period = ")
    (tmp_path / "c.toml").write_text(WEEK.replace("done_on = 2026-07-02\n", ""))
    with pytest.raises(SettingsError) as told:
        read_review_notes(tmp_path)
    for part in (
        "a.toml: held_on: Field required",
        "a.toml: held_at: there is no such setting; did you mean held_on?",
        "a.toml: decisions.0.owner",
        "b.toml is not valid TOML",
        "c.toml: decisions.0: Value error, 'a rota for Friday afternoons' has an outcome and no done_on",
    ):
        assert part in str(told.value)


@pytest.mark.parametrize(
    ("day", "standing"), [("2026-06-30", Standing.OPEN), ("2026-07-01", Standing.LATE), ("2026-07-02", Standing.DONE)]
)
def test_a_decision_is_open_until_it_is_due_late_after_it_and_done_from_the_day_on_which_it_was(day, standing):
    told = Decision(what="x", owner="both", due=dt.date(2026, 6, 30), done_on=dt.date(2026, 7, 2))
    assert told.standing(dt.date.fromisoformat(day)) == standing
