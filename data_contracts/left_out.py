"""What is left out before anything is learnt or scored: bot clicks, mail scanners, test and internal leads."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from data_contracts.columns import TABLES, ColumnType
from data_contracts.privacy import is_personal_name
from data_contracts.section import Section


class LeftOut(Section):
    """Rows that are left out under a name, by a condition on one column of their table.

    Attributes
    ----------
    name
        What they are, in the business's words: they are counted under it.
    table
        With an account its leads are left out, and with a lead all its rows.
    column
        Of the table as the source gives it, whether or not anybody declared it. A condition on it does not make it a
        feature. A column with a vocabulary holds our words.
    one_of, at_least, at_most
        The condition. A missing value meets none. Beside `within_seconds_of`, `at_most` is the number of seconds.
    within_seconds_of
        Of activities: the row is at most `at_most` seconds after an activity of this kind of the same lead.
    """

    name: Annotated[str, Field(pattern=r"\S")]
    table: Literal["accounts", "leads", "activities"]
    column: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]
    one_of: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    within_seconds_of: str = ""

    @property
    def column_type(self) -> ColumnType:
        """How the column is read: as words, or as a number."""
        return "string" if self.one_of else "number"


def left_out_problems(
    several: Sequence[LeftOut], *, kinds: Collection[str], types: Mapping[tuple[str, str], ColumnType]
) -> list[str]:
    """Whatever is wrong with the conditions, all at once.

    Parameters
    ----------
    kinds
        The declared ones.
    types
        Of the declared attributes, by table and name.
    """
    names = [one.name for one in several]
    twice = sorted({name for name in names if names.count(name) > 1})
    repeated = [f"left_out {name!r} stands there twice; give each a name of its own" for name in twice]
    of_contract = {(t.name, c.name): c.type for t in TABLES.values() for c in t.columns}
    read_as: dict[tuple[str, str], ColumnType] = {(one.table, one.column): one.column_type for one in several}
    read_as |= {**types, **of_contract}
    problems = ((one, [*_problems(one, kinds), *_misread(one, read_as[one.table, one.column])]) for one in several)
    return [*repeated, *(f"left_out {one.name!r} {problem}" for one, found in problems for problem in found)]


def _misread(one: LeftOut, column_type: ColumnType) -> Iterator[str]:
    if is_personal_name(one.column):
        yield f"asks for {one.column!r}, which would hold what identifies a person; let the SELECT tell it otherwise"
    if column_type != one.column_type:
        needs = {"string": "one_of", "number": "at_least/at_most", "timestamp": "no condition: it is a time"}
        yield f"asks for {one.column!r}, which needs {needs[column_type]}"


def _problems(one: LeftOut, kinds: Collection[str]) -> Iterator[str]:
    if one.within_seconds_of:
        if one.table != "activities":
            yield f"has within_seconds_of, but {one.table} are no activities"
        if one.within_seconds_of not in kinds:
            yield f"is within seconds of {one.within_seconds_of!r}, which is not declared in [crm.kinds]"
        if not one.one_of or one.at_most is None or one.at_least is not None:
            yield "has within_seconds_of: it needs one_of for the column, at_most for the seconds, and no at_least"
    elif bool(one.one_of) == (one.at_least is not None or one.at_most is not None):
        yield "needs either one_of or at_least/at_most"
    if one.table == "activities" and one.column == "kind":
        for word in one.one_of:
            if word not in kinds:
                yield f"is about the kind {word!r}, which is not declared in [crm.kinds]"
