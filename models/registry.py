"""Releases in MLflow: which there are, and which one is in production.

The fitted objects are in the release's own folder (an artefact of the run) and nowhere else. The folder is an MLflow
model as well: `mlflow.pyfunc.load_model("models:/lead-scoring@candidate")` loads it by our own reading. MLflow's own
flavours are not used for the fitted objects: on loading, MLflow takes the list of trusted types from the model itself,
which is no protection. To look at what is fitted, load the release: `ReleaseRegistry(uri).load("candidate")`.
"""

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from data_contracts.configuration import Configuration
from data_contracts.errors import LeadScoreError, ReleaseError, UnreachableError
from data_contracts.releases import Evaluation, ReleaseInputs, ReleaseManifest
from data_contracts.vocabulary import Transition
from models.artefacts import MANIFEST, load_manifest, load_release
from models.fitted import ScoringRelease
from models.local_store import LocalStore, is_full_or_read_only
from models.promotion import reasons_against
from models.release_runs import RELEASE_FOLDER, ReleaseRuns
from models.run_figures import Reference, RunStart, backtest_start, note, training_start
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

    def training(self, inputs: ReleaseInputs, configuration: Configuration) -> AbstractContextManager[str]:
        """The id of a run that is open while a training is at work, to record its release in.

        It has the training's parameters from the beginning. Where the block raises, the run is marked as failed, with
        the reason; where it is stopped or the process killed, as killed (by the next training, in a store in a file).
        """
        return self._opened(training_start(inputs, configuration))

    def backtesting(
        self, inputs: ReleaseInputs, configuration: Configuration, *, n_folds: int, permute: bool
    ) -> AbstractContextManager[str]:
        """The same for a backtest; its windows are recorded by `record_backtest`."""
        return self._opened(backtest_start(inputs, configuration, n_folds=n_folds, permute=permute))

    def record(
        self, release: ScoringRelease, *, samples: Mapping[Transition, pd.DataFrame], run_id: str | None = None
    ) -> ReleaseVersion:
        """The version under which `release` now stands, with the alias `candidate`.

        A release that is recorded already keeps its version: a retry, or a training on the same inputs, adds nothing,
        and its run is taken back. Its files are put back where they cannot be read any more.

        The run holds the release's folder and, as children, a run for each transition: parameters, figures with their
        intervals, plots, and as children the models that were tried.

        Parameters
        ----------
        release
            What was trained.
        samples
            Leads by transition, with the feature columns: features' importance is measured on them.
        run_id
            The run that `training` opened; None to open one now.

        Raises
        ------
        ReleaseError
            Where the release holds a type that could not be loaded again.
        """
        manifest = release.manifest
        if run_id is None:
            with self.training(manifest.inputs, manifest.configuration) as opened:
                return self.record(release, samples=samples, run_id=opened)
        with self._writing("leadscore train"):
            for known in self._versions():
                if known.tags.get("release_id") == manifest.release_id:
                    self._put_back(known, release)
                    self._runs.discard(run_id)
                    return self._as_candidate(str(known.version))
            reference = self._reference()
            self._runs.record(run_id, release, samples=samples, reference=reference)
            told = note(manifest, reference)
            return self._as_candidate(str(self._register(manifest, run_id, told=told).version))

    def record_backtest(self, run_id: str, evaluations: Mapping[Transition, Sequence[Evaluation]]) -> None:
        """Keep the windows of a backtest in the run that `backtesting` opened: figures by window, plots, a note."""
        with self._writing("leadscore backtest"):
            self._runs.record_backtest(run_id, evaluations)

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
    def _opened(self, start: RunStart) -> Iterator[str]:
        with ExitStack() as at_work:
            with self._writing(start.by):
                self._runs.close_killed()
                run_id = self._runs.open(start)
                if self._local is not None:
                    at_work.enter_context(self._local.alive(run_id))
            try:
                yield run_id
            except BaseException as error:
                with suppress(LeadScoreError), self._writing(start.by):  # the store may be what failed
                    self._runs.fail(run_id, error)
                raise

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

    @cached_property
    def _runs(self) -> ReleaseRuns:
        return ReleaseRuns(self._client, self._local)

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
        with self._files(version, RELEASE_FOLDER) as folder:
            return load_release(folder)

    def _manifest_in_force(self) -> ReleaseManifest | None:
        if PRODUCTION not in self._aliases():
            return None
        with self._files(self._find(PRODUCTION), f"{RELEASE_FOLDER}/{MANIFEST}") as file:
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
            self._runs.keep_files(str(known.run_id), release)

    def _reference(self) -> Reference | None:
        """What a new release is told apart from: the one in production, or else the last candidate."""
        aliases = self._aliases()
        for alias, called in ((PRODUCTION, "then in production"), (CANDIDATE, "the candidate before")):
            if alias not in aliases:
                continue
            with suppress(ReleaseError), self._files(self._find(alias), f"{RELEASE_FOLDER}/{MANIFEST}") as file:
                return Reference(load_manifest(file), f"version {aliases[alias]}, {called}")
        return None

    def _register(self, manifest: ReleaseManifest, run_id: str, *, told: str) -> "ModelVersion":
        if not self._is_there():
            self._client.create_registered_model(MODEL, description="Lead scoring releases, see the runs' notes.")
        return self._client.create_model_version(
            MODEL,
            source=f"{self._client.get_run(run_id).info.artifact_uri}/{RELEASE_FOLDER}",
            run_id=run_id,
            tags={
                "release_id": manifest.release_id,
                "definitions_version": manifest.definitions_version,
                "data_fingerprint": manifest.data_fingerprint,
            },
            description=told,
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
