"""Marketing's half of the agreement on a page: how many MQLs of the agreed quality it delivers."""

import datetime as dt

from data_contracts.metrics.mqls_delivered import (
    DELIVERED_SHARE,
    MQLS_OF_QUALITY,
    OWED,
    QUALITY_SHARE,
    WEEKS_KEPT,
    MqlsDelivered,
)
from data_contracts.metrics.periods import Period, Span
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import latest_first, with_days, within_sentence
from pages.review_words import Row, beside, capitalised, counted, in_words, range_of, yes_no
from pages.sections import Section
from pages.tables import Column, Shown, Table


def mqls_delivered_section(delivered: MqlsDelivered, formats: Formats, *, span: Span, name: str) -> Section:
    """How many MQLs of the agreed quality marketing delivered in the period of the review, of those that it owed.

    Parameters
    ----------
    span
        The period of the review.
    name
        What the tables' files begin with.
    """
    first = dt.datetime.combine(span.first, dt.time())
    row = next((one for one in delivered.rows[span.period].to_pylist() if one["period"] == first), None)
    if row is None or not row["is_complete"]:
        return Section(
            "How many MQLs marketing delivers nobody can say yet",
            missing=NotThere(f"No {span.period} with a hand-off is over yet; look again next {span.period}."),
        )
    when = within_sentence(first, span.period, formats)
    lengths = dict.fromkeys((span.period, Period.WEEK))
    return Section(
        _delivery_heading(delivered, row, when, formats),
        _delivery_said(delivered, row, span.period, when, formats),
        _of_delivery(delivered, row, when, formats),
        folded={f"Every {one}": _periods(delivered, one, name) for one in lengths},
    )


def _delivery_heading(delivered: MqlsDelivered, row: Row, when: str, formats: Formats) -> str:
    quality = " of the agreed quality" if delivered.least_fit_share else ""
    begin = f"In {when} marketing delivered {counted(row['of_quality'], 'MQL', 'MQLs', formats)}{quality}"
    if row["owed"] is None:
        return f"{begin}; how many it owes is not agreed"
    return f"{begin}, owed are {_owed(row, formats)}"


def _delivery_said(delivered: MqlsDelivered, row: Row, period: Period, when: str, formats: Formats) -> str:
    if row["owed"] is None:
        return f"{capitalised(f'in {when}. ')}Give `mqls_per_week` in `[targets]` to hold it against something."
    of = delivered.rows[Period.WEEK].to_pylist() if period is Period.WEEK else [row]
    n_weeks, n_kept = sum(one["weeks"] for one in of), sum(one["weeks_kept"] for one in of)
    kept = f"{formats.count(n_kept)} of {counted(n_weeks, 'week', 'weeks', formats)}"
    began = "" if period is Period.WEEK else " that began in it"
    told = f"{capitalised(f'in {when}. ')}As many as owed came in {kept}{began}."
    if row["of_quality"] < row["owed"] and delivered.least_fit_share and row["unknown_fit"]:
        n = counted(row["unknown_fit"], "further one", "further ones", formats)
        told += f" Nothing of the profile was known of {n}: fill that in before the hand-off, and they may count."
    return told


def _of_delivery(delivered: MqlsDelivered, row: Row, when: str, formats: Formats) -> tuple[Figure, ...]:
    hand_offs = f"{counted(row['handed_off'], 'hand-off', 'hand-offs', formats)} in {when}."
    owed = "nothing is agreed" if row["owed"] is None else f"owed {_owed(row, formats)}"
    figures = [
        Figure(
            "MQLs of the agreed quality" if delivered.least_fit_share else "MQLs",
            formats.count(row["of_quality"]),
            f"{owed} · {formats.count(row['handed_off'])} handed off, {formats.count(row['recycled'])} of them again",
            f"{MQLS_OF_QUALITY}. {OWED}.",
            hand_offs,
            is_bad=row["delivered_share"] is not None and row["delivered_share"] < 1,
        )
    ]
    if delivered.least_fit_share:
        least = formats.share(delivered.least_fit_share)
        figures += [
            Figure(
                "Of the agreed quality",
                formats.share(row["quality_share"]),
                beside(range_of(row, "quality_share", formats.share), f"at least {least} of the profile"),
                f"{QUALITY_SHARE}.",
                hand_offs,
            ),
            Figure(
                "Profile not known",
                formats.count(row["unknown_fit"]),
                f"{formats.count(row['below'])} are known to meet less",
                f"{MQLS_OF_QUALITY}.",
                hand_offs,
            ),
        ]
    return tuple(figures)


def _owed(row: Row, formats: Formats) -> str:
    owed: float = row["owed"]
    return formats.count(owed) if owed == round(owed) else formats.rough(owed)


def _periods(delivered: MqlsDelivered, period: Period, name: str) -> Table:
    """Every period, the latest first, the running one too."""
    rows = latest_first(delivered.rows[period])
    is_week = period is Period.WEEK
    kept = (
        () if is_week else (Column("weeks_kept", "Weeks as owed", Shown.COUNT), Column("weeks", "Weeks", Shown.COUNT))
    )
    columns = (
        Column("period", "Week of" if is_week else "From", Shown.DAY),
        Column("of_quality", "Of the quality", Shown.COUNT),
        Column("owed", "Owed", Shown.NUMBER),
        Column("delivered_share", "Delivered", Shown.SHARE),
        Column("handed_off", "Handed off", Shown.COUNT),
        Column("quality_share", "Quality share", Shown.SHARE, low="quality_share_low", high="quality_share_high"),
        Column("unknown_fit", "Profile not known", Shown.COUNT),
        *kept,
        Column("over", f"{period.capitalize()} is over"),
    )
    told = in_words(with_days(rows, "period"), {"over": yes_no("is_complete", no="not yet")})
    how = f"{MQLS_OF_QUALITY}. {QUALITY_SHARE}. {OWED}. {DELIVERED_SHARE}." + ("" if is_week else f" {WEEKS_KEPT}.")
    file = f"{name}-mqls-delivered" if name == period else f"{name}-mqls-delivered-by-{period}"
    return Table(file, f"The hand-offs of a {period}", told, columns, how)
