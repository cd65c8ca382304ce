"""What the lead did, and what we did to reach it. All figures come from one scan of its activities."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis.expr.types as ir

from data_contracts.deeds import Deed
from data_contracts.kinds import KindDeclaration, Kinds
from data_contracts.sayings import ActiveDays, Count, Intensity, Recency, Saying, Trend
from data_contracts.vocabulary import Direction, KindFamily
from features.measures import Feature, Scan, number

WEEK_DAYS = 7
MONTH_DAYS = 30
QUARTER_DAYS = 90
WINDOWS = (WEEK_DAYS, MONTH_DAYS, QUARTER_DAYS)

STEPS_OF_WEIGHT = 2**40
"""An activity weighs up to 1. Weights are added as whole numbers of such steps: whole numbers have the same sum in any
order in which an engine's threads add them, floating point numbers do not. Activities older than 40 half-lives round to
nothing; eight million activities of one lead fit into an int64."""


@dataclass(frozen=True, slots=True)
class Look:
    """Which features a kind gives.

    Attributes
    ----------
    windows
        The days over which its activities are counted; None is all time.
    is_dated
        Whether the days since the last one are a feature.
    is_of_colleagues
        Whether what colleagues did of it in a quarter is a feature (`features.buying_group`).
    """

    windows: tuple[int | None, ...]
    is_dated: bool = False
    is_of_colleagues: bool = False


LOOKS: Mapping[KindFamily, Look] = {
    KindFamily.BROWSING: Look(WINDOWS),
    KindFamily.RESPONSE: Look(WINDOWS, is_dated=True),
    KindFamily.EVALUATION: Look(WINDOWS, is_dated=True, is_of_colleagues=True),
    KindFamily.ATTENTION: Look((MONTH_DAYS, QUARTER_DAYS)),
    KindFamily.DIALOGUE: Look((MONTH_DAYS, QUARTER_DAYS)),
    KindFamily.COMMITMENT: Look((MONTH_DAYS, QUARTER_DAYS), is_dated=True),
    KindFamily.REQUEST: Look((MONTH_DAYS, QUARTER_DAYS), is_dated=True, is_of_colleagues=True),
    KindFamily.ATTEMPT: Look((MONTH_DAYS, QUARTER_DAYS)),
    KindFamily.ASSESSMENT: Look((None,), is_dated=True),
    KindFamily.MAILING: Look(()),
}
"""What is frequent is counted over a week as well. What is done once and again is dated, where a count says little."""

ACTED = Deed("did something of its own accord")
ACTIVE = Deed("active of its own accord", "was")
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


def _kind_count(kind: str, deed: Deed, days: int | None) -> Feature:
    """How often the kind was done in the last `days` days, or ever (None)."""

    def count(activities: ir.Table) -> ir.Value:
        done = activities.kind == kind
        return activities.count(where=done if days is None else done & in_last_days(activities, days))

    name = f"n_{kind}" if days is None else f"n_{kind}_{days}d"
    return _behaviour(name, count, family=kind, said=Count(deed, days))


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


def _counts_of(kind: str, declared: KindDeclaration) -> tuple[Feature, ...]:
    return tuple(_kind_count(kind, declared.phrase.deed, days) for days in LOOKS[declared.family].windows)


def _recency_of(kind: str, declared: KindDeclaration) -> Feature:
    return _recency(kind, lambda activities: activities.kind == kind, family=kind, deed=declared.phrase.deed)


def behaviour_features(kinds: Kinds) -> tuple[Feature, ...]:
    """The lead's behaviour: in general, by declared kind in their order, and what we did to reach it."""
    return (
        *INBOUND_COUNTS,
        *(feature for kind, declared in kinds.items() for feature in _counts_of(kind, declared)),
        *ACTIVITY,
        *(_recency_of(kind, declared) for kind, declared in kinds.items() if LOOKS[declared.family].is_dated),
        *OUTBOUND,
    )


INBOUND_COUNTS: tuple[Feature, ...] = tuple(_inbound_count(days) for days in WINDOWS)

ACTIVITY: tuple[Feature, ...] = (
    _active_days(MONTH_DAYS),
    _active_days(QUARTER_DAYS),
    _intensity(WEEK_DAYS),
    _intensity(MONTH_DAYS),
    _behaviour("inbound_trend", _trend, family=IN_GENERAL, said=Trend()),
    _recency("inbound", inbound, family=IN_GENERAL, deed=ACTED),
)

OUTBOUND: tuple[Feature, ...] = (
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
