"""What the lead's colleagues did: more than one person decides about most purchases."""

from collections.abc import Callable

import ibis.expr.types as ir

from data_contracts.kinds import KindDeclaration, Kinds
from data_contracts.sayings import Colleagues, ColleaguesCount, ColleaguesRecency, Saying
from data_contracts.vocabulary import Stage
from features.behaviour import LOOKS, MONTH_DAYS, QUARTER_DAYS, in_last_days, inbound
from features.known import LARGEST_BUYING_GROUP
from features.measures import Feature, Scan, number
from features.stages import reached_stages

NO_GROUP = f"it has no known account, or one with more than {LARGEST_BUYING_GROUP} leads"
FAMILY = "colleagues"


def _others(scan: Scan, name: str, value: Callable[[ir.Table], ir.Value], *, said: Saying) -> Feature:
    return number(
        name, value, scan=scan, group="buying_group", said=said, family=FAMILY, missing=NO_GROUP, when_nothing=0.0
    )


def _others_reached(stage: Stage, said: Colleagues) -> Feature:
    return _others(
        Scan.ACCOUNT_STAGE_CHANGES,
        f"n_others_{stage.value}",
        lambda changes: changes.other_lead_id.nunique(where=changes.stage.isin(reached_stages(stage))),
        said=said,
    )


def _became(word: str) -> Colleagues:
    did = f"became {word}, now or earlier"
    return Colleagues(many=did, one=did)


def _of_kind(kind: str, declared: KindDeclaration) -> Feature:
    return _others(
        Scan.ACCOUNT_ACTIVITIES,
        f"n_others_{kind}_{QUARTER_DAYS}d",
        lambda activities: activities.count(where=(activities.kind == kind) & in_last_days(activities, QUARTER_DAYS)),
        said=ColleaguesCount(declared.phrase.deed.plain, QUARTER_DAYS),
    )


def buying_group_features(kinds: Kinds) -> tuple[Feature, ...]:
    """The lead's colleagues. Missing where it has no buying group, 0 where they did nothing."""
    of_kinds = (_of_kind(kind, one) for kind, one in kinds.items() if LOOKS[one.family].is_of_colleagues)
    return (*COLLEAGUES, *of_kinds, *COLLEAGUES_STAGES)


COLLEAGUES: tuple[Feature, ...] = (
    _others(
        Scan.ACCOUNT_LEADS,
        "n_others",
        lambda others: others.count(),
        said=Colleagues(many="are leads as well", one="is a lead as well"),
    ),
    _others(
        Scan.ACCOUNT_ACTIVITIES,
        "n_others_active_30d",
        lambda activities: activities.other_lead_id.nunique(
            where=inbound(activities) & in_last_days(activities, MONTH_DAYS)
        ),
        said=Colleagues(
            many="were active of their own accord", one="was active of their own accord", window_days=MONTH_DAYS
        ),
    ),
    _others(
        Scan.ACCOUNT_ACTIVITIES,
        "n_others_inbound_30d",
        lambda activities: activities.count(where=inbound(activities) & in_last_days(activities, MONTH_DAYS)),
        said=ColleaguesCount("did something of their own accord", MONTH_DAYS),
    ),
)

COLLEAGUES_STAGES: tuple[Feature, ...] = (
    number(
        "days_since_others_inbound",
        lambda activities: activities.age_days.min(where=inbound(activities)),
        scan=Scan.ACCOUNT_ACTIVITIES,
        group="buying_group",
        said=ColleaguesRecency("did something of their own accord"),
        family=FAMILY,
        missing=f"none ever did, or {NO_GROUP}",
    ),
    _others_reached(Stage.MQL, _became("MQL")),
    _others_reached(Stage.SQL, _became("SQL")),
    _others_reached(Stage.WON, Colleagues(many="became customers", one="became a customer")),
)
