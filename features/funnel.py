"""How the lead came through the funnel so far, and how it came to us."""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from data_contracts.vocabulary import Stage
from features.measures import Feature, Scan, category, number


def _entered(name: str, value: Callable[[ir.Table], ir.Value], *, meaning: str) -> Feature:
    return number(name, value, scan=Scan.STAGE_CHANGES, group="funnel", unit="times", meaning=meaning, when_nothing=0.0)


def _entries(changes: ir.Table, stage: Stage) -> ir.Value:
    return changes.count(where=changes.stage == stage.value)


def _age(name: str, value: Callable[[ir.Table], ir.Value], *, meaning: str) -> Feature:
    return number(name, value, scan=Scan.SNAPSHOTS, group="funnel", unit="days", meaning=meaning)


def _since(stage: Stage, word: str) -> Feature:
    return number(
        f"days_since_{stage.value}",
        lambda changes: changes.age_days.min(where=changes.stage == stage.value),
        scan=Scan.STAGE_CHANGES,
        group="funnel",
        unit="days",
        meaning=f"time since it last became {word}",
        missing="it never did",
    )


FUNNEL: tuple[Feature, ...] = (
    category("current_stage", lambda snapshots: snapshots.stage, group="funnel", meaning="stands in this stage",
             missing="never missing"),
    _age("days_in_stage", lambda snapshots: snapshots.days_in_stage, meaning="time in its stage"),
    _age("lead_age_days", lambda snapshots: snapshots.lead_age_days, meaning="time since it was created"),
    _age(
        "days_to_stage",
        lambda snapshots: snapshots.lead_age_days - snapshots.days_in_stage,
        meaning="time from its creation until it entered its stage",
    ),
    _entered("n_stage_changes", lambda changes: changes.count(), meaning="entered a stage"),
    _entered(
        "n_recycles",
        lambda changes: ibis.greatest(_entries(changes, Stage.MQL) - 1, 0),
        meaning="came back and became MQL again",
    ),
    _entered("n_nurture", lambda changes: _entries(changes, Stage.NURTURE), meaning="was sent to nurture earlier"),
    _entered(
        "n_disqualified", lambda changes: _entries(changes, Stage.DISQUALIFIED), meaning="was disqualified earlier"
    ),
    _entered("n_lost", lambda changes: _entries(changes, Stage.LOST), meaning="was lost earlier"),
    _since(Stage.MQL, "MQL"),
    _since(Stage.SQL, "SQL"),
)  # fmt: skip
"""The lead's way through the funnel."""

CONTEXT: tuple[Feature, ...] = (
    category("source", lambda snapshots: snapshots.source, group="context", meaning="came from this source",
             missing="the CRM does not say"),
    category("campaign", lambda snapshots: snapshots.campaign, group="context", meaning="came by this campaign",
             missing="none, or the CRM does not say"),
    number("created_weekday", lambda snapshots: snapshots.created_weekday, scan=Scan.SNAPSHOTS, group="context",
           unit="0 is Monday", meaning="was created on this day of the week (UTC)"),
    number("created_hour", lambda snapshots: snapshots.created_hour, scan=Scan.SNAPSHOTS, group="context",
           unit="hour of the day", meaning="was created at this hour (UTC)"),
)  # fmt: skip
"""How the lead came to us."""
