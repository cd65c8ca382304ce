"""Nurture on a page: whose recheck is due, and how many of earlier ones came back."""

from collections.abc import Iterator

import pyarrow.compute as pc

from data_contracts.metrics.nurture import DAYS_TO_RETURN, RECHECK, RECYCLE_YIELD, RETURN_RATE, Nurture
from data_contracts.vocabulary import Stage
from pages.agreement import said_stage
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import latest, latest_first, with_days, within_sentence
from pages.review_words import Row, Said, beside, counted, in_words, range_of, sure, yes_no
from pages.sections import Section
from pages.tables import Column, Shown, Table

SEEN_LEADS = 10
"""Rows of the list that are seen at once: those that have been due longest."""


def nurture_section(nurture: Nurture, formats: Formats, *, name: str) -> Section:
    """Whom marketing looks at again now, and what became of the latest nurtured leads whose time has passed.

    Parameters
    ----------
    nurture
        Of all leads together.
    name
        What the tables' files begin with.
    """
    n = nurture.leads.num_rows
    if not n and not nurture.rows.num_rows:
        return Section(
            "No lead was ever in nurture",
            missing=NotThere(
                "Sales sends a lead there that is not ready now. If the CRM has such leads, see which of its words "
                "`[crm.stages]` calls nurture."
            ),
        )
    due = nurture.leads.filter(nurture.leads["is_due"]).num_rows
    told = _latest_told(nurture)
    whole = _leads(nurture, name)
    folded = {f"All {counted(n, 'lead', 'leads', formats)} in nurture": whole} if n else {}
    folded[f"Every {nurture.period}"] = _cohorts(nurture, formats, name)
    return Section(
        _heading(n, due, told, formats),
        "Look at those again that have been due longest: hand them off, keep them, or close them." if due else "",
        tuple(_figures(nurture, due, told, formats)),
        (_due_longest(whole),) if due else (),
        folded=folded,
    )


def _latest_told(nurture: Nurture) -> Row | None:
    """The latest cohort whose time has passed; None where none of its leads can tell."""
    cohort = latest([row for row in nurture.rows.to_pylist() if row["is_mature"]], "nurtured")
    return None if cohort is None or cohort["recycle_yield"] is None else cohort


def _due_longest(whole: Table) -> Table:
    return Table(
        f"{whole.name}-due",
        "A lead whose recheck is due",
        whole.rows.filter(whole.rows["is_due"]).slice(0, SEEN_LEADS),
        whole.columns,
        f"{whole.how} Seen are those that have been due longest.",
        cards=True,
        within=whole,
    )


def _heading(n: int, due: int, told: Row | None, formats: Formats) -> str:
    leads = counted(n, "lead", "leads", formats)
    begin = (
        f"{formats.count(due)} of {leads} in nurture {'is' if due == 1 else 'are'}" if due else "No lead in nurture is"
    )
    if told is None:
        return f"{begin} due for a recheck; how many come back nobody can say yet"
    rate = sure(told, "recycle_yield", formats.share)
    return f"{begin} due for a recheck; of earlier ones {rate} became an SQL within {told['horizon_days']} days"


def _figures(nurture: Nurture, due: int, told: Row | None, formats: Formats) -> Iterator[Figure]:
    n = nurture.leads.num_rows
    waits_untouched = pc.and_(nurture.leads["is_due"], pc.is_null(nurture.leads["touched_at"]))
    untouched = nurture.leads.filter(waits_untouched).num_rows
    yield Figure(
        "Recheck due",
        formats.count(due),
        f"of {formats.count(n)} in nurture · nobody approached {formats.count(untouched)} of them since",
        f"{RECHECK}.",
        f"{counted(n, 'lead', 'leads', formats)} in nurture at {formats.moment(nurture.as_of)}.",
    )
    if told is None:
        return
    period = within_sentence(told["cohort"], nurture.period, formats)
    rows = f"{counted(told['nurtured'], 'lead', 'leads', formats)} nurtured in {period}."
    least = "at least " if told["is_least_days_to_return"] else ""
    days = told["days_to_return"]
    half = "" if days is None else f"half of them within {least}{formats.count(days)} days"
    yield Figure(
        "Came back",
        formats.share(told["return_rate"]),
        beside(
            range_of(told, "return_rate", formats.share),
            f"of {formats.count(told['nurtured'])} nurtured in {period}",
            half,
        ),
        f"{RETURN_RATE}. {DAYS_TO_RETURN}.",
        rows,
    )
    yield Figure(
        "Became an SQL",
        formats.share(told["recycle_yield"]),
        beside(
            range_of(told, "recycle_yield", formats.share),
            f"of the same, within {told['horizon_days']} days",
        ),
        f"{RECYCLE_YIELD}.",
        rows,
    )


def _leads(nurture: Nurture, name: str) -> Table:
    words: dict[str, Said] = {
        "from": lambda row: said_stage(Stage(row["came_from"])),
        "due": yes_no("is_due", yes="due", no="not yet"),
    }
    rows = in_words(nurture.leads, words)
    columns = (
        Column("lead_id", "Lead", Shown.LEAD),
        Column("recheck_due_at", "Recheck", Shown.DAY),
        Column("due", "Is", filters=True),
        Column("from", "Came from", filters=True),
        Column("why", "Because"),
        Column("touched_at", "Approached last", Shown.DAY),
        Column("responded_at", "Did something last", Shown.DAY),
        Column("source", "Source", filters=True),
    )
    how = f"{RECHECK}. What was approached or done before the lead went to nurture is not told."
    return Table(f"{name}-nurture", "A lead in nurture", rows, columns, how, cards=True)


def _half(row: Row, formats: Formats) -> str:
    return f"{'at least ' if row['is_least_days_to_return'] else ''}{formats.count(row['days_to_return'])}"


def _cohorts(nurture: Nurture, formats: Formats, name: str) -> Table:
    """Every cohort, the latest first."""
    rows = latest_first(nurture.rows)
    words = {"half_within": lambda row: _half(row, formats), "passed": yes_no("is_mature", no="not yet")}
    columns = (
        Column("cohort", "From", Shown.DAY),
        Column("nurtured", "Nurtured", Shown.COUNT),
        Column("return_rate", "Came back", Shown.SHARE, low="return_rate_low", high="return_rate_high"),
        Column("recycle_yield", "Became an SQL", Shown.SHARE, low="recycle_yield_low", high="recycle_yield_high"),
        Column("half_within", "Half within days"),
        Column("ended", "Lost or disqualified", Shown.COUNT),
        Column("waiting", "Still in nurture", Shown.COUNT),
        Column("passed", "Time passed"),
    )
    how = f"{RETURN_RATE}. {RECYCLE_YIELD}. {DAYS_TO_RETURN}."
    told = in_words(with_days(rows, "cohort"), words)
    return Table(f"{name}-nurture-cohorts", "The leads nurtured in a period", told, columns, how)
