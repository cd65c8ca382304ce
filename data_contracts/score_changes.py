"""Why a score moved: the difference between two of a lead's scores, split into what caused it."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What can move a score. `PARTS` has them in the order in which they are taken in turn."""

    CORRECTED = "corrected"
    TIME = "time"
    FACTS = "facts"
    DEFINITIONS = "definitions"
    MODEL = "model"
    THRESHOLD = "threshold"

    @property
    def meaning(self) -> str:
        """What it says to a reader."""
        return {
            Cause.CORRECTED: "what the CRM says of the past was corrected since",
            Cause.TIME: "time passed, and nothing else happened",
            Cause.FACTS: "new facts",
            Cause.DEFINITIONS: "new definitions",
            Cause.MODEL: "a new model",
            Cause.THRESHOLD: "a new threshold or policy",
        }[self]


FIGURES = ("p_sql", "p_win", "expected_value", "above_boundary")
"""What is split. `above_boundary` is the ranking value less the boundary of the lead's team: eligible from 0 on."""


@dataclass(frozen=True, slots=True)
class ScoreState:
    """A lead's score under given facts, moment, release, definitions and thresholds.

    None stands for what does not exist: a probability that the release has no model of, the boundary of no team.
    """

    as_of: dt.datetime
    release_id: str
    definitions_version: str
    thresholds_id: str
    stage: str
    action: str
    p_sql: float | None
    p_win: float
    expected_value: float
    above_boundary: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """What one cause changed of each figure; None where a figure does not exist on both sides of it.

    `causes` are several where they cannot be told apart.
    """

    causes: tuple[Cause, ...]
    p_sql: float | None
    p_win: float | None
    expected_value: float | None
    above_boundary: float | None


@dataclass(frozen=True, slots=True)
class ScoreChanges:
    """The way from one score of a lead to another. The parts of each figure add up to its difference.

    `parts` are in the order in which the causes were taken: each is what its cause changed after those before it.
    """

    lead_id: str
    before: ScoreState
    after: ScoreState
    parts: tuple[Part, ...]


def part_of(causes: tuple[Cause, ...], first: ScoreState, then: ScoreState) -> Part:
    """What changed from `first` to `then`."""
    return Part(causes, **{name: difference(getattr(first, name), getattr(then, name)) for name in FIGURES})


def together(one: Part, other: Part) -> Part:
    """Both parts as one; None where a figure exists in one of them alone."""
    sums = {
        name: None if mine is None or theirs is None else mine + theirs
        for name in FIGURES
        for mine, theirs in ((getattr(one, name), getattr(other, name)),)
    }
    return Part(one.causes, **sums)


def difference(first: float | None, then: float | None) -> float | None:
    """`then` less `first`; None where one of them does not exist."""
    return None if first is None or then is None else then - first


def change_rows(changes: ScoreChanges) -> list[dict[str, str]]:
    """The score before, what each cause changed, and the score after, for reading."""
    return [
        _row(f"published {changes.before.as_of:%Y-%m-%d %H:%M}", changes.before, sign=""),
        *(_row(" and ".join(cause.meaning for cause in part.causes), part, sign="+") for part in changes.parts),
        _row(f"{changes.after.as_of:%Y-%m-%d %H:%M}", changes.after, sign=""),
    ]


def _row(what: str, told: ScoreState | Part, *, sign: str) -> dict[str, str]:
    places = {"p_sql": 4, "p_win": 4, "expected_value": 0, "above_boundary": 4}
    figures = {name: getattr(told, name) for name in FIGURES}
    return {"": what} | {
        name.replace("_", " ") if name == "above_boundary" else name: (
            "–" if value is None else f"{value + 0.0:{sign},.{places[name]}f}"
        )
        for name, value in figures.items()
    }
