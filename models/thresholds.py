"""Where leads become eligible for sales: the boundary of each team, and what it is expected to bring."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from data_contracts.estimates import Estimate
from data_contracts.past_scores import AMOUNT, P_FIRST, PastScores
from data_contracts.policy import Policy, Team
from data_contracts.scores import P_WIN
from data_contracts.snapshots import SUPPRESSED_BY, TEAM
from data_contracts.thresholds import Expectation, TeamThreshold, Thresholds
from models.crossings import SECONDS_PER_WEEK, Crossings, Floats, crossings_of
from models.inflow import TREND_WEEKS, Trend, trend_of

REFERENCE_WEEKS = 12
"""Weeks whose crossings count."""

WEEKS_BEFORE = 4
"""Weeks before them: a lead that reached a boundary then does not cross it for the first time in the reference."""

PAST_WEEKS = REFERENCE_WEEKS + WEEKS_BEFORE

HALF_LIFE_WEEKS = 2.0
"""After so many weeks a week counts half: leads change with campaigns and seasons."""

N_RESAMPLES = 500

WEEKLY_RANGE = (0.05, 0.95)
"""Between these quantiles nine of ten weeks are expected."""

ROUNDING = 1e-6
"""Leads a week that summing may be off by."""

NEXT_CALLS = 30
"""Leads below the boundary that one more call is judged by."""


@dataclass(frozen=True, eq=False)
class ReleaseScores:
    """What boundaries are drawn on.

    Attributes
    ----------
    release_id
        Whose scores they are.
    past
        What it would have said of past leads.
    has_sqls
        Whether the first transition ends at SQL; otherwise it ends at a win.
    data_fingerprint, until
        Of the history, and the moment of its extract (UTC, naive): the reference weeks end there.
    """

    release_id: str
    past: PastScores
    has_sqls: bool
    data_fingerprint: str
    until: dt.datetime


def choose_thresholds(scores: ReleaseScores, leads: pd.DataFrame, *, policy: Policy) -> Thresholds:
    """For each team the lowest boundary that no more leads a week are expected to reach than it can work.

    What is counted are *first crossings*: a lead that reaches the boundary for the first time in `PAST_WEEKS`, as it
    enters or later. The latest weeks count most, and the inflow's own trend (`models.inflow`) carries them one week on.
    A boundary below which too few leads would convert is not taken.

    Parameters
    ----------
    scores
        Of past leads by models that had not seen their accounts. In them a boundary is as selective as on new leads.
    leads
        All leads: `lead_id`, `created_at`, and the policy's `team` and `suppressed_by`.
    policy
        Capacity, less the share of it that explores, and what leads are ranked by.
    """
    free = leads[leads[SUPPRESSED_BY].isna()]
    return Thresholds(
        release_id=scores.release_id,
        policy=policy,
        data_fingerprint=scores.data_fingerprint,
        as_of=scores.until,
        teams=tuple(_team_threshold(scores, free[free[TEAM] == team.name], team, policy) for team in policy.teams),
    )


def ranking_value(p_first: Floats, p_win: Floats, *, policy: Policy, amount: Floats) -> Floats:
    """What leads are ranked by under `policy`, and boundaries are drawn on; `amount` is what each brings if won."""
    if policy.ranked_by == "probability":
        return np.asarray(p_first, dtype=np.float64)
    return np.asarray(p_win * amount - policy.cost_of_working_a_lead, dtype=np.float64)


def _least_value(policy: Policy) -> float:
    """Below this no lead is ranked: that of one which never converts."""
    none = np.zeros(1)
    return float(ranking_value(none, none, policy=policy, amount=none)[0])


@dataclass(frozen=True, eq=False)
class _Reference:
    """The crossings of a team's leads in the reference weeks, and what each counts in the coming week.

    `per_lead` is by week: leads of the coming week that one crossing of that week stands for.
    """

    crossings: Crossings
    trend: Trend
    per_lead: Floats

    @classmethod
    def of(cls, scores: ReleaseScores, leads: pd.DataFrame, policy: Policy) -> "_Reference":
        frame = scores.past.frame
        since = scores.until - dt.timedelta(weeks=PAST_WEEKS)
        frame = frame[frame["lead_id"].isin(leads["lead_id"]) & (frame["as_of"] > since)]
        first, win, amount = (frame[name].to_numpy() for name in (P_FIRST, P_WIN, AMOUNT))
        value = ranking_value(first, win, policy=policy, amount=amount)
        n_weeks = _weeks_of(frame, scores.until)
        crossings = crossings_of(frame, value, until=scores.until, n_weeks=n_weeks)
        weights = 0.5 ** (np.arange(n_weeks)[::-1] / HALF_LIFE_WEEKS)
        weights /= weights.sum()
        trend = trend_of(_by_week(leads["created_at"], scores.until))
        return cls(crossings, trend, weights * trend.growth(weights) / scores.past.sampled_share)

    def counted(self, rows: pd.DataFrame) -> Floats:
        """What each of `rows` counts in the coming week."""
        return np.asarray(self.per_lead[rows["week"].to_numpy()])


def _weeks_of(frame: pd.DataFrame, until: dt.datetime) -> int:
    """The weeks that count: `REFERENCE_WEEKS`, or what there is where history is shorter (at least one)."""
    if frame.empty:
        return REFERENCE_WEEKS
    there = (until - frame["as_of"].min()).total_seconds() / SECONDS_PER_WEEK
    return int(min(REFERENCE_WEEKS, max(1, there - WEEKS_BEFORE)))


def _by_week(created: pd.Series, until: dt.datetime) -> npt.NDArray[np.int64]:
    ago = ((until - created).dt.total_seconds() // SECONDS_PER_WEEK).astype(np.int64)
    recent = ago[(ago >= 0) & (ago < TREND_WEEKS)]
    return np.bincount(recent, minlength=TREND_WEEKS)[::-1]


def _team_threshold(scores: ReleaseScores, leads: pd.DataFrame, team: Team, policy: Policy) -> TeamThreshold:
    reference = _Reference.of(scores, leads, policy)
    if reference.crossings.rows.empty:
        said = "No lead of the team was open in the reference weeks, so every lead that comes is eligible."
        return TeamThreshold(
            team=team.name,
            leads_per_week=team.leads_per_week,
            boundary=_least_value(policy),
            expected=None,
            said=said,
        )
    by_rank = team.leads_per_week * (1 - policy.exploration_share)
    boundary, limit = _boundary(reference, capacity=by_rank, least_precision=policy.least_precision)
    expected = _expectation(reference, boundary, scores=scores, policy=policy)
    return TeamThreshold(
        team=team.name,
        leads_per_week=team.leads_per_week,
        boundary=boundary,
        expected=expected,
        said=f"{team.name} can work {_places(team, policy)}: {limit}.",
    )


def _places(team: Team, policy: Policy) -> str:
    """How many leads a week the team can work, and how many of them by rank, where some are drawn by lot."""
    explored = team.leads_per_week * policy.exploration_share
    by_rank = f", {team.leads_per_week - explored:g} of them by rank" if explored else ""
    return f"{team.leads_per_week:g} leads a week{by_rank}"


def _boundary(reference: _Reference, *, capacity: float, least_precision: float) -> tuple[float, str]:
    """The lowest boundary that keeps within both, and what it is that keeps it from being lower."""
    values, per_week, converting = _reached(reference)
    fits = np.maximum.accumulate(per_week) <= capacity + ROUNDING
    if not fits[0]:
        return float(values[0]), "more leads than that share the highest score, so all of them are eligible"
    is_precise = converting >= least_precision * per_week - ROUNDING
    chosen = np.flatnonzero(fits & is_precise)
    if not len(chosen):
        return float(values[0]), f"nowhere do {least_precision:.0%} of the leads convert, so only the best are eligible"
    lowest = int(chosen[-1])
    if fits.all() and lowest == len(values) - 1:
        return float(values[-1]), "fewer come, so all of them are eligible"
    if lowest < np.flatnonzero(fits)[-1]:
        return float(values[lowest]), f"below the boundary, fewer than {least_precision:.0%} would convert"
    return float(values[lowest]), "so many are expected to reach the boundary for the first time"


def _reached(reference: _Reference) -> tuple[Floats, Floats, Floats]:
    """Every value that was reached, in descending order; the leads of the coming week that would cross a boundary there
    for the first time, and how many of these would take the first transition.
    """
    rows = reference.crossings.rows
    values, counted = np.unique(rows["value"]), reference.counted(rows)
    totals = []
    for weight in (counted, counted * rows[P_FIRST].to_numpy()):
        below = [_total_below(rows[column].to_numpy(), weight, values) for column in ("previous", "value")]
        totals.append((below[0] - below[1])[::-1])
    return values[::-1], totals[0], totals[1]


def _total_below(found: Floats, weight: Floats, values: Floats) -> Floats:
    """For each of `values`, the summed `weight` of what was `found` below it."""
    order = np.argsort(found, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weight[order])])
    return np.asarray(sums[np.searchsorted(found[order], values, side="left")])


def _expectation(reference: _Reference, boundary: float, *, scores: ReleaseScores, policy: Policy) -> Expectation:
    rows = reference.crossings.at(boundary)
    draws = _Draws.of(rows, reference)
    p_first, p_win = (rows[name].to_numpy() for name in (P_FIRST, P_WIN))
    per_week = draws.total(np.ones(len(rows)))
    low, high = _weekly_range(reference, boundary, mean=per_week.value or 0.0)
    return Expectation(
        leads=per_week,
        weeks_low=low,
        weeks_high=high,
        sqls=draws.total(p_first) if scores.has_sqls else None,
        wins=draws.total(p_win),
        revenue=draws.total(p_win * rows[AMOUNT].to_numpy()),
        precision=draws.mean(p_first),
        one_more_call=_one_more_call(reference, boundary, policy=policy),
    )


@dataclass(frozen=True, eq=False)
class _Draws:
    """Leads that crossed, and how often each counts in each of `N_RESAMPLES` resamples of their accounts."""

    counted: Floats
    times: Floats

    @classmethod
    def of(cls, rows: pd.DataFrame, reference: _Reference) -> "_Draws":
        """Poisson resampling: the number of accounts varies as well. The trend is drawn with its error."""
        random = np.random.default_rng(0)
        _, account = np.unique(rows["group_id"].to_numpy(dtype=object), return_inverse=True)
        n_accounts = int(account.max()) + 1 if len(account) else 0
        drawn = random.poisson(1.0, (N_RESAMPLES, n_accounts)).astype(np.float64)
        ahead = np.exp(random.normal(0.0, reference.trend.standard_error, N_RESAMPLES))
        return cls(reference.counted(rows), drawn[:, account] * ahead[:, None])

    def total(self, amounts: Floats) -> Estimate:
        """The sum of what each lead adds a week."""
        each = self.counted * amounts
        return _estimate(float(each.sum()), self.times @ each)

    def mean(self, amounts: Floats) -> Estimate:
        """The mean over leads; undefined without any."""
        if not len(amounts):
            return Estimate(value=None, low=None, high=None)
        weights = self.times * self.counted
        drawn = weights.sum(axis=1)
        means = (weights @ amounts)[drawn > 0] / drawn[drawn > 0]
        return _estimate(float(np.average(amounts, weights=self.counted)), means)


def _estimate(value: float, draws: Floats) -> Estimate:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value=value, low=float(low), high=float(high))


def _weekly_range(reference: _Reference, boundary: float, *, mean: float) -> tuple[float, float]:
    """Between which numbers of leads nine of ten weeks are expected: a negative binomial around `mean`.

    Its variance is that of weekly numbers (Poisson, times their dispersion in the reference weeks), and that of the
    mean itself: by the weeks it is taken from, and by the trend.
    """
    share = 1.0 if mean == 0 else mean
    by_week = reference.crossings.by_week(boundary)
    dispersion = max(1.0, float(by_week.var(ddof=1) / by_week.mean())) if len(by_week) > 1 and by_week.any() else 1.0
    weights = reference.per_lead / reference.per_lead.sum()
    of_mean = dispersion * mean * float(np.sum(weights**2)) + (mean * reference.trend.standard_error) ** 2
    variance = dispersion * mean + of_mean
    if variance <= mean or mean == 0:
        return tuple(float(stats.poisson(share).ppf(quantile)) for quantile in WEEKLY_RANGE)  # type: ignore[return-value]
    size = mean**2 / (variance - mean)
    low, high = (float(stats.nbinom(size, size / (size + mean)).ppf(quantile)) for quantile in WEEKLY_RANGE)
    return low, high


def _one_more_call(reference: _Reference, boundary: float, *, policy: Policy) -> Estimate:
    """The mean expected value of the `NEXT_CALLS` leads nearest below the boundary, less the cost of a call."""
    rows = reference.crossings.rows
    below = rows[rows["value"] < boundary].sort_values("value", ascending=False, kind="stable")
    nearest = below.drop_duplicates("lead_id").head(NEXT_CALLS)
    worth = (nearest[P_WIN] * nearest[AMOUNT]).to_numpy() - policy.cost_of_working_a_lead
    return _Draws.of(nearest, reference).mean(worth)
