"""How many leads got how far in a period: the heading and the figures at the top of a review."""

from collections.abc import Iterator

from data_contracts.metrics.counts import REACHED, USUAL, StageCounts
from data_contracts.metrics.funnel import Milestone
from pages.formats import Formats
from pages.frame import Figure
from pages.review_periods import said_of
from pages.sections import Section
from pages.tables import Column, Shown, Table

CALLED = {
    Milestone.LEAD: "New leads",
    Milestone.MQL: "MQLs",
    Milestone.SAL: "Accepted by sales",
    Milestone.SQL: "SQLs",
    Milestone.SALES_READY: "Sales-ready",
    Milestone.OPPORTUNITY: "Opportunities",
    Milestone.CUSTOMER: "Customers",
}

AT_THE_TOP = (Milestone.CUSTOMER, Milestone.SQL, Milestone.MQL, Milestone.LEAD)
"""What the heading tells of, what matters most first."""


def counts_heading(counts: StageCounts, formats: Formats) -> str:
    """The finding: what was out of the usual, else that nothing was."""
    begin = said_of(counts.span, formats)
    for milestone in AT_THE_TOP:
        row = counts.row(milestone)
        if row is not None and (side := _side(row)):
            usual = f"usual are {formats.count(row['usual_low'])} to {formats.count(row['usual_high'])}"
            return f"{begin}: {formats.count(row['reached'])} {_named(milestone)}, {side} than usual ({usual})"
    told = [
        f"{formats.count(row['reached'])} {_named(milestone)}"
        for milestone in reversed(AT_THE_TOP)
        if (row := counts.row(milestone)) is not None
    ]
    is_known = any((counts.row(one) or {}).get("usual") is not None for one in AT_THE_TOP)
    return f"{begin}: {', '.join(told)}{', as usual' if is_known else ''}"


def counts_figures(counts: StageCounts, formats: Formats) -> Iterator[Figure]:
    """One figure a milestone, with the period before, what is usual, and what was planned."""
    for row in counts.rows.to_pylist():
        milestone = Milestone(row["milestone"])
        beside = [] if row["before"] is None else [f"{formats.count(row['before'])} the {counts.span.period} before"]
        if row["usual"] is not None:
            beside.append(f"usual {formats.count(row['usual_low'])} to {formats.count(row['usual_high'])}")
        if row["target"] is not None:
            beside.append(f"planned {formats.count(row['target'])}")
        yield Figure(
            CALLED[milestone],
            formats.count(row["reached"]),
            " · ".join(beside),
            f"{REACHED}.",
            "The period before is told as it was known the same time after its end.",
            is_bad=_side(row) == "fewer",
        )


def counts_section(counts: StageCounts) -> Section:
    """The same as a table."""
    columns = (
        Column("milestone", "Reached"),
        Column("reached", "This time", Shown.COUNT),
        Column("before", "The time before", Shown.COUNT),
        Column("usual", "Usual", Shown.NUMBER, low="usual_low", high="usual_high"),
        Column("target", "Planned", Shown.COUNT),
    )
    table = Table(f"{counts.span.period}-counts", "A milestone of the funnel", counts.rows, columns, f"{USUAL}.")
    return Section("How many got how far", tables=(table,))


def _named(milestone: Milestone) -> str:
    name = CALLED[milestone]
    return name if name.isupper() or name[:2].isupper() else name[0].lower() + name[1:]


def _side(row: dict[str, float | None]) -> str:
    """On which side of the usual range the count lies; empty where it lies in it, or where nobody knows one."""
    reached, low, high = row["reached"], row["usual_low"], row["usual_high"]
    if reached is None or low is None or high is None:
        return ""
    return "fewer" if reached < low else "more" if reached > high else ""
