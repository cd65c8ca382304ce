"""What became of the hand-offs of a period, on a page."""

from data_contracts.metrics.closed_loop import CAME_SO_FAR, EXPECTED_SO_FAR, RATED_WELL, ClosedLoop
from pages.formats import Formats
from pages.frame import NotThere
from pages.sections import Section
from pages.tables import Column, Shown, Table


def loop_section(loop: ClosedLoop, formats: Formats, *, name: str) -> Section:
    """How many came so far, beside as many as the scores let expect by now; by grade, and how sales rated them."""
    rows = loop.rows
    if not rows.num_rows:
        return Section(
            "What became of the hand-offs",
            missing=NotThere("Nothing was published in this period: `leadscore publish` hands leads off."),
        )
    whole = rows.slice(0, 1).to_pylist()[0]
    table = Table(
        f"{name}-hand-offs",
        "The hand-offs of a grade",
        rows,
        (
            Column("grade", "Grade at the hand-off"),
            Column("handed_off", "Handed off", Shown.COUNT),
            Column("not_touched", "Not touched", Shown.COUNT),
            Column("came", "Came so far", Shown.COUNT),
            Column("expected", "Expected so far", Shown.NUMBER, low="expected_low", high="expected_high"),
            Column("expected_in_all", "Expected in all", Shown.NUMBER),
            Column("turned_down", "Turned down", Shown.COUNT),
            Column("nurtured", "Nurtured", Shown.COUNT),
            Column("open", "Open", Shown.COUNT),
            Column("won", "Customers", Shown.COUNT),
            Column("gone", "Lead is gone", Shown.COUNT),
        ),
        f"{CAME_SO_FAR}. {EXPECTED_SO_FAR}. The row without a grade is of all. A lead is gone where it was merged, "
        "deleted or left out since: nobody can say what became of it.",
    )
    tables = (table,)
    said = f"All are taken as touched: {loop.assumed_because}. " if loop.assumed_because else ""
    if not isinstance(loop.ratings, str):
        shown = (
            Column("grade", "Grade"),
            Column("rating", "Sales said"),
            Column("hand_offs", "Hand-offs", Shown.COUNT),
        )
        rated = Table(f"{name}-ratings", "A rating by sales", loop.ratings, shown, f"{RATED_WELL}.")
        return Section(_heading(loop, whole, formats), said.strip(), tables=(*tables, rated))
    return Section(_heading(loop, whole, formats), said + loop.ratings, tables=tables)


def _heading(loop: ClosedLoop, whole: dict[str, float], formats: Formats) -> str:
    touched, there = formats.count(whole["touched"]), formats.count(whole["handed_off"] - whole["gone"])
    came = formats.count(whole["came"])
    begin = f"Sales touched {touched} of {there} hand-offs, and {came} came"
    if loop.assumed_because:
        begin = f"Of {there} hand-offs {came} came"
    if whole["expected"] is None:
        return begin
    low, high = (formats.count(whole[f"expected_{end}"]) for end in ("low", "high"))
    side = "not what the scores let expect by now" if loop.is_outside else "as the scores let expect by now"
    return f"{begin}: {side} ({low} to {high})"
