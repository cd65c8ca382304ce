"""What the lead did towards us, and what we did towards it. Every figure comes from one scan of its activities."""

import math
from collections.abc import Callable

import ibis.expr.types as ir

from data_contracts.vocabulary import ActivityKind, Direction
from features.measures import Feature, Scan, number

WEEK_DAYS = 7
MONTH_DAYS = 30
QUARTER_DAYS = 90
WINDOWS = (WEEK_DAYS, MONTH_DAYS, QUARTER_DAYS)

STEPS_OF_WEIGHT = 2**40
"""An activity's weight in (0, 1] is added up in steps of one in a million millions. Whole numbers have the same sum in
whatever order an engine's threads add them; floating point numbers do not. What is older than 40 half-lives counts
nothing, and eight million activities of one lead fit."""

FREQUENT = {
    ActivityKind.PAGE_VIEW: "viewed a page",
    ActivityKind.PRICING_VIEW: "opened pricing",
    ActivityKind.EMAIL_CLICK: "clicked a link in an email",
}
"""Kinds that come often enough for a week to tell something."""

OCCASIONAL = {
    ActivityKind.EMAIL_OPEN: "opened an email",
    ActivityKind.CONTENT_DOWNLOAD: "downloaded content",
    ActivityKind.FORM_SUBMIT: "submitted a form",
    ActivityKind.WEBINAR: "attended a webinar",
    ActivityKind.DEMO_REQUEST: "asked for a demo",
    ActivityKind.EMAIL_REPLY: "replied to an email",
    ActivityKind.CHAT: "chatted with us",
    ActivityKind.CALL: "was on the phone with us",
    ActivityKind.MEETING: "met us",
    ActivityKind.OTHER: "had other dealings with us",
}
"""Kinds that are counted over a month and a quarter."""

ASSESSED = "was assessed by us"


def in_last_days(activities: ir.Table, days: int) -> ir.BooleanValue:
    """Whether an activity is less than `days` old."""
    return activities.age_days < days


def inbound(activities: ir.Table) -> ir.BooleanValue:
    """Whether the lead started it."""
    return activities.direction == Direction.INBOUND.value


def outbound(activities: ir.Table) -> ir.BooleanValue:
    """Whether we started it."""
    return activities.direction == Direction.OUTBOUND.value


def _behaviour(name: str, value: Callable[[ir.Table], ir.Value], *, unit: str, meaning: str) -> Feature:
    return number(name, value, scan=Scan.ACTIVITIES, group="behaviour", unit=unit, meaning=meaning, when_nothing=0.0)


def _inbound_count(days: int) -> Feature:
    return _behaviour(
        f"n_inbound_{days}d",
        lambda activities: activities.count(where=inbound(activities) & in_last_days(activities, days)),
        unit="times",
        meaning=f"did something of its own accord in the last {days} days",
    )


def _kind_count(kind: ActivityKind, did: str, days: int) -> Feature:
    return _behaviour(
        f"n_{kind.value}_{days}d",
        lambda activities: activities.count(where=(activities.kind == kind.value) & in_last_days(activities, days)),
        unit="times",
        meaning=f"{did} in the last {days} days",
    )


def _active_days(days: int) -> Feature:
    """Days are counted back from the moment, 24 hours each, so that no time zone decides."""
    return _behaviour(
        f"n_active_days_{days}d",
        lambda activities: activities.age_days.floor().nunique(
            where=inbound(activities) & in_last_days(activities, days)
        ),
        unit="days",
        meaning=f"was active of its own accord on separate days in the last {days} days",
    )


def _intensity(half_life_days: int) -> Feature:
    """Each inbound activity counts 1 when it happens and half as much after each half-life."""
    rate = math.log(2) / half_life_days

    def intensity(activities: ir.Table) -> ir.Value:
        in_steps = ((activities.age_days * -rate).exp() * STEPS_OF_WEIGHT).round().cast("int64")
        return in_steps.sum(where=inbound(activities)).cast("float64") / STEPS_OF_WEIGHT

    return _behaviour(
        f"inbound_intensity_{half_life_days}d",
        intensity,
        unit="activities in today's weight",
        meaning=f"was active of its own accord, what it did counting half after {half_life_days} days",
    )


def _trend(activities: ir.Table) -> ir.Value:
    last_week = inbound(activities) & in_last_days(activities, WEEK_DAYS)
    month_before = inbound(activities) & ~in_last_days(activities, WEEK_DAYS)
    month_before &= in_last_days(activities, WEEK_DAYS + MONTH_DAYS)
    return activities.count(where=last_week) / WEEK_DAYS - activities.count(where=month_before) / MONTH_DAYS


def _recency(name: str, did: str, condition: Callable[[ir.Table], ir.BooleanValue]) -> Feature:
    return number(
        f"days_since_{name}",
        lambda activities: activities.age_days.min(where=condition(activities)),
        scan=Scan.ACTIVITIES,
        group="behaviour",
        unit="days",
        meaning=f"time since it last {did}",
        missing="it never did",
    )


def _kind_recency(kind: ActivityKind, did: str) -> Feature:
    return _recency(kind.value, did, lambda activities: activities.kind == kind.value)


BEHAVIOUR: tuple[Feature, ...] = (
    *(_inbound_count(days) for days in WINDOWS),
    *(_kind_count(kind, did, days) for kind, did in FREQUENT.items() for days in WINDOWS),
    *(_kind_count(kind, did, days) for kind, did in OCCASIONAL.items() for days in (MONTH_DAYS, QUARTER_DAYS)),
    _behaviour(
        "n_assessment",
        lambda activities: activities.count(where=activities.kind == ActivityKind.ASSESSMENT.value),
        unit="times",
        meaning=ASSESSED,
    ),
    _active_days(MONTH_DAYS),
    _active_days(QUARTER_DAYS),
    _intensity(WEEK_DAYS),
    _intensity(MONTH_DAYS),
    _behaviour(
        "inbound_trend",
        _trend,
        unit="activities a day",
        meaning="became more active: its daily activities of the last 7 days less those of the 30 days before",
    ),
    _recency("inbound", "did something of its own accord", inbound),
    _kind_recency(ActivityKind.PRICING_VIEW, FREQUENT[ActivityKind.PRICING_VIEW]),
    _kind_recency(ActivityKind.EMAIL_CLICK, FREQUENT[ActivityKind.EMAIL_CLICK]),
    _kind_recency(ActivityKind.FORM_SUBMIT, OCCASIONAL[ActivityKind.FORM_SUBMIT]),
    _kind_recency(ActivityKind.DEMO_REQUEST, OCCASIONAL[ActivityKind.DEMO_REQUEST]),
    _kind_recency(ActivityKind.EMAIL_REPLY, OCCASIONAL[ActivityKind.EMAIL_REPLY]),
    _kind_recency(ActivityKind.MEETING, OCCASIONAL[ActivityKind.MEETING]),
    _kind_recency(ActivityKind.ASSESSMENT, ASSESSED),
    _behaviour(
        "n_outbound",
        lambda activities: activities.count(where=outbound(activities)),
        unit="times",
        meaning="was approached by us (emails, calls, meetings)",
    ),
    _behaviour(
        "n_outbound_30d",
        lambda activities: activities.count(where=outbound(activities) & in_last_days(activities, MONTH_DAYS)),
        unit="times",
        meaning="was approached by us in the last 30 days",
    ),
    _recency("outbound", "was approached by us", outbound),
)
"""The lead's behaviour, most general first."""
