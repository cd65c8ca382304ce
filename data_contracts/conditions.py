"""A condition on a declared attribute of a lead or its account."""

from typing import Self

from pydantic import model_validator

from data_contracts.section import Section


class Condition(Section):
    """Whether `attribute` has one of some values, or lies in a range. Exactly one of the two is given.

    A lead of which the attribute is not known does not meet it. Both ends of a range count as in it.
    """

    attribute: str
    one_of: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        has_range = self.at_least is not None or self.at_most is not None
        if bool(self.one_of) == has_range:
            raise ValueError(f"the condition on {self.attribute!r} needs either one_of or at_least/at_most")
        return self
