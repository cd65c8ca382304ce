"""What goes into force, and what is put back: by whom, when and why."""

import datetime as dt
import getpass
import os

from data_contracts.gate import Promotion
from data_contracts.privacy import masked
from data_contracts.settings import Settings
from pipelines.definitions import keep_definitions
from pipelines.in_force import load_under_own_configuration, registry_of
from pipelines.store import Store

USER = "LEADSCORE_USER"
"""The environment variable that says who works here, such as a role."""


def who() -> str:
    """Who works here, for the history: what `LEADSCORE_USER` says, else the name of the user at this machine."""
    try:
        return masked(os.environ.get(USER) or getpass.getuser())
    except (KeyError, ImportError, OSError):  # a container may know its user by number only
        return f"user {os.getuid()}"


def promote(
    settings: Settings, version: str, *, because: str, at: dt.datetime, by: str, force: bool = False
) -> Promotion:
    """Put the release under `version` into force with its configuration, if the gate lets it through or `force`.

    Raises `GateError` where the gate holds it back, `ReleaseError` where there is no such release, or it cannot score
    with this code and these settings, and `SettingsError` where the version of its definitions means something else
    already.
    """
    _refuse_unfit(settings, version, by="leadscore promote")
    return registry_of(Store.of(settings)).promote(version, because=because, at=at, by=by, force=force)


def revert(settings: Settings, *, because: str, at: dt.datetime, by: str) -> Promotion:
    """Put the release back into force that was in force before, with its configuration.

    Again, and it is the one before that. Raises as `promote` does, and `ReleaseError` where nothing was in force
    before. The gate is not asked.
    """
    registry = registry_of(Store.of(settings))
    version = registry.version_before()
    _refuse_unfit(settings, version, by="leadscore revert")
    return registry.revert(version, because=because, at=at, by=by)


def _refuse_unfit(settings: Settings, version: str, *, by: str) -> None:
    """Raise where the release cannot score with this code, or its definitions' version has a second meaning."""
    _, own = load_under_own_configuration(version, settings)
    keep_definitions(settings.store.folder, own.definitions, by=by)
