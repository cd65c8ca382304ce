"""How a shared number is computed, said once."""

from data_contracts.estimates import Record


class Formula(Record):
    """A number's name and how it is computed, as it is printed beside the number and in `docs/metrics`.

    Attributes
    ----------
    name
        As tables and pages call the number.
    says
        In words that both teams read: what is divided by what, of which rows.
    """

    name: str
    says: str

    def __str__(self) -> str:
        return f"{self.name} = {self.says}"
