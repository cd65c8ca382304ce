"""What the tags of recorded versions keep: verdicts of the gate, comparisons, the history of what was in force.

A putting into force is three writes to MLflow: the entry as something under way, the alias `production`, the entry for
good. What is under way counts once the alias agrees. So the history says nothing that is not so, wherever a run is
killed, and the next writer completes or drops what the killed one left. No entry is ever changed.

An entry's tag has its number and a digest of all that it says. On an MLflow server two may be made at once: each takes
the same number, as neither sees the other, and both stay.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from pydantic import ValidationError

from data_contracts.errors import ReleaseError
from data_contracts.estimates import Record
from data_contracts.gate import ChampionComparison, GateVerdict, Promotion
from data_contracts.privacy import LOOKS_PERSONAL, is_personal
from models.versions import ReleaseVersion

GATE = "gate"
"""The tag of a version that holds what the gate last said of it."""

COMPARISON = "champion_comparison"
"""The tag that holds how its training held it against the release then in force."""

UNDER_WAY = "going_into_force."
"""How the tag begins that holds an entry of the history until the alias has moved and the entry stands for good."""

_ENTRY = "in_force."

R = TypeVar("R", bound=Record)


class Recorded(Protocol):
    """A version as MLflow describes it."""

    @property
    def version(self) -> str | int:
        """Its number."""
        ...

    @property
    def run_id(self) -> str | None:
        """The run that made it."""
        ...

    @property
    def creation_timestamp(self) -> int | None:
        """When it was recorded, in milliseconds since 1970."""
        ...

    @property
    def tags(self) -> Mapping[str, str]:
        """What is kept with it."""
        ...


class WritesTags(Protocol):
    """How a tag of a version is written to MLflow."""

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set it."""
        ...

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Take it away; nothing happens where it is gone already."""
        ...


def comparison_of(version: Recorded) -> ChampionComparison | None:
    """How the version's training held it against the champion; None where it did not."""
    return _kept(version, COMPARISON, ChampionComparison)


def verdict_of(version: Recorded) -> GateVerdict | None:
    """What the gate last said of the version; None where it was never asked."""
    return _kept(version, GATE, GateVerdict)


def described(version: Recorded, aliases: Mapping[str, str], history: Sequence[Promotion]) -> ReleaseVersion:
    """The version as its users see it; `aliases` are versions by alias."""
    tags, number, verdict = version.tags, str(version.version), verdict_of(version)
    latest = next((entry for entry in reversed(history) if entry.version == number), None)
    return ReleaseVersion(
        version=number,
        release_id=tags.get("release_id", ""),
        definitions_version=tags.get("definitions_version", ""),
        data_fingerprint=tags.get("data_fingerprint", ""),
        recorded_at=dt.datetime.fromtimestamp((version.creation_timestamp or 0) / 1000, dt.UTC).replace(tzinfo=None),
        aliases=tuple(sorted(alias for alias, named in aliases.items() if named == number)),
        run_id=str(version.run_id),
        held_back_because="; ".join(verdict.reasons) if verdict else "",
        promoted_because=latest.because if latest else "",
        promoted_at=latest.at if latest else None,
    )


def history_of(versions: Iterable[Recorded], in_force: str | None) -> tuple[Promotion, ...]:
    """Every putting into force, the earliest first; of those with one number, by the moment.

    Parameters
    ----------
    versions
        All that are recorded.
    in_force
        The version that the alias `production` names; None where it names none.

    Raises
    ------
    ReleaseError
        Where an entry is no such thing.
    """
    found = {
        _key(entry): entry
        for version in versions
        for tag, text in version.tags.items()
        if tag.startswith(_ENTRY) or (tag.startswith(UNDER_WAY) and str(version.version) == in_force)
        for entry in (_read(text, tag=tag, version=str(version.version)),)
    }
    return tuple(sorted(found.values(), key=lambda entry: (entry.number, entry.at, _key(entry))))


def in_force_before(history: Iterable[Promotion], in_force: str | None) -> str:
    """The version that was in force before `in_force` came into force.

    What was put back is taken off: after versions 1, 2 and 3 the first answer is 2; once 2 was put back, it is 1. So
    going back twice goes back further, and never to what was just taken out of force.

    Raises
    ------
    ReleaseError
        Where nothing was in force before.
    """
    standing: list[str] = []
    for entry in history:
        while entry.way == "reverted" and standing and standing[-1] != entry.version:
            standing.pop()
        if standing[-1:] != [entry.version]:
            standing.append(entry.version)
    if standing[-1:] == [in_force]:
        standing.pop()
    if not standing:
        raise ReleaseError(
            "no release was in force before the one that is now; `leadscore releases` lists what there is to promote"
        )
    return standing[-1]


def taken_out(history: Iterable[Promotion], version: str) -> Promotion | None:
    """The entry by which a person took `version` out of force since it was last put there; None where nobody did.

    A training on the same inputs must not put it back by rule.
    """
    found, before = None, ""
    for entry in history:
        if entry.way == "reverted" and before == version:
            found = entry
        elif entry.version == version:
            found = None
        before = entry.version
    return found


def keep_under_way(client: WritesTags, model: str, entry: Promotion) -> None:
    """Keep `entry` as what is about to be done: the alias of `model` moves next."""
    client.set_model_version_tag(model, entry.version, UNDER_WAY + _key(entry), entry.model_dump_json())


def keep_for_good(client: WritesTags, model: str, entry: Promotion) -> None:
    """Keep `entry` as done: the alias of `model` has moved."""
    client.set_model_version_tag(model, entry.version, _ENTRY + _key(entry), entry.model_dump_json())
    client.delete_model_version_tag(model, entry.version, UNDER_WAY + _key(entry))


def settle(client: WritesTags, model: str, versions: Iterable[Recorded], history: Iterable[Promotion]) -> None:
    """What a killed run left under way stands for good where `history` says that it happened, and goes otherwise."""
    happened = {_key(entry): entry for entry in history}
    for version in versions:
        for tag in [tag for tag in version.tags if tag.startswith(UNDER_WAY)]:
            entry = happened.get(tag.removeprefix(UNDER_WAY))
            if entry is not None:
                keep_for_good(client, model, entry)
            else:
                client.delete_model_version_tag(model, str(version.version), tag)


def reason_told(because: str, *, command: str) -> str:
    """`because` on one line. Raises `ReleaseError` where it says nothing, or names a person's address or number."""
    told = " ".join(because.split())
    if not told:
        raise ReleaseError(f"say why, because the history keeps it: `{command} --because ...`")
    if is_personal(told):
        raise ReleaseError(f"the reason after --because holds what {LOOKS_PERSONAL}; say who by a role")
    return told


def _key(entry: Promotion) -> str:
    """What tells the entry from all others, in order of the numbers."""
    digest = hashlib.sha256(entry.model_dump_json().encode()).hexdigest()[:16]
    return f"{entry.number:06d}.{digest}"


def _kept(version: Recorded, name: str, kind: type[R]) -> R | None:
    """What the tag `name` holds; None where it holds nothing that this version of leadscore knows."""
    try:
        return kind.model_validate_json(version.tags.get(name, ""))
    except ValidationError:
        return None


def _read(text: str, *, tag: str, version: str) -> Promotion:
    try:
        return Promotion.model_validate_json(text)
    except ValidationError as error:
        raise ReleaseError(
            f"the tag {tag} of release version {version} holds no entry of the history "
            f"({error.error_count()} problem(s)); put it back from a copy of the store, or delete the tag in MLflow"
        ) from None
