"""Data: what the history that stands is made of, what was refused and why, and whether that is as it was before."""

import datetime as dt
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from data_contracts.kept_checks import DataState, KeptCheck
from data_contracts.wording import listed, rows
from pages.charts import refused_chart
from pages.formats import Formats
from pages.frame import Figure, Frame, NotThere
from pages.site import Page
from pages.tables import Column, Shown, Table, told_rows

PATH = "data.html"

MOST_CHECKS_DRAWN = 60
"""Two months of nightly checks. The table has all."""

WHOLE_DAYS_FROM = 3
"""An extract of three days or more is not told to the tenth of a day."""


@dataclass(frozen=True, slots=True)
class DataDocs:
    """Where Great Expectations' pages are: from the folder of the site, and by their whole path."""

    link: str
    path: str


def data_page(state: DataState | NotThere, docs: DataDocs | NotThere, *, frame: Frame) -> Page:
    """The page about the checked history.

    Parameters
    ----------
    state
        The history that stands with the kept checks, or why there is none.
    docs
        Great Expectations' pages, or why there are none.
    """
    if isinstance(state, NotThere):
        told = {"missing": state, "docs": docs, "heading": "There is no checked history"}
        return Page(PATH, "Data", "data.html", told)
    formats = frame.formats
    drawn = [one for one in state.checks if one.refused_share is not None][-MOST_CHECKS_DRAWN:]
    told_all: dict[str, Any] = {
        "missing": None,
        "docs": docs,
        "state": state,
        "heading": _heading(state, formats),
        "advice": _advice(state),
        "stopped": _stopped(state.refused_since, state, formats),
        "figures": list(_figures(state, frame)),
        "of_tables": _of_tables(state),
        "of_rules": _of_rules(state),
        "absent_told": _of_absent(state),
        "chart": refused_chart(drawn, usual=state.usual_refused_share, formats=formats) if len(drawn) > 1 else None,
    }
    return Page(PATH, "Data", "data.html", told_all, _all_tables(state))


def _all_tables(state: DataState) -> dict[str, Table]:
    tables = {"checked-tables": _tables(state)}
    if state.rules:
        tables["breached-rules"] = _rules(state)
    if state.left_out:
        tables["left-out"] = _left_out(state)
    if state.checks:
        tables["checks"] = _checks(state)
    return tables


def _heading(state: DataState, formats: Formats) -> str:
    if not state.refused:
        left_out = f", but for {formats.count(state.left_out)} that are left out by name" if state.left_out else ""
        return f"All {formats.count(state.rows)} rows are accepted{left_out}"
    share, usual = (formats.share(one) for one in (state.refused / state.rows, state.usual_refused_share))
    if state.usual_refused_share is None:
        return f"{share} of the rows are refused"
    return f"{share} of the rows are refused, {'as' if share == usual else f'mostly {usual}'} before"


def _advice(state: DataState) -> str:
    if not state.refused:
        return "Nothing is to be mended."
    worst = state.rules[0]
    return (
        f"Begin with {worst.rule}: {rows(worst.breaches)} breach it. `{_command(worst.rule)}` shows them with the "
        "reason; mend them in the CRM, or in the SELECT."
    )


def _command(rule: str) -> str:
    return f"leadscore quarantine --rule {shlex.quote(rule)}"


def _stopped(last: KeptCheck | None, state: DataState, formats: Formats) -> str:
    """What to say of a last check that was refused; empty where it was not."""
    if last is None:
        return ""
    return (
        f"The check of {formats.moment(last.checked_at)} was stopped by its contract: {listed(last.stopped_by)}. The "
        f"history of before stands, extract of {formats.moment(state.report.extracted_at)}, and it is what this page "
        "shows. `leadscore check` says what was found and what to do; `leadscore quarantine` shows rows of the check "
        "that was stopped."
    )


def _figures(state: DataState, frame: Frame) -> Iterator[Figure]:
    """The figures at the top."""
    formats, before = frame.formats, state.before
    age = (frame.made_at - state.report.extracted_at) / dt.timedelta(days=1)
    yield Figure(
        "Extract taken",
        formats.day(state.report.extracted_at),
        f"{formats.number(age, 0 if age >= WHOLE_DAYS_FROM else 1)} days before these pages were written",
        "The moment of the extract that the history is of; nothing in it lies after.",
        f"Fingerprint of the history: {state.report.fingerprint}.",
    )
    yield Figure(
        "Rows judged",
        formats.count(state.rows),
        _against(state.rows - before.rows if before else None, formats),
        "Rows that the source delivered, accepted, refused or left out, without changes of attributes that nobody "
        "declared.",
        f"{formats.count(len(state.report.tables))} tables.",
    )
    yield Figure(
        "Refused",
        formats.count(state.refused),
        _against(state.refused - before.refused if before else None, formats),
        "Rows that breach at least one rule. What it mostly was is the median share of the accepted checks of this "
        "source before this one.",
        f"{formats.count(state.rows)} rows; {formats.count(sum(one.is_accepted for one in state.checks))} accepted "
        "checks are kept.",
    )
    yield Figure(
        "Left out",
        formats.count(state.left_out),
        "by name, in the settings" if state.left_out else "nothing that the settings name is there",
        "Rows that meet a condition of [[crm.left_out]], with those that belong to them.",
        f"{formats.count(state.rows)} rows.",
    )


def _against(change: int | None, formats: Formats) -> str:
    return "no check before is kept" if change is None else f"{formats.change(change)} against the check before"


def _of_tables(state: DataState) -> str:
    worst = max(state.tables, key=lambda one: one.refused, default=None)
    if worst is None or not worst.refused:
        return "No table loses a row"
    return f"Most rows are refused in {worst.table}"


def _of_rules(state: DataState) -> str:
    n_breached = sum(one.breaches > 0 for one in state.rules)
    if not n_breached:
        return f"All {len(state.report.verdicts):,} promises are kept"
    are = "rule is" if n_breached == 1 else "rules are"
    return f"{n_breached:,} {are} breached, of {len(state.report.verdicts):,} promises"


def _of_absent(state: DataState) -> str:
    n = len(state.absent)
    if not n:
        return "The source has every table"
    return "One table is absent, which costs something" if n == 1 else f"{n} tables are absent, which costs something"


def _tables(state: DataState) -> Table:
    columns = (
        Column("table", "Table"),
        Column("delivered", "Delivered", Shown.COUNT),
        Column("delivered_change", "Change", Shown.CHANGE),
        Column("accepted", "Accepted", Shown.COUNT),
        Column("refused", "Refused", Shown.COUNT),
        Column("refused_share", "Share", Shown.SHARE),
        Column("refused_change", "Change", Shown.CHANGE),
        Column("left_out", "Left out", Shown.COUNT),
    )
    return Table(
        "checked-tables",
        "Tables of the history, each beside the check before",
        told_rows([one.model_dump() for one in state.tables], columns),
        columns,
        "Change: of the column before it, against the accepted check before; a dash where none is kept. Share: refused "
        "of judged rows.",
    )


def _rules(state: DataState) -> Table:
    columns = (
        Column("rule", "Rule", Shown.CODE),
        Column("promise", "Promise"),
        Column("breaches", "Rows that breach it", Shown.COUNT),
        Column("share", "Of the table", Shown.SHARE),
        Column("change", "Change", Shown.CHANGE),
        Column("command", "Shows them", is_visible=False),
        Column("table", "Table", filters=True, is_visible=False),
    )
    told = [one.model_dump() | {"command": _command(one.rule) if one.breaches else ""} for one in state.rules]
    return Table(
        "breached-rules",
        "Rules that rows breach, or breached before",
        told_rows(told, columns),
        columns,
        "A row may breach several rules, and is refused once. Change: against the accepted check before.",
        cards=True,
    )


def _left_out(state: DataState) -> Table:
    columns = (
        Column("name", "Left out as"),
        Column("table", "Table"),
        Column("rows", "Rows", Shown.COUNT),
        Column("command", "Shows them"),
    )
    told = [
        {"name": name, "table": check.table, "rows": n, "command": f"leadscore left-out --name {shlex.quote(name)}"}
        for check in state.report.tables
        for name, n in check.left_out.items()
    ]
    return Table(
        "left-out",
        "What the settings leave out",
        told_rows(told, columns),
        columns,
        "By the conditions of `[[crm.left_out]]`: an account goes with its leads, a lead with its rows.",
    )


def _checks(state: DataState) -> Table:
    columns = (
        Column("checked_at", "Checked", Shown.MOMENT),
        Column("extracted_at", "Extract of", Shown.DAY),
        Column("outcome", "Outcome", filters=True, bad="stopped"),
        Column("rows", "Rows", Shown.COUNT),
        Column("refused", "Refused", Shown.COUNT),
        Column("refused_share", "Share", Shown.SHARE),
        Column("left_out", "Left out", Shown.COUNT),
        Column("stopped_by", "Stopped by", Shown.CODE),
    )
    told = [
        {name: getattr(one, name) for name in ("checked_at", "extracted_at", "rows", "refused", "left_out")}
        | {"refused_share": one.refused_share, "outcome": "accepted" if one.is_accepted else "stopped"}
        | {"stopped_by": listed(one.stopped_by)}
        for one in reversed(state.checks)
    ]
    return Table(
        "checks",
        "Checks of this source, the latest first",
        told_rows(told, columns),
        columns,
        "Stopped: the contract refused the history as a whole, and the one before stands. Counts are then of those "
        "tables that could be judged.",
    )
