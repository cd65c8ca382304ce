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
from pages.today_figures import CONVERTED, TodayNouns, figures, total

PATH = "index.html"

UNLIKE = "few leads like it"
"""Said of a lead whose figures are extrapolated."""


def today_page(nouns: TodayNouns, frame: Frame) -> Page:
    """The page that opens first."""
    today, shadow = nouns.today, nouns.shadow
    tables = {} if isinstance(shadow, NotThere) else {"rule-against-model": shadow_table(shadow)}
    if isinstance(today, NotThere):
        nothing = {"missing": today, "heading": "There is no call list", "finding": _finding(nouns, frame.formats)}
        return Page(PATH, "Today", "today.html", nothing, tables)
    tables |= {"call-list": call_list(nouns, today, frame), "queue": _queue(nouns, today, frame)}
    if today.by_owner:
        tables["owners"] = _owners(today)
    told: dict[str, Any] = {
        "missing": None,
        "finding": _finding(nouns, frame.formats),
        "today": today,
        "heading": heading(today),
        "advice": _advice(today),
        "legend": _legend(nouns),
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
    behind = (
        f"{leads(waiting)} more are good enough and wait in order: each working day brings its part of the places"
        if waiting
        else "No lead waits"
    )
    return f"Call from the top: the first is the likeliest. {behind}." if n else f"{behind}."


def _kinds(today: Today, frame: Frame) -> tuple[Column, ...]:
    """What leads can be chosen by. Where there is one team, its name says nothing."""
    segments = frame.settings.segments
    return (
        Column("team", "Team", filters=True, is_visible=len(today.calls.teams) > 1),
        Column("source", "Source", filters=True, is_visible=False),
        Column("persona", "Persona", filters=True, is_visible=False),
        *(Column(one, one.replace("_", " ").capitalize(), filters=True, is_visible=False) for one in segments),
    )


def _chances(nouns: TodayNouns) -> tuple[Column, ...]:
    became = CONVERTED[nouns.definitions.first_transition.to_stage]
    such = "of such leads {} to {}"
    return (
        Column("p_next", f"Becomes {became}", Shown.SHARE, low="p_next_low", high="p_next_high", interval=such),
        Column("expected_value", "Expected value", Shown.MONEY),
    )


def _legend(nouns: TodayNouns) -> str:
    """What a reader needs to know of the columns before anything else."""
    became = CONVERTED[nouns.definitions.first_transition.to_stage]
    days = nouns.definitions.transitions[nouns.definitions.first_transition].horizon_days
    sql = " (sales-qualified lead)" if became == "SQL" else ""
    return (
        f"Likeliest first. Becomes {became}{sql}: the chance within {days} days; below it, how many of later leads "
        "that were given the same did. Expected value: the chance of a win times what a win brings. Grade: A to D for "
        "the fit with the agreed profile, 1 to 4 for the chance."
    )


def call_list(nouns: TodayNouns, today: Today, frame: Frame) -> Table:
    """Whom sales is to call, the best first."""
    rows = today.listed.filter(pc.equal(today.listed["action"], Action.HAND_OFF))
    words = pc.if_else(rows["is_overdue"], "overdue", pc.if_else(pc.equal(rows["handed_off_by"], "lot"), "lot", "due"))
    rows = rows.append_column("call_state", words)
    rows = rows.append_column("call_caution", pc.if_else(rows["is_extrapolated"], UNLIKE, ""))
    has_owner, has_unlike = (
        pc.any(one).as_py() or False for one in (rows["owner_id"].is_valid(), rows["is_extrapolated"])
    )
    return Table(
        "call-list",
        "Leads that sales has and has not touched, the best first",
        rows,
        (
            Column("lead_id", "Lead", Shown.LEAD),
            Column("grade", "Grade"),
            *_chances(nouns),
            Column("reason_1", "Why", Shown.REASONS),
            Column("respond_by_at", "Respond by", Shown.MOMENT),
            Column("call_state", "State", filters=True, bad="overdue"),
            Column("owner_id", "Owner", filters=True, is_visible=has_owner),
            Column("call_caution", "Caution", filters=True, is_visible=has_unlike),
            *_kinds(today, frame),
        ),
        "The percentage is calibrated; the range below it is what share of later leads that were given the same took "
        "the step (95 %). Expected values are in wins where no amount is known. A lead with the state “lot” is below "
        "the boundary and was drawn, to learn from. "
        f"“{UNLIKE}”: too few labelled leads resemble it, so trust its figures less.",
        cards=True,
    )


def _queue(nouns: TodayNouns, today: Today, frame: Frame) -> Table:
    rows = today.listed.filter(pc.equal(today.listed["action"], Action.WAIT))
    return Table(
        "queue",
        "Leads that reach the boundary and wait for a place, in order",
        rows,
        (
            Column("place", "Place", Shown.COUNT),
            Column("lead_id", "Lead", Shown.LEAD),
            Column("grade", "Grade"),
            *_chances(nouns),
            Column("expected_at", "Expected", Shown.DAY),
            Column("waits_since_at", "Waits since", Shown.DAY),
            *_kinds(today, frame),
        ),
        "Expected: the first day on which there is a place, if none that is better comes; none if it expires before.",
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
