"""The command as a whole, on a funnel that is made up."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchmarks.models.__main__ as command
from benchmarks.models.bank import FILE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A bank of 600 leads, of which the old ones subscribe."""
    random = np.random.default_rng(0)
    age = random.integers(20, 80, 600)
    rows = pd.DataFrame(
        {
            "age": age,
            "job": random.choice(["admin.", "services"], 600),
            "duration": 100,
            "pdays": 999,
            "y": np.where(random.random(600) < age / 100, "yes", "no"),
        }
    )
    (tmp_path / "data" / "bank_marketing").mkdir(parents=True)
    rows.to_csv(tmp_path / "data" / "bank_marketing" / FILE, sep=";", index=False)
    return tmp_path / "data"


@pytest.mark.whole
def test_a_part_is_printed_funnels_that_are_not_there_are_skipped_and_a_rerun_resumes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(command, "peers_python", lambda _: Path(sys.executable))
    arguments = ["--data", str(data), "--peer", "naive_bayes", "catboost"]
    assert command.main(arguments) == 0
    said = capsys.readouterr()
    assert "olist is skipped: olist_marketing_qualified_leads_dataset.csv" in said.err
    assert "bank_marketing: ours-task_rows took" in said.err
    assert "catboost-task_rows failed: ModuleNotFoundError: No module named 'catboost'" in said.err
    assert "480 rows to learn from" in said.out
    assert "| **ours** | task's rows | 0." in said.out
    assert "| CatBoost, default | task's rows | failed |" in said.out

    out = tmp_path / "page.md"
    assert command.main([*arguments, "--out", str(out)]) == 0
    again = capsys.readouterr()
    assert "ours-task_rows was done already" in again.err
    assert again.out == ""
    assert out.read_text() == said.out.removesuffix("\n")

    command.main(["--data", str(data), "--peer", "naive_bayes", "--fresh"])
    assert "ours-task_rows took" in capsys.readouterr().err


def test_without_any_funnel_nothing_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("is skipped") == 3
