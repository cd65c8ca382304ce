"""Releases in MLflow: how each was made, how good it is, and which one is in production.

The fitted objects are in the release's own folder (an artefact of the run) and nowhere else. MLflow's model flavours
are not used for them: on loading, MLflow takes the list of trusted types from the model itself, which is no protection.
To look at a model, load its release: `ReleaseRegistry(uri).load("candidate")`.
"""

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from data_contracts.errors import ReleaseError, UnreachableError
from data_contracts.releases import ReleaseManifest
from data_contracts.vocabulary import Transition
from models.artefacts import MANIFEST, load_manifest, load_release, save_release
from models.fitted import FittedTransition, ScoringRelease
from models.local_store import EXPERIMENT, LocalStore, is_full_or_read_only
from models.plots import feature_importance, lift_curve, mean_contributions, reliability_diagram
from models.promotion import reasons_against
from models.run_figures import (
    candidates_table,
    moment_name,
    note,
    release_figures,
    release_parameters,
    transition_figures,
    transition_parameters,
)
from models.versions import (
    CANDIDATE,
    HELD_BACK,
    PRODUCTION,
    PROMOTED,
    PROMOTED_AT,
    ReleaseVersion,
    not_found,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL = "lead-scoring"
"""The one registered model."""

BY_RULE = "the promotion rule allows it"

_RELEASE_FOLDER = "release"

_QUIET = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}
"""What MLflow reads from the environment, so that standard output stays data and a server that is down is not waited
for beyond half a minute. One that is already set is respected."""

_MOST_VERSIONS = 10_000
"""More releases than a weekly training makes in a century."""

_LEADS_FOR_IMPORTANCE = 5_000
"""Enough for the mean contribution of a feature; contributions of boosted trees are slow to compute."""


class ReleaseRegistry:
    """The releases that were trained, in an MLflow store.

    A store in a file is written by one run at a time; another one waits. All methods raise `StoreError` where it is
    damaged, read-only or full, and `UnreachableError` where a server does not answer.

    Parameters
    ----------
    tracking_uri
        `sqlite:///...` for a file here, or the address of an MLflow server.
    """

    def __init__(self, tracking_uri: str) -> None:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        self._local = LocalStore.of(tracking_uri)
        self._tracking_uri = self._local.tracking_uri if self._local else tracking_uri

    def record(self, release: ScoringRelease, *, samples: Mapping[Transition, pd.DataFrame]) -> ReleaseVersion:
        """The version under which `release` now stands, with the alias `candidate`.

        A release that is recorded already keeps its version: a retry, or a training on the same inputs, adds nothing.
        Its files are put back where they cannot be read any more.

        One run holds the release's folder and, as children, a run for each transition: parameters, figures with
        their intervals, the models that were tried, and plots. Runs that a killed training left unfinished in a
        store in a file are marked as killed.

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
        with self._writing("leadscore train"):
            self._close_killed_runs()
            for known in self._versions():
                if known.tags.get("release_id") == manifest.release_id:
                    self._put_back(known, release)
                    return self._as_candidate(str(known.version))
            with self._run(manifest.release_id, manifest=manifest, parent_id=None) as run_id:
                self._log_batch(run_id, parameters=release_parameters(manifest), figures=release_figures(manifest))
                self._log_release(run_id, release)
                for transition, fitted in release.transitions.items():
                    with self._run(str(transition), manifest=manifest, parent_id=run_id) as child_id:
                        self._log_transition(child_id, fitted, sample=samples[transition])
            return self._as_candidate(str(self._register(manifest, run_id).version))

    def load(self, alias_or_version: str) -> ScoringRelease:
        """The release under an alias (`production`, `candidate`) or a version number.

        Raises `ReleaseError` where there is no such release, or it cannot be read or trusted.
        """
        with self._reading():
            return self._load(self._find(alias_or_version))

    def manifest_in_force(self) -> ReleaseManifest | None:
        """The manifest of the release in production; None where none is.

        Raises `ReleaseError` where it cannot be read.
        """
        with self._reading():
            return self._manifest_in_force()

    def promote(self, version: str, *, because: str, at: dt.datetime) -> ReleaseVersion:
        """Put the release under `version` (a number, or `candidate`) into force, and its configuration with it.

        What was in force keeps its version and can be promoted again.

        Parameters
        ----------
        because
            Why; kept with the version.
        at
            When (UTC, naive); kept with the version.

        Raises
        ------
        ReleaseError
            Where there is no such release, it cannot be loaded, or `because` says nothing.
        """
        if not because.strip():
            raise ReleaseError(
                f"say why version {version} goes into force: `leadscore promote {version} --because ...`"
            )
        with self._writing("leadscore promote"):
            found = self._find(version)
            self._load(found)
            return self._put_into_force(str(found.version), because=" ".join(because.split()), at=at)

    def promote_by_rule(self, version: str, *, at: dt.datetime) -> str | None:
        """Why the release under `version` was not put into force (`reasons_against`); None where it was.

        The reason is kept with the version. A release in force that cannot be read cannot be compared with: a person
        decides.
        """
        with self._writing("leadscore train"):
            found = self._find(version)
            candidate = self._load(found).manifest
            try:
                reasons: Sequence[str] = reasons_against(candidate, self._manifest_in_force())
            except ReleaseError as error:
                reasons = [f"the release in force cannot be read and compared with: {error}"]
            number = str(found.version)
            if reasons:
                self._client.set_model_version_tag(MODEL, number, HELD_BACK, "; ".join(reasons))
                return "; ".join(reasons)
            self._put_into_force(number, because=BY_RULE, at=at)
            if HELD_BACK in found.tags:
                self._client.delete_model_version_tag(MODEL, number, HELD_BACK)
            return None

    def versions(self) -> tuple[ReleaseVersion, ...]:
        """All recorded releases, latest first; none where nothing was ever trained."""
        with self._reading():
            aliases = self._aliases()
            return tuple(_described(version, aliases) for version in self._versions())

    @contextmanager
    def _writing(self, by: str) -> Iterator[None]:
        with self._local.writing(by=by) if self._local else self._reaching_the_server():
            yield

    @contextmanager
    def _reading(self) -> Iterator[None]:
        if self._local is None:
            with self._reaching_the_server():
                yield
            return
        if self._local.exists():
            self._local.settle()
        with self._local.saying_what_is_wrong():
            yield

    @contextmanager
    def _reaching_the_server(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        try:
            yield
        except (MlflowException, RequestException) as error:
            if not any(isinstance(e, RequestException) for e in (error, error.__cause__, error.__context__)):
                raise
            raise UnreachableError(
                f"the MLflow server at {self._tracking_uri} does not answer; see that it runs, or unset "
                "MLFLOW_TRACKING_URI to keep releases in the store's own folder"
            ) from error

    @cached_property
    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self._tracking_uri, registry_uri=self._tracking_uri)

    def _is_there(self) -> bool:
        """Whether anything was recorded. A store file that is not there is not created by being asked."""
        if self._local is not None and not self._local.exists():
            return False
        return bool(self._client.search_registered_models(f"name = '{MODEL}'"))

    def _aliases(self) -> Mapping[str, str]:
        """Version by alias."""
        if not self._is_there():
            return {}
        aliases = self._client.get_registered_model(MODEL).aliases
        return {alias: str(version) for alias, version in aliases.items()}

    def _versions(self) -> "tuple[ModelVersion, ...]":
        """What MLflow says of every version, latest first."""
        if not self._is_there():
            return ()
        found = self._client.search_model_versions(f"name = '{MODEL}'", max_results=_MOST_VERSIONS)
        return tuple(sorted(found, key=lambda version: -int(version.version)))

    def _find(self, alias_or_version: str) -> "ModelVersion":
        aliases, versions = self._aliases(), self._versions()
        number = aliases.get(alias_or_version, alias_or_version)
        for version in versions:
            if str(version.version) == number:
                return version
        raise ReleaseError(not_found(alias_or_version, [_described(version, aliases) for version in versions]))

    def _load(self, version: "ModelVersion") -> ScoringRelease:
        with self._files(version, _RELEASE_FOLDER) as folder:
            return load_release(folder)

    def _manifest_in_force(self) -> ReleaseManifest | None:
        if PRODUCTION not in self._aliases():
            return None
        with self._files(self._find(PRODUCTION), f"{_RELEASE_FOLDER}/{MANIFEST}") as file:
            return load_manifest(file)

    @contextmanager
    def _files(self, version: "ModelVersion", path: str) -> Iterator[Path]:
        """A copy of what is at `path` among the artefacts of `version`, for a while."""
        from mlflow.exceptions import MlflowException

        with TemporaryDirectory() as folder:
            try:
                local = self._client.download_artifacts(str(version.run_id), path, folder)
            except (MlflowException, OSError) as error:
                if is_full_or_read_only(error):
                    raise
                raise ReleaseError(
                    f"the files of release version {version.version} are not at {version.source} any more; put them "
                    "back, or train a new release with `leadscore train`"
                ) from error
            yield Path(local)

    def _put_into_force(self, version: str, *, because: str, at: dt.datetime) -> ReleaseVersion:
        self._client.set_model_version_tag(MODEL, version, PROMOTED, because)
        self._client.set_model_version_tag(MODEL, version, PROMOTED_AT, at.isoformat(timespec="seconds"))
        self._client.set_registered_model_alias(MODEL, PRODUCTION, version)
        return _described(self._find(version), self._aliases())

    def _as_candidate(self, version: str) -> ReleaseVersion:
        self._client.set_registered_model_alias(MODEL, CANDIDATE, version)
        return _described(self._find(version), self._aliases())

    def _put_back(self, known: "ModelVersion", release: ScoringRelease) -> None:
        """Put the files of a recorded release back where they cannot be read: `release` was made of the same inputs."""
        try:
            self._load(known)
        except ReleaseError:
            self._log_release(str(known.run_id), release)

    def _close_killed_runs(self) -> None:
        """Mark the unfinished runs of a store in a file as killed: whoever holds the store knows that nobody runs them.

        On a server other trainings may be at work.
        """
        if self._local is None:
            return
        for status in ("RUNNING", "SCHEDULED"):
            for run in self._client.search_runs([self._experiment_id], f"attributes.status = '{status}'"):
                self._client.set_terminated(run.info.run_id, status="KILLED")

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
            description=note(manifest),
        )

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

    def _log_release(self, run_id: str, release: ScoringRelease) -> None:
        with TemporaryDirectory() as folder:
            save_release(release, Path(folder))
            self._client.log_artifacts(run_id, folder, _RELEASE_FOLDER)

    def _log_transition(self, run_id: str, fitted: FittedTransition, *, sample: pd.DataFrame) -> None:
        summary = fitted.summary
        self._log_batch(run_id, parameters=transition_parameters(summary), figures=transition_figures(summary))
        self._client.log_text(run_id, candidates_table(summary).to_csv(index=False), "candidates.csv")
        for evaluation in summary.evaluations:
            moment = moment_name(evaluation)
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
    tags = version.tags
    return ReleaseVersion(
        version=str(version.version),
        release_id=tags.get("release_id", ""),
        definitions_version=tags.get("definitions_version", ""),
        data_fingerprint=tags.get("data_fingerprint", ""),
        recorded_at=dt.datetime.fromtimestamp(version.creation_timestamp / 1000, dt.UTC).replace(tzinfo=None),
        aliases=tuple(sorted(alias for alias, number in aliases.items() if number == str(version.version))),
        run_id=str(version.run_id),
        held_back_because=tags.get(HELD_BACK, ""),
        promoted_because=tags.get(PROMOTED, ""),
        promoted_at=dt.datetime.fromisoformat(tags[PROMOTED_AT]) if PROMOTED_AT in tags else None,
    )
