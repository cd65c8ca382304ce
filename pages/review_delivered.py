"""Marketing's half of the agreement on a page: how many MQLs of the agreed quality it delivers."""

from data_contracts.metrics.mqls_delivered import DELIVERED_SHARE, MQLS_OF_QUALITY, QUALITY_SHARE, MqlsDelivered
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import latest_first, with_days
from pages.review_words import (
    Row,
    beside,
    capitalised,
    counted,
    in_words,
    range_of,
    yes_no,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table


def mqls_delivered_section(delivered: MqlsDelivered, formats: Formats, *, name: str) -> Section:
    """How many MQLs of the agreed quality marketing delivered in the latest week that is over, and in how many it did.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    over = [row for row in delivered.rows.to_pylist() if row["is_complete"]]
    if not over:
        return Section(
            "How many MQLs marketing delivers nobody can say yet",
            missing=NotThere("No week with a hand-off is over yet; look again next week."),
        )
    row = over[-1]
    figures = _of_delivery(delivered, row, formats)
    said = _delivery_said(delivered, row, formats)
    return Section(
        _delivery_heading(delivered, row, formats), said, figures, folded={"Every week": _weeks(delivered, name)}
    )


def _delivery_heading(delivered: MqlsDelivered, row: Row, formats: Formats) -> str:
    quality = " of the agreed quality" if delivered.least_fit_share else ""
    week = formats.day(row["week"].date())
    begin = f"In the week of {week} marketing delivered {counted(row['of_quality'], 'MQL', 'MQLs', formats)}{quality}"
    if delivered.owed is None:
        return f"{begin}; how many it owes is not agreed"
    return f"{begin}, owed are {_owed(delivered, formats)}"


def _delivery_said(delivered: MqlsDelivered, row: Row, formats: Formats) -> str:
    week = capitalised(f"in the week of {formats.day(row['week'].date())}. ")
    if delivered.owed is None or delivered.weeks_kept is None:
        return f"{week}Give `mqls_per_week` in `[targets]` to hold it against something."
    kept = f"{formats.count(delivered.weeks_kept)} of {counted(delivered.weeks, 'week', 'weeks', formats)}"
    told = f"{week}As many as owed came in {kept}."
    if row["of_quality"] < delivered.owed and delivered.least_fit_share and row["unknown_fit"]:
        n = counted(row["unknown_fit"], "further one", "further ones", formats)
        told += f" Nothing of the profile was known of {n}: fill that in before the hand-off, and they may count."
    return told


def _of_delivery(delivered: MqlsDelivered, row: Row, formats: Formats) -> tuple[Figure, ...]:
    week = f"in the week of {formats.day(row['week'].date())}"
    hand_offs = f"{counted(row['handed_off'], 'hand-off', 'hand-offs', formats)} {week}."
    owed = "nothing is agreed" if delivered.owed is None else f"owed {_owed(delivered, formats)}"
    figures = [
        Figure(
            "MQLs of the agreed quality" if delivered.least_fit_share else "MQLs",
            formats.count(row["of_quality"]),
            f"{owed} · {formats.count(row['handed_off'])} handed off, {formats.count(row['recycled'])} of them again",
            f"{MQLS_OF_QUALITY}.",
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


def _owed(delivered: MqlsDelivered, formats: Formats) -> str:
    owed = delivered.owed
    return formats.count(owed) if owed is not None and owed == round(owed) else formats.rough(owed)


def _weeks(delivered: MqlsDelivered, name: str) -> Table:
    """Every week, the latest first, the running one too."""
    rows = latest_first(delivered.rows)
    columns = (
        Column("week", "Week of", Shown.DAY),
        Column("of_quality", "Of the quality", Shown.COUNT),
        Column("owed", "Owed", Shown.NUMBER),
        Column("delivered_share", "Delivered", Shown.SHARE),
        Column("handed_off", "Handed off", Shown.COUNT),
        Column("quality_share", "Quality share", Shown.SHARE, low="quality_share_low", high="quality_share_high"),
        Column("unknown_fit", "Profile not known", Shown.COUNT),
        Column("over", "Week is over"),
    )
    told = in_words(with_days(rows, "week"), {"over": yes_no("is_complete", no="not yet")})
    how = f"{MQLS_OF_QUALITY}. {QUALITY_SHARE}. {DELIVERED_SHARE}."
    return Table(f"{name}-mqls-delivered", "The hand-offs of a week", told, columns, how)
