"""Today: whom to call first and why, what is overdue, who waits, and whether the model is better than the rule."""

from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from data_contracts.definitions import Definitions
from data_contracts.scores import Action
from data_contracts.shadow import ShadowReport
from data_contracts.today import Today
from data_contracts.vocabulary import Stage
from data_contracts.wording import leads
from pages.formats import MISSING, Formats
from pages.frame import Figure, Frame, NotThere
from pages.shadow import STANDINGS, shadow_table, short_verdict
from pages.site import Page
from pages.tables import Column, Shown, Table, told_rows

PATH = "index.html"

CONVERTED = {Stage.SQL: "SQL", Stage.WON: "customer"}
"""What a lead has become once the first transition is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class TodayNouns:
    """What Today is made of.

    Attributes
    ----------
    today
        What is to be done, or why nobody can say.
    shadow
        The rule against the model on past weeks, or why that is not known.
    on_later_leads
        The same on the test leads of the release, in a sentence; empty where there is no point rule or no release.
    definitions
        Those that were scored under: the horizon and the first transition.
    respond_within_hours
        Working hours between hand-off and touch, by the policy.
    """

    today: Today | NotThere
    shadow: ShadowReport | NotThere
    on_later_leads: str
    definitions: Definitions
    respond_within_hours: float

    @property
    def rule_against_model(self) -> str:
        """Which does better, and how sure that is: the finding on past weeks, else what the test leads say."""
        if isinstance(self.shadow, ShadowReport):
            return f"{STANDINGS[self.shadow.standing]}."
        return f"{self.on_later_leads} {self.shadow.because}".strip()


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
        "n_waiting": _sum(today, "waiting"),
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
    n = _sum(today, "not_touched")
    if not n:
        return "Nobody is to be called now"
    late = f", {today.overdue.leads:,} of them overdue" if today.overdue else ""
    return f"{leads(n)} for sales to call{late}"


def _advice(today: Today) -> str:
    n, waiting = _sum(today, "not_touched"), _sum(today, "waiting")
    behind = f"{leads(waiting)} more reach the boundary and wait for room, in order" if waiting else "No lead waits"
    return f"Call from the top: the first is the likeliest. {behind}." if n else f"{behind}."


def _sum(today: Today, name: str) -> int:
    return sum(getattr(one, name) for one in today.calls.teams)


def figures(nouns: TodayNouns, today: Today, formats: Formats) -> list[Figure]:
    """The figures at the top."""
    return [
        Figure(
            "Handed off this week",
            formats.count(_sum(today, "handed_off_this_week")),
            f"of {formats.count(_sum(today, 'this_week'))} that sales can work",
            "Hand-offs since Monday, of the week's places: each team's leads_per_week, less its holidays.",
            f"{formats.count(len(today.calls.teams))} teams.",
        ),
        _worked_in_time(today, nouns.respond_within_hours, formats),
        _overdue(today, formats),
        _converted(today, nouns.definitions, formats),
    ]


def _worked_in_time(today: Today, hours: float, formats: Formats) -> Figure:
    record = today.record
    due = record.due if record else 0
    value, beside = MISSING, "no hand-off was due yet"
    if record is not None and due:
        value, share = formats.count(record.in_time), formats.share(record.in_time / due)
        beside = f"{share} of the {formats.count(due)} that were due since {formats.day(record.since)}"
    formula = (
        f"Hand-offs with a first touch of sales within {formats.number(hours, 0)} working hours, of those whose time "
        "has passed in the last four weeks."
    )
    return Figure("Worked in time", value, beside, formula, f"{formats.count(due)} hand-offs.")


def _overdue(today: Today, formats: Formats) -> Figure:
    late = today.overdue
    formula = "Handed off, not touched, and the time to respond has passed; worth is the sum of their expected values."
    rows = f"{formats.count(_sum(today, 'not_touched'))} hand-offs that sales has not touched."
    if late is None:
        return Figure("Overdue now", formats.count(0), "no lead waits for its call", formula, rows)
    beside = f"the oldest by {formats.number(late.oldest_days)} days · worth {formats.money(late.expected_value)}"
    return Figure("Overdue now", formats.count(late.leads), beside, formula, rows, is_bad=True)


def _converted(today: Today, definitions: Definitions, formats: Formats) -> Figure:
    became = CONVERTED[definitions.first_transition.to_stage]
    days = definitions.transitions[definitions.first_transition].horizon_days
    record = today.record
    mature = record.mature if record else 0
    value, beside = MISSING, f"no worked hand-off is {days} days old yet"
    if record is not None and record.expected is not None:
        low, high = (formats.count(end) for end in (record.expected.low, record.expected.high))
        value = formats.count(record.converted)
        beside = (
            f"of {formats.count(mature)} worked · expected {formats.number(record.expected.value)} ({low} to {high})"
        )
    formula = (
        f"Of the hand-offs of a quarter that sales worked and whose {days} days have passed: those that became "
        f"{became} within them, beside the sum of their probabilities at the hand-off. In brackets, where 95 of 100 "
        "such groups would lie if the probabilities are right."
    )
    return Figure(f"Became {became}", value, beside, formula, f"{formats.count(mature)} hand-offs.")


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


def call_list(today: Today, frame: Frame) -> Table:
    """Whom sales is to call, the best first."""
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
