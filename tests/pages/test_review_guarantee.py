"""The lead guarantee on a page of reviews."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.metrics.guarantee import GUARANTEE_SCHEMA, LEDGER_SCHEMA, Guarantee
from data_contracts.metrics.periods import Period
from data_contracts.targets import Targets
from pages.review_guarantee import guarantee_section
from tests.example_sections import FORMATS, html_of, rows_of, seen_of
from tests.example_site import AS_OF, EVIL

BEFORE, LAST, RUNNING = (dt.datetime(2026, month, 1) for month in (4, 5, 6))

MAY = {
    "cohort": LAST,
    "hand_offs": 110,
    "judged": 100,
    "unknown": 8,
    "not_agreed": 2,
    "off_icp": 9,
    "off_icp_share": 0.09,
    "off_icp_share_low": 0.06,
    "off_icp_share_high": 0.13,
    "credited": 8,
    "disputed": 1,
    "upheld": 2,
    "withdrawn": 1,
    "credits": 10,
}
ROWS = (MAY | {"cohort": BEFORE, "off_icp_share": 0.5}, MAY, MAY | {"cohort": RUNNING, "off_icp_share": 0.9})
CREDITED = {
    "lead_id": "L-1",
    "handed_off_at": AS_OF - dt.timedelta(days=40),
    "definitions_version": "1",
    "fit_share": 0.25,
    "known_share": 0.8,
    "missed": ["industry", "size"],
    "state": "credited",
    "since_at": AS_OF - dt.timedelta(days=40),
    "campaign": "Spring",
}
DISPUTED = CREDITED | {
    "lead_id": "L-2",
    "state": "disputed",
    "missed": [],
    "since_at": AS_OF,
    "because": "a student",
}


def guarantee(ledger=(DISPUTED, CREDITED), rows=ROWS, **changes):
    noun = Guarantee(
        ledger=rows_of(LEDGER_SCHEMA, *ledger),
        rows=rows_of(GUARANTEE_SCHEMA, *rows),
        as_of=AS_OF,
        period=Period.MONTH,
        by="",
        versions=("1",),
        not_judged_by=(),
        unmatched=0,
    )
    return replace(noun, **changes)


def told_of(noun, agreed=0.05, **more):
    return guarantee_section(noun, FORMATS, targets=Targets(off_icp_share=agreed), name="month", **more)


def test_the_finding_is_the_last_month_that_is_over_beside_what_is_agreed():
    section = told_of(guarantee())
    assert section.heading == "9.0% of the hand-offs missed the profile (6.0% to 13%), agreed are 5.0%"
    missed, credited, unjudged = section.figures
    assert missed.is_bad
    assert missed.beside == "6.0% to 13% · 9 of 100 handed off in May 2026 · agreed at most 5.0%"
    assert (credited.value, credited.beside) == ("10", "2 of them after a dispute · 1 taken back")
    assert (unjudged.value, unjudged.beside) == ("10", "of 110: nothing known of 8, no profile in force for 2")


@pytest.mark.parametrize(
    ("agreed", "said", "is_bad"),
    [
        (0.09, "That is as agreed.", False),
        (0.06, "That is more than agreed; with so few, chance alone may explain it.", False),
        (0.059, "That is more than agreed, and chance does not explain it: see which campaigns bring them.", True),
    ],
)
def test_more_than_agreed_is_bad_news_only_beyond_chance(agreed, said, is_bad):
    section = told_of(guarantee(ledger=(CREDITED,)), agreed)
    assert (section.said, section.figures[0].is_bad) == (said, is_bad)


def test_where_nothing_is_agreed_the_section_says_what_to_give():
    section = told_of(guarantee(), None)
    assert section.heading.endswith("; how many may is not agreed")
    assert "`off_icp_share`" in section.said


def test_open_disputes_are_seen_and_the_ledger_is_opened(tmp_path):
    section = told_of(guarantee())
    assert "Marketing owes sales a word on 1 dispute: `leadscore dispute LEAD --uphold`" in section.said
    assert section.tables[0].rows["lead_id"].to_pylist() == ["L-2"]
    assert list(section.folded) == ["The ledger: 2 hand-offs, the latest first", "Every month"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("L-2")[1:] == ["Jun 30, 2026", "a student", "25%", "80%", "Spring"]
    assert seen.row_of("L-1")[2:] == ["credited", "industry, size", "25%", "80%", "–", "Spring"]
    assert seen.row_of("May 1, 2026") == ["May 1, 2026", "110", "100", "9", "9.0% 6.0% to 13%", "10", "1"]
    assert not (tmp_path / "tables/month-guarantee-disputes.csv").exists()


def test_without_an_open_dispute_no_word_is_owed(tmp_path):
    section = told_of(guarantee(ledger=()))
    assert "dispute" not in section.said
    assert (section.tables, list(section.folded)) == ((), ["Every month"])
    seen_of(tmp_path, section)


def test_what_limits_the_numbers_is_said():
    section = told_of(guarantee(not_judged_by=("definitions 1: no attribute `size`",), unmatched=2))
    assert section.points == (
        "definitions 1: no attribute `size`",
        "2 words about hand-offs that the CRM does not show any more are in no number.",
    )


def test_where_none_could_be_judged_the_section_says_why(tmp_path):
    unjudged = {"hand_offs": 5, "judged": 0, "not_agreed": 4, "unknown": 1, "off_icp_share": None}
    section = told_of(guarantee(rows=(MAY | unjudged,)))
    assert section.heading == "Whether hand-offs meet the profile nobody can say"
    assert section.missing.because == (
        "4 leads were handed off on days on which no profile was in force: `[definitions]` says by `effective_from` "
        "from which day on its criteria count. Of 1 lead no criterion was known at the hand-off: have its attributes "
        "filled in before."
    )
    seen_of(tmp_path, section)


@pytest.mark.parametrize("rows", [(), ROWS[2:]])
def test_before_a_month_is_over_nothing_is_said_of_the_profile(rows):
    assert "in a period that is over" in told_of(guarantee(ledger=(), rows=rows)).missing.because


@pytest.mark.parametrize("column", ["lead_id", "because", "campaign"])
def test_what_was_written_of_a_hand_off_never_runs(tmp_path, column):
    noun = guarantee(ledger=(DISPUTED | {column: EVIL, "missed": [EVIL]},), not_judged_by=(EVIL,))
    section = told_of(noun)
    seen_of(tmp_path, section)
    assert html_of(tmp_path / "html", section).count("{{ 7*7 }}") >= 4
