"""The black hole on a page: leads that were handed off, and that nobody touched or decided on."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.black_hole import AGE, AGE_BAND, HOURS_OVERDUE, VALUE_AT_STAKE, BlackHole
from data_contracts.snapshots import TEAM
from data_contracts.today import OWNER
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_words import capitalised, counted, file_part, in_words, known, yes_no
from pages.sections import Section
from pages.tables import Column, Shown, Table

AUDIENCE = "seller leader marketer"


def black_hole_section(hole: BlackHole, formats: Formats, *, name: str) -> Section:
    """How many leads are in it now, how old they are, and what is at stake; the leads are opened.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    if hole.unknown_because:
        return Section(
            "Which leads fell into the black hole nobody can say",
            missing=NotThere(
                f"{capitalised(hole.unknown_because)}. To know it, let the CRM record calls and visits as a kind that "
                "`counts_as_contact`."
            ),
            audience=AUDIENCE,
        )
    rest = _unsettled(hole, formats)
    if not hole.rows.num_rows:
        return Section(
            "No lead is in the black hole",
            f"Sales touched each one that was handed off, or decided on it. {rest}".strip(),
            audience=AUDIENCE,
        )
    overdue = pc.sum(hole.rows["is_overdue"]).as_py()
    n = hole.rows.num_rows
    heading = (
        f"{counted(n, 'lead is', 'leads are', formats)} in the black hole: handed off and touched by nobody, "
        f"{formats.count(overdue)} of them overdue"
    )
    folded = {title: table for by, title in _SPLITS.items() if (table := _summary(hole, by, name)).rows.num_rows}
    return Section(
        heading,
        f"Call what is worth most first, or decide on it and say why. {rest}".strip(),
        tuple(_figures(hole, overdue, formats)),
        (_summary(hole, AGE_BAND, name),),
        folded={**folded, f"The {counted(n, 'lead', 'leads', formats)}, what is worth most first": _leads(hole, name)},
        audience=AUDIENCE,
    )


_SPLITS = {TEAM: "By team", OWNER: "By owner"}
_HEADINGS = {AGE_BAND: "Handed off for", TEAM: "Team", OWNER: "Owner"}


def _unsettled(hole: BlackHole, formats: Formats) -> str:
    if not hole.unsettled:
        return ""
    return f"Of {counted(hole.unsettled, 'further lead', 'further leads', formats)} nobody knows when it was closed."


def _figures(hole: BlackHole, overdue: int, formats: Formats) -> Iterator[Figure]:
    n = hole.rows.num_rows
    rows = f"{counted(n, 'lead', 'leads', formats)} in it at {formats.moment(hole.as_of)}."
    oldest = pc.max(hole.rows["age_days"]).as_py()
    yield Figure(
        "Overdue",
        formats.count(overdue),
        f"of {formats.count(n)} in the black hole · the oldest for {formats.count(oldest)} days",
        f"{HOURS_OVERDUE}. {AGE}.",
        rows,
        is_bad=overdue > 0,
    )
    scored = n - hole.rows["expected_value"].null_count
    worth = pc.sum(hole.rows["expected_value"]).as_py()
    yield Figure(
        "Expected value at stake",
        formats.money(worth),
        f"of the {formats.count(scored)} that have a score" if scored else "none of them has a score yet",
        f"{VALUE_AT_STAKE}.",
        rows,
    )


def _summary(hole: BlackHole, by: str, name: str) -> Table:
    rows = hole.summary.filter(pc.equal(hole.summary["by"], by))
    columns = (
        Column("named", _HEADINGS[by]),
        Column("leads", "Leads", Shown.COUNT),
        Column("overdue", "Overdue", Shown.COUNT),
        Column("expected_value", "Expected value at stake", Shown.MONEY),
        Column("scored", "Scored", Shown.COUNT),
    )
    told = in_words(rows, {"named": known("group")})
    how = f"{AGE}. {VALUE_AT_STAKE}."
    return Table(f"{name}-black-hole-by-{file_part(by)}", "Leads in the black hole", told, columns, how)


def _leads(hole: BlackHole, name: str) -> Table:
    rows: pa.Table = in_words(hole.rows, {"late": yes_no("is_overdue", yes="overdue", no="due")})
    columns = (
        Column("lead_id", "Lead", Shown.LEAD),
        Column("expected_value", "Expected value", Shown.MONEY),
        Column("grade", "Grade"),
        Column("age_days", "Days since the hand-off", Shown.COUNT),
        Column("late", "Is", filters=True, bad="overdue"),
        Column("hours_overdue", "Working hours overdue", Shown.NUMBER),
        Column("team", "Team", filters=True),
        Column("owner_id", "Owner", filters=True),
    )
    return Table(
        f"{name}-black-hole", "A lead in the black hole", rows, columns, f"{AGE}. {HOURS_OVERDUE}.", cards=True
    )
