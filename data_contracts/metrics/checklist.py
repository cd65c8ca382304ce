"""What two aligned teams have in place, with the evidence that the settings and the notes of reviews give."""

from enum import StrEnum

from data_contracts.estimates import Record


class Met(StrEnum):
    """Whether something is in place."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "nobody can say"


class Item(Record):
    """One line of the checklist.

    Attributes
    ----------
    asks
        What is to be in place, a sentence.
    evidence
        What was found, with its figure or date.
    remedy
        What to do; empty where it is in place.
    """

    asks: str
    met: Met
    evidence: str
    remedy: str = ""


class Checklist(Record):
    """The alignment checklist at a moment."""

    items: tuple[Item, ...]

    @property
    def n_met(self) -> int:
        """How many are in place."""
        return sum(item.met is Met.YES for item in self.items)
