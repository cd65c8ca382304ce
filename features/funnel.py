"""How the lead came through the funnel so far, and how it came to us."""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from data_contracts.deeds import Deed
from data_contracts.sayings import Attribute, Count, CreationHour, CreationWeekday, CurrentStage, Lasting, Recency
from data_contracts.snapshots import DAYS_IN_STAGE
from data_contracts.vocabulary import Stage
from features.measures import Feature, Scan, category, number

GROUP = "funnel"
TIME_IN_FUNNEL = "time in the funnel"
EARLIER_WAY = "earlier way through the funnel"
ORIGIN = "origin"
CREATION = "moment of creation"


def _entered(name: str, value: Callable[[ir.Table], ir.Value], *, family: str, deed: Deed) -> Feature:
    return number(name, value, scan=Scan.STAGE_CHANGES, group=GROUP, said=Count(deed), family=family, when_nothing=0.0)


def _entries(changes: ir.Table, stage: Stage) -> ir.Value:
    return changes.count(where=changes.stage == stage.value)


def _age(name: str, value: Callable[[ir.Table], ir.Value], *, said: Lasting) -> Feature:
    return number(name, value, scan=Scan.SNAPSHOTS, group=GROUP, said=said, family=TIME_IN_FUNNEL)


def _since(stage: Stage, word: str) -> Feature:
    return number(
        f"days_since_{stage.value}",
        lambda changes: changes.age_days.min(where=changes.stage == stage.value),
        scan=Scan.STAGE_CHANGES,
        group=GROUP,
        said=Recency(Deed(f"became {word}")),
        family=TIME_IN_FUNNEL,
        missing="it never did",
    )


def _ended_in(stage: Stage, did: str) -> Feature:
    return _entered(
        f"n_{stage.value}", lambda changes: _entries(changes, stage), family=EARLIER_WAY, deed=Deed(did, "was")
    )


def _origin(name: str, *, meant: str, missing: str) -> Feature:
    return category(
        name,
        lambda snapshots: snapshots[name],
        group="context",
        said=Attribute(label=name, meant=meant),
        family=ORIGIN,
        missing=missing,
    )


FUNNEL: tuple[Feature, ...] = (
    category(
        "current_stage", lambda snapshots: snapshots.stage, group=GROUP, said=CurrentStage(), family=TIME_IN_FUNNEL
    ),
    _age(
        DAYS_IN_STAGE,
        lambda snapshots: snapshots[DAYS_IN_STAGE],
        said=Lasting("time in its stage", before="has been in its stage for"),
    ),
    _age(
        "lead_age_days",
        lambda snapshots: snapshots.lead_age_days,
        said=Lasting("time since it was created", before="was created", after="ago"),
    ),
    _age(
        "days_to_stage",
        lambda snapshots: snapshots.lead_age_days - snapshots[DAYS_IN_STAGE],
        said=Lasting(
            "time from its creation until it entered its stage",
            before="took",
            after="from its creation until it entered its stage",
        ),
    ),
    _entered("n_stage_changes", lambda changes: changes.count(), family=TIME_IN_FUNNEL, deed=Deed("entered a stage")),
    _entered(
        "n_recycles",
        lambda changes: ibis.greatest(_entries(changes, Stage.MQL) - 1, 0),
        family=EARLIER_WAY,
        deed=Deed("came back and became MQL again"),
    ),
    _ended_in(Stage.NURTURE, "sent to nurture earlier"),
    _ended_in(Stage.DISQUALIFIED, "disqualified earlier"),
    _ended_in(Stage.LOST, "lost earlier"),
    _since(Stage.MQL, "MQL"),
    _since(Stage.SQL, "SQL"),
)
"""The lead's way through the funnel."""

CONTEXT: tuple[Feature, ...] = (
    _origin("source", meant="came from this source", missing="the CRM does not say"),
    _origin("campaign", meant="came by this campaign", missing="none, or the CRM does not say"),
    number(
        "created_weekday",
        lambda snapshots: snapshots.created_weekday,
        scan=Scan.SNAPSHOTS,
        group="context",
        said=CreationWeekday(),
        family=CREATION,
    ),
    number(
        "created_hour",
        lambda snapshots: snapshots.created_hour,
        scan=Scan.SNAPSHOTS,
        group="context",
        said=CreationHour(),
        family=CREATION,
    ),
)
"""How the lead came to us."""
