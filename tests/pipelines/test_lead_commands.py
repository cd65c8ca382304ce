"""`leadscore changes` and `leadscore score LEAD` as a user calls them, on a finished run."""

import datetime as dt
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data_contracts.settings import load_settings
from pipelines.cli import app
from pipelines.score import load_release, score_history_of, score_open_leads, sink_of
from pipelines.store import Store
from pipelines.thresholds import in_force
from serving.calls import open_call_list
from serving.publish import plan_write_back

pytestmark = pytest.mark.whole
SCORES = Path("var/simulated/scored_leads")
UNKNOWN_LEAD = 9


def run(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments, "--release", "candidate"])
    assert result.exit_code == exit_code, result.output
    return result.stdout if exit_code == 0 else " ".join(result.output.split())


def publish_as_of(moment: dt.datetime) -> None:
    """Keep what a publication of that moment would have kept."""
    settings = load_settings(Path("config/scoring.toml"))
    scored = score_open_leads(settings, release="candidate", as_of=moment)
    loaded, own = load_release("candidate", settings)
    plan = plan_write_back(
        scored,
        sink_of(Store.of(settings)).published(),
        fields=settings.crm.write_back_fields,
        thresholds=in_force(own, loaded.manifest),
    )
    score_history_of(settings).append(plan, open_call_list(scored.path, as_of=moment))


def test_one_lead_is_scored_as_all_of_them_are_and_nothing_is_kept(work):
    first = pq.read_table(SCORES).slice(0, 1).to_pylist()[0]
    before = {path.name: path.read_bytes() for path in SCORES.iterdir()}
    told = json.loads(run("score", first["lead_id"], "--json"))
    assert {name: told[name] for name in ("lead_id", "action", "grade")} == {
        name: first[name] for name in ("lead_id", "action", "grade")
    }
    assert told["p_win"] == pytest.approx(first["p_win"], abs=1e-12)
    assert {path.name: path.read_bytes() for path in SCORES.iterdir()} == before
    assert "there is no lead 'nobody'" in run("score", "nobody", exit_code=UNKNOWN_LEAD)


def test_a_published_score_is_held_against_the_one_now(work):
    lead = pq.read_table(SCORES).to_pandas().query("action == 'hand_off'")["lead_id"].iloc[0]
    never = f"no score of lead '{lead}' was published up to"
    assert never in run("changes", lead, exit_code=UNKNOWN_LEAD)
    extracted_at = pq.read_table(SCORES, columns=["as_of"])["as_of"][0].as_py()
    publish_as_of(extracted_at - dt.timedelta(days=1))
    told = json.loads(run("changes", lead, "--json"))
    for name in ("p_sql", "p_win", "above_boundary"):
        whole = told["after"][name] - told["before"][name]
        assert sum(part[name] for part in told["parts"]) == pytest.approx(whole, abs=1e-9)
    assert told["after"]["action"] == "hand_off"
    (corrected,) = [part for part in told["parts"] if part["causes"] == ["corrected"]]
    assert corrected["p_sql"] == pytest.approx(0, abs=1e-9), "the extract says of then what was known then"
    assert "time passed, and nothing else happened" in run("changes", lead)
