"""What a period's factors are held against: its targets, the agreed figures, or what was measured before."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment.intervals import Floats
from alignment.milestones import Milestones
from alignment.period_factors import PeriodFactors, period_factors
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.gap import Origin, Part
from data_contracts.metrics.periods import Period, Span
from data_contracts.targets import PeriodTarget, Targets

PART_OF = {Step.MQL_TO_SQL: Part.QUALITY, Step.SQL_TO_CUSTOMER: Part.CLOSE, Step.MQL_TO_CUSTOMER: Part.CONVERSION}

PERIODS_A_YEAR = {Period.WEEK: 52, Period.MONTH: 12, Period.QUARTER: 4, Period.YEAR: 1}

DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """What one factor is held against.

    Attributes
    ----------
    values
        Of all leads, then without each group of accounts: all the same where it was agreed, NaN where there is none.
    period
        The earlier period that it was measured in; None where it was agreed.
    days
        Of a rate that was agreed within a horizon: the days. The measured one is read at the same.
    """

    values: Floats
    origin: Origin
    period: str | None = None
    days: int | None = None


def yardsticks_of(milestones: Milestones, deals: pd.DataFrame, here: PeriodFactors) -> Mapping[Part, Yardstick]:
    """The yardstick of each factor of `here`: its period's target, else the agreed figure, else an earlier period's.

    A share of answers in time goes with the rate that it was measured or agreed beside: where the rate is an earlier
    period's, so is the share.
    """
    targets = milestones.settings.targets
    agreed = _agreed(targets, here) | _targeted(targets.of(here.span.name), like=here.n_mqls)
    earlier = _earlier(milestones, deals, here.span) if set(_parts(here)) - set(agreed) else None
    found = {part: agreed.get(part) or _measured_before(part, earlier, like=here.n_mqls) for part in _parts(here)}
    if found[PART_OF[here.first_step]].origin not in (Origin.PERIOD_TARGET, Origin.AGREED):
        found[Part.RESPONSE] = _measured_before(Part.RESPONSE, earlier, like=here.n_mqls)
    return found


def _parts(here: PeriodFactors) -> tuple[Part, ...]:
    return (Part.VOLUME, *(PART_OF[step] for step in here.rates), Part.RESPONSE, Part.SIZE)


def _agreed(targets: Targets, here: PeriodFactors) -> dict[Part, Yardstick]:
    """The yardsticks that hold in every period."""
    weeks = (here.span.end - here.span.first).days / DAYS_PER_WEEK
    given = {
        Part.VOLUME: None if targets.mqls_per_week is None else targets.mqls_per_week * weeks,
        **{PART_OF[step]: targets.rates.get(step) for step in here.rates},
        Part.RESPONSE: targets.compliance_share,
    }
    days = {PART_OF[step]: here.horizons[step] for step in here.rates}
    return {
        part: Yardstick(np.full(len(here.n_mqls), value), Origin.AGREED, days=days.get(part))
        for part, value in given.items()
        if value is not None
    }


def _targeted(asked: PeriodTarget | None, *, like: Floats) -> dict[Part, Yardstick]:
    """The yardsticks that the period's own targets give."""
    if asked is None:
        return {}
    given = {
        Part.VOLUME: asked.mqls,
        Part.QUALITY: _ratio(asked.sqls, asked.mqls),
        Part.CLOSE: _ratio(asked.customers, asked.sqls),
        Part.CONVERSION: _ratio(asked.customers, asked.mqls),
        Part.SIZE: _ratio(asked.revenue, asked.customers),
    }
    return {
        part: Yardstick(np.full(len(like), value), Origin.PERIOD_TARGET)
        for part, value in given.items()
        if value is not None
    }


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _earlier(milestones: Milestones, deals: pd.DataFrame, span: Span) -> PeriodFactors | None:
    """The factors of the same period a year before or, where that is not known, of the period before."""
    for n in dict.fromkeys((PERIODS_A_YEAR[span.period], 1)):
        factors = period_factors(milestones, deals, span.earlier(n, time_zone=milestones.time_zone))
        if factors.is_known:
            return factors
    return None


def _measured_before(part: Part, earlier: PeriodFactors | None, *, like: Floats) -> Yardstick:
    if earlier is None:
        return Yardstick(np.full(len(like), np.nan), Origin.NONE)
    steps = {PART_OF[step]: step for step in earlier.rates}
    if part in steps:
        values = earlier.rate(steps[part])
    else:
        values = {
            Part.VOLUME: earlier.n_mqls,
            Part.RESPONSE: earlier.share_in_time,
            Part.SIZE: earlier.deal_size,
        }[part]
    return Yardstick(values, Origin.EARLIER, period=earlier.span.name)
