"""What a feature is made of, and how all of them are computed in one pass over each table of facts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import ibis
import ibis.expr.types as ir

from data_contracts.sayings import Saying
from data_contracts.snapshots import FeatureColumn, KnownHistory


class Scan(StrEnum):
    """The table of `KnownHistory` that a measure is taken from."""

    SNAPSHOTS = "snapshots"
    ACTIVITIES = "activities"
    STAGE_CHANGES = "stage_changes"
    ACCOUNT_LEADS = "account_leads"
    ACCOUNT_ACTIVITIES = "account_activities"
    ACCOUNT_STAGE_CHANGES = "account_stage_changes"


NEVER_MISSING = "never missing"
FACT_SCANS = tuple(scan for scan in Scan if scan is not Scan.SNAPSHOTS)
ACCOUNT_SCANS = (Scan.ACCOUNT_LEADS, Scan.ACCOUNT_ACTIVITIES, Scan.ACCOUNT_STAGE_CHANGES)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a snapshot.

    Attributes
    ----------
    value
        From the table of `scan` to the figure: a column of the snapshots, an aggregate of any other table.
    when_nothing
        The figure of a snapshot without a single fact in the table; missing if None.
    """

    name: str
    scan: Scan
    value: Callable[[ir.Table], ir.Value]
    when_nothing: float | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """A measure that a model learns from, with the column that says what it means."""

    column: FeatureColumn
    measure: Measure

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.column.name


def number(
    name: str,
    value: Callable[[ir.Table], ir.Value],
    *,
    scan: Scan,
    group: str,
    said: Saying,
    family: str = "",
    missing: str = NEVER_MISSING,
    when_nothing: float | None = None,
) -> Feature:
    """A numeric feature (float64) called `name`."""
    column = FeatureColumn(name, "number", group, said, missing, family)
    return Feature(column, Measure(name, scan, lambda table: _as_number(value(table)), when_nothing))


def _as_number(value: ir.Value) -> ir.FloatingValue:
    """`value` as float64. Not every engine makes that of a truth value in one step."""
    return (value.cast("int32") if value.type().is_boolean() else value).cast("float64")


def category(
    name: str,
    value: Callable[[ir.Table], ir.Value],
    *,
    group: str,
    said: Saying,
    family: str = "",
    missing: str = NEVER_MISSING,
) -> Feature:
    """A feature in words (string) of the snapshot itself, called `name`."""
    column = FeatureColumn(name, "category", group, said, missing, family)
    return Feature(column, Measure(name, Scan.SNAPSHOTS, value))


def text(
    name: str, value: Callable[[ir.Table], ir.Value], *, group: str, said: Saying, missing: str = NEVER_MISSING
) -> Feature:
    """A feature in free text (string) of the snapshot itself, called `name`: models read its words."""
    return Feature(FeatureColumn(name, "text", group, said, missing), Measure(name, Scan.SNAPSHOTS, value))


def take_measures(known: KnownHistory, measures: Sequence[Measure]) -> ir.Table:
    """One row a snapshot: `snapshot_id`, then the measures in order. Each table of facts is grouped once.

    Measures of the account's others are missing for snapshots without a buying group.
    """
    own = [measure for measure in measures if measure.scan is Scan.SNAPSHOTS]
    wide = known.snapshots.select(
        "snapshot_id", "has_buying_group", **{measure.name: measure.value(known.snapshots) for measure in own}
    )
    for scan in FACT_SCANS:
        taken = [measure for measure in measures if measure.scan is scan]
        if taken:
            wide = _joined(wide, getattr(known, scan), taken)
    return wide.select("snapshot_id", *(measure.name for measure in measures))


def _joined(wide: ir.Table, facts: ir.Table, measures: list[Measure]) -> ir.Table:
    figures = facts.group_by("snapshot_id").aggregate(**{measure.name: measure.value(facts) for measure in measures})
    joined = wide.left_join(figures, "snapshot_id")
    return joined.select(*wide.columns, **{measure.name: _filled(joined, measure) for measure in measures})


def _filled(joined: ir.Table, measure: Measure) -> ir.Value:
    value = joined[measure.name]
    if measure.when_nothing is None:
        return value
    filled = value.fill_null(measure.when_nothing)
    if measure.scan in ACCOUNT_SCANS:
        return joined.has_buying_group.ifelse(filled, ibis.null(filled.type()))
    return filled
