"""Releases in MLflow: how each was made, how good it is, and which one is in production. The only user of MLflow.

The fitted objects are in the release's own folder (an artefact of the run) and nowhere else. MLflow's model flavours
are not used for them: on loading, MLflow takes the list of trusted types from the model itself, which is no protection.
To look at a model, load its release: `ReleaseRegistry(uri, artifact_folder=folder).load("candidate")`.
"""

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from data_contracts.errors import ReleaseError
from data_contracts.releases import Estimate, Evaluation, ModelFigures, ReleaseManifest, TransitionSummary
from data_contracts.vocabulary import Transition
from models.artefacts import load_release, save_release
from models.fitted import FittedTransition, ScoringRelease
from models.plots import feature_importance, lift_curve, mean_contributions, reliability_diagram
from models.promotion import deciding_evaluation, may_promote

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL = "lead-scoring"
"""The one registered model, and the experiment that holds the runs."""

CANDIDATE = "candidate"
PRODUCTION = "production"

_RELEASE_FOLDER = "release"

_QUIET = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""What MLflow reads on import, so that standard output stays data. One that is already set is respected."""


_MOST_VERSIONS = 10_000
"""More releases than a weekly training makes in a century."""

_LEADS_FOR_IMPORTANCE = 5_000
"""Enough for the mean contribution of a feature; contributions of boosted trees are slow to compute."""


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """One recorded release. `aliases` names what it is now: `candidate`, `production`, both or nothing."""

    version: str
    release_id: str
    definitions_version: str
    data_fingerprint: str
    recorded_at: dt.datetime
    aliases: tuple[str, ...]
    run_id: str


class ReleaseRegistry:
    """The releases that were trained, in an MLflow store.

    Parameters
    ----------
    tracking_uri
        `sqlite:///...` for a file here, or the address of an MLflow server.
    artifact_folder
        Where a store in a file keeps its artefacts. A server decides that for itself.
    """

    def __init__(self, tracking_uri: str, *, artifact_folder: Path) -> None:
        self._tracking_uri = tracking_uri
        self._artifact_folder = artifact_folder

    def record(self, release: ScoringRelease, *, samples: Mapping[Transition, pd.DataFrame]) -> ReleaseVersion:
        """The version under which `release` now stands, with the alias `candidate`.

        A release that is recorded already keeps its version: a retry, or a training on the same inputs, adds nothing.

        One run holds the release's folder and, as children, a run for each transition: parameters, figures with
        their intervals, the models that were tried, and plots.

        Parameters
        ----------
        release
            What was trained.
        samples
            Leads by transition, with the feature columns: features' importance is measured on them.

        Raises
        ------
        ReleaseError
            Where the release holds a type that could not be loaded again. The run is then marked as failed.
        """
        manifest = release.manifest
        for known in self.versions():
            if known.release_id == manifest.release_id:
                return self._as_candidate(known.version)
        with self._run(manifest.release_id, manifest=manifest, parent_id=None) as run_id:
            self._log_batch(run_id, parameters=_release_parameters(manifest), figures=_release_figures(manifest))
            with TemporaryDirectory() as folder:
                save_release(release, Path(folder))
                self._client.log_artifacts(run_id, folder, _RELEASE_FOLDER)
            for transition, fitted in release.transitions.items():
                with self._run(str(transition), manifest=manifest, parent_id=run_id) as child_id:
                    self._log_transition(child_id, fitted, sample=samples[transition])
        return self._as_candidate(str(self._register(manifest, run_id).version))

    def _as_candidate(self, version: str) -> ReleaseVersion:
        self._client.set_registered_model_alias(MODEL, CANDIDATE, version)
        return _described(self._find(version), self._aliases())

    def load(self, alias_or_version: str, *, catalogue_digest: str | None = None) -> ScoringRelease:
        """The release under an alias (`production`, `candidate`) or a version number.

        `catalogue_digest` is that of the feature catalogue in force; None where the release is only looked at. Raises
        `ReleaseError` where there is no such release, or it cannot be trusted or used.
        """
        from mlflow.exceptions import MlflowException

        version = self._find(alias_or_version)
        with TemporaryDirectory() as folder:
            try:
                local = self._client.download_artifacts(str(version.run_id), _RELEASE_FOLDER, folder)
            except (MlflowException, OSError) as error:
                raise ReleaseError(
                    f"the files of release version {version.version} are not at {version.source} any more; put them "
                    "back, or train a new release with `leadscore train`"
                ) from error
            return load_release(Path(local), catalogue_digest=catalogue_digest)

    def promote(self, version: str) -> None:
        """Put the release under `version` (a number, or `candidate`) into production.

        What was in production keeps its version and can be promoted again. Raises `ReleaseError` where there is no
        such release.
        """
        found = self._find(version)
        self._client.set_registered_model_alias(MODEL, PRODUCTION, found.version)

    def promote_by_rule(self, version: str) -> str | None:
        """Why the release under `version` was not put into production (`may_promote`); None where it was."""
        production = self.load(PRODUCTION).manifest if PRODUCTION in self._aliases() else None
        reason = may_promote(self.load(version).manifest, production)
        if reason is None:
            self.promote(version)
        return reason

    def versions(self) -> tuple[ReleaseVersion, ...]:
        """All recorded releases, latest first; none where nothing was ever trained."""
        if not self._is_there():
            return ()
        found = self._client.search_model_versions(f"name = '{MODEL}'", max_results=_MOST_VERSIONS)
        aliases = self._aliases()
        return tuple(_described(version, aliases) for version in sorted(found, key=lambda v: -int(v.version)))

    @cached_property
    def _client(self) -> "MlflowClient":
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        if (file := self._store_file) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=self._tracking_uri, registry_uri=self._tracking_uri)

    @property
    def _store_file(self) -> Path | None:
        prefix = "sqlite:///"
        return Path(self._tracking_uri.removeprefix(prefix)) if self._tracking_uri.startswith(prefix) else None

    def _is_there(self) -> bool:
        """Whether anything was recorded. A store file that is not there is not created by being asked."""
        if self._store_file is not None and not self._store_file.exists():
            return False
        return bool(self._client.search_registered_models(f"name = '{MODEL}'"))

    def _aliases(self) -> Mapping[str, str]:
        """Version by alias."""
        if not self._is_there():
            return {}
        aliases = self._client.get_registered_model(MODEL).aliases
        return {alias: str(version) for alias, version in aliases.items()}

    def _find(self, alias_or_version: str) -> "ModelVersion":
        number = self._aliases().get(alias_or_version, alias_or_version)
        matching = f"name = '{MODEL}'"
        found = self._client.search_model_versions(matching, max_results=_MOST_VERSIONS) if self._is_there() else ()
        for version in found:
            if str(version.version) == number:
                return version
        raise ReleaseError(_not_found(alias_or_version, [str(version.version) for version in found]))

    def _register(self, manifest: ReleaseManifest, run_id: str) -> "ModelVersion":
        if not self._is_there():
            self._client.create_registered_model(MODEL, description="Lead scoring releases, see the runs' notes.")
        return self._client.create_model_version(
            MODEL,
            source=f"{self._client.get_run(run_id).info.artifact_uri}/{_RELEASE_FOLDER}",
            run_id=run_id,
            tags={
                "release_id": manifest.release_id,
                "definitions_version": manifest.definitions_version,
                "data_fingerprint": manifest.data_fingerprint,
            },
            description=_note(manifest),
        )

    @contextmanager
    def _run(self, name: str, *, manifest: ReleaseManifest, parent_id: str | None) -> Iterator[str]:
        tags = {"release_id": manifest.release_id, "mlflow.note.content": _note(manifest)}
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
        experiment = self._client.get_experiment_by_name(MODEL)
        if experiment is not None:
            return str(experiment.experiment_id)
        location = self._artifact_folder.resolve().as_uri() if self._store_file is not None else None
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(self._client.create_experiment(MODEL, artifact_location=location, tags=tags))

    def _log_transition(self, run_id: str, fitted: FittedTransition, *, sample: pd.DataFrame) -> None:
        summary = fitted.summary
        self._log_batch(run_id, parameters=_transition_parameters(summary), figures=_transition_figures(summary))
        self._client.log_text(run_id, _candidates(summary).to_csv(index=False), "candidates.csv")
        for evaluation in summary.evaluations:
            moment = _moment(evaluation)
            self._client.log_figure(run_id, reliability_diagram(evaluation), f"plots/reliability_{moment}.png")
            self._client.log_figure(run_id, lift_curve(evaluation), f"plots/lift_{moment}.png")
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


def _described(version: "ModelVersion", aliases: Mapping[str, str]) -> ReleaseVersion:
    return ReleaseVersion(
        version=str(version.version),
        release_id=version.tags.get("release_id", ""),
        definitions_version=version.tags.get("definitions_version", ""),
        data_fingerprint=version.tags.get("data_fingerprint", ""),
        recorded_at=dt.datetime.fromtimestamp(version.creation_timestamp / 1000, dt.UTC).replace(tzinfo=None),
        aliases=tuple(sorted(alias for alias, number in aliases.items() if number == str(version.version))),
        run_id=str(version.run_id),
    )


def _not_found(alias_or_version: str, known: list[str]) -> str:
    if not known:
        return "no release was recorded yet; train one with `leadscore train`"
    listed = f"recorded versions are {', '.join(sorted(known, key=int))}"
    if alias_or_version == PRODUCTION:
        return f"no release is in production; put one there with `leadscore promote VERSION` ({listed})"
    return f"there is no release {alias_or_version!r}; {listed}"


def _note(manifest: ReleaseManifest) -> str:
    lines = [
        f"Release `{manifest.release_id}` from source `{manifest.source}`, what was known on "
        f"{manifest.as_of:%Y-%m-%d}, definitions {manifest.definitions_version}.",
        "",
    ]
    for summary in manifest.transitions:
        lines.append(
            f"- {summary.transition} within {summary.horizon_days} days: {summary.estimator}, "
            f"{summary.n_converted} of {summary.n_labelled} labelled leads converted"
        )
    return "\n".join(lines)


def _release_parameters(manifest: ReleaseManifest) -> dict[str, object]:
    kept = ("release_id", "source", "as_of", "data_fingerprint", "definitions_version", "definitions_digest",
            "catalogue_digest", "currency")  # fmt: skip
    policy = {"threshold_policy": manifest.thresholds.policy, "n_features": len(manifest.features)}
    return {name: getattr(manifest, name) for name in kept} | policy


def _release_figures(manifest: ReleaseManifest) -> dict[str, float]:
    """What releases are compared by in a list of runs: boundaries, and figures as `<transition>.<figure>`."""
    kept = ("hand_off_probability", "leads_per_week", "expected_per_week")
    figures = {f"thresholds.{name}": getattr(manifest.thresholds, name) for name in kept}
    figures["value_of_a_win"] = manifest.value_of_a_win
    for summary in manifest.transitions:
        told = _model_figures(deciding_evaluation(summary).model)
        figures |= {f"{summary.transition}.{name}": value for name, value in told.items()}
    return figures


def _transition_parameters(summary: TransitionSummary) -> dict[str, object]:
    kept = ("transition", "horizon_days", "estimator", "calibrator", "n_labelled", "n_converted")
    chosen = next((candidate for candidate in summary.candidates if candidate.is_chosen), None)
    return {name: getattr(summary, name) for name in kept} | (dict(chosen.parameters) if chosen else {})


def _transition_figures(summary: TransitionSummary) -> dict[str, float]:
    """Every figure by `<moment>.<figure>` (the model) or `<moment>.<baseline>.<figure>`, with `_low` and `_high`."""
    figures: dict[str, float] = {"base_rate": summary.base_rate}
    for evaluation in summary.evaluations:
        moment = _moment(evaluation)
        for name in ("n_train", "n_test", "n_test_leads", "test_base_rate", "train_base_rate", "has_signal"):
            figures[f"{moment}.{name}"] = float(getattr(evaluation, name))
        for prefix, model in zip(_prefixes(evaluation), evaluation.models, strict=True):
            figures |= {f"{prefix}.{name}": value for name, value in _model_figures(model).items()}
    return figures


def _prefixes(evaluation: Evaluation) -> list[str]:
    moment = _moment(evaluation)
    return [moment, *(f"{moment}.{model.model}" for model in evaluation.models[1:])]


def _model_figures(model: ModelFigures) -> dict[str, float]:
    estimates: dict[str, Any] = {name: value for name, value in model if isinstance(value, Estimate)}
    ends = {"": "value", "_low": "low", "_high": "high"}
    named = {f"{name}{end}": getattr(e, of) for name, e in estimates.items() for end, of in ends.items()}
    return {name: value for name, value in named.items() if value is not None}


def _moment(evaluation: Evaluation) -> str:
    return str(evaluation.moment) if evaluation.moment is not None else "all"


def _candidates(summary: TransitionSummary) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "estimator": [c.estimator for c in summary.candidates],
            "calibrator": [c.calibrator for c in summary.candidates],
            "validation_log_loss": [c.validation_log_loss for c in summary.candidates],
            "is_chosen": [c.is_chosen for c in summary.candidates],
            "parameters": [json.dumps(c.parameters) for c in summary.candidates],
        }
    )
