"""`leadscore calls` and `leadscore decline` as a user calls them, on a finished run."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from crm.file_sink import FileSink
from pipelines.cli import app

pytestmark = pytest.mark.whole
SCORES = Path("var/simulated/scored_leads")
UNKNOWN_LEAD = 9


def run(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == exit_code, result.output
    return result.stdout if exit_code == 0 else " ".join(result.output.split())


def call_list() -> dict:
    return json.loads(run("calls", "--json"))


def test_the_list_is_what_the_scores_say(work):
    told = call_list()
    (team,) = told["teams"]
    scores = pq.read_table(SCORES, columns=["lead_id", "action", "respond_by_at"]).to_pandas()
    by_action = scores.groupby("action")["lead_id"].agg(set)
    for action in ("hand_off", "wait"):
        assert {lead["lead_id"] for lead in told["leads"] if lead["action"] == action} == by_action.get(action, set())
    assert 0 < team["handed_off_now"] == len(by_action["hand_off"]) <= team["this_week"]
    assert scores.loc[scores["action"] == "hand_off", "respond_by_at"].notna().all()
    shown = run("calls", "--limit", "3")
    assert "Handed off and not touched by sales yet" in shown
    assert "Waiting, in order" in shown


def test_what_is_published_holds_and_a_declined_lead_is_nurtured(work):
    first = call_list()
    handed_off = [lead["lead_id"] for lead in first["leads"] if lead["action"] == "hand_off"]
    run("publish", "--release", "candidate")
    run("score", "--release", "candidate")
    assert call_list() == first, "publishing and scoring again changes nothing"
    run("decline", handed_off[0], "--because", "a student")
    again = "was declined already; `leadscore calls` lists whom sales has"
    assert again in run("decline", handed_off[0], "--because", "x", exit_code=UNKNOWN_LEAD)
    run("score", "--release", "candidate")
    (declined,) = [lead for lead in call_list()["leads"] if lead["lead_id"] == handed_off[0]]
    assert (declined["action"], declined["rests"]) == ("nurture", "declined")
    others = [lead["lead_id"] for lead in call_list()["leads"] if lead["action"] == "hand_off"]
    assert others == handed_off[1:], "its place stays taken"


def test_a_publication_that_breaks_off_takes_no_place_twice(work, monkeypatch):
    """What is to be published is kept first. The next publication carries it to the CRM."""
    kept, published = Path("var/simulated/score_history"), Path("var/simulated/published")
    shutil.rmtree(kept)
    published.unlink()
    handed_off = [lead["lead_id"] for lead in call_list()["leads"] if lead["action"] == "hand_off"]
    with monkeypatch.context() as patch:
        patch.setattr(FileSink, "write", lambda *_: (_ for _ in ()).throw(OSError(5, "the power went off")))
        assert CliRunner().invoke(app, ["publish", "--release", "candidate"]).exit_code
    assert [path.name[:6] for path in sorted(kept.glob("0*"))] == ["000001"]
    run("score", "--release", "candidate")
    run("publish", "--release", "candidate")
    assert [path.name[:6] for path in sorted(kept.glob("0*"))] == ["000001"]
    assert [lead["lead_id"] for lead in call_list()["leads"] if lead["action"] == "hand_off"] == handed_off
    scores = pq.read_table(published / "scores.parquet").to_pandas()
    assert set(scores.query("leadscore_action == 'hand_off'")["lead_id"]) == set(handed_off)
