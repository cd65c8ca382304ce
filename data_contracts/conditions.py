"""A condition on a declared attribute of a lead or its account."""

import re
from typing import Self

from pydantic import model_validator

from data_contracts.errors import SettingsError
from data_contracts.section import Section

_WRITTEN = re.compile(r"^\s*(?P<attribute>\w+)\s*(?P<sign>>=|<=|=)\s*(?P<value>\S.*?)\s*$")


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

    @property
    def said(self) -> str:
        """The condition as `condition_written` reads it; a range with both ends in words."""
        if self.one_of:
            return f"{self.attribute} = {', '.join(self.one_of)}"
        ends = [f"{sign} {end:g}" for sign, end in ((">=", self.at_least), ("<=", self.at_most)) if end is not None]
        return f"{self.attribute} {' and '.join(ends)}"


def condition_written(text: str) -> Condition:
    """The condition that a person wrote on the command line.

    Raises `SettingsError` where it is none.

    Examples
    --------
    >>> condition_written("lead_points >= 50").said
    'lead_points >= 50'
    >>> condition_written("rating = Hot, Warm").one_of
    ('Hot', 'Warm')
    """
    found = _WRITTEN.match(text)
    if found is None:
        raise SettingsError(f"{text!r} is no condition; write an attribute, >=, <= or =, and a value: points >= 50")
    attribute, sign, value = found["attribute"], found["sign"], found["value"]
    if sign == "=":
        return Condition(attribute=attribute, one_of=tuple(one.strip() for one in value.split(",")))
    try:
        end = float(value)
    except ValueError:
        raise SettingsError(f"{text!r}: {value!r} is no number; ask for words with =, as in rating = Hot") from None
    return Condition(attribute=attribute, **{"at_least" if sign == ">=" else "at_most": end})
