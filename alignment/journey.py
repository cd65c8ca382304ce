"""The journey to a milestone: the paths that lead to it, first and last touches, where leads stop, when sales came."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from alignment.before_sales import before_sales
from alignment.drops import SILENT_DAYS, drops
from alignment.funnel import followed, horizon_days, recorded_steps
from alignment.incidence import Followed, incidence
from alignment.intervals import (
    GROUPS,
    UNKNOWN,
    Floats,
    Integers,
    difference_estimate,
    in_columns,
    share_among,
)
from alignment.milestones import Milestones, reached_at
from alignment.shrinkage import shrunken
from alignment.touches import MOST_STEPS, LeadTouches, ended_at, followed_since, lead_touches, step, step_at
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.journey import PATHS_SCHEMA, TOUCHES_SCHEMA, Journey

LEAST_LEADS = 30
"""Of fewer leads a share says next to nothing."""


def journey_of(
    history: CrmHistory,
    milestones: Milestones,
    *,
    to: Milestone = Milestone.CUSTOMER,
    least_leads: int = LEAST_LEADS,
    silent_days: int = SILENT_DAYS,
) -> Journey:
    """On which paths of touches leads reach `to`, where they stop, and how far they come before sales contacts them.

    Each path is judged from the moment at which its last step began, beside all leads that took as many steps: so no
    path gains from its leads having had more time, or from ending early because they bought.

    Parameters
    ----------
    history
        The one that `milestones` are of.
    to
        SQL or customer, say: what the paths lead to.
    least_leads
        Paths that fewer leads took are left out.
    silent_days
        A lead without a touch for so many days has stopped.
    """
    touches = lead_touches(history, milestones)
    horizon = horizon_days(Step.LEAD_TO_CUSTOMER, milestones.settings.definitions)
    why_not = _why_not(touches, milestones, to=to)
    found = [] if why_not else _paths(touches, milestones, to=to, horizon=horizon, least_leads=least_leads)
    starts = touches.frame["first_touch_at"]
    with_touch = starts.notna() & ~(starts >= milestones.frame[reached_at(to)])
    return Journey(
        paths=pa.Table.from_pylist(found, schema=PATHS_SCHEMA),
        first_and_last=pa.Table.from_pylist(list(_first_and_last(touches, milestones)), schema=TOUCHES_SCHEMA),
        drops=drops(touches, milestones, horizon=horizon, silent_days=silent_days),
        before_sales=before_sales(touches, milestones, to=to),
        to=to,
        leads=len(milestones.frame),
        without_touch=int((~with_touch).sum()),
        least_leads=least_leads,
        silent_days=silent_days,
        horizon_days=horizon,
        why_not=why_not,
        as_of=milestones.as_of,
        definitions_version=milestones.definitions_version,
    )


def _why_not(touches: LeadTouches, milestones: Milestones, *, to: Milestone) -> str:
    if touches.is_empty:
        return "no touch of any lead is known"
    return "" if to in milestones.recorded else f"the history shows no {to.said}"


def _paths(
    touches: LeadTouches, milestones: Milestones, *, to: Milestone, horizon: int, least_leads: int
) -> list[dict[str, Any]]:
    """Every path of each length that enough leads took."""
    rows: list[dict[str, Any]] = []
    reached = milestones.frame[reached_at(to)]
    code = np.zeros(len(reached), dtype=np.int64)
    for length in range(1, MOST_STEPS):
        kinds = touches.frame[step(length)].cat
        _, code = np.unique(
            code * (len(kinds.categories) + 1) + kinds.codes.to_numpy().astype(np.int64), return_inverse=True
        )
        began = touches.frame[step_at(length)]
        took = (began.notna() & ~(began >= reached) & ~milestones.frame["is_unsettled"]).to_numpy()
        told = _until(
            followed_since(
                began[took],
                reached=reached[took],
                ended=ended_at(milestones)[took],
                groups=milestones.groups[took],
                as_of=milestones.as_of,
            ),
            horizon,
        )
        found = list(_of_length(told, code[took], horizon=horizon, least_leads=least_leads))
        got_there = reached[took].notna().to_numpy()
        words = touches.frame.loc[took, [step(nth) for nth in range(1, length + 1)]]
        rows += _told(found, words, got_there, n_steps=length)
    return rows


def _until(told: Followed, days: int) -> Followed:
    """`told` with all that came later on one day after: no rate within `days` reads it, and thousands are drawn."""
    return replace(told, days=np.minimum(told.days, days), watched=np.minimum(told.watched, days))


def _of_length(
    told: Followed, code: Integers, *, horizon: int, least_leads: int
) -> Iterator[tuple[Integers, dict[str, Any]]]:
    """Of each path of one length that enough leads took: the places of its leads, and its figures."""
    order = np.argsort(code, kind="stable")
    places = [each for each in np.split(order, np.flatnonzero(np.diff(code[order])) + 1) if len(each) >= least_leads]
    if not places:
        return
    everybody = _Rate.of(told, horizon)
    rates = [_Rate.of(told.of(each), horizon) for each in places]
    known = np.array([each.estimate.value is not None for each in rates])
    n = np.array([len(each) for each in places], dtype=np.float64)
    hits = np.array([each.estimate.value or 0.0 for each in rates]) * n
    drawn = np.full(len(places), np.nan)
    drawn[known] = shrunken(hits[known], n[known])
    for leads, rate, shrunken_rate in zip(places, rates, drawn, strict=True):
        base = everybody.estimate.value
        yield (
            leads,
            {
                "all_leads": len(code),
                "all_rate": base,
                **in_columns("rate", rate.estimate),
                **in_columns("lift", _lift(rate, everybody)),
                "shrunken_lift": float(shrunken_rate / base) if base and np.isfinite(shrunken_rate) else None,
            },
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Rate:
    """A rate within the horizon, and by group of accounts what it would be without it.

    Attributes
    ----------
    groups
        Those that any of the leads are of. Without another group, the rate is what it is.
    """

    estimate: Estimate
    replicates: Floats
    groups: Integers

    @classmethod
    def of(cls, told: Followed, horizon: int) -> "_Rate":
        drawn = incidence(told)
        estimate, groups = drawn.within(horizon), np.unique(told.groups)
        replicates = np.full(GROUPS, np.nan if estimate.value is None else estimate.value)
        if estimate.value is not None:
            replicates[groups] = drawn.replicates[:, horizon - 1]
        return cls(estimate, replicates, groups)


def _lift(rate: _Rate, everybody: _Rate) -> Estimate:
    """The first by the second, with an interval on its logarithm; the rate's own where nobody got there."""
    value, base = rate.estimate.value, everybody.estimate.value
    if value is None or not base:
        return UNKNOWN
    if value == 0:
        return Estimate(value=0.0, low=0.0, high=None if rate.estimate.high is None else rate.estimate.high / base)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = np.log(rate.replicates / everybody.replicates)[everybody.groups]
    on_log = difference_estimate(float(np.log(value / base)), replicates)
    low, high = (None if end is None else float(np.exp(end)) for end in (on_log.low, on_log.high))
    return Estimate(value=value / base, low=low, high=high)


def _told(
    found: list[tuple[Integers, dict[str, Any]]],
    words: pd.DataFrame,
    got_there: npt.NDArray[np.bool_],
    *,
    n_steps: int,
) -> list[dict[str, Any]]:
    """The rows of one length, the path that most leads took to the milestone first."""
    rows = [
        {
            "path": [str(word) for word in words.iloc[leads[0]]],
            "n_steps": n_steps,
            "leads": len(leads),
            "reached": int(got_there[leads].sum()),
            **figures,
        }
        for leads, figures in found
    ]
    return sorted(rows, key=lambda row: (-row["reached"], -row["leads"], row["path"]))


def _first_and_last(touches: LeadTouches, milestones: Milestones) -> Iterator[dict[str, Any]]:
    """Of the MQLs, each kind that came first of all, and each that came last before MQL."""
    mql_at = milestones.frame[reached_at(Milestone.MQL)]
    is_mql = mql_at.notna().to_numpy()
    first = touches.frame[step(1)].where(touches.frame["first_touch_at"] < mql_at)
    next_steps = [one for one in (Step.MQL_TO_SQL, Step.MQL_TO_CUSTOMER) if one in recorded_steps(milestones)]
    for position, kinds in (("first", first), ("last", touches.frame["last_before_mql"])):
        words = kinds.astype(object).fillna("").to_numpy()
        found, n = np.unique(words[is_mql], return_counts=True)
        for place in np.lexsort((found, -n)):
            leads = is_mql & (words == found[place])
            yield {
                "position": position,
                "kind": found[place] or None,
                "leads": int(n[place]),
                **in_columns("share", share_among(leads[is_mql], milestones.groups[is_mql])),
                **in_columns("rate", _rate(leads, milestones, next_steps[0]) if next_steps else UNKNOWN),
            }


def _rate(leads: npt.NDArray[np.bool_], milestones: Milestones, taken: Step) -> Estimate:
    """The share of `leads` that takes the step within its horizon."""
    told, rows = followed(milestones, taken)
    return incidence(told.of(leads[rows.index])).within(horizon_days(taken, milestones.settings.definitions))
