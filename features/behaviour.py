"""What the lead did, and what we did to reach it. All figures come from one scan of its activities."""

import math
from collections.abc import Callable

import ibis.expr.types as ir

from data_contracts.deeds import Deed
from data_contracts.sayings import ActiveDays, Count, Intensity, Recency, Saying, Trend
from data_contracts.vocabulary import ActivityKind, Direction
from features.measures import Feature, Scan, number

WEEK_DAYS = 7
MONTH_DAYS = 30
QUARTER_DAYS = 90
WINDOWS = (WEEK_DAYS, MONTH_DAYS, QUARTER_DAYS)

STEPS_OF_WEIGHT = 2**40
"""An activity weighs up to 1. Weights are added as whole numbers of such steps: whole numbers have the same sum in any
order in which an engine's threads add them, floating point numbers do not. Activities older than 40 half-lives round to
nothing; eight million activities of one lead fit into an int64."""

FREQUENT = {
    ActivityKind.PAGE_VIEW: Deed("viewed a page"),
    ActivityKind.PRICING_VIEW: Deed("opened pricing"),
    ActivityKind.EMAIL_CLICK: Deed("clicked a link in an email"),
}
"""Kinds that are frequent enough to be counted over a week as well."""

OCCASIONAL = {
    ActivityKind.EMAIL_OPEN: Deed("opened an email"),
    ActivityKind.CONTENT_DOWNLOAD: Deed("downloaded content"),
    ActivityKind.FORM_SUBMIT: Deed("submitted a form"),
    ActivityKind.WEBINAR: Deed("attended a webinar"),
    ActivityKind.DEMO_REQUEST: Deed("asked for a demo"),
    ActivityKind.EMAIL_REPLY: Deed("replied to an email"),
    ActivityKind.CHAT: Deed("chatted with us"),
    ActivityKind.CALL: Deed("on the phone with us", "was"),
    ActivityKind.MEETING: Deed("met us"),
    ActivityKind.OTHER: Deed("had other dealings with us"),
}
"""Kinds that are counted over a month and a quarter."""

ACTED = Deed("did something of its own accord")
ACTIVE = Deed("active of its own accord", "was")
ASSESSED = Deed("assessed by us", "was")
APPROACHED = Deed("approached by us", "was")
APPROACHED_IN_DETAIL = Deed("approached by us (emails, calls, meetings)", "was")

IN_GENERAL = "activity in general"
OUR_APPROACHES = "outbound"


def in_last_days(activities: ir.Table, days: int) -> ir.BooleanValue:
    """Whether an activity is less than `days` old."""
    return activities.age_days < days


def inbound(activities: ir.Table) -> ir.BooleanValue:
    """Whether the lead started it."""
    return activities.direction == Direction.INBOUND.value


def outbound(activities: ir.Table) -> ir.BooleanValue:
    """Whether we started it."""
    return activities.direction == Direction.OUTBOUND.value


def _behaviour(name: str, value: Callable[[ir.Table], ir.Value], *, family: str, said: Saying) -> Feature:
    return number(name, value, scan=Scan.ACTIVITIES, group="behaviour", said=said, family=family, when_nothing=0.0)


def _inbound_count(days: int) -> Feature:
    return _behaviour(
        f"n_inbound_{days}d",
        lambda activities: activities.count(where=inbound(activities) & in_last_days(activities, days)),
        family=IN_GENERAL,
        said=Count(ACTED, days),
    )


def _kind_count(kind: ActivityKind, deed: Deed, days: int) -> Feature:
    return _behaviour(
        f"n_{kind.value}_{days}d",
        lambda activities: activities.count(where=(activities.kind == kind.value) & in_last_days(activities, days)),
        family=kind.value,
        said=Count(deed, days),
    )


def _active_days(days: int) -> Feature:
    """Days are counted back from the moment, 24 hours each, so that no time zone decides."""
    return _behaviour(
        f"n_active_days_{days}d",
        lambda activities: activities.age_days.floor().nunique(
            where=inbound(activities) & in_last_days(activities, days)
        ),
        family=IN_GENERAL,
        said=ActiveDays(ACTIVE, days),
    )


def _intensity(half_life_days: int) -> Feature:
    """Each inbound activity counts 1 when it happens and half as much after each half-life."""
    rate = math.log(2) / half_life_days

    def intensity(activities: ir.Table) -> ir.Value:
        in_steps = ((activities.age_days * -rate).exp() * STEPS_OF_WEIGHT).round().cast("int64")
        return in_steps.sum(where=inbound(activities)).cast("float64") / STEPS_OF_WEIGHT

    return _behaviour(
        f"inbound_intensity_{half_life_days}d", intensity, family=IN_GENERAL, said=Intensity(half_life_days)
    )


def _trend(activities: ir.Table) -> ir.Value:
    last_week = inbound(activities) & in_last_days(activities, WEEK_DAYS)
    month_before = inbound(activities) & ~in_last_days(activities, WEEK_DAYS)
    month_before &= in_last_days(activities, WEEK_DAYS + MONTH_DAYS)
    return activities.count(where=last_week) / WEEK_DAYS - activities.count(where=month_before) / MONTH_DAYS


def _recency(name: str, condition: Callable[[ir.Table], ir.BooleanValue], *, family: str, deed: Deed) -> Feature:
    return number(
        f"days_since_{name}",
        lambda activities: activities.age_days.min(where=condition(activities)),
        scan=Scan.ACTIVITIES,
        group="behaviour",
        said=Recency(deed),
        family=family,
        missing="it never did",
    )


def _kind_recency(kind: ActivityKind, deed: Deed) -> Feature:
    return _recency(kind.value, lambda activities: activities.kind == kind.value, family=kind.value, deed=deed)


BEHAVIOUR: tuple[Feature, ...] = (
    *(_inbound_count(days) for days in WINDOWS),
    *(_kind_count(kind, deed, days) for kind, deed in FREQUENT.items() for days in WINDOWS),
    *(_kind_count(kind, deed, days) for kind, deed in OCCASIONAL.items() for days in (MONTH_DAYS, QUARTER_DAYS)),
    _behaviour(
        "n_assessment",
        lambda activities: activities.count(where=activities.kind == ActivityKind.ASSESSMENT.value),
        family=ActivityKind.ASSESSMENT.value,
        said=Count(ASSESSED),
    ),
    _active_days(MONTH_DAYS),
    _active_days(QUARTER_DAYS),
    _intensity(WEEK_DAYS),
    _intensity(MONTH_DAYS),
    _behaviour("inbound_trend", _trend, family=IN_GENERAL, said=Trend()),
    _recency("inbound", inbound, family=IN_GENERAL, deed=ACTED),
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
        family=OUR_APPROACHES,
        said=Count(APPROACHED_IN_DETAIL),
    ),
    _behaviour(
        "n_outbound_30d",
        lambda activities: activities.count(where=outbound(activities) & in_last_days(activities, MONTH_DAYS)),
        family=OUR_APPROACHES,
        said=Count(APPROACHED, MONTH_DAYS),
    ),
    _recency("outbound", outbound, family=OUR_APPROACHES, deed=APPROACHED),
)
"""The lead's behaviour, most general first."""
