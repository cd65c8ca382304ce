"""A period by segment, such as region: what came, which share got on, and what it was worth."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from alignment.funnel import followed, horizon_days
from alignment.grouped import NOT_KNOWN, groups_of, span_numbers, with_groups
from alignment.incidence import Followed, incidence
from alignment.intervals import in_columns, share_among
from alignment.milestones import Milestones, reached_at
from alignment.ranking import ranking
from alignment.sources import brought
from alignment.vectors import translated
from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.periods import Span
from data_contracts.metrics.segments import RATES, REST, SEGMENTS_SCHEMA, Segments
from data_contracts.metrics.sources import NO_DEALS

MOST_GROUPS = 20
"""So many segments are told one by one. The smaller ones are told together: each would be a rate of few leads."""

TRANSLATED = "translated"


def segments_of(milestones: Milestones, deals: pd.DataFrame, span: Span, *, by: str, has_deals: bool) -> Segments:
    """What came of each segment in `span`, how it got on, and what it was worth.

    A segment is that of the lead as it is known now.

    Parameters
    ----------
    deals
        What `alignment.deals.deals_of` returns.
    by
        A segment of the settings, or another column that leads are grouped by.
    has_deals
        Whether the CRM has any table of them.

    Raises
    ------
    KeyError
        Where leads are not grouped by that.
    """
    came = span_numbers(milestones.frame[reached_at(Milestone.LEAD)], [span]) >= 0
    groups = _largest(groups_of(milestones, by), came)
    grouped = replace(milestones, frame=milestones.frame.assign(**{by: groups.replace(NOT_KNOWN, None)}))
    deals = with_groups(deals, grouped, by)
    names = list(dict.fromkeys([*_by_size(groups, came), NOT_KNOWN]))
    return Segments(
        rows=_table(grouped, deals, span, by=by, names=names, has_deals=has_deals),
        total=_table(grouped, deals.assign(group=NOT_KNOWN), span, by="", names=[NOT_KNOWN], has_deals=has_deals),
        ranking=ranking(grouped, [span], by=by),
        unknown_share=share_among((groups == NOT_KNOWN).to_numpy()[came], grouped.groups[came]),
        not_over=_not_over(grouped, span),
        span=span,
        why_no_deals="" if has_deals else NO_DEALS,
        as_of=grouped.as_of,
        by=by,
        currency=grouped.settings.crm.currency,
        definitions_version=grouped.definitions_version,
    )


def _largest(groups: pd.Series, came: npt.NDArray[np.bool_]) -> pd.Series:
    """`groups` of all leads, with `REST` in the place of all but those in which most of the leads came."""
    largest = [name for name in _by_size(groups, came) if name != NOT_KNOWN][:MOST_GROUPS]
    return groups.where(groups.isin([*largest, NOT_KNOWN]), REST)


def _by_size(groups: pd.Series, came: npt.NDArray[np.bool_]) -> list[str]:
    """The groups, those in which most leads came first; what is told together or not known comes last."""
    n = pd.Series(came).groupby(groups.to_numpy()).sum()
    return sorted(n.index, key=lambda name: (name == NOT_KNOWN, name == REST, -n[name], name))


def _table(
    milestones: Milestones, deals: pd.DataFrame, span: Span, *, by: str, names: list[str], has_deals: bool
) -> pa.Table:
    spans = [span.earlier(time_zone=milestones.time_zone), span]
    told = brought(milestones, deals, spans, by=by, has_deals=has_deals, every=names)
    before, now = told.xs(0, level="span"), told.xs(1, level="span")
    is_told = milestones.tells_of(spans[0])
    frame = now.assign(revenue_before=before["revenue"] if is_told else None).join(
        _rates(milestones, deals, span, by=by, names=names)
    )
    is_there = frame[SEGMENTS_SCHEMA.names[1:]].fillna(0).any(axis=1) | (by == "")
    frame = frame[is_there].rename_axis("group").reset_index()
    frame = frame.assign(group=frame["group"].where(frame["group"] != NOT_KNOWN, None))
    return pa.Table.from_pandas(frame[SEGMENTS_SCHEMA.names], schema=SEGMENTS_SCHEMA, preserve_index=False)


def _rates(milestones: Milestones, deals: pd.DataFrame, span: Span, *, by: str, names: list[str]) -> pd.DataFrame:
    """The rates with their intervals, one row a name."""
    found: dict[str, dict[str, Estimate]] = {name: {} for name in names}
    for column, step in RATES.items():
        told, groups = _started(milestones, step, span, by=by)
        horizon = horizon_days(step, milestones.settings.definitions)
        for name in names:
            found[name][column] = incidence(told.of(groups == name)).within(horizon)
    created = deals[span_numbers(deals["created_at"], [span]) >= 0]
    for name in names:
        found[name][TRANSLATED] = translated(created[created["group"] == name], milestones)
    rows = {name: _columns(estimates) for name, estimates in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index").astype("float64")


def _columns(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {key: value for name, one in estimates.items() for key, value in in_columns(name, one).items()}


def _started(milestones: Milestones, step: Step, span: Span, *, by: str) -> tuple[Followed, npt.NDArray[np.object_]]:
    """How those fared that started `step` in the span, and the group of each."""
    told, leads = followed(milestones, step)
    is_in = span_numbers(leads[reached_at(step.start)], [span]) >= 0
    return told.of(is_in), groups_of(milestones, by)[leads.index].to_numpy(dtype=object)[is_in]


def _not_over(milestones: Milestones, span: Span) -> tuple[str, ...]:
    definitions = milestones.settings.definitions
    steps = {**RATES, TRANSLATED: Step.OPPORTUNITY_TO_CUSTOMER}
    return tuple(
        column
        for column, step in steps.items()
        if span.end_at + dt.timedelta(days=horizon_days(step, definitions)) > milestones.as_of
    )
