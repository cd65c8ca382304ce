"""What simulated sales and marketing do with leads: hand-off, calls, decisions, nurture, deals."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from simulation import laws, truth
from simulation.behaviour import (
    Activities,
    attribute_points,
    draw_interest,
    draw_mailings,
    draw_return,
    reach_points,
    sales_activities,
    together,
)
from simulation.clock import DAY, END, HOUR, Floats, Ints, at_business_hours, business_hours, season, weekday
from simulation.people import Bools, People
from simulation.truth import Evidence, Timeline

NO_REASON = -1
AUTOMATION = -1
SELLERS = 24
RECYCLE_AFTER_DAYS = 45.0
"""Nurtured leads come back no earlier than this after their first MQL entry: beyond the horizon of its prediction."""
RETURN_POINTS = 10.0
"""Leads that come back have about so many points above the threshold."""


@dataclass(frozen=True, slots=True)
class Handled:
    """One pass of leads through the hand-off; times are infinite where it never comes to that."""

    leads: Ints
    mql_at: Floats
    p_sql: Floats
    contacted_at: Floats
    sql_at: Floats
    disqualified_at: Floats
    nurtured_at: Floats
    reason: Ints

    def of(self, rows: Bools) -> "Handled":
        """The chosen leads."""
        return Handled(
            self.leads[rows],
            self.mql_at[rows],
            self.p_sql[rows],
            self.contacted_at[rows],
            self.sql_at[rows],
            self.disqualified_at[rows],
            self.nurtured_at[rows],
            self.reason[rows],
        )


@dataclass(frozen=True, slots=True)
class Deals:
    """SQLs and what became of them; `opened_at` and `closed_at` are infinite where that never happens."""

    leads: Ints
    sql_at: Floats
    p_win: Floats
    opened_at: Floats
    amount: Floats
    closed_at: Floats
    is_won: Bools
    reason: Ints

    @property
    def won_at(self) -> Floats:
        """When each deal is won; infinite where it is not."""
        return np.where(self.is_won, self.closed_at, np.inf)


@dataclass(frozen=True, slots=True)
class Moves:
    """Leads entering stages: lead number, stage code, times, reason code, seller (`AUTOMATION` where nobody)."""

    lead: Ints
    stage: Ints
    entered_at: Floats
    recorded_at: Floats
    reason: Ints
    seller: Ints


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that happens to the people of one chunk, also after the export."""

    people: People
    activities: Activities
    timeline: Timeline
    moves: Moves
    first_pass: Handled
    deals: Deals


def tell(rng: np.random.Generator, people: People) -> Story:
    """What happens to `people`, from the first visit to the last deal."""
    interest = draw_interest(rng, people)
    timeline = _draw_timeline(rng, people)
    reached_at, points = reach_points(people, interest)
    leads = np.flatnonzero(reached_at < END)
    mql_at = reached_at[leads] + np.floor(rng.uniform(60, 600, len(leads)))
    evidence = truth.gather(people, timeline, interest)
    first = _hand_off(rng, evidence, leads=leads, mql_at=mql_at, points=points[leads])
    returns, returned, again_at = _come_back(rng, people, first)
    evidence = truth.gather(people, timeline, together(interest, returns))
    points = np.full(len(returned), laws.MQL_POINTS + RETURN_POINTS)
    second = _hand_off(rng, evidence, leads=returned, mql_at=again_at, points=points)
    deals, meetings = _work_deals(rng, evidence, first=first, second=second)
    calls = [_calls(rng, handled) for handled in (first, second)]
    activities = together(interest, returns, draw_mailings(rng, people), *calls, meetings)
    return Story(people, activities, timeline, _moves(rng, people, (first, second), deals), first, deals)


def _draw_timeline(rng: np.random.Generator, people: People) -> Timeline:
    """Four in ten say when they want to buy; those that mean it, sooner."""
    lean = people.intent + rng.normal(size=people.n_leads)
    code = np.searchsorted(np.array([-1.0, 0.3]), -lean, side="right")
    told_at = people.created_at + np.floor(rng.exponential(9 * DAY, people.n_leads))
    return Timeline(code, np.where(rng.random(people.n_leads) < 0.4, told_at, np.inf))


def p_contact(points: Floats, at: Floats, *, for_attributes: Floats) -> Floats:
    """Probability that sales ever calls an MQL.

    It rises with the old rule's points, most with those `for_attributes`, and falls with weekends, holidays and volume.
    """
    urge = 0.08 * (points - laws.MQL_POINTS) + 0.06 * for_attributes
    reluctance = 0.35 * (weekday(at) >= 4) + 1.2 * (1 - season(at)) + 0.3 * at / END
    return np.asarray(expit(-1.35 + urge - reluctance))


def _hand_off(rng: np.random.Generator, evidence: Evidence, *, leads: Ints, mql_at: Floats, points: Floats) -> Handled:
    """What sales does with new MQLs. Whom it never calls, marketing often puts into nurture after some weeks."""
    n = len(leads)
    log_odds = truth.sql_log_odds(evidence, leads, at=mql_at)
    for_attributes = attribute_points(evidence.people)[leads]
    is_contacted = rng.random(n) < p_contact(points, mql_at, for_attributes=for_attributes)
    hours = business_hours(mql_at) + truth.response(points).draw(rng, n)
    contacted_at = np.floor(at_business_hours(hours))
    penalty = truth.lateness_penalty((contacted_at - mql_at) / HOUR)
    qualifies = is_contacted & (rng.random(n) < expit(log_odds - penalty))
    turned_down = is_contacted & ~qualifies
    decided_at = np.floor(at_business_hours(hours + truth.DECISION.draw(rng, n)))
    fate = rng.random(n)
    given_up_at = mql_at + np.floor(rng.uniform(45, 90, n) * DAY)
    nurtured_at = np.select(
        [turned_down & (fate >= 0.68) & (fate < 0.88), ~is_contacted & (fate < 0.6)], [decided_at, given_up_at], np.inf
    )
    return Handled(
        leads=leads,
        mql_at=mql_at,
        p_sql=truth.p_sql_if_contacted(log_odds, at=mql_at, points=points),
        contacted_at=np.where(is_contacted, contacted_at, np.inf),
        sql_at=np.where(qualifies, decided_at, np.inf),
        disqualified_at=np.where(turned_down & (fate < 0.68), decided_at, np.inf),
        nurtured_at=nurtured_at,
        reason=_reasons(rng, evidence.people, leads),
    )


def _reasons(rng: np.random.Generator, people: People, leads: Ints) -> Ints:
    """Why sales turns leads down; one in ten times it does not say."""
    reason = rng.choice(len(laws.DISQUALIFIED_REASONS), len(leads), p=laws.DISQUALIFIED_SHARE)
    too_small = (people.employees[people.group[leads]] < laws.SIZE_EDGES[0]) & (rng.random(len(leads)) < 0.6)
    reason = np.where(too_small, laws.DISQUALIFIED_REASONS.index("Wrong company size"), reason)
    return np.where(rng.random(len(leads)) < 0.1, NO_REASON, reason)


def _come_back(rng: np.random.Generator, people: People, first: Handled) -> tuple[Activities, Ints, Floats]:
    """What nurtured leads that come back do, which leads these are, and when they are MQLs again."""
    back = first.of(np.isfinite(first.nurtured_at) & (rng.random(len(first.leads)) < 0.22))
    earliest = np.maximum(back.nurtured_at, back.mql_at + RECYCLE_AFTER_DAYS * DAY)
    from_times = earliest + np.floor(rng.uniform(5, 120, len(back.leads)) * DAY)
    returns = draw_return(rng, people, leads=back.leads, from_times=from_times)
    order = np.lexsort((returns.recorded_at, returns.lead))
    third = np.searchsorted(returns.lead[order], back.leads) + 2
    return returns, back.leads, returns.recorded_at[order][third] + 120


def _calls(rng: np.random.Generator, handled: Handled) -> Activities:
    called = handled.of(np.isfinite(handled.contacted_at))
    return sales_activities(rng, called.leads, kind=laws.CALL, times=called.contacted_at)


def _work_deals(
    rng: np.random.Generator, evidence: Evidence, *, first: Handled, second: Handled
) -> tuple[Deals, Activities]:
    """What becomes of the SQLs of both passes, and sales' meetings with them before they were SQLs."""
    qualified = [handled.of(np.isfinite(handled.sql_at)) for handled in (first, second)]
    leads = np.concatenate([one.leads for one in qualified])
    mql_at, contacted_at, sql_at = (
        np.concatenate([getattr(one, name) for one in qualified]) for name in ("mql_at", "contacted_at", "sql_at")
    )
    n_meetings = rng.poisson(truth.meeting_rate(evidence.people, leads))
    which = np.repeat(np.arange(len(leads)), n_meetings)
    times = contacted_at[which] + rng.random(len(which)) * (sql_at - contacted_at)[which]
    meetings = sales_activities(rng, leads[which], kind=laws.MEETING, times=times)
    log_odds = truth.win_log_odds(evidence, leads, mql_at=mql_at, sql_at=sql_at, n_meetings=n_meetings)
    return _close(rng, evidence.people, leads, sql_at=sql_at, log_odds=log_odds), meetings


def _close(rng: np.random.Generator, people: People, leads: Ints, *, sql_at: Floats, log_odds: Floats) -> Deals:
    """How the deals end. Of the lost ones a tenth is never closed, and some end before there is an opportunity."""
    n = len(leads)
    is_won = rng.random(n) < expit(log_odds)
    start = business_hours(sql_at)
    cycle = np.where(is_won, truth.WIN_CYCLE.draw(rng, n), truth.LOSS_CYCLE.draw(rng, n))
    stalls = ~is_won & (rng.random(n) < 0.1)
    opened_at = np.floor(at_business_hours(start + np.minimum(rng.gamma(1.5, 20.0, n), 0.4 * cycle)))
    never_opens = ~is_won & ~stalls & (rng.random(n) < 0.12)
    size = people.employees[people.group[leads]]
    return Deals(
        leads=leads,
        sql_at=sql_at,
        p_win=truth.p_win(log_odds, sql_at=sql_at),
        opened_at=np.where(never_opens, np.inf, opened_at),
        amount=np.asarray(np.round(np.exp(8.6 + 0.35 * np.log(size) + rng.normal(0, 0.6, n)), -2), dtype=np.float64),
        closed_at=np.where(stalls, np.inf, np.floor(at_business_hours(start + cycle))),
        is_won=is_won,
        reason=np.where(is_won, NO_REASON, rng.choice(len(laws.LOSS_REASONS), n, p=laws.LOSS_SHARE)),
    )


def _moves(rng: np.random.Generator, people: People, passes: tuple[Handled, ...], deals: Deals) -> Moves:
    """The stage history. One in ten accepted leads skips that stage; some decisions of sales are entered late."""
    unexplained = np.full(people.n_leads, NO_REASON)
    rows = [(np.arange(people.n_leads), laws.NEW, people.created_at, unexplained)]
    for one in passes:
        accepted_at = np.where(rng.random(len(one.leads)) < 0.9, one.contacted_at, np.inf)
        rows += [
            (one.leads, laws.MQL, one.mql_at, unexplained[one.leads]),
            (one.leads, laws.SAL, accepted_at, unexplained[one.leads]),
            (one.leads, laws.SQL, one.sql_at, unexplained[one.leads]),
            (one.leads, laws.DISQUALIFIED, one.disqualified_at, one.reason),
            (one.leads, laws.NURTURE, one.nurtured_at, unexplained[one.leads]),
        ]
    rows += [
        (deals.leads, laws.OPPORTUNITY, deals.opened_at, unexplained[deals.leads]),
        (deals.leads, laws.WON, deals.won_at, unexplained[deals.leads]),
        (deals.leads, laws.LOST, np.where(deals.is_won, np.inf, deals.closed_at), deals.reason),
    ]
    lead = np.concatenate([leads for leads, _, _, _ in rows])
    stage = np.concatenate([np.full(len(leads), stage) for leads, stage, _, _ in rows])
    entered_at = np.concatenate([times for _, _, times, _ in rows])
    reason = np.concatenate([reasons for _, _, _, reasons in rows])
    is_late = np.isin(stage, (laws.SAL, laws.DISQUALIFIED, laws.WON, laws.LOST)) & (rng.random(len(lead)) < 0.03)
    recorded_at = entered_at + np.where(is_late, np.floor(rng.exponential(20 * HOUR, len(lead))), 0.0)
    by_rule = np.isin(stage, (laws.NEW, laws.MQL)) | ((stage == laws.NURTURE) & (rng.random(len(lead)) < 0.7))
    seller = np.where(by_rule, AUTOMATION, (lead + people.first_lead) % SELLERS)
    kept = np.isfinite(entered_at)
    return Moves(lead[kept], stage[kept], entered_at[kept], recorded_at[kept], reason[kept], seller[kept])
