"""The releases that an MLflow store holds, as they are found and read: versions, aliases, files, history."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from data_contracts.errors import ReleaseError
from data_contracts.gate import Promotion
from data_contracts.releases import ReleaseManifest
from models.artefacts import MANIFEST, load_manifest, load_release
from models.fitted import ScoringRelease
from models.local_store import LocalStore, is_full_or_read_only
from models.release_runs import RELEASE_FOLDER
from models.version_tags import described, history_of
from models.versions import PRODUCTION, not_found

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL = "lead-scoring"
"""The one registered model."""

_MOST_VERSIONS = 10_000
"""More releases than a weekly training makes in a century."""


class RecordedReleases:
    """What is recorded in one MLflow store; nothing is written.

    Parameters
    ----------
    client
        Gives that of the store. It is asked for where there is a store: making it makes the store's file.
    local
        The store, where it is a file; None where it is a server.
    """

    def __init__(self, client: "Callable[[], MlflowClient]", local: LocalStore | None) -> None:
        self._client = client
        self._local = local

    def is_there(self) -> bool:
        """Whether anything was recorded. A store file that is not there is not created by being asked."""
        if self._local is not None and not self._local.exists():
            return False
        return bool(self._client().search_registered_models(f"name = '{MODEL}'"))

    def aliases(self) -> Mapping[str, str]:
        """Version by alias."""
        if not self.is_there():
            return {}
        aliases = self._client().get_registered_model(MODEL).aliases
        return {alias: str(version) for alias, version in aliases.items()}

    def versions(self) -> "tuple[ModelVersion, ...]":
        """What MLflow says of every version, latest first."""
        if not self.is_there():
            return ()
        found = self._client().search_model_versions(f"name = '{MODEL}'", max_results=_MOST_VERSIONS)
        return tuple(sorted(found, key=lambda version: -int(version.version)))

    def find(self, alias_or_version: str) -> "ModelVersion":
        """The version under an alias or a number; raises `ReleaseError` where there is none."""
        aliases, versions = self.aliases(), self.versions()
        number = aliases.get(alias_or_version, alias_or_version)
        for version in versions:
            if str(version.version) == number:
                return version
        known = [described(version, aliases, ()) for version in versions]
        raise ReleaseError(not_found(alias_or_version, known))

    def load(self, version: "ModelVersion") -> ScoringRelease:
        """Its release; raises `ReleaseError` where it cannot be read or trusted."""
        with self.files(version, RELEASE_FOLDER) as folder:
            return load_release(folder)

    def manifest_in_force(self) -> ReleaseManifest | None:
        """That of the version in production; None where none is."""
        if PRODUCTION not in self.aliases():
            return None
        return self.manifest(self.find(PRODUCTION))

    def manifest(self, version: "ModelVersion") -> ReleaseManifest:
        """Its manifest; raises `ReleaseError` where it cannot be read."""
        with self.files(version, f"{RELEASE_FOLDER}/{MANIFEST}") as file:
            return load_manifest(file)

    @contextmanager
    def files(self, version: "ModelVersion", path: str) -> Iterator[Path]:
        """A copy of what is at `path` among the artefacts of `version`, for a while."""
        from mlflow.exceptions import MlflowException

        with TemporaryDirectory() as folder:
            try:
                local = self._client().download_artifacts(str(version.run_id), path, folder)
            except (MlflowException, OSError) as error:
                if is_full_or_read_only(error):
                    raise
                raise ReleaseError(
                    f"the files of release version {version.version} are not at {version.source} any more; put them "
                    "back, or train a new release with `leadscore train`"
                ) from error
            yield Path(local)

    def history(self) -> tuple[Promotion, ...]:
        """Every putting into force, the earliest first."""
        return history_of(self.versions(), self.aliases().get(PRODUCTION))
