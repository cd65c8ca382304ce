"""Why deals were won and lost, on a page: which reason is said more often than before, and against whom we stand."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.why import (
    AMOUNT_BY_REASON,
    COMPETITOR_WIN_RATE,
    NAMED_SHARE,
    REASON_SHARE,
    REASON_TREND,
    Topic,
    Trend,
    Why,
)
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import said_of, with_days
from pages.review_words import beside, between, in_words, made_by, sentences, sure, sure_of
from pages.sections import Section
from pages.tables import Column, Shown, Table

TOLD_FIRST = (
    Topic.LOST_DEAL,
    Topic.COMPETITOR,
    Topic.OBJECTION,
    Topic.WON_DEAL,
    Topic.LOST_LEAD,
    Topic.DISQUALIFIED,
)
"""In which order topics are told: what costs most first."""

SEEN_OF_TOPIC = 3
"""So many reasons of each topic are seen at once, and all that moved."""

_SAY = {
    Topic.WON_DEAL: "Won deals say",
    Topic.LOST_DEAL: "Lost deals say",
    Topic.LOST_LEAD: "Lost leads say",
    Topic.DISQUALIFIED: "Disqualified leads say",
    Topic.OBJECTION: "Closed deals note the objection",
    Topic.COMPETITOR: "Closed deals name the competitor",
}

_TRENDS = {
    Trend.RISING: "more often",
    Trend.FALLING: "less often",
    Trend.CHANCE: "no more than chance",
    Trend.TOO_FEW: "too few before to compare",
}


def why_section(why: Why, formats: Formats, *, name: str) -> Section:
    """Which reasons are said in the last whole period, beside the periods before it.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    told = _told(why)
    is_now = pc.equal(told["period"], why.spans[-1].first)
    latest, before = told.filter(is_now), told.filter(pc.invert(is_now))
    rows = latest.to_pylist()
    ranked = sorted(_named(rows), key=_rank)
    if not ranked:
        return Section(
            "Why deals are won and lost nobody can say",
            missing=NotThere(
                f"No deal or lead that ended in the {len(why.spans)} {why.spans[-1].period}s up to "
                f"{said_of(why.spans[-1], formats)} says why, as often as it takes to be no single case; agree that "
                "sales gives a reason wherever it closes one."
            ),
        )
    also = [row for row in ranked if _has_moved(row) or row is _main(ranked)]
    seen = latest.filter(pa.array([_is_seen(row, rows) for row in rows], pa.bool_()))
    return Section(
        _finding(ranked[0], why, formats),
        sentences(_advice(rows, why, formats)),
        figures=tuple(_figures(ranked[0], rows, why, formats)),
        tables=(Table(f"{name}-why", "A reason", seen, _columns(), _HOW),),
        folded=_folded(why, latest, before, formats, name=name),
        points=tuple(f"{_finding(row, why, formats)}." for row in also if row is not ranked[0]),
    )


_HOW = made_by(REASON_SHARE, AMOUNT_BY_REASON, REASON_TREND)


def _told(why: Why) -> pa.Table:
    """The reasons in words, each with how it moved; topics in the order in which they are told."""
    trends = {(row["topic"], row["reason"]): row for row in why.trends.to_pylist()}

    def moved(row: dict[str, Any]) -> dict[str, Any]:
        return trends.get((row["topic"], row["reason"]), {}) if row["reason"] is not None else {}

    reasons = with_days(why.reasons, "period")
    rows = sorted(reasons.to_pylist(), key=lambda row: TOLD_FIRST.index(row["topic"]))
    told = [
        row
        | {
            "topic_said": Topic(row["topic"]).said,
            "said": _reason_said(row),
            "share_before": moved(row).get("share_before"),
            "trend": moved(row).get("trend"),
            "p_value": moved(row).get("p_value"),
            "trend_said": _TRENDS[Trend(moved(row)["trend"])] if moved(row) else None,
        }
        for row in rows
    ]
    texts = ("topic_said", "said", "trend", "trend_said")
    added = [pa.field(one, pa.string()) for one in texts] + [
        pa.field(one, pa.float64()) for one in ("share_before", "p_value")
    ]
    return pa.Table.from_pylist(told, schema=pa.schema([*reasons.schema, *added]))


def _reason_said(row: dict[str, Any]) -> str:
    if row["is_rest"]:
        return "rarer ones together"
    if row["reason"] is None:
        return "(nobody named)" if row["topic"] == Topic.COMPETITOR else "(nothing said)"
    return str(row["reason"])


def _named(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["reason"] is not None and row["share"] is not None]


def _has_moved(row: dict[str, Any]) -> bool:
    return row["trend"] in (Trend.RISING, Trend.FALLING)


def _rank(row: dict[str, Any]) -> tuple[bool, int, float, int]:
    """What moved first; then what costs most, and what is said most often."""
    moved = _has_moved(row)
    return not moved, TOLD_FIRST.index(row["topic"]), row["p_value"] if moved else 0.0, -row["n"]


def _main(ranked: list[dict[str, Any]]) -> dict[str, Any]:
    """What lost deals say most often, whether it moved or not; of the next topic where they say nothing."""
    return min(ranked, key=lambda row: (TOLD_FIRST.index(row["topic"]), -row["n"]))


def _is_seen(row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Whether the reason is named, and one of the most frequent of its topic, or one that moved."""
    if row["reason"] is None:
        return False
    of_topic = sorted(_named([each for each in rows if each["topic"] == row["topic"]]), key=lambda each: -each["n"])
    return _has_moved(row) or row in of_topic[:SEEN_OF_TOPIC]


def _finding(row: dict[str, Any], why: Why, formats: Formats) -> str:
    how = {Trend.RISING: "more often", Trend.FALLING: "less often"}.get(row["trend"], "most often")
    last = why.spans[-1]
    begin = f"{_SAY[row['topic']]} “{row['reason']}” {how}: {sure(row, 'share', formats.share)}"
    if row["share_before"] is None:
        return f"{begin} in {said_of(last, formats)}"
    before = f"{formats.share(row['share_before'])} in the {len(why.spans) - 1} {last.period}s before"
    return f"{begin} in {said_of(last, formats)}, {before}"


def _advice(rows: list[dict[str, Any]], why: Why, formats: Formats) -> Iterator[str]:
    """What the shares leave out."""
    if not any(_has_moved(row) for row in rows):
        yield "No reason moved by more than chance."
    if why.silent:
        silent = ", nor ".join(one.said.removesuffix(", in closed deals") for one in why.silent)
        yield f"Nobody says {silent}: agree to write it down at the close."
    if why.undated:
        yield f"{formats.count(why.undated)} closed deals have no day and are counted nowhere."
    won, lost = why.naming_won, why.naming_lost
    if None not in (won.low, won.high, lost.low, lost.high) and (
        (won.low or 0) > (lost.high or 0) or (lost.low or 0) > (won.high or 0)
    ):
        yield (
            f"{formats.share(won.value)} of won and {formats.share(lost.value)} of lost deals name a competitor: win "
            "rates against competitors are off by that."
        )


def _figures(first: dict[str, Any], rows: list[dict[str, Any]], why: Why, formats: Formats) -> Iterator[Figure]:
    """How many say anything, what the reason of the finding is about, and whether competitors are written down."""
    period = said_of(why.spans[-1], formats)
    for topic, what in ((Topic.LOST_DEAL, "Lost deals"), (Topic.WON_DEAL, "Won deals")):
        ended = [row for row in rows if row["topic"] == topic]
        n = sum(row["n"] for row in ended)
        said = sum(row["n"] for row in ended if row["reason"] is not None or row["is_rest"])
        if n:
            yield Figure(
                f"{what} that say why",
                formats.count(said),
                f"of {formats.count(n)} in {period} ({formats.share(said / n)})",
                "Deals of the period with a reason, in the CRM's field or with the lead's last loss.",
                f"{formats.count(n)} deals.",
                is_bad=not said,
            )
    if first["amount"] is not None:
        lacking = f"; {formats.count(first['without_amount'])} say no amount" if first["without_amount"] else ""
        yield Figure(
            f"Amount of “{first['reason']}”",
            formats.money(first["amount"]),
            f"{formats.count(first['n'])} deals in {period}{lacking}",
            made_by(AMOUNT_BY_REASON),
            f"{formats.count(first['n'])} deals.",
        )
    if why.competitors.num_rows:
        yield Figure(
            "Won deals that name a competitor",
            formats.share(why.naming_won.value),
            beside(between(why.naming_won, formats.share), f"of lost ones {sure_of(why.naming_lost, formats.share)}"),
            made_by(NAMED_SHARE),
            f"Closed deals of {formats.count(len(why.spans))} {why.spans[-1].period}s.",
        )


def _columns() -> tuple[Column, ...]:
    return (
        Column("topic_said", "About"),
        Column("said", "Reason"),
        Column("share", "Share", Shown.SHARE, low="share_low", high="share_high"),
        Column("n", "Deals or leads", Shown.COUNT),
        Column("share_before", "Before", Shown.SHARE),
        Column("trend_said", "Said"),
        Column("amount", "Amount", Shown.MONEY),
    )


def _folded(why: Why, latest: pa.Table, before: pa.Table, formats: Formats, *, name: str) -> dict[str, Table]:
    """Competitors, every reason of the period, and those of the periods before."""
    folded = {}
    if why.competitors.num_rows:
        told = in_words(
            why.competitors,
            {"said": lambda row: _reason_said({"topic": Topic.COMPETITOR, "reason": row["competitor"]} | row)},
        )
        columns = (
            Column("said", "Competitor"),
            Column("won", "Won", Shown.COUNT),
            Column("lost", "Lost", Shown.COUNT),
            Column("win_rate", "Won of them", Shown.SHARE, low="win_rate_low", high="win_rate_high"),
            Column("shrunken_win_rate", "Without chance", Shown.SHARE),
            Column("amount_won", "Amount won", Shown.MONEY),
            Column("amount_lost", "Amount lost", Shown.MONEY),
        )
        how = made_by(COMPETITOR_WIN_RATE, NAMED_SHARE) + " All periods together."
        folded["Against which competitors"] = Table(f"{name}-why-competitors", "A competitor", told, columns, how)
    period = said_of(why.spans[-1], formats)
    folded[f"Every reason of {period}"] = Table(f"{name}-why-all", "A reason", latest, _columns(), _HOW)
    earlier = (Column("period", "From", Shown.DAY), *(one for one in _columns() if one.name not in _OF_THE_LAST))
    folded["The periods before"] = Table(f"{name}-why-before", "A reason in a period", before, earlier, _HOW)
    return folded


_OF_THE_LAST = ("share_before", "trend_said")
"""Columns that compare the last period with those before."""
