"""Which thresholds were put into force for a release, when, by whom and why: a file a release in the store."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from data_contracts.disk import disk_errors
from data_contracts.errors import StoreError
from data_contracts.keeping import held, kept_file
from data_contracts.thresholds import PublishedThresholds

THRESHOLDS = "thresholds"
"""The folder of the store."""

WAIT_SECONDS = 30.0
"""Publishing takes a moment, so a run waits for another that does it instead of giving up."""

_ENTRIES = TypeAdapter(tuple[PublishedThresholds, ...])


def published(store_folder: Path, release_id: str) -> tuple[PublishedThresholds, ...]:
    """Every thresholds that were put into force for the release, the first ones first; none where none were.

    Raises `StoreError` where the file is damaged.
    """
    path = _thresholds_path(store_folder, release_id)
    with disk_errors(path):
        if not path.exists():
            return ()
        try:
            return _ENTRIES.validate_json(path.read_bytes())
        except ValidationError as error:
            raise StoreError(
                f"{path} is damaged: it holds no published thresholds ({error.error_count()} problems); put it back "
                "from a copy of the store, or remove it and run `leadscore thresholds --publish`"
            ) from error


def write_published(store_folder: Path, release_id: str, entry: PublishedThresholds, *, by: str) -> None:
    """Add `entry` to what was published for the release. Two at once wait for each other; a killed one adds nothing."""
    path = _thresholds_path(store_folder, release_id)
    with disk_errors(path), held(path.parent, by=by, wait_seconds=WAIT_SECONDS):
        path.parent.mkdir(parents=True, exist_ok=True)
        told = (*published(store_folder, release_id), entry)
        with kept_file(path, within=path.parent) as aside:
            aside.write_bytes(_ENTRIES.dump_json(told, indent=2))


def _thresholds_path(store_folder: Path, release_id: str) -> Path:
    return store_folder / THRESHOLDS / f"{release_id}.json"
