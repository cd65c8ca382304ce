"""What a period's customers and revenue are made of: MQLs, rates, answers in time, deal size."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment.deals import LEAD_ROW, won_within
from alignment.funnel import horizon_days
from alignment.incidence import Incidence
from alignment.intervals import Floats, sums_by_group
from alignment.milestones import Milestones, reached_at
from alignment.period_rates import Flags, figures, period_incidence
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.periods import Span


@dataclass(frozen=True, slots=True, eq=False)
class PeriodFactors:
    """The factors of a period. Of each figure: of all leads, then without each group of accounts.

    Attributes
    ----------
    n_mqls, n_customers, revenue
        Of leads that first got there in the period, and of deals that were won in it.
    rates
        By step of the chain from MQL to customer, its rate in the period.
    horizons
        By step, its horizon in days.
    share_in_time
        Of the period's MQLs whose time to respond is over; NaN where there are none.
    in_time, late
        The first step's rate of those answered in time, and of the others.
    n_without_amount
        Won deals of the period of unknown amount: they are not in its revenue.
    """

    span: Span
    n_mqls: Floats
    n_customers: Floats
    revenue: Floats
    rates: Mapping[Step, Incidence]
    horizons: Mapping[Step, int]
    share_in_time: Floats
    in_time: Incidence
    late: Incidence
    n_without_amount: int

    @property
    def first_step(self) -> Step:
        """The step that starts at MQL."""
        return next(iter(self.rates))

    def rate(self, step: Step, *, days: int | None = None) -> Floats:
        """Of a step, within so many days or for as long as it is drawn; NaN where it is not drawn for its horizon."""
        return self._known(self.rates[step], step, days)

    def answered(self, *, days: int | None = None) -> tuple[Floats, Floats]:
        """The first step's rate of those answered in time, and of the others; NaN as `rate`."""
        return self._known(self.in_time, self.first_step, days), self._known(self.late, self.first_step, days)

    def _known(self, drawn: Incidence, step: Step, days: int | None) -> Floats:
        shares = figures(drawn, days=days)
        return shares if drawn.last_day >= self.horizons[step] - 1 else np.full(len(shares), np.nan)

    @property
    def deal_size(self) -> Floats:
        """Revenue a customer; NaN where nobody was won."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.n_customers > 0, self.revenue / self.n_customers, np.nan)

    @property
    def is_known(self) -> bool:
        """Whether each rate is drawn for its horizon, and anybody became MQL."""
        return bool(self.n_mqls[0] > 0 and all(np.isfinite(self.rate(step)[0]) for step in self.rates))


def chain(milestones: Milestones) -> tuple[Step, ...]:
    """The steps from MQL to customer: over SQL where the CRM shows any."""
    if Milestone.SQL in milestones.recorded:
        return (Step.MQL_TO_SQL, Step.SQL_TO_CUSTOMER)
    return (Step.MQL_TO_CUSTOMER,)


def period_factors(milestones: Milestones, deals: pd.DataFrame, span: Span) -> PeriodFactors:
    """The factors of `span`.

    Parameters
    ----------
    deals
        What `alignment.deals.deals_of` returns for `milestones`.
    """
    won = won_within(deals, span)
    everyone = np.ones(len(milestones.frame), dtype=bool)
    mqls, customers = (_within(milestones, milestone, span) for milestone in (Milestone.MQL, Milestone.CUSTOMER))
    steps = chain(milestones)
    in_time, is_due = _answered(milestones)
    groups = milestones.groups
    revenue = sums_by_group(groups[won[LEAD_ROW]], won["amount"].fillna(0))
    answered = without(sums_by_group(groups, mqls & in_time & is_due, mqls & is_due), milestones)
    with np.errstate(divide="ignore", invalid="ignore"):
        share_in_time = np.where(answered[:, 1] > 0, answered[:, 0] / answered[:, 1], np.nan)
    return PeriodFactors(
        span=span,
        n_mqls=_total(sums_by_group(groups, mqls), milestones),
        n_customers=_total(sums_by_group(groups, customers), milestones),
        revenue=_total(revenue, milestones),
        rates={step: period_incidence(milestones, step, span, rows=everyone) for step in steps},
        horizons={step: horizon_days(step, milestones.settings.definitions) for step in steps},
        share_in_time=share_in_time,
        in_time=period_incidence(milestones, steps[0], span, rows=is_due & in_time),
        late=period_incidence(milestones, steps[0], span, rows=is_due & ~in_time),
        n_without_amount=int(won["amount"].isna().sum()),
    )


def without(sums: Floats, milestones: Milestones) -> Floats:
    """`sums` by group over all groups, then over all but each that has any lead; the first alone of a single group."""
    total = sums.sum(axis=0, keepdims=True)
    present = np.unique(milestones.groups)
    return (
        np.concatenate([total, total - sums[present]]) if len(present) > 1 else total.repeat(len(present) + 1, axis=0)
    )


def _total(sums: Floats, milestones: Milestones) -> Floats:
    """A total over all groups, then without each, as if the others stood for it too."""
    totals = without(sums, milestones)[:, 0]
    n = len(totals) - 1
    return np.concatenate([totals[:1], totals[1:] * n / (n - 1)]) if n > 1 else totals


def _within(milestones: Milestones, milestone: Milestone, span: Span) -> Flags:
    moments = milestones.frame[reached_at(milestone)]
    return np.asarray((moments >= span.start_at) & (moments < span.end_at))


def _answered(milestones: Milestones) -> tuple[Flags, Flags]:
    """Whether sales first touched each lead in time after it became MQL, and whether that time is over."""
    frame, policy = milestones.frame, milestones.settings.policy
    handed_off, touched = frame[reached_at(Milestone.MQL)], frame[reached_at(Milestone.SAL)]
    by = policy.calendar.add_working_hours(handed_off, policy.respond_within_working_hours)
    in_time = np.asarray(touched <= by)
    return in_time, in_time | np.asarray(by <= np.datetime64(milestones.as_of))
