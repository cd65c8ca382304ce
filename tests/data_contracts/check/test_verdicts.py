from data_contracts.check.deliver import Delivered
from data_contracts.check.verdicts import Counted, breaches_of
from data_contracts.columns import LEADS
from data_contracts.history import TableCheck, Verdict
from data_contracts.settings import Checks

CHECK = TableCheck(
    "leads", "", delivered=1_000, rows=1_000, accepted=940, refused=60, breaches={"leads.created_at.has_type": 60}
)
COUNTED = {"leads": Counted(Delivered(LEADS, rows=None, columns={}, attributes={}), None, CHECK, rows_before=0)}


def verdict(rule, *, success=False, severity="warning"):
    return Verdict(
        table="leads",
        rule=f"leads.{rule}",
        promise="it holds",
        expectation="expect",
        column="created_at",
        success=success,
        unexpected=60,
        rows=1_000,
        severity=severity,
    )


def found(*verdicts):
    return [breach.found for breach in breaches_of(verdicts, counted=COUNTED, checks=Checks())]


def test_a_rule_that_too_many_rows_breach_is_told_once_within_the_tables_share():
    total = verdict("refused_share", severity="critical")
    assert found(verdict("created_at.has_type"), total) == [
        "60 of 1,000 rows (6 %, at most 5 %) are refused: leads.created_at.has_type (60)"
    ]


def test_a_failed_rule_is_never_passed_over():
    total = verdict("refused_share", success=True, severity="critical")
    assert found(verdict("created_at.has_type"), total) == [
        "60 of 1,000 rows (6 %, at most 5 %) breach leads.created_at.has_type"
    ]


def test_what_holds_is_no_breach():
    assert found(verdict("created_at.has_type", success=True)) == []
