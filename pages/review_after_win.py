"""After the win, on a page: how many customers bought again, how many left, and what deals leave after their costs."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.after_win import (
    CHURN_RATE,
    MARGIN_PER_DEAL,
    MARGIN_SHARE,
    REPEAT_RATE,
    WITHIN_DAYS,
    AfterWin,
)
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import said_of, span_of, with_days
from pages.review_words import beside, in_words, known, made_by, range_of, sentences, sure, yes_no
from pages.sections import Section
from pages.tables import Column, Shown, Table

_NOT_KNOWN = {
    "repeats": "Who bought again is not known",
    "churn": "Who left is not known",
    "margin": "What deals leave is not known",
}


def after_win_section(after: AfterWin, formats: Formats, *, name: str) -> Section:
    """What became of the latest cohort of customers that a year has passed for, beside the one before.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    tables = dict(_tables(after, name=name))
    if not tables:
        because = "; ".join(dict.fromkeys(after.why_not.values())) or "no deal was won yet"
        return Section("What comes after the win nobody can say", missing=NotThere(f"Nothing is known: {because}."))
    first, *others = tables
    return Section(
        _finding(after, formats),
        sentences(_advice(after, formats)),
        figures=tuple(_figures(after, formats)),
        tables=(tables[first],),
        folded={called: tables[called] for called in others},
    )


def _mature(rows: pa.Table) -> list[dict[str, Any]]:
    """The cohorts of all customers whose year has passed, the latest first; none where they are told by group."""
    return [row for row in rows.to_pylist()[::-1] if row["is_mature"]]


def _latest(rows: pa.Table) -> list[dict[str, Any]]:
    """The rows of the latest cohort whose year has passed, by group."""
    mature = _mature(rows)
    return [row for row in mature[::-1] if row["cohort"] == mature[0]["cohort"]]


def _period_said(cohort: dt.datetime, after: AfterWin, formats: Formats) -> str:
    return said_of(span_of(cohort, after.period, formats), formats)


def _finding(after: AfterWin, formats: Formats) -> str:
    told_of = (
        (after.repeats, "repeat_rate", "bought again", "customers"),
        (after.churn, "churn_rate", "left", "deals"),
    )
    for rows, rate, what, whom in told_of:
        latest = [row for row in _latest(rows) if row[rate] is not None]
        if not latest:
            continue
        row = max(latest, key=lambda each: each[whom])
        of_group = f" of {after.by} {_group_said(row)}" if after.by else ""
        period = _period_said(row["cohort"], after, formats)
        told = f"{sure(row, rate, formats.share)} of the customers of {period}{of_group} {what} within a year"
        before = _before(rows, row)
        return told if before is None else f"{told}, {formats.share(before[rate])} of those before"
    if after.repeats.num_rows or after.churn.num_rows:
        return "No cohort of customers is a year old yet"
    best = after.margin_by_source.to_pylist()[0]
    return f"Deals from {_group_said(best)} leave most: {formats.money(best['margin'])} in {_deals(best, formats)}"


def _before(rows: pa.Table, latest: dict[str, Any]) -> dict[str, Any] | None:
    """The same group's cohort before; None where there is none whose rate is known."""
    rate = "repeat_rate" if "repeat_rate" in latest else "churn_rate"
    earlier = (row for row in _mature(rows) if row["cohort"] < latest["cohort"] and row["group"] == latest["group"])
    return next((row for row in earlier if row[rate] is not None), None)


def _deals(row: dict[str, Any], formats: Formats) -> str:
    return f"{formats.count(row['with_margin'])} of {formats.count(row['deals'])} won deals"


_group_said = known("group", unknown="unknown")


def _advice(after: AfterWin, formats: Formats) -> Iterator[str]:
    """What is not known and what would tell it."""
    for figure, because in after.why_not.items():
        yield f"{_NOT_KNOWN[figure]}, for {because}."
    if after.without_date:
        yield f"{formats.count(after.without_date)} won deals have no day and are in no rate."
    waiting = [row for row in after.repeats.to_pylist() if not row["is_mature"]]
    if waiting and not _mature(after.repeats):
        yield (
            f"A customer counts once {formats.count(WITHIN_DAYS)} days have passed; so far "
            f"{formats.count(sum(row['repeated'] for row in waiting))} of "
            f"{formats.count(sum(row['customers'] for row in waiting))} bought again."
        )


def _figures(after: AfterWin, formats: Formats) -> Iterator[Figure]:
    """Of the latest cohort whose year has passed; and of all time, the source that leaves most."""
    told = (
        (after.repeats, "repeat_rate", "Bought again", "customers", REPEAT_RATE),
        (after.churn, "churn_rate", "Left", "deals", CHURN_RATE),
    )
    for rows, rate, called, whom, formula in told if not after.by else ():
        row = next(iter(_latest(rows)), None)
        if row is None or row[rate] is None:
            continue
        before = _before(rows, row)
        of_whom = f"of {formats.count(row[whom])} {whom} of {_period_said(row['cohort'], after, formats)}"
        earlier = (
            f"{sure(before, rate, formats.share)} of {_period_said(before['cohort'], after, formats)}" if before else ""
        )
        yield Figure(
            f"{called} within a year",
            formats.share(row[rate]),
            beside(range_of(row, rate, formats.share), of_whom, earlier),
            made_by(formula),
            f"{formats.count(row[whom])} {whom}.",
        )
    best = next((row for row in after.margin_by_source.to_pylist() if row["margin"] is not None), None)
    if best is not None:
        yield Figure(
            f"Margin of {_group_said(best)}",
            formats.money(best["margin"]),
            f"{_deals(best, formats)} · {sure(best, 'margin_share', formats.share)} of their amounts",
            made_by(MARGIN_SHARE),
            "The source with the largest margin, of all time.",
        )


def _tables(after: AfterWin, *, name: str) -> Iterator[tuple[str, Table]]:
    """What there is, what is seen first."""
    repeats, churn = (
        ("repeats", "Bought again", "A cohort of customers", _repeat_columns(), REPEAT_RATE),
        ("churn", "Left", "A cohort of deals", _churn_columns(), CHURN_RATE),
    )
    if after.by and _latest(after.repeats):
        latest = pc.equal(after.repeats["cohort"], _latest(after.repeats)[0]["cohort"])
        rows = _cohorts(after.repeats.filter(latest))
        columns = _of_groups(_repeat_columns(), after)
        yield f"By {after.by}", Table(f"{name}-repeats-latest", "A group", rows, columns, made_by(REPEAT_RATE))
    margins = (("source", "Source", after.margin_by_source), ("fit", "Fit", after.margin_by_fit))
    for what, heading, rows in margins:
        if rows.num_rows:
            told = in_words(rows, {"group": _group_said})
            how = f"{made_by(MARGIN_SHARE, MARGIN_PER_DEAL)} Of all time."
            yield (
                f"Margin by {what}",
                Table(f"{name}-margin-{what}", f"A {what}", told, _margin_columns(heading), how),
            )
    for (key, called, caption, columns, formula), rows in ((repeats, after.repeats), (churn, after.churn)):
        if rows.num_rows:
            table = Table(f"{name}-{key}", caption, _cohorts(rows), _of_groups(columns, after), made_by(formula))
            yield f"{called}, every cohort", table


def _cohorts(rows: pa.Table) -> pa.Table:
    return with_days(in_words(rows, {"mature": yes_no("is_mature"), "group": _group_said}), "cohort")


def _of_groups(columns: tuple[Column, ...], after: AfterWin) -> tuple[Column, ...]:
    return (*columns[:1], Column("group", after.by), *columns[1:]) if after.by else columns


def _repeat_columns() -> tuple[Column, ...]:
    return (
        Column("cohort", "Customers from", Shown.DAY),
        Column("customers", "Customers", Shown.COUNT),
        Column("repeat_rate", "Buy again", Shown.SHARE, low="repeat_rate_low", high="repeat_rate_high"),
        Column("repeated", "Bought again so far", Shown.COUNT),
        Column("open_before", "Others, opened before", Shown.COUNT),
        Column("mature", "A year passed"),
    )


def _churn_columns() -> tuple[Column, ...]:
    return (
        Column("cohort", "Won from", Shown.DAY),
        Column("deals", "Deals", Shown.COUNT),
        Column("churn_rate", "Leave", Shown.SHARE, low="churn_rate_low", high="churn_rate_high"),
        Column("churned", "Left so far", Shown.COUNT),
        Column("mature", "A year passed"),
    )


def _margin_columns(heading: str) -> tuple[Column, ...]:
    return (
        Column("group", heading),
        Column("margin", "Margin", Shown.MONEY),
        Column("margin_share", "Of the amount", Shown.SHARE, low="margin_share_low", high="margin_share_high"),
        Column("margin_per_deal", "A deal", Shown.MONEY, low="margin_per_deal_low", high="margin_per_deal_high"),
        Column("deals", "Won deals", Shown.COUNT),
        Column("with_margin", "With a margin", Shown.COUNT),
    )
