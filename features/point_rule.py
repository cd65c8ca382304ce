"""The points of the hand-tuned rule in force. Models are compared with them and never learn from them."""

import ibis
import ibis.expr.types as ir

from data_contracts.definitions import ActivityPoints, AttributePoints, PointRule
from features.measures import Measure, Scan


def point_measures(rule: PointRule | None) -> tuple[Measure, ...]:
    """The points of each line of the rule; their sum is the rule's points. Empty where there is no rule."""
    if rule is None:
        return ()
    return (
        *(_activity_points(nth, line) for nth, line in enumerate(rule.activities)),
        *(_attribute_points(nth, line) for nth, line in enumerate(rule.attributes)),
    )


def total_points(rule: PointRule | None, measured: ir.Table) -> ir.Value:
    """The rule's points (float64) from a table that has its `point_measures`; missing where there is no rule."""
    if rule is None:
        return ibis.null("float64")
    return sum((measured[measure.name] for measure in point_measures(rule)), start=ibis.literal(0.0))


def _activity_points(nth: int, line: ActivityPoints) -> Measure:
    def points(activities: ir.Table) -> ir.Value:
        counts = (activities.kind == line.kind) & (activities.age_days < line.within_days)
        earned = activities.count(where=counts).cast("float64") * line.points
        return earned if line.max_points is None else ibis.least(earned, line.max_points)

    return Measure(f"points_for_activity_{nth}", Scan.ACTIVITIES, points, when_nothing=0.0)


def _attribute_points(nth: int, line: AttributePoints) -> Measure:
    def points(snapshots: ir.Table) -> ir.Value:
        has_value = snapshots[line.attribute].cast("string").isin(line.one_of)
        return has_value.fill_null(False).ifelse(line.points, 0.0)

    return Measure(f"points_for_attribute_{nth}", Scan.SNAPSHOTS, points)
