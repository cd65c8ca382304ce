"""A target worked backwards: how many leads, MQLs and SQLs a week reach it, at what cost, and until when."""

import datetime as dt

from data_contracts.estimates import Estimate, Record
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.funnel import Milestone

NOW_WEEKS = 26
"""What a source brings and what comes in a week is counted over so many weeks before the extract."""

SURE = (0.5, 0.8, 0.9)
"""How sure one may want to be of the target: in which share of the draws it is reached."""

UNDER_WAY = Formula(
    name="customers under way",
    says="the sum, over open leads, of the chance to become a customer between the start and the end of the plan. A "
    "lead that has waited for t days at its milestone goes on by the share of those open after t days that did, and "
    "from the next milestone by the incidence of customers",
)
CHANCE = Formula(
    name="chance in the plan",
    says="of those that come evenly over the weeks of the plan, the share that becomes a customer before it ends: the "
    "mean of the cumulative incidence (Aalen-Johansen) over the days that are left to each",
)
NEEDED = Formula(
    name="needed a week",
    says="the least flow that reaches the target in so many of the draws: what is missing after the customers won "
    "already and those under way, by the chance in the plan and its weeks. Each draw weights the accounts anew (rates "
    "and delays), moves the rate by as much as it differed between quarters beyond chance, lets chance decide who "
    "becomes a customer, and draws amounts from won leads",
)
PRODUCT = Formula(
    name="product of averages",
    says="target / customers so far per lead, MQL or SQL so far / weeks. It leaves out the delay and those under way",
)
PART = Formula(
    name="part of a source",
    says="the needed flow times the source's share of those that came in the last 26 weeks. Its customers: of those "
    "expected from new MQLs, as many as its MQLs times its own rate (drawn towards the mean) are of all",
)
MONEY = Formula(
    name="money of a source",
    says="its needed MQLs times its money per MQL: its spend in the whole periods of the last 26 weeks / its MQLs in "
    "the same days",
)
TO_WORK = Formula(
    name="to work a week",
    says="the needed MQLs a week times the share of MQLs that sales accepted within the horizon: the rates hold where "
    "sales works as large a share as it did",
)
LAST_START = Formula(
    name="last day to start",
    says="the last day from which on the greatest flow (the capacity, or the best 13 weeks so far, whichever is more) "
    "still reaches the target in half of the draws, where the present flow goes on until then",
)
FORMULAS = (UNDER_WAY, CHANCE, NEEDED, PRODUCT, PART, MONEY, TO_WORK, LAST_START)


class Target(Record):
    """What is to be reached.

    Attributes
    ----------
    customers, revenue
        One of the two: won leads, or the amount of their won deals (currency of the settings).
    since
        The first local day that counts; None: from the extract on. Customers won since then count already.
    by
        The last local day that counts.
    """

    customers: int | None = None
    revenue: float | None = None
    since: dt.date | None = None
    by: dt.date

    @property
    def amount(self) -> float:
        """The target as a number."""
        told = self.customers if self.revenue is None else self.revenue
        return float(told or 0)


class NeededFlow(Record):
    """How many must come a week, counted at one milestone: any of them, wherever they come from.

    Attributes
    ----------
    milestone
        Lead, MQL or SQL. The three are three ways to count one plan and are not added up.
    waiting
        Open leads that have got so far.
    under_way
        What comes of them by the end (customers, or revenue in the currency of the settings).
    chance
        `CHANCE`, in [0, 1].
    is_least_chance
        Nobody was watched for as long as the plan, and the incidence still rose: it may be higher.
    per_week
        `NEEDED`: half of the draws need less, and 95 % lie in its interval. Missing where no flow is enough.
    per_week_80, per_week_90
        To be 80 % and 90 % sure.
    expected_per_week
        The same if rates stayed as measured and all came as expected: nothing is left to chance.
    now_per_week
        In the last `NOW_WEEKS` weeks.
    reached_share
        The share of the draws in which the present flow is enough.
    product_per_week
        `PRODUCT`, for comparison.
    """

    milestone: Milestone
    waiting: int
    under_way: Estimate
    chance: Estimate
    is_least_chance: bool
    per_week: Estimate
    per_week_80: float | None
    per_week_90: float | None
    expected_per_week: float | None
    now_per_week: float
    reached_share: float
    product_per_week: float | None


class SourcePart(Record):
    """What one source has to bring, if the present mix stays.

    Attributes
    ----------
    source
        None where it is not known.
    now_mqls
        Its MQLs of the last `NOW_WEEKS` weeks.
    rate
        Its share of MQLs that become customers within the horizon, drawn towards that of all sources.
    per_week
        By milestone, its part of the needed flow: the parts of all sources make up the whole.
    customers
        Expected from its new MQLs by the end of the plan.
    money_per_mql, money_per_week
        `MONEY`; missing where the history has no spend of it.
    """

    source: str | None
    now_mqls: int
    rate: float | None
    per_week: dict[Milestone, float]
    customers: float
    money_per_mql: float | None
    money_per_week: float | None


class Capacity(Record):
    """What sales can work beside what the plan needs.

    Attributes
    ----------
    per_week
        New leads a week of all teams (`[policy]`).
    worked_share
        Of MQLs, those that sales accepted within the horizon.
    to_work, to_work_80
        `TO_WORK`, to be 50 % and 80 % sure.
    now_to_work
        The same of the present flow.
    missing, missing_80
        How many more than the capacity that is, from the plan's first day on.
    """

    per_week: float
    worked_share: Estimate
    to_work: float | None
    to_work_80: float | None
    now_to_work: float
    missing: float | None
    missing_80: float | None


class Reach(Record):
    """Until when the target can be reached.

    Attributes
    ----------
    greatest_per_week
        MQLs: the capacity, or the best 13 weeks so far, whichever is more.
    as_now, at_greatest
        What comes by the end at the present and at the greatest flow: customers, or revenue.
    last_start
        `LAST_START`; None where the present flow is enough in half of the draws, and where the greatest is not.
    is_out_of_reach
        Whether even the greatest flow from the start on is not enough in half of the draws.
    reached_on
        Where it is out of reach: the week by whose end the greatest flow reaches the target in half of the draws. None
        where that is later than the history reaches back.
    """

    greatest_per_week: float
    as_now: Estimate
    at_greatest: Estimate
    last_start: dt.date | None
    is_out_of_reach: bool
    reached_on: dt.date | None


class Plan(Record):
    """A target worked backwards from measured rates, delays and amounts.

    Attributes
    ----------
    as_of
        Nothing that was recorded later is in it (UTC, naive).
    starts_on
        The local day on which the needed flow begins: that of the extract, or the target's first day where it is later.
    weeks
        From then to the end.
    measured_since
        The first local day of the leads that rates and delays are measured on.
    n_customers
        Customers that rates and delays are measured on.
    drift
        By how much the share of MQLs that become customers differed between quarters beyond chance: a standard
        deviation, as a share of it. None where the history is too short to say.
    n_draws
        How often the plan was simulated.
    won
        Customers, or their revenue, since the target's first day.
    amount
        What a won lead brings (currency of the settings); None where the target is customers.
    meanwhile
        What comes of MQLs between the extract and the start at the present flow; None where the plan starts at once.
    flows
        By milestone, those that the CRM records.
    sources
        The largest first.
    money_per_week
        Of all sources with a spend; None where nothing is known.
    notes
        What a reader must not overlook: sentences.
    """

    target: Target
    as_of: dt.datetime
    starts_on: dt.date
    weeks: float
    definitions_version: str
    currency: str
    measured_since: dt.date
    n_customers: int
    drift: float | None
    n_draws: int
    won: float
    amount: Estimate | None
    meanwhile: Estimate | None
    flows: tuple[NeededFlow, ...]
    sources: tuple[SourcePart, ...]
    money_per_week: float | None
    capacity: Capacity
    reach: Reach
    notes: tuple[str, ...]

    def flow(self, milestone: Milestone) -> NeededFlow:
        """The needed flow counted at `milestone`; raises `KeyError` where the CRM does not record it."""
        for one in self.flows:
            if one.milestone is milestone:
                return one
        raise KeyError(f"the history shows no {milestone.said}")
