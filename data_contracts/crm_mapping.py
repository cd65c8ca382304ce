"""How a CRM maps onto our words: where its history is, what its words mean, and what is the customer's own."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from data_contracts.columns import ColumnType
from data_contracts.kinds import KindDeclaration, kind_problems
from data_contracts.left_out import LeftOut, left_out_problems
from data_contracts.privacy import is_personal_name
from data_contracts.section import Folder, Section
from data_contracts.vocabulary import Availability, DealOutcome, Direction, FieldContent, Stage

SOURCES = Path("config/sources")
"""Where the SELECTs of the sources are, unless the settings say otherwise."""

CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code: EUR, USD."""


class AttributeDeclaration(Section):
    """A column of `accounts` or `leads` that is the customer's own, and when its value could have been known.

    A `category` is read as a whole, a `text` (a job title, a campaign's name, a path) by its words.

    A `now` attribute is never a feature: the policy asks for its present value alone.

    `meaning` is for the documents. `phrase` is what a seller reads before the value ("time frame: this quarter");
    without it that is `meaning`.

    `overwritten` attributes (no history, changed after the fact) are refused unless `allowed_because` says why. Nor
    does an attribute with that reason hold a release back where the leak report finds it suspect.
    """

    table: Literal["accounts", "leads"]
    type: Literal["category", "number", "text"]
    availability: Availability
    meaning: str
    phrase: Annotated[str, Field(pattern=r"^$|\S")] = ""
    unit: str = ""
    allowed_because: str = ""

    @property
    def column_type(self) -> ColumnType:
        """The type of its column: a number, or the words of a category or a text."""
        return "number" if self.type == "number" else "string"


class CrmMapping(Section):
    """Where the history is and how its words translate.

    `data_folder` replaces `{data_folder}` in the source's SELECTs. `write_back_fields` are the fields we write, by the
    CRM's name, and what each holds: none of them may come back as an input. `kinds` are the kinds of activity in the
    business's own words. `allowed_kinds` are those that hold no release back where the leak report finds them suspect,
    each with the reason. What meets a condition of `left_out` is left out before anything is learnt or scored.

    `currency` is the one that every amount is read and said in. `rates` say how much of it one unit of another currency
    is, by ISO 4217 code: the check converts amounts of deals by them.
    """

    source: str
    sources_folder: Folder = SOURCES
    data_folder: Folder
    currency: str = ""
    rates: dict[CurrencyCode, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default={})
    stages: dict[str, Stage] = Field(default={})
    kinds: dict[str, KindDeclaration] = Field(default={})
    allowed_kinds: dict[str, Annotated[str, Field(pattern=r"\S")]] = Field(default={})
    directions: dict[str, Direction] = Field(default={})
    outcomes: dict[str, DealOutcome] = Field(default={})
    attributes: dict[str, AttributeDeclaration] = Field(default={})
    left_out: tuple[LeftOut, ...] = ()
    write_back_fields: dict[str, FieldContent] = Field(
        default={f"leadscore_{content}": content for content in FieldContent}
    )

    @property
    def feature_attributes(self) -> dict[str, AttributeDeclaration]:
        """The attributes that models may read, in order: all but those that the policy alone asks for."""
        return {
            name: declared
            for name, declared in self.attributes.items()
            if declared.availability is not Availability.NOW
        }

    @property
    def declared_words(self) -> dict[str, tuple[str, ...]]:
        """By column, the words of those whose vocabulary the settings declare."""
        return {"kind": tuple(self.kinds), "currency": tuple(filter(None, (self.currency, *self.rates)))}

    def attributes_of(self, table: str) -> dict[str, AttributeDeclaration]:
        """The attributes declared for `table`, in order."""
        return {name: declared for name, declared in self.attributes.items() if declared.table == table}

    @model_validator(mode="after")
    def _rates_are_of_other_currencies(self) -> Self:
        if self.rates and not self.currency:
            raise ValueError("rates say what other currencies are worth in `currency`; give it")
        if self.currency in self.rates:
            raise ValueError(f"rates name {self.currency}, the currency of the settings itself; take it out")
        return self

    @model_validator(mode="after")
    def _kinds_go_together(self) -> Self:
        types: dict[tuple[str, str], ColumnType] = {
            (one.table, name): one.column_type for name, one in self.attributes.items()
        }
        unknown = [name for name in self.allowed_kinds if name not in self.kinds]
        problems = [
            *kind_problems(self.kinds),
            *(f"allowed_kinds names {name!r}, which is not declared" for name in unknown),
            *left_out_problems(self.left_out, kinds=self.kinds, types=types),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @field_validator("attributes")
    @classmethod
    def _allowed(cls, attributes: dict[str, AttributeDeclaration]) -> dict[str, AttributeDeclaration]:
        problems = []
        for name, declared in attributes.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                problems.append(f"{name!r} is not a lower-case column name")
            if is_personal_name(name):
                problems.append(f"{name!r} would hold what identifies a person; leave it out")
            if declared.availability is Availability.OVERWRITTEN and not declared.allowed_because:
                problems.append(
                    f"{name!r} is overwritten and may hold the outcome; leave it out or say allowed_because"
                )
        if problems:
            raise ValueError("; ".join(problems))
        return attributes
