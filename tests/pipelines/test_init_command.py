import json
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


def test_an_address_of_a_database_is_refused_without_repeating_it(work: Path):
    done = CliRunner().invoke(app, ["init", "--data", "postgresql://me:secret@host/crm", "--yes"])
    assert done.exit_code == SettingsError.exit_code
    assert "init looks at files" in done.output
    assert "secret" not in done.output


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
