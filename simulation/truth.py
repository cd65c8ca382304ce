"""What really makes a simulated lead an SQL, and an SQL a customer: effects, delays, and what they amount to."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr, ndtri

from simulation import laws
from simulation.behaviour import Activities, Ledger, ledger
from simulation.clock import DAY, HOUR, Floats, Ints, at_business_hours, business_hours
from simulation.people import People

DELAY_NODES = 24
"""Response delays are integrated over so many equally likely ones."""


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A delay in working hours: `least`, and on top of it a log-normal with `median` and `spread` of its logarithm."""

    median: Floats | float
    spread: float
    least: float

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """`n` delays."""
        return np.asarray(self.least + self.median * np.exp(self.spread * rng.normal(size=n)))

    def share_within(self, hours: Floats) -> Floats:
        """Probability that the delay is at most `hours`."""
        with np.errstate(divide="ignore"):
            deviation = np.log(np.maximum(hours - self.least, 0.0) / self.median) / self.spread
        return np.asarray(ndtr(deviation))

    def at_share(self, share: Floats) -> Floats:
        """The delay that `share` of all delays do not exceed."""
        return np.asarray(self.least + self.median * np.exp(self.spread * ndtri(share)))


DECISION = LogNormal(median=42.0, spread=0.8, least=0.5)
WIN_CYCLE = LogNormal(median=340.0, spread=0.5, least=30.0)
LOSS_CYCLE = LogNormal(median=420.0, spread=0.7, least=15.0)


MEETING_EFFECT, MOST_MEETINGS = 0.5, 3
"""What a meeting adds to the log-odds of a win, and the most of them that add anything."""


def response(points: Floats) -> LogNormal:
    """How long sales takes to call an MQL: less for leads with more points."""
    return LogNormal(median=7.0 * np.exp(-0.03 * (points - laws.MQL_POINTS)), spread=1.3, least=0.1)


def lateness_penalty(respond_hours: Floats) -> Floats:
    """What a late first touch costs in log-odds: nothing within 24 h, then 0.12 for each doubling, at most 0.5."""
    return np.minimum(0.12 * np.log2(np.maximum(respond_hours, 24.0) / 24.0), 0.5)


def p_qualifies(log_odds: Floats, penalty: Floats) -> Floats:
    """Probability that a lead that sales called qualifies, however long the decision takes."""
    return np.asarray(expit(log_odds - penalty))


def meeting_rate(people: People, leads: Ints) -> Floats:
    """How many meetings sales has with each lead before the SQL, on average."""
    return np.asarray(np.exp(-0.3 + 0.4 * people.intent[leads]))


@dataclass(frozen=True, slots=True)
class Timeline:
    """When leads say they want to buy: the word's code, and when they said it (infinite where never)."""

    code: Ints
    told_at: Floats

    def effect(self, leads: Ints, at: Floats) -> Floats:
        """Log-odds of what was told before `at`; 0 where nothing was."""
        return np.where(self.told_at[leads] < at, laws.TIMELINE_EFFECT[self.code[leads]], 0.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What decides: who the people are, what they say, and what they do, countable at any moment."""

    people: People
    timeline: Timeline
    pricing: Ledger
    demo: Ledger
    anything: Ledger

    def active_colleagues(self, leads: Ints, *, at: Floats, days: float) -> Ints:
        """How many others at the lead's account did something in the `days` days before `at`."""
        n_people = self.people.groups.n_people[self.people.group[leads]]
        first = leads - self.people.position[leads]
        active = np.zeros(len(leads), dtype=np.int64)
        for place in range(int(n_people.max(initial=1))):
            other = first + place
            rows = np.flatnonzero((place < n_people) & (other != leads))
            active[rows] += self.anything.count(other[rows], until=at[rows], days=days) > 0
        return active


def gather(people: People, timeline: Timeline, activities: Activities) -> Evidence:
    """The evidence of `activities`, of which only those of the leads themselves count."""
    by_leads = tuple(kind for kind in range(len(laws.KINDS)) if kind not in (laws.SENT, laws.CALL, laws.MEETING))
    return Evidence(
        people=people,
        timeline=timeline,
        pricing=ledger(activities, kinds=(laws.PRICING,)),
        demo=ledger(activities, kinds=(laws.DEMO,)),
        anything=ledger(activities, kinds=by_leads),
    )


def size_band(employees: Floats) -> Ints:
    """Index into the size bands."""
    return np.searchsorted(laws.SIZE_EDGES, employees, side="right")


def _fit(people: People, leads: Ints, *, by_size: Floats) -> Floats:
    """Log-odds of what the lead and its company are."""
    group = people.group[leads]
    company = (
        by_size[size_band(people.employees[group])]
        + laws.INDUSTRY_EFFECT[people.industry[group]]
        + laws.REGION_EFFECT[people.region[group]]
    )
    persona = laws.PERSONA_EFFECT[people.role[leads], people.problem[leads]]
    person = persona + laws.SENIORITY_EFFECT[people.seniority[leads]]
    return np.asarray(np.where(people.has_account[leads], company, laws.NO_ACCOUNT_EFFECT) + person)


def _campaign(people: People, leads: Ints) -> Floats:
    """Log-odds of the campaign, with its drift."""
    campaign = people.campaign[leads]
    effect = np.array([one.effect for one in laws.CAMPAIGNS])[campaign]
    drifted = (campaign == laws.DRIFTING_CAMPAIGN) & (people.created_at[leads] >= laws.DRIFT_FROM)
    return np.where(drifted, effect + laws.DRIFT_EFFECT, effect)


def sql_log_odds(evidence: Evidence, leads: Ints, *, at: Floats) -> Floats:
    """Log-odds that each lead, an MQL since `at` and called at once, qualifies.

    All but the last term can be seen at `at`. Prices looked at count more where the company has the right size.
    """
    people = evidence.people
    pricing = evidence.pricing.count(leads, until=at, days=14)
    week = evidence.anything.count(leads, until=at, days=7)
    month = evidence.anything.count(leads, until=at, days=35) - week
    in_size = np.isin(size_band(people.employees[people.group[leads]]), (1, 2)) & people.has_account[leads]
    age_days = (at - people.created_at[leads]) / DAY
    return np.asarray(
        laws.SQL_BASE
        + _fit(people, leads, by_size=laws.SQL_BY_SIZE)
        + _campaign(people, leads)
        + evidence.timeline.effect(leads, at)
        + 0.5 * np.log1p(pricing)
        + 0.4 * (in_size & (pricing > 0))
        + 0.9 * (evidence.demo.count(leads, until=at, days=30) > 0)
        + 0.25 * np.log1p(week)
        - 0.15 * np.log1p(month)
        + 0.35 * np.minimum(evidence.active_colleagues(leads, at=at, days=30), 3)
        - 0.004 * np.minimum(age_days, 120)
        + 0.3 * people.intent[leads]
    )


def p_sql_if_contacted(log_odds: Floats, *, at: Floats, points: Floats) -> Floats:
    """Probability of an SQL within the horizon of `at`, given that sales calls within the horizon.

    It is integrated over the response delay, given that this is within the horizon, and over the time to a decision.
    Sales' clock runs in working hours only, as in the funnel. So both are within the horizon if their sum is at most
    the working hours in it.
    """
    start = business_hours(at)
    horizon = business_hours(at + laws.HORIZON_SQL_DAYS * DAY) - start
    delay = response(points)
    reached = delay.share_within(horizon)
    total = np.zeros(len(at))
    for node in range(DELAY_NODES):
        hours = delay.at_share((node + 0.5) / DELAY_NODES * reached)
        respond_hours = (at_business_hours(start + hours) - at) / HOUR
        qualifies = p_qualifies(log_odds, lateness_penalty(respond_hours))
        total += qualifies * DECISION.share_within(horizon - hours)
    return total / DELAY_NODES


def win_log_odds(evidence: Evidence, leads: Ints, *, mql_at: Floats, sql_at: Floats, n_meetings: Ints) -> Floats:
    """Log-odds that each lead, an SQL since `sql_at`, ever becomes a customer.

    All but the last term can be seen at `sql_at`.
    """
    people = evidence.people
    return np.asarray(
        laws.WIN_BASE
        + 0.9 * _fit(people, leads, by_size=laws.WIN_BY_SIZE)
        + 0.5 * _campaign(people, leads)
        + evidence.timeline.effect(leads, sql_at)
        + MEETING_EFFECT * np.minimum(n_meetings, MOST_MEETINGS)
        + 0.35 * np.minimum(evidence.active_colleagues(leads, at=sql_at, days=45), 3)
        + 0.4 * (evidence.demo.count(leads, until=sql_at, days=60) > 0)
        - 0.35 * (sql_at - mql_at > 15 * DAY)
        + 0.25 * people.intent[leads]
    )


def p_win(log_odds: Floats, *, sql_at: Floats) -> Floats:
    """Probability of a win within the horizon of `sql_at`, the entry into SQL, just as the funnel draws it."""
    horizon = business_hours(sql_at + laws.HORIZON_WIN_DAYS * DAY) - business_hours(sql_at)
    return np.asarray(expit(log_odds) * WIN_CYCLE.share_within(horizon))
