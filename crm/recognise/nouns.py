"""What recognising an export hands on: guesses with evidence, questions, and the SELECTs and settings they make."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from data_contracts.vocabulary import Availability, DealOutcome, Direction, KindFamily, Stage


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing that was guessed, what it was guessed from, and what only people can say about it (`todo`)."""

    what: str
    value: str
    evidence: str
    todo: str = ""


QUESTIONS = (
    "leads", "won", "lost", "sql", "stages", "dates", "contact", "capacity", "fixed", "pipelines", "rates",
)  # fmt: skip
"""The names of all questions, the weightiest first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that only people can answer.

    `proposal` is taken where nobody answers, `because` is its evidence. The answer is one of `choices`, or of several
    of them with commas where `takes_many`; without choices it is a text. One that is not `pressing` is not asked: its
    proposal is sure, and may be answered otherwise.
    """

    name: str
    asks: str
    proposal: str
    because: str
    choices: tuple[str, ...] = ()
    takes_many: bool = False
    is_pressing: bool = True

    def refusal(self, answer: str) -> str:
        """Why `answer` is none; empty where it is one."""
        said = [one.strip() for one in answer.split(",")] if self.takes_many else [answer.strip()]
        unknown = [one for one in said if one and self.choices and one not in self.choices]
        if not unknown:
            return ""
        return f"the answer to `{self.name}` names {', '.join(map(repr, unknown))}; there are {', '.join(self.choices)}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of activity, as `[crm.kinds]` declares it; `is_known` where the form of its words tells it."""

    name: str
    words: tuple[str, ...]
    family: KindFamily
    direction: Direction
    did: str
    auxiliary: str = ""
    counts_as_contact: bool = False
    outcomes: tuple[str, ...] = ()
    otherwise: str = ""
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute, as `[crm.attributes]` declares it; `column` is the SQL of its value."""

    name: str
    column: str
    table: str
    type: str
    availability: Availability
    meaning: str
    todo: str = ""


@dataclass(frozen=True)
class Select:
    """The SELECT of one canonical table: comment, columns (name to SQL), and what stands after FROM and WHERE.

    Several parts are joined by UNION ALL; all have the same columns. One that no part fills is left out.
    """

    comment: str
    parts: tuple["Part", ...]

    @property
    def text(self) -> str:
        """The text of its file."""
        lines = "\n".join(f"-- {line}" for line in self.comment.splitlines())
        filled = {name for part in self.parts for name, sql in part.columns.items() if sql != "NULL"}
        parts = [
            replace(part, columns={n: sql for n, sql in part.columns.items() if n in filled}) for part in self.parts
        ]
        return f"{lines}\n" + "\nUNION ALL\n".join(part.text for part in parts) + "\n"


@dataclass(frozen=True)
class Part:
    """One SELECT of a union."""

    columns: Mapping[str, str]
    source: str
    where: tuple[str, ...] = ()
    before: str = ""

    @property
    def text(self) -> str:
        """Its SQL."""
        listed = ",\n".join(f"    {sql} AS {name}" for name, sql in self.columns.items())
        where = "\nWHERE " + "\n    AND ".join(self.where) if self.where else ""
        return f"{self.before}SELECT\n{listed}\nFROM {self.source}{where}"


@dataclass(frozen=True)
class Recognised:
    """An export as it was recognised.

    Attributes
    ----------
    selects
        By canonical table, and `extracted_at`.
    stages, directions, outcomes
        The CRM's words, and ours.
    horizons
        Days by transition.
    leads_per_week
        What sales can work.
    assumed_contact
        Why every lead is taken as contacted; empty where the export says whom sales touched.
    currency, rates
        That of all amounts, and what the others are worth in it.
    learn_since
        The first day of leads that are learnt from; empty: all.
    shadow_weeks, leads_until
        The weeks of the past that the export can tell of, and the day they end where leads end long before the extract.
    guesses, questions
        In order. A question that was answered is no longer among them.
    """

    selects: Mapping[str, str]
    stages: Mapping[str, Stage]
    directions: Mapping[str, Direction] = field(default_factory=dict)
    outcomes: Mapping[str, DealOutcome] = field(default_factory=dict)
    kinds: tuple[Kind, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    horizons: Mapping[str, int] = field(default_factory=dict)
    leads_per_week: int = 0
    assumed_contact: str = ""
    currency: str = ""
    rates: Mapping[str, float] = field(default_factory=dict)
    learn_since: str = ""
    effective_from: str = ""
    shadow_weeks: int = 26
    leads_until: str = ""
    guesses: tuple[Guess, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def todos(self) -> tuple[str, ...]:
        """What only people can say, in order, each once."""
        told = [
            *(guess.todo for guess in self.guesses),
            *(attribute.todo for attribute in self.attributes),
        ]
        return tuple(dict.fromkeys(filter(None, told)))
