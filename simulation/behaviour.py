"""What simulated leads do before and after the hand-off, and the old rule's points for it."""

from dataclasses import dataclass

import numpy as np

from simulation import laws
from simulation.clock import DAY, END, HOUR, Floats, Ints, of_day
from simulation.people import Bools, People

SPAN = 4 * END
"""Longer than any simulated time: keeps the leads apart in one sorted key."""


@dataclass(frozen=True, slots=True)
class Activities:
    """Activities of one chunk, in any order: lead (number in the chunk), kind and direction codes, times in seconds."""

    lead: Ints
    kind: Ints
    direction: Ints
    occurred_at: Floats
    recorded_at: Floats

    def of(self, rows: Ints | Bools) -> "Activities":
        """The chosen activities."""
        return Activities(
            self.lead[rows], self.kind[rows], self.direction[rows], self.occurred_at[rows], self.recorded_at[rows]
        )


def together(*parts: Activities) -> Activities:
    """All activities of `parts`, one part after the other."""
    return Activities(
        lead=np.concatenate([part.lead for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        direction=np.concatenate([part.direction for part in parts]),
        occurred_at=np.concatenate([part.occurred_at for part in parts]),
        recorded_at=np.concatenate([part.recorded_at for part in parts]),
    )


def draw_interest(rng: np.random.Generator, people: People) -> Activities:
    """What every lead does by itself around the time it shows up.

    Most leads that mean it come more and more often over some weeks; the others come less and less often.
    """
    n_each = rng.poisson(np.exp(2.0 + 0.45 * people.intent))
    lead = np.repeat(np.arange(people.n_leads), n_each)
    n = len(lead)
    rises = (rng.random(people.n_leads) < 1 / (1 + np.exp(0.2 - 1.3 * people.intent)))[lead]
    length = rng.uniform(8 * DAY, 45 * DAY, people.n_leads)[lead]
    place = rng.random(n) ** (1 / 2.2)
    after = length * place + np.where(rng.random(n) < 0.15, rng.exponential(12 * DAY, n), 0.0)
    elapsed = np.where(rises, after, rng.exponential(11 * DAY, n))
    elapsed = np.where(rng.random(n) < 0.06, -rng.exponential(4 * DAY, n), elapsed)
    times = (people.created_at[lead] + elapsed) // DAY * DAY + of_day(rng, n)
    nearness = np.where(rises, place, np.exp(-np.maximum(elapsed, 0) / (11 * DAY)) * 0.5)
    kind = _draw_kinds(rng, intent=people.intent[lead], nearness=nearness)
    first = np.arange(people.n_leads)
    forms = _activities(rng, first, kind=np.full(people.n_leads, laws.FORM), times=people.created_at, late_share=0.0)
    return together(forms, _activities(rng, lead, kind=kind, times=times, late_share=0.05))


def draw_return(rng: np.random.Generator, people: People, *, leads: Ints, from_times: Floats) -> Activities:
    """What nurtured leads do who come back: a handful of activities within two weeks of `from_times`."""
    n_each = 3 + rng.poisson(np.exp(1.3 + 0.4 * people.intent[leads]))
    lead = np.repeat(leads, n_each)
    times = np.repeat(from_times, n_each) + np.floor(rng.random(len(lead)) * 14 * DAY)
    kind = _draw_kinds(rng, intent=people.intent[lead], nearness=np.full(len(lead), 0.7))
    return _activities(rng, lead, kind=kind, times=times, late_share=0.05)


def draw_mailings(rng: np.random.Generator, people: People) -> Activities:
    """The newsletters that marketing sends: one in two weeks for some months."""
    n_each = 1 + rng.binomial(19, 0.6, people.n_leads)
    lead = np.repeat(np.arange(people.n_leads), n_each)
    number = np.arange(len(lead)) - np.repeat(np.cumsum(n_each) - n_each, n_each)
    times = people.created_at[lead] + 2 * HOUR + number * 14 * DAY
    kind = np.full(len(lead), laws.SENT)
    return Activities(lead, kind, np.full(len(lead), laws.OUTGOING), times, times)


def sales_activities(rng: np.random.Generator, lead: Ints, *, kind: int, times: Floats) -> Activities:
    """Calls or meetings of sales, some of them logged late."""
    drawn = _activities(rng, lead, kind=np.full(len(lead), kind), times=times, late_share=0.08)
    return Activities(drawn.lead, drawn.kind, np.full(len(lead), laws.OUTGOING), drawn.occurred_at, drawn.recorded_at)


def _draw_kinds(rng: np.random.Generator, *, intent: Floats, nearness: Floats) -> Ints:
    """Kinds of activities; pricing pages and demo requests come with intent and near its peak."""
    eager = np.exp(0.75 * intent) * (0.25 + 1.5 * nearness)
    plain = {laws.PAGE: 0.34, laws.OPEN: 0.26, laws.CLICK: 0.09, laws.REPLY: 0.015, laws.FORM: 0.05,
             laws.DOWNLOAD: 0.08, laws.WEBINAR: 0.05, laws.CHAT: 0.02}  # fmt: skip
    weights = np.empty((len(intent), len(plain) + 2))
    weights[:, : len(plain)] = np.cumsum(list(plain.values()))
    weights[:, -2] = weights[:, -3] + 0.07 * eager
    weights[:, -1] = weights[:, -2] + 0.014 * eager
    drawn: Ints = np.sum(weights < (rng.random(len(intent)) * weights[:, -1])[:, None], axis=1)
    kinds: Ints = np.array([*plain, laws.PRICING, laws.DEMO])
    return kinds[drawn]


def _activities(rng: np.random.Generator, lead: Ints, *, kind: Ints, times: Floats, late_share: float) -> Activities:
    times = np.floor(times)
    delay = np.where(rng.random(len(lead)) < late_share, 2 * HOUR + rng.exponential(18 * HOUR, len(lead)), 0.0)
    return Activities(lead, kind, np.full(len(lead), laws.INCOMING), times, times + np.floor(delay))


@dataclass(frozen=True, slots=True)
class Ledger:
    """Times at which something was known, sorted so that windows can be counted for many leads at once."""

    keys: Floats

    def count(self, leads: Ints, *, until: Floats, days: float) -> Ints:
        """How many of each lead's entries were known in the `days` days before `until`."""
        high = np.searchsorted(self.keys, leads * SPAN + until, side="left")
        low = np.searchsorted(self.keys, leads * SPAN + until - days * DAY, side="left")
        return (high - low).astype(np.int64)


def ledger(activities: Activities, *, kinds: tuple[int, ...]) -> Ledger:
    """The ledger of the activities of `kinds`, by when they were recorded."""
    rows = np.isin(activities.kind, kinds)
    return Ledger(np.sort(activities.lead[rows] * SPAN + activities.recorded_at[rows]))


def attribute_points(people: People) -> Floats:
    """The old rule's points for what each lead and its company are."""
    industry = laws.INDUSTRY_POINTS[people.industry[people.group]]
    return np.asarray(laws.SENIORITY_POINTS[people.seniority] + np.where(people.has_account, industry, 0.0))


def reach_points(people: People, activities: Activities) -> tuple[Floats, Floats]:
    """When each lead reaches the old rule's threshold (infinite where never), and its points at that moment.

    Points count from when an activity is recorded; each kind gives at most its cap; they never expire.
    """
    order = np.lexsort((activities.recorded_at, activities.kind, activities.lead))
    lead, kind = activities.lead[order], activities.kind[order]
    run_starts = np.flatnonzero(np.diff(lead * len(laws.KINDS) + kind, prepend=-1))
    rank = np.arange(len(lead)) - np.repeat(run_starts, np.diff(run_starts, append=len(lead)))
    each, cap = (np.array([laws.POINTS.get(k, (0.0, 0.0))[i] for k in range(len(laws.KINDS))]) for i in (0, 1))
    gained = np.minimum((rank + 1) * each[kind], cap[kind]) - np.minimum(rank * each[kind], cap[kind])
    recorded_at = activities.recorded_at[order]
    by_time = np.lexsort((recorded_at, lead))
    lead, gained, recorded_at = lead[by_time], gained[by_time], recorded_at[by_time]
    cumulated = np.cumsum(gained)
    starts = np.searchsorted(lead, np.arange(people.n_leads))
    before = np.concatenate([[0.0], cumulated])[starts]
    points = cumulated - before[lead] + attribute_points(people)[lead]
    crosses = np.flatnonzero((points >= laws.MQL_POINTS) & (recorded_at >= people.created_at[lead]))
    leads, first = np.unique(lead[crosses], return_index=True)
    reached_at, reached = np.full(people.n_leads, np.inf), np.zeros(people.n_leads)
    reached_at[leads] = recorded_at[crosses[first]]
    reached[leads] = points[crosses[first]]
    reached_at[people.duplicate_of >= 0] = np.inf
    return reached_at, reached
