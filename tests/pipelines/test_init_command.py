import csv
import json
import re
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm.recognise import Question
from data_contracts.errors import SettingsError
from data_contracts.settings import load_settings
from pipelines import init as beginning
from pipelines.cli import app
from pipelines.init import MOST_QUESTIONS, begin
from tests.crm.recognise.exports_by_hand import leads_and_deals, written

SHIPPED = Path(__file__).parents[2] / "config" / "scoring.toml"

pytestmark = pytest.mark.whole


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an export in `crm`."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "crm", leads_and_deals())
    return tmp_path


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check, which other tests run, left out."""
    monkeypatch.setattr(beginning, "ingest_history", lambda *_, **__: None)


def run(*arguments: str, typed: str = ""):
    return CliRunner().invoke(app, ["init", "--data", "crm", "--config", "config/ours.toml", *arguments], input=typed)


def test_init_writes_settings_and_selects_that_pass_the_check(work: Path):
    done = run("--json", "--answer", "capacity=12")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {table["table"]: table["accepted"] for table in told["check"]["tables"]} == {
        "leads": 60, "stage_changes": 60 + 20 + 20, "opportunities": 20,
    }  # fmt: skip
    settings = load_settings(work / "config" / "ours.toml")
    assert settings.policy.leads_per_week == 12
    assert told["answered"] == {"capacity": "12"}
    text = (work / "config" / "ours.toml").read_text()
    assert all(f"TODO: {todo}" in text for todo in told["todos"] if todo.startswith(("agree", "say whether sales")))
    assert told["next_steps"][1] == "leadscore train --config config/ours.toml"
    assert told["next_steps"][-1] == "leadscore open --config config/ours.toml"


def test_init_tells_every_guess_with_its_evidence_and_lists_what_is_left(work: Path, unchecked: None):
    done = run("--yes")
    assert done.exit_code == 0, done.output
    assert "lead_id holds ids of leads in 100% of its 20 rows" in done.stdout
    assert "TODO: say whether sales works every lead" in done.stdout
    assert "leadscore shadow --config config/ours.toml --weeks" in done.stdout


def test_init_asks_and_nothing_typed_is_the_proposal(work: Path, unchecked: None):
    done = run(typed="20\n\n")
    assert done.exit_code == 0, done.output
    assert "How many new leads can sales work in a week?" in done.output
    assert load_settings(work / "config" / "ours.toml").policy.leads_per_week == 20


def test_where_nobody_answers_it_says_how_to_go_on(work: Path):
    done = run(typed="")
    assert done.exit_code == SettingsError.exit_code
    assert "say --yes to take the proposals" in done.output


def test_no_more_is_asked_than_a_handful(work: Path, unchecked: None):
    lines = ["id,add_time,pipeline_id,status,won_time,value,currency,industry"]
    rest = [f"{'won' if i % 4 == 0 else 'Blau'},,{i},{'EUR' if i % 3 else 'USD'},i{i % 3}" for i in range(60)]
    lines += [f"{i},0{i % 9 + 1}/0{i % 9 + 1}/2024,{i % 2},{told}" for i, told in enumerate(rest)]
    calls = ["id,deal_id,type,date"] + [
        f"{i},{i % 60},{['call', 'lunch'][i % 2]},0{i % 9 + 1}/0{i % 9 + 1}/2024" for i in range(90)
    ]
    data = written(work / "many", {"deals.csv": "\n".join(lines) + "\n", "calls.csv": "\n".join(calls) + "\n"})
    asked: list[str] = []

    def ask(question: Question) -> str:
        asked.append(question.name)
        return question.proposal

    begin(Path("config/many.toml"), data=data, answers={}, ask=ask)
    assert len(asked) == MOST_QUESTIONS
    assert asked[0] == "dates"


def test_files_that_are_there_stay_unless_told_otherwise_and_then_are_kept_beside(work: Path, unchecked: None):
    assert run("--yes").exit_code == 0
    settings, selects = work / "config" / "ours.toml", work / "config" / "sources" / "ours"
    assert run("--yes").exit_code == 0  # the same again changes nothing
    settings.write_text(settings.read_text() + "# mine\n")
    refused = run("--yes")
    assert refused.exit_code == SettingsError.exit_code
    assert "is there already and says something else" in refused.output
    assert settings.read_text().endswith("# mine\n")
    assert run("--yes", "--overwrite").exit_code == 0
    assert (work / "config" / "ours.toml.before").read_text().endswith("# mine\n")
    assert not settings.read_text().endswith("# mine\n")
    assert (selects.parent / "ours.before" / "leads.sql").exists()


def test_a_run_that_is_killed_leaves_no_settings_that_read_half_a_source(
    work: Path, unchecked: None, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(beginning, "kept_file", killed)
    with pytest.raises(KeyboardInterrupt):
        begin(Path("config/ours.toml"), data=Path("crm"), answers={}, ask=None)
    assert not (work / "config" / "ours.toml").exists()
    monkeypatch.undo()
    monkeypatch.chdir(work)
    monkeypatch.setattr(beginning, "ingest_history", lambda *_, **__: None)
    begin(Path("config/ours.toml"), data=Path("crm"), answers={}, ask=None, overwrite=True)
    assert load_settings(work / "config" / "ours.toml").crm.source == "ours"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("colour=red", "there is no question 'colour'"),
        ("leads=nothing", "names 'nothing'; there are leads"),
        ("contact=call", "this export asks nothing about contact"),
    ],
)
def test_an_answer_that_says_nothing_is_refused(work: Path, unchecked: None, answer: str, says: str):
    done = run("--yes", "--answer", answer)
    assert done.exit_code == SettingsError.exit_code
    assert says in done.output
    assert not (work / "config").exists()


@pytest.fixture
def database(work: Path) -> str:
    """The address of a database with the tables of the export; its leads have names and addresses."""
    with sqlite3.connect(work / "crm.db") as connection:
        for name, text in leads_and_deals().items():
            header, *lines = list(csv.reader(text.splitlines()))
            connection.execute(f"CREATE TABLE {name.removesuffix('.csv')} ({', '.join(header)})")
            holders = ", ".join("?" * len(header))
            connection.executemany(f"INSERT INTO {name.removesuffix('.csv')} VALUES ({holders})", lines)
        connection.execute("ALTER TABLE leads ADD full_name TEXT")
        connection.execute("ALTER TABLE leads ADD email TEXT")
        connection.execute(
            "UPDATE leads SET full_name = 'Jane Doe', email = lead_id || '@firm' || (rowid % 7) || '.com'"
        )
    connection.close()
    return "sqlite:///crm.db"


def test_a_database_is_copied_and_begun_with_as_a_folder_is(work: Path, database: str):
    done = run("--json", "--data", database, "--answer", "capacity=12")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    accepted = {table["table"]: table["accepted"] for table in told["check"]["tables"]}
    assert accepted["stage_changes"] == 60 + 20 + 20
    assert accepted["accounts"] == 7  # by the domains of addresses, which stay
    settings = load_settings(work / "config" / "ours.toml")
    assert settings.crm.data_folder == work / "data" / "ours" / "tables"
    assert 'data_folder = "data/ours/tables"' in (work / "config" / "ours.toml").read_text()
    (again,) = [todo for todo in told["todos"] if todo.startswith("copy the database anew before each run")]
    assert f"# TODO: {again}" in (work / "config" / "ours.toml").read_text()
    assert {"what": "leads: full_name", "value": "not copied"}.items() <= told["guesses"][1].items()
    assert not [path for path in (work / "data").rglob("*") if path.is_file() and b"Jane" in path.read_bytes()]


def test_a_copy_is_made_anew_for_settings_that_stay(work: Path, database: str, unchecked: None):
    environment = {"LEADSCORE_DATABASE_URL": database}
    begun = CliRunner().invoke(app, ["init", "--yes"], env=environment)
    assert begun.exit_code == 0, begun.output
    before = (work / "config" / "ours.toml").read_text()
    with sqlite3.connect(work / "crm.db") as connection:
        connection.execute("DELETE FROM leads WHERE lead_id <> 'L1'")
    connection.close()
    refused = run("--yes", "--data", database)  # its settings read the copy
    assert refused.exit_code == SettingsError.exit_code
    assert "config/ours.toml is there already" in refused.output
    done = CliRunner().invoke(app, ["copy", "--to", "data/ours", "--json"], env=environment)
    assert done.exit_code == 0, done.output
    assert {table["name"]: table["n_rows"] for table in json.loads(done.stdout)} == {"deals": 20, "leads": 1}
    assert (work / "config" / "ours.toml").read_text() == before
    shown = CliRunner().invoke(app, ["copy", "--to", "data/ours"], env=environment)
    assert re.search(r"leads +1 +full_name", shown.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ("init", "--yes", "--data"),
        ("copy", "--to", "data/ours", "--from"),
        ("check", "--config", str(SHIPPED), "--data"),
    ],
)
def test_no_command_repeats_an_address_and_its_password(work: Path, arguments: tuple[str, ...]):
    done = CliRunner().invoke(app, [*arguments, "nosuch://me:hunter2@host/crm"])
    assert done.exit_code == SettingsError.exit_code
    assert "hunter2" not in done.output


def test_an_answer_needs_an_equals_sign(work: Path):
    done = run("--yes", "--answer", "capacity")
    assert done.exit_code == 2
    assert "capacity=45" in done.output


def test_a_check_that_stops_says_so_and_leaves_what_was_written(work: Path):
    lines = leads_and_deals()["deals.csv"].splitlines()
    bad = [line.replace(",L", ",L0") if i > 10 else line for i, line in enumerate(lines)]  # no such leads
    bad += [f"E{i},L{i},not a date,won,01/02/2024,5" for i in range(4)]
    written(work / "crm", {"deals.csv": "\n".join(bad) + "\n"})
    done = run("--yes")
    assert done.exit_code == 5, done.output
    assert "refused" in done.output
    assert (work / "config" / "ours.toml").exists()
