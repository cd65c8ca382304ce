"""Releases as runs of MLflow: how each was made, how good it is, and the files it consists of."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

import pandas as pd

from data_contracts.releases import ReleaseManifest
from data_contracts.scores import CHANCES
from data_contracts.vocabulary import Transition
from models import pyfunc_model
from models.artefacts import save_release
from models.fitted import FittedTransition, ScoringRelease
from models.local_store import EXPERIMENT, LocalStore
from models.plots import feature_importance, lift_curve, mean_contributions, reliability_diagram
from models.pyfunc_model import input_columns, input_example
from models.run_figures import (
    age_name,
    candidates_table,
    note,
    release_figures,
    release_parameters,
    transition_figures,
    transition_parameters,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

RELEASE_FOLDER = "release"
"""The folder of the release's files among the artefacts of its run."""

INPUT_EXAMPLE = "input_example.json"

_LEADS_FOR_IMPORTANCE = 5_000
"""Enough for the mean contribution of a feature; contributions of boosted trees are slow to compute."""


class ReleaseRuns:
    """The runs of one MLflow store: one a release, with the transitions as its children.

    Parameters
    ----------
    client
        Of the store.
    local
        The store, where it is a file; None where it is a server.
    """

    def __init__(self, client: "MlflowClient", local: LocalStore | None) -> None:
        self._client = client
        self._local = local

    def record(self, release: ScoringRelease, *, samples: Mapping[Transition, pd.DataFrame]) -> str:
        """The id of the run that now holds `release`: its files, and as children a run for each transition.

        Each child has parameters, figures with their intervals, the models that were tried, and plots; `samples` has
        leads by transition to measure features' importance on. Raises `ReleaseError` where the release holds a type
        that could not be loaded again. The run is then marked as failed.
        """
        manifest = release.manifest
        with self._run(manifest.release_id, manifest=manifest, parent_id=None) as run_id:
            self._log_batch(run_id, parameters=release_parameters(manifest), figures=release_figures(manifest))
            self.keep_files(run_id, release)
            for transition, fitted in release.transitions.items():
                with self._run(str(transition), manifest=manifest, parent_id=run_id) as child_id:
                    self._log_transition(child_id, fitted, sample=samples[transition])
        return run_id

    def keep_files(self, run_id: str, release: ScoringRelease) -> None:
        """Put the files of `release` among the artefacts of the run, with what MLflow needs to load it as a model."""
        with TemporaryDirectory() as folder:
            save_release(release, Path(folder))
            _describe_to_mlflow(release.manifest, Path(folder), run_id=run_id)
            self._client.log_artifacts(run_id, folder, RELEASE_FOLDER)

    def close_killed(self) -> None:
        """Mark the unfinished runs of a store in a file as killed: whoever holds the store knows that nobody runs them.

        On a server other trainings may be at work.
        """
        if self._local is None:
            return
        for status in ("RUNNING", "SCHEDULED"):
            for run in self._client.search_runs([self._experiment_id], f"attributes.status = '{status}'"):
                self._client.set_terminated(run.info.run_id, status="KILLED")

    @contextmanager
    def _run(self, name: str, *, manifest: ReleaseManifest, parent_id: str | None) -> Iterator[str]:
        tags = {"release_id": manifest.release_id, "mlflow.note.content": note(manifest)}
        if parent_id is not None:
            tags["mlflow.parentRunId"] = parent_id
        run_id = self._client.create_run(self._experiment_id, run_name=name, tags=tags).info.run_id
        try:
            yield run_id
        except BaseException:
            self._client.set_terminated(run_id, status="FAILED")
            raise
        self._client.set_terminated(run_id)

    @cached_property
    def _experiment_id(self) -> str:
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            return str(experiment.experiment_id)
        location = self._local.artefacts.as_uri() if self._local else None
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=location, tags=tags))

    def _log_transition(self, run_id: str, fitted: FittedTransition, *, sample: pd.DataFrame) -> None:
        summary = fitted.summary
        self._log_batch(run_id, parameters=transition_parameters(summary), figures=transition_figures(summary))
        self._client.log_text(run_id, candidates_table(summary).to_csv(index=False), "candidates.csv")
        for evaluation in summary.evaluations:
            age = age_name(evaluation)
            self._client.log_figure(run_id, reliability_diagram(evaluation), f"plots/reliability_{age}.png")
            self._client.log_figure(run_id, lift_curve(evaluation), f"plots/lift_{age}.png")
        step = max(1, len(sample) // _LEADS_FOR_IMPORTANCE)
        importance = mean_contributions(fitted.contributions(sample.iloc[::step]))
        table = pd.DataFrame({"feature": importance.index, "mean_absolute_log_odds": importance.to_numpy()})
        self._client.log_text(run_id, table.to_csv(index=False), "feature_importance.csv")
        self._client.log_figure(run_id, feature_importance(importance, fitted.columns), "plots/feature_importance.png")

    def _log_batch(self, run_id: str, *, parameters: Mapping[str, object], figures: Mapping[str, float]) -> None:
        from mlflow.entities import Metric, Param

        time = self._client.get_run(run_id).info.start_time
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, time, 0) for name, value in figures.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
        )


def _describe_to_mlflow(manifest: ReleaseManifest, folder: Path, *, run_id: str) -> None:
    """Write `MLmodel` and an input example into the release's `folder`: MLflow then loads it by `models.pyfunc_model`.

    The same release gives the same files in the same run.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    types = {"number": "double", "category": "string"}
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(types[type_], name) for name, type_ in input_columns(manifest).items()
    ]
    model = Model(
        artifact_path=RELEASE_FOLDER,
        run_id=run_id,
        utc_time_created=manifest.created_at,
        model_uuid=uuid5(NAMESPACE_OID, manifest.release_id).hex,
        signature=ModelSignature(Schema(inputs), Schema([ColSpec("double", name) for name in CHANCES])),
        saved_input_example_info={"artifact_path": INPUT_EXAMPLE, "type": "dataframe", "pandas_orient": "split"},
        metadata={"release_id": manifest.release_id, "definitions_version": manifest.definitions_version},
    )
    model.add_flavor("python_function", loader_module=pyfunc_model.__name__, python_version=python_version())
    model.save(str(folder / "MLmodel"))
    example = input_example(manifest).to_json(orient="split", index=False)
    (folder / INPUT_EXAMPLE).write_text(example, encoding="utf-8")
