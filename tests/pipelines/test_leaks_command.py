"""`leadscore leaks`, and what a training does with what it finds."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.leaks import bank_settings, olist_settings, planted_verdicts
from data_contracts.leaks import LeakReport
from models.registry import ReleaseRegistry
from pipelines.cli import app
from pipelines.ingest import ingest_history
from pipelines.leaks import report_leaks
from pipelines.store import Store

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"the public data are not in {DATA}")


def test_it_shows_a_row_an_attribute_and_kind_and_the_honest_simulation_is_clear(in_workspace):
    result = CliRunner().invoke(app, ["leaks", "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    reports = {name: LeakReport.model_validate(told) for name, told in _strictly(result.stdout).items()}
    assert set(reports) == {"mql_to_sql", "sql_to_win"}
    for report in reports.values():
        assert {"industry", "buying_timeline", "page_view", "twins"} <= {finding.name for finding in report.findings}
        assert [finding.told for finding in report.findings if finding.verdict != "clear"] == []


def test_a_release_keeps_the_report_it_was_trained_with(in_workspace):
    manifest = ReleaseRegistry(Store.of(in_workspace.settings).tracking_uri).load("production").manifest
    for summary in manifest.transitions:
        assert summary.leaks is not None
        assert summary.leaks.transition == summary.transition
        assert summary.leaks.n_clear == len(summary.leaks.findings)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_planted_leaks_are_found_and_honest_attributes_are_not_accused(tmp_path: Path):
    found = [one for seed in (101, 102) for one in planted_verdicts(tmp_path / str(seed), seed=seed, n_leads=20_000)]
    leaks = [(planted.kind, verdict) for planted, verdict in found if planted.is_leak]
    assert len({kind for kind, verdict in leaks if verdict == "leak"}) >= 6
    assert sum(verdict != "clear" for _, verdict in leaks) >= 0.8 * len(leaks)
    honest = [verdict for planted, verdict in found if not planted.is_leak]
    assert honest.count("leak") <= 0.03 * len(honest)
    assert honest.count("suspect") <= 0.08 * len(honest)


@needs_data
@pytest.mark.slow
def test_the_duration_of_the_call_is_found_in_bank_marketing_and_nothing_else(tmp_path: Path):
    settings = bank_settings(tmp_path, DATA / "bank_marketing")
    ingest_history(settings)
    (report,) = report_leaks(settings).values()
    assert {finding.name for finding in report.holding_back} == {"duration"}


@needs_data
@pytest.mark.slow
def test_the_columns_that_only_winners_have_are_found_in_olist(tmp_path: Path):
    settings = olist_settings(tmp_path, DATA / "olist")
    ingest_history(settings)
    (report,) = report_leaks(settings).values()
    held = {finding.name for finding in report.holding_back}
    assert {"business_segment", "lead_type", "has_company", "lead_behaviour_profile"} <= held
    assert "landing_page" not in held


def _strictly(text: str) -> dict:
    """What JSON says, as the strict records take it."""
    return {
        name: LeakReport.model_validate_json(json.dumps(told)).model_dump() for name, told in json.loads(text).items()
    }
