"""A lead on the call list: what to do by when and why, its scores so far, and its whole way from CRM row to score."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.definitions import Definitions
from data_contracts.thresholds import Grading
from data_contracts.traces import NotTraced, Trace
from data_contracts.vocabulary import Stage, Transition
from pages.cells import Reason, reasons_of
from pages.charts import score_chart
from pages.formats import MISSING, Formats
from pages.frame import Figure, Frame, NotThere, file_name
from pages.site import Page
from pages.tables import Column, Shown, Table
from pages.today_figures import CONVERTED

FOLDER = "leads"

N_OPEN = 2
"""The last steps of the way are open: what would change in the CRM, and what stands there."""

_HISTORY = (
    Column("as_of", "Score of", Shown.DAY),
    Column("p_next", "Next step", Shown.SHARE, low="p_next_low", high="p_next_high"),
    Column("expected_value", "Expected value", Shown.MONEY),
    Column("grade", "Grade"),
    Column("action", "Action"),
    Column("stage", "Stage"),
    Column("release_id", "Release"),
)


def lead_pages(
    listed: pa.Table,
    ways: Iterable[Trace | NotTraced],
    scores: pa.Table,
    *,
    definitions: Definitions,
    grading: Grading,
    frame: Frame,
) -> Iterator[Page]:
    """A page for each lead, whatever its id holds.

    Parameters
    ----------
    listed
        The leads that sales has and has not touched, of `LISTED_SCHEMA`.
    ways
        What each noun holds of each, or why nobody can say.
    scores
        What was published of all of them, of `SCORE_HISTORY_SCHEMA`, the latest first.
    definitions
        Those that were scored under.
    grading
        What the grades mean.
    """
    way_of = {one.lead_id: one for one in ways}
    whole = _history(scores, "The published scores of the leads on the call list")
    places = _places(scores)
    for row in listed.to_pylist():
        lead_id = row["lead_id"]
        first, n = places.get(lead_id, (0, 0))
        own = _history(scores.slice(first, n), "The published scores of the lead, the latest first", within=whole)
        told = {
            **_head(row, frame=frame, becomes=_becomes(row["stage"], definitions), grading=grading),
            **_past(own, lead_id, frame.formats),
            **_way(way_of[lead_id]),
        }
        path = f"{FOLDER}/{file_name(lead_id)}"
        yield Page(path, f"Lead {lead_id}", "lead.html", told, {"score-history": own})


def _places(scores: pa.Table) -> Mapping[str, tuple[int, int]]:
    """Where the rows of each lead begin, and how many they are: rows of one lead lie together."""
    counts = pc.value_counts(scores["lead_id"])
    places, first = {}, 0
    for one in counts.to_pylist():
        places[one["values"]] = (first, one["counts"])
        first += one["counts"]
    return places


def _history(rows: pa.Table, caption: str, *, within: Table | None = None) -> Table:
    return Table(
        "score-history",
        caption,
        rows,
        _HISTORY,
        "Each score that changed a field in the CRM, and each at a hand-off, as it was published. Next step: the "
        "probability of the lead's next stage within its horizon; beside it, what share of later leads given the same "
        "took it (95 %).",
        within=within,
    )


def _becomes(stage: str, definitions: Definitions) -> str:
    """What the lead is once its next transition is taken."""
    is_past = Transition.SQL_TO_WIN in definitions.transitions and stage in (Stage.SQL, Stage.OPPORTUNITY)
    return CONVERTED[Stage.WON if is_past else definitions.first_transition.to_stage]


def _head(row: Mapping[str, Any], *, frame: Frame, becomes: str, grading: Grading) -> dict[str, Any]:
    """What to do by when, and why."""
    reasons = reasons_of(row)
    return {
        "lead_id": row["lead_id"],
        "heading": _heading(row, reasons, becomes, frame.formats),
        "origin": [row[name] for name in ("source", "campaign", "persona") if row[name]],
        "record": frame.settings.record_of(row["lead_id"]),
        "advice": _advice(row, frame.formats),
        "is_overdue": row["is_overdue"],
        "warnings": [_UNLIKE] if row["is_extrapolated"] else [],
        "figures": list(_figures(row, becomes, grading, frame.formats)),
        "reasons": reasons,
        "reasons_heading": _reasons_heading(reasons),
    }


_UNLIKE = "Too few labelled leads resemble it, so its figures are extrapolated: a call tells more than they do."


def _heading(row: Mapping[str, Any], reasons: Sequence[Reason], becomes: str, formats: Formats) -> str:
    first = next((f": {one.said}" for one in reasons if one.direction == "up"), "")
    return f"{formats.share(row['p_next'])} likely to become {becomes}{first}"


def _advice(row: Mapping[str, Any], formats: Formats) -> str:
    by = formats.moment(row["respond_by_at"])
    when = f"Call now: the time to respond passed on {by}." if row["is_overdue"] else f"Call by {by}."
    drawn = " It is below the boundary and was drawn by lot, to learn from." if row["handed_off_by"] == "lot" else ""
    return f"{when}{drawn} Tell the CRM what came of it, with a reason: qualified, or not."


def _reasons_heading(reasons: Sequence[Reason]) -> str:
    up, down = (sum(one.direction == way for one in reasons) for way in ("up", "down"))
    if not up + down:
        return "Nothing tells it from other leads"
    told = f"{_counted(up)} for it, {_counted(down)} against"
    return told[0].upper() + told[1:]


def _counted(n: int) -> str:
    return {0: "nothing speaks", 1: "1 reason speaks"}.get(n, f"{n} reasons speak")


def _figures(row: Mapping[str, Any], becomes: str, grading: Grading, formats: Formats) -> Iterator[Figure]:
    """The figures at the top."""
    low, high = (formats.share(row[end]) for end in ("p_next_low", "p_next_high"))
    yield Figure(
        f"Becomes {becomes}",
        formats.share(row["p_next"]),
        "its interval is not known" if row["p_next_low"] is None else f"{low} to {high} of leads given the same",
        "The calibrated probability of the next stage within its horizon. Beside it, what share of later leads that "
        "were given the same took it: the 95 % interval of the calibration curve.",
        "",
    )
    yield Figure(
        "Expected value",
        formats.money(row["expected_value"]),
        f"{formats.share(row['p_win'])} likely to be won",
        "The probability of a win times what the lead is expected to bring if it is won, or wins where no amount is "
        "known.",
        "",
    )
    yield Figure(
        "Grade",
        row["grade"],
        _grade_words(row["grade"], grading, formats),
        "The letter is the fit with the agreed profile: the weighted share of the known criteria that are met, and C "
        "where none is known. The digit is the probability of the first transition.",
        f"{formats.count(grading.labelled_by_grade.get(row['grade'], 0))} labelled leads had this grade.",
    )
    yield Figure(
        "Respond by",
        formats.moment(row["respond_by_at"]),
        f"handed off {formats.day(row['handed_off_at'])}",
        "The hand-off plus the agreed working hours.",
        "",
        is_bad=row["is_overdue"],
    )
    yield Figure(
        "Owner", row["owner_id"] or MISSING, f"team {row['team']}", "As the CRM says; the team by the policy.", ""
    )


def _grade_words(grade: str, grading: Grading, formats: Formats) -> str:
    """What the letter and the digit say, by the boundaries that they stand for."""
    letter, digit = grade[0], grade[1]
    met = _between(grading.fit_boundaries, "ABCD".index(letter), formats)
    likely = _between(grading.behaviour_boundaries, "1234".index(digit), formats)
    return f"{letter}: {met} of the profile met · {digit}: {likely} likely"


def _between(boundaries: Sequence[float], place: int, formats: Formats) -> str:
    """The part of the scale at `place`, from the top, between its boundaries."""
    if place == 0:
        return f"{formats.share(boundaries[0])} or more"
    if place == len(boundaries):
        return f"less than {formats.share(boundaries[-1])}"
    return f"{formats.share(boundaries[place])} to {formats.share(boundaries[place - 1])}"


def _past(own: Table, lead_id: str, formats: Formats) -> dict[str, Any]:
    """The scores that were published before."""
    rows = own.rows.to_pylist()
    return {
        "history_heading": _history_heading(rows, formats),
        "chart": score_chart(rows, formats=formats) if len(rows) > 1 else None,
        "changes_command": _command("changes", lead_id),
        "trace_command": _command("trace", lead_id),
    }


def _history_heading(rows: Sequence[Mapping[str, Any]], formats: Formats) -> str:
    if not rows:
        return "Its score was not published yet"
    last, first = rows[0], rows[-1]
    if len(rows) == 1:
        return f"Published once, on {formats.day(last['as_of'])}: {formats.share(last['p_next'])}"
    way = f"from {formats.share(first['p_next'])} to {formats.share(last['p_next'])}"
    return f"Published {formats.count(len(rows))} times since {formats.day(first['as_of'])}: {way}"


def _command(verb: str, lead_id: str) -> str:
    """A command that can be pasted into a shell whatever the id holds."""
    end_of_options = "-- " if lead_id.startswith("-") else ""
    return f"leadscore {verb} {end_of_options}{shlex.quote(lead_id)}"


def _way(way: Trace | NotTraced) -> dict[str, Any]:
    """Its whole way, or why it cannot be shown."""
    if isinstance(way, NotTraced):
        return {"missing": NotThere(way.because), "steps": (), "n_open": 0}
    return {"missing": None, "steps": way.steps, "n_open": N_OPEN}
