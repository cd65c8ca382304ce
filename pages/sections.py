"""A part of a page that answers one question: the finding, figures, tables and charts, or why it is not there."""

from dataclasses import dataclass, field, replace

from pages.charts import Chart
from pages.frame import Figure, NotThere
from pages.tables import Table


@dataclass(frozen=True, slots=True)
class Section:
    """One question with its answer.

    Attributes
    ----------
    heading
        The finding, in a sentence.
    said
        What to make of it, and what to do; code stands between backticks.
    figures
        With what each is held against.
    tables
        What is seen at once.
    folded
        What a reader opens, by what it is called.
    points
        Sentences of a list.
    missing
        Why there is no answer, in the place of all that.
    audience
        The views that show it: of `leader`, `marketer`, `seller`.
    """

    heading: str
    said: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    folded: dict[str, Table] = field(default_factory=dict)
    points: tuple[str, ...] = ()
    missing: NotThere | None = None
    audience: str = "leader marketer"

    @property
    def is_empty(self) -> bool:
        """There is nothing but the reason why."""
        return self.missing is not None and not (self.figures or self.charts or self.all_tables)

    def with_leads_folded(self) -> "Section":
        """The same, where tables of single leads and accounts are opened instead of seen."""
        listed = {table.caption: table for table in self.tables if table.is_of_leads}
        seen = tuple(table for table in self.tables if not table.is_of_leads)
        return replace(self, tables=seen, folded=listed | self.folded)

    @property
    def all_tables(self) -> tuple[Table, ...]:
        """Those that are seen and those that are folded."""
        return (*self.tables, *self.folded.values())
