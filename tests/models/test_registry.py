import io
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from data_contracts.errors import ReleaseError
from data_contracts.vocabulary import Transition
from models.registry import ReleaseRegistry
from tests.example_release import (
    base_rate,
    fitted,
    leads,
    release_of,
    two_step_release,
    with_estimator,
)

SAMPLES = {transition: leads(40) for transition in Transition}


def registry_in(folder: Path) -> ReleaseRegistry:
    return ReleaseRegistry(f"sqlite:///{folder / 'new' / 'mlflow.db'}", artifact_folder=folder / "artefacts")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A new store in which one release was recorded: registry, version, folder, and all that was said meanwhile."""
    folder = tmp_path_factory.mktemp("registry")
    registry = registry_in(folder)
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        version = registry.record(two_step_release(), samples=SAMPLES)
        registry.load("candidate")
    return registry, version, folder, said.getvalue()


@pytest.fixture(scope="module")
def recorded(recording):
    """A registry with one release recorded, its version and its folder."""
    return recording[:3]


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """An MLflow store without runs, to copy: making its tables takes seconds."""
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def registry(empty_store, tmp_path):
    """A registry with a store of its own and nothing in it."""
    (tmp_path / "new").mkdir()
    shutil.copy(empty_store, tmp_path / "new" / "mlflow.db")
    return registry_in(tmp_path)


@pytest.fixture(scope="module")
def runs(recorded):
    """The runs in MLflow, by name."""
    from mlflow import MlflowClient

    *_, folder = recorded
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'new' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("lead-scoring")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_a_recorded_release_is_the_candidate_and_comes_back_whole(recorded):
    registry, version, _ = recorded
    release = two_step_release()
    assert (version.version, version.aliases, version.release_id) == ("1", ("candidate",), "2026-05-01-abc123")
    assert (version.definitions_version, version.data_fingerprint) == ("2026.1", "f1" * 8)
    for name in ("candidate", "1"):
        loaded = registry.load(name, catalogue_digest=release.manifest.catalogue_digest)
        assert loaded.manifest == release.manifest
        for transition, model in release.transitions.items():
            assert (loaded.transitions[transition].predict(leads(5)) == model.predict(leads(5))).all()


def test_a_training_is_one_run_with_a_child_for_each_transition(recorded, runs):
    _, version, _ = recorded
    parent = runs["2026-05-01-abc123"]
    assert parent.info.run_id == version.run_id
    children = {name for name, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == version.run_id}
    assert children == {"mql_to_sql", "sql_to_win"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_every_figure_is_recorded_with_its_interval_beside_the_baselines(runs):
    metrics = runs["mql_to_sql"].data.metrics
    assert (metrics["entry.auc"], metrics["entry.auc_low"], metrics["entry.auc_high"]) == (0.7, 0.7 - 0.02, 0.7 + 0.02)
    assert metrics["entry.base_rate.log_loss"] == 0.5
    assert metrics["entry.n_test_leads"] == 300
    assert "entry.base_rate.auc" not in metrics  # not defined for a constant
    assert runs["2026-05-01-abc123"].data.metrics["mql_to_sql.gain_low"] == 0.05 - 0.01


def test_what_went_in_is_recorded_as_parameters(runs):
    child, parent = runs["mql_to_sql"].data.params, runs["2026-05-01-abc123"].data.params
    assert {
        "estimator": "logistic_regression",
        "horizon_days": "30",
        "n_labelled": "1200",
        "C": "0.3",
    }.items() <= child.items()
    assert {"data_fingerprint": "f1" * 8, "catalogue_digest": "c1" * 8, "n_features": "3"}.items() <= parent.items()


def test_plots_and_tables_lie_beside_the_figures_and_the_release_with_its_parent(runs, recorded):
    *_, folder = recorded

    def files(name: str) -> set[str]:
        root = folder / "artefacts" / runs[name].info.run_id / "artifacts"
        return {str(file.relative_to(root)) for file in root.rglob("*.*") if file.is_file()}

    plots = {"plots/reliability_entry.png", "plots/lift_entry.png", "plots/feature_importance.png"}
    assert files("mql_to_sql") == plots | {"candidates.csv", "feature_importance.csv"}
    models = {"release/mql_to_sql.skops", "release/sql_to_win.skops"}
    assert files("2026-05-01-abc123") == models | {"release/release.json"}


def test_no_person_is_named_in_the_runs(runs):
    assert {run.info.user_id for run in runs.values()} <= {"", "unknown", None}


def test_a_release_of_another_catalogue_is_refused_on_loading(recorded):
    with pytest.raises(ReleaseError, match="the one in force is other"):
        recorded[0].load("candidate", catalogue_digest="other")


def test_what_is_not_there_says_what_is(recorded):
    registry, *_ = recorded
    with pytest.raises(
        ReleaseError, match=r"no release is in production; .*`leadscore promote VERSION` .*versions are 1"
    ):
        registry.load("production")
    for unknown in ("7", "staging"):
        with pytest.raises(ReleaseError, match=f"there is no release '{unknown}'; recorded versions are 1"):
            registry.load(unknown)
        with pytest.raises(ReleaseError, match=f"there is no release '{unknown}'"):
            registry.promote(unknown)


def test_where_nothing_was_trained_nothing_is_made_by_asking(tmp_path):
    registry = registry_in(tmp_path)
    assert registry.versions() == ()
    with pytest.raises(ReleaseError, match="no release was recorded yet; train one with `leadscore train`"):
        registry.load("production")
    assert list(tmp_path.iterdir()) == []


def test_the_first_release_goes_to_production_by_rule_and_a_worse_one_does_not(registry):
    transition = Transition.MQL_TO_WIN
    first = registry.record(release_of({transition: fitted(transition)}), samples=SAMPLES)
    assert registry.promote_by_rule(first.version) is None
    worse = registry.record(release_of({transition: base_rate(transition)}, release_id="worse"), samples=SAMPLES)
    assert registry.promote_by_rule(worse.version) == (
        "mql_to_win: it found no signal and production's logistic_regression has some"
    )
    assert [(v.version, v.aliases) for v in registry.versions()] == [("2", ("candidate",)), ("1", ("production",))]
    assert registry.load("production").manifest.release_id == "2026-05-01-abc123"


def test_recording_a_release_again_adds_nothing(registry):
    release = release_of({Transition.MQL_TO_WIN: fitted(Transition.MQL_TO_WIN)})
    first, again = (registry.record(release, samples=SAMPLES) for _ in range(2))
    assert again == first
    assert [version.version for version in registry.versions()] == [first.version]


def test_a_person_may_promote_and_take_it_back(registry):
    for name in ("one", "two"):
        model = base_rate(Transition.MQL_TO_WIN)
        registry.record(release_of({Transition.MQL_TO_WIN: model}, release_id=name), samples=SAMPLES)
    for version, name in (("candidate", "two"), ("1", "one")):
        registry.promote(version)
        assert registry.load("production").manifest.release_id == name


def test_a_release_that_cannot_be_kept_leaves_a_failed_run_and_no_version(registry):
    evil = with_estimator(two_step_release(), Transition.MQL_TO_SQL, sys.exit)
    with pytest.raises(ReleaseError, match=r"sys\.exit"):
        registry.record(evil, samples=SAMPLES)
    assert registry.versions() == ()


def test_files_that_were_deleted_are_missed_by_name(registry, tmp_path):
    version = registry.record(release_of({Transition.MQL_TO_WIN: base_rate(Transition.MQL_TO_WIN)}), samples=SAMPLES)
    (tmp_path / "artefacts").rename(tmp_path / "moved")
    with pytest.raises(ReleaseError, match=r"the files of release version 1 are not at .*artefacts.* any more"):
        registry.load(version.version)


def test_mlflow_says_nothing_on_standard_output_or_error(recording):
    *_, said = recording
    assert said == ""
