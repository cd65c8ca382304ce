"""Under which configuration a run works: that of the release in production, whatever the settings file says meanwhile.

So a file that is edited, or a release that is promoted, never breaks the nightly run.
"""

from data_contracts.configuration import Configuration, redeclared
from data_contracts.errors import BusyError, ReleaseError, SettingsError, SourceError, StoreError
from data_contracts.history import CrmHistory
from data_contracts.progress import Say
from data_contracts.releases import ReleaseManifest
from data_contracts.settings import Settings
from data_contracts.thresholds import Thresholds
from features.catalogue import catalogue_digest
from models.fitted import ScoringRelease
from models.registry import ReleaseRegistry
from pipelines.store import Store
from serving.score import refuse_other_catalogue


def registry_of(store: Store) -> ReleaseRegistry:
    """The releases of `store`."""
    return ReleaseRegistry(store.tracking_uri)


def settings_for_check(settings: Settings, *, warn: Say) -> Settings:
    """`settings` with the attributes and kinds that the release in force reads beside the file's own.

    Both are kept in the history, so that scoring goes on and a new release can be trained. An attribute that the file
    declares with another table or type is kept as the release in force reads it. A kind that the file no longer
    declares has no words of the CRM. Where the release in force cannot be read, what the file declares is kept alone.
    `warn` is told so.
    """
    in_force = _in_force(settings, warn=warn)
    if in_force is None:
        return settings
    kept = in_force.configuration.attributes
    for name in redeclared(kept, settings.crm.attributes):
        warn(f"{_redeclaration(name, in_force, settings)}; the history keeps it as the release in force reads it")
    own, kinds = Configuration.of(settings), in_force.configuration.kinds
    if gone := [name for name in kinds if name not in own.kinds]:
        warn(
            f"release {in_force.release_id}, which is in force, reads kinds of activity that the settings file does "
            f"not declare: {', '.join(gone)}; to it nobody does these any more, until another release is in force"
        )
    both = own.model_copy(update={"attributes": settings.crm.attributes | kept, "kinds": kinds | own.kinds})
    return both.under(settings)


def refuse_redeclared(settings: Settings, *, warn: Say) -> None:
    """Raise `SettingsError` where the file declares an attribute otherwise than the release in force reads it.

    The checked history holds it as the release in force needs it, so it cannot be learnt from as something else.
    """
    in_force = _in_force(settings, warn=warn)
    names = redeclared(in_force.configuration.attributes, settings.crm.attributes) if in_force is not None else ()
    if in_force is not None and names:
        told = "; ".join(_redeclaration(name, in_force, settings) for name in names)
        raise SettingsError(f"{told}; give it another name in the SELECT and in [crm.attributes], then check again")


def refuse_lacking_attributes(history: CrmHistory, settings: Settings) -> None:
    """Raise `SourceError` where the checked history does not hold an attribute of `settings`."""
    lacking = [
        f"{declared.table}.{name}"
        for name, declared in settings.crm.attributes.items()
        if name not in history.tables[declared.table].columns
    ]
    if lacking:
        raise SourceError(
            f"the checked history was made without {', '.join(lacking)}; run `leadscore check` again, then this command"
        )


def load_under_own_configuration(name: str, settings: Settings) -> tuple[ScoringRelease, Settings]:
    """The release under the alias or version `name`, and `settings` under the configuration it was made under.

    Raises `ReleaseError` where there is none, or the features are computed otherwise than when it was made.
    """
    registry = registry_of(Store.of(settings))
    release = registry.load(name)
    own = release.manifest.configuration.under(settings)
    refuse_other_catalogue(release, catalogue_digest(own))
    return release, own


def warn_of_differences(manifest: ReleaseManifest, settings: Settings, *, warn: Say) -> None:
    """Say in one line in what the settings file differs from what the release was made under, and what to do."""
    differing = manifest.configuration.differences(Configuration.of(settings))
    if manifest.source != settings.crm.source:
        differing = (f"crm.source {manifest.source} -> {settings.crm.source}", *differing)
    if differing:
        warn(
            f"release {manifest.release_id} works under the configuration it was made under; the settings file differs "
            f"({', '.join(differing)}): to put the file into force, `leadscore train` and `leadscore promote`"
        )


def warn_of_another_policy(thresholds: Thresholds, settings: Settings, *, warn: Say) -> None:
    """Say where the policy of the settings file is not the one that the thresholds in force were chosen for."""
    if thresholds.policy != settings.policy:
        warn(
            f"policy {thresholds.policy.version} is in force and the settings file holds another "
            f"({settings.policy.version}): to put it into force, `leadscore thresholds --publish`"
        )


def _in_force(settings: Settings, *, warn: Say) -> ReleaseManifest | None:
    try:
        return registry_of(Store.of(settings)).manifest_in_force()
    except (ReleaseError, StoreError, BusyError) as error:
        warn(f"what the release in force reads is not known, so only the settings file counts: {error}")
        return None


def _redeclaration(name: str, in_force: ReleaseManifest, settings: Settings) -> str:
    old, new = in_force.configuration.attributes[name], settings.crm.attributes[name]
    return (
        f"crm.attributes.{name} is a {new.type} of {new.table} in the settings file, and a {old.type} of {old.table} "
        f"to release {in_force.release_id}, which is in force"
    )
