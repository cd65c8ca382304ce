"""Why sales turned hand-offs down, on a page: which reason is on the rise, else which is the most frequent."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.rejections import (
    MORE_THAN_NOISE,
    OTHER_REASONS,
    PERIODS_BEFORE,
    REASON_SHARE,
    Rejections,
)
from pages.formats import Formats
from pages.frame import NotThere
from pages.review_periods import with_days, within_sentence
from pages.review_words import (
    Row,
    counted,
    in_words,
    known,
    sure,
    yes_no,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table

NO_REASON = "no reason given"


def rejections_section(rejections: Rejections, formats: Formats, *, name: str) -> Section:
    """The reasons of the latest period that is over, beside those of the periods before.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    over = rejections.rows.filter(rejections.rows["is_complete"])
    if not over.num_rows:
        return Section(
            "Why sales turns leads down nobody can say yet",
            missing=NotThere(
                f"In no {rejections.period} that is over sales is known to have turned one down. Reasons come where "
                "sales disqualifies a lead, loses it or sends it back, and says why in the CRM."
            ),
        )
    told = over.filter(pc.equal(over["period"], pc.max(over["period"])))
    rows = told.to_pylist()
    period = within_sentence(rows[0]["period"], rejections.period, formats)
    seen = told.filter(pc.greater(pc.add(told["n"], told["n_before"]), 0)).sort_by([("n", "descending")])
    how = _how(rejections, formats)
    return Section(
        _heading(rows, rejections, period, formats),
        _said(rows, period, formats),
        tables=(Table(f"{name}-rejections", "A reason", _worded(seen), _columns(), how),),
        folded={f"Every {rejections.period}": _periods(rejections, how, name)},
    )


def _heading(rows: Sequence[Row], rejections: Rejections, period: str, formats: Formats) -> str:
    decided, turned_down = rows[0]["decided"], rows[0]["turned_down"]
    rising = _rising(rows)
    if rising:
        first = rising[0]
        others = f", and {counted(len(rising) - 1, 'more reason', 'more reasons', formats)}" if rising[1:] else ""
        return (
            f"More are turned down {_for(first)}{others}: {sure(first, 'share', formats.share)} of sales' "
            f"decisions, {formats.share(first['share_before'])} in the {rejections.period}s before"
        )
    if not turned_down:
        return f"Sales turned down none of the {counted(decided, 'hand-off', 'hand-offs', formats)} it decided on"
    begin = f"Sales turned down {formats.count(turned_down)} of {formats.count(decided)} it decided on"
    often = max(rows, key=lambda row: row["n"])
    return f"{begin}, most often {_for(often)} ({counted(often['n'], 'time', 'times', formats)})"


def _said(rows: Sequence[Row], period: str, formats: Formats) -> str:
    begin = f"Decisions of {period}."
    silent = next((row["n"] for row in rows if row["reason"] is None), 0)
    asked = f" {counted(silent, 'was', 'were', formats)} turned down without a reason: ask for one." if silent else ""
    if rising := _rising(rows):
        names = ", ".join(row["reason"] or NO_REASON for row in rising)
        return f"{begin} On the rise, more than noise: {names}. Look at where these leads come from.{asked}"
    if all(row["p_value"] is None for row in rows):
        return f"{begin} Too few to tell whether a reason is on the rise.{asked}"
    return f"{begin} No reason is more frequent than before, beyond noise.{asked}"


def _rising(rows: Sequence[Row]) -> list[Row]:
    """The reasons that are on the rise, the steepest first."""
    return sorted((row for row in rows if row["is_more_than_noise"]), key=lambda row: -row["difference"])


def _for(row: Row) -> str:
    if row["reason"] is None:
        return "without a reason"
    return "for rare reasons" if row["reason"] == OTHER_REASONS else f"for “{row['reason']}”"


def _rises(row: Row) -> str:
    if row["is_more_than_noise"]:
        return "yes"
    return "too few to say" if row["p_value"] is None else "no"


def _worded(rows: pa.Table) -> pa.Table:
    return in_words(with_days(rows, "period"), {"named": known("reason", unknown=NO_REASON), "rises": _rises})


def _columns() -> tuple[Column, ...]:
    return (
        Column("named", "Reason"),
        Column("n", "Hand-offs", Shown.COUNT),
        Column("share", "Of all decisions", Shown.SHARE, low="share_low", high="share_high"),
        Column("share_before", "Before", Shown.SHARE),
        Column("difference", "Difference", Shown.SHARE, low="difference_low", high="difference_high"),
        Column("rises", "On the rise", bad="yes"),
    )


def _how(rejections: Rejections, formats: Formats) -> str:
    rest = counted(rejections.not_named, "rare reason is", "rare reasons are", formats)
    others = f" {rest} told as {OTHER_REASONS}." if rejections.not_named else ""
    return (
        f"{REASON_SHARE}. {MORE_THAN_NOISE}. Before means the {PERIODS_BEFORE} periods before; the difference is in "
        f"points.{others}"
    )


def _periods(rejections: Rejections, how: str, name: str) -> Table:
    """Every reason in every period in which it was given, the latest first; the running one too."""
    given = rejections.rows.filter(pc.greater(rejections.rows["n"], 0))
    rows = given.sort_by([("period", "descending"), ("n", "descending")])
    columns = (Column("period", "From", Shown.DAY), *_columns(), Column("over", "Is over"))
    told = in_words(_worded(rows), {"over": yes_no("is_complete", no="not yet")})
    return Table(f"{name}-rejections-periods", "A reason in a period", told, columns, how)
