"""The command line as a user meets it."""

import datetime as dt
import html
import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from data_contracts.settings import load_settings
from pipelines.cli import FIRST_RUN, app
from pipelines.store import Store

ROOT = Path(__file__).parents[2]
HEAVY = ["ibis", "great_expectations", "mlflow", "lightgbm", "sklearn", "prefect", "pandas", "pyarrow"]


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `leadscore` with `arguments`."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_help_imports_no_heavy_library():
    code = f"import sys, pipelines.cli; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_alone_it_shows_the_first_run():
    code, out, _ = run()
    assert code == 0
    assert FIRST_RUN in out


def test_the_versions_of_python_and_of_the_libraries_that_compute_are_one_a_line():
    code, out, _ = run("--version")
    versions = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert code == 0
    assert versions["python"].startswith(platform.python_version())
    assert {"leadscore", "numpy", "duckdb", "scikit-learn", "lightgbm"} <= set(versions)
    assert FIRST_RUN not in out


@pytest.mark.parametrize(
    "command", [one.name or one.callback.__name__.replace("_", "-") for one in app.registered_commands]
)
def test_every_command_s_help_has_an_example(command: str):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example: leadscore {command}" in out


def test_a_missing_settings_file_is_one_line_and_an_exit_code():
    code, out, err = run("check", "--config", "nowhere.toml")
    assert code == 3
    assert out == ""
    assert f"there is no settings file {Path.cwd() / 'nowhere.toml'}" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("kind", "examples"), [("settings", "*.toml"), ("resources", "resources.toml"), ("review", "reviews/*.toml")]
)
def test_files_as_they_are_shipped_meet_the_schema_of_their_kind_and_a_misspelt_word_does_not(kind, examples):
    code, out, _ = run("schema", kind)
    assert code == 0
    shipped = [
        path for path in (ROOT / "config").glob(examples) if (path.name == "resources.toml") == (kind == "resources")
    ]
    assert shipped
    for path in shipped:
        content = json.loads(json.dumps(tomllib.loads(path.read_text(encoding="utf-8")), default=str))
        jsonschema.validate(content, json.loads(out))
        with pytest.raises(jsonschema.ValidationError, match="misspelt"):
            jsonschema.validate(content | {"misspelt": 1}, json.loads(out))


def test_a_schema_of_no_such_file_says_which_there_are():
    code, _, err = run("schema", "leads")
    assert code == 2
    assert "resources" in err


@pytest.mark.usefixtures("in_workspace")
class TestOnAFinishedRun:
    """Commands that look at what a run left behind."""

    def test_releases_lists_the_version_with_its_aliases(self):
        code, out, _ = run("releases", "--json")
        assert code == 0
        told = json.loads(out)
        assert told["releases"][0]["aliases"] == ["candidate", "production"]
        (entry,) = told["history"]
        assert (entry["version"], entry["way"], entry["by"]) == ("1", "rule", "a test")
        assert entry["verdict"]["checks"]

    def test_releases_prints_the_model_card_of_a_version(self):
        code, out, _ = run("releases", "--card", "production")
        assert code == 0
        assert out.startswith("# Model card: release 2026-06-30-")
        assert json.loads(run("releases", "--card", "1", "--json")[1])["card"] == out.removesuffix("\n")

    def test_a_dry_run_after_publishing_has_nothing_left_to_change(self):
        code, out, _ = run("publish", "--dry-run", "--json")
        assert code == 0
        plan = json.loads(out)
        assert plan["changes"] == []
        assert plan["n_unchanged"] > 0

    def test_quarantine_shows_refused_rows_with_rule_and_reason(self):
        code, out, _ = run("quarantine", "--limit", "3", "--json")
        assert code == 0
        rows = json.loads(out)
        assert len(rows) == 3
        assert all(row["rule"] and row["reason"] for row in rows)

    def test_quarantine_can_be_limited_to_one_rule(self):
        rule = json.loads(run("quarantine", "--limit", "1", "--json")[1])[0]["rule"]
        rows = json.loads(run("quarantine", "--rule", rule, "--json")[1])
        assert {row["rule"] for row in rows} == {rule}

    def test_every_command_on_the_pages_of_the_check_shows_rows(self):
        pages = Store.of(load_settings(Path("config/scoring.toml"))).data_docs.glob("runs/*/index.html")
        commands = {
            html.unescape(text)
            for page in pages
            for text in re.findall("<code>(leadscore .*)</code>", page.read_text())
        }
        assert commands
        for command in commands:
            code, out, _ = run(*shlex.split(command)[1:], "--json")
            assert code == 0
            assert json.loads(out), command

    def test_an_unknown_lead_is_an_error_that_names_it(self):
        code, out, err = run("trace", "no-such-lead")
        assert code == 9
        assert out == ""
        assert "no-such-lead" in err

    def test_scoring_with_an_unknown_release_says_which_there_are(self):
        code, _, err = run("score", "--release", "99")
        assert code == 7
        assert "99" in err

    def test_schema_is_json_that_knows_every_section(self):
        code, out, _ = run("schema")
        assert code == 0
        sections = {"definitions", "policy", "crm", "store", "checks", "engine", "pages", "targets"}
        assert set(json.loads(out)["properties"]) == sections

    def test_quarantine_says_which_rules_there_are_where_one_is_misspelt(self):
        code, _, err = run("quarantine", "--rule", "leads.created.has_typo")
        assert code == 4
        assert "leads.lead_id.unique" in err

    def test_a_moment_after_the_extract_cannot_be_scored(self):
        code, _, err = run("score", "--as-of", "2030-01-01")
        assert code == 3
        assert "2030-01-01" in err
        assert "2026-06-30 18:00" in err

    def test_a_dry_run_refuses_what_publishing_would_refuse(self):
        code, _, err = run("publish", "--dry-run", "--release", "99")
        assert code == 7
        assert "99" in err


def test_a_question_about_the_past_keeps_the_current_scores(finished_run, tmp_path, monkeypatch):
    shutil.copytree(finished_run.folder, tmp_path / "workspace", symlinks=True)
    monkeypatch.chdir(tmp_path / "workspace")
    store = Store.of(load_settings(Path("config/scoring.toml")))
    current = store.scores.readlink()
    code, out, _ = run("score", "--as-of", "2026-01-01T00:00:00", "--json")
    assert code == 0
    assert Path(json.loads(out)["path"]) == store.scores_as_of(dt.datetime(2026, 1, 1))
    assert store.scores.readlink() == current
    assert run("publish")[0] == 0


def test_scores_of_another_history_with_the_same_time_of_extract_are_not_published(finished_run, tmp_path, monkeypatch):
    shutil.copytree(finished_run.folder, tmp_path / "workspace", symlinks=True)
    monkeypatch.chdir(tmp_path / "workspace")
    leads = Path("data/simulated/leads.csv")
    header, *rows = leads.read_text(encoding="utf-8").splitlines(keepends=True)
    leads.write_text("".join([header, *rows[40:]]), encoding="utf-8")
    assert run("check")[0] == 0
    code, _, err = run("publish")
    assert code == 8
    assert "run `leadscore score` again" in err


def test_scores_of_another_release_are_not_published(finished_run, tmp_path, monkeypatch):
    shutil.copytree(finished_run.folder, tmp_path / "workspace", symlinks=True)
    monkeypatch.chdir(tmp_path / "workspace")
    about = Path("var/simulated/scored_leads/_about.json")
    about.write_text(json.dumps(json.loads(about.read_text()) | {"release_id": "2026-01-01-of-before"}))
    code, _, err = run("publish")
    assert code == 8
    assert "2026-01-01-of-before" in err


def test_the_demo_does_not_write_into_a_real_export(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("demo", "--config", str(ROOT / "config" / "bpi2012.toml"))
    assert code == 3
    assert "bpi2012" in err
    assert list(tmp_path.iterdir()) == []
