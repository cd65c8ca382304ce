"""`leadscore pages` and `leadscore open`, on a finished run."""

import json
import webbrowser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data_contracts.backtests import KeptBacktest
from data_contracts.keeping import held
from data_contracts.settings import load_settings
from data_contracts.vocabulary import Transition
from pipelines.cli import app
from pipelines.shadow_files import write_shadow
from pipelines.store import Store
from tests import example_release
from tests.conftest import NOW
from tests.example_shadow import shadow_report
from tests.example_site import Seen

pytestmark = pytest.mark.whole
PAGES = Path("var/simulated/pages")
BUSY, NOT_WRITTEN = 10, 11


def run(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == exit_code, result.output
    return result.stdout if exit_code == 0 else " ".join(result.output.split())


def files() -> dict[Path, bytes]:
    there = PAGES.resolve()
    return {path.relative_to(there): path.read_bytes() for path in there.rglob("*") if path.is_file()}


def seen(path: str) -> Seen:
    return Seen((PAGES / path).read_text())


def listed() -> dict[str, set[str]]:
    leads = json.loads(run("calls", "--json"))["leads"]
    return {action: {one["lead_id"] for one in leads if one["action"] == action} for action in ("hand_off", "wait")}


def test_the_pages_say_what_the_commands_say(work):
    assert run("pages").strip() == str(work / PAGES / "index.html")
    for action, name in (("hand_off", "call-list"), ("wait", "queue")):
        assert set(pq.read_table(PAGES / f"tables/{name}.parquet")["lead_id"].to_pylist()) == listed()[action]
    assert f"{len(listed()['hand_off'])} leads for sales to call" in seen("index.html").text
    assert "leadscore shadow" in seen("index.html").text, "what is not there says how to get it"


def test_writing_them_again_changes_nothing_but_the_moment(work, monkeypatch):
    monkeypatch.setattr("pipelines.page_commands.now", lambda: NOW)
    run("pages")
    first = {
        path.relative_to(PAGES.resolve()): path.read_bytes() for path in PAGES.resolve().rglob("*") if path.is_file()
    }
    run("pages")
    again = {
        path.relative_to(PAGES.resolve()): path.read_bytes() for path in PAGES.resolve().rglob("*") if path.is_file()
    }
    assert first == again


def test_a_shadow_report_and_a_backtest_that_were_made_are_on_the_pages(work):
    store = Store.of(load_settings("config/scoring.toml"))
    write_shadow(store, shadow_report(), [])
    window = example_release.evaluation(Transition.MQL_TO_SQL, model="lightgbm")
    told = KeptBacktest(
        extracted_at=NOW,
        definitions_version="2026.3",
        data_fingerprint="f1",
        transitions={Transition.MQL_TO_SQL: example_release.backtest(window)},
    )
    store.backtest.write_text(told.model_dump_json())
    run("pages")
    assert "The model brings more than the rule, if uncalled leads are like called ones" in seen("index.html").text
    assert "better than the base rate by age in 1 of 1 windows" in seen("works.html").text


def test_a_damaged_report_is_said_and_stops_no_page(work):
    store = Store.of(load_settings("config/scoring.toml"))
    store.backtest.write_text("{")
    store.shadow.mkdir()
    (store.shadow / "report.json").write_text("{")
    run("pages")
    assert "report.json cannot be read" in seen("works.html").text
    assert "backtest.json cannot be read" in seen("works.html").text


def test_before_anything_was_done_the_pages_say_what_to_do_first(work):
    folder = Path("var/simulated")
    folder.rename("var/before")
    run("pages")
    assert "Nothing was trained yet; run leadscore train." in seen("index.html").text
    assert "No model is in force" in seen("works.html").text


def test_scores_of_another_history_are_no_call_list(work):
    settings = load_settings("config/scoring.toml")
    about = Store.of(settings).scores / "_about.json"
    told = json.loads(about.read_text()) | {"data_fingerprint": "another"}
    about.write_text(json.dumps(told))
    run("pages")
    assert "The scores are not of the history that was checked last" in seen("index.html").text


def test_scores_of_a_release_that_is_no_longer_in_force_are_shown_and_said_to_be_so(work):
    about = Store.of(load_settings("config/scoring.toml")).scores / "_about.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"release_id": "another"}))
    run("pages")
    assert "These scores are of release another;" in seen("index.html").text
    assert "leads for sales to call" in seen("index.html").text


def test_two_do_not_write_at_once_and_those_of_before_stand(work):
    run("pages")
    before = (PAGES / "index.html").read_bytes()
    with held(Store.of(load_settings("config/scoring.toml")).pages, by="leadscore pages"):
        assert "leadscore pages" in run("pages", exit_code=BUSY)
    assert (PAGES / "index.html").read_bytes() == before


def test_a_run_that_breaks_off_leaves_the_pages_of_before(work, monkeypatch):
    run("pages")
    before = (PAGES / "index.html").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pages.site.write_files", full)
    assert "disk" in run("pages", exit_code=NOT_WRITTEN)
    assert (PAGES / "index.html").read_bytes() == before
    of_pages = [path for path in PAGES.parent.iterdir() if "pages" in path.name and path.is_dir()]
    assert len(of_pages) == 2, "the link and its version"


def test_open_opens_the_first_page(work, monkeypatch):
    assert "run `leadscore pages` first" in run("open", exit_code=NOT_WRITTEN)
    run("pages")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert run("open").strip() == str(work / PAGES / "index.html")
    assert opened == [(work / PAGES / "index.html").as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert "no browser was found here" in run("open", exit_code=1)
