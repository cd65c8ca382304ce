"""What stands in the store: the release in force, the settings under it, the history that was checked."""

import datetime as dt
from dataclasses import dataclass

from data_contracts.errors import ReleaseError
from data_contracts.history import CheckReport
from data_contracts.releases import ReleaseManifest
from data_contracts.settings import Settings
from data_contracts.thresholds import Thresholds
from pages import Frame, NotThere
from pipelines.in_force import registry_of
from pipelines.store import Store
from pipelines.thresholds import in_force


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the store.

    `settings` are under the configuration of the release in force, where one is; `file` are those of the settings file.
    """

    settings: Settings
    file: Settings
    store: Store
    manifest: ReleaseManifest | NotThere
    checked: CheckReport | NotThere
    thresholds: Thresholds | None

    @classmethod
    def of(cls, settings: Settings) -> "Standing":
        """What stands in the store that `settings` name."""
        store = Store.of(settings)
        manifest = _manifest(store)
        if isinstance(manifest, NotThere):
            return cls(settings, settings, store, manifest, _checked(store), None)
        own = manifest.configuration.under(settings)
        return cls(own, settings, store, manifest, _checked(store), in_force(own, manifest))


def _manifest(store: Store) -> ReleaseManifest | NotThere:
    try:
        registry = registry_of(store)
        manifest = registry.manifest_in_force()
        if manifest is not None:
            return manifest
        versions = registry.versions()
    except ReleaseError as error:
        return NotThere(f"The release in force cannot be read: {error}")
    if not versions:
        return NotThere("Nothing was trained yet; run `leadscore train`.")
    because = versions[0].held_back_because
    held_back = f": the last one was held back because {because}" if because else ""
    return NotThere(f"No release is in force{held_back}. `leadscore releases` shows all; `leadscore promote` decides.")


def _checked(store: Store) -> CheckReport | NotThere:
    if not store.histories.is_there():
        return NotThere("Nothing was checked yet; run `leadscore check`.")
    with store.checked_history() as checked:
        return checked.report


def frame_of(standing: Standing, *, made_at: dt.datetime) -> Frame:
    """What every page says of itself, written at `made_at` (UTC, naive)."""
    settings, manifest, checked = standing.settings, standing.manifest, standing.checked
    policy = standing.thresholds.policy if standing.thresholds else settings.policy
    counts_wins = not isinstance(manifest, NotThere) and not manifest.amounts.n_deals
    return Frame(
        source=settings.crm.source,
        extracted_at=None if isinstance(checked, NotThere) else checked.extracted_at,
        release_id=None if isinstance(manifest, NotThere) else manifest.release_id,
        definitions_version=settings.definitions.version,
        currency="" if counts_wins else settings.crm.currency,
        time_zone=policy.calendar.time_zone,
        settings=settings.pages,
        made_at=made_at,
    )
