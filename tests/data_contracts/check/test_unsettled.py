"""Which leads are closed, or converted, nobody knows when."""

import pytest

from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import change, check, deal, lead, raw, rows_of, settings

LENIENT = settings(max_refused_share=1.0, stages={"Marketing Qualified": "mql"})


def history_of(changes, deals=None, leads=None):
    """The raw history of `l0`, an MQL, and of what else is given."""
    rows = {"leads": leads or [lead("l0")], "stage_changes": [change("l0"), *changes]}
    return raw(rows if deals is None else rows | {"opportunities": deals})


def unsettled(changes, deals=None, leads=None):
    """Lead, stage, reason, and whether it ends there, in order."""
    return list(judge_rows(history_of(changes, deals, leads), LENIENT).unsettled)


@pytest.mark.parametrize("stage", ["won", "lost", "disqualified", "nurture"])
@pytest.mark.parametrize("when", [None, "soon", "2030-01-01", "2020-01-01"])
def test_a_lead_whose_ending_is_in_quarantine_is_closed_nobody_knows_when(stage, when):
    assert unsettled([change("l0", stage, when)]) == [("l0", stage, "stage_refused", True)]


@pytest.mark.parametrize("stage", ["sql", "opportunity"])
def test_a_refused_step_that_a_label_depends_on_leaves_the_lead_open(stage):
    assert unsettled([change("l0", stage, "soon")]) == [("l0", stage, "stage_refused", False)]


@pytest.mark.parametrize("stage", ["lead", "mql", "sal"])
def test_a_refused_step_on_which_nothing_depends_changes_nothing(stage):
    assert unsettled([change("l0", stage, "soon")]) == []


def test_a_repeated_ending_has_a_twin_that_is_kept():
    ending = change("l0", "lost", "2026-03-01")
    assert unsettled([ending, ending, change("l0", "mql", "2026-04-01")]) == []


def test_a_dated_ending_that_is_followed_by_a_dated_return_is_none():
    badly_recorded = change("l0", "lost", "2026-03-01", recorded_at="2026-02-01")
    assert unsettled([badly_recorded]) == [("l0", "lost", "stage_refused", True)]
    returned = change("l0", "mql", "2026-04-01", recorded_at="2026-04-01")
    assert unsettled([badly_recorded, returned]) == []


def test_an_undated_ending_is_not_undone_by_a_return_of_which_nobody_knows_whether_it_came_later():
    assert unsettled([change("l0", "lost", "soon"), change("l0", "mql", "2026-04-01")]) == [
        ("l0", "lost", "stage_refused", True)
    ]


def test_a_date_that_breaks_a_rule_is_none_to_put_in_order():
    before_the_lead = change("l0", "lost", "2025-01-01")
    assert unsettled([before_the_lead, change("l0", "mql", "2026-04-01")]) == [("l0", "lost", "stage_refused", True)]


def test_a_refused_loss_says_nothing_where_a_dated_ending_follows_and_a_refused_win_still_does():
    ending = change("l0", "nurture", "2026-04-01")
    assert unsettled([change("l0", "lost", "soon"), ending]) == []
    assert unsettled([change("l0", "won", "soon"), ending]) == [("l0", "won", "stage_refused", True)]


@pytest.mark.parametrize("outcome", ["won", "lost"])
@pytest.mark.parametrize("closed_at", [None, "soon", "2030-01-01", "2026-02-01"])
def test_a_lead_whose_deal_is_closed_without_a_date_to_rely_on_is_closed(outcome, closed_at):
    ended = deal("d0", "l0", outcome=outcome, closed_at=closed_at)
    assert unsettled([], [ended]) == [("l0", outcome, "deal_undated", True)]


def test_an_open_deal_keeps_its_lead_open():
    assert unsettled([], [deal("d0", "l0", outcome="lost"), deal("d1", "l0")]) == []


def test_an_undated_deal_is_settled_by_an_ending_in_the_stages():
    lost = deal("d0", "l0", outcome="lost")
    assert unsettled([change("l0", "lost", "2026-03-10")], [lost]) == []
    recycled = [change("l0", "nurture", "2026-03-10"), change("l0", "mql", "2026-04-01")]
    assert unsettled(recycled, [lost]) == []
    earlier = [change("l0", "nurture", "2026-02-10"), change("l0", "mql", "2026-02-20")]
    assert unsettled(earlier, [lost]) == [("l0", "lost", "deal_undated", True)]


def test_a_won_deal_is_not_settled_by_a_loss_after_which_the_lead_returned():
    recycled = [change("l0", "nurture", "2026-03-10"), change("l0", "mql", "2026-04-01")]
    assert unsettled(recycled, [deal("d0", "l0", outcome="won")]) == [("l0", "won", "deal_undated", True)]


def test_a_deal_closed_while_the_stages_stand_open_closes_its_lead():
    lost = deal("d0", "l0", outcome="lost", closed_at="2026-03-10")
    assert unsettled([], [lost]) == [("l0", "lost", "deal_closed", True)]
    assert unsettled([change("l0", "lost", "2026-03-10")], [lost]) == []
    assert unsettled([change("l0", "mql", "2026-03-11")], [lost]) == [], "it came back afterwards"


def test_the_rows_of_a_merged_lead_are_its_survivors():
    merged = [lead("l0"), lead("l1", merged_into="l0", merged_at="2026-02-15")]
    assert unsettled([change("l1", "lost", "soon")], [deal("d0", "l1", outcome="lost")], merged) == [
        ("l0", "lost", "deal_undated", True),
        ("l0", "lost", "stage_refused", True),
    ]


def test_rows_of_leads_that_are_not_accepted_settle_nothing():
    assert unsettled([change("nobody", "lost", "soon")], [deal("d0", "nobody", outcome="lost")]) == []


def test_a_lead_that_the_crm_says_is_closed_is_closed():
    says = [lead("l0", current_stage="lost")]
    assert unsettled([], leads=says) == [("l0", "lost", "current_stage", True)]
    assert unsettled([change("l0", "won", "2026-03-01")], leads=says) == []


def test_a_lead_that_the_crm_says_converted_lacks_the_label():
    says = [lead("l0", current_stage="opportunity")]
    assert unsettled([], leads=says) == [("l0", "opportunity", "current_stage", False)]
    assert unsettled([change("l0", "sql", "2026-03-01")], leads=says) == []


def test_the_current_stage_is_mapped_as_stages_are_and_held_against_them():
    leads = [lead("l0", current_stage="Marketing Qualified"), lead("l1", current_stage="LOST"), lead("l2")]
    history = history_of([change("l1", "mql"), change("l2", "lost", "2026-03-01")], leads=leads)
    report = check(history, LENIENT).report
    [told] = [warning for warning in report.warnings if "current_stage says" in warning]
    assert told.startswith(
        "leads: current_stage says something else than the stage changes show for 1 lead (says lost, shows mql: 1);"
    )


def test_the_report_counts_unsettled_leads_by_reason():
    leads = [lead("l0"), lead("l1"), lead("l2")]
    changes = [change("l1", "lost", "soon"), change("l2", "sql", "soon")]
    checked = check(history_of(changes, [deal("d0", "l0", outcome="lost")], leads), LENIENT)
    assert len(rows_of(checked.history.unsettled)) == 3
    assert [warning for warning in checked.report.warnings if "1 lead whose" in warning] == [
        "closed nobody knows when, neither scored nor learnt from: 1 lead whose deal is closed without a date",
        "closed nobody knows when, neither scored nor learnt from: 1 lead whose stage change is in quarantine",
        "labels left out: 1 lead whose stage change is in quarantine",
    ]


def test_who_is_unsettled_is_part_of_the_fingerprint():
    same = [change("l0", "sql", "2026-03-01")]
    refused = change("l0", "lost", "soon")
    fingerprints = {check(history_of([*same, *more]), LENIENT).report.fingerprint for more in ([], [refused])}
    assert len(fingerprints) == 2
