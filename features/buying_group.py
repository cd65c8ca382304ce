"""What the others at the lead's account did: a decision is seldom one person's."""

from collections.abc import Callable

import ibis.expr.types as ir

from data_contracts.vocabulary import ActivityKind, Stage
from features.behaviour import MONTH_DAYS, QUARTER_DAYS, in_last_days, inbound
from features.known import LARGEST_BUYING_GROUP
from features.measures import Feature, Scan, number
from features.stages import reached_stages

NO_GROUP = f"it has no known account, or one with more than {LARGEST_BUYING_GROUP} leads"


def _others(scan: Scan, name: str, value: Callable[[ir.Table], ir.Value], *, unit: str, meaning: str) -> Feature:
    return number(
        name, value, scan=scan, group="buying_group", unit=unit, meaning=meaning, missing=NO_GROUP, when_nothing=0.0
    )


def _others_reached(stage: Stage, meaning: str) -> Feature:
    return _others(
        Scan.ACCOUNT_STAGE_CHANGES,
        f"n_others_{stage.value}",
        lambda changes: changes.other_lead_id.nunique(where=changes.stage.isin(reached_stages(stage))),
        unit="people",
        meaning=meaning,
    )


BUYING_GROUP: tuple[Feature, ...] = (
    _others(
        Scan.ACCOUNT_LEADS,
        "n_others",
        lambda others: others.count(),
        unit="people",
        meaning="has colleagues who are leads as well",
    ),
    _others(
        Scan.ACCOUNT_ACTIVITIES,
        "n_others_active_30d",
        lambda activities: activities.other_lead_id.nunique(
            where=inbound(activities) & in_last_days(activities, MONTH_DAYS)
        ),
        unit="people",
        meaning="has colleagues who were active of their own accord in the last 30 days",
    ),
    _others(
        Scan.ACCOUNT_ACTIVITIES,
        "n_others_inbound_30d",
        lambda activities: activities.count(where=inbound(activities) & in_last_days(activities, MONTH_DAYS)),
        unit="times",
        meaning="has colleagues who did something of their own accord in the last 30 days",
    ),
    _others(
        Scan.ACCOUNT_ACTIVITIES,
        "n_others_pricing_view_90d",
        lambda activities: activities.count(
            where=(activities.kind == ActivityKind.PRICING_VIEW.value) & in_last_days(activities, QUARTER_DAYS)
        ),
        unit="times",
        meaning="has colleagues who opened pricing in the last 90 days",
    ),
    _others(
        Scan.ACCOUNT_ACTIVITIES,
        "n_others_demo_request_90d",
        lambda activities: activities.count(
            where=(activities.kind == ActivityKind.DEMO_REQUEST.value) & in_last_days(activities, QUARTER_DAYS)
        ),
        unit="times",
        meaning="has colleagues who asked for a demo in the last 90 days",
    ),
    number(
        "days_since_others_inbound",
        lambda activities: activities.age_days.min(where=inbound(activities)),
        scan=Scan.ACCOUNT_ACTIVITIES,
        group="buying_group",
        unit="days",
        meaning="time since a colleague last did something of their own accord",
        missing=f"none ever did, or {NO_GROUP}",
    ),
    _others_reached(Stage.MQL, "has colleagues who became MQL, now or earlier"),
    _others_reached(Stage.SQL, "has colleagues who became SQL, now or earlier"),
    _others_reached(Stage.WON, "has colleagues who became customers"),
)
"""The buying group. Missing where there is none, 0 where the others did nothing."""
