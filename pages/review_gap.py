"""Where a target was missed, on a page: the parts of the gap, and whether it is leads or sales."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from data_contracts.estimates import Estimate
from data_contracts.metrics.gap import (
    CLOSE,
    EFFECT,
    EXPECTED,
    GAP,
    PERIOD_RATE,
    QUALITY,
    RESPONSE,
    SIZE,
    TIMING,
    UNPLANNED,
    VOLUME,
    Answer,
    Gap,
    GapPart,
    Goal,
    Origin,
    Part,
    Side,
)
from pages.formats import MISSING, Formats
from pages.frame import Figure, NotThere
from pages.review_periods import said_of, span_named
from pages.review_words import NO_INTERVAL, between, sure_of
from pages.sections import Section
from pages.tables import Column, Shown, Table

CALLED = {
    Part.VOLUME: "Number of MQLs",
    Part.QUALITY: "Quality: MQL → SQL",
    Part.CONVERSION: "MQL → customer",
    Part.RESPONSE: "Answers in time",
    Part.CLOSE: "Close rate: SQL → customer",
    Part.SIZE: "Deal size",
    Part.TIMING: "Wins of leads of other periods",
    Part.UNPLANNED: "Not in the plan",
}

WHOSE = {Side.MARKETING: "leads", Side.SALES: "sales", Side.NEITHER: "neither alone"}

_HOW = " ".join(
    f"{one}." for one in (GAP, EFFECT, EXPECTED, PERIOD_RATE, VOLUME, QUALITY, RESPONSE, CLOSE, SIZE, TIMING, UNPLANNED)
)


def gap_section(gap: Gap, formats: Formats, *, name: str) -> Section:
    """Result against target, and what made the difference: the part that cost most first.

    Parameters
    ----------
    name
        What the table's files begin with.
    """
    begin = said_of(span_named(gap.period, formats), formats)
    amounts = _Amounts(gap.goal, formats)
    if gap.target is None:
        because = (
            f"{begin}: {amounts.told(gap.result)} with nothing to hold it against. Give a target of {gap.goal} in "
            f"`[[targets.periods]]`. {' '.join(gap.notes)}"
        )
        return Section("Whether the target was missed nobody can say", missing=NotThere(because.strip()))
    return Section(
        f"{begin}: {_heading(gap, gap.target, amounts)}",
        _said(gap),
        figures=tuple(_figures(gap, gap.target, amounts)),
        tables=(_parts(gap, formats, name),) if gap.parts else (),
        points=(*_points(gap, formats), *gap.notes),
    )


class _Amounts:
    """How amounts of the goal are written: money, or customers."""

    def __init__(self, goal: Goal, formats: Formats) -> None:
        self.goal = goal
        self.shown = Shown.MONEY if goal is Goal.REVENUE else Shown.NUMBER
        self._formats = formats

    def plain(self, value: float | None) -> str:
        """Money; customers as a whole number where they are one."""
        if self.goal is Goal.REVENUE:
            return self._formats.money(value)
        is_whole = value is not None and value == round(value)
        return self._formats.count(value) if is_whole else self._formats.rough(value)

    def told(self, value: float) -> str:
        """With what it is an amount of."""
        return f"{self.plain(value)} {'of revenue' if self.goal is Goal.REVENUE else 'customers'}"

    def signed(self, value: float | None) -> str:
        """With its sign."""
        return MISSING if value is None else f"{'−' if value < 0 else '+'}{self.plain(abs(value))}"

    def between(self, told: Estimate) -> str:
        """The interval of a change."""
        return between(told, self.signed) or NO_INTERVAL


def _heading(gap: Gap, target: float, amounts: _Amounts) -> str:
    amount = amounts.plain(target)
    held = f"the target of {amount}" if gap.is_planned else f"the {amount} that its yardsticks would bring"
    if gap.answer is Answer.REACHED:
        return f"{amounts.told(gap.result)} reached {held}"
    short = f"{amounts.told(gap.result)}, {amounts.plain(target - gap.result)} short of {held}"
    sides = {Answer.LEADS: ("the leads", gap.marketing), Answer.SALES: ("sales", gap.sales)}
    if gap.answer in sides:
        whose, cost = sides[gap.answer]
        return f"{short}: it is {whose} ({amounts.signed(cost.value)}; {amounts.between(cost)})"
    if gap.answer is Answer.BOTH:
        leads, sales = amounts.signed(gap.marketing.value), amounts.signed(gap.sales.value)
        return f"{short}: it is both, leads ({leads}) and sales ({sales})"
    if gap.answer is Answer.NEITHER:
        return f"{short}: it is neither leads nor sales, but when wins fell"
    return f"{short}; whether it is leads or sales nobody can say"


def _said(gap: Gap) -> str:
    if not gap.parts:
        return "What made the difference nobody can say."
    if gap.is_planned:
        return gap.answer.says
    held = "The plan has no target: the result is held against what the period's yardsticks would bring."
    return held if gap.answer is Answer.REACHED else f"{gap.answer.says} {held}"


def _figures(gap: Gap, target: float, amounts: _Amounts) -> Iterator[Figure]:
    """The result beside its target, what the period's own leads bring, and what each side adds to the gap."""
    beside = f"{'planned' if gap.is_planned else 'yardsticks bring'} {amounts.plain(target)}"
    yield Figure("Result", amounts.plain(gap.result), beside, f"{GAP}.", "", gap.result < target)
    if gap.run_rate.value is not None:
        told = gap.run_rate
        beside = "interval not known"
        if told.low is not None and told.high is not None:
            beside = f"{amounts.plain(told.low)} to {amounts.plain(told.high)}"
        yield Figure("Run rate", amounts.plain(told.value), beside, f"{EXPECTED}.", "")
    if gap.answer is Answer.UNKNOWN:
        return
    for whose, told, parts in (
        ("Leads' side", gap.marketing, "The parts of volume and quality together."),
        ("Sales' side", gap.sales, "The parts of response, close rate and deal size together."),
    ):
        if told.value is not None:
            is_bad = told.high is not None and told.high < 0
            yield Figure(whose, amounts.signed(told.value), amounts.between(told), f"{parts} {EFFECT}.", "", is_bad)


def _points(gap: Gap, formats: Formats) -> Iterator[str]:
    """What goes with an answer in time, and that it proves nothing."""
    in_time, late = gap.rate_in_time, gap.rate_late
    if in_time.value is not None and late.value is not None:
        shares = [sure_of(each, formats.share) for each in (in_time, late)]
        yield (
            f"Of MQLs answered in time {shares[0]} become SQL, of the others {shares[1]}. "
            "That does not prove that answers make SQLs: sellers may answer the better leads first."
        )


def _parts(gap: Gap, formats: Formats, name: str) -> Table:
    rows = [_row(one, formats) for one in sorted(gap.parts, key=lambda one: one.effect.value or 0.0)]
    columns = (
        Column("part_said", "Part"),
        Column("side", "Whose"),
        Column(
            "effect", "Effect on the result", _Amounts(gap.goal, formats).shown, low="effect_low", high="effect_high"
        ),
        Column("measured_said", "Measured"),
        Column("yardstick_said", "Held against"),
        Column("origin", "Which is"),
    )
    numbers = ("effect", "effect_low", "effect_high", "measured", "measured_low", "measured_high", "yardstick")
    words = ("part_said", "side", "measured_said", "yardstick_said", "origin")
    schema = pa.schema([*((one, pa.string()) for one in words), *((one, pa.float64()) for one in numbers)])
    how = f"{_HOW} An effect below 0 made the gap wider."
    return Table(f"{name}-gap", "A part of the gap", pa.Table.from_pylist(rows, schema=schema), columns, how)


def _row(one: GapPart, formats: Formats) -> dict[str, Any]:
    measured = _in_its_unit(one.part, one.measured.value, formats)
    if one.measured.value is not None and one.measured.low is not None and one.measured.high is not None:
        low, high = (_in_its_unit(one.part, end, formats) for end in (one.measured.low, one.measured.high))
        measured = f"{'at least ' if one.is_least else ''}{measured} ({low} to {high})"
    origin = "" if one.origin is Origin.NONE else str(one.origin)
    if one.origin_period is not None:
        origin = said_of(span_named(one.origin_period, formats), formats)
    return {
        "part_said": CALLED[one.part],
        "side": WHOSE[one.part.side],
        "effect": one.effect.value,
        "effect_low": one.effect.low,
        "effect_high": one.effect.high,
        "measured_said": measured,
        "yardstick_said": _in_its_unit(one.part, one.yardstick, formats),
        "origin": origin or MISSING,
        "measured": one.measured.value,
        "measured_low": one.measured.low,
        "measured_high": one.measured.high,
        "yardstick": one.yardstick,
    }


def _in_its_unit(part: Part, value: float | None, formats: Formats) -> str:
    """MQLs, an amount, or a share."""
    if part is Part.VOLUME:
        return formats.count(value)
    return formats.money(value) if part is Part.SIZE else formats.share(value)
