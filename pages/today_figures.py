"""The figures at the top of Today: each with what it is held against, and how it is made."""

from dataclasses import dataclass

from data_contracts.definitions import Definitions
from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import POINT_RULE, rule_against_model
from data_contracts.evaluations import Evaluation
from data_contracts.shadow import ShadowReport
from data_contracts.today import Today
from data_contracts.vocabulary import Stage
from pages.formats import MISSING, Formats
from pages.frame import Figure, NotThere
from pages.shadow import STANDINGS, hangs_on_uncalled

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
        What the release was judged by, the point rule among its baselines; None where there is no release.
    definitions
        Those that were scored under: the horizon and the first transition.
    respond_within_hours
        Working hours between hand-off and touch, by the policy.
    """

    today: Today | NotThere
    shadow: ShadowReport | NotThere
    on_later_leads: Evaluation | None
    definitions: Definitions
    respond_within_hours: float

    @property
    def rule_against_model(self) -> str:
        """Which does better, and how sure that is: the finding on past weeks, else what the test leads say."""
        if isinstance(self.shadow, ShadowReport):
            return f"{STANDINGS[self.shadow.standing]}."
        told = rule_against_model(self.on_later_leads) if self.on_later_leads else ""
        return f"{told} {self.shadow.because}".strip()


def figures(nouns: TodayNouns, today: Today, formats: Formats) -> list[Figure]:
    """The figures at the top."""
    return [
        Figure(
            "Handed off this week",
            formats.count(total(today, "handed_off_this_week")),
            f"of {formats.count(total(today, 'this_week'))} places that sales has for new leads in a week",
            "Hand-offs since Monday, of the week's places: each team's leads_per_week, less its holidays.",
            f"{formats.count(len(today.calls.teams))} teams.",
        ),
        _worked_in_time(today, nouns.respond_within_hours, formats),
        _overdue(today, formats),
        _converted(today, nouns.definitions, formats),
        _model_and_rule(nouns, formats),
    ]


def _worked_in_time(today: Today, hours: float, formats: Formats) -> Figure:
    record = today.record
    due = record.due if record else 0
    value, beside = MISSING, "no hand-off was due yet"
    if record is not None and due:
        value, share = formats.count(record.in_time), formats.share(record.in_time / due)
        beside = f"of {formats.count(due)} hand-offs that were due since {formats.day(record.since)} ({share})"
    formula = (
        f"Hand-offs with a first touch of sales within {formats.number(hours, 0)} working hours, of those whose time "
        "has passed in the last four weeks."
    )
    return Figure("Worked in time", value, beside, formula, f"{formats.count(due)} hand-offs.")


def _overdue(today: Today, formats: Formats) -> Figure:
    late = today.overdue
    formula = "Handed off, not touched, and the time to respond has passed. At stake: their expected values together."
    rows = f"{formats.count(total(today, 'not_touched'))} hand-offs that sales has not touched."
    if late is None:
        return Figure("Overdue now", formats.count(0), "no lead waits for its call", formula, rows)
    worth = f"{formats.money(late.expected_value)} of expected value at stake"
    beside = f"the oldest since {formats.day(late.since_at)} · {worth}"
    return Figure("Overdue now", formats.count(late.leads), beside, formula, rows, is_bad=True)


def _converted(today: Today, definitions: Definitions, formats: Formats) -> Figure:
    became = CONVERTED[definitions.first_transition.to_stage]
    days = definitions.transitions[definitions.first_transition].horizon_days
    record = today.record
    mature = record.mature if record else 0
    value, beside, is_outside = MISSING, f"no worked hand-off is {days} days old yet", False
    if record is not None and record.expected is not None:
        low, high = (formats.count(end) for end in (record.expected.low, record.expected.high))
        is_outside = record.is_outside
        value = formats.count(record.converted)
        expected = f"{formats.number(record.expected.value)} were expected ({low} to {high})"
        beside = f"of {formats.count(mature)} that sales worked at least {days} days ago · {expected}"
    formula = (
        f"Of the hand-offs of a quarter that sales worked and whose {days} days have passed: those that became "
        f"{became} within them, beside the sum of their probabilities at the hand-off. In brackets, where 95 of 100 "
        "such groups would lie if the probabilities are right."
    )
    return Figure(f"Became {became}", value, beside, formula, f"{formats.count(mature)} hand-offs.", is_bad=is_outside)


def _model_and_rule(nouns: TodayNouns, formats: Formats) -> Figure:
    """How much more the model brings than the rule: on past weeks, else what each holds of later leads."""
    name, shadow = "Model against rule", nouns.shadow
    if isinstance(shadow, ShadowReport) and shadow.comparison("capacity").figures:
        return _on_past_weeks(name, shadow, formats)
    ours, theirs = _held_at_capacity(nouns.on_later_leads)
    if ours is None or theirs is None:
        return Figure(name, MISSING, "not known yet", "Of past weeks, or of later leads with a point rule.", "None.")
    evaluation = nouns.on_later_leads
    return Figure(
        name,
        f"{formats.share(ours.value)} : {formats.share(theirs.value)}",
        "of what converted, among the leads that sales can work",
        "Of the latest leads, which neither had learnt from: the share of all that converted among as many as sales "
        f"can work. Model {_range(ours, formats)}, rule {_range(theirs, formats)} (95 %, each by itself).",
        f"{formats.count(evaluation.n_test_leads if evaluation else 0)} leads.",
    )


def _on_past_weeks(name: str, shadow: ShadowReport, formats: Formats) -> Figure:
    comparison = shadow.comparison("capacity")
    first = comparison.figures[0]
    low, high = (formats.signed(end) for end in (first.if_alike.low, first.if_alike.high))
    rule = formats.number(first.rule.if_alike.value)
    assumed = ", if uncalled leads are like called ones" if hangs_on_uncalled(first) else ""
    return Figure(
        name,
        f"{low} to {high}",
        f"{first.measured} a week more than the rule's {rule} (95 % sure){assumed}",
        f"What {formats.count(comparison.model_leads)} leads a week of the model's bring, less what as many of the "
        "rule's bring. Leads that nobody called are taken to be like called ones of about the same probability; 95 %.",
        f"{first.n_weeks} weeks.",
    )


def _held_at_capacity(evaluation: Evaluation | None) -> tuple[Estimate | None, Estimate | None]:
    """What the model's and the point rule's leads within capacity hold of all that converted; None where not known."""
    if evaluation is None:
        return None, None
    rules = [judged.captured_at_capacity for judged in evaluation.models[1:] if judged.model == POINT_RULE]
    ours = evaluation.model.captured_at_capacity
    is_known = bool(rules) and rules[0].value is not None and ours.value is not None
    return (ours, rules[0]) if is_known else (None, None)


def _range(estimate: Estimate, formats: Formats) -> str:
    return f"{formats.share(estimate.low)} to {formats.share(estimate.high)}"


def total(today: Today, name: str) -> int:
    """The count called `name` of all teams together."""
    return sum(getattr(one, name) for one in today.calls.teams)
