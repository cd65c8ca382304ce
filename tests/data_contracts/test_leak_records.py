import datetime as dt
import json

import pytest

from data_contracts.estimates import Estimate
from data_contracts.leaks import ByFate, Count, LeakFinding, LeakReport, leak_rows, leak_summary
from data_contracts.vocabulary import Transition

NOBODY = Count(n_having=0, n=0)


def finding(name: str = "rating", verdict: str = "leak", **changes) -> LeakFinding:
    content = {"subject": "attribute", "name": name, "declared": "at_creation", "verdict": verdict, "reason": "because"}
    return LeakFinding.model_validate(content | changes)


def report(*findings: LeakFinding) -> LeakReport:
    return LeakReport(
        transition=Transition.MQL_TO_SQL,
        extracted_at=dt.datetime(2026, 6, 30),
        test_from=dt.datetime(2026, 1, 5),
        n_leads=1_200,
        n_open=300,
        findings=findings,
    )


@pytest.mark.parametrize(
    ("verdict", "allowed_because", "holds_back"),
    [("leak", "", True), ("suspect", "", True), ("clear", "", False), ("leak", "a rule", False), ("clear", "x", False)],
)
def test_a_leak_or_suspect_holds_back_unless_it_is_allowed(verdict: str, allowed_because: str, holds_back: bool):
    assert finding(verdict=verdict, allowed_because=allowed_because).holds_back is holds_back


def test_what_is_allowed_is_shown_and_marked():
    made = report(finding(allowed_because="sales fills it in before the call"))
    assert leak_rows(made)[0]["verdict"] == "leak, allowed"
    assert leak_summary(made)[1].endswith(
        "attribute rating is a leak (allowed: sales fills it in before the call): because"
    )
    assert made.holding_back == ()


def test_a_summary_counts_what_is_clear_and_names_the_others():
    made = report(finding(), finding("town", "clear"), finding("stack", "suspect"))
    assert leak_summary(made) == [
        "mql_to_sql: 1 of 3 are clear of leaks",
        "mql_to_sql: attribute rating is a leak: because",
        "mql_to_sql: attribute stack is suspect: because",
    ]


def test_it_prints_as_a_table_with_its_title():
    auc = Estimate(value=0.91, low=0.88, high=0.94)
    title, head, row = str(report(finding(auc_alone=auc))).splitlines()
    assert title.startswith("mql_to_sql: leaks among 1,200 leads, 300 of them open; figures on leads from 2026-01-05")
    assert head.split()[:3] == ["what", "declared", "verdict"]
    assert "0.910 [0.880, 0.940]" in row


def test_shares_stand_by_fate_and_a_dash_stands_where_there_is_nobody():
    shares = ByFate(converted=Count(n_having=30, n=40), closed=NOBODY, still_open=Count(n_having=0, n=9))
    assert str(shares) == "75 % / – / 0 %"


def test_a_notebook_shows_it_with_every_text_escaped():
    shown = report(finding(reason="'<script>' for 3 %"))._repr_html_()
    assert "&#x27;&lt;script&gt;&#x27; for 3 %" in shown
    assert "<script>" not in shown


def test_it_is_kept_as_json():
    made = report(finding(at_entry=ByFate(converted=NOBODY, closed=NOBODY, still_open=NOBODY)))
    assert LeakReport.model_validate_json(made.model_dump_json()) == made
    assert json.loads(made.model_dump_json())["findings"][0]["at_entry"]["closed"] == {"n_having": 0, "n": 0}
