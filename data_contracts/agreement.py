"""What both teams agreed on and what is done with scores, as it holds now, with its versions."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from data_contracts.configuration import definitions_differences
from data_contracts.definitions import Definitions
from data_contracts.estimates import Record
from data_contracts.settings import Settings
from data_contracts.thresholds import PublishedThresholds, Thresholds


class AgreedVersion(Record):
    """One version of the definitions.

    Attributes
    ----------
    changed
        What differs from the version before, by path in the settings file; nothing of the first one.
    """

    version: str
    effective_from: dt.date
    agreed_by: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What holds now.

    Attributes
    ----------
    settings
        Those that runs work under: definitions, attributes and kinds of the release in force, where one is.
    release_id
        The release in force; None where none is, and the settings file is all there is.
    versions
        Of the definitions, those that the store keeps, the newest first.
    thresholds
        Those in force with their policy; None where no release is.
    publications
        Thresholds that were put into force for the release, the first ones first.
    file_changes, file_policy_changes
        In what the settings file differs from what is in force, by path in the file.
    notes
        What cannot be read of all this.
    """

    settings: Settings
    release_id: str | None
    versions: tuple[AgreedVersion, ...]
    thresholds: Thresholds | None
    publications: tuple[PublishedThresholds, ...]
    file_changes: tuple[str, ...] = ()
    file_policy_changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def agreed_versions(versions: Sequence[Definitions]) -> tuple[AgreedVersion, ...]:
    """One of each version of the definitions, the newest first: who agreed on it, and what it changed.

    `versions` are in the order in which they hold.
    """
    before = (None, *versions)
    told = [
        AgreedVersion(
            version=agreed.version,
            effective_from=agreed.effective_from,
            agreed_by=agreed.agreed_by,
            changed=() if earlier is None else _changed(earlier, agreed),
        )
        for earlier, agreed in zip(before, versions, strict=False)
    ]
    return tuple(told[::-1])


def _changed(before: Definitions, after: Definitions) -> tuple[str, ...]:
    """What `after` changed, but for what every version says of itself."""
    changed = after.model_copy(
        update={name: getattr(before, name) for name in ("version", "effective_from", "agreed_by")}
    )
    return definitions_differences(before, changed)
