"""What both teams owe each other and want to reach, in figures: what the shared numbers are held against."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from data_contracts.conditions import Condition
from data_contracts.metrics.funnel import Step
from data_contracts.section import Section, Share

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_PERIOD = re.compile(r"^\d{4}(-Q[1-4]|-(0[1-9]|1[0-2]))?$")


def _known_period(name: str) -> str:
    if not _PERIOD.match(name):
        raise ValueError(f"{name!r} is no period; it is written like '2026', '2026-Q3' or '2026-07'")
    return name


class PeriodTarget(Section):
    """What is to be reached in a year, quarter or month; what is not given has no target.

    Attributes
    ----------
    period
        "2026", "2026-Q3" or "2026-07": local days of sales' calendar.
    leads, mqls, sqls, customers
        New ones in the period: marketing's own targets and the shared one.
    qualified_pipeline
        Amount of the opportunities that are created in it.
    revenue
        Amount of those won in it.
    """

    period: Annotated[str, AfterValidator(_known_period)]
    leads: Amount | None = None
    mqls: Amount | None = None
    sqls: Amount | None = None
    customers: Amount | None = None
    qualified_pipeline: Amount | None = None
    revenue: Amount | None = None


class Targets(Section):
    """The figures of the agreement. They change no score: without them, numbers stand without a yardstick.

    Attributes
    ----------
    version
        Raised with every change; reports carry it.
    mqls_per_week
        What marketing owes sales.
    mql_least_fit_share
        The quality of them: the least share of the ideal customer profile that is met, in [0, 1].
    compliance_share
        The share of hand-offs that sales answers in time, at least.
    disposition_share
        The share of worked hand-offs with a decision and a reason, at least.
    off_icp_share
        The share of hand-offs that miss the profile, at most.
    rates
        By step of the funnel, the rate that the agreement counts on.
    sales_sources
        The sources of the leads that sales finds itself, in the CRM's words, such as "Outbound": all others are
        marketing's. Empty: nobody said which they are.
    periods
        Each period once.
    target_accounts
        The accounts that both teams want to win: a condition on an attribute of accounts. A list that is kept in a
        spreadsheet becomes one where the SELECT of `accounts` joins it.
    """

    version: str = ""
    mqls_per_week: Amount | None = None
    mql_least_fit_share: Share = 0.0
    compliance_share: Share | None = None
    disposition_share: Share | None = None
    off_icp_share: Share | None = None
    rates: Mapping[Step, Share] = Field(default={})
    sales_sources: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    periods: tuple[PeriodTarget, ...] = ()
    target_accounts: Condition | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        told = {"targets for": [one.period for one in self.periods], "sales_sources": self.sales_sources}
        twice = {what: sorted(name for name, n in Counter(names).items() if n > 1) for what, names in told.items()}
        problems = [f"{what} {', '.join(names)} stand more than once" for what, names in twice.items() if names]
        if problems:
            raise ValueError(f"{'; '.join(problems)}; keep one of each")
        return self

    def of(self, period: str) -> PeriodTarget | None:
        """The targets of the period of that name; None where there are none."""
        return next((one for one in self.periods if one.period == period), None)
