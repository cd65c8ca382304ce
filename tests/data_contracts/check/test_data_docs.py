import datetime as dt
import html
import re

from markupsafe import escape

from data_contracts.check.data_docs import RunCard, RunTold, history_page, run_page
from data_contracts.history import TableCheck, Verdict

AT = dt.datetime(2026, 4, 1, 12)
HOSTILE = "<script>alert('x')</script>&\""


def verdict(rule, *, success=True, unexpected=0, rows=1_000, promise="it holds", table="leads"):
    return Verdict(table, f"{table}.{rule}", promise, "expect", "", success, unexpected, rows, severity="critical")


def told(*verdicts, stopped_by=(), breaches=(), title="crm"):
    check = TableCheck("leads", "", 1_000, 1_000, 940, 60, breaches=dict.fromkeys(breaches, 1))
    return RunTold(AT, title, verdicts, checks={"leads": check}, stopped_by=stopped_by)


def lines_of(page):
    """The rows of the tables of a page, tags taken out."""
    rows = [re.sub(r"<[^>]+>", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)]
    return [" ".join(html.unescape(row).split()) for row in rows]


def test_the_page_of_a_run_shows_each_table_with_its_rows_and_failures():
    total = verdict("refused_share", success=False, unexpected=60)
    column = verdict("amount.column_exists", table="spend", rows=0)
    lines = lines_of(run_page(told(total, column)))
    assert "leads 1,000 60 1 1" in lines
    assert "spend not judged 1 0" in lines


def test_a_breached_rule_is_told_with_its_counts_and_the_command_that_shows_its_rows():
    few = verdict("created_at.has_type", unexpected=3, promise="created_at is a time")
    page = run_page(told(few, verdict("lead_id.not_missing"), breaches=["leads.created_at.has_type"]))
    assert lines_of(page)[-1] == (
        "leads.created_at.has_type created_at is a time leadscore quarantine --rule leads.created_at.has_type "
        "3 1,000 tolerated"
    )
    assert '<a href="leads.html">leads.created_at.has_type</a>' in page
    assert "lead_id.not_missing" not in page, "no row breaches it"


def test_failed_rules_come_first_and_the_share_of_refused_rows_only_where_it_failed():
    few, many = verdict("a.has_type", unexpected=3), verdict("b.has_type", success=False, unexpected=60)
    rules = [line.split()[0] for line in lines_of(run_page(told(few, many, verdict("refused_share", unexpected=63))))]
    assert rules[-2:] == ["leads.b.has_type", "leads.a.has_type"]
    failed = verdict("refused_share", success=False, unexpected=63)
    assert lines_of(run_page(told(failed)))[-1] == "leads.refused_share it holds leadscore quarantine 63 1,000 failed"


def test_rows_that_are_not_in_quarantine_get_no_command():
    personal = verdict("role.not_personal", success=False, unexpected=1)
    assert lines_of(run_page(told(personal)))[-1] == "leads.role.not_personal it holds 1 1,000 failed"


def test_what_stopped_the_run_without_a_verdict_is_told_too():
    run = told(verdict("a.has_type"), stopped_by=["spend.is_delivered", "leads.a.has_type", "spend.is_delivered"])
    assert lines_of(run_page(run))[-1].startswith("spend.is_delivered the table is delivered")
    assert (run.card.is_accepted, run.card.failed_rules) == (False, 1)
    assert '<span class="bad">refused</span>' in run_page(run)


def test_a_run_without_a_breach_says_so():
    page = run_page(told(verdict("a.has_type")))
    assert "No row breaches a rule." in page
    assert '<span class="good">accepted</span>' in page


def test_the_list_of_runs_links_to_each_and_says_what_became_of_it():
    cards = {
        "b": RunCard(AT, "crm, extract of today", is_accepted=False, rows=74_494, refused=6_715, failed_rules=8),
        "a": told().card,
    }
    page = history_page(cards)
    assert lines_of(page)[1:] == [
        "2026-04-01 12:00:00 crm, extract of today refused 74,494 6,715 8",
        "2026-04-01 12:00:00 crm accepted 1,000 60 0",
    ]
    assert re.findall('href="([^"]+)"', page) == ["runs/b/index.html", "runs/a/index.html"]


def test_whatever_is_told_is_escaped():
    hostile = verdict(f"{HOSTILE}.has_type", success=False, unexpected=1, promise=HOSTILE)
    other = verdict("a.has_type", table=HOSTILE)
    run = told(hostile, other, title=HOSTILE, breaches=[hostile.rule], stopped_by=[f"spend.{HOSTILE}.is_one_column"])
    for page in (run_page(run), history_page({HOSTILE: run.card})):
        assert escape(HOSTILE) in page
        assert "<script" not in page
    command = "leadscore quarantine --rule 'leads.<script>alert('\"'\"'x'\"'\"')</script>&\".has_type'"
    assert escape(command) in run_page(run), "the shell takes it as one word"
