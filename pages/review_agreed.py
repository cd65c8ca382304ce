"""What was agreed against what was measured, on a page, with what data would change in the agreement."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from data_contracts.estimates import Estimate
from data_contracts.metrics.agreed import (
    ADJUSTED,
    DIFFERENCE,
    GROUP_RATE,
    HOLM,
    MEASURED_RATE,
    VALUE_DIFFERENCE,
    Agreed,
    CriterionCheck,
    Proposal,
    RateCheck,
    Standing,
    ValueCheck,
    Weight,
)
from pages.agreement import said_condition
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.sections import Section
from pages.tables import Column, Shown, Table, told_rows, with_figures_typed

USELESS = (Weight.OTHER_WAY, Weight.NO_MATTER)
OUTSIDE = (Standing.TOO_HIGH, Standing.TOO_LOW)

SMALL = 0.001
"""A chance below this is told as such: three decimals would show 0."""


def agreed_section(agreed: Agreed, formats: Formats, *, proposal: Proposal, name: str) -> Section:
    """What of the agreement data do not bear out, and what they would change; figures by line in tables to open.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    if not (agreed.rates or agreed.criteria or agreed.values):
        return Section(
            "Whether the agreement holds nobody can say",
            missing=NotThere(
                "Nothing is agreed that could be held against data: give rates in `[targets.rates]` and criteria of "
                f"the profile in `[definitions.icp]`. {' '.join(agreed.notes)}".strip()
            ),
        )
    changes = (*proposal.changes, *proposal.by_hand)
    checked = dict(_checked(agreed, formats, name))
    first = {} if changes else dict(list(checked.items())[:1])
    tables = (_changes(proposal, name),) if changes else tuple(first.values())
    folded = {what: table for what, table in checked.items() if what not in first}
    if proposal.diff:
        folded["The changes as a diff of the settings"] = _diff(proposal, name)
    return Section(
        _heading(agreed, formats),
        _said(proposal, formats),
        figures=tuple(_figures(agreed, formats)),
        tables=tables,
        folded=folded,
        points=agreed.notes,
    )


def _heading(agreed: Agreed, formats: Formats) -> str:
    """What is furthest from what was agreed: a rate, else a criterion, else a value that nobody asked for."""
    outside = [one for one in agreed.rates if one.standing in OUTSIDE]
    if outside:
        count = f"{formats.count(len(outside))} of {formats.count(len(agreed.rates))} agreed rates"
        return f"{count} lie outside what was measured: {_rate_said(outside[0], formats)}"
    useless = [one for one in agreed.criteria if one.weight in USELESS]
    if useless:
        met, missed = (_estimate(one.rate, formats) for one in (useless[0].met, useless[0].missed))
        name, weight = useless[0].criterion.name, useless[0].weight
        return f"The criterion {name} {weight}: {agreed.step.said} {met} of those that meet it, {missed} of the others"
    if agreed.values:
        value = agreed.values[0]
        held, others = (_estimate(one.rate, formats) for one in (value.held, value.others))
        return f"{value.said} {value.finding}: {agreed.step.said} {held}, of all others {others}"
    inside = sum(one.standing is Standing.INSIDE for one in agreed.rates)
    matter = sum(one.weight is Weight.MATTERS for one in agreed.criteria)
    if not inside and not matter:
        return "Data are too few to say whether the agreement holds"
    told = [
        f"{formats.count(n)} of {formats.count(len(of))} {what}"
        for n, of, what in (
            (inside, agreed.rates, "agreed rates lie within what was measured"),
            (matter, agreed.criteria, "criteria of the profile matter"),
        )
        if of
    ]
    return f"Data contradict nothing that was agreed: {', '.join(told)}"


def _rate_said(check: RateCheck, formats: Formats) -> str:
    return (
        f"{check.step.said} is agreed at {formats.share(check.agreed)}, measured {_estimate(check.measured, formats)}"
    )


def _estimate(told: Estimate, formats: Formats) -> str:
    if told.low is None or told.high is None:
        return formats.share(told.value)
    return f"{formats.share(told.value)} ({formats.share(told.low)} to {formats.share(told.high)})"


def _said(proposal: Proposal, formats: Formats) -> str:
    n = len(proposal.changes) + len(proposal.by_hand)
    if not n:
        return "Data propose no change of the settings. Too few to say is no evidence against a criterion."
    changes = "1 change" if n == 1 else f"{formats.count(n)} changes"
    return (
        f"Data support {changes} of the agreement. Decide together: only people write it into the settings, and raise "
        "the version of the definitions or of the targets."
    )


def _figures(agreed: Agreed, formats: Formats) -> Iterator[Figure]:
    """How much of the agreement data bear out, and how many leads say so."""
    if agreed.rates:
        of = _of([one.standing for one in agreed.rates], Standing.INSIDE, Standing.UNKNOWN, formats)
        is_bad = any(one.standing in OUTSIDE for one in agreed.rates)
        yield Figure("Agreed rates that hold", *of, f"{MEASURED_RATE}.", "", is_bad)
    if agreed.criteria:
        of = _of([one.weight for one in agreed.criteria], Weight.MATTERS, Weight.UNCLEAR, formats)
        is_bad = any(one.weight in USELESS for one in agreed.criteria)
        yield Figure("Criteria that matter", *of, f"{ADJUSTED}. {HOLM}.", "", is_bad)
    looks = f"of {formats.count(agreed.n_looks)} looked at"
    yield Figure("Values not as agreed", formats.count(len(agreed.values)), looks, f"{VALUE_DIFFERENCE}. {HOLM}.", "")
    leads = agreed.all_leads
    rate = f"{agreed.step.said} within {formats.count(agreed.horizon_days)} days: {_estimate(leads.rate, formats)}"
    yield Figure("Leads looked at", formats.count(leads.n), rate, f"{GROUP_RATE}.", "")


def _of(told: Sequence[str], good: str, unclear: str, formats: Formats) -> tuple[str, str]:
    n_good, n_unclear = (sum(one == asked for one in told) for asked in (good, unclear))
    beside = f"of {formats.count(len(told))}"
    return formats.count(n_good), f"{beside}, {formats.count(n_unclear)} {unclear}" if n_unclear else beside


def _checked(agreed: Agreed, formats: Formats, name: str) -> Iterator[tuple[str, Table]]:
    """What was looked at, line by line."""
    if agreed.rates:
        yield "Agreed rates beside the measured", _rates(agreed.rates, name)
    if agreed.criteria:
        yield "Criteria of the profile", _criteria(agreed.criteria, formats, name)
    if agreed.values:
        yield "Values that win more or less than all others", _values(agreed.values, formats, name)


def _changes(proposal: Proposal, name: str) -> Table:
    columns = (
        Column("what", "Change"),
        Column("why", "Because"),
        Column("diff", "In the diff"),
    )
    rows = [
        {"what": one.what, "why": one.why, "diff": said}
        for told, said in ((proposal.changes, "yes"), (proposal.by_hand, "by hand"))
        for one in told
    ]
    how = (
        "Proposed are measured rates where the agreed one lies outside their interval, to leave out criteria that go "
        "the other way or do not matter, and values that win clearly more or less than all others."
    )
    return Table(f"{name}-agreed-changes", "A change", told_rows(rows, columns), columns, how, cards=True)


def _diff(proposal: Proposal, name: str) -> Table:
    column = Column("line", "Line of the diff", Shown.CODE)
    rows = told_rows([{"line": line} for line in proposal.diff.splitlines()], (column,))
    how = "Lines that begin with + come in, those with - go out."
    return Table(f"{name}-agreed-diff", "A line of the settings file", rows, (column,), how)


def _rates(rates: Sequence[RateCheck], name: str) -> Table:
    columns = (
        Column("step", "Step"),
        Column("standing", "Now"),
        Column("agreed", "Agreed", Shown.SHARE),
        Column("measured", "Measured", Shown.SHARE, low="low", high="high"),
        Column("n", "Leads", Shown.COUNT),
    )
    rows = [
        {"step": one.step.said, "standing": str(one.standing), "agreed": one.agreed, "n": one.n}
        | _ends("measured", one.measured, low="low", high="high")
        for one in rates
    ]
    return Table(f"{name}-agreed-rates", "An agreed rate", _typed(rows), columns, f"{MEASURED_RATE}.")


def _criteria(criteria: Sequence[CriterionCheck], formats: Formats, name: str) -> Table:
    columns = (
        Column("criterion", "Criterion"),
        Column("met_where", "Met where"),
        Column("weight", "Beside all others, it"),
        *_compared("met", "Meet it", "missed", "Miss it"),
        Column("unknown", "Not known", Shown.SHARE, low="unknown_low", high="unknown_high"),
        Column("n_compared", "Leads compared", Shown.COUNT),
    )
    rows = [
        {
            "criterion": one.criterion.name,
            "met_where": said_condition(one.criterion, formats),
            "weight": str(one.weight),
            "n_compared": one.n_compared,
            "chance": one.chance,
        }
        | {f"n_{name}": group.n for name, group in (("met", one.met), ("missed", one.missed), ("unknown", one.unknown))}
        | _ends("met", one.met.rate)
        | _ends("missed", one.missed.rate)
        | _ends("unknown", one.unknown.rate)
        | _ends("adjusted", one.adjusted)
        for one in criteria
    ]
    how = f"{GROUP_RATE}. {DIFFERENCE}. {ADJUSTED}. {HOLM}."
    return Table(f"{name}-agreed-criteria", "A criterion of the profile", _typed(rows), columns, how)


def _values(values: Sequence[ValueCheck], formats: Formats, name: str) -> Table:
    columns = (
        Column("value", "Value"),
        Column("finding", "Which"),
        Column("n_held", "Leads with it", Shown.COUNT),
        *_compared("held", "Of these", "others", "Of all others"),
        Column("chance_said", "Chance after all looks"),
    )
    rows = [
        {"value": one.said, "finding": str(one.finding), "n_held": one.held.n, "chance": one.chance}
        | {"chance_said": f"below {formats.figure(SMALL)}" if one.chance < SMALL else formats.figure(one.chance)}
        | _ends("held", one.held.rate)
        | _ends("others", one.others.rate)
        | _ends("adjusted", one.adjusted)
        for one in values
    ]
    how = f"{VALUE_DIFFERENCE}. Alike in all else: between leads that are alike in the criteria on others. {HOLM}."
    return Table(f"{name}-agreed-values", "A value of an attribute", _typed(rows), columns, how)


def _compared(one: str, heading: str, other: str, other_heading: str) -> tuple[Column, ...]:
    """Two rates and what is left of their difference among leads that are alike in all else."""
    named = ((one, heading), (other, other_heading), ("adjusted", "Difference, alike in all else"))
    return tuple(Column(name, said, Shown.SHARE, low=f"{name}_low", high=f"{name}_high") for name, said in named)


def _ends(name: str, told: Estimate, *, low: str = "", high: str = "") -> dict[str, Any]:
    return {name: told.value, low or f"{name}_low": told.low, high or f"{name}_high": told.high}


def _typed(rows: list[dict[str, Any]]) -> pa.Table:
    """The rows (one at least) with every value that they hold, beside those that are shown."""
    return with_figures_typed(pa.Table.from_pylist(rows))
