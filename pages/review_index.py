"""The alignment index with its parts, the checklist, and what reviews decided, on a page."""

import datetime as dt

from data_contracts.metrics.checklist import Checklist, Met
from data_contracts.metrics.index import INDEX, KEPT, WENT_WITH, WOULD_GAIN, AlignmentIndex
from data_contracts.review_notes import ReviewNotes, Standing
from pages.formats import Formats
from pages.frame import NotThere
from pages.sections import Section
from pages.tables import Column, Shown, Table, told_rows, with_figures_typed


def index_section(index: AlignmentIndex, formats: Formats, *, name: str) -> Section:
    """How well the agreement is kept, part by part, and which part would raise the index most."""
    if index.value is None:
        return Section(
            "How well the agreement is kept nobody can say",
            missing=NotThere("Nothing is agreed that can be measured: give what each team owes in `[targets]`."),
        )
    next_part = index.raise_next
    heading = f"{formats.share(index.value)} of what was agreed is kept"
    said = (
        f"What would raise it most: {next_part.part.name}, kept by {next_part.part.owner}. If that were kept in full, "
        f"it would be {formats.share(index.value + (next_part.would_gain or 0.0))}."
        if next_part
        else "Every part is kept in full."
    )
    folded = {
        "Each part's weight, formula, and whether it went with results": _behind(index, name),
        "The index over time": _trend(index, name),
    }
    return Section(heading, said, tables=(_parts(index, name),), folded=folded)


def checklist_section(checklist: Checklist, formats: Formats, *, name: str) -> Section:
    """What is in place, with the evidence."""
    columns = (
        Column("asks", "Asked"),
        Column("met", "In place", bad=Met.NO),
        Column("evidence", "Evidence"),
        Column("remedy", "To do"),
    )
    rows = [item.model_dump(mode="json") for item in checklist.items]
    table = Table(
        f"{name}-checklist",
        "Something that is to be in place",
        told_rows(rows, columns),
        columns,
        "From the settings and the notes of reviews.",
        cards=True,
    )
    heading = f"{formats.count(checklist.n_met)} of {formats.count(len(checklist.items))} things are in place"
    return Section(heading, tables=(table,))


def decisions_section(last: ReviewNotes | None, formats: Formats, *, today: dt.date, name: str) -> Section:
    """What the last review of this kind decided, and what became of it."""
    if last is None:
        return Section(
            "What the last review decided",
            missing=NotThere(
                "There are no notes of an earlier review of this kind: `[pages] reviews_folder` takes them."
            ),
        )
    if not last.decisions:
        return Section(f"The review of {formats.day(last.held_on)} decided nothing")
    columns = (
        Column("what", "Decided"),
        Column("owner", "By"),
        Column("due", "Due", Shown.DAY),
        Column("standing", "Now", bad=Standing.LATE),
        Column("outcome", "What came of it"),
    )
    rows = [
        one.model_dump(include={"what", "owner", "due", "outcome"}) | {"standing": str(one.standing(today))}
        for one in last.decisions
    ]
    table = Table(f"{name}-decisions", "A decision", told_rows(rows, columns), columns, "From the notes of the review.")
    done = sum(one.standing(today) is Standing.DONE for one in last.decisions)
    late = sum(one.standing(today) is Standing.LATE for one in last.decisions)
    of_late = f", {formats.count(late)} late" if late else ""
    heading = f"{formats.count(done)} of {formats.count(len(last.decisions))} decisions of the last review are done"
    return Section(heading + of_late, tables=(table,))


def notes_section(notes: ReviewNotes | None) -> Section:
    """Blockers and wins that were written down for this period."""
    if notes is None:
        return Section(
            "Blockers and wins",
            missing=NotThere("Nobody wrote any for this period: a file in `[pages] reviews_folder` takes them."),
        )
    points = [*(f"Blocker: {one}" for one in notes.blockers), *(f"Win: {one}" for one in notes.wins)]
    blockers, wins = len(notes.blockers), len(notes.wins)
    heading = f"{blockers} {'blocker' if blockers == 1 else 'blockers'}, {wins} {'win' if wins == 1 else 'wins'}"
    return Section(heading, points=tuple(points))


def _parts(index: AlignmentIndex, name: str) -> Table:
    columns = (
        Column("part", "Part"),
        Column("owner", "Moved by"),
        Column("value", "Reached", Shown.SHARE, low="low", high="high"),
        Column("agreed", "Agreed", Shown.SHARE),
        Column("kept", "Kept of it", Shown.SHARE),
        Column("change", "Change on the time before", Shown.SHARE),
        Column("would_gain", "The whole would gain", Shown.SHARE),
        Column("note", "Not counted because"),
    )
    rows = [
        {
            "part": one.part.name,
            "owner": one.part.owner,
            **one.part.values[-1].model_dump(),
            "agreed": one.part.agreed,
            "kept": one.kept,
            "change": one.change,
            "would_gain": one.would_gain,
            "note": one.not_counted,
        }
        for one in index.parts
    ]
    how = f"{INDEX}. {KEPT}. {WOULD_GAIN}."
    return Table(f"{name}-index", "A part of the index", with_figures_typed(told_rows(rows, columns)), columns, how)


def _behind(index: AlignmentIndex, name: str) -> Table:
    columns = (
        Column("part", "Part"),
        Column("weight", "Weight", Shown.NUMBER),
        Column("formula", "Formula"),
        Column("went_with", "Rank correlation with results", Shown.FIGURE, low="went_low", high="went_high"),
        Column("more_than_chance", "More than chance"),
    )
    rows = [
        {
            "part": one.part.name,
            "weight": one.part.weight,
            "formula": one.part.formula,
            "went_with": one.went_with.value,
            "went_low": one.went_with.low,
            "went_high": one.went_with.high,
            "more_than_chance": "yes" if one.is_more_than_chance else "no",
        }
        for one in index.parts
    ]
    told = with_figures_typed(told_rows(rows, columns))
    return Table(f"{name}-index-parts", "A part of the index", told, columns, f"{WENT_WITH}.")


def _trend(index: AlignmentIndex, name: str) -> Table:
    columns = (
        Column("period", "Period"),
        Column("value", "Index", Shown.SHARE),
        Column("n_parts", "Parts", Shown.COUNT),
    )
    rows = [one.model_dump() for one in index.trend]
    return Table(f"{name}-index-trend", "A period", with_figures_typed(told_rows(rows, columns)), columns, f"{INDEX}.")
