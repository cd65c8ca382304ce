"""Today: whom to call first and why, what is overdue, who waits, and whether the model is better than the rule."""

from typing import Any

import pyarrow.compute as pc

from data_contracts.scores import Action
from data_contracts.today import Today
from data_contracts.wording import leads
from pages.formats import Formats
from pages.frame import Frame, NotThere
from pages.shadow import STANDINGS, shadow_table, short_verdict
from pages.site import Page
from pages.tables import Column, Shown, Table, told_rows
from pages.today_figures import TodayNouns, figures, total

PATH = "index.html"


def today_page(nouns: TodayNouns, frame: Frame) -> Page:
    """The page that opens first."""
    today, shadow = nouns.today, nouns.shadow
    tables = {} if isinstance(shadow, NotThere) else {"rule-against-model": shadow_table(shadow)}
    if isinstance(today, NotThere):
        nothing = {"missing": today, "heading": "There is no call list", "finding": _finding(nouns, frame.formats)}
        return Page(PATH, "Today", "today.html", nothing, tables)
    tables |= {"call-list": call_list(today, frame), "queue": _queue(today, frame)}
    if today.by_owner:
        tables["owners"] = _owners(today)
    told: dict[str, Any] = {
        "missing": None,
        "finding": _finding(nouns, frame.formats),
        "today": today,
        "heading": heading(today),
        "advice": _advice(today),
        "figures": figures(nouns, today, frame.formats),
        "n_waiting": total(today, "waiting"),
    }
    return Page(PATH, "Today", "today.html", told, tables)


def _finding(nouns: TodayNouns, formats: Formats) -> dict[str, str]:
    """Rule against model: the heading, a few sentences, and the whole verdict where it is longer than they are."""
    shadow = nouns.shadow
    if isinstance(shadow, NotThere):
        return {"heading": "Is the model better than the rule?", "said": nouns.rule_against_model, "verdict": ""}
    return {
        "heading": STANDINGS[shadow.standing],
        "said": short_verdict(shadow, formats),
        "verdict": shadow.verdict,
    }


def heading(today: Today) -> str:
    """The finding: how many are to be called, and how many of them late."""
    n = total(today, "not_touched")
    if not n:
        return "Nobody is to be called now"
    late = f", {today.overdue.leads:,} of them overdue" if today.overdue else ""
    return f"{leads(n)} for sales to call{late}"


def _advice(today: Today) -> str:
    n, waiting = total(today, "not_touched"), total(today, "waiting")
    behind = f"{leads(waiting)} more reach the boundary and wait for room, in order" if waiting else "No lead waits"
    return f"Call from the top: the first is the likeliest. {behind}." if n else f"{behind}."


def _kinds(frame: Frame) -> tuple[Column, ...]:
    """What leads can be chosen by."""
    segments = frame.settings.segments
    return (
        Column("team", "Team", filters=True),
        Column("source", "Source", filters=True, is_visible=False),
        Column("persona", "Persona", filters=True, is_visible=False),
        *(Column(one, one.replace("_", " ").capitalize(), filters=True, is_visible=False) for one in segments),
    )


def _next_step() -> tuple[Column, ...]:
    return (
        Column("p_next", "Next step", Shown.SHARE, low="p_next_low", high="p_next_high", interval="came {} to {}"),
        Column("expected_value", "Worth", Shown.MONEY),
    )


def call_list(today: Today, frame: Frame) -> Table:
    """Whom sales is to call, the best first."""
    rows = today.listed.filter(pc.equal(today.listed["action"], Action.HAND_OFF))
    words = pc.if_else(rows["is_overdue"], "overdue", pc.if_else(pc.equal(rows["handed_off_by"], "lot"), "lot", "due"))
    rows = rows.append_column("state", words)
    rows = rows.append_column("care", pc.if_else(rows["is_extrapolated"], "few leads like it", ""))
    has_care = pc.any(rows["is_extrapolated"]).as_py()
    return Table(
        "call-list",
        "Leads that sales has and has not touched, the best first",
        rows,
        (
            Column("lead_id", "Lead", Shown.LEAD),
            Column("grade", "Grade"),
            *_next_step(),
            Column("reason_1", "Why", Shown.REASONS),
            Column("respond_by_at", "Respond by", Shown.MOMENT),
            Column("state", "State", filters=True, bad="overdue"),
            Column("owner_id", "Owner", filters=True),
            *([Column("care", "Take care", bad="few leads like it")] if has_care else []),
            *_kinds(frame),
        ),
        "Next step: the probability of the lead's next stage within its horizon; beside it, what share of later leads "
        "given the same took it (95 %). Worth: the probability of a win times what a win is expected to bring, or wins "
        "where no amount is known. A lead with the state “lot” is below the boundary and was drawn, to learn from. "
        "Take care: too few labelled leads resemble it, so its figures are extrapolated.",
        cards=True,
    )


def _queue(today: Today, frame: Frame) -> Table:
    rows = today.listed.filter(pc.equal(today.listed["action"], Action.WAIT))
    return Table(
        "queue",
        "Leads that reach the boundary and wait for room, in order",
        rows,
        (
            Column("place", "Place", Shown.COUNT),
            Column("lead_id", "Lead", Shown.LEAD),
            Column("grade", "Grade"),
            *_next_step(),
            Column("expected_at", "Expected", Shown.DAY),
            Column("waits_since_at", "Waits since", Shown.DAY),
            *_kinds(frame),
        ),
        "Expected: the first day on which there is room, if none that is better comes; none if it expires before.",
        cards=True,
    )


def _owners(today: Today) -> Table:
    columns = (
        Column("owner_id", "Owner"),
        Column("due", "Due", Shown.COUNT),
        Column("in_time", "Worked in time", Shown.COUNT),
    )
    rows = told_rows([one.model_dump() for one in today.by_owner], columns)
    return Table(
        "owners",
        "Responses by owner",
        rows,
        columns,
        "Hand-offs of the last four weeks whose time to respond has passed. Owners with fewer than the settings' "
        "least_group are left out.",
    )
