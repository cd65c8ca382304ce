"""The parts of the alignment index: what each team owes the other, over the periods that are over."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from alignment.deals import won_within
from alignment.intervals import UNKNOWN
from data_contracts.estimates import Estimate
from data_contracts.metrics.guarantee import OFF_ICP_SHARE, Guarantee
from data_contracts.metrics.index import Better, Part
from data_contracts.metrics.mqls_delivered import DELIVERED_SHARE, MqlsDelivered
from data_contracts.metrics.periods import Span
from data_contracts.metrics.response import COMPLIANCE, DISPOSITIONS, Response
from data_contracts.settings import Settings
from data_contracts.targets import Targets

PERIODS = 12
"""Enough for a correlation of ranks to say something, and not older than what both teams remember."""


def index_parts(
    spans: Sequence[Span],
    settings: Settings,
    *,
    response: Response,
    delivered: MqlsDelivered,
    guarantee: Guarantee,
    deals: pd.DataFrame,
) -> tuple[Part, ...]:
    """Each duty of the agreement with its value in each of `spans`.

    Parameters
    ----------
    response, guarantee
        By periods of the length of the spans, of all leads together.
    deals
        What `alignment.deals.deals_of` returns.
    """
    targets, hours = settings.targets, settings.policy.respond_within_working_hours
    by_cohort = _by_cohort(response.rows)
    of_guarantee = _by_cohort(guarantee.rows)
    return (
        _part(f"answered within {hours:g} working hours", COMPLIANCE.says, "sales", targets.compliance_share,
              [_estimate(by_cohort.get(one.first), "compliance") for one in spans]),
        _part("decided with a reason", DISPOSITIONS.says, "sales", targets.disposition_share,
              [_estimate(by_cohort.get(one.first), "disposition_share") for one in spans]),
        _part("MQLs delivered", DELIVERED_SHARE.says, "marketing", 1.0 if delivered.owed else None,
              [_delivered(delivered, one) for one in spans]),
        _part("off the agreed profile (less is better)", OFF_ICP_SHARE.says, "marketing", targets.off_icp_share,
              [_estimate(of_guarantee.get(one.first), "off_icp_share") for one in spans], better=Better.LOWER),
        _part("revenue against plan", "amount won in the period / its target", "both",
              1.0 if any(_planned(targets, one) for one in spans) else None,
              [_against_plan(deals, targets, one) for one in spans]),
    )  # fmt: skip


def revenues(deals: pd.DataFrame, spans: Sequence[Span]) -> list[float | None]:
    """What was won in each of `spans`; missing where the CRM has no deals."""
    return [float(won_within(deals, one)["amount"].sum()) if len(deals) else None for one in spans]


def _part(
    name: str,
    formula: str,
    owner: str,
    agreed: float | None,
    values: Sequence[Estimate],
    *,
    better: Better = Better.HIGHER,
) -> Part:
    return Part(name=name, formula=formula, owner=owner, agreed=agreed, better=better, weight=1.0, values=tuple(values))


def _by_cohort(rows: pa.Table) -> Mapping[dt.date, dict[str, Any]]:
    return {_day(row["cohort"]): row for row in rows.to_pylist() if row["group"] is None}


def _day(moment: dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _estimate(row: Mapping[str, Any] | None, name: str) -> Estimate:
    if row is None:
        return UNKNOWN
    return Estimate(value=row[name], low=row[f"{name}_low"], high=row[f"{name}_high"])


def _delivered(delivered: MqlsDelivered, span: Span) -> Estimate:
    """What was delivered in the span, of what was owed in it."""
    found = [row for row in delivered.rows[span.period].to_pylist() if _day(row["period"]) == span.first]
    return Estimate(value=found[0]["delivered_share"], low=None, high=None) if found else UNKNOWN


def _planned(targets: Targets, span: Span) -> float | None:
    planned = targets.of(span.name)
    return planned.revenue if planned else None


def _against_plan(deals: pd.DataFrame, targets: Targets, span: Span) -> Estimate:
    planned = _planned(targets, span)
    if not planned or deals.empty:
        return UNKNOWN
    return Estimate(value=float(won_within(deals, span)["amount"].sum()) / planned, low=None, high=None)
