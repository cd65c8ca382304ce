"""The alignment checklist: what counts as in place, and what is said where it is not."""

import datetime as dt

import pytest

from alignment.checklist import DEFINITIONS_CURRENT_DAYS, alignment_checklist
from data_contracts.metrics.checklist import Met
from data_contracts.metrics.periods import Period
from data_contracts.review_notes import Decision, ReviewNotes

AS_OF = dt.datetime(2026, 6, 30, 12)
TODAY = AS_OF.date()
DAY = dt.timedelta(days=1)


def notes(period=Period.WEEK, *, held_days_ago=7, decisions=()):
    held_on = TODAY - held_days_ago * DAY
    return ReviewNotes(period=period, of=held_on, held_on=held_on, decisions=decisions)


def asked(settings, words, *held):
    (item,) = [one for one in alignment_checklist(settings, held, as_of=AS_OF).items if words in one.asks]
    return item


@pytest.mark.parametrize(
    ("agreed_by", "met"),
    [(["Head of Marketing", "Head of Sales"], Met.YES), (["sales"], Met.NO), ([], Met.NO)],
)
def test_both_teams_have_to_sign(settings_with, agreed_by, met):
    item = asked(settings_with(definitions={"agreed_by": agreed_by}), "signed")
    assert item.met is met
    assert ("marketing" in item.remedy) is (met is Met.NO)


@pytest.mark.parametrize(("age", "met"), [(DEFINITIONS_CURRENT_DAYS, Met.YES), (DEFINITIONS_CURRENT_DAYS + 1, Met.NO)])
def test_definitions_grow_old(settings_with, age, met):
    item = asked(settings_with(definitions={"effective_from": str(TODAY - age * DAY)}), "current")
    assert (item.met, f"for {age} days" in item.evidence) == (met, True)


def test_each_duty_needs_a_figure(settings, settings_with):
    assert "compliance_share, disposition_share" in asked(settings, "service-level").remedy
    owed = {"compliance_share": 0.9, "disposition_share": 0.9, "mqls_per_week": 30, "off_icp_share": 0.1}
    item = asked(settings_with(targets=owed), "service-level")
    assert (item.met, item.remedy, "4 of 4" in item.evidence) == (Met.YES, "", True)


def test_a_shared_target_is_one_of_revenue(settings_with):
    leads, revenue = [{"period": "2026", "leads": 10}], [{"period": "2026", "revenue": 1e6}]
    assert asked(settings_with(targets={"periods": leads}), "revenue").met is Met.NO
    assert asked(settings_with(targets={"periods": revenue}), "revenue").met is Met.YES


def test_reviews_of_another_kind_or_too_long_ago_do_not_count(settings):
    assert asked(settings, "Each week", notes()).met is Met.YES
    assert asked(settings, "Each month", notes()).met is Met.NO
    assert asked(settings, "Each week", notes(held_days_ago=15)).met is Met.NO
    assert asked(settings, "Each week", notes(held_days_ago=-1)).evidence == "no notes of one"


def test_one_decision_that_is_late_is_one_too_many(settings):
    done = Decision(what="a", owner="sales", due=TODAY - 9 * DAY, done_on=TODAY - 8 * DAY)
    late = Decision(what="b", owner="both", due=TODAY - DAY)
    assert asked(settings, "decided", notes(decisions=(done,))).met is Met.YES
    assert asked(settings, "decided", notes(decisions=(done, late))).evidence == "1 of 2 done, 1 late"
    assert asked(settings, "decided", notes()).met is Met.UNKNOWN


def test_those_in_place_are_counted(settings_with):
    told = alignment_checklist(settings_with(definitions={"agreed_by": ["Sales", "Marketing"]}), [], as_of=AS_OF)
    assert told.n_met == sum(item.met is Met.YES for item in told.items) >= 2
    assert all(item.remedy for item in told.items if item.met is not Met.YES)
