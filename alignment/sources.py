"""Leads, stages, deals and money, counted by group and period."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.funnel import cohort_funnel
from alignment.grouped import (
    NOT_KNOWN,
    grouped_deals,
    groups_of,
    in_name_order,
    in_order,
    span_numbers,
    table_of,
    tallied,
)
from alignment.intervals import fraction_estimate, sums_by_group
from alignment.milestones import Milestones, reached_at
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import Span
from data_contracts.metrics.sources import COUNTS, NO_DEALS, SOURCES_SCHEMA, Sources

_DEAL_COUNTS = ("deals_created", "deals_won", "deals_lost", "pipeline_without_amount", "revenue_without_amount")
_AMOUNTS = ("pipeline", "revenue")
_PARTS = ("value", "low", "high")


def sources(history: CrmHistory, milestones: Milestones, spans: Collection[Span], *, by: str = "source") -> Sources:
    """What the leads of each group brought in each of `spans`.

    Parameters
    ----------
    milestones
        Of the leads of `history`.
    spans
        Periods of one length.
    by
        `source`, `campaign`, `persona`, `team`, or a segment.

    Raises
    ------
    KeyError
        Where leads are not grouped by that.
    ValueError
        Where there is no span, or they are of several lengths.
    """
    spans = in_order(spans)
    deals = grouped_deals(history, milestones, by)
    has_deals = "opportunities" not in history.absent
    every = spans[0].period
    return Sources(
        rows=_table(brought(milestones, deals, spans, by=by, has_deals=has_deals), spans),
        totals=_totals(milestones, deals, spans, has_deals=has_deals),
        cohorts=cohort_funnel(milestones, every=every, by=by, spans=spans),
        total_cohorts=cohort_funnel(milestones, every=every, spans=spans),
        spans=spans,
        undated_wins=int((deals["is_won"] & deals["closed_at"].isna()).sum()),
        why_no_deals="" if has_deals else NO_DEALS,
        as_of=milestones.as_of,
        by=by,
        currency=milestones.settings.crm.currency,
        definitions_version=milestones.definitions_version,
    )


def counted(milestones: Milestones, spans: Sequence[Span], groups: pd.Series) -> pd.DataFrame:
    """How many leads reached each milestone in each span and group: one row a cell that has any, a column a stage."""
    found = {
        name: tallied(span_numbers(milestones.frame[reached_at(milestone)], spans), groups)["n"]
        for milestone, name in COUNTS.items()
    }
    return pd.DataFrame(found).fillna(0).astype("int64")


def brought(
    milestones: Milestones,
    deals: pd.DataFrame,
    spans: Sequence[Span],
    *,
    by: str,
    has_deals: bool,
    every: Sequence[str] = (),
) -> pd.DataFrame:
    """The figures of `SOURCES_SCHEMA`, indexed by `span` (its place) and `group`.

    Parameters
    ----------
    deals
        What `grouped_deals` returns, grouped likewise.
    has_deals
        Whether the CRM has any table of them.
    every
        Groups that have a row in every span. Without them, a group has one where it brought anything.
    """
    told = counted(milestones, spans, groups_of(milestones, by)).join(_money(deals, spans), how="outer")
    if every:
        told = told.reindex(pd.MultiIndex.from_product([range(len(spans)), every], names=["span", "group"]))
    else:
        told = in_name_order(told)
    told = told.fillna(0).astype(dict.fromkeys([*COUNTS.values(), *_DEAL_COUNTS], "Int64"))
    unknown = [name for milestone, name in COUNTS.items() if milestone not in milestones.recorded]
    unknown += [] if has_deals else [*_DEAL_COUNTS, *_AMOUNTS]
    return told.assign(**dict.fromkeys(unknown), **_won_of_closed(deals, spans, list(told.index)))


def total_of(history: CrmHistory, milestones: Milestones, span: Span) -> pa.Table:
    """The row of `Sources.totals` of `span`."""
    deals = grouped_deals(history, milestones, "")
    return _totals(milestones, deals, [span], has_deals="opportunities" not in history.absent)


def _totals(milestones: Milestones, deals: pd.DataFrame, spans: Sequence[Span], *, has_deals: bool) -> pa.Table:
    together = deals.assign(group=NOT_KNOWN)
    return _table(brought(milestones, together, spans, by="", has_deals=has_deals, every=[NOT_KNOWN]), spans)


def _table(figures: pd.DataFrame, spans: Sequence[Span]) -> pa.Table:
    return table_of(figures, spans, SOURCES_SCHEMA)


def _money(deals: pd.DataFrame, spans: Sequence[Span]) -> pd.DataFrame:
    """The deals and amounts of each span and group: created ones by their creation, closed ones by their closing."""
    amount = deals["amount"].fillna(0)
    lacks = deals["amount"].isna()
    is_counted = ~deals["is_lost"]
    created = tallied(
        span_numbers(deals["created_at"], spans),
        deals["group"],
        pipeline=amount.where(is_counted, 0),
        pipeline_without_amount=lacks & is_counted,
    ).rename(columns={"n": "deals_created"})
    closed = tallied(
        span_numbers(deals["closed_at"], spans),
        deals["group"],
        deals_won=deals["is_won"],
        deals_lost=deals["is_lost"],
        revenue=amount.where(deals["is_won"], 0),
        revenue_without_amount=lacks & deals["is_won"],
    )
    return created.join(closed.drop(columns="n"), how="outer").fillna(0)[[*_DEAL_COUNTS, *_AMOUNTS]]


def _won_of_closed(deals: pd.DataFrame, spans: Sequence[Span], cells: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """The columns of `WON_OF_CLOSED`, one value a cell."""
    closed = deals[deals["is_won"] | deals["is_lost"]]
    place = span_numbers(closed["closed_at"], spans)
    rows = {cell: closed.iloc[at] for cell, at in closed.groupby([place, "group"]).indices.items()}
    found = [_won_share(rows.get(cell, closed.iloc[:0])) for cell in cells]
    names = ("won_of_closed", "won_of_closed_low", "won_of_closed_high")
    return {name: [getattr(each, part) for each in found] for name, part in zip(names, _PARTS, strict=True)}


def _won_share(closed: pd.DataFrame) -> Estimate:
    sums = sums_by_group(closed["accounts"].to_numpy(), closed["is_won"], np.ones(len(closed)))
    return fraction_estimate(sums, n=len(closed))
