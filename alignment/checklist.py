"""The alignment checklist: what two aligned teams have in place, with evidence from settings and notes of reviews."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from data_contracts.metrics.checklist import Checklist, Item, Met
from data_contracts.metrics.periods import Period
from data_contracts.review_notes import ReviewNotes, Standing
from data_contracts.settings import Settings

DEFINITIONS_CURRENT_DAYS = 184
"""Definitions are looked at again every half-year: each quarterly review may change them, and two may not."""

REVIEW_EVERY_DAYS = {Period.WEEK: 14, Period.MONTH: 45, Period.QUARTER: 120}
"""One review of each kind may be missed by some days, but not a whole one."""

TEAMS = ("marketing", "sales")


def alignment_checklist(settings: Settings, notes: Sequence[ReviewNotes], *, as_of: dt.datetime) -> Checklist:
    """What is in place at `as_of` (UTC, naive).

    | asks for | evidence |
    |---|---|
    | both teams signed the definitions | `agreed_by` of the definitions |
    | the definitions are current | days since `effective_from` |
    | a profile, personas, what counts as contact | the definitions |
    | targets of both teams, and what the SLA is to reach | `[targets]` |
    | reviews were held | the notes of reviews |
    | decisions were carried out in time | their `due` and `done_on` |
    """
    day = as_of.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(settings.policy.calendar.time_zone)).date()
    held = [one for one in notes if one.held_on <= day]
    return Checklist(
        items=(
            _signed(settings),
            _current(settings, day),
            _profile(settings),
            _service_level(settings),
            _shared_targets(settings),
            *(_reviewed(held, period, day) for period in REVIEW_EVERY_DAYS),
            _carried_out(held, day),
        )
    )


def _signed(settings: Settings) -> Item:
    agreed_by = settings.definitions.agreed_by
    missing = [team for team in TEAMS if not any(team in who.lower() for who in agreed_by)]
    return _item(
        "Both teams signed the definitions.",
        not missing,
        f"version {settings.definitions.version}, agreed by {', '.join(agreed_by) or 'nobody'}",
        f"add {' and '.join(missing)} to agreed_by in [definitions], once they have agreed",
    )


def _current(settings: Settings, day: dt.date) -> Item:
    days = (day - settings.definitions.effective_from).days
    return _item(
        "The definitions are current.",
        days <= DEFINITIONS_CURRENT_DAYS,
        f"in effect for {days} days, since {settings.definitions.effective_from:%Y-%m-%d}; "
        f"{DEFINITIONS_CURRENT_DAYS} at most",
        "look at them in the next quarterly review: raise version and effective_from, also where nothing changes",
    )


def _profile(settings: Settings) -> Item:
    definitions = settings.definitions
    n_criteria, n_personas = len(definitions.icp.criteria), len(definitions.personas)
    return _item(
        "The ideal customer profile and the personas are written down.",
        bool(n_criteria and n_personas),
        f"{n_criteria} criteria, {n_personas} personas",
        "give both in [definitions]: without them nobody can say which leads are the agreed ones",
    )


def _service_level(settings: Settings) -> Item:
    targets, policy = settings.targets, settings.policy
    given = {
        "compliance_share": targets.compliance_share,
        "disposition_share": targets.disposition_share,
        "mqls_per_week": targets.mqls_per_week,
        "off_icp_share": targets.off_icp_share,
    }
    missing = [name for name, value in given.items() if value is None]
    return _item(
        "The service-level agreement says what each team owes.",
        not missing,
        f"{policy.respond_within_working_hours:g} working hours to respond; "
        f"{len(given) - len(missing)} of {len(given)} duties have a figure",
        f"give {', '.join(missing)} in [targets]",
    )


def _shared_targets(settings: Settings) -> Item:
    periods = [one.period for one in settings.targets.periods if one.revenue is not None]
    return _item(
        "Both teams share a revenue target.",
        bool(periods),
        f"revenue is planned for {', '.join(periods) or 'no period'}",
        "give revenue in [[targets.periods]]",
    )


def _reviewed(held: Sequence[ReviewNotes], period: Period, day: dt.date) -> Item:
    days = [(day - one.held_on).days for one in held if one.period is period]
    most = REVIEW_EVERY_DAYS[period]
    return _item(
        f"Each {period} is reviewed together.",
        bool(days) and min(days) <= most,
        f"the last one {min(days)} days ago; {most} at most" if days else "no notes of one",
        "hold it, and write its notes into a file of reviews_folder",
    )


def _carried_out(held: Sequence[ReviewNotes], day: dt.date) -> Item:
    decisions = [decision for one in held for decision in one.decisions]
    standings = [decision.standing(day) for decision in decisions]
    late = standings.count(Standing.LATE)
    asks = "What reviews decided is done in time."
    if not decisions:
        return Item(asks=asks, met=Met.UNKNOWN, evidence="no decision was written down", remedy="write decisions down")
    return _item(
        asks,
        not late,
        f"{standings.count(Standing.DONE)} of {len(decisions)} done, {late} late",
        "do them, or give them up in the next review: done_on and outcome in its notes",
    )


def _item(asks: str, is_met: bool, evidence: str, remedy: str) -> Item:
    return Item(asks=asks, met=Met.YES if is_met else Met.NO, evidence=evidence, remedy="" if is_met else remedy)
