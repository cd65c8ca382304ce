"""Accounts on a page: how many of the targets are reached, where something is going on, and which targets are idle."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.accounts import ACCOUNT_VALUE, ACTIVITY, ENGAGED, PENETRATION, Accounts
from data_contracts.metrics.funnel import Milestone
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_counts import CALLED
from pages.review_words import in_words, made_by, sentences, sure, yes_no
from pages.sections import Section
from pages.tables import Column, Shown, Table

SEEN = 10
"""Accounts that are seen at once, by rank."""

_ACTIVE = "were active in the last 30 days"

IS_ENGAGED = "engaged"
"""The measure of who did something of late."""

_FIGURES = (Milestone.LEAD, Milestone.SQL, Milestone.CUSTOMER)
"""Milestones beside `IS_ENGAGED` at the top."""


def accounts_section(accounts: Accounts, formats: Formats, *, name: str) -> Section:
    """How many target accounts are reached beside all others, and the accounts with the most going on.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    if not accounts.rows.num_rows:
        return Section(
            "There are no accounts",
            missing=NotThere("No lead and no target account is known; check a history that has some."),
        )
    ranked = accounts.rows.filter(pc.is_valid(accounts.rows["rank"]))
    whole = Table(f"{name}-accounts", "An account", _told(accounts.rows), _columns(accounts), _HOW)
    seen = Table(
        f"{name}-first-accounts",
        "An account",
        _told(ranked.slice(0, SEEN)),
        _columns(accounts),
        _HOW,
        cards=True,
        within=whole,
    )
    return Section(
        _finding(accounts, ranked, formats),
        sentences(_advice(accounts, formats)),
        figures=tuple(_figures(accounts, formats)),
        tables=(seen,) if ranked.num_rows else (),
        folded=_folded(accounts, ranked, whole, formats, name=name),
        audience="leader marketer seller",
    )


_HOW = made_by(ACTIVITY, ACCOUNT_VALUE, ENGAGED)


def _reached(accounts: Accounts, group: str, measure: str) -> dict[str, Any] | None:
    """The row of the penetration table; None where there is none, or no account of the group."""
    rows = accounts.penetration.to_pylist()
    found = (row for row in rows if (row["group"], row["measure"]) == (group, measure) and row["share"] is not None)
    return next(found, None)


def _finding(accounts: Accounts, ranked: pa.Table, formats: Formats) -> str:
    target, other = (_reached(accounts, group, IS_ENGAGED) for group in ("target", "other"))
    if target is not None:
        begin = (
            f"{sure(target, 'share', formats.share)} of {formats.count(target['accounts'])} target accounts {_ACTIVE}"
        )
        return f"{begin}, {_beside(target, other, formats)}" if other is not None else begin
    n = accounts.rows.num_rows
    engaged = accounts.rows.filter(accounts.rows["is_engaged"]).num_rows
    begin = f"{formats.count(engaged)} of {formats.count(n)} accounts ({formats.share(engaged / n)}) {_ACTIVE}"
    first = next(iter(ranked.slice(0, 1).to_pylist()), None)
    return begin if first is None else f"{begin}; {first['account_id']} comes first"


def _beside(target: dict[str, Any], other: dict[str, Any], formats: Formats) -> str:
    """How the targets compare with the others: more or fewer where the intervals lie apart."""
    share = formats.share(other["share"])
    if target["share_low"] > other["share_high"]:
        return f"more than of the others ({share})"
    if target["share_high"] < other["share_low"]:
        return f"fewer than of the others ({share})"
    return f"about as many as of the others ({share})"


def _advice(accounts: Accounts, formats: Formats) -> Iterator[str]:
    """What to do, and what the accounts cannot say."""
    if not accounts.targets_said:
        yield "Which accounts both teams want to win is not agreed: give `target_accounts` in `[targets]`."
    elif _reached(accounts, "target", IS_ENGAGED) is None:
        yield f"No account meets the condition of targets ({accounts.targets_said})."
    else:
        idle = accounts.idle_targets.num_rows
        yield (
            f"Idle target accounts: {formats.count(idle)}; say who approaches them."
            if idle
            else "No target account is idle."
        )
    if not pc.any(accounts.rows["is_known"]).as_py():
        yield "The CRM knows no accounts, and each lead is one of its own here."
    if accounts.ranked_by == "activity":
        yield "Without scores, accounts are ranked by what their people did."


def _figures(accounts: Accounts, formats: Formats) -> Iterator[Figure]:
    for measure, called in (*((one.value, CALLED[one]) for one in _FIGURES), (IS_ENGAGED, "Active now")):
        target, other = (_reached(accounts, group, measure) for group in ("target", "other"))
        if target is None:
            continue
        beside = f"of {formats.count(target['accounts'])} targets: {sure(target, 'share', formats.share)}"
        yield Figure(
            f"Targets: {called[0].lower() + called[1:] if called[:2].istitle() else called}",
            formats.count(target["reached"]),
            f"{beside} · {formats.share(other['share'])} of the others" if other is not None else beside,
            made_by(PENETRATION, ENGAGED),
            f"{formats.count(target['accounts'])} target accounts: {accounts.targets_said}.",
        )


def _told(rows: pa.Table) -> pa.Table:
    """The accounts in words."""
    return in_words(
        rows,
        {
            "target": yes_no("is_target"),
            "furthest_said": lambda row: Milestone(row["furthest"]).said if row["furthest"] else None,
        },
    )


def _columns(accounts: Accounts) -> tuple[Column, ...]:
    ranked_by = (
        Column("activity", "Activity", Shown.NUMBER)
        if accounts.ranked_by == "activity"
        else Column("expected_value", "Expected value", Shown.MONEY)
    )
    return (
        Column("account_id", "Account", Shown.CODE),
        ranked_by,
        Column("active_30", "Active people", Shown.COUNT),
        Column("touches_30", "Their touches", Shown.COUNT),
        Column("furthest_said", "Furthest"),
        Column("open_amount", "Open deals", Shown.MONEY),
        Column("last_touch_at", "Last touch", Shown.DAY),
        Column("target", "Target", filters=True),
    )


def _folded(accounts: Accounts, ranked: pa.Table, whole: Table, formats: Formats, *, name: str) -> dict[str, Table]:
    """Idle targets, who is active, how far targets got, and every account; nothing of which there are no rows."""
    idle = Table(f"{name}-idle-targets", "A target account", _told(accounts.idle_targets), whole.columns, _HOW)
    groups = {"target": "targets", "other": "others"}
    words = {"measure_said": _measure_said, "group": lambda row: groups[row["group"]]}
    rows = in_words(accounts.penetration, words)
    columns = (
        Column("measure_said", "Reached"),
        Column("group", "Of"),
        Column("accounts", "Accounts", Shown.COUNT),
        Column("reached", "Got there", Shown.COUNT),
        Column("share", "Share", Shown.SHARE, low="share_low", high="share_high"),
    )
    reached = Table(f"{name}-penetration", "A group of accounts", rows, columns, made_by(PENETRATION))
    told = {
        f"{formats.count(idle.rows.num_rows)} idle targets": idle,
        "How far targets got": reached,
        "Who is active at the first of them": _people(accounts, ranked, name=name),
        f"All {formats.count(accounts.rows.num_rows)} accounts": whole,
    }
    return {called: table for called, table in told.items() if table.rows.num_rows}


def _measure_said(row: dict[str, Any]) -> str:
    return "active now" if row["measure"] == IS_ENGAGED else Milestone(row["measure"]).said


def _people(accounts: Accounts, ranked: pa.Table, *, name: str) -> Table:
    """Those of the accounts that are seen, in their order."""
    places = {account: place for place, account in enumerate(ranked.slice(0, SEEN)["account_id"].to_pylist())}
    there = [row for row in accounts.people.to_pylist() if row["account_id"] in places]
    rows = pa.Table.from_pylist(sorted(there, key=lambda row: places[row["account_id"]]), schema=accounts.people.schema)
    columns = (
        Column("lead_id", "Lead", Shown.LEAD),
        Column("account_id", "Account", Shown.CODE, filters=True),
        Column("activity", "Activity", Shown.NUMBER),
        Column("touches_90", "Touches in 90 days", Shown.COUNT),
        Column("last_inbound_at", "Last one", Shown.DAY),
    )
    return Table(f"{name}-active-people", "A person", rows, columns, made_by(ACTIVITY), cards=True)
