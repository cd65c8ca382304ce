"""How many leads got how far in a period, beside the period before, what is usual, and what was planned."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy.stats import nbinom, poisson

from alignment.milestones import Milestones, reached_at
from data_contracts.metrics.counts import COUNTS_SCHEMA, StageCounts
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.periods import Span

USUAL_PERIODS, LEAST_USUAL = 12, 4

TARGETS = {
    Milestone.LEAD: "leads",
    Milestone.MQL: "mqls",
    Milestone.SQL: "sqls",
    Milestone.CUSTOMER: "customers",
}
"""The name of each milestone's target in the settings."""


def stage_counts(milestones: Milestones, before: Milestones, *, span: Span) -> StageCounts:
    """How many leads reached each recorded milestone in `span`.

    Parameters
    ----------
    milestones
        As known at the extract.
    before
        As they were known the same time after the end of the period before: so both periods are told alike. Where the
        history does not tell of all of that period, nothing stands beside.
    """
    zone = milestones.time_zone
    earlier = [span.earlier(back, time_zone=zone) for back in range(1, USUAL_PERIODS + 1)]
    first = milestones.frame["lead_at"].min()
    watched = [one for one in earlier if first <= one.start_at]
    is_told = before.tells_of(earlier[0])
    rows = []
    for milestone in milestones.recorded:
        usual = usual_range([reached_in(milestones, milestone, one) for one in watched])
        rows.append(
            {
                "milestone": milestone,
                "reached": reached_in(milestones, milestone, span),
                "before": reached_in(before, milestone, earlier[0]) if is_told else None,
                **dict(zip(("usual", "usual_low", "usual_high"), usual, strict=True)),
                "target": _target(milestones, milestone, span),
            }
        )
    return StageCounts(span, pa.Table.from_pylist(rows, schema=COUNTS_SCHEMA))


def reached_in(milestones: Milestones, milestone: Milestone, span: Span) -> int:
    """How many leads first reached `milestone` within `span`, each once."""
    moments = milestones.frame[reached_at(milestone)]
    return int(((moments >= span.start_at) & (moments < span.end_at)).sum())


def usual_range(counts: Sequence[int]) -> tuple[float | None, float | None, float | None]:
    """The mean of the counts of periods, and where 95 of 100 such periods lie.

    Missing where there are fewer than `LEAST_USUAL`. Counts that spread no more than chance are Poisson's.

    >>> usual_range([10, 10, 10, 10])
    (10.0, 4.0, 17.0)
    """
    if len(counts) < LEAST_USUAL:
        return None, None, None
    mean, variance = float(np.mean(counts)), float(np.var(counts, ddof=1))
    if variance <= mean:
        low, high = poisson.ppf([0.025, 0.975], mean) if mean else (0.0, 0.0)
    else:
        low, high = nbinom.ppf([0.025, 0.975], mean**2 / (variance - mean), mean / variance)
    return mean, float(low), float(high)


def _target(milestones: Milestones, milestone: Milestone, span: Span) -> float | None:
    targets = milestones.settings.targets
    planned = targets.of(span.name)
    value: float | None = getattr(planned, TARGETS.get(milestone, ""), None)
    is_week_of_mqls = value is None and milestone is Milestone.MQL and span.period == "week"
    return targets.mqls_per_week if is_week_of_mqls else value
