"""How far leads had come when sales first contacted them: the share of the way, and the touches before."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.funnel import QUARTILES
from alignment.intervals import Integers, in_columns
from alignment.milestones import Milestones, reached_at
from alignment.quantiles import quantile_estimate
from alignment.touches import LeadTouches
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.journey import BEFORE_SALES_SCHEMA
from data_contracts.today import PERSONA


def before_sales(touches: LeadTouches, milestones: Milestones, *, to: Milestone) -> pa.Table:
    """Of the leads that reached `to`, by persona, how much of the way lay before sales. Of `BEFORE_SALES_SCHEMA`.

    Who was contacted before the first touch, or by it, did nothing of the way alone: 0. Who was first contacted at the
    milestone or after it did all of it: 1. Leads that take long have not got there yet, so that recent ones count for
    too much where a funnel is young or grows.
    """
    frame = milestones.frame
    reached = frame[reached_at(to)]
    got_there = (reached.notna() & ~frame["is_unsettled"]).to_numpy()
    first, contacted = touches.frame["first_touch_at"], touches.frame["contacted_at"]
    is_known = (first < reached) & contacted.notna()
    way = ((contacted - first) / (reached - first)).clip(0, 1).where(is_known & (reached > first))
    measures = {"way_share": way, "touches": touches.frame["n_before_sales"].where(is_known).astype("float64")}
    rows = []
    for persona, leads in _personas(frame[PERSONA], got_there):
        for measure, values in measures.items():
            rows.append({"persona": persona, "measure": measure} | _figures(values[leads], milestones.groups[leads]))
    return pa.Table.from_pylist(rows, schema=BEFORE_SALES_SCHEMA)


def _personas(personas: pd.Series, got_there: np.ndarray) -> Iterator[tuple[str | None, np.ndarray]]:
    if not got_there.any():
        return
    yield None, got_there
    for name in personas.cat.categories:
        leads = got_there & (personas == name).to_numpy()
        if leads.any():
            yield str(name), leads


def _figures(values: pd.Series, groups: Integers) -> dict[str, Any]:
    is_known = values.notna().to_numpy()
    told = values.to_numpy()[is_known]
    row: dict[str, Any] = {"leads": len(told), "unknown": int((~is_known).sum())}
    for name, share in QUARTILES.items():
        row |= in_columns(name, quantile_estimate(told, groups[is_known], share=share))
    return row
