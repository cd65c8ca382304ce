"""`leadscore thresholds` as a user calls it: what if, publish, score under them, revert."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data_contracts.conditions import Condition
from data_contracts.errors import SettingsError
from data_contracts.policy import Policy, Team
from data_contracts.settings import load_settings
from pipelines.cli import app
from pipelines.in_force import registry_of
from pipelines.store import Store
from pipelines.threshold_commands import with_capacity
from pipelines.thresholds import in_force

CONFIG = Path("config/scoring.toml")
SETTINGS_ERROR = 3


@pytest.fixture
def work(finished_run, tmp_path, monkeypatch) -> Path:
    """A copy of the finished run as the working folder, whose settings can be edited."""
    shutil.copytree(finished_run.folder, tmp_path / "work", symlinks=True)
    monkeypatch.chdir(tmp_path / "work")
    shutil.copytree(finished_run.folder / "config", tmp_path / "config")
    (tmp_path / "work" / "config").unlink()
    (tmp_path / "config").rename(tmp_path / "work" / "config")
    return tmp_path / "work"


def run(*arguments: str, fails_with: str = "") -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == (SETTINGS_ERROR if fails_with else 0), result.output
    assert fails_with in result.output
    return result.stdout


def edit(old: str, new: str) -> None:
    text = CONFIG.read_text(encoding="utf-8")
    assert text.count(old) == 1
    CONFIG.write_text(text.replace(old, new), encoding="utf-8")


def boundary() -> float:
    settings = load_settings(CONFIG)
    return in_force(settings, registry_of(Store.of(settings)).load("candidate").manifest).boundaries["sales"]


def called(action: str, *, from_value: float = 0.0) -> set[str]:
    """The leads of the call list with that action, and at least that value."""
    leads = json.loads(run("calls", "--json"))["leads"]
    return {lead["lead_id"] for lead in leads if lead["action"] == action and lead["ranking_value"] >= from_value}


def test_more_capacity_lowers_the_boundary_and_changes_nothing(work):
    before = boundary()
    asked = json.loads(run("thresholds", "--release", "candidate", "--capacity", "90", "--json"))
    (team,) = asked["thresholds"]["teams"]
    assert (team["leads_per_week"], asked["published"]) == (90, False)
    assert team["boundary"] < before == boundary()
    assert team["expected"]["leads"]["value"] <= 90


def test_the_first_thresholds_are_chosen_again_from_what_was_kept(work):
    """Nothing is new since the training: the same policy gives the same boundary."""
    before = boundary()
    told = json.loads(run("thresholds", "--release", "candidate", "--json"))
    assert told["thresholds"]["teams"][0]["boundary"] == before


def test_a_policy_is_published_scored_under_and_taken_back(work):
    first, standing = boundary(), called("hand_off")
    edit("leads_per_week = 45", "leads_per_week = 10")
    edit('version = "2026.1"\nranked_by', 'version = "2026.2"\nranked_by')
    run("score", "--release", "candidate")
    assert boundary() == first, "an edited file changes nothing"
    run("thresholds", "--release", "candidate", "--publish", "--because", "two sellers are on leave")
    strict = boundary()
    assert strict > first
    refused = CliRunner().invoke(app, ["publish", "--release", "candidate"])
    assert refused.exit_code
    assert "are in force since; run `leadscore score` again" in " ".join(refused.output.split())
    run("score", "--release", "candidate")
    scores = pq.read_table(Path("var/simulated/scored_leads"), columns=["policy_version"])
    assert set(scores["policy_version"].to_pylist()) == {"2026.2"}
    assert called("hand_off") == standing, "what was published stands, and there is no place for more"
    assert len(standing) > 10
    assert called("wait") == called("wait", from_value=strict)
    run("thresholds", "--release", "candidate", "--revert", "--because", "they are back")
    assert boundary() == first
    history = json.loads(run("thresholds", "--release", "candidate", "--history", "--json"))["published"]
    assert [(one["because"], one["reverts"]) for one in history] == [
        ("two sellers are on leave", False), ("they are back", True),
    ]  # fmt: skip
    run(
        "thresholds", "--release", "candidate", "--revert", "--because", "x",
        fails_with="had no other thresholds before; nothing was changed",
    )  # fmt: skip


def test_another_policy_under_the_same_version_is_refused(work):
    run("thresholds", "--release", "candidate", "--publish", "--because", "as chosen")
    edit("leads_per_week = 45", "leads_per_week = 10")
    before = boundary()
    run("thresholds", "--release", "candidate", "--publish", "--because", "x", fails_with="raise `version` in [policy]")
    assert boundary() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--publish"], "say why with --because"),
        (["--publish", "--revert", "--because", "x"], "give one of them"),
        (["--publish", "--capacity", "60", "--because", "x"], "a what-if is not published"),
        (["--capacity", "UK=60"], "--capacity 'UK=60' names no team; the policy has sales"),
        (["--capacity", "many"], "'many' is no number of leads a week above 0"),
        (["--capacity", "0"], "'0' is no number of leads a week above 0"),
    ],
)
def test_what_makes_no_sense_is_told(in_workspace, arguments: list[str], told: str):
    assert run("thresholds", "--release", "candidate", *arguments, fails_with=told) == "", "nothing but the error"


def test_one_team_of_several_is_named():
    dach = Condition(attribute="region", one_of=("DACH",))
    policy = Policy(
        version="1", teams=(Team(name="DACH", leads_per_week=5, where=dach), Team(name="UK", leads_per_week=7))
    )
    assert [team.leads_per_week for team in with_capacity(policy, ["UK=9", "DACH=2.5"]).teams] == [2.5, 9]
    with pytest.raises(SettingsError, match="names no team; the policy has DACH, UK"):
        with_capacity(policy, ["60"])
