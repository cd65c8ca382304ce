"""Trainings and backtests as runs of MLflow: how each was made, how good it is, and the files a release consists of."""

import getpass
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

import pandas as pd

from data_contracts.backtests import Backtest
from data_contracts.errors import LeadScoreError
from data_contracts.evaluations import Evaluation
from data_contracts.privacy import masked
from data_contracts.record_table import markdown_text, table_markdown
from data_contracts.releases import ReleaseInputs, ReleaseManifest, TransitionSummary
from data_contracts.scores import CHANCES
from data_contracts.shadow import ShadowReport, shadow_rows
from data_contracts.snapshots import FeatureColumn
from data_contracts.vocabulary import Transition
from models import pyfunc_model
from models.artefacts import save_release
from models.fitted import FittedTransition, ScoringRelease
from models.local_store import EXPERIMENT_TAGS, LocalStore
from models.plots import feature_importance, lift_curve, mean_contributions, reliability_diagram, windows_plot
from models.pyfunc_model import input_columns, input_example
from models.run_figures import (
    CANDIDATES,
    EXPERIMENTS,
    TRANSITIONS,
    WINDOWS,
    RunStart,
    age_name,
    backtest_name,
    candidate_figures,
    candidate_name,
    candidate_parameters,
    group_figures,
    line_figures,
    model_rows,
    release_figures,
    release_name,
    release_parameters,
    rounded,
    shadow_figures,
    transition_figures,
    transition_name,
    transition_parameters,
    window_figures,
    window_name,
)
from models.run_notes import Reference, backtest_note, changes, note, transition_note

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

RELEASE_FOLDER = "release"
"""The folder of the release's files among the artefacts of its run."""

INPUT_EXAMPLE = "input_example.json"

USER = "LEADSCORE_USER"
"""The variable that says who trains; without it, the account of the operating system."""

PARENT, NOTE = "mlflow.parentRunId", "mlflow.note.content"

_LEADS_FOR_IMPORTANCE = 5_000
"""Enough for the mean contribution of a feature; contributions of boosted trees are slow to compute."""

_LONGEST_TEXT = 5_000
"""Characters of a tag or parameter that MLflow keeps, whatever the store."""

_TYPES = {"number": "double", "category": "string", "text": "string"}


class ReleaseRuns:
    """The runs of one MLflow store.

    A training has a run for each transition as children, and these one for each candidate; a backtest has one for each
    window. Each kind of run has an experiment of its own, because lists, charts and tables show all runs of one.

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
        self._experiments: dict[str, str] = {}

    def open(self, start: RunStart) -> str:
        """The id of a new run, with everything that is known before anything is learnt."""
        experiment = self._experiment_id(start.experiment)
        tags = {**start.tags, **_provenance(start.by)}
        run_id = str(self._client.create_run(experiment, run_name=start.name, tags=tags).info.run_id)
        self._client.log_inputs(run_id, [_history(start.inputs)])
        self._log(run_id, parameters=start.parameters)
        return run_id

    def fail(self, run_id: str, error: BaseException) -> None:
        """Say of a run that it came to nothing, and why; one that has ended already stays as it is."""
        if self._client.get_run(run_id).info.status != "RUNNING":
            return
        if isinstance(error, LeadScoreError):
            self._client.set_tag(run_id, NOTE, masked(str(error))[:_LONGEST_TEXT])
        self._client.set_terminated(run_id, status="FAILED" if isinstance(error, Exception) else "KILLED")

    def discard(self, run_id: str) -> None:
        """Take back a run that adds nothing to what is recorded."""
        self._client.set_terminated(run_id)
        self._client.delete_run(run_id)

    def record(
        self,
        run_id: str,
        release: ScoringRelease,
        *,
        samples: Mapping[Transition, pd.DataFrame],
        reference: Reference | None,
    ) -> None:
        """Put `release` into the run that was opened for it: its files, and as children a run for each transition.

        Each child has parameters, figures with their intervals, and plots, and as children the models that were tried,
        unless the release was recalibrated: then they are its parent's. `samples` has leads by transition to measure
        features' importance on. The tag `changed` and the note say what differs from the `reference`. Raises
        `ReleaseError` where the release holds a type that could not be loaded again.
        """
        manifest = release.manifest
        self._client.update_run(run_id, name=release_name(manifest))
        self._log(run_id, parameters=release_parameters(manifest), figures=release_figures(manifest))
        self.keep_files(run_id, release)
        pages = {}
        for transition, fitted in release.transitions.items():
            with self._child(run_id, transition_name(manifest, fitted.summary), experiment=TRANSITIONS) as child_id:
                self._log_transition(child_id, fitted, manifest=manifest, sample=samples[transition])
                pages[transition] = f"#/experiments/{self._experiment_id(TRANSITIONS)}/runs/{child_id}"
        tags = {"release_id": manifest.release_id, NOTE: note(manifest, reference, pages=pages)}
        if reference is not None:
            tags |= {"compared_with": reference.called, "changed": "; ".join(changes(reference.manifest, manifest))}
        for name, value in tags.items():
            self._client.set_tag(run_id, name, value[:_LONGEST_TEXT])
        self._client.set_terminated(run_id)

    def record_backtest(self, run_id: str, judged: Mapping[Transition, Backtest]) -> None:
        """Put the windows of a backtest into the run that was opened for it.

        Its figures are by window, so that they show as lines; each window is a child with its figures and plots. A plot
        has the windows of a transition beside each other; `groups.csv` has all test leads by month and segment.
        """
        backtest = str(self._client.get_run(run_id).info.run_name)
        for transition, told in judged.items():
            self._client.log_figure(run_id, windows_plot(told.windows), f"plots/windows_{transition}.png")
            for number, evaluation in enumerate(told.windows, start=1):
                self._log(run_id, figures=line_figures(evaluation), step=number)
                with self._child(run_id, window_name(backtest, evaluation), experiment=WINDOWS) as child_id:
                    parameters = {
                        "transition": evaluation.transition,
                        "window": number,
                        "test_from": f"{evaluation.test_from:%Y-%m-%d}",
                    }
                    self._log(child_id, parameters=parameters, figures=window_figures(evaluation))
                    self._log_models(child_id, [evaluation])
                    self._plot(child_id, evaluation)
        self._client.log_text(run_id, pd.DataFrame(group_figures(judged)).to_csv(index=False), "groups.csv")
        self._client.set_tag(run_id, NOTE, backtest_note(judged)[:_LONGEST_TEXT])
        self._client.update_run(run_id, name=backtest_name(backtest, judged))
        self._client.set_terminated(run_id)

    def record_shadow(self, run_id: str, report: ShadowReport) -> None:
        """Put a shadow report into the run that was opened for it: figures, `report.json`, and the verdict as note.

        Leads are in none of them.
        """
        self._log(run_id, figures=shadow_figures(report))
        self._client.log_text(run_id, f"{report.model_dump_json(indent=2)}\n", "report.json")
        told = f"{markdown_text(report.verdict)}\n\n{table_markdown(shadow_rows(report))}"
        self._client.set_tag(run_id, NOTE, told[:_LONGEST_TEXT])
        self._client.set_terminated(run_id)

    def keep_files(self, run_id: str, release: ScoringRelease) -> None:
        """Put the files of `release` among the artefacts of the run, with what MLflow needs to load it as a model."""
        with TemporaryDirectory() as folder:
            save_release(release, Path(folder))
            history = _describe_to_mlflow(release.manifest, Path(folder), run_id=run_id)
            self._client.log_artifacts(run_id, folder, RELEASE_FOLDER)
        self._client.set_tag(run_id, "mlflow.log-model.history", history)

    def close_killed(self) -> None:
        """Mark the unfinished runs of a store in a file as killed, but for those whose process is alive.

        On a server nobody can tell.
        """
        if self._local is None:
            return
        alive = self._local.alive_runs()
        experiments = [self._experiment_id(name) for name in EXPERIMENTS]
        for status in ("RUNNING", "SCHEDULED"):
            for run in self._client.search_runs(experiments, f"attributes.status = '{status}'"):
                if run.info.run_id not in alive:
                    self._client.set_terminated(run.info.run_id, status="KILLED")

    @contextmanager
    def _child(self, parent_id: str, name: str, *, experiment: str) -> Iterator[str]:
        """A run below another one, in the experiment of its kind; it ends with the block."""
        tags = {PARENT: parent_id}
        run_id = self._client.create_run(self._experiment_id(experiment), run_name=name, tags=tags).info.run_id
        try:
            yield run_id
        except BaseException:
            self._client.set_terminated(run_id, status="FAILED")
            raise
        self._client.set_terminated(run_id)

    def _experiment_id(self, name: str) -> str:
        if name not in self._experiments:
            experiment = self._client.get_experiment_by_name(name)
            self._experiments[name] = self._new_experiment(name) if experiment is None else experiment.experiment_id
        return self._experiments[name]

    def _new_experiment(self, name: str) -> str:
        location = self._local.artefacts.as_uri() if self._local else None
        return str(self._client.create_experiment(name, artifact_location=location, tags=EXPERIMENT_TAGS))

    def _log_transition(
        self, run_id: str, fitted: FittedTransition, *, manifest: ReleaseManifest, sample: pd.DataFrame
    ) -> None:
        summary = fitted.summary
        self._client.log_inputs(run_id, [_table(manifest.inputs, fitted)])
        self._log(run_id, parameters=transition_parameters(summary), figures=transition_figures(summary))
        if manifest.inputs.parent is None:
            self._log_candidates(run_id, manifest, summary)
        self._log_models(run_id, summary.evaluations)
        for evaluation in summary.evaluations:
            self._plot(run_id, evaluation)
        step = max(1, len(sample) // _LEADS_FOR_IMPORTANCE)
        importance = mean_contributions(fitted.contributions(sample.iloc[::step]))
        table = pd.DataFrame({"feature": importance.index, "mean_absolute_log_odds": importance.to_numpy()})
        self._client.log_text(run_id, table.to_csv(index=False), "feature_importance.csv")
        self._client.log_figure(run_id, feature_importance(importance, fitted.columns), "plots/feature_importance.png")

    def _log_candidates(self, run_id: str, manifest: ReleaseManifest, summary: TransitionSummary) -> None:
        for candidate in summary.candidates:
            name = candidate_name(manifest, summary.transition, candidate)
            with self._child(run_id, name, experiment=CANDIDATES) as child_id:
                parameters = candidate_parameters(summary.transition, candidate)
                self._log(child_id, parameters=parameters, figures=candidate_figures(candidate))
        self._client.set_tag(run_id, NOTE, transition_note(summary, run_id=run_id)[:_LONGEST_TEXT])

    def _log_models(self, run_id: str, evaluations: Sequence[Evaluation]) -> None:
        """Every figure of every model as a table: as metrics, those of the baselines would be hundreds."""
        self._client.log_text(run_id, pd.DataFrame(model_rows(evaluations)).to_csv(index=False), "models.csv")

    def _plot(self, run_id: str, evaluation: Evaluation) -> None:
        age = age_name(evaluation)
        self._client.log_figure(run_id, reliability_diagram(evaluation), f"plots/reliability_{age}.png")
        self._client.log_figure(run_id, lift_curve(evaluation), f"plots/lift_{age}.png")

    def _log(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, object] | None = None,
        figures: Mapping[str, float] | None = None,
        step: int = 0,
    ) -> None:
        from mlflow.entities import Metric, Param

        at = self._client.get_run(run_id).info.start_time
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, rounded(value), at, step) for name, value in (figures or {}).items()],
            params=[Param(name, str(value)[:_LONGEST_TEXT]) for name, value in (parameters or {}).items()],
        )


def _provenance(by: str) -> dict[str, str]:
    """Who runs which command on which commit: tags that MLflow's pages know."""
    root = Path(__file__).parents[1]
    told = {
        "mlflow.user": masked(os.environ.get(USER) or _account()),
        "mlflow.source.name": by,
        "mlflow.source.type": "LOCAL",
    }
    if not (root / ".git").exists():
        return told
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return told
    return told | {"mlflow.source.git.commit": said.stdout.strip()}


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"


def _history(inputs: ReleaseInputs) -> "DatasetInput":
    """The history that is learnt from, as MLflow names data: its source and fingerprint, and no rows."""
    profile = {"extracted_at": inputs.extracted_at.isoformat()}
    return _dataset(inputs, name=inputs.source, digest=inputs.data_fingerprint, columns=(), profile=profile)


def _table(inputs: ReleaseInputs, fitted: FittedTransition) -> "DatasetInput":
    """The labelled table of a transition in the same way: its features and counts.

    MLflow keeps what is said first of a name and digest, so the digest is made from all that makes the table.
    """
    made_from = (inputs.data_fingerprint, inputs.configuration_digest, inputs.catalogue_digest)
    return _dataset(
        inputs,
        name=f"{inputs.source} {fitted.summary.transition}",
        digest=hashlib.sha256("".join(made_from).encode()).hexdigest()[:16],
        columns=fitted.columns,
        profile={name: getattr(fitted.summary, name) for name in ("n_labelled", "n_converted")},
    )


def _dataset(
    inputs: ReleaseInputs,
    *,
    name: str,
    digest: str,
    columns: Sequence[FeatureColumn],
    profile: Mapping[str, object],
) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    schema = [{"name": column.name, "type": _TYPES[column.type], "required": False} for column in columns]
    dataset = Dataset(
        name=name,
        digest=digest,
        source_type="leadscore",
        source=json.dumps({"source": inputs.source}),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "training")])


def _describe_to_mlflow(manifest: ReleaseManifest, folder: Path, *, run_id: str) -> str:
    """Write `MLmodel` and an input example into the release's `folder`: MLflow then loads it by `models.pyfunc_model`.

    The same release gives the same files in the same run. Gives what the run says of its models, as JSON.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(_TYPES[type_], name) for name, type_ in input_columns(manifest).items()
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
    return json.dumps([model.get_tags_dict()])
