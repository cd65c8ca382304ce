"""Accounts: what a reader finds in the review."""

import datetime as dt

import pytest

from data_contracts.metrics.accounts import ACCOUNTS_SCHEMA, PENETRATION_SCHEMA, PEOPLE_SCHEMA, Accounts
from pages.review_accounts import accounts_section
from tests.example_sections import FORMATS, estimate, html_of, opened, rows_of, seen_of
from tests.example_site import EVIL, nothing_runs

NOW = dt.datetime(2026, 7, 1)


def account(name, rank=1, **changes):
    told = {"account_id": name, "rank": rank, "is_known": True, "is_engaged": True, "activity": 2.5, "leads": 3}
    return told | {"active_30": 2, "touches_30": 9, "last_touch_at": NOW, "furthest": "sql"} | changes


def group(name, measure, share, low, high, *, accounts=40):
    figures = estimate("share", share, low, high)
    return {
        "group": name,
        "measure": measure,
        "accounts": accounts,
        "reached": round(accounts * (share or 0)),
    } | figures


def accounts_of(*rows, people=(), penetration=(), **changes):
    told = {
        "rows": rows_of(ACCOUNTS_SCHEMA, *rows),
        "people": rows_of(PEOPLE_SCHEMA, *people),
        "penetration": rows_of(PENETRATION_SCHEMA, *penetration),
        "ranked_by": "activity",
        "targets_said": "employees above 500" if penetration else "",
        "as_of": NOW,
        "definitions_version": "1",
    }
    return Accounts(**(told | changes))


def section_of(told):
    return accounts_section(told, FORMATS, name="week")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ((0.1, 0.08, 0.12), "more than of the others (10%)"),
        ((0.28, 0.25, 0.31), "about as many as of the others (28%)"),
        ((0.6, 0.55, 0.65), "fewer than of the others (60%)"),
    ],
)
def test_targets_stand_beside_the_others_with_what_chance_leaves(other, said):
    told = accounts_of(
        account("A-1", is_target=True),
        penetration=[group("target", "engaged", 0.3, 0.2, 0.45), group("other", "engaged", *other)],
    )
    assert section_of(told).heading == f"30% (20% to 45%) of 40 target accounts were active in the last 30 days, {said}"


def test_idle_targets_are_to_be_approached_and_are_listed(tmp_path):
    told = accounts_of(
        account("A-1", is_target=True),
        account("A-2", None, is_target=True, is_engaged=False, furthest=None),
        account("A-3", None, is_engaged=False),
        penetration=[group("target", "engaged", 0.5, 0.1, 0.9, accounts=2)],
    )
    section = section_of(told)
    assert "Idle target accounts: 1; say who approaches them." in section.said
    assert [row["account_id"] for row in opened(section, "1 idle targets")] == ["A-2"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("A-1") == ["A-1", "2.5", "2", "9", "SQL", "–", "Jul 1, 2026", "yes"]


def test_where_no_target_is_idle_nobody_is_to_be_approached():
    told = accounts_of(
        account("A-1", is_target=True), penetration=[group("target", "engaged", 1.0, 0.2, 1.0, accounts=1)]
    )
    assert section_of(told).said.startswith("No target account is idle.")


def test_the_figures_tell_how_far_targets_got_beside_the_others():
    told = accounts_of(
        account("A-1", is_target=True),
        penetration=[
            group(name, measure, share, 0.1, 0.9)
            for name, share in (("target", 0.5), ("other", 0.25))
            for measure in ("lead", "mql", "customer", "engaged")
        ],
    )
    section = section_of(told)
    assert [(one.name, one.value) for one in section.figures] == [
        ("Targets: new leads", "20"),
        ("Targets: customers", "20"),
        ("Targets: active now", "20"),
    ]
    assert section.figures[0].beside == "of 40 targets: 50% (10% to 90%) · 25% of the others"


def test_without_agreed_targets_it_is_said_what_to_give_and_who_comes_first():
    section = section_of(accounts_of(account("A-1"), account("A-2", None, is_engaged=False)))
    assert section.heading == "1 of 2 accounts (50%) were active in the last 30 days; A-1 comes first"
    assert "give `target_accounts` in `[targets]`" in section.said
    assert "ranked by what their people did" in section.said


def test_a_condition_that_no_account_meets_is_said():
    nobody = [group("target", "engaged", None, None, None, accounts=0)]
    section = section_of(accounts_of(account("A-1"), penetration=nobody))
    assert "No account meets the condition of targets (employees above 500)." in section.said
    assert section.figures == ()


def test_accounts_that_the_crm_does_not_know_are_said_to_be_leads():
    section = section_of(accounts_of(account("L-1", is_known=False)))
    assert "The CRM knows no accounts" in section.said
    assert "The CRM knows no accounts" not in section_of(accounts_of(account("A-1"))).said


def test_with_scores_the_expected_value_is_what_ranks(tmp_path):
    told = accounts_of(account("A-1", expected_value=8_000.0), ranked_by="expected_value")
    section = section_of(told)
    assert "Without scores" not in section.said
    assert seen_of(tmp_path, section).row_of("A-1")[1] == "€8,000"


def test_the_first_by_rank_are_seen_all_are_folded_and_people_stand_in_their_order():
    rows = [account(f"A-{n}", n) for n in range(1, 13)] + [account("A-13", None)]
    people = [
        {"account_id": f"A-{n}", "lead_id": f"L-{n}", "last_inbound_at": NOW, "activity": 1.0} for n in (10, 12, 2, 3)
    ]
    section = section_of(accounts_of(*rows, people=people))
    assert section.tables[0].rows["account_id"].to_pylist() == [f"A-{n}" for n in range(1, 11)]
    assert len(opened(section, "All 13 accounts")) == 13
    assert [row["lead_id"] for row in opened(section, "Who is active")] == ["L-2", "L-3", "L-10"]


def test_without_accounts_the_section_says_so(tmp_path):
    assert "No lead and no target account is known" in seen_of(tmp_path, section_of(accounts_of())).text


def test_where_nobody_was_active_no_account_comes_first(tmp_path):
    section = section_of(accounts_of(account("A-1", None, is_engaged=False)))
    assert section.heading == "0 of 1 accounts (0%) were active in the last 30 days"
    assert section.tables == ()
    seen_of(tmp_path, section)


def test_ids_and_conditions_never_run(tmp_path):
    told = accounts_of(
        account(EVIL, is_target=True),
        account(EVIL, None, is_target=True, is_engaged=False),
        people=[{"account_id": EVIL, "lead_id": EVIL, "last_inbound_at": NOW}],
        penetration=[group("target", "lead", 0.5, 0.1, 0.9), group("target", "engaged", 0.5, 0.1, 0.9)],
        targets_said=EVIL,
    )
    html = html_of(tmp_path, section_of(told))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in html
