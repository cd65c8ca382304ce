"""What each team gave the other to use: a file that both teams edit, read and judged as a whole."""

import datetime as dt
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator

from data_contracts.definitions import Definitions
from data_contracts.errors import SettingsError
from data_contracts.page_settings import web_address
from data_contracts.section import Section
from data_contracts.setting_problems import refusal
from data_contracts.vocabulary import Stage

Words = Annotated[str, Field(pattern=r"\S")]


class Resource(Section):
    """A deck, battlecard, case study or whatever else one team made for the other.

    Attributes
    ----------
    title
        What both teams call it.
    kind
        "battlecard", "case study", "talk track": in the teams' own words.
    url
        Where it is; empty: the title has to do.
    for_stages, personas
        The leads that it is for; all, unless said.
    answers
        Reasons, objections and competitors that it is an answer to, in the CRM's words; case does not matter.
    owner
        The team that keeps it right.
    updated
        When somebody last did.
    review_every_days
        It is stale once so many days have passed since.
    """

    title: Words
    kind: Words
    url: Annotated[str, AfterValidator(web_address)] = ""
    for_stages: tuple[Stage, ...] = ()
    personas: tuple[str, ...] = ()
    answers: tuple[Words, ...] = ()
    owner: Words
    updated: dt.date
    review_every_days: Annotated[int, Field(gt=0)] = 180

    @field_validator("personas")
    @classmethod
    def _agreed_personas(cls, personas: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        agreed = (info.context or {}).get("personas", personas)
        unknown = [name for name in personas if name not in agreed]
        if unknown:
            raise ValueError(
                f"{', '.join(map(repr, unknown))} is no persona of the definitions; there are "
                f"{', '.join(map(repr, agreed)) or 'none'}"
            )
        return personas

    def is_for(self, stage: Stage, persona: str | None) -> bool:
        """Whether it is for a lead that stands in `stage` and is of `persona` (None: of none)."""
        return (not self.for_stages or stage in self.for_stages) and (not self.personas or persona in self.personas)

    def is_answer_to(self, reason: str) -> bool:
        """Whether it answers `reason`, in whatever case and spacing.

        >>> deck = Resource(title="T", kind="deck", answers=("Chose competitor",), owner="sales", updated=dt.date.max)
        >>> deck.is_answer_to(" chose  Competitor"), deck.is_answer_to("Price")
        (True, False)
        """
        return _as_said(reason) in map(_as_said, self.answers)

    def is_stale(self, on: dt.date) -> bool:
        """Whether it was due for a review by that day."""
        return (on - self.updated).days > self.review_every_days


class Resources(Section):
    """A file of resources; each title once."""

    resources: tuple[Resource, ...] = ()

    @model_validator(mode="after")
    def _each_title_once(self) -> Self:
        twice = sorted(title for title, n in Counter(one.title for one in self.resources).items() if n > 1)
        if twice:
            raise ValueError(f"more than one is called {', '.join(map(repr, twice))}; give each its own title")
        return self


def load_resources(path: Path, *, definitions: Definitions) -> Resources:
    """The resources in the TOML file at `path`.

    Raises `SettingsError` that lists every problem at once: unknown settings and stages, and personas that the
    definitions do not have. Whether anybody says what a resource answers, the history knows (`alignment.content`).
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"there is no file of resources {path.absolute()}; write it, or take `resources` out of [pages]"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    personas = tuple(one.name for one in definitions.personas)
    try:
        return Resources.model_validate(content, context={"personas": personas})
    except ValidationError as error:
        raise refusal(path, error, Resources) from None


def _as_said(text: str) -> str:
    return " ".join(text.split()).casefold()
