"""The simulated accounts and the people at them: what they are, and how much they mean it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation import laws
from simulation.clock import DAY, END, Floats, Ints, draw_first_days, of_day, off_weekends

Bools = NDArray[np.bool_]

LEADS_WITHOUT_ACCOUNT = 0.12
MOST_LEADS_AN_ACCOUNT = 12
ACCOUNT_SHARE_OF_INTENT = 0.6
DUPLICATE_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Groups:
    """Who belongs together: accounts with several people each, and people without an account, in order of appearance.

    `n_people`, `has_account` and `first_at` (seconds) have one value a group. `first_lead` and `first_group` are the
    numbers of the first lead and of the first group.
    """

    n_people: Ints
    has_account: Bools
    first_at: Floats
    first_lead: int = 0
    first_group: int = 0

    def chunks(self, most: int) -> Iterator["Groups"]:
        """Consecutive groups of at most `most` people."""
        ends = np.cumsum(self.n_people)
        start, before = 0, 0
        while start < len(ends):
            stop = max(int(np.searchsorted(ends, before + most, side="right")), start + 1)
            part = slice(start, stop)
            yield Groups(self.n_people[part], self.has_account[part], self.first_at[part], before, start)
            start, before = stop, int(ends[stop - 1])


@dataclass(frozen=True, slots=True)
class People:
    """Accounts (one value a group) and leads (one value a lead) of one chunk, as codes into the words of the laws.

    Attributes
    ----------
    group, position
        The lead's group, and its place in it (0 came first).
    intent
        How much the lead means it: standard normal, partly shared by the account, seen in behaviour only.
    duplicate_of
        The lead that this one will be merged into; -1 for most. Such a lead is never handed off.
    """

    groups: Groups
    industry: Ints
    region: Ints
    employees: Floats
    revenue: Floats
    account_created_at: Floats
    group: Ints
    position: Ints
    created_at: Floats
    campaign: Ints
    role: Ints
    problem: Ints
    seniority: Ints
    intent: Floats
    duplicate_of: Ints

    @property
    def first_lead(self) -> int:
        """The number of the first lead of the chunk."""
        return self.groups.first_lead

    @property
    def n_leads(self) -> int:
        """Number of leads in the chunk."""
        return len(self.group)

    @property
    def has_account(self) -> Bools:
        """Whether each lead belongs to an account."""
        return self.groups.has_account[self.group]


def draw_groups(rng: np.random.Generator, n_leads: int) -> Groups:
    """Groups of `n_leads` people in all."""
    n_single = round(n_leads * LEADS_WITHOUT_ACCOUNT)
    left = n_leads - n_single
    sizes = np.minimum(rng.geometric(0.38, left), MOST_LEADS_AN_ACCOUNT)
    n_groups = int(np.searchsorted(np.cumsum(sizes), left)) + 1 if left else 0
    sizes = sizes[:n_groups]
    if n_groups:
        sizes[-1] -= sizes.sum() - left
    n_people = np.concatenate([sizes, np.ones(n_single, dtype=np.int64)]).astype(np.int64)
    has_account = np.arange(len(n_people)) < n_groups
    order = rng.permutation(len(n_people))
    return Groups(n_people[order], has_account[order], draw_first_days(rng, len(n_people)))


def draw_people(rng: np.random.Generator, groups: Groups) -> People:
    """The accounts and leads of `groups`."""
    n_groups = len(groups.n_people)
    n = int(groups.n_people.sum())
    group = np.repeat(np.arange(n_groups), groups.n_people)
    position = np.arange(n) - np.repeat(np.cumsum(groups.n_people) - groups.n_people, groups.n_people)
    employees = np.ceil(np.exp(rng.normal(np.log(180), 1.5, n_groups)))
    revenue = np.round(employees * np.exp(rng.normal(np.log(180_000), 0.5, n_groups)), -4)
    created_at = _created_at(rng, groups, group=group, position=position)
    own = np.sqrt(1 - ACCOUNT_SHARE_OF_INTENT**2)
    intent = ACCOUNT_SHARE_OF_INTENT * rng.normal(size=n_groups)[group] + own * rng.normal(size=n)
    is_duplicate = (position > 0) & groups.has_account[group] & (rng.random(n) < DUPLICATE_SHARE)
    return People(
        groups=groups,
        industry=_draw(rng, laws.INDUSTRY_SHARE, n_groups),
        region=_draw(rng, laws.REGION_SHARE, n_groups),
        employees=employees,
        revenue=np.where(rng.random(n_groups) < 0.15, np.nan, revenue),
        account_created_at=groups.first_at - np.floor(rng.exponential(3 * DAY, n_groups)),
        group=group,
        position=position,
        created_at=created_at,
        campaign=_campaigns(rng, created_at),
        role=_draw(rng, laws.ROLE_SHARE, n),
        problem=_draw(rng, laws.PROBLEM_SHARE, n),
        seniority=_draw(rng, laws.SENIORITY_SHARE, n),
        intent=intent,
        duplicate_of=np.where(is_duplicate, np.arange(n) - position, -1),
    )


def _draw(rng: np.random.Generator, shares: Floats, n: int) -> Ints:
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(n), side="right").astype(np.int64)


def _created_at(rng: np.random.Generator, groups: Groups, *, group: Ints, position: Ints) -> Floats:
    """Colleagues follow the first within weeks; all before the export."""
    first = groups.first_at[group]
    later = first + rng.exponential(40 * DAY, len(group))
    later = np.where(later < END - 3 * DAY, later, first + rng.random(len(group)) * (END - first) * 0.9)
    later = off_weekends(rng, np.maximum(later // DAY * DAY + of_day(rng, len(group)), first + 60))
    return np.where(position == 0, first, np.minimum(later, END - 60))


def _campaigns(rng: np.random.Generator, created_at: Floats) -> Ints:
    before = np.array([campaign.share for campaign in laws.CAMPAIGNS])
    after = before.copy()
    after[laws.DRIFTING_CAMPAIGN] *= laws.DRIFT_VOLUME
    drawn = [_draw(rng, shares / shares.sum(), len(created_at)) for shares in (before, after)]
    return np.where(created_at < laws.DRIFT_FROM, drawn[0], drawn[1])
