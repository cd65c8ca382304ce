"""What stays of the last checks, accepted or refused: a file a check in the store."""

from pathlib import Path

from pydantic import ValidationError

from data_contracts.disk import disk_errors
from data_contracts.errors import LeadScoreError
from data_contracts.keeping import held, kept_file
from data_contracts.kept_checks import KeptCheck
from data_contracts.progress import Say, silent

FOLDER = "checks"
"""The folder of the store."""

MOST_KEPT = 400
"""More than a year of nightly checks, a few kilobytes each."""

WAIT_SECONDS = 30.0
"""Keeping takes a moment, so a run waits for another that does it instead of giving up."""


def keep_check(store_folder: Path, check: KeptCheck, *, warn: Say = silent) -> None:
    """Keep `check` beside those before, of which the newest `MOST_KEPT` stay in all.

    A check is worth more than its trace: where that cannot be written, `warn` is told and nothing is raised.
    """
    folder = store_folder / FOLDER
    path = folder / f"{check.checked_at:%Y-%m-%dT%H%M%S.%f}.json"
    try:
        with disk_errors(path), held(folder, by="leadscore check", wait_seconds=WAIT_SECONDS):
            folder.mkdir(exist_ok=True)
            with kept_file(path, within=folder) as aside:
                aside.write_text(check.model_dump_json(indent=2), encoding="utf-8")
            for old in _paths(store_folder)[:-MOST_KEPT]:
                old.unlink(missing_ok=True)
    except LeadScoreError as error:
        warn(f"the pages will not show this check among those before, because it could not be kept: {error}")


def kept_checks(store_folder: Path, *, warn: Say = silent) -> tuple[KeptCheck, ...]:
    """The checks that are kept, the oldest first; `warn` is told of each file that cannot be read, and passed over."""
    read = (_read(path, warn=warn) for path in _paths(store_folder))
    return tuple(check for check in read if check is not None)


def _paths(store_folder: Path) -> list[Path]:
    """The files of the kept checks, the oldest first: they bear the moment of their check."""
    return sorted((store_folder / FOLDER).glob("*.json"))


def _read(path: Path, *, warn: Say) -> KeptCheck | None:
    try:
        return KeptCheck.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no kept check"
        warn(f"{path} cannot be read ({why}), so that check is not among those shown; remove it")
        return None
