"""The journey on a page: which paths lead to the milestone more often, where leads fall silent, and when sales came."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.journey import (
    LIFT,
    PATH,
    PATH_RATE,
    SHRUNKEN_LIFT,
    STOPPED,
    TOUCH_SHARE,
    TOUCHES_BEFORE,
    WAY_SHARE,
    Journey,
)
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_words import in_words, known, made_by, sentences, sure
from pages.sections import Section
from pages.tables import Column, Shown, Table, told_rows

SEEN = 8
"""Paths that are seen at once, those with the greatest lift first."""


def journey_section(journey: Journey, formats: Formats, *, name: str) -> Section:
    """The paths with the greatest lift; behind them all paths, first and last touches, and where leads stop.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    drop = _greatest_drop(journey)
    if not journey.paths.num_rows and drop is None:
        because = journey.why_not or f"no path was taken by {formats.count(journey.least_leads)} leads"
        return Section(
            "Which way leads take nobody can say",
            missing=NotThere(f"There are no paths: {because}. The settings say what counts as a touch: `[crm.kinds]`."),
        )
    paths = _ranked(journey.paths)
    best = _standing_out(paths)
    tables, folded = _tables(paths, journey, name=name)
    return Section(
        _finding(best, drop, journey, formats),
        sentences(_advice(best, drop, journey, formats)),
        figures=tuple(_figures(journey, formats)),
        tables=tables,
        folded=folded,
    )


def _ranked(paths: pa.Table) -> pa.Table:
    """The paths in words, the greatest lift without chance first."""
    rows = sorted(paths.to_pylist(), key=lambda row: -1.0 if row["shrunken_lift"] is None else row["shrunken_lift"])
    told = pa.Table.from_pylist(rows[::-1], schema=paths.schema)
    return in_words(told, {"path": lambda row: " → ".join(row["path"])})


def _standing_out(paths: pa.Table) -> dict[str, Any] | None:
    """The path that leads there most often, if its interval lies above that of all leads; else None."""
    first: dict[str, Any] | None = next(iter(paths.slice(0, 1).to_pylist()), None)
    is_above = first is not None and (first["shrunken_lift"] or 0) > 1 and (first["lift_low"] or 0) > 1
    return first if is_above else None


def _greatest_drop(journey: Journey) -> dict[str, Any] | None:
    """The stage in which the greatest share falls silent; the step where the history shows no stages."""
    known = [row for row in journey.drops.to_pylist() if row["stopped_share"] is not None]
    stages = [row for row in known if row["along"] == "stages"]
    return max(stages or known, key=lambda row: row["stopped_share"], default=None)


def _place_said(drop: dict[str, Any]) -> str:
    return Milestone(drop["place"]).said if drop["along"] == "stages" else f"step {drop['place']}"


def _finding(best: dict[str, Any] | None, drop: dict[str, Any] | None, journey: Journey, formats: Formats) -> str:
    if best is not None:
        lift = formats.number(best["shrunken_lift"], 1)
        return f"Leads that begin with {best['path']} get to {journey.to.said} about {lift} times as often as others"
    if drop is not None:
        return f"{sure(drop, 'stopped_share', formats.share)} of those that get to {_place_said(drop)} then fall silent"
    return f"No path leads to {journey.to.said} more often than others"


def _advice(
    best: dict[str, Any] | None, drop: dict[str, Any] | None, journey: Journey, formats: Formats
) -> Iterator[str]:
    """What the finding does not say, and where leads are lost from sight."""
    n_paths = journey.paths.num_rows
    if best is not None:
        rate, all_rate = sure(best, "rate", formats.share), formats.share(best["all_rate"])
        lift = sure(best, "lift", lambda value: formats.number(value, 1))
        yield (
            f"As counted, {rate} of them within {formats.count(journey.horizon_days)} days and {all_rate} of all with "
            f"as many steps: {lift} times, of which chance lent a part to one out of {formats.count(n_paths)} paths. "
            "That the path is why, this does not say: try it on some, and compare."
        )
        if drop is not None:
            share = sure(drop, "stopped_share", formats.share)
            yield f"{share} of those that get to {_place_said(drop)} then fall silent."
    elif journey.why_not:
        yield f"Paths are not told: {journey.why_not}."
    elif n_paths:
        yield f"None of {formats.count(n_paths)} paths leads to {journey.to.said} more often than others."
    if drop is not None:
        yield (
            f"{formats.count(drop['stopped'])} have had no touch for {formats.count(journey.silent_days)} days, "
            "nurtured ones too: say who takes them up again."
        )


def _figures(journey: Journey, formats: Formats) -> Iterator[Figure]:
    every = {row["measure"]: row for row in journey.before_sales.to_pylist() if row["persona"] is None}
    told = (
        ("way_share", "Of the way before sales", WAY_SHARE, formats.share),
        ("touches", "Touches before sales", TOUCHES_BEFORE, formats.rough),
    )
    for measure, called, formula, written in told:
        row = every.get(measure)
        if row is not None and row["median"] is not None:
            yield Figure(
                called,
                written(row["median"]),
                f"half of the {formats.count(row['leads'])} lie between {written(row['lower_quartile'])} and "
                f"{written(row['upper_quartile'])}",
                made_by(formula),
                f"{formats.count(row['leads'])} leads; of {formats.count(row['unknown'])} more it is not known.",
            )
    first = next(
        (row for row in journey.first_and_last.to_pylist() if row["position"] == "first" and row["kind"]), None
    )
    if first is not None:
        yield Figure(
            "Most frequent first touch",
            first["kind"],
            f"of {sure(first, 'share', formats.share)} of the MQLs",
            made_by(TOUCH_SHARE),
            f"{formats.count(first['leads'])} MQLs.",
        )
    yield Figure(
        f"Without a touch before {journey.to.said}",
        formats.count(journey.without_touch),
        f"of {formats.count(journey.leads)} leads",
        "Leads of which no touch is known before the milestone.",
        f"{formats.count(journey.leads)} leads.",
    )


def _tables(paths: pa.Table, journey: Journey, *, name: str) -> tuple[tuple[Table, ...], dict[str, Table]]:
    """What is seen, and what is opened; nothing of which there are no rows."""
    columns = (
        Column("path", "Begins with"),
        Column("leads", "Leads", Shown.COUNT),
        Column("reached", f"Became {journey.to.said}", Shown.COUNT),
        Column("rate", "Share", Shown.SHARE, low="rate_low", high="rate_high"),
        Column("all_rate", "Of all", Shown.SHARE),
        Column("lift", "Times as often", Shown.NUMBER, low="lift_low", high="lift_high"),
        Column("shrunken_lift", "Without chance", Shown.NUMBER),
    )
    how = made_by(PATH, PATH_RATE, LIFT, SHRUNKEN_LIFT)
    whole = Table(f"{name}-paths", "A path", paths, columns, how)
    seen = Table(f"{name}-best-paths", "A path", paths.slice(0, SEEN), columns, how, within=whole)
    told = {
        "Every path": whole,
        "Where leads stop": _drops(journey, name=name),
        "First and last touches": _touches(journey, name=name),
        "Before sales, by persona": _before_sales(journey, name=name),
    }
    folded = {called: table for called, table in told.items() if table.rows.num_rows}
    return (seen,) if paths.num_rows else (), folded


def _drops(journey: Journey, *, name: str) -> Table:
    columns = (
        Column("said", "Got to"),
        Column("entered", "Leads", Shown.COUNT),
        Column("stopped_share", "Fall silent", Shown.SHARE, low="stopped_share_low", high="stopped_share_high"),
        Column("went_on", "Went on", Shown.COUNT),
        Column("ended", "Lost or disqualified", Shown.COUNT),
        Column("stopped", "Stopped", Shown.COUNT),
        Column("active", "Active", Shown.COUNT),
        Column("unsettled", "Unsettled", Shown.COUNT),
    )
    how = f"{made_by(STOPPED)} These days: {journey.silent_days}."
    return Table(f"{name}-drops", "A step or stage", in_words(journey.drops, {"said": _place_said}), columns, how)


def _touches(journey: Journey, *, name: str) -> Table:
    rows = in_words(journey.first_and_last, {"kind": known("kind", unknown="(none before MQL)")})
    columns = (
        Column("position", "First or last"),
        Column("kind", "Touch"),
        Column("leads", "MQLs", Shown.COUNT),
        Column("share", "Share", Shown.SHARE, low="share_low", high="share_high"),
        Column("rate", "Take the next step", Shown.SHARE, low="rate_low", high="rate_high"),
    )
    return Table(f"{name}-touches", "A kind of touch", rows, columns, made_by(TOUCH_SHARE))


def _before_sales(journey: Journey, *, name: str) -> Table:
    """A row a persona, with what lay before sales, all leads first."""
    measures = {"way": "way_share", "touches": "touches"}
    told = {(row["persona"], row["measure"]): row for row in journey.before_sales.to_pylist()}
    ends = ("lower_quartile", "median", "median_low", "median_high", "upper_quartile")
    rows = [
        {"persona": persona or "all leads", "leads": told[persona, "touches"]["leads"]}
        | {f"{what}_{end}": told[persona, measure][end] for what, measure in measures.items() for end in ends}
        for persona in dict.fromkeys(persona for persona, _ in told)
    ]
    columns = (
        Column("persona", "Persona"),
        Column("way_median", "Of the way, half of them", Shown.SHARE, low="way_median_low", high="way_median_high"),
        Column("way_lower_quartile", "A quarter, at most", Shown.SHARE),
        Column("way_upper_quartile", "A quarter, at least", Shown.SHARE),
        Column("touches_median", "Touches", Shown.NUMBER, low="touches_median_low", high="touches_median_high"),
        Column("touches_lower_quartile", "Of a quarter, at most", Shown.NUMBER),
        Column("touches_upper_quartile", "Of a quarter, at least", Shown.NUMBER),
        Column("leads", "Leads", Shown.COUNT),
    )
    how = made_by(WAY_SHARE, TOUCHES_BEFORE)
    return Table(f"{name}-before-sales", "A persona", told_rows(rows, columns), columns, how)
