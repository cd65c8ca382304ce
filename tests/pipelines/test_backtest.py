"""What a backtest says of the history it is given."""

import shutil
from pathlib import Path

import pytest

from data_contracts.errors import TooFewOutcomesError
from data_contracts.settings import load_settings
from pipelines.backtest import backtest
from pipelines.ingest import ingest_history
from simulation import simulate

ROOT = Path(__file__).parents[2]


@pytest.mark.whole
def test_a_table_that_cannot_show_late_entries_is_named(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    select = Path("config/sources/simulated/stage_changes.sql")
    text = select.read_text(encoding="utf-8")
    assert "recorded_at" in text
    kept = [line for line in text.splitlines() if "recorded_at" not in line]
    select.write_text("\n".join(kept), encoding="utf-8")
    settings = load_settings(Path("config/scoring.toml"))
    simulate(settings.crm.data_folder, n_leads=400, seed=3)
    ingest_history(settings)
    told: list[str] = []
    with pytest.raises(TooFewOutcomesError, match="are needed"):
        backtest(settings, warn=told.append)
    (warning,) = told
    assert warning.startswith("stage_changes: no row was recorded later than it happened")
