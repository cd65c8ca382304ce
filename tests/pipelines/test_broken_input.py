"""What a user sees when the export is broken: a quarantine that loses nothing, or one error that says what to do."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from simulation import simulate

ROOT = Path(__file__).parents[2]
N_LEADS = 600
EXPORT = Path("data", "simulated")

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A working folder with a sound export that was checked, and how the check ended."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "config").symlink_to(ROOT / "config")
    simulate(folder / EXPORT, n_leads=N_LEADS, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, check()


@pytest.fixture
def export(sound, tmp_path, monkeypatch):
    """A copy of the sound export in a working folder of its own, to be broken."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(sound[0] / EXPORT, tmp_path / EXPORT))


@pytest.fixture
def report(sound, export):
    """The report of a check of the sound export, whose history is in the store of the working folder."""
    folder, (_, out, _) = sound
    shutil.copytree(folder / "var", "var", symlinks=True)
    return json.loads(out)


def check(*options):
    result = CliRunner().invoke(app, ["check", *options, "--json"], catch_exceptions=False)
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def refused(report, table, rule):
    check_of = {check["table"]: check for check in report["tables"]}
    return check_of[table]["breaches"].get(rule, 0)


def test_a_sound_export_is_accepted_and_every_row_is_accounted_for(sound, export):
    code, out, _ = sound[1]
    assert code == 0
    delivered = {"accounts": "accounts", "leads": "leads", "stage_history": "stage_changes", "spend": "spend"}
    tables = {table["table"]: table for table in json.loads(out)["tables"]}
    for file, name in delivered.items():
        assert tables[name]["rows"] == len(read(export / f"{file}.csv")) > 0
    assert [name for name, each in tables.items() if each["accepted"] + each["refused"] != each["rows"]] == []


def test_a_missing_column_stops_the_run_and_names_it(export):
    rows = read(export / "stage_history.csv")
    write(export / "stage_history.csv", [{k: v for k, v in row.items() if k != "NewStage"} for row in rows])
    code, out, err = check()
    assert code == 4
    assert out == ""
    assert "stage_changes" in err
    assert "NewStage" in err


def test_an_unknown_stage_stops_the_run_with_the_word_its_count_and_the_remedy(export):
    rows = read(export / "stage_history.csv")
    for row in rows[:12]:
        row["NewStage"] = "Opportunty"
    write(export / "stage_history.csv", rows)
    code, _, err = check()
    assert code == 5
    assert "stage_changes: 'Opportunty' (12 rows) is not mapped; add it to [crm.stages]" in err


def test_duplicate_keys_and_bad_dates_are_refused_into_quarantine_and_the_rest_goes_on(export, report):
    rows = read(export / "leads.csv")
    rows[20]["CreatedDate"] = "31.02.2026"
    write(export / "leads.csv", [*rows, rows[10]])
    code, out, _ = check()
    after = json.loads(out)
    assert code == 0
    for rule in ("leads.lead_id.unique", "leads.created_at.has_type"):
        assert refused(after, "leads", rule) == refused(report, "leads", rule) + 1
    shown = CliRunner().invoke(app, ["quarantine", "--rule", "leads.created_at.has_type", "--json"])
    assert "31.02.2026" in [row["value"] for row in json.loads(shown.stdout)]


def test_leads_that_the_settings_leave_out_are_counted_by_name_and_shown_as_they_were_delivered(export):
    rule = '\n[[crm.left_out]]\nname = "{}"\ntable = "leads"\ncolumn = "campaign"\none_of = ["{}"]\n'
    config = ["--config", str(export / "scoring.toml")]
    text = Path("config/scoring.toml").read_text(encoding="utf-8")
    text += rule.format("own fair", "trade-fair") + rule.format("typo", "trad-fair")
    (export / "scoring.toml").write_text(text, encoding="utf-8")
    code, out, _ = check(*config)
    report = json.loads(out)
    (leads,) = [table for table in report["tables"] if table["table"] == "leads"]
    n = leads["left_out"]["own fair"]
    assert (code, leads["accepted"] + leads["refused"] + n) == (0, leads["delivered"])
    assert "left out by 'typo': no row" in report["warnings"]
    shown = CliRunner().invoke(app, ["left-out", *config, "--name", "own fair", "--limit", "100000", "--json"])
    rows = json.loads(shown.stdout)
    assert sum(row["table"] == "leads" for row in rows) == n
    assert len(rows) == sum(sum(table["left_out"].values()) for table in report["tables"])
    assert {json.loads(row["raw_row"])["campaign"] for row in rows if row["table"] == "leads"} == {"trade-fair"}
    asked = CliRunner().invoke(app, ["left-out", *config, "--name", "own fairs"])
    assert "nothing is left out under 'own fairs'; the names are 'own fair'" in " ".join(asked.stderr.split())


def test_an_empty_file_stops_the_run_and_names_the_file(export):
    (export / "leads.csv").write_text("", encoding="utf-8")
    code, _, err = check()
    assert code == 4
    assert "leads.csv" in err


def test_a_file_without_rows_stops_the_run_where_the_table_is_required(export):
    header = (export / "leads.csv").read_text(encoding="utf-8").splitlines()[0]
    (export / "leads.csv").write_text(header + "\n", encoding="utf-8")
    code, _, err = check()
    assert code == 4
    assert "leads" in err


def test_a_wrong_encoding_stops_the_run_and_names_the_file(export):
    text = (export / "leads.csv").read_text(encoding="utf-8")
    (export / "leads.csv").write_bytes((text + text.splitlines()[1] + "é\n").encode("latin-1", errors="replace"))
    code, _, err = check()
    assert code == 4
    assert "leads" in err
    assert "UTF-8" in err or "utf-8" in err


def test_ten_percent_dirty_rows_stop_the_run_with_all_breaches_and_nothing_is_lost(export):
    for name, column in (("leads.csv", "CreatedDate"), ("stage_history.csv", "ChangedDate")):
        rows = read(export / name)
        for row in rows[::10]:
            row[column] = "not a date"
        write(export / name, rows)
    code, _, err = check()
    assert code == 5
    assert "leads:" in err
    assert "stage_changes:" in err
    shown = CliRunner().invoke(app, ["quarantine", "--rule", "leads.created_at.has_type", "--limit", "1000", "--json"])
    assert len(json.loads(shown.stdout)) >= N_LEADS // 10


def test_a_write_back_field_among_the_inputs_stops_the_run(export):
    folder = export.parents[1] / "config"
    folder.unlink()
    shutil.copytree(ROOT / "config", folder)
    query = folder / "sources" / "simulated" / "leads.sql"
    query.write_text(query.read_text().replace("SELECT", "SELECT 'B2' AS leadscore_grade,", 1))
    code, _, err = check()
    assert code == 5
    assert "leadscore_grade" in err


def test_a_stopped_run_leaves_the_history_of_the_run_before(export, report):
    (export / "leads.csv").write_text("", encoding="utf-8")
    assert check()[0] == 4
    from engines.duckdb_store import DuckDbHistories
    from pipelines.store import Store

    with Store(Path("var/simulated"), DuckDbHistories(Path("var/simulated"))).checked_history() as checked:
        assert checked.history.fingerprint == report["fingerprint"]


@pytest.mark.usefixtures("report")
def test_a_source_that_cannot_be_read_does_not_hide_what_was_refused_before(export):
    (export / "leads.csv").unlink()
    assert check()[0] == 4
    shown = CliRunner().invoke(app, ["quarantine", "--limit", "1", "--json"])
    assert len(json.loads(shown.stdout)) == 1


def test_historised_attributes_without_their_changes_stop_the_run(export):
    folder = export.parents[1] / "config"
    folder.unlink()
    shutil.copytree(ROOT / "config", folder)
    (folder / "sources" / "simulated" / "attribute_changes.sql").unlink()
    code, _, err = check()
    assert code == 5
    assert "attribute_changes" in err
    assert "buying_timeline" in err
    assert "employees" in err
