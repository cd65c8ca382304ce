"""How the history that stands compares with the checks that are kept."""

import datetime as dt

import pytest

from data_contracts.errors import Breach, ContractError
from data_contracts.history import RawHistory
from data_contracts.kept_checks import DataState, KeptCheck
from tests.example_checks import EXTRACTED_AT, LEAD_IS_KNOWN, kept, report, table_check

NOW = KeptCheck.of(report(), checked_at=dt.datetime(2026, 6, 30, 19))
"""The check that made the history."""

BEFORE = kept(29, table_check("leads", rows=900), table_check("activities", rows=2_100, refused=50))


def test_a_kept_check_comes_back_from_its_json_as_it_was():
    assert KeptCheck.model_validate_json(NOW.model_dump_json()) == NOW


def test_an_accepted_check_keeps_the_counts_of_every_table():
    leads, activities = NOW.tables
    assert (leads.rows, leads.refused, activities.refused) == (1_000, 0, 30)
    assert activities.breaches == {LEAD_IS_KNOWN: 30}
    assert (NOW.rows, NOW.refused, NOW.refused_share) == (1_000 + 2_000, 30, 30 / 3_000)
    assert NOW.is_accepted


def test_a_refused_check_keeps_rules_and_counts_and_nothing_that_was_found():
    found = Breach("leads", "leads.stage.in_vocabulary", "'Jane Doe' (3 rows) is not mapped", "map 'Jane Doe'")
    error = ContractError([found, found], tables=[table_check("leads", rows=10, refused=1)])
    raw = RawHistory(tables={}, extracted_at=EXTRACTED_AT, source="example")
    refused = KeptCheck.refused_by_contract(error, raw, definitions_version="2026.1", checked_at=EXTRACTED_AT)
    assert refused.stopped_by == ("leads.stage.in_vocabulary",)
    assert not refused.is_accepted
    assert (refused.rows, refused.refused, refused.fingerprint) == (10, 1, "")
    assert "Jane" not in refused.model_dump_json()


def test_a_check_that_judged_no_row_has_no_share():
    assert kept(1, table_check("leads", rows=0)).refused_share is None


def test_each_table_stands_beside_the_accepted_check_before():
    leads, activities = DataState.of(report(), [BEFORE, NOW]).tables
    assert (leads.delivered_change, leads.refused_change) == (1_000 - 900, 0)
    assert (activities.delivered_change, activities.refused_change) == (2_000 - 2_100, 30 - 50)
    assert activities.refused_share == 30 / 2_000


def test_a_table_that_the_check_before_did_not_judge_has_no_change():
    before = kept(29, table_check("leads", rows=900))
    _, activities = DataState.of(report(), [before, NOW]).tables
    assert (activities.delivered_change, activities.refused_change) == (None, None)


@pytest.mark.parametrize("others", [[], [NOW]], ids=["none kept", "itself alone"])
def test_the_first_check_has_none_before_it(others):
    state = DataState.of(report(), others)
    assert state.before is None
    assert state.usual_refused_share is None
    assert [one.delivered_change for one in state.tables] == [None, None]
    assert [one.change for one in state.rules] == [None]


def test_a_history_whose_own_check_is_not_kept_stands_beside_the_last_one_that_is():
    assert DataState.of(report(), [BEFORE]).before == BEFORE


def test_a_check_of_the_same_history_again_stands_beside_its_first_one():
    again = NOW.model_copy(update={"checked_at": dt.datetime(2026, 7, 1)})
    state = DataState.of(report(), [BEFORE, NOW, again])
    assert state.before == NOW
    assert [one.delivered_change for one in state.tables] == [0, 0]


def test_refused_checks_and_those_of_another_source_are_not_compared_with():
    stopped = kept(30, table_check("leads", rows=1), stopped_by=("leads.volume",))
    other = kept(30, table_check("leads", rows=5), source="another")
    state = DataState.of(report(), [BEFORE, stopped, other, NOW])
    assert state.before == BEFORE
    assert state.checks == (BEFORE, stopped, NOW)


def test_a_check_that_was_refused_since_is_told_until_the_next_one_is_accepted():
    stopped = kept(30, table_check("leads", rows=1), stopped_by=("leads.volume",))
    assert DataState.of(report(), [NOW, stopped]).refused_since == stopped
    assert DataState.of(report(), [stopped, NOW]).refused_since is None


def test_the_usual_share_is_the_median_of_the_accepted_checks_before():
    shares = (0.01, 0.02, 0.09)
    earlier = [
        kept(day, table_check("activities", rows=100, refused=round(100 * share)))
        for day, share in enumerate(shares, start=1)
    ]
    stopped = kept(9, table_check("activities", rows=100, refused=80), stopped_by=("activities.refused_share",))
    assert DataState.of(report(), [*earlier, stopped, NOW]).usual_refused_share == 0.02


def test_rules_come_most_breached_first_with_promise_share_and_change():
    before = kept(29, table_check("activities", rows=100, refused=7, breaches={"activities.kind.in_vocabulary": 7}))
    first, gone = DataState.of(report(), [before, NOW]).rules
    assert (first.rule, first.promise, first.breaches) == (LEAD_IS_KNOWN, "lead_id is an accepted lead", 30)
    assert (first.share, first.change) == (30 / 2_000, 30 - 0)
    assert (gone.rule, gone.breaches, gone.change) == ("activities.kind.in_vocabulary", 0, 0 - 7)


def test_warnings_about_absent_tables_stand_apart():
    state = DataState.of(report(), [])
    assert state.absent == ("spend is absent: no cost per lead",)
    assert state.warnings == ("leads: absent, and missing in every row: source",)


def test_what_is_left_out_is_counted_over_all_names():
    told = report(table_check("activities", rows=10, left_out={"bots": 2, "mail scanners": 1}))
    assert DataState.of(told, []).left_out == 2 + 1
