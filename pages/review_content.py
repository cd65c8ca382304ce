"""What there is to use, on a page: which resource answers which reason, what lacks one, and which are stale."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.content import ANSWERED, COVERED, STALE, Content, Cover
from data_contracts.metrics.why import Topic
from data_contracts.vocabulary import Stage
from pages.agreement import said_stage
from pages.formats import Formats
from pages.frame import Figure, Frame, NotThere
from pages.review_words import Row, Said, in_words, known, made_by, sentences, yes_no
from pages.sections import Section
from pages.site import Page
from pages.tables import Column, Shown, Table

RESOURCES = "resources.html"
"""The page that is sent round."""

SEEN = 8
"""Reasons that are seen at once: one screen with what stands above them."""

_COVERS = {Cover.CURRENT: "current", Cover.STALE: "stale", Cover.NOTHING: "nothing"}

_WHEN = {
    Topic.LOST_DEAL: "lost deals",
    Topic.LOST_LEAD: "lost leads",
    Topic.DISQUALIFIED: "disqualified leads",
    Topic.OBJECTION: "objection",
    Topic.COMPETITOR: "competitor",
}


def content_section(content: Content, formats: Formats, *, name: str) -> Section:
    """Which reasons have an answer, those first that most money is lost over; behind it, leads and resources.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    if content.why_not:
        return Section(
            "What there is to use nobody can say",
            missing=NotThere(
                f"Nothing to use is listed: {content.why_not}. List what each team made for the other, as "
                "`config/resources.toml` does."
            ),
        )
    answers = _answers(content)
    most_said = answers.sort_by([("amount", "descending"), ("n", "descending")])
    seen = Table(f"{name}-most-said", "A reason", most_said.slice(0, SEEN), _answer_columns(), _HOW)
    folded = {
        "Every resource": _resources(content, name=name),
        "Leads by stage and persona": _cells(content, name=name),
    }
    if answers.num_rows > SEEN:
        every = Table(f"{name}-answers", "A reason", answers, _answer_columns(), _HOW)
        folded = {f"All {formats.count(answers.num_rows)} reasons, those without an answer first": every} | folded
    return Section(
        _finding(content, formats),
        sentences(_advice(content, formats)),
        figures=tuple(_figures(content, formats)),
        tables=(seen,) if answers.num_rows else (),
        folded=folded,
        audience="leader marketer seller",
    )


def resources_page(content: Content, frame: Frame) -> Page:
    """The same as a short page of its own, to be sent round."""
    section = content_section(content, frame.formats, name="resources")
    tables = {table.name: table for table in section.all_tables}
    return Page(RESOURCES, "What to use", "resources.html", {"section": section}, tables)


_HOW = (
    made_by(ANSWERED, STALE) + " All periods that are compared count together. The newest resource that is not stale "
    "stands first."
)


def _finding(content: Content, formats: Formats) -> str:
    if not content.n_said:
        covered = formats.share(content.n_covered / content.n_leads) if content.n_leads else ""
        begin = "Nobody says yet what would have to be answered"
        return f"{begin}; for {covered} of open leads there is something to use" if covered else begin
    share = formats.share(content.n_answered / content.n_said)
    begin = f"{share} of the reasons that are said have a current answer"
    gap = _largest_gap(content)
    if gap is None:
        return begin
    lacks = "only a stale one" if gap["cover"] == Cover.STALE else "none"
    return f"{begin}; “{gap['reason']}” ({formats.count(gap['n'])} times) has {lacks}"


def _largest_gap(content: Content) -> dict[str, Any] | None:
    """Of what has no current answer, what most money is lost over, or what is said most often; None where all has."""
    gaps = [row for row in content.answers.to_pylist() if row["cover"] != Cover.CURRENT]
    return max(gaps, key=lambda row: (row["amount"] or 0.0, row["n"]), default=None)


def _advice(content: Content, formats: Formats) -> Iterator[str]:
    """What to write, what to look at again, and what nobody asks for."""
    gap = _largest_gap(content)
    if gap is not None and gap["cover"] == Cover.NOTHING:
        yield f"Write an answer to “{gap['reason']}” first."
    stale = [row for row in content.resources.to_pylist() if row["is_stale"]]
    if stale:
        oldest = max(stale, key=lambda row: row["days_since_update"])
        more = f", and {formats.count(len(stale) - 1)} more" if len(stale) > 1 else ""
        updated = f"last updated on {formats.day(oldest['updated'])}"
        yield f"To be looked at again: “{oldest['title']}” ({oldest['owner']}, {updated}){more}."
    unheard = [said for row in content.resources.to_pylist() for said in row["unheard"]]
    if unheard:
        told = ", ".join(f"“{said}”" for said in dict.fromkeys(unheard))
        yield f"Nobody says {told}, which resources answer: another word in the CRM, or no question any more."


def _figures(content: Content, formats: Formats) -> Iterator[Figure]:
    if content.n_said:
        yield Figure(
            "Answered",
            formats.count(content.n_answered),
            f"of {formats.count(content.n_said)} times that a reason was said "
            f"({formats.share(content.n_answered / content.n_said)})",
            made_by(ANSWERED),
            f"{formats.count(content.answers.num_rows)} reasons.",
        )
    if content.n_leads:
        yield Figure(
            "Open leads with something to use",
            formats.count(content.n_covered),
            f"of {formats.count(content.n_leads)} ({formats.share(content.n_covered / content.n_leads)})",
            made_by(COVERED),
            f"{formats.count(content.n_leads)} leads.",
        )
    stale = content.resources.filter(content.resources["is_stale"]).num_rows
    yield Figure(
        "Stale",
        formats.count(stale),
        f"of {formats.count(content.resources.num_rows)} resources",
        made_by(STALE),
        f"{formats.count(content.resources.num_rows)} resources.",
        is_bad=stale > 0,
    )


def _answers(content: Content) -> pa.Table:
    """The reasons in words, each with the resource to use, its address, and the others."""
    urls = _addresses(content)
    words: dict[str, Said] = {
        "topic_said": lambda row: _WHEN.get(row["topic"], row["topic"]),
        "use": _to_use,
        "url": lambda row: urls.get(_to_use(row) or "", ""),
        "others": lambda row: ", ".join(row["resources"][1:]) or None,
    }
    return in_words(content.answers, words | _COVER)


def _to_use(row: Row) -> str | None:
    return row["resources"][0] if row["resources"] else None


def _addresses(content: Content) -> Mapping[str, str]:
    return {row["title"]: row["url"] for row in content.resources.select(["title", "url"]).to_pylist()}


_COVER: dict[str, Said] = {
    "resources": lambda row: ", ".join(row["resources"]) or None,
    "cover": lambda row: _COVERS[Cover(row["cover"])],
}


def _answer_columns() -> tuple[Column, ...]:
    return (
        Column("reason", "Said"),
        Column("use", "Use", link="url"),
        Column("cover", "It is", bad=_COVERS[Cover.NOTHING]),
        Column("others", "Also"),
        Column("topic_said", "Said of"),
        Column("n", "Times", Shown.COUNT),
        Column("amount", "Amount", Shown.MONEY),
    )


def _resources(content: Content, *, name: str) -> Table:
    stale_first = pc.sort_indices(
        content.resources, sort_keys=[("is_stale", "descending"), ("days_since_update", "descending")]
    )
    words = {"stale": yes_no("is_stale"), "unheard": lambda row: ", ".join(row["unheard"]) or None}
    rows = in_words(content.resources.take(stale_first), words)
    columns = (
        Column("title", "Resource", link="url"),
        Column("kind", "Kind"),
        Column("owner", "Kept right by"),
        Column("updated", "Updated", Shown.DAY),
        Column("stale", "Stale", bad="yes"),
        Column("leads", "Leads it is for", Shown.COUNT),
        Column("n_answered", "Times asked for", Shown.COUNT),
        Column("unheard", "Answers what nobody says"),
    )
    return Table(f"{name}-resources", "A resource", rows, columns, made_by(STALE))


def _cells(content: Content, *, name: str) -> Table:
    words = {"persona": known("persona", unknown="of none"), "stage": lambda row: said_stage(Stage(row["stage"]))}
    rows = in_words(content.cells, words | _COVER)
    columns = (
        Column("stage", "Stage"),
        Column("persona", "Persona"),
        Column("leads", "Leads", Shown.COUNT),
        Column("cover", "There is", bad=_COVERS[Cover.NOTHING]),
        Column("resources", "To use"),
    )
    return Table(f"{name}-covered", "A stage and persona", rows, columns, made_by(COVERED))
