"""The cohort funnel on a page: which share takes each step, how sure that is, and how long it takes."""

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.funnel import DAYS, RATE, RAW_RATE, CohortFunnel, Milestone, Step
from pages.formats import Formats
from pages.sections import Section
from pages.tables import Column, Shown, Table

WAY = tuple(one for one in Milestone if one is not Milestone.SALES_READY)
"""The stages in order; ready to buy is an attribute of an SQL and no stage."""


def funnel_section(funnel: CohortFunnel, formats: Formats, *, name: str) -> Section:
    """The steps of the latest cohorts whose horizon has passed, and every cohort in a table that is opened.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    rows = funnel.rows.filter(pc.is_null(funnel.rows["group"]))
    mature = rows.filter(rows["is_mature"])
    latest = _latest(mature)
    columns = _columns()
    shown = Table(f"{name}-funnel", "A step of the funnel", _told(latest), columns, f"{RATE}. {DAYS}. {RAW_RATE}.")
    whole = Table(
        f"{name}-funnel-cohorts",
        "A cohort taking a step",
        _told(rows),
        (Column("cohort", "From", Shown.DAY), *columns, Column("mature", "Horizon passed")),
        "A cohort that is not mature yet shows what has come so far, which is too low. Leads of which nobody knows "
        "when they were closed count in no rate.",
    )
    return Section(
        _heading(latest, formats),
        "Of each step the latest cohort whose time has passed.",
        tables=(shown,),
        folded={f"All {formats.count(rows.num_rows)} cohorts and steps": whole},
    )


def _latest(rows: pa.Table) -> pa.Table:
    """The latest cohort of each step, in the order of the funnel."""
    order = [step.value for step in Step]
    latest: dict[str, dict[str, object]] = {row["step"]: row for row in rows.to_pylist()}
    return pa.Table.from_pylist(sorted(latest.values(), key=lambda row: order.index(str(row["step"]))), rows.schema)


def _told(rows: pa.Table) -> pa.Table:
    """The rows with the step in words, and where a median is a least one, that said."""
    listed = rows.to_pylist()
    known = {Step(row["step"]).start for row in listed if row["rate"] is not None}
    steps = [_said(Step(row["step"]), known) for row in listed]
    least = ["at least" if row["is_least_median"] else "no" for row in listed]
    mature = ["yes" if row["is_mature"] else "not yet" for row in listed]
    for column, values in (("step_said", steps), ("days_said", least), ("mature", mature)):
        rows = rows.append_column(column, pa.array(values, pa.string()))
    return rows


def _said(step: Step, known: Collection[Milestone]) -> str:
    """The step, and which stages it leads over."""
    first, last = (WAY.index(one) if one in WAY else 0 for one in (step.start, step.end))
    over = [one.said for one in WAY[first + 1 : last] if one in known]
    return f"{step.said}, over {' and '.join(over)}" if over else step.said


def _columns() -> tuple[Column, ...]:
    return (
        Column("step_said", "Step"),
        Column("entered", "Leads", Shown.COUNT),
        Column("rate", "Take it", Shown.SHARE, low="rate_low", high="rate_high"),
        Column("horizon_days", "Within days", Shown.COUNT),
        Column("raw_rate", "So far", Shown.SHARE),
        Column("ended", "Lost or disqualified", Shown.COUNT),
        Column("open", "Open", Shown.COUNT),
        Column("unsettled", "Unsettled", Shown.COUNT),
        Column("days_said", "Still rising"),
        Column("days_median", "Days, half of them", Shown.NUMBER),
    )


def _heading(latest: pa.Table, formats: Formats) -> str:
    """The step of the way on which most leads stay behind."""
    rows = {Step(row["step"]): row for row in latest.to_pylist() if row["rate"] is not None}
    if not rows:
        return "No cohort's time has passed yet"
    widest = max(_shortest(rows), key=lambda row: row["entered"] * (1 - row["rate"]))
    low, high = (formats.share(widest[end]) for end in ("rate_low", "rate_high"))
    said = Step(widest["step"]).said
    return f"Most leads stay behind at {said}: {formats.share(widest['rate'])} take it ({low} to {high})"


def _shortest(rows: Mapping[Step, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The steps that make up the way: from each stage to the nearest of those that are known."""
    nearest: dict[Milestone, Step] = {}
    for step in sorted(rows.keys() & {one for one in Step if one.end in WAY}, key=lambda one: WAY.index(one.end)):
        nearest.setdefault(step.start, step)
    return [rows[step] for step in nearest.values()]
