"""What was agreed against what was measured: the rates of the targets and the criteria of the profile."""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd

from alignment.chance import after_all_looks
from alignment.funnel import followed, horizon_days, recorded_steps
from alignment.incidence import incidence
from alignment.intervals import UNKNOWN
from alignment.looks import MOST_CHANCE, findings, group_rate
from alignment.milestones import Milestones, reached_at
from alignment.profiled import MET, MISSED, UNKNOWN_STATE, ProfiledLeads, profiled_leads
from alignment.two_shares import (
    LEAST_EXPECTED,
    Adjusted,
    Share,
    adjusted_difference,
    difference_of,
    share_of,
)
from data_contracts.definitions import IcpCriterion
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.agreed import Agreed, CriterionCheck, RateCheck, Standing, Weight
from data_contracts.metrics.funnel import Milestone, Step

LOOK_BACK_DAYS = 365
"""Agreed rates are held against those of so long: a year has every season once."""

NEGLIGIBLE_SHARE = 0.2
"""Of the rate of all leads: a criterion that changes the rate by less than a fifth of it does not matter."""


def agreed_against_measured(
    history: CrmHistory, milestones: Milestones, *, step: Step = Step.MQL_TO_CUSTOMER
) -> Agreed:
    """The agreed rates and criteria beside what was measured.

    Leads are looked at as they were known when they became MQL. Those that sales never worked are left out of what is
    said of criteria: that nobody called them says nothing of the profile.

    Parameters
    ----------
    history
        The one that `milestones` were computed from.
    step
        From MQL or SQL on: what criteria and values are judged by.

    Raises
    ------
    ValueError
        Where the step starts at the lead: the profile is about hand-offs.
    SettingsError
        Where a criterion does not suit its attribute's type.
    """
    if step.start is Milestone.LEAD:
        raise ValueError(f"{step.said} starts before the hand-off; ask for a step from MQL on")
    settings = milestones.settings
    leads = profiled_leads(history, milestones, step)
    criteria = tuple(_criteria(leads, settings.definitions.icp.criteria))
    values, n_looks = findings(leads, settings)
    return Agreed(
        rates=tuple(_rates(milestones)),
        step=step,
        horizon_days=horizon_days(step, settings.definitions),
        all_leads=group_rate(share_of(leads.everyone, leads.hits, leads.groups)),
        criteria=criteria,
        values=values,
        n_looks=n_looks,
        notes=tuple(_notes(milestones, leads, step)),
        as_of=milestones.as_of,
        definitions_version=milestones.definitions_version,
        targets_version=settings.targets.version,
    )


def _rates(milestones: Milestones) -> Iterator[RateCheck]:
    since = pd.Timestamp(milestones.as_of - dt.timedelta(days=LOOK_BACK_DAYS))
    recorded = recorded_steps(milestones)
    for step, agreed in milestones.settings.targets.rates.items():
        if step not in recorded:
            yield RateCheck(step=step, agreed=agreed, measured=UNKNOWN, n=0, standing=Standing.UNKNOWN)
            continue
        told, rows = followed(milestones, step)
        recent = told.of((rows[reached_at(step.start)] >= since).to_numpy())
        measured = incidence(recent).within(horizon_days(step, milestones.settings.definitions))
        yield RateCheck(
            step=step, agreed=agreed, measured=measured, n=len(recent.days), standing=_standing(agreed, measured)
        )


def _standing(agreed: float, measured: Estimate) -> Standing:
    if measured.low is None or measured.high is None:
        return Standing.UNKNOWN
    if measured.low <= agreed <= measured.high:
        return Standing.INSIDE
    return Standing.TOO_HIGH if agreed > measured.high else Standing.TOO_LOW


def _criteria(leads: ProfiledLeads, criteria: tuple[IcpCriterion, ...]) -> Iterator[CriterionCheck]:
    rows = {one.name: [leads.states[one.name] == state for state in (MET, MISSED, UNKNOWN_STATE)] for one in criteria}
    shares = {name: [share_of(each, leads.hits, leads.groups) for each in three] for name, three in rows.items()}
    adjusted = {
        name: adjusted_difference(met, missed, leads.hits, strata=leads.strata(name), groups=leads.groups)
        for name, (met, missed, _) in rows.items()
    }
    of_all = share_of(leads.everyone, leads.hits, leads.groups)
    is_enough = {name: _is_enough(met, missed, of_all) for name, (met, missed, _) in shares.items()}
    known = [adjusted[one.name].chance if is_enough[one.name] else None for one in criteria]
    for criterion, chance in zip(criteria, after_all_looks(known), strict=True):
        met, missed, unknown = shares[criterion.name]
        told = adjusted[criterion.name]
        yield CriterionCheck(
            criterion=criterion,
            met=group_rate(met),
            missed=group_rate(missed),
            unknown=group_rate(unknown),
            difference=difference_of(met, missed),
            adjusted=told.difference,
            n_compared=told.n_compared,
            chance=chance,
            weight=_weight(told, chance, of_all) if is_enough[criterion.name] else Weight.UNCLEAR,
        )


def _is_enough(met: Share, missed: Share, of_all: Share) -> bool:
    """Whether either side has leads enough for a share like that of all."""
    if not of_all.n:
        return False
    return min(met.worth, missed.worth) * min(of_all.value, 1 - of_all.value) >= LEAST_EXPECTED


def _weight(adjusted: Adjusted, chance: float | None, of_all: Share) -> Weight:
    difference = adjusted.difference
    if difference.value is None or difference.low is None or difference.high is None or chance is None:
        return Weight.UNCLEAR
    if chance < MOST_CHANCE:
        return Weight.MATTERS if difference.value > 0 else Weight.OTHER_WAY
    margin = NEGLIGIBLE_SHARE * of_all.value
    return Weight.NO_MATTER if -margin < difference.low and difference.high < margin else Weight.UNCLEAR


def _notes(milestones: Milestones, leads: ProfiledLeads, step: Step) -> Iterator[str]:
    if not len(leads.hits):
        yield f"No lead has had its {step.said} horizon yet: nothing is known of criteria and values."
    elif not leads.hits.any():
        yield f"No lead took {step.said} within its horizon: nothing is known of criteria and values."
    started = milestones.frame[reached_at(step.start)].notna()
    n_left_out = int(started.sum()) - len(leads.hits)
    if np.count_nonzero(started):
        yield (
            f"{len(leads.hits):,} of {int(started.sum()):,} leads are looked at; of the other {n_left_out:,} the "
            "horizon is not over, sales never worked them, or nobody knows when they were closed."
        )
    if not milestones.settings.definitions.icp.criteria:
        yield "No ideal customer profile is agreed."
    if not milestones.settings.targets.rates:
        yield "No rates are agreed: [targets.rates] holds none."
