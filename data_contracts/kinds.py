"""Kinds of activity, declared in the business's own words: which words of the CRM they are, and how each is said."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from data_contracts.deeds import Deed
from data_contracts.section import Section
from data_contracts.vocabulary import Direction, KindFamily


class Phrase(Section):
    """What a seller reads of a kind: `did` completes "this lead ...", after `auxiliary` where it needs one.

    >>> Phrase(did="opened pricing").deed.plain, Phrase(did="assessed by us", auxiliary="was").deed.plain
    ('opened pricing', 'was assessed by us')
    """

    did: Annotated[str, Field(pattern=r"\S")]
    auxiliary: str = ""

    @property
    def deed(self) -> Deed:
        """The phrase as the sayings of features use it."""
        return Deed(self.did, self.auxiliary)


class KindDeclaration(Section):
    """One kind of activity.

    Attributes
    ----------
    words
        The CRM's words for it. Its own name is one as well.
    family
        How it is looked at, and so which features it gives.
    direction
        Who starts it, where the CRM does not say.
    counts_as_contact
        Whether it is a sales touch where we started it. Both teams agree on that: it is part of the definitions.
    least_seconds, outcomes
        What makes it the deed that `phrase` tells: it lasted at least so long, and it ended in one of these outcomes
        (the CRM's words, in any case). What the CRM does not record of an activity is not held against it.
    otherwise
        The kind of an activity that is not the deed: a call that nobody answered is an attempt. Empty: it is of none.
    phrase
        What a seller reads.
    """

    words: tuple[Annotated[str, Field(pattern=r"\S")], ...] = ()
    family: KindFamily
    direction: Direction
    counts_as_contact: bool = False
    least_seconds: Annotated[float, Field(ge=0)] = 0.0
    outcomes: tuple[Annotated[str, Field(pattern=r"\S")], ...] = ()
    otherwise: str = ""
    phrase: Phrase

    @property
    def is_conditional(self) -> bool:
        """Whether an activity of this kind may turn out not to be the deed."""
        return self.least_seconds > 0 or bool(self.outcomes)


Kinds = Mapping[str, KindDeclaration]
"""The declared kinds by name."""


def kind_problems(kinds: Kinds) -> list[str]:
    """Whatever is wrong with the declared kinds among themselves, all at once."""
    return [*_misnamed(kinds), *_shared_words(kinds), *_wrong_alternatives(kinds)]


def agreed_contact(content: Any) -> Any:
    """The content of a settings file with the kinds that count as a sales touch in `definitions.contact.kinds`.

    So the version of the definitions covers them. What is no content of a settings file comes back as it is. Raises
    `ValueError` where `definitions.contact.kinds` is given and says otherwise.
    """
    match content:
        case {"definitions": {**definitions}, "crm": {**crm}}:
            kinds, contact = crm.get("kinds", {}), definitions.get("contact", {})
        case _:
            return content
    if not (isinstance(kinds, dict) and isinstance(contact, dict)):
        return content
    agreed = [name for name, kind in kinds.items() if isinstance(kind, dict) and kind.get("counts_as_contact")]
    if list(contact.get("kinds", agreed)) != agreed:
        raise ValueError(
            "definitions.contact.kinds: this setting is now counts_as_contact of each kind in [crm.kinds]; there it is "
            f"true of {', '.join(agreed) or 'none'}"
        )
    return content | {"definitions": definitions | {"contact": contact | {"kinds": agreed}}}


def _misnamed(kinds: Kinds) -> Iterator[str]:
    for name in kinds:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield f"kind {name!r}: a kind is named in lower-case letters, digits and underscores, like page_view"


def _shared_words(kinds: Kinds) -> Iterator[str]:
    homes: dict[str, list[str]] = {}
    for name, declared in kinds.items():
        for word in declared.words:
            homes.setdefault(word.strip(), []).append(name)
    for word, names in homes.items():
        if len(names) > 1:
            yield f"the word {word!r} stands under {' and '.join(names)}; leave it under one kind, once"


def _wrong_alternatives(kinds: Kinds) -> Iterator[str]:
    for name, declared in kinds.items():
        if not (other := declared.otherwise):
            continue
        if other not in kinds:
            yield f"kind {name!r} is otherwise {other!r}, which is not declared"
        elif kinds[other].is_conditional:
            yield f"kind {name!r} is otherwise {other!r}, which must have no least_seconds and no outcomes of its own"
        if not declared.is_conditional:
            yield f"kind {name!r} says otherwise without least_seconds or outcomes: it would never hold"
