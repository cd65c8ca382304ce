"""The README's lines for a notebook run as they stand there."""

import re
from pathlib import Path

import pandas as pd
import pytest

from data_contracts.settings import load_settings

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]


@pytest.fixture
def frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """What the lines leave in `frame`, in a folder where 300 simulated leads were checked."""
    from pipelines.ingest import ingest_history
    from simulation import simulate

    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    settings = load_settings(Path("config/scoring.toml"))
    simulate(settings.crm.data_folder, n_leads=300, seed=1)
    ingest_history(settings)
    found: dict[str, pd.DataFrame] = {}
    exec(_lines(), found)  # noqa: S102  our own README
    return found["frame"]


def _lines() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"## In a notebook\n.*?```python\n(.*?)```", readme, flags=re.DOTALL)
    return lines


def test_eight_lines_give_every_open_lead_with_its_features(frame: pd.DataFrame) -> None:
    assert sum(bool(line) for line in _lines().splitlines()) == 8
    assert len(frame) > 50
    assert frame["lead_id"].is_unique
    assert frame["n_pricing_view_7d"].dtype == "float64"
    assert isinstance(frame["current_stage"].dtype, pd.StringDtype)
    assert frame["days_in_stage"].min() >= 0
