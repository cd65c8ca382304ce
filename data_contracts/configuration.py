"""What a release is made under, as one noun: what both teams agreed on, and which attributes and kinds take part."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from data_contracts.crm_mapping import AttributeDeclaration
from data_contracts.definitions import Definitions
from data_contracts.errors import SettingsError
from data_contracts.kinds import KindDeclaration
from data_contracts.policy import Policy
from data_contracts.settings import Settings
from data_contracts.vocabulary import Availability

ATTRIBUTES = "crm.attributes"
KINDS = "crm.kinds"
ALLOWED_KINDS = "crm.allowed_kinds"


class Configuration(BaseModel):
    """The definitions, the declared attributes and kinds of activity. A release carries those it was made under.

    The configuration *in force* is that of the release in production: editing the settings file changes nothing until a
    release that was trained under the new settings is promoted. The CRM's words for a kind are no part of it: they are
    the settings file's, so that a new word is understood at once. `allowed_kinds` are the activity kinds that are
    allowed whatever the leak report says of them, each with the reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    definitions: Definitions
    attributes: dict[str, AttributeDeclaration]
    kinds: dict[str, KindDeclaration] = {}
    allowed_kinds: dict[str, str] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Configuration":
        """The configuration that the settings file describes."""
        return cls(
            definitions=settings.definitions,
            attributes=settings.crm.feature_attributes,
            kinds={name: kind.model_copy(update={"words": ()}) for name, kind in settings.crm.kinds.items()},
            allowed_kinds=settings.crm.allowed_kinds,
        )

    @property
    def digest(self) -> str:
        """Digest of the content (16 hexadecimal digits)."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()[:16]

    def differences(self, other: "Configuration") -> tuple[str, ...]:
        """What is otherwise in `other`, by path in the settings file: `definitions.icp.fit_boundaries ... -> ...`.

        Empty where both say the same.
        """
        return tuple(_differences(self._content(), other._content()))

    def under(self, settings: Settings) -> Settings:
        """`settings` with this configuration in the place of theirs, and the words of theirs for each kind.

        Raises `SettingsError` where the two do not go together: an attribute here is a write-back field there.
        """
        own = {
            name: declared
            for name, declared in settings.crm.attributes.items()
            if declared.availability is Availability.NOW and name not in self.attributes
        }
        words = {name: {"words": kind.words} for name, kind in settings.crm.kinds.items()}
        kinds = {name: kind.model_copy(update=words.get(name)) for name, kind in self.kinds.items()}
        crm = settings.crm.model_copy(
            update={"attributes": self.attributes | own, "kinds": kinds, "allowed_kinds": self.allowed_kinds}
        )
        try:
            return Settings(
                definitions=self.definitions,
                policy=settings.policy,
                crm=crm,
                store=settings.store,
                checks=settings.checks,
                engine=settings.engine,
                pages=settings.pages.showing(crm.attributes),
                targets=settings.targets,
            ).read_from(settings.file)
        except ValidationError as error:
            problems = "; ".join(problem["msg"] for problem in error.errors())
            raise SettingsError(
                f"the settings file does not go with the configuration of the release: {problems}; mend its [crm]"
            ) from None

    def _content(self) -> dict[str, Any]:
        dumped = self.model_dump(mode="json")
        kinds = {name: {key: kind[key] for key in kind if key != "words"} for name, kind in dumped["kinds"].items()}
        allowed = {ALLOWED_KINDS: dumped["allowed_kinds"]} if self.allowed_kinds else {}
        return {"definitions": dumped["definitions"], ATTRIBUTES: dumped["attributes"], KINDS: kinds} | allowed


def definitions_differences(before: Definitions, after: Definitions) -> tuple[str, ...]:
    """What is otherwise in `after`, by path in the settings file, as `Configuration.differences` tells it."""
    old, new = ({"definitions": agreed.model_dump(mode="json")} for agreed in (before, after))
    return tuple(_differences(old, new))


def policy_differences(before: Policy, after: Policy) -> tuple[str, ...]:
    """What is otherwise in the policy `after`, by path in the settings file."""
    old, new = ({"policy": policy.model_dump(mode="json")} for policy in (before, after))
    return tuple(_differences(old, new))


def settings_told(definitions: Definitions) -> tuple[tuple[str, str], ...]:
    """Every setting of `definitions` that says something: its path in the settings file, and its value in words."""
    return tuple(_told({"definitions": definitions.model_dump(mode="json")}))


def redeclared(
    before: Mapping[str, AttributeDeclaration], after: Mapping[str, AttributeDeclaration]
) -> tuple[str, ...]:
    """Names of the attributes that are of another table or type in `after` than in `before`, in order of `before`.

    One column of the history cannot be both.
    """
    both = ((name, declared, after[name]) for name, declared in before.items() if name in after)
    return tuple(name for name, old, new in both if (old.table, old.type) != (new.table, new.type))


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            here = f"{path}.{name}" if path else name
            if name not in after:
                yield f"{here} removed"
            elif name not in before:
                yield f"{here} added"
            else:
                yield from _differences(before[name], after[name], here)
    elif _is_list_of_tables(before) and _is_list_of_tables(after):
        yield from _differences(_by_name(before), _by_name(after), path)
    else:
        yield f"{path} {_shown(before)} -> {_shown(after)}"


def _told(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if value in (None, "", [], {}):
        return
    if not isinstance(value, Mapping) and not _is_list_of_tables(value):
        yield path, _shown(value)
        return
    if not isinstance(value, Mapping):
        value = {
            place: {name: inner[name] for name in inner if name != "name"} for place, inner in _by_name(value).items()
        }
    for name, inner in value.items():
        yield from _told(inner, f"{path}.{name}" if path else name)


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, Mapping) for v in value)


def _by_name(tables: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The tables by what tells them apart: their name, or else their place in the list (from 1)."""
    return {str(table.get("name", place)): table for place, table in enumerate(tables, start=1)}


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
