"""The flows under a Prefect server of their own: the same results, with artefacts, and retries where they belong."""

import asyncio
import datetime as dt
import json
import shutil
from dataclasses import replace

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.testing.utilities import prefect_test_harness

from data_contracts.errors import BusyError, PublishError, ReleaseError, SourceError
from models.estimators import logistic_setting
from models.fit import Fitter
from models.recipe import Recipe
from models.split import learning_rows
from models.threads import in_one_thread
from pipelines import flows
from pipelines import train as training
from pipelines.in_force import registry_of
from pipelines.ingest import ingest_history
from pipelines.promote import promote
from pipelines.store import Store
from simulation import simulate
from tests.conftest import NOW
from tests.models.ways import made_by
from tests.pipelines.test_in_force import record
from tests.robustness.workshop import write_settings

pytestmark = [
    pytest.mark.slow,
    # Prefect's own server and its sqlite driver leave these behind when they stop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def server():
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="module")
def workspace(finished_run, tmp_path_factory):
    """A copy of the finished run, so that flows may write."""
    folder = tmp_path_factory.mktemp("flows") / "workspace"
    shutil.copytree(finished_run.folder, folder, symlinks=True)
    return folder


def artefacts():
    async def read():
        async with get_client() as client:
            return {latest.key: latest for latest in await client.read_latest_artifacts()}

    return asyncio.run(read())


def task_runs():
    async def read():
        async with get_client() as client:
            return await client.read_task_runs()

    return asyncio.run(read())


def test_nightly_ingests_scores_and_publishes_with_artefacts_in_prefect(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    # The finished run's models lie where that run put them; a release is found through the copied MLflow store.
    receipt = flows.nightly()
    assert receipt.n_written == 0, "the same history and release publish nothing new"
    assert receipt.n_unchanged > 0
    retries = {run.name.rsplit("-", 1)[0]: run.empirical_policy.retries for run in task_runs()}
    assert {step for step, n in retries.items() if n} == {"read_source", "load_release", "plan_and_publish"}
    assert len(retries) > 3, "steps that only compute are tasks too"
    found = artefacts()
    assert {"checked-tables", "data-docs", "scored-leads", "publish-receipt", "published-scores"} <= set(found)
    scores = workspace / "var" / "simulated" / "scored_leads"
    assert found["scored-leads"].data == f"`{scores}`", "the path as text: a browser opens no file:// link"
    assert "file://" not in str([artefact.data for artefact in found.values()])
    assert found["today"].data.startswith("## ")
    assert "leads for sales to call" in found["today"].data
    assert found["pages"].data == f"`{workspace / 'var' / 'simulated' / 'pages' / 'index.html'}`"
    rows = json.loads(found["checked-tables"].data)
    assert [row["table"] for row in rows][:2] == ["accounts", "leads"]


class Flaky:
    """A step that fails a number of times before it works."""

    __name__ = "flaky"

    def __init__(self, failures, error=ConnectionError):
        self.failures = failures
        self.error = error
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error("the CRM did not answer")
        return "done"


def run_in_a_flow(step):
    @flow(name="one-step")
    def one_step():
        return flows.as_task(step)

    return one_step()


def test_a_step_that_talks_to_another_system_is_tried_again(monkeypatch):
    step = Flaky(failures=2)
    monkeypatch.setattr(flows, "INPUT_OUTPUT", frozenset({step}))
    monkeypatch.setattr(flows, "RETRY_AFTER_SECONDS", [0, 0, 0])
    assert run_in_a_flow(step) == "done"
    assert step.calls == 2 + 1


def test_a_step_that_only_computes_is_not(monkeypatch):
    step = Flaky(failures=1)
    monkeypatch.setattr(flows, "RETRY_AFTER_SECONDS", [0, 0, 0])
    with pytest.raises(ConnectionError, match="did not answer"):
        run_in_a_flow(step)
    assert step.calls == 1


@pytest.mark.parametrize("error", [ReleaseError, SourceError, PublishError])
def test_what_a_person_has_to_mend_is_not_tried_again(error, monkeypatch):
    step = Flaky(failures=1, error=error)
    monkeypatch.setattr(flows, "INPUT_OUTPUT", frozenset({step}))
    monkeypatch.setattr(flows, "RETRY_AFTER_SECONDS", [0, 0, 0])
    with pytest.raises(error, match="did not answer"):
        run_in_a_flow(step)
    assert step.calls == 1


def test_an_error_of_ours_that_may_pass_is_tried_again(monkeypatch):
    step = Flaky(failures=1, error=BusyError)
    monkeypatch.setattr(flows, "INPUT_OUTPUT", frozenset({step}))
    monkeypatch.setattr(flows, "RETRY_AFTER_SECONDS", [0, 0, 0])
    assert run_in_a_flow(step) == "done"
    assert step.calls == 1 + 1


def test_a_missing_file_does_not_hold_the_work_pool_and_the_pages_are_written_all_the_same(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    started_at = dt.datetime.now(dt.UTC)
    before = (workspace / "var" / "simulated" / "pages").resolve()
    with pytest.raises(SourceError, match="nowhere"):
        flows.nightly(data="nowhere")
    assert (workspace / "var" / "simulated" / "pages").resolve() != before
    (reading,) = [run for run in task_runs() if run.name.startswith("read_source") and run.created >= started_at]
    assert (reading.empirical_policy.retries, reading.run_count) == (3, 1), "it may be tried again, and is not"


@pytest.fixture
def in_production(tmp_path, monkeypatch):
    """The settings of a small checked CRM, in whose production is a release that publishes base rates."""
    write_settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    simulate(tmp_path / "data", n_leads=2_000, seed=1)
    settings = flows.settings_from("config/scoring.toml")
    ingest_history(settings)
    promote(settings, record(settings, release_id="champion"), because="the first", at=NOW, by="ops")
    return settings


def overfitted(table, **_):
    """A training that chooses a regression with hardly any penalty, and takes no time."""
    recipe, rows = Recipe((logistic_setting(8),)), learning_rows(table)
    model = made_by(recipe, table.transition)
    summary = model.summary.model_copy(update={"horizon_days": table.horizon_days})
    estimators = in_one_thread(Fitter(table.columns, 0).make)(recipe, rows, at=None).estimators
    return replace(model, summary=summary, columns=table.columns, estimators=estimators)


@pytest.mark.whole
def test_training_beside_a_champion_promotes_what_stands_up_to_it_and_holds_back_what_does_not(
    in_production, monkeypatch
):
    registry = registry_of(Store.of(in_production))
    better = flows.train()
    assert better.comparison.champion_id == better.verdict.champion_id == "champion"
    (recipe,) = better.comparison.recipes
    assert (recipe.transition, recipe.champion) == ("mql_to_win", "base rate by age")
    assert better.is_promoted
    assert registry.manifest_in_force().release_id == better.release.manifest.release_id
    assert gate_in_prefect()["recipe"] == "passes"
    assert [row["team"] for row in json.loads(artefacts()["thresholds"].data)] == ["sales"]
    retries = {run.name.rsplit("-", 1)[0]: run.empirical_policy.retries for run in task_runs()}
    assert [retries[step] for step in ("load_champion", "compare_with_champion", "pass_gate")] == [3, 0, 3]

    monkeypatch.setattr(training, "train_transition", overfitted)
    worse = flows.train(test_from=dt.datetime(2026, 1, 1))
    assert worse.comparison.champion_id == better.release.manifest.release_id
    assert not worse.is_promoted
    assert "mql_to_win: its recipe is clearly worse" in worse.held_back_because
    assert registry.manifest_in_force().release_id == better.release.manifest.release_id
    assert gate_in_prefect()["recipe"] == "fails"


def gate_in_prefect():
    """The verdicts of the gate by check, as the latest flow showed them."""
    return {row["check"]: row["verdict"] for row in json.loads(artefacts()["gate"].data)}
