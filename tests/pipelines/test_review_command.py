"""`leadscore review` as a user calls it: the findings, the page, and what is said where there is no review."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from tests.conftest import NOW
from tests.example_site import Seen, nothing_runs

SETTINGS_ERROR, SOURCE_ERROR = 3, 4


def run(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, ["review", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.stdout if exit_code == 0 else " ".join(result.output.split())


@pytest.fixture(scope="module")
def quarter(checked_folder) -> dict:
    """What the review of the first quarter says as JSON."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(checked_folder)
        patch.setattr("pipelines.review_command.now", lambda: NOW)
        return json.loads(run("--period", "quarter", "--of", "2026-02-10", "--json"))


def test_a_review_says_what_it_found_and_where_its_page_is(quarter):
    assert quarter["first_day"] == "2026-01-01"
    assert quarter["findings"][0].startswith("Q1 2026: ")
    assert any("in time" in one for one in quarter["findings"])
    assert Path(quarter["page"]).parts[-3:] == ("reviews", "quarter-2026-01-01", "index.html")


def test_its_counts_are_those_of_its_table_and_the_page_tells_its_findings(quarter):
    page = Path(quarter["page"])
    told = pq.read_table(page.parent / "tables" / "quarter-counts.parquet").to_pylist()
    assert [row["reached"] for row in told] == [row["reached"] for row in quarter["counts"]]
    seen, html = Seen(page.read_text()), page.read_text()
    assert all(finding in seen.text for finding in quarter["findings"])
    assert nothing_runs(html)


def test_what_nobody_can_answer_stands_last_with_its_reason(quarter):
    told = Seen(Path(quarter["page"]).read_text()).text
    answered, unknown = re.split(r"\d+ questions? nobody can answer yet", told)
    assert "What became of the hand-offs" in unknown
    assert "Nothing was published in this period" in unknown
    assert "What became of the hand-offs" not in answered


def test_holding_it_again_changes_nothing(quarter, checked_folder, monkeypatch):
    monkeypatch.chdir(checked_folder)
    monkeypatch.setattr("pipelines.review_command.now", lambda: NOW)
    first = Path(quarter["page"]).read_bytes()
    assert json.loads(run("--period", "quarter", "--of", "2026-03-31", "--json")) == quarter
    assert Path(quarter["page"]).read_bytes() == first


def test_the_last_week_that_is_over_is_reviewed_unless_a_day_is_given(checked_folder, monkeypatch):
    monkeypatch.chdir(checked_folder)
    told = run()
    assert "Week of Jun 22, 2026: " in told
    assert str(Path("reviews/week-2026-06-22/index.html")) in told


def test_a_period_that_is_not_over_and_one_before_the_first_lead_are_refused(checked_folder, monkeypatch):
    monkeypatch.chdir(checked_folder)
    running = run("--of", "2026-06-30", exit_code=SETTINGS_ERROR)
    assert "the week that begins 2026-06-29 is not over in the extract of 2026-06-30 18:00 UTC" in running
    assert "the last one that is begins 2026-06-22" in running
    assert "No lead is known before the end" in run("--of", "2020-01-01", exit_code=SOURCE_ERROR)


def test_the_pages_list_the_reviews_that_were_held_and_take_them_along(quarter, checked_folder, monkeypatch):
    monkeypatch.chdir(checked_folder)
    run()
    told = CliRunner().invoke(app, ["pages", "--json"])
    assert told.exit_code == 0, told.output
    site = Path(json.loads(told.stdout)["first_page"]).parent
    seen = Seen((site / "review.html").read_text())
    links = [one["href"] for one in seen.attributes("a") if one.get("href", "").startswith("reviews/")]
    assert links == ["reviews/week-2026-06-22/index.html", "reviews/quarter-2026-01-01/index.html"]
    assert quarter["findings"][0] in seen.text
    taken = site / "reviews" / "quarter-2026-01-01"
    assert (taken / "index.html").read_bytes() == Path(quarter["page"]).read_bytes()
    assert (taken / "resources.html").is_file()


def test_a_damaged_review_is_said_and_stops_no_page(quarter, checked_folder, monkeypatch):
    monkeypatch.chdir(checked_folder)
    about = Path(quarter["page"]).parent / "review.json"
    sound = about.read_bytes()
    about.write_text("half")
    try:
        told = CliRunner().invoke(app, ["pages", "--json"])
    finally:
        about.write_bytes(sound)
    assert told.exit_code == 0, told.output
    listed = Seen((Path(json.loads(told.stdout)["first_page"]).parent / "review.html").read_text()).text
    assert "review.json is damaged" in listed
