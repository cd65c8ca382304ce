"""Groups by a rate: compared, tested, and put in order where chance does not explain how they differ."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.funnel import followed, horizon_days
from alignment.grouped import NOT_KNOWN, groups_of, in_order, span_numbers
from alignment.incidence import Followed, incidence
from alignment.intervals import in_columns, independent_n
from alignment.milestones import Milestones, reached_at
from alignment.shrinkage import chance_of_difference, shrunken_estimates
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Span
from data_contracts.metrics.ranking import LEAST_WORTH, LEVEL, RANKING_SCHEMA, Ranking


def ranking(
    milestones: Milestones, spans: Collection[Span], *, step: Step = Step.LEAD_TO_CUSTOMER, by: str = "source"
) -> Ranking:
    """The groups by their rate of `step`, of the leads that reached its first stage in any of `spans`.

    Where chance explains how they differ, none has a place: a table of noise would move money from one source to
    another for nothing.

    Parameters
    ----------
    spans, by
        As in `alignment.sources.sources`, which raises the same errors; the periods are taken together.
    """
    spans = in_order(spans)
    horizon = horizon_days(step, milestones.settings.definitions)
    told, leads = followed(milestones, step)
    is_in = span_numbers(leads[reached_at(step.start)], spans) >= 0
    told, groups = told.of(is_in), groups_of(milestones, by)[leads.index].to_numpy()[is_in]
    names = sorted(set(groups))
    rows = pd.DataFrame([_figures(told.of(groups == one), horizon) for one in names], columns=_FIGURES, index=names)
    compared = rows[rows["rate"].notna() & (rows.index != NOT_KNOWN)]
    n = compared["worth"].to_numpy(dtype=np.float64)
    hits = compared["rate"].to_numpy(dtype=np.float64) * n
    drawn = pd.DataFrame(shrunken_estimates(hits, n), index=compared.index, columns=_SHRUNKEN)
    p_value = chance_of_difference(hits, n)
    return Ranking(
        rows=_in_places(rows.join(drawn), is_ranked=p_value is not None and p_value < LEVEL),
        step=step,
        horizon_days=horizon,
        rate=incidence(told).within(horizon),
        p_value=p_value,
        spans=spans,
        as_of=milestones.as_of,
        by=by,
        definitions_version=milestones.definitions_version,
    )


_SHRUNKEN = ["shrunken", "shrunken_low", "shrunken_high"]
_FIGURES = ["entered", "reached", "worth", "rate", "rate_low", "rate_high"]


def _figures(told: Followed, horizon: int) -> dict[str, Any]:
    drawn = incidence(told)
    rate = drawn.within(horizon)
    figures = {
        "entered": len(told.days),
        "reached": int(told.reached.sum()),
        **in_columns("rate", rate),
    }
    if rate.value is None:
        return figures
    # Where none or all got there, the replicates tell nothing, and only leads watched for so long are evidence.
    n_watched = int((told.watched >= horizon - 1).sum())
    n = len(told.days) if 0 < rate.value < 1 else max(n_watched, 1)
    return figures | {"worth": max(1.0, independent_n(rate.value, drawn.replicates[:, horizon - 1], n=n))}


def _in_places(rows: pd.DataFrame, *, is_ranked: bool) -> pa.Table:
    """The rows as a table: by place or by name, those without a place after those that have one."""
    frame = rows.rename_axis("group").reset_index()
    # What is not compared comes last; before it, where there are places, what has too few leads for one.
    is_out = frame["shrunken"].isna() | (frame["group"] == NOT_KNOWN)
    is_small = is_ranked & (frame["worth"] < LEAST_WORTH)
    frame = frame.assign(is_last=2 * is_out + (is_small & ~is_out))
    by = ["is_last", "shrunken", "group"] if is_ranked else ["is_last", "group"]
    frame = frame.sort_values(by, ascending=[one != "shrunken" for one in by], kind="stable", ignore_index=True)
    place = pd.Series(range(1, len(frame) + 1), dtype="Int64").where((frame["is_last"] == 0) & is_ranked)
    frame = frame.assign(place=place, group=frame["group"].where(frame["group"] != NOT_KNOWN, None))
    return pa.Table.from_pandas(frame[RANKING_SCHEMA.names], schema=RANKING_SCHEMA, preserve_index=False)
