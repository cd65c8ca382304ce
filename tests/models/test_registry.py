import datetime as dt
import io
import json
import re
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from data_contracts.errors import GateError, ReleaseError, UnreachableError
from data_contracts.estimates import Estimate
from data_contracts.gate import ChampionComparison, RecipeComparison
from data_contracts.privacy import MASKED
from data_contracts.shadow import ShadowReport
from data_contracts.vocabulary import Transition
from models.local_store import LocalStore
from models.registry import ReleaseRegistry
from models.run_figures import backtest_start, shadow_start
from models.version_tags import keep_for_good, keep_under_way
from tests.example_release import (
    at_entry,
    backtest,
    base_rate,
    evaluation,
    fitted,
    leads,
    manifest,
    release_of,
    two_step_release,
    with_estimator,
)
from tests.example_shadow import shadow_report

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
AT = dt.datetime(2026, 5, 2, 6)
SAMPLES = {transition: leads(40) for transition in Transition}

RELEASE = "abc1 +0.050 +0.050 logistic+logistic 2026-05-01"
FIRST, SECOND = (f"abc1 +0.050 {each} logistic 2026-05-01" for each in ("mql_to_sql", "sql_to_win"))
CANDIDATE = "abc1 chosen mql_to_sql logistic_regression (C=0.3), calibrator sigmoid"


def registry_in(folder: Path) -> ReleaseRegistry:
    return ReleaseRegistry(f"sqlite:///{folder / 'new' / 'mlflow.db'}")


def record(registry: ReleaseRegistry, name: str) -> str:
    """The version of a release called `name` that publishes the base rate."""
    release = release_of({Transition.MQL_TO_WIN: base_rate(Transition.MQL_TO_WIN)}, release_id=name)
    return registry.record(release, samples=SAMPLES).version


def in_force(registry: ReleaseRegistry) -> str:
    return registry.manifest_in_force().release_id


def near_recipe(champion_id: str, *, low: float = -0.01) -> ChampionComparison:
    """A recipe that differs from that of `champion_id` by `low` to 0.02 in log loss."""
    difference = Estimate(value=(low + 0.02) / 2, low=low, high=0.02)
    recipe = RecipeComparison(
        transition=Transition.MQL_TO_WIN,
        candidate="lightgbm",
        champion="logistic_regression",
        is_one_recipe=False,
        test_from=AT,
        acting_day=0,
        n_leads=300,
        at_acting_age=difference,
        at_all_ages=difference,
    )
    return ChampionComparison(champion_id=champion_id, recipes=(recipe,))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A new store in which one release was recorded: registry, version, folder, and all that was said meanwhile."""
    folder = tmp_path_factory.mktemp("registry")
    registry = registry_in(folder)
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADSCORE_USER", "revenue operations")
        version = registry.record(two_step_release(), samples=SAMPLES)
        registry.load("candidate")
    return registry, version, folder, said.getvalue()


@pytest.fixture(scope="module")
def recorded(recording):
    """A registry with one release recorded, its version and its folder."""
    return recording[:3]


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A store without runs, to copy: making its tables takes seconds."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    with LocalStore(file).writing(by="a test"):
        pass
    return file


@pytest.fixture
def registry(empty_store, tmp_path):
    """A registry with a store of its own and nothing in it."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mlflow_artefacts").mkdir()
    shutil.copy(empty_store, tmp_path / "new" / "mlflow.db")
    return registry_in(tmp_path)


@pytest.fixture(scope="module")
def runs(recorded):
    """The runs in MLflow, by name."""
    *_, folder = recorded
    client = client_of(folder)
    kinds = [f"lead-scoring{kind}" for kind in ("", "-transitions", "-candidates")]
    experiments = [client.get_experiment_by_name(name).experiment_id for name in kinds]
    return {run.info.run_name: run for run in client.search_runs(experiments)}


def client_of(folder):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{folder / 'new' / 'mlflow.db'}")


def experiment_of(client):
    return client.get_experiment_by_name("lead-scoring")


def test_a_recorded_release_is_the_candidate_and_comes_back_whole(recorded):
    registry, version, _ = recorded
    release = two_step_release()
    assert (version.version, version.aliases, version.release_id) == ("1", ("candidate",), "2026-05-01-abc123")
    assert (version.definitions_version, version.data_fingerprint) == ("2026.1", "f1" * 8)
    for name in ("candidate", "1"):
        loaded = registry.load(name)
        assert loaded.manifest == release.manifest
        for transition, model in release.transitions.items():
            assert (loaded.transitions[transition].predict(leads(5)) == model.predict(leads(5))).all()


def children_of(run_id, runs):
    return {name for name, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == run_id}


def test_a_training_is_one_run_with_a_child_for_each_transition(recorded, runs):
    _, version, _ = recorded
    parent = runs[RELEASE]
    assert parent.info.run_id == version.run_id
    assert children_of(version.run_id, runs) == {FIRST, SECOND}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_the_list_of_trainings_shows_trainings_alone(recorded):
    *_, folder = recorded
    client = client_of(folder)
    (run,) = client.search_runs([experiment_of(client).experiment_id])
    assert run.info.run_name == RELEASE
    assert set(experiment_of(client).tags) == {"mlflow.experimentKind"}, "no view that another MLflow may pass over"


def test_every_figure_is_recorded_with_its_interval_beside_the_baselines(runs):
    metrics = runs[FIRST].data.metrics
    assert (metrics["entry/auc"], metrics["entry/auc_low"], metrics["entry/auc_high"]) == (0.7, 0.68, 0.72)
    assert metrics["entry/base_rate_by_age_log_loss"] == 0.5
    assert metrics["entry/n_test_leads"] == 300
    compared = runs[RELEASE].data.metrics
    assert compared["mql_to_sql/entry/gain_low"] == 0.04
    assert {"mql_to_sql/entry/log_loss", "sql_to_win/entry/auc", "sql_to_win/entry/calibration_slope"} <= set(compared)
    assert len(compared) < 20, "what releases are compared by can be read at a glance"


def test_what_was_tried_are_runs_below_the_transition_with_their_validation_log_loss(runs):
    tried = runs[CANDIDATE]
    assert tried.data.tags["mlflow.parentRunId"] == runs[FIRST].info.run_id
    assert tried.data.metrics == {
        "validation_log_loss": 0.45,
        "more_than_chosen": 0.0,
        "more_than_chosen_standard_error": 0.0,
        "is_chosen": 1.0,
    }
    told = {"transition": "mql_to_sql", "estimator": "logistic_regression", "C": "0.3", "young": "left out"}
    assert told.items() <= tried.data.params.items()
    assert "mql_to_sql: what was tried" in runs[FIRST].data.tags["mlflow.note.content"]


def test_a_recalibrated_release_tried_nothing_of_its_own(registry, tmp_path):
    parent = manifest().as_parent
    release = release_of({Transition.MQL_TO_WIN: fitted(Transition.MQL_TO_WIN)}, parent=parent)
    run_id = registry.record(release, samples=SAMPLES).run_id
    client = client_of(tmp_path)
    assert client.get_run(run_id).data.tags["mlflow.source.name"] == "leadscore recalibrate"
    assert client.search_runs([client.get_experiment_by_name("lead-scoring-candidates").experiment_id]) == []


def test_what_was_asked_and_chosen_are_parameters_and_digests_are_tags(runs):
    child, parent = runs[FIRST].data.params, runs[RELEASE].data
    assert {
        "estimator": "logistic_regression",
        "horizon_days": "30",
        "n_labelled": "1200",
        "C": "0.3",
    }.items() <= child.items()
    assert parent.params == {
        "source": "simulated",
        "extracted_at": "2026-05-01",
        "test": "the latest leads",
        "definitions_version": "2026.1",
        "attributes": "employees, industry",
        "judged_at_days": "0, 1, 3, 7, 14",
        "snapshots_up_to_days": "90",
        "mql_to_sql.horizon_days": "30",
        "sql_to_win.horizon_days": "30",
        "n_features": "3",
        "mql_to_sql.estimator": "logistic_regression",
        "mql_to_sql.calibrator": "none",
        "mql_to_sql.test_from": "2026-01-01",
        "sql_to_win.estimator": "logistic_regression",
        "sql_to_win.calibrator": "none",
        "sql_to_win.test_from": "2026-01-01",
    }
    assert {
        "release_id": "2026-05-01-abc123",
        "data_fingerprint": "f1" * 8,
        "catalogue_digest": "c1" * 8,
        "libraries": "numpy 2.4.6",
    }.items() <= parent.tags.items()


def test_the_history_is_a_dataset_with_its_digest_and_counts_and_no_rows(runs):
    (parent,), (child,) = (runs[name].inputs.dataset_inputs for name in (RELEASE, FIRST))
    assert (parent.dataset.name, parent.dataset.digest) == ("simulated", "f1" * 8)
    assert json.loads(parent.dataset.source) == {"source": "simulated"}
    assert json.loads(parent.dataset.profile) == {"extracted_at": "2026-05-01T00:00:00"}
    assert child.dataset.name == "simulated mql_to_sql"
    assert json.loads(child.dataset.profile) == {"n_labelled": 1200, "n_converted": 300}
    columns = json.loads(child.dataset.schema)["mlflow_colspec"]
    assert [column["name"] for column in columns] == ["visits", "days_since_visit", "industry"]


def test_plots_and_tables_lie_beside_the_figures_and_the_release_with_its_parent(runs, recorded):
    *_, folder = recorded

    def files(name: str) -> set[str]:
        root = folder / "new" / "mlflow_artefacts" / runs[name].info.run_id / "artifacts"
        return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}

    plots = {"plots/reliability_entry.png", "plots/lift_entry.png", "plots/feature_importance.png"}
    assert files(FIRST) == plots | {"feature_importance.csv", "models.csv"}
    models = {"release/mql_to_sql.skops", "release/sql_to_win.skops"}
    described = {"release/MLmodel", "release/input_example.json"}
    assert files(RELEASE) == models | described | {"release/release.json"}


def test_a_run_says_who_ran_which_command_on_which_commit(runs):
    tags = runs[RELEASE].data.tags
    assert (tags["mlflow.user"], tags["mlflow.source.name"]) == ("revenue operations", "leadscore train")
    assert ("mlflow.source.git.commit" in tags) == (ROOT / ".git").exists()
    assert re.fullmatch("[0-9a-f]{40}", tags.get("mlflow.source.git.commit", "0" * 40))


def test_a_new_release_says_in_words_what_differs_from_the_one_in_production(registry, tmp_path):
    transition = Transition.MQL_TO_WIN
    registry.record(release_of({transition: base_rate(transition)}, release_id="one"), samples=SAMPLES)
    registry.promote("1", because="it is the first", at=AT, by="analyst", force=True)
    registry.record(release_of({transition: base_rate(transition)}, release_id="two"), samples=SAMPLES)
    before = manifest().configuration
    changed = before.model_copy(
        update={"attributes": {"industry": before.attributes["industry"], "region": before.attributes["industry"]}}
    )
    third = release_of(
        {transition: fitted(transition)},
        release_id="three",
        configuration=changed,
        extracted_at=dt.datetime(2026, 6, 1),
        data_fingerprint="f2" * 8,
    )
    version = registry.record(third, samples=SAMPLES)
    tags = client_of(tmp_path).get_run(version.run_id).data.tags
    assert tags["compared_with"] == "version 1, then in production"
    assert tags["changed"] == (
        "attribute employees removed; attribute region added; extract of 2026-05-01 -> 2026-06-01; "
        "mql_to_win.estimator base_rate_by_age -> logistic_regression; other history"
    )
    assert (
        "What differs from `one`, version 1, then in production:\n\n- attribute employees removed\n"
        in (tags["mlflow.note.content"])
    )


def test_what_is_not_there_says_what_is(recorded):
    registry, *_ = recorded
    with pytest.raises(
        ReleaseError,
        match=r"no release is in production; the candidate is version 1 \(2026-05-01-abc123\)\. .*"
        r"`leadscore promote 1 --because \"\.\.\.\"`, .*`leadscore score --release candidate`",
    ):
        registry.load("production")
    for unknown in ("7", "staging"):
        with pytest.raises(ReleaseError, match=f"there is no release '{unknown}'; recorded versions are 1"):
            registry.load(unknown)
        with pytest.raises(ReleaseError, match=f"there is no release '{unknown}'"):
            registry.promote(unknown, because="it is better", at=AT, by="ops")


def test_where_nothing_was_trained_nothing_is_made_by_asking(tmp_path):
    registry = registry_in(tmp_path)
    assert registry.versions() == ()
    with pytest.raises(ReleaseError, match="no release was recorded yet; train one with `leadscore train`"):
        registry.load("production")
    assert list(tmp_path.iterdir()) == []


def test_the_first_release_goes_to_production_by_rule_and_a_worse_one_does_not(registry):
    transition = Transition.MQL_TO_WIN
    first = registry.record(release_of({transition: fitted(transition)}), samples=SAMPLES)
    assert registry.promote_by_rule(first.version, at=AT, by="ops").allows
    worse = registry.record(release_of({transition: base_rate(transition)}, release_id="worse"), samples=SAMPLES)
    verdict = registry.promote_by_rule(worse.version, at=AT, by="ops", comparison=near_recipe("2026-05-01-abc123"))
    (reason,) = verdict.reasons
    assert reason.startswith("mql_to_win: it found no signal and the champion's logistic regression has some")
    assert [(v.version, v.aliases) for v in registry.versions()] == [("2", ("candidate",)), ("1", ("production",))]
    assert registry.in_force().manifest.release_id == "2026-05-01-abc123"


def test_recording_a_release_again_adds_nothing(registry):
    release = release_of({Transition.MQL_TO_WIN: fitted(Transition.MQL_TO_WIN)})
    first, again = (registry.record(release, samples=SAMPLES) for _ in range(2))
    assert again == first
    assert [version.version for version in registry.versions()] == [first.version]


@pytest.mark.parametrize(("because", "why"), [("  ", "say why, because"), ("Jane <jane@example.com>", "by a role")])
def test_nothing_goes_into_force_without_a_reason_or_with_a_person_in_it(recorded, because, why):
    registry, *_ = recorded
    for ask in (registry.promote, registry.revert):
        with pytest.raises(ReleaseError, match=why):
            ask("1", because=because, at=AT, by="ops")


def test_a_candidate_that_is_held_back_says_why_until_the_gate_lets_it_go(registry):
    transition = Transition.MQL_TO_WIN
    timid = fitted(transition)
    timid = replace(timid, summary=at_entry(timid.summary, calibration_slope=Estimate(value=1.8, low=1.6, high=2.0)))
    version = registry.record(release_of({transition: timid}), samples=SAMPLES).version
    why = "mql_to_win: its probabilities are too timid, the calibration slope at entry is 1.80 [1.60, 2.00]"
    assert registry.promote_by_rule(version, at=AT, by="ops").reasons[0].startswith(why)
    assert registry.versions()[0].held_back_because.startswith(why)
    with pytest.raises(
        ReleaseError, match=r"version 1 .*, held back because mql_to_win: .*`leadscore promote 1 --force"
    ):
        registry.load("production")
    assert registry.manifest_in_force() is None
    assert registry.in_force() is None


def test_a_release_in_force_that_cannot_be_read_holds_the_next_one_back(registry, tmp_path):
    record(registry, "first")
    registry.promote("1", because="the first", at=AT, by="ops")
    shutil.rmtree(tmp_path / "new" / "mlflow_artefacts")
    version = record(registry, "second")
    (reason,) = registry.promote_by_rule(version, at=AT, by="ops").reasons
    assert reason.startswith("the release in force cannot be read and compared with: the files of release version 1 ")
    with pytest.raises(ReleaseError, match="the files of release version 1 are not at"):
        registry.manifest_in_force()
    entry = registry.promote("2", because="the first one is lost", at=AT, by="ops", force=True)
    assert (entry.way, entry.verdict.reasons) == ("forced", (reason,))
    assert registry.versions()[0].aliases == ("candidate", "production")


def test_a_person_passes_the_gate_again_and_only_force_overrides_it(registry):
    record(registry, "one")
    record(registry, "two")
    assert registry.promote("1", because="it is the first", at=AT, by="ops").way == "promoted"
    with pytest.raises(
        GateError, match=r"version 2 \(two\) does not pass the gate: it was not compared with release one"
    ):
        registry.promote("2", because="we want it", at=AT, by="ops")
    assert in_force(registry) == "one"
    entry = registry.promote("2", because=" we want \n it ", at=AT, by="ops", force=True)
    assert (entry.way, entry.because, entry.by, in_force(registry)) == ("forced", "we want it", "ops", "two")


def test_a_promotion_by_hand_knows_what_training_compared(registry):
    record(registry, "one")
    registry.promote("1", because="it is the first", at=AT, by="ops")
    record(registry, "two")
    assert registry.promote_by_rule("2", at=AT, by="ops", comparison=near_recipe("one", low=0.01)).reasons
    with pytest.raises(GateError, match="mql_to_win: its recipe is clearly worse"):
        registry.promote("2", because="we want it", at=AT, by="ops")
    assert registry.promote_by_rule("2", at=AT, by="ops", comparison=near_recipe("one")).allows
    assert [entry.way for entry in registry.history()] == ["promoted", "rule"]


def test_the_history_keeps_every_putting_into_force_and_a_training_of_what_is_in_force_adds_nothing(registry):
    record(registry, "one")
    for minute, by in enumerate(("ops", "prefect flow train")):
        registry.promote("1", because="it is the first", at=AT + dt.timedelta(minutes=minute), by=by)
    assert registry.promote_by_rule("1", at=AT, by="ops").allows
    told = [(entry.number, entry.at.minute, entry.by, entry.version) for entry in registry.history()]
    assert told == [(1, 0, "ops", "1"), (2, 1, "prefect flow train", "1")]
    assert registry.versions()[0].promoted_at == AT + dt.timedelta(minutes=1)


def test_reverting_puts_the_release_before_back_and_again_the_one_before_that(registry):
    for number, name in enumerate(("one", "two", "three"), start=1):
        record(registry, name)
        registry.promote(str(number), because=name, at=AT, by="ops", force=True)
    for name in ("two", "one"):
        entry = registry.revert(registry.version_before(), because="calls go wrong", at=AT, by="ops")
        assert (entry.way, entry.verdict, in_force(registry)) == ("reverted", None, name)
    with pytest.raises(ReleaseError, match="no release was in force before the one that is now"):
        registry.version_before()
    with pytest.raises(ReleaseError, match="no release was in force before"):
        registry.revert("1", because="calls go wrong", at=AT, by="ops")
    assert [entry.version for entry in registry.history()] == ["1", "2", "3", "2", "1"]


def test_a_release_that_was_taken_out_of_force_is_not_put_back_by_training_on_the_same_inputs(registry):
    for number, name in enumerate(("one", "two"), start=1):
        record(registry, name)
        registry.promote(str(number), because=name, at=AT, by="ops", force=True)
    registry.revert("1", because="calls go wrong", at=AT, by="ops")
    version = record(registry, "two")
    verdict = registry.promote_by_rule(version, at=AT, by="ops", comparison=near_recipe("one"))
    assert verdict.reasons == ("it was taken out of force on 2026-05-02 by ops: calls go wrong",)
    assert in_force(registry) == "one"
    assert registry.promote(version, because="they did not", at=AT, by="ops", force=True).way == "forced"
    assert registry.promote_by_rule(version, at=AT, by="ops").allows


def test_what_was_in_force_before_changed_meanwhile_is_not_put_back(registry):
    for number, name in enumerate(("one", "two", "three"), start=1):
        record(registry, name)
        registry.promote(str(number), because=name, at=AT, by="ops", force=True)
    with pytest.raises(ReleaseError, match="another release came into force meanwhile"):
        registry.revert("1", because="calls go wrong", at=AT, by="ops")
    assert in_force(registry) == "three"


class KilledError(Exception):
    """The process ended here."""


class KilledAfter:
    """MLflow's client until it has written `n` times: the process is killed before it writes once more."""

    def __init__(self, client, n: int):
        self._client, self._left = client, n

    def __getattr__(self, name: str):
        call = getattr(self._client, name)
        if not name.startswith(("set_", "delete_")):
            return call

        def write(*arguments, **named):
            if self._left == 0:
                raise KilledError
            self._left -= 1
            return call(*arguments, **named)

        return write


def test_wherever_a_promotion_is_killed_the_history_says_what_is_so(registry):
    record(registry, "one")
    registry.promote("1", because="it is the first", at=AT, by="ops")
    record(registry, "two")
    client = registry._client
    seen = []
    for n_writes in range(5):  # the verdict, what is under way, the alias, the entry, what was under way
        registry.__dict__["_client"] = KilledAfter(client, n_writes)
        with pytest.raises(KilledError):
            registry.promote("2", because="we want it", at=AT, by="ops", force=True)
        registry.__dict__["_client"] = client
        told = [entry.release_id for entry in registry.history()]
        assert told[-1] == in_force(registry), f"killed after {n_writes} writes"
        seen.append(told)
        registry.promote("1", because="back to the first", at=AT, by="ops", force=True)
        assert [entry.release_id for entry in registry.history()] == [*told, "one"]
        assert "going_into_force" not in str([version.tags for version in registry._recorded.versions()])
    assert [told.count("two") for told in seen] == [0, 0, 0, 1, 2]


class WithAnother:
    """MLflow's client on a server where somebody puts `other` into force just before our first tag of that."""

    def __init__(self, client, other):
        self._client, self._other = client, [other]

    def __getattr__(self, name: str):
        return getattr(self._client, name)

    def set_model_version_tag(self, name, version, key, value):
        if key.startswith("going_into_force") and self._other:
            other = self._other.pop()
            keep_under_way(self._client, name, other)
            self._client.set_registered_model_alias(name, "production", other.version)
            keep_for_good(self._client, name, other)
        self._client.set_model_version_tag(name, version, key, value)


def test_two_promotions_at_once_are_both_in_the_history(registry):
    for name in ("one", "two", "three"):
        record(registry, name)
    first = registry.promote("1", because="it is the first", at=AT, by="ops", force=True)
    other = first.model_copy(update={"number": 2, "version": "3", "release_id": "three", "by": "somebody else"})
    client = registry._client
    registry.__dict__["_client"] = WithAnother(client, other)
    ours = registry.promote("2", because="we want it", at=AT, by="ops", force=True)
    registry.__dict__["_client"] = client
    history = registry.history()
    assert (ours.number, len(history), history[0]) == (2, 3, first)
    assert ours in history
    assert other in history
    assert registry.promote("1", because="back to the first", at=AT, by="ops", force=True).number == 3


def test_a_damaged_entry_of_the_history_is_named(registry):
    record(registry, "one")
    registry._client.set_model_version_tag("lead-scoring", "1", "in_force.000001", "{}")
    with pytest.raises(ReleaseError, match=r"the tag in_force\.000001 of release version 1 holds no entry"):
        registry.history()


def test_the_card_of_a_release_lies_beside_it_with_what_the_gate_said(registry, tmp_path):
    version = record(registry, "one")
    registry.promote_by_rule(version, at=AT, by="ops")
    (file,) = (tmp_path / "new" / "mlflow_artefacts").rglob("model_card.md")
    assert file.read_text(encoding="utf-8") == registry.card("candidate")
    assert "no signal, so it publishes the base rate by age" in registry.card(version)
    with pytest.raises(ReleaseError, match="there is no release '9'"):
        registry.card("9")


def test_how_a_release_stands_against_the_champion_is_among_its_figures(registry):
    record(registry, "one")
    registry.promote_by_rule("1", at=AT, by="ops", comparison=near_recipe("before", low=-0.02))
    metrics = registry._client.get_run(registry.versions()[0].run_id).data.metrics
    assert metrics["champion/mql_to_win/recipe_log_loss_difference_low"] == -0.02


def test_a_recorded_release_gets_lost_files_back_when_it_is_trained_again(registry, tmp_path):
    transition = Transition.MQL_TO_WIN
    release = release_of({transition: fitted(transition)})
    registry.record(release, samples=SAMPLES)
    shutil.rmtree(tmp_path / "new" / "mlflow_artefacts")
    assert registry.record(release, samples=SAMPLES).version == "1"
    assert registry.load("1").manifest == release.manifest


def test_a_run_is_open_with_its_parameters_while_a_training_is_at_work(registry, tmp_path):
    told = manifest()
    with registry.training(told.inputs, told.configuration) as run_id:
        run = client_of(tmp_path).get_run(run_id)
        assert (run.info.status, run.data.params["source"]) == ("RUNNING", "simulated")
        release = release_of({Transition.MQL_TO_WIN: base_rate(Transition.MQL_TO_WIN)})
        assert registry.record(release, samples=SAMPLES, run_id=run_id).run_id == run_id
    assert client_of(tmp_path).get_run(run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("error", "status", "note"),
    [
        (ReleaseError("55 leads are known, 100 are needed"), "FAILED", "55 leads are known, 100 are needed"),
        (ReleaseError("lead of jane@example.com"), "FAILED", MASKED),
        (KeyError("a defect"), "FAILED", None),
        (KeyboardInterrupt(), "KILLED", None),
    ],
)
def test_a_training_that_comes_to_nothing_shows_as_such_with_the_reason(registry, tmp_path, error, status, note):
    told = manifest()
    with pytest.raises(type(error)), registry.training(told.inputs, told.configuration) as run_id:
        raise error
    run = client_of(tmp_path).get_run(run_id)
    assert (run.info.status, run.data.tags.get("mlflow.note.content")) == (status, note)
    assert run.data.params["definitions_version"] == "2026.1"
    assert list((tmp_path / "new").glob("*.run.*")) == []


def test_a_training_that_finds_its_release_recorded_takes_its_run_back(registry, tmp_path):
    release = release_of({Transition.MQL_TO_WIN: fitted(Transition.MQL_TO_WIN)})
    first = registry.record(release, samples=SAMPLES)
    with registry.training(release.manifest.inputs, release.manifest.configuration) as run_id:
        registry.record(release, samples=SAMPLES, run_id=run_id)
    assert client_of(tmp_path).get_run(run_id).info.lifecycle_stage == "deleted"
    assert client_of(tmp_path).get_run(first.run_id).info.lifecycle_stage == "active"


def test_a_killed_run_is_marked_by_the_next_training_and_one_at_work_is_not(registry, tmp_path):
    client = client_of(tmp_path)
    left = client.create_run(experiment_of(client).experiment_id).info.run_id
    told = manifest()
    with registry.training(told.inputs, told.configuration) as at_work:
        registry.record(release_of({Transition.MQL_TO_WIN: base_rate(Transition.MQL_TO_WIN)}), samples=SAMPLES)
        assert client.get_run(at_work).info.status == "RUNNING"
    assert client.get_run(left).info.status == "KILLED"


def test_a_backtest_is_a_run_with_figures_by_window_and_a_child_a_window(registry, tmp_path):
    told, transition = manifest(), Transition.MQL_TO_WIN
    windows = [evaluation(transition, model="blend", gain=gain) for gain in (0.02, 0.04)]
    with registry.opened(backtest_start(told.inputs, told.configuration, n_folds=2, permute=False)) as run_id:
        registry.record_backtest(run_id, {transition: backtest(*windows)})
    client = client_of(tmp_path)
    run = client.get_run(run_id)
    assert client.get_experiment(run.info.experiment_id).name == "lead-scoring-backtests"
    gains = client.get_metric_history(run_id, "mql_to_win/acting_day/gain")
    assert [(metric.step, metric.value) for metric in gains] == [(1, 0.02), (2, 0.04)]
    windows = client.get_experiment_by_name("lead-scoring-windows").experiment_id
    children = client.search_runs([windows], f"tags.mlflow.parentRunId = '{run_id}'")
    assert sorted(child.data.params["window"] for child in children) == ["1", "2"]
    assert all("entry/base_rate_by_age_log_loss" in child.data.metrics for child in children)
    assert run.info.run_name.endswith(" +0.020 2 windows 2026-05-01")
    assert {file.path for file in client.list_artifacts(run_id, "plots")} == {"plots/windows_mql_to_win.png"}
    assert "| mql_to_win from 2026-01-01, at entry | 300 |" in run.data.tags["mlflow.note.content"]
    kept = pd.read_csv(client.download_artifacts(run_id, "groups.csv", str(tmp_path)))
    assert kept[["transition", "by", "value", "n_leads"]].to_numpy().tolist() == [
        ["mql_to_win", "month", "2026-06", 120],
        ["mql_to_win", "source", "referral", 90],
    ]
    told = kept.loc[1, ["excess", "gain", "gain_low", "gain_high"]].tolist()
    assert told == pytest.approx([0.1, -0.03, -0.04, -0.02])


def test_a_shadow_report_is_a_run_with_its_figures_and_its_verdict(registry, tmp_path):
    told = manifest()
    start = shadow_start(told.inputs, told.configuration, rule="the point rule", n_weeks=2)
    with registry.opened(start) as run_id:
        registry.record_shadow(run_id, shadow_report())
    client = client_of(tmp_path)
    run = client.get_run(run_id)
    assert client.get_experiment(run.info.experiment_id).name == "lead-scoring-shadows"
    assert (run.info.status, run.data.params["rule"]) == ("FINISHED", "the point rule")
    figures = {name: run.data.metrics[f"equal_volume/SQLs/{name}"] for name in ("if_alike", "if_alike_low", "worst")}
    assert figures == {"if_alike": 2.0, "if_alike_low": 1.0, "worst": -5.0}
    assert run.data.tags["mlflow.note.content"].startswith(r"The model \*probably\* does better.")
    kept = client.download_artifacts(run_id, "report.json", str(tmp_path))
    assert ShadowReport.model_validate_json(Path(kept).read_text()) == shadow_report()


def test_a_release_that_cannot_be_kept_leaves_a_failed_run_and_no_version(registry, tmp_path):
    evil = with_estimator(two_step_release(), Transition.MQL_TO_SQL, sys.exit)
    with pytest.raises(ReleaseError, match=r"sys\.exit"):
        registry.record(evil, samples=SAMPLES)
    assert registry.versions() == ()
    client = client_of(tmp_path)
    (run,) = client.search_runs([experiment_of(client).experiment_id])
    assert run.info.status == "FAILED"


def test_files_that_were_deleted_are_missed_by_name(registry, tmp_path):
    version = registry.record(release_of({Transition.MQL_TO_WIN: base_rate(Transition.MQL_TO_WIN)}), samples=SAMPLES)
    (tmp_path / "new" / "mlflow_artefacts").rename(tmp_path / "moved")
    with pytest.raises(ReleaseError, match=r"the files of release version 1 are not at .*artefacts.* any more"):
        registry.load(version.version)


def test_mlflow_says_nothing_on_standard_output_or_error(recording):
    *_, said = recording
    assert said == ""


def test_a_server_that_does_not_answer_is_an_error_that_may_pass(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UnreachableError, match=r"the MLflow server at http://127\.0\.0\.1:9 does not answer") as error:
        ReleaseRegistry("http://127.0.0.1:9").versions()
    assert error.value.may_pass
