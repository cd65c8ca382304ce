"""Definitions: what both teams agreed on, what is done with scores, and what each word means."""

from collections.abc import Iterator
from typing import Any

from data_contracts.agreement import Agreement
from data_contracts.definitions import Contact, Definitions, SnapshotPlan
from data_contracts.policy import Policy, Suppression
from data_contracts.vocabulary import Stage, Transition
from pages.agreement import (
    attributes_table,
    criteria_table,
    either,
    glossary_table,
    kinds_table,
    personas_table,
    points_table,
    publications_table,
    said_condition,
    said_number,
    said_stage,
    teams_table,
    versions_table,
    words_table,
)
from pages.formats import Formats
from pages.frame import Frame, NotThere
from pages.site import Page
from pages.tables import Table

PATH = "definitions.html"

Said = tuple[str, str]
"""What is agreed on, and the agreement in a sentence."""


def definitions_page(agreement: Agreement, *, frame: Frame, not_in_force: NotThere | None = None) -> Page:
    """The page about the agreement.

    Parameters
    ----------
    agreement
        What holds now.
    not_in_force
        Why no release is in force, where none is.
    """
    formats, settings = frame.formats, agreement.settings
    policy = agreement.thresholds.policy if agreement.thresholds else settings.policy
    told: dict[str, Any] = {
        "agreement": agreement,
        "definitions": settings.definitions,
        "policy": policy,
        "not_in_force": not_in_force,
        "heading": _heading(settings.definitions, formats),
        "advice": _advice(agreement),
        "of_transitions": _of_transitions(settings.definitions, formats),
        "agreed": list(_agreed(settings.definitions, formats)),
        "done": list(_done(policy, formats)),
        "n_words": len(settings.crm.stages) + len(settings.crm.directions) + len(settings.crm.outcomes),
        "crm": settings.crm,
        "of_policy": f"Sales can work {said_number(policy.leads_per_week, formats)} new leads a week",
    }
    return Page(PATH, "Definitions", "definitions.html", told, _tables(agreement, policy, formats))


def _tables(agreement: Agreement, policy: Policy, formats: Formats) -> dict[str, Table]:
    settings = agreement.settings
    definitions = settings.definitions
    tables = [teams_table(agreement, formats), words_table(settings.crm), glossary_table()]
    if definitions.icp.criteria:
        tables.append(criteria_table(definitions, formats))
    if definitions.personas:
        tables.append(personas_table(definitions))
    if definitions.point_rule is not None:
        tables.append(points_table(definitions.point_rule, formats))
    if agreement.versions:
        tables.append(versions_table(agreement.versions))
    if agreement.publications:
        is_share = policy.ranked_by == "probability"
        tables.append(publications_table(agreement.publications, formats, is_share=is_share))
    if settings.crm.kinds:
        tables.append(kinds_table(settings.crm, formats))
    if settings.crm.attributes:
        tables.append(attributes_table(settings.crm))
    return {one.name: one for one in tables}


def _heading(definitions: Definitions, formats: Formats) -> str:
    by = f", agreed by {' and '.join(definitions.agreed_by)}" if definitions.agreed_by else ""
    return f"Definitions {definitions.version} hold from {formats.day(definitions.effective_from)}{by}"


def _advice(agreement: Agreement) -> str:
    whose = (
        f"Release {agreement.release_id} works under them, and every score, threshold and figure carries their version."
        if agreement.release_id
        else "They are those of the settings file: no score works under them yet."
    )
    nobody = "" if agreement.settings.definitions.agreed_by else " The settings do not say who agreed on them."
    return whose + nobody


def _of_transitions(definitions: Definitions, formats: Formats) -> str:
    said = [
        f"{'an MQL' if one.from_stage is Stage.MQL else 'an SQL'} has {formats.count(told.horizon_days)} days to "
        f"{'become an SQL' if one.to_stage is Stage.SQL else 'be won'}"
        for one, told in definitions.transitions.items()
    ]
    whole = ", and ".join(said)
    return whole[0].upper() + whole[1:]


def _agreed(definitions: Definitions, formats: Formats) -> Iterator[Said]:
    """The agreement, sentence by sentence."""
    for transition, told in definitions.transitions.items():
        yield _name(transition), f"Counts within {formats.count(told.horizon_days)} days of the moment of prediction."
    yield "Worked by sales", _contact(definitions.contact)
    if definitions.icp.criteria:
        a, b, c = (formats.share(one) for one in definitions.icp.fit_boundaries)
        yield "Grade of fit", f"A from a fit of {a}, B from {b}, C from {c}, D below."
    else:
        yield "Ideal customer profile", "None is agreed on: fit is not known of any lead."
    if definitions.point_rule is not None:
        points = said_number(definitions.point_rule.threshold, formats)
        yield "The rule until now", f"A lead with {points} points is an MQL."
    else:
        yield "The rule until now", "No point rule is agreed on."
    yield "Looked at for training", _snapshots(definitions.snapshots, formats)
    since = definitions.learn_since
    yield "Learnt from", f"Leads looked at since {formats.day(since)}." if since else "All of the history."


def _name(transition: Transition) -> str:
    return f"From {said_stage(transition.from_stage)} to {said_stage(transition.to_stage)}"


def _contact(contact: Contact) -> str:
    if contact.assume_contacted_because:
        return f"Every lead is taken as worked, because {contact.assume_contacted_because}."
    reached = f"it reached {either([said_stage(one) for one in contact.stages])}" if contact.stages else ""
    begun = f"we began one of these with it: {either(contact.kinds)}" if contact.kinds else ""
    signs = ", or ".join(filter(None, (reached, begun)))
    return f"A lead is worked once {signs}." if signs else "No sign of it is agreed on."


def _snapshots(plan: SnapshotPlan, formats: Formats) -> str:
    days = ", ".join(map(formats.count, plan.judged_days))
    minutes = f"{said_number(plan.entry_delay_minutes, formats)} minute{'' if plan.entry_delay_minutes == 1 else 's'}"
    return (
        f"{minutes} after it enters the stage, then every "
        f"{formats.count(plan.every_days)} days up to {formats.count(plan.up_to_days)} days while it is open in it. "
        f"Models are judged by themselves on days {days}."
    )


def _done(policy: Policy, formats: Formats) -> Iterator[Said]:
    """The policy, sentence by sentence."""
    ranked = "the probability of the first transition" if policy.ranked_by == "probability" else "the expected value"
    yield "Ranked by", f"Leads are ranked by {ranked}, and boundaries are drawn on it."
    hours = said_number(policy.respond_within_working_hours, formats)
    yield "Response", f"Within {hours} working hours of the hand-off. {_working_time(policy, formats)}"
    yield "Cost of working a lead", f"{formats.money(policy.cost_of_working_a_lead)}."
    least = f"{formats.share(policy.least_precision)} of the handed-off leads are to take the first transition."
    yield "Least precision", least if policy.least_precision else "None is asked for."
    lots = f"{formats.share(policy.exploration_share)} of the capacity goes to leads below the boundary, drawn by lot."
    none = "No lead below the boundary is drawn: what they would bring stays unknown."
    yield "By lot", lots if policy.exploration_share else none
    yield "Giving up", f"A lead that found no room for {formats.count(policy.wait_at_most_days)} days goes to nurture."
    share = formats.share(policy.keep_within_share)
    yield "Place in the queue", f"A waiting lead keeps it until its value is {share} of the boundary below it."
    yield "Nurture", f"Marketing looks again after {formats.count(policy.recheck_after_days)} days."
    never = "; ".join(_suppressed(one, formats) for one in policy.suppressed)
    yield "Never handed off", f"{never}." if never else "The policy names nobody."


def _working_time(policy: Policy, formats: Formats) -> str:
    calendar = policy.calendar
    days = ", ".join(calendar.working_days)
    return (
        f"Working time: {days}, {calendar.from_time:%H:%M} to {calendar.to_time:%H:%M} ({calendar.time_zone}), less "
        f"{formats.count(len(calendar.holidays))} holidays."
    )


def _suppressed(one: Suppression, formats: Formats) -> str:
    where = said_condition(one.where, formats) if one.where else "somebody of its account became a customer"
    return f"{one.name}: {where}"
