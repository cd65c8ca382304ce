"""Data: what a reader finds about rows that came in, rows that were refused, and earlier checks."""

import datetime as dt

import pyarrow.parquet as pq
import pytest

from data_contracts.kept_checks import DataState, KeptCheck
from pages import DataDocs, NotThere, data_page
from tests.example_checks import LEAD_IS_KNOWN, kept, report, table_check, verdict
from tests.example_site import EVIL, Seen, frame, nothing_runs, written

DOCS = DataDocs(link="../data_docs/index.html", path="/srv/store/data_docs/index.html")
BEFORE = kept(29, table_check("leads", rows=900), table_check("activities", rows=2_100, refused=50))
NOW = KeptCheck.of(report(), checked_at=dt.datetime(2026, 6, 30, 19))


def state(*checks: KeptCheck, notes: tuple[str, ...] = (), **changes: object) -> DataState:
    return DataState.of(report(**changes), checks, notes=notes)


def seen_of(folder, told: DataState | NotThere, docs: DataDocs | NotThere = DOCS) -> Seen:
    return Seen(written(folder, data_page(told, docs, frame=frame())))


@pytest.fixture
def seen(tmp_path) -> Seen:
    return seen_of(tmp_path, state(BEFORE, NOW))


def test_the_heading_says_what_share_is_refused_and_what_it_mostly_was(seen):
    # 30 of 1,000 + 2,000 rows; before, 50 of 900 + 2,100
    assert "1.0% of the rows are refused, mostly 1.7% before" in seen.text


def test_the_advice_names_the_worst_rule_and_the_command_that_shows_its_rows(seen):
    assert f"Begin with {LEAD_IS_KNOWN}: 30 rows breach it." in seen.text
    assert f"leadscore quarantine --rule {LEAD_IS_KNOWN} shows them" in seen.text


def test_each_table_stands_beside_the_check_before(seen):
    assert seen.row_of("leads")[:7] == ["leads", "1,000", "+100", "1,000", "0", "0%", "0"]
    assert seen.row_of("activities")[:7] == ["activities", "2,000", "−100", "1,970", "30", "1.5%", "−20"]


def test_each_breached_rule_has_its_promise_and_its_counts(seen):
    row = next(row for row in seen.rows if row and row[0] == LEAD_IS_KNOWN)
    assert row[:5] == [LEAD_IS_KNOWN, "lead_id is an accepted lead", "30", "1.5%", "−20"]
    assert "1 rule is breached, of 2 promises" in seen.text


def test_freshness_is_told_against_the_moment_of_the_pages(tmp_path):
    page = data_page(state(NOW), DOCS, frame=frame(made_at=dt.datetime(2026, 7, 1, 6)))
    assert "Jun 30, 2026 0.5 days before these pages were written" in Seen(written(tmp_path, page)).text


def test_without_an_earlier_check_nothing_is_compared(tmp_path):
    seen = seen_of(tmp_path, state())
    assert "1.0% of the rows are refused" in seen.text
    assert "before" not in seen.text.split("Extract taken")[0].split("Shown")[-1]
    assert seen.row_of("leads")[:4] == ["leads", "1,000", "–", "1,000"]
    assert "Nobody can say yet: fewer than two checks are kept." in seen.text


def test_the_trend_says_in_words_what_it_shows(seen):
    (told,) = [one["aria-label"] for one in seen.attributes("div") if one.get("role") == "img"]
    assert told.replace("\u202f", " ") == (
        "Share of refused rows by check: Mon, Jun 29, 6:00 AM 1.7%; Tue, Jun 30, 9:00 PM 1.0%."
    )
    assert "1.0% in the latest check and mostly 1.7% before (dashed)" in seen.text


def test_a_check_that_was_stopped_since_is_told_at_the_top_with_its_rules(tmp_path):
    stopped = kept(30, table_check("leads", rows=100, refused=9), stopped_by=("leads.volume", "leads.refused_share"))
    later = stopped.model_copy(update={"checked_at": dt.datetime(2026, 7, 1, 4)})
    seen = seen_of(tmp_path, state(NOW, later))
    assert "was stopped by its contract: leads.refused_share, leads.volume." in seen.text
    assert "The history of before stands" in seen.text
    assert [cell["class"] for cell in seen.attributes("td") if "bad" in cell.get("class", "")] == [" bad"]


def test_absent_tables_say_what_that_costs_apart_from_other_warnings(seen):
    before, after = seen.text.split("The check warns")
    assert "One table is absent, which costs something spend is absent: no cost per lead" in before
    assert "leads: absent, and missing in every row: source" in after


def test_what_is_left_out_is_counted_by_name_with_its_command(tmp_path):
    told = report(table_check("activities", rows=10, accepted=7, left_out={"mail scanners": 3}))
    seen = seen_of(tmp_path, DataState.of(told, []))
    assert "All 10 rows are accepted, but for 3 that are left out by name" in seen.text
    assert seen.row_of("mail scanners") == [
        "mail scanners",
        "activities",
        "3",
        "leadscore left-out --name 'mail scanners'",
    ]


def test_the_files_hold_every_check_and_the_command_of_each_rule(tmp_path):
    seen_of(tmp_path, state(BEFORE, NOW))
    checks = pq.read_table(tmp_path / "tables" / "checks.parquet").to_pydict()
    assert checks["checked_at"] == [NOW.checked_at, BEFORE.checked_at]
    rules = pq.read_table(tmp_path / "tables" / "breached-rules.parquet").to_pydict()
    assert rules["command"] == [f"leadscore quarantine --rule {LEAD_IS_KNOWN}"]


def test_the_data_docs_are_linked_and_their_path_is_told(seen):
    assert DOCS.link in [one["href"] for one in seen.attributes("a")]
    assert DOCS.path in seen.text


def test_where_nothing_was_checked_the_page_says_what_to_do(tmp_path):
    nothing = NotThere("Nothing was checked yet; run `leadscore check`.")
    seen = seen_of(tmp_path, nothing, NotThere("There are none yet."))
    assert "There is no checked history" in seen.text
    assert "Nothing was checked yet; run leadscore check." in seen.text
    assert "There are none yet." in seen.text


def test_what_is_wrong_with_the_kept_checks_is_said(tmp_path):
    assert "one cannot be read" in seen_of(tmp_path, state(NOW, notes=("one cannot be read",))).text


def test_nothing_in_a_report_or_a_kept_check_runs(tmp_path):
    evil = {
        "source": EVIL,
        "fingerprint": EVIL,
        "warnings": (EVIL, f"spend is absent: {EVIL}"),
        "verdicts": (verdict(f"activities.{EVIL}", promise=EVIL, unexpected=3),),
    }
    tables = (
        table_check(EVIL, rows=10, refused=1),
        table_check("activities", rows=10, refused=3, breaches={f"activities.{EVIL}": 3}, left_out={EVIL: 2}),
    )
    stopped = kept(30, *tables, stopped_by=(EVIL,), **evil)
    told = DataState.of(report(*tables, **evil), [kept(28, **evil), kept(29, **evil), stopped], notes=(EVIL,))
    html = written(tmp_path, data_page(told, DataDocs(link=DOCS.link, path=EVIL), frame=frame(source=EVIL)))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in Seen(html).text
    assert "<img" not in html
