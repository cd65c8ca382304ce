"""A target worked backwards: a simulation of measured rates, delays and amounts, not a product of averages."""

import datetime as dt
import math
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from alignment.milestones import Milestones, reached_at
from alignment.plan_curves import TO_CUSTOMER
from alignment.plan_draws import Window, drawn_estimate
from alignment.plan_parts import (
    DAYS_A_WEEK,
    Money,
    best_per_week,
    capacity_beside,
    first_counted,
    mix_effect,
    money_per_mql,
    now_per_week,
    source_parts,
)
from alignment.plan_simulation import N_DRAWS, Simulation, window_of
from data_contracts.errors import SettingsError
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.plan import SURE, NeededFlow, Plan, Reach, Target
from data_contracts.wording import percent

QUIET_DAYS = 14
"""So long without anybody new, what comes now a week is an average with a past that may be over."""

MIX_MATTERS = 0.1
"""A present mix of sources whose rate differs by more than this share is said."""

_DAY = dt.timedelta(days=1)


def plan(history: CrmHistory, milestones: Milestones, target: Target) -> Plan:
    """How many leads, MQLs and SQLs a week reach `target`, by source, at what cost, and until when it can be reached.

    Parameters
    ----------
    history
        What `milestones` were counted from: its deals and its spend.

    Raises
    ------
    SettingsError
        Where the target is none that can be planned for: all that is wrong with it.
    TooFewOutcomesError
        Where too few customers are known, or the amounts of too few.
    """
    _refuse_unfit(target, milestones)
    window = window_of(target, milestones)
    simulated = Simulation(history, milestones, target, window)
    flows = tuple(simulated.flow(one) for one in TO_CUSTOMER if one in milestones.recorded)
    main = next((one for one in flows if one.milestone is Milestone.MQL), flows[0])
    money = money_per_mql(history, milestones)
    sources = source_parts(milestones, flows, money, weeks=window.days / DAYS_A_WEEK)
    paid = [one.money_per_week for one in sources if one.money_per_week is not None]
    amounts = simulated.amounts
    return Plan(
        target=target,
        as_of=milestones.as_of,
        starts_on=max(_local_day(milestones.as_of, milestones), target.since or dt.date.min),
        weeks=window.days / DAYS_A_WEEK,
        definitions_version=milestones.definitions_version,
        currency=milestones.settings.crm.currency,
        measured_since=_local_day(first_counted(milestones), milestones),
        n_customers=simulated.curves[TO_CUSTOMER[main.milestone]].n_reached,
        drift=simulated.curves[TO_CUSTOMER[main.milestone]].drift,
        n_draws=N_DRAWS,
        won=simulated.won,
        amount=None if amounts is None else drawn_estimate(amounts.means()),
        meanwhile=drawn_estimate(simulated.meanwhile(main.milestone)) if window.start else None,
        flows=flows,
        sources=sources,
        money_per_week=sum(paid) if paid else None,
        capacity=capacity_beside(milestones, main),
        reach=_reach(simulated, main.milestone),
        notes=tuple(_notes(simulated, main, money)),
    )


def _reach(simulated: Simulation, milestone: Milestone) -> Reach:
    """Until when the target can be reached by more of `milestone` a week."""
    milestones, window = simulated.milestones, simulated.window
    now = now_per_week(milestones, milestone)
    greatest = max(milestones.settings.policy.leads_per_week, best_per_week(milestones, milestone), now)
    from_start = simulated.from_one_a_week(milestone, since=window.start)

    def is_reached(since: int) -> bool:
        later = simulated.from_one_a_week(milestone, since=since)
        expected = now * (from_start - later) + greatest * later
        return simulated.reached_share(milestone, expected=expected) >= SURE[0]

    is_out = not is_reached(window.start)
    last = _last(is_reached, window.start, window.end) if not is_out and not is_reached(window.end) else None
    return Reach(
        greatest_per_week=greatest,
        as_now=simulated.comes(milestone, per_week=now),
        at_greatest=simulated.comes(milestone, per_week=greatest),
        last_start=None if last is None else _local_day(milestones.as_of + last * _DAY, milestones),
        is_out_of_reach=is_out,
        reached_on=_reached_on(simulated, milestone, per_week=greatest) if is_out else None,
    )


def _last(holds: Callable[[int], bool], first: int, end: int) -> int:
    """The last number from `first` on for which it `holds`, as it does for `first` and not for `end`."""
    while end - first > 1:
        middle = (first + end) // 2
        first, end = (middle, end) if holds(middle) else (first, middle)
    return first


def _reached_on(simulated: Simulation, milestone: Milestone, *, per_week: float) -> dt.date | None:
    """The last day of the week by whose end the flow is enough in half of the draws."""
    milestones, window = simulated.milestones, simulated.window
    watched = (milestones.as_of - first_counted(milestones)) // _DAY

    def is_missed(weeks: int) -> bool:
        later = simulated.within(Window(window.start, window.end + weeks * DAYS_A_WEEK))
        expected = per_week * later.from_one_a_week(milestone, since=window.start)
        return later.reached_share(milestone, expected=expected) < SURE[0]

    most = max((watched - window.end) // DAYS_A_WEEK, 0)
    if is_missed(most):
        return None
    weeks = _last(is_missed, 0, most) + 1
    return _local_day(milestones.as_of + (window.end + weeks * DAYS_A_WEEK - 1) * _DAY, milestones)


def _refuse_unfit(target: Target, milestones: Milestones) -> None:
    told = [f"  - {problem}" for problem in _problems(target, milestones)]
    if told:
        raise SettingsError("there is no plan for this target:\n" + "\n".join(told))


def _problems(target: Target, milestones: Milestones) -> Iterator[str]:
    if (target.customers is None) == (target.revenue is None):
        yield "give either a number of customers or a revenue, one of the two"
    elif not 0 < target.amount < math.inf:
        yield f"{target.amount:g} is no target; give a number above 0"
    window = window_of(target, milestones)
    extracted = f"the extract of {milestones.as_of:%Y-%m-%d %H:%M} (UTC)"
    if window.end < 1:
        yield f"{target.by} is not a day after {extracted}; give a later day"
    elif window.days < 1:
        yield f"less than a day lies between {target.since} and {target.by}; give a later end"
    if not len(milestones.frame):
        yield "the history has no leads; check one that has"
        return
    watched = (milestones.as_of - first_counted(milestones)) // _DAY
    if window.end > max(watched, 1):
        last = _local_day(milestones.as_of + (watched - 1) * _DAY, milestones)
        yield (
            f"{target.by} lies {window.end} days after {extracted}, and leads were watched for {watched} days: nobody "
            f"knows what comes later; plan up to {last}"
        )


def _local_day(moment: dt.datetime, milestones: Milestones) -> dt.date:
    return moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(milestones.time_zone)).date()


def _notes(simulated: Simulation, main: NeededFlow, money: Money) -> Iterator[str]:
    if main.is_least_chance:
        yield (
            "leads were not watched for as long as the plan, and customers still came on the last of these days: more "
            "may come, and what is needed is at most what is said"
        )
    if simulated.curves[TO_CUSTOMER[main.milestone]].drift is None:
        yield "the history is too short to say how rates change from quarter to quarter: intervals leave that out"
    last_at = simulated.milestones.frame[reached_at(main.milestone)].max()
    if simulated.milestones.as_of - last_at > QUIET_DAYS * _DAY:
        yield f"nobody became {main.milestone.said} since {last_at:%Y-%m-%d}: what comes now a week may be over"
    effect = mix_effect(simulated.milestones)
    if abs(effect - 1) > MIX_MATTERS:
        yield (
            f"the sources of the last weeks convert at {effect:.2f} of the rate of all so far: what is needed may be "
            f"{1 / effect:.2f} of what is said"
        )
    if simulated.amounts is not None:
        n_won = int(simulated.milestones.frame[reached_at(Milestone.CUSTOMER)].notna().sum())
        unknown = 1 - int(simulated.revenue.notna().sum()) / n_won
        if unknown:
            yield f"of {percent(unknown)} of the customers no amount is known; they count as much as others"
    if money.missing_because:
        yield f"no cost: {money.missing_because}"
    if money.wasted:
        yield f"{money.wasted:,.0f} were spent on sources that brought no MQL: no cost counts them"
