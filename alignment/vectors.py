"""The two performance vectors: pipeline created by period, and the share of it that became revenue."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.deals import LEAD_ROW, deals_of, won_within
from alignment.funnel import horizon_days
from alignment.incidence import Followed, incidence
from alignment.intervals import UNKNOWN, Floats, in_columns
from alignment.milestones import Milestones
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.vectors import VECTORS_SCHEMA, AgainstPlan, Measure, Vectors
from data_contracts.targets import PeriodTarget
from data_contracts.vocabulary import DealOutcome
from features.known import MICROSECONDS_PER_DAY

MOST_UNDATED_SHARE = 0.05
"""Of the amount of a cohort: where more of it was closed nobody knows when, the share within the horizon is unknown.

Below, it is off by no more than this.
"""


def performance_vectors(
    history: CrmHistory, milestones: Milestones, *, every: Period = Period.QUARTER, by: str = ""
) -> Vectors:
    """Pipeline created in each period, the share of it that became revenue, and both against plan.

    A deal belongs to the period in which it was created, and to the group of its lead. Its amount is the one that the
    CRM has now: amounts are overwritten, so that a history as it stood earlier (`features.known_before`) knows those of
    closed deals alone. What is not known is counted, and said.

    Parameters
    ----------
    history
        The one that `milestones` were computed from.
    every
        The length of the periods; targets of periods of the same length are held against them.
    by
        The column of `milestones.frame` whose values the deals' leads are grouped by; empty for all together.

    Raises
    ------
    KeyError
        Where the frame has no column `by`.
    """
    deals = deals_of(history, milestones)
    settings = milestones.settings
    targets = _begun_targets(milestones, every)
    return Vectors(
        rows=pa.Table.from_pylist(list(_cohorts(deals, milestones, every=every, by=by)), schema=VECTORS_SCHEMA),
        plan=tuple(_against_plan(deals, targets, as_of=milestones.as_of)),
        planned_shares=tuple(
            (target.period, target.revenue / target.qualified_pipeline)
            for target in targets.values()
            if target.revenue is not None and target.qualified_pipeline
        ),
        as_of=milestones.as_of,
        period=every,
        by=by,
        currency=settings.crm.currency,
        definitions_version=milestones.definitions_version,
        targets_version=settings.targets.version,
        notes=tuple(_notes(deals)),
    )


def _cohorts(deals: pd.DataFrame, milestones: Milestones, *, every: Period, by: str) -> Iterator[dict[str, Any]]:
    leads = milestones.frame[[by] if by else []].astype(object).fillna("")
    group = leads[by].iloc[deals[LEAD_ROW]].to_numpy() if by else ""
    cohort = every.starts(deals["created_at"], time_zone=milestones.time_zone)
    horizon = horizon_days(Step.OPPORTUNITY_TO_CUSTOMER, milestones.settings.definitions)
    keys = pd.DataFrame({"cohort": cohort, "group": group}, index=deals.index)
    for start, name in sorted(set(keys.itertuples(index=False, name=None))):
        rows = deals[(keys["cohort"] == start) & (keys["group"] == name)]
        ends_at = Span.of(every, start.date(), time_zone=milestones.time_zone).end_at
        yield {
            "cohort": start.to_pydatetime(),
            "group": name or None,
            "horizon_days": horizon,
            "is_mature": ends_at + dt.timedelta(days=horizon) <= milestones.as_of,
            **_figures(rows, milestones, horizon),
        }


def _figures(deals: pd.DataFrame, milestones: Milestones, horizon: int) -> dict[str, Any]:
    outcomes = {"open": DealOutcome.OPEN, "won": DealOutcome.WON, "lost": DealOutcome.LOST}
    amounts = {name: float(deals.loc[deals["outcome"] == one, "amount"].sum()) for name, one in outcomes.items()}
    weights = _weights(deals)
    is_won = (deals["outcome"] == DealOutcome.WON).to_numpy()
    is_undated = ((deals["outcome"] != DealOutcome.OPEN) & deals["closed_at"].isna()).to_numpy()
    total = weights.sum()
    share = _within(deals, milestones, weights, horizon=horizon)
    return {
        "n_created": len(deals),
        **{f"n_{name}": int((deals["outcome"] == one).sum()) for name, one in outcomes.items()},
        "n_without_amount": int(deals["amount"].isna().sum()),
        "n_undated": int(is_undated.sum()),
        "created_amount": sum(amounts.values()),
        **{f"{name}_amount": amount for name, amount in amounts.items()},
        "qualified_amount": amounts["open"] + amounts["won"],
        "share_so_far": float(weights[is_won].sum() / total) if total > 0 else None,
        **in_columns("share", share),
    }


def translated(deals: pd.DataFrame, milestones: Milestones) -> Estimate:
    """The share of the money of `deals`, rows of `alignment.deals.deals_of`, that is won within the horizon."""
    horizon = horizon_days(Step.OPPORTUNITY_TO_CUSTOMER, milestones.settings.definitions)
    return _within(deals, milestones, _weights(deals), horizon=horizon)


def _weights(deals: pd.DataFrame) -> Floats:
    """What each deal weighs: its amount, or the mean of the others where nobody knows it."""
    return deals["amount"].fillna(deals["amount"].mean()).to_numpy(dtype=np.float64)


def _within(deals: pd.DataFrame, milestones: Milestones, weights: Floats, *, horizon: int) -> Estimate:
    """The share of the weight that is won within the horizon, by incidence."""
    is_open = (deals["outcome"] == DealOutcome.OPEN).to_numpy()
    is_dated = is_open | deals["closed_at"].notna().to_numpy()
    if not np.isfinite(weights).all() or weights[~is_dated].sum() > MOST_UNDATED_SHARE * weights.sum():
        return UNKNOWN
    as_of = pd.Timestamp(milestones.as_of)
    told = Followed(
        days=_whole_days(deals["closed_at"].fillna(as_of) - deals["created_at"]),
        watched=_whole_days(as_of - deals["created_at"]),
        reached=(deals["outcome"] == DealOutcome.WON).to_numpy(),
        ended=(deals["outcome"] == DealOutcome.LOST).to_numpy(),
        groups=milestones.groups[deals[LEAD_ROW]],
        weights=weights,
    )
    return incidence(told.of(is_dated)).within(horizon)


def _whole_days(spans: pd.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    microseconds = spans.astype("timedelta64[us]").to_numpy().astype(np.int64)
    return np.maximum(microseconds // MICROSECONDS_PER_DAY, 0)


def _begun_targets(milestones: Milestones, every: Period) -> dict[Span, PeriodTarget]:
    """The targets of periods of that length that have begun, by period."""
    named = {
        Span.named(target.period, time_zone=milestones.time_zone): target
        for target in milestones.settings.targets.periods
    }
    return {span: target for span, target in named.items() if span.period is every and span.start_at < milestones.as_of}


def _against_plan(
    deals: pd.DataFrame, targets: dict[Span, PeriodTarget], *, as_of: dt.datetime
) -> Iterator[AgainstPlan]:
    for span, target in targets.items():
        created = deals[(deals["created_at"] >= span.start_at) & (deals["created_at"] < span.end_at)]
        measured = {
            Measure.QUALIFIED: created.loc[created["outcome"] != DealOutcome.LOST, "amount"].sum(),
            Measure.CREATED: created["amount"].sum(),
            Measure.REVENUE: won_within(deals, span)["amount"].sum(),
        }
        for measure, amount in measured.items():
            planned = target.revenue if measure is Measure.REVENUE else target.qualified_pipeline
            if planned is not None:
                yield AgainstPlan(
                    period=target.period,
                    measure=measure,
                    is_over=span.end_at <= as_of,
                    planned=planned,
                    measured=float(amount),
                )


def _notes(deals: pd.DataFrame) -> Iterator[str]:
    if not len(deals):
        yield "The CRM shows no deals: there is no pipeline to count."
        return
    is_unknown = deals["amount"].isna()
    is_open = deals["outcome"] == DealOutcome.OPEN
    if is_unknown.any():
        yield (
            f"{is_unknown.sum()} of {len(deals)} deals have no known amount, {(is_unknown & is_open).sum()} of them "
            "open. They are in no sum; in shares each weighs as the mean of the others of its cohort."
        )
    if (is_unknown & is_open).any() and is_unknown[is_open].all():
        yield (
            "No open deal has a known amount, as in every history as it stood earlier: pipeline counts closed deals "
            "alone."
        )
    is_undated = ~is_open & deals["closed_at"].isna()
    if is_undated.any():
        yield f"{is_undated.sum()} closed deals have no date of their close: they are in no period's revenue."
