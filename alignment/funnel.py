"""The cohort funnel: of those that reached a stage in a period, how many reached the next one, and how soon."""

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.incidence import Followed, incidence
from alignment.intervals import Integers, in_columns
from alignment.milestones import Milestones, reached_at, shown_at
from data_contracts.definitions import Definitions
from data_contracts.metrics.funnel import FUNNEL_SCHEMA, CohortFunnel, Milestone, Step
from data_contracts.metrics.periods import Period, Span
from data_contracts.vocabulary import Stage, Transition
from features.known import MICROSECONDS_PER_DAY

QUARTILES = {"lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}

ENDED = (Stage.LOST, Stage.DISQUALIFIED)
"""What competes with getting further. A nurtured lead may come back, and is still open."""


def cohort_funnel(
    milestones: Milestones, *, every: Period = Period.MONTH, by: str = "", spans: Collection[Span] = ()
) -> CohortFunnel:
    """How the leads of each cohort took each step of the funnel.

    A step's cohort are the leads that reached its first stage in the period, each once: when it came first. A lead
    that skipped a stage reached it when the CRM first shows it beyond; one that was moved back, or came back, keeps the
    moment at which it first got so far.

    Parameters
    ----------
    every
        The length of the cohorts' periods.
    by
        The column of `milestones.frame` whose values the leads are grouped by; empty for all leads together.
    spans
        The cohorts that are asked for, of the length `every`; all of them where none is named.

    Raises
    ------
    KeyError
        Where the frame has no column `by`.
    """
    asked = {span.first for span in spans}
    rows = [
        row
        for step in recorded_steps(milestones)
        for row in _cohorts(milestones, step, every=every, by=by, asked=asked)
    ]
    rows.sort(key=lambda row: (row["cohort"], row["group"] is None, row["group"] or "", list(Step).index(row["step"])))
    return CohortFunnel(
        rows=pa.Table.from_pylist(rows, schema=FUNNEL_SCHEMA),
        as_of=milestones.as_of,
        period=every,
        by=by,
        recorded=milestones.recorded,
        definitions_version=milestones.definitions_version,
    )


def recorded_steps(milestones: Milestones) -> tuple[Step, ...]:
    """The steps both of whose ends the history shows of any lead."""
    return tuple(step for step in Step if {step.start, step.end} <= set(milestones.recorded))


def horizon_days(step: Step, definitions: Definitions) -> int:
    """How long after its start a step counts: the horizons of the transitions that it lies in, together.

    | a step | counts for |
    |---|---|
    | from MQL or SAL, up to SQL | the horizon of `mql_to_sql` |
    | from SQL or beyond | that of `sql_to_win` |
    | over both, or from lead | both together |

    Where the definitions have `mql_to_win` alone, it is that one for every step.
    """
    days = {transition: defined.horizon_days for transition, defined in definitions.transitions.items()}
    if Transition.MQL_TO_WIN in days:
        return days[Transition.MQL_TO_WIN]
    order = list(Milestone)
    before_sql = step.start in (Milestone.MQL, Milestone.SAL)
    if before_sql and order.index(step.end) <= order.index(Milestone.SQL):
        return days[Transition.MQL_TO_SQL]
    if order.index(step.start) >= order.index(Milestone.SQL):
        return days[Transition.SQL_TO_WIN]
    return sum(days.values())


def followed(milestones: Milestones, step: Step) -> tuple[Followed, pd.DataFrame]:
    """How each lead that started `step` fared, and the rows of these leads; those that are unsettled are left out."""
    frame = milestones.frame
    rows = (frame[reached_at(step.start)].notna() & ~frame["is_unsettled"]).to_numpy()
    leads = frame[rows]
    end = leads[reached_at(step.end)]
    has_ended = leads["stands"].isin(ENDED) & end.isna()
    until = end.fillna(leads["stands_since"].where(has_ended)).fillna(pd.Timestamp(milestones.as_of))
    started = leads[reached_at(step.start)]
    told = Followed(
        days=whole_days(until - started),
        watched=whole_days(pd.Timestamp(milestones.as_of) - started),
        reached=end.notna().to_numpy(),
        ended=has_ended.to_numpy(),
        groups=milestones.groups[rows],
    )
    return told, leads


def whole_days(spans: pd.Series) -> Integers:
    """Each span in whole days, rounded down; one below 0 counts as 0."""
    microseconds = spans.astype("timedelta64[us]").to_numpy().astype(np.int64)
    return np.maximum(microseconds // MICROSECONDS_PER_DAY, 0)


def _cohorts(
    milestones: Milestones, step: Step, *, every: Period, by: str, asked: Collection[dt.date]
) -> Iterator[dict[str, Any]]:
    """The rows of one step; of the cohorts that begin on the `asked` days, or of all where none is."""
    told, leads = followed(milestones, step)
    horizon = horizon_days(step, milestones.settings.definitions)
    keys = _keys(leads, milestones, step, every=every, by=by)
    frame = milestones.frame
    unsettled = frame[frame["is_unsettled"] & frame[reached_at(step.start)].notna()]
    not_counted: dict[Any, int] = (
        _keys(unsettled, milestones, step, every=every, by=by).value_counts(dropna=False).to_dict()
    )
    skipped = _skipped(leads, step).to_numpy() & told.reached
    numbers = keys.groupby(["cohort", "group"], sort=False).ngroup().to_numpy()
    places: dict[Any, int] = {
        cell: place for place, cell in enumerate(keys.drop_duplicates().itertuples(index=False, name=None))
    }
    found = dict.fromkeys(cell for cell in [*places, *not_counted] if not asked or cell[0].date() in asked)
    for cell in found:
        cohort, group = cell
        rows = numbers == places.get(cell, -1)
        ends_at = Span.of(every, cohort.date(), time_zone=milestones.time_zone).end_at
        is_mature = ends_at + dt.timedelta(days=horizon) <= milestones.as_of
        n_unsettled = int(not_counted.get(cell, 0))
        yield {
            "cohort": cohort.date(),
            "group": group if group else None,
            "step": step,
            "horizon_days": horizon,
            "is_mature": is_mature,
            "unsettled": n_unsettled,
            "skipped": int(skipped[rows].sum()),
            **_figures(told.of(rows), horizon, n_unsettled),
        }


def _keys(leads: pd.DataFrame, milestones: Milestones, step: Step, *, every: Period, by: str) -> pd.DataFrame:
    """The cohort and the group of each of `leads`; the group is empty where nothing is known or asked."""
    group = leads[by].astype(object).fillna("") if by else pd.Series("", index=leads.index, dtype=object)
    cohort = every.starts(leads[reached_at(step.start)], time_zone=milestones.time_zone)
    return pd.DataFrame({"cohort": cohort, "group": group})


def _skipped(leads: pd.DataFrame, step: Step) -> pd.Series:
    """Whether the CRM shows a lead only beyond the end of `step`. A touch shows that sales accepted it."""
    if step.end is Milestone.SALES_READY:
        return pd.Series(False, index=leads.index)
    not_shown = leads[shown_at(step.end)].isna()
    if step.end is Milestone.SAL:
        return not_shown & (leads[reached_at(Milestone.SAL)] == leads[reached_at(Milestone.SQL)])
    return not_shown


def _figures(told: Followed, horizon: int, n_unsettled: int) -> dict[str, Any]:
    n, reached, ended = len(told.days), int(told.reached.sum()), int(told.ended.sum())
    drawn = incidence(told)
    rate = drawn.within(horizon)
    days = {name: drawn.quantile(share) for name, share in QUARTILES.items()}
    return {
        "entered": n + n_unsettled,
        "reached": reached,
        "ended": ended,
        "open": n - reached - ended,
        "raw_rate": reached / n if n else None,
        **in_columns("rate", rate),
        **{f"days_{name}": value for name, value in days.items()},
        **{f"is_least_{name}": value is not None and not drawn.is_at_plateau for name, value in days.items()},
    }
