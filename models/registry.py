"""Releases in MLflow: which there are, and which one is in production.

The fitted objects are in the release's own folder (an artefact of the run) and nowhere else. The folder is an MLflow
model as well: `mlflow.pyfunc.load_model("models:/lead-scoring@candidate")` loads it by our own reading. MLflow's own
flavours are not used for the fitted objects: on loading, MLflow takes the list of trusted types from the model itself,
which is no protection. To look at what is fitted, load the release: `ReleaseRegistry(uri).load("candidate")`.
"""

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from data_contracts.backtests import Backtest
from data_contracts.configuration import Configuration
from data_contracts.errors import GateError, LeadScoreError, ReleaseError, UnreachableError
from data_contracts.gate import ChampionComparison, GateVerdict, Promotion, Way
from data_contracts.releases import ReleaseInputs, ReleaseManifest
from data_contracts.shadow import ShadowReport
from data_contracts.vocabulary import Transition
from models.artefacts import MANIFEST, load_manifest
from models.fitted import ScoringRelease
from models.gate import held_back_unread, may_promote
from models.local_store import LocalStore
from models.model_card import model_card
from models.recorded_releases import MODEL, RecordedReleases
from models.release_runs import RELEASE_FOLDER, ReleaseRuns
from models.run_figures import RunStart, champion_figures, rounded, training_start
from models.run_notes import Reference, note
from models.version_tags import (
    COMPARISON,
    GATE,
    comparison_of,
    described,
    in_force_before,
    keep_for_good,
    keep_under_way,
    reason_told,
    settle,
    taken_out,
    verdict_of,
)
from models.versions import CANDIDATE, PRODUCTION, ReleaseVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CARD = "model_card.md"
"""The model card among the artefacts of a release's run."""

BY_RULE = "the gate lets it through"

_QUIET = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}
"""What MLflow reads from the environment, so that standard output stays data and a server that is down is not waited
for beyond half a minute. One that is already set is respected."""


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
        return self.opened(training_start(inputs, configuration))

    @contextmanager
    def opened(self, start: RunStart) -> Iterator[str]:
        """The same for any `start`: a backtest (`record_backtest`), a shadow report (`record_shadow`)."""
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
            for known in self._recorded.versions():
                if known.tags.get("release_id") == manifest.release_id:
                    self._put_back(known, release)
                    self._runs.discard(run_id)
                    return self._as_candidate(str(known.version))
            reference = self._reference()
            self._runs.record(run_id, release, samples=samples, reference=reference)
            told = note(manifest, reference)
            return self._as_candidate(str(self._register(manifest, run_id, told=told).version))

    def record_backtest(self, run_id: str, judged: Mapping[Transition, Backtest]) -> None:
        """Keep a backtest in the run that was `opened` for it: figures by window, plots, groups of leads, a note."""
        with self._writing("leadscore backtest"):
            self._runs.record_backtest(run_id, judged)

    def record_shadow(self, run_id: str, report: ShadowReport) -> None:
        """Keep a shadow report in the run that was `opened` for it: its figures and its verdict, and no lead."""
        with self._writing("leadscore shadow"):
            self._runs.record_shadow(run_id, report)

    def load(self, alias_or_version: str) -> ScoringRelease:
        """The release under an alias (`production`, `candidate`) or a version number.

        Raises `ReleaseError` where there is no such release, or it cannot be read or trusted.
        """
        with self._reading():
            return self._recorded.load(self._recorded.find(alias_or_version))

    def manifest_in_force(self) -> ReleaseManifest | None:
        """The manifest of the release in production; None where none is.

        Raises `ReleaseError` where it cannot be read.
        """
        with self._reading():
            return self._recorded.manifest_in_force()

    def in_force(self) -> ScoringRelease | None:
        """The release in production; None where none is. Raises `ReleaseError` where it cannot be loaded."""
        with self._reading():
            return (
                self._recorded.load(self._recorded.find(PRODUCTION)) if PRODUCTION in self._recorded.aliases() else None
            )

    def promote_by_rule(
        self, version: str, *, comparison: ChampionComparison | None = None, at: dt.datetime, by: str
    ) -> GateVerdict:
        """What the gate says of the release under `version`; it is in force now where the gate lets it through.

        The verdict is kept with the version, and so is `comparison`: how the release stood against the champion. A
        release in force that cannot be read cannot be compared with: a person decides. One that is in force already
        makes no entry in the history.
        """
        with self._writing("leadscore train"):
            found = self._recorded.find(version)
            if comparison is not None:
                self._tag(found, COMPARISON, comparison.model_dump_json())
                for name, value in champion_figures(comparison).items():
                    self._client.log_metric(str(found.run_id), name, rounded(value))
            verdict = self._judge(found, comparison or comparison_of(found))
            if verdict.allows and self._recorded.aliases().get(PRODUCTION) != str(found.version):
                self._put_into_force(found, because=BY_RULE, at=at, by=by, way="rule", verdict=verdict)
            return verdict

    def promote(self, version: str, *, because: str, at: dt.datetime, by: str, force: bool = False) -> Promotion:
        """Put the release under `version` (a number, or `candidate`) into force, and its configuration with it.

        It passes the gate again, against what is in force now. What was in force keeps its version and can be promoted
        or put back.

        Parameters
        ----------
        because, by
            Why, and who; kept in the history.
        at
            When (UTC, naive); kept in the history.
        force
            Put it into force whatever the gate says. The history says so, with the reasons that were overridden.

        Raises
        ------
        GateError
            Where the gate holds it back and it is not forced.
        ReleaseError
            Where there is no such release, it cannot be loaded, or `because` says nothing or names a person.
        """
        told = reason_told(because, command=f"leadscore promote {version}")
        with self._writing("leadscore promote"):
            found = self._recorded.find(version)
            verdict = self._judge(found, comparison_of(found))
            if not verdict.allows and not force:
                raise GateError(
                    f"version {found.version} ({verdict.release_id}) does not pass the gate: "
                    f"{'; '.join(verdict.reasons)}. To put it into force all the same: "
                    f'`leadscore promote {found.version} --force --because "..."`'
                )
            way: Way = "promoted" if verdict.allows else "forced"
            return self._put_into_force(found, because=told, at=at, by=by, way=way, verdict=verdict)

    def version_before(self) -> str:
        """The version in force before the one that is; raises `ReleaseError` where there is none."""
        with self._reading():
            return in_force_before(self._recorded.history(), self._recorded.aliases().get(PRODUCTION))

    def revert(self, version: str, *, because: str, at: dt.datetime, by: str) -> Promotion:
        """Put the release back that was in force before: `version`, as `version_before` gave it.

        The gate is not asked: it stood in force before. Raises `ReleaseError` where it cannot be loaded, another one is
        the one before by now, or `because` says nothing or names a person.
        """
        told = reason_told(because, command="leadscore revert")
        with self._writing("leadscore revert"):
            if in_force_before(self._recorded.history(), self._recorded.aliases().get(PRODUCTION)) != version:
                raise ReleaseError(
                    "another release came into force meanwhile; look at `leadscore releases`, then revert again"
                )
            found = self._recorded.find(version)
            self._recorded.load(found)
            return self._put_into_force(found, because=told, at=at, by=by, way="reverted", verdict=None)

    def history(self) -> tuple[Promotion, ...]:
        """Every putting into force, the earliest first; raises `ReleaseError` where an entry is damaged."""
        with self._reading():
            return self._recorded.history()

    def card(self, alias_or_version: str) -> str:
        """The model card of a release, in Markdown. Raises `ReleaseError` where there is no such release."""
        with self._reading():
            found = self._recorded.find(alias_or_version)
            return model_card(
                self._recorded.manifest(found), comparison=comparison_of(found), verdict=verdict_of(found)
            )

    def versions(self) -> tuple[ReleaseVersion, ...]:
        """All recorded releases, latest first; none where nothing was ever trained."""
        with self._reading():
            aliases, history = self._recorded.aliases(), self._recorded.history()
            return tuple(described(version, aliases, history) for version in self._recorded.versions())

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
    def _recorded(self) -> RecordedReleases:
        return RecordedReleases(lambda: self._client, self._local)

    @cached_property
    def _runs(self) -> ReleaseRuns:
        return ReleaseRuns(self._client, self._local)

    def _judge(self, found: "ModelVersion", comparison: ChampionComparison | None) -> GateVerdict:
        """What the gate says of a version now, kept with it and on its card."""
        candidate, reverted = (
            self._recorded.load(found).manifest,
            taken_out(self._recorded.history(), str(found.version)),
        )
        try:
            champion = self._recorded.manifest_in_force()
            verdict = may_promote(candidate, champion, comparison=comparison, taken_out=reverted)
        except ReleaseError as error:
            verdict = held_back_unread(candidate, error)
        self._tag(found, GATE, verdict.model_dump_json())
        self._client.log_text(str(found.run_id), model_card(candidate, comparison=comparison, verdict=verdict), CARD)
        return verdict

    def _put_into_force(
        self, found: "ModelVersion", *, because: str, at: dt.datetime, by: str, way: Way, verdict: GateVerdict | None
    ) -> Promotion:
        history = self._recorded.history()
        settle(self._client, MODEL, self._recorded.versions(), history)
        entry = Promotion(
            number=1 + (history[-1].number if history else 0),
            version=str(found.version),
            release_id=found.tags["release_id"],
            at=at,
            by=by,
            way=way,
            because=because,
            verdict=verdict,
        )
        keep_under_way(self._client, MODEL, entry)
        self._client.set_registered_model_alias(MODEL, PRODUCTION, entry.version)
        keep_for_good(self._client, MODEL, entry)
        return entry

    def _tag(self, version: "ModelVersion", name: str, text: str) -> None:
        self._client.set_model_version_tag(MODEL, str(version.version), name, text)

    def _as_candidate(self, version: str) -> ReleaseVersion:
        self._client.set_registered_model_alias(MODEL, CANDIDATE, version)
        return described(self._recorded.find(version), self._recorded.aliases(), self._recorded.history())

    def _put_back(self, known: "ModelVersion", release: ScoringRelease) -> None:
        """Put the files of a recorded release back where they cannot be read: `release` was made of the same inputs."""
        try:
            self._recorded.load(known)
        except ReleaseError:
            self._runs.keep_files(str(known.run_id), release)

    def _reference(self) -> Reference | None:
        """What a new release is told apart from: the one in production, or else the last candidate."""
        aliases = self._recorded.aliases()
        for alias, called in ((PRODUCTION, "then in production"), (CANDIDATE, "the candidate before")):
            if alias not in aliases:
                continue
            with (
                suppress(ReleaseError),
                self._recorded.files(self._recorded.find(alias), f"{RELEASE_FOLDER}/{MANIFEST}") as file,
            ):
                return Reference(load_manifest(file), f"version {aliases[alias]}, {called}")
        return None

    def _register(self, manifest: ReleaseManifest, run_id: str, *, told: str) -> "ModelVersion":
        if not self._recorded.is_there():
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
