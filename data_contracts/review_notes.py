"""What both teams wrote down in their reviews: blockers, wins, and decisions with what became of them."""

import datetime as dt
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from data_contracts.errors import SettingsError
from data_contracts.metrics.periods import Period, Span
from data_contracts.section import Section
from data_contracts.setting_problems import problems_of

Sentence = Annotated[str, Field(pattern=r"\S", max_length=500)]
TeamName = Literal["marketing", "sales", "both"]


class Standing(StrEnum):
    """How a decision stands on a day."""

    DONE = "done"
    OPEN = "open"
    LATE = "late"


class Decision(Section):
    """What a review decided.

    Attributes
    ----------
    what
        In a sentence.
    owner
        The team that does it.
    due
        The day by which it is to be done.
    done_on, outcome
        The day on which it was, and what came of it: filled in later, in the same file.
    """

    what: Sentence
    owner: TeamName
    due: dt.date
    done_on: dt.date | None = None
    outcome: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _outcome_of_what_was_done(self) -> Self:
        if self.outcome and self.done_on is None:
            raise ValueError(f"{self.what!r} has an outcome and no done_on; give the day")
        return self

    def standing(self, day: dt.date) -> Standing:
        """How it stands on the local `day`.

        >>> call = Decision(what="call all demos within the hour", owner="sales", due=dt.date(2026, 7, 1))
        >>> str(call.standing(dt.date(2026, 7, 2)))
        'late'
        """
        if self.done_on is not None and self.done_on <= day:
            return Standing.DONE
        return Standing.LATE if day > self.due else Standing.OPEN


class ReviewNotes(Section):
    """The notes of one review: a file in the folder of reviews.

    Attributes
    ----------
    period, of
        What was reviewed: the period in which the local day `of` lies.
    held_on
        The day on which it was held.
    attended
        Who was there: teams, or roles; no names of persons.
    """

    period: Period
    of: dt.date
    held_on: dt.date
    attended: tuple[Sentence, ...] = ()
    blockers: tuple[Sentence, ...] = ()
    wins: tuple[Sentence, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def span(self, time_zone: str) -> Span:
        """The period that was reviewed."""
        return Span.of(self.period, self.of, time_zone=time_zone)


def read_review_notes(folder: Path | None) -> tuple[ReviewNotes, ...]:
    """The notes of all `*.toml` files in `folder`, those held first coming first; none where there is no folder.

    Raises `SettingsError` that lists every problem of every file.
    """
    notes: list[ReviewNotes] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.toml")) if folder is not None and folder.is_dir() else ():
        try:
            notes.append(ReviewNotes.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))))
        except ValidationError as error:
            problems += [f"{path}: {problem}" for problem in problems_of(error, ReviewNotes)]
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(f"{path} is not valid TOML: {error}")
    if problems:
        raise SettingsError("notes of reviews cannot be read:\n" + "\n".join(f"  - {each}" for each in problems))
    return tuple(sorted(notes, key=lambda one: (one.held_on, one.period)))
