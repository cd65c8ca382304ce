"""Where leads stop: of those that got to a step or a stage, how many then fell silent and got no further."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd
import pyarrow as pa

from alignment.incidence import incidence
from alignment.intervals import in_columns
from alignment.milestones import Milestones, reached_at
from alignment.touches import MOST_STEPS, LeadTouches, ended_at, followed_since, step_at
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.journey import DROPS_SCHEMA

SILENT_DAYS = 30
"""A month without a touch: longer than most holidays last."""


def drops(touches: LeadTouches, milestones: Milestones, *, horizon: int, silent_days: int = SILENT_DAYS) -> pa.Table:
    """By step of the way and by stage, what became of the leads that got there. Of `DROPS_SCHEMA`.

    What a lead did last holds: one that fell silent and came back went on. Where the CRM says that a lead was lost or
    disqualified, it ended, however long it had been silent before. Where no touch at all is known there are no rows,
    and none of a step that nobody took.

    Parameters
    ----------
    touches, milestones
        Of the same leads.
    horizon
        Within so many days, and `silent_days` more, a lead stops or does not.
    """
    rows: list[dict[str, Any]] = []
    if touches.is_empty:
        return DROPS_SCHEMA.empty_table()
    for along, place, entered, went_on in [*_steps(touches, milestones), *_stages(milestones)]:
        if entered.isna().all():
            continue
        last_sign = pd.concat([touches.frame["last_touch_at"], entered], axis=1).max(axis=1)
        rows.append(
            {"along": along, "place": place}
            | _became(milestones, entered, went_on, last_sign, within=horizon, silent_days=silent_days)
        )
    return pa.Table.from_pylist(rows, schema=DROPS_SCHEMA)


def _steps(touches: LeadTouches, milestones: Milestones) -> Iterator[tuple[str, str, pd.Series, pd.Series]]:
    """Of each step before the lead became a customer: when it began, and when the lead went on."""
    frame = milestones.frame
    won_at = frame[reached_at(Milestone.CUSTOMER)]
    later = [one for one in milestones.recorded if one not in (Milestone.LEAD, Milestone.SALES_READY)]
    for nth in range(1, MOST_STEPS):
        began = touches.frame[step_at(nth)]
        entered = began.where(~(began >= won_at))
        further = [frame[reached_at(one)].where(frame[reached_at(one)] >= entered) for one in later]
        went_on = pd.concat([touches.frame[step_at(nth + 1)], *further], axis=1).min(axis=1)
        yield "steps", str(nth), entered, went_on.where(entered.notna())


def _stages(milestones: Milestones) -> Iterator[tuple[str, str, pd.Series, pd.Series]]:
    """Of each stage before the customer that the history shows: when leads reached it, and when they got further."""
    shown = [one for one in milestones.recorded if one is not Milestone.SALES_READY]
    for stage, following in pairwise([*dict.fromkeys([*shown, Milestone.CUSTOMER])]):
        entered = milestones.frame[reached_at(stage)]
        yield "stages", stage.value, entered, milestones.frame[reached_at(following)].where(entered.notna())


def _became(
    milestones: Milestones,
    entered: pd.Series,
    went_on: pd.Series,
    last_sign: pd.Series,
    *,
    within: int,
    silent_days: int,
) -> dict[str, Any]:
    """The parts that all who entered fall into, and the share that stopped."""
    is_in = entered.notna()
    is_settled = is_in & ~milestones.frame["is_unsettled"]
    ended = ended_at(milestones).where(went_on.isna())
    ended = ended.where(ended >= entered)
    stops_at = last_sign + pd.Timedelta(days=silent_days)
    stopped = stops_at.where(went_on.isna() & ended.isna() & (stops_at <= pd.Timestamp(milestones.as_of)))
    told = followed_since(
        entered[is_settled],
        reached=stopped[is_settled],
        ended=went_on.fillna(ended)[is_settled],
        groups=milestones.groups[is_settled.to_numpy()],
        as_of=milestones.as_of,
    )
    share = incidence(told).within(within + silent_days)
    parts = {
        name: int((is_settled & moments.notna()).sum())
        for name, moments in (("went_on", went_on), ("ended", ended), ("stopped", stopped))
    }
    n, settled = int(is_in.sum()), int(is_settled.sum())
    return {
        "entered": n,
        **parts,
        "active": settled - sum(parts.values()),
        "unsettled": n - settled,
        **in_columns("stopped_share", share),
    }
