"""Today: whom to call first and why, what is overdue, who waits, and whether the model is better than the rule."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow.compute as pc

from data_contracts.calls import TeamCalls
from data_contracts.definitions import Definitions
from data_contracts.scores import Action
from data_contracts.shadow import ShadowReport
from data_contracts.today import Today
from data_contracts.vocabulary import Stage
from data_contracts.wording import leads
from pages.formats import Formats
from pages.frame import Frame, How, NotThere
from pages.shadow import shadow_table
from pages.site import Page
from pages.tables import Column, Shown, Table, told_rows

PATH = "index.html"

CONVERTED = {Stage.SQL: "SQL", Stage.WON: "customer"}
"""What a lead has become once the first transition is taken."""


def today_page(
    today: Today | NotThere,
    shadow: ShadowReport | NotThere,
    *,
    definitions: Definitions,
    respond_within_hours: float,
    frame: Frame,
) -> Page:
    """The page that opens first.

    Parameters
    ----------
    today
        What is to be done, or why nobody can say.
    shadow
        The rule against the model, or why that is not known.
    definitions
        Those that were scored under: the horizon and the first transition.
    respond_within_hours
        Working hours between hand-off and touch, by the policy.
    """
    if isinstance(today, NotThere):
        nothing = {"missing": today, "shadow": shadow, "heading": "There is no call list"}
        return Page(PATH, "Today", "today.html", nothing, _shadow_tables(shadow))
    tables = {"call-list": _call_list(today, frame), "queue": _queue(today, frame)}
    if today.by_owner:
        tables["owners"] = _owners(today)
    told: dict[str, Any] = {
        "missing": None,
        "shadow": shadow,
        "today": today,
        "heading": _heading(today),
        "advice": _advice(today),
        "figures": list(_figures(today, definitions, frame.formats)),
        "how": list(_how(today, definitions, respond_within_hours, frame.formats)),
        "n_waiting": sum(one.waiting for one in today.calls.teams),
    }
    return Page(PATH, "Today", "today.html", told, tables | _shadow_tables(shadow))


def _shadow_tables(shadow: ShadowReport | NotThere) -> dict[str, Table]:
    return {} if isinstance(shadow, NotThere) else {"rule-against-model": shadow_table(shadow)}


def _heading(today: Today) -> str:
    n = _sum(today.calls.teams, "not_touched")
    if not n:
        return "Nobody is to be called now"
    late = f", {today.overdue.leads:,} of them overdue" if today.overdue else ""
    return f"{leads(n)} for sales to call{late}"


def _advice(today: Today) -> str:
    n, waiting = _sum(today.calls.teams, "not_touched"), _sum(today.calls.teams, "waiting")
    behind = f"{leads(waiting)} more reach the boundary and wait for room, in order" if waiting else "No lead waits"
    return f"Call from the top: the first is the likeliest. {behind}." if n else f"{behind}."


def _sum(teams: Sequence[TeamCalls], name: str) -> int:
    return sum(getattr(one, name) for one in teams)


def _figures(today: Today, definitions: Definitions, formats: Formats) -> Iterator[dict[str, object]]:
    """The figures at the top: what it is, the number, its yardstick, whether it is bad news."""
    teams, record = today.calls.teams, today.record
    yield {
        "name": "Handed off this week",
        "value": formats.count(_sum(teams, "handed_off_this_week")),
        "beside": f"of {formats.count(_sum(teams, 'this_week'))} that sales can work",
        "is_bad": False,
    }
    if record is not None and record.due:
        share = formats.share(record.in_time / record.due)
        beside = f"{share} of the {formats.count(record.due)} that were due since {formats.day(record.since)}"
        yield {"name": "Worked in time", "value": formats.count(record.in_time), "beside": beside, "is_bad": False}
    else:
        beside = "no hand-off was due yet"
        yield {"name": "Worked in time", "value": "–", "beside": beside, "is_bad": False}
    yield _overdue_figure(today, formats)
    became = CONVERTED[definitions.first_transition.to_stage]
    if record is not None and record.expected is not None:
        low, high = (formats.count(end) for end in (record.expected.low, record.expected.high))
        expected = f"expected {formats.number(record.expected.value, 1)} ({low} to {high}), of {record.mature:,} worked"
        yield {
            "name": f"Became {became}",
            "value": formats.count(record.converted),
            "beside": expected,
            "is_bad": False,
        }
    else:
        days = definitions.transitions[definitions.first_transition].horizon_days
        beside = f"no worked hand-off is {days} days old yet"
        yield {"name": f"Became {became}", "value": "–", "beside": beside, "is_bad": False}


def _overdue_figure(today: Today, formats: Formats) -> dict[str, object]:
    late = today.overdue
    if late is None:
        return {
            "name": "Overdue now",
            "value": formats.count(0),
            "beside": "no lead waits for its call",
            "is_bad": False,
        }
    oldest = f"oldest by {formats.number(late.oldest_days, 1)} days"
    beside = f"{oldest} · {formats.money(late.expected_value)} expected"
    return {"name": "Overdue now", "value": formats.count(late.leads), "beside": beside, "is_bad": True}


def _how(today: Today, definitions: Definitions, hours: float, formats: Formats) -> Iterator[How]:
    became = CONVERTED[definitions.first_transition.to_stage]
    days = definitions.transitions[definitions.first_transition].horizon_days
    teams, record = today.calls.teams, today.record
    yield How(
        "Handed off this week",
        "Hand-offs since Monday, of the week's places: each team's leads_per_week, less its holidays.",
        f"{formats.count(len(teams))} teams.",
    )
    n_due = formats.count(record.due if record else 0)
    yield How(
        "Worked in time",
        f"Hand-offs with a first touch of sales within {formats.number(hours, 0)} working hours, of those whose time "
        "has passed in the last four weeks.",
        f"{n_due} hand-offs.",
    )
    n_listed = formats.count(_sum(teams, "not_touched"))
    yield How(
        "Overdue now",
        "Handed off, not touched, and the time to respond has passed; expected is the sum of their expected values.",
        f"{n_listed} hand-offs that sales has not touched.",
    )
    yield How(
        f"Became {became}",
        f"Of the hand-offs of a quarter that sales worked and whose {days} days have passed: those that became "
        f"{became} within them, beside the sum of their probabilities at the hand-off. In brackets, where 95 of 100 "
        "such groups would lie if the probabilities are right.",
        f"{formats.count(record.mature if record else 0)} hand-offs.",
    )


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
        Column("p_next", "Next step", Shown.SHARE, low="p_next_low", high="p_next_high"),
        Column("expected_value", "Worth", Shown.MONEY),
    )


def _call_list(today: Today, frame: Frame) -> Table:
    rows = today.listed.filter(pc.equal(today.listed["action"], Action.HAND_OFF))
    words = pc.if_else(rows["is_overdue"], "overdue", pc.if_else(pc.equal(rows["handed_off_by"], "lot"), "lot", "due"))
    rows = rows.append_column("state", words)
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
            *_kinds(frame),
        ),
        "Next step: the probability of the lead's next stage within its horizon; beside it, what share of later leads "
        "given the same took it (95 %). Worth: the probability of a win times what a win is expected to bring. A lead "
        "with the state “lot” is below the boundary and was drawn, to learn from.",
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
