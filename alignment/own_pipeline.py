"""What sales prospects itself beside what marketing brings: leads, pipeline and revenue of either side."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.grouped import NOT_KNOWN, grouped_deals, groups_of, in_order, span_numbers, table_of
from alignment.intervals import fraction_estimate, sums_by_group
from alignment.milestones import Milestones
from alignment.sources import brought
from data_contracts.history import CrmHistory
from data_contracts.metrics.own_pipeline import NOBODY_SAID, OWN_PIPELINE_SCHEMA, OwnPipeline, Side
from data_contracts.metrics.periods import Span
from data_contracts.today import SOURCE


def own_pipeline(history: CrmHistory, milestones: Milestones, spans: Collection[Span]) -> OwnPipeline:
    """What sales' own sources brought in each of `spans`, beside marketing's.

    Sales' own are the `sales_sources` of the targets; all others are marketing's, and leads without a source nobody's.

    Parameters
    ----------
    milestones, spans
        As in `alignment.sources.sources`, which raises the same errors.
    """
    spans = in_order(spans)
    own = milestones.settings.targets.sales_sources
    return OwnPipeline(
        rows=_rows(history, milestones, spans, own=own) if own else OWN_PIPELINE_SCHEMA.empty_table(),
        spans=spans,
        why_not="" if own else NOBODY_SAID,
        never_seen=tuple(sorted(set(own) - set(groups_of(milestones, SOURCE)))),
        as_of=milestones.as_of,
        currency=milestones.settings.crm.currency,
        definitions_version=milestones.definitions_version,
    )


def _rows(history: CrmHistory, milestones: Milestones, spans: Sequence[Span], *, own: Sequence[str]) -> pa.Table:
    source = groups_of(milestones, SOURCE)
    side = np.select([source.isin(own), source == NOT_KNOWN], [Side.SALES, Side.NOT_KNOWN], Side.MARKETING)
    sided = replace(milestones, frame=milestones.frame.assign(side=side.astype(object)))
    deals = grouped_deals(history, sided, "side")
    has_deals = "opportunities" not in history.absent
    told = brought(sided, deals, spans, by="side", has_deals=has_deals, every=list(Side))
    told = told.join(_shares(deals[~deals["is_lost"]], "created_at", spans).add_prefix("pipeline_"))
    told = told.join(_shares(deals[deals["is_won"]], "closed_at", spans).add_prefix("revenue_"))
    schema = pa.schema([field.with_name("group") if field.name == "side" else field for field in OWN_PIPELINE_SCHEMA])
    return table_of(told, spans, schema).rename_columns(OWN_PIPELINE_SCHEMA.names)


def _shares(deals: pd.DataFrame, moment: str, spans: Sequence[Span]) -> pd.DataFrame:
    """Each side's share of the amounts whose `moment` lies in each span: `share`, `share_low`, `share_high`."""
    place = span_numbers(deals[moment], spans)
    cells = [(number, side) for number in range(len(spans)) for side in Side]
    found = [_share(deals[place == number], side) for number, side in cells]
    index = pd.MultiIndex.from_tuples(cells, names=["span", "group"])
    return pd.DataFrame(found, index=index, columns=["share", "share_low", "share_high"], dtype="float64")


def _share(deals: pd.DataFrame, side: Side) -> tuple[float | None, float | None, float | None]:
    amount = deals["amount"].fillna(0).to_numpy()
    of_side = np.where(deals["group"] == side, amount, 0)
    told = fraction_estimate(sums_by_group(deals["accounts"].to_numpy(), of_side, amount), n=len(deals))
    return told.value, told.low, told.high
