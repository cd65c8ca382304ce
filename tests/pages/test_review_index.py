"""The alignment index, the checklist and what reviews decided, on a page."""

import datetime as dt

from alignment.index import alignment_index
from data_contracts.estimates import Estimate
from data_contracts.metrics.checklist import Checklist, Item, Met
from data_contracts.metrics.index import Better, Part
from data_contracts.metrics.periods import Period, Span
from data_contracts.review_notes import Decision, ReviewNotes
from pages.review_index import checklist_section, decisions_section, index_section, notes_section
from tests.example_sections import FORMATS, seen_of
from tests.example_site import EVIL

SPAN = Span.of(Period.WEEK, dt.date(2026, 6, 22), time_zone="UTC")
TODAY = dt.date(2026, 6, 30)


def part(name, value, agreed=0.8):
    return Part(
        name=name,
        formula="x / y",
        owner="sales",
        agreed=agreed,
        better=Better.HIGHER,
        weight=1.0,
        values=(Estimate(value=value, low=None, high=None),),
    )


def notes(**told):
    return ReviewNotes(period=Period.WEEK, of=TODAY, held_on=dt.date(2026, 6, 23), **told)


def test_the_index_says_what_would_raise_it_most_and_never_stands_without_its_parts(tmp_path):
    index = alignment_index([SPAN], [part("answered", 0.4), part("decided", 0.8), part("x", 0.5, None)], results=[None])
    section = index_section(index, FORMATS, name="week")
    assert section.heading == "75% of what was agreed is kept"
    assert section.said == (
        "What would raise it most: answered, kept by sales. If that were kept in full, it would be 100%."
    )
    seen = seen_of(tmp_path, section)
    assert "nothing is agreed: give it in [targets]" in seen.text
    assert "x / y" in seen.text


def test_where_nothing_is_agreed_there_is_no_index(tmp_path):
    index = alignment_index([SPAN], [part("answered", 0.4, None)], results=[None])
    assert "[targets]" in seen_of(tmp_path, index_section(index, FORMATS, name="week")).text


def test_all_kept_leaves_nothing_to_raise():
    index = alignment_index([SPAN], [part("answered", 0.9)], results=[None])
    assert index_section(index, FORMATS, name="week").said == "Every part is kept in full."


def test_the_checklist_counts_what_is_in_place(tmp_path):
    items = (Item(asks="a", met=Met.YES, evidence="x"), Item(asks="b", met=Met.NO, evidence=EVIL, remedy="mend it"))
    section = checklist_section(Checklist(items=items), FORMATS, name="week")
    assert section.heading == "1 of 2 things are in place"
    assert "mend it" in seen_of(tmp_path, section).text


def test_decisions_of_the_last_review_stand_with_what_became_of_them(tmp_path):
    made = (
        Decision(what=EVIL, owner="sales", due=dt.date(2026, 6, 29)),
        Decision(what="b", owner="both", due=TODAY, done_on=dt.date(2026, 6, 25), outcome="it worked"),
    )
    section = decisions_section(notes(decisions=made), FORMATS, today=TODAY, name="week")
    assert section.heading == "1 of 2 decisions of the last review are done, 1 late"
    assert "it worked" in seen_of(tmp_path, section).text


def test_without_notes_it_says_where_they_go(tmp_path):
    sections = (decisions_section(None, FORMATS, today=TODAY, name="week"), notes_section(None))
    assert seen_of(tmp_path, *sections).text.count("reviews_folder") == 2
    nothing = decisions_section(notes(), FORMATS, today=TODAY, name="week")
    assert nothing.heading == "The review of Jun 23, 2026 decided nothing"


def test_blockers_and_wins_are_a_list(tmp_path):
    section = notes_section(notes(blockers=(EVIL,), wins=("a first",)))
    assert section.heading == "1 blocker, 1 win"
    assert "Win: a first" in seen_of(tmp_path, section).text
