"""Leads whose outcome is known, with what was known of them when they were handed off."""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from alignment.funnel import horizon_days
from alignment.intervals import Integers
from alignment.milestones import STAGE_OF, Milestones, reached_at
from alignment.touch_records import touches_are_recorded
from alignment.two_shares import Flags
from data_contracts.crm_mapping import AttributeDeclaration
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.settings import Settings
from data_contracts.vocabulary import Availability
from features.known_attributes import attributes_as_known
from features.profile import is_met, refuse_unfit_criteria
from features.stages import reached_stages

MET, MISSED, UNKNOWN_STATE = 1, 0, -1
"""How a lead stands to a criterion."""


@dataclass(frozen=True, slots=True, eq=False)
class ProfiledLeads:
    """Leads that started a step, that sales worked, and whose horizon is over.

    Attributes
    ----------
    hits
        Whether each reached the step's end within the horizon.
    states
        By name of the criterion, how each lead stood to it: `MET`, `MISSED` or `UNKNOWN_STATE`.
    values
        One column an attribute that may be asked for: what was known of it. Free texts are left out.
    groups
        The jackknife group of each lead's account.
    """

    hits: Flags
    states: Mapping[str, Integers]
    values: pd.DataFrame
    groups: Integers

    @property
    def everyone(self) -> Flags:
        """All of them."""
        return np.ones(len(self.hits), dtype=bool)

    def strata(self, *without: str) -> Integers:
        """A number for each combination of states of the criteria, but those that are named."""
        states = [state for name, state in self.states.items() if name not in without]
        if not states or not len(self.hits):
            return np.zeros(len(self.hits), dtype=np.int64)
        _, numbers = np.unique(np.stack(states, axis=1), axis=0, return_inverse=True)
        return np.asarray(numbers).reshape(-1).astype(np.int64)


def profiled_leads(history: CrmHistory, milestones: Milestones, step: Step) -> ProfiledLeads:
    """The leads that started `step` with what was known of them then.

    A lead that sales never worked within the horizon is left out: that it got no further says nothing of it. Where the
    CRM records no touches, or contact is assumed, all count as worked.

    Raises
    ------
    SettingsError
        Where a criterion does not suit its attribute's type.
    """
    settings = milestones.settings
    refuse_unfit_criteria(settings)
    frame = milestones.frame
    horizon = pd.Timedelta(days=horizon_days(step, settings.definitions))
    starts, ends = frame[reached_at(step.start)], frame[reached_at(step.end)]
    is_hit = (ends - starts < horizon).to_numpy()
    is_known = starts.notna() & (starts + horizon <= pd.Timestamp(milestones.as_of)) & ~frame["is_unsettled"]
    rows = is_known.to_numpy() & (is_hit | _worked(milestones, step, horizon))
    asked = {
        name: one
        for name, one in settings.crm.attributes.items()
        if one.type != "text" and one.availability is not Availability.NOW
    }
    told = _known_at_start(history, settings, step, asked).set_index("lead_id").reindex(frame["lead_id"][rows])
    names = [criterion.name for criterion in settings.definitions.icp.criteria]
    states = {
        name: np.asarray(told[_criterion(nth)].astype("Int8").fillna(UNKNOWN_STATE).to_numpy(), dtype=np.int64)
        for nth, name in enumerate(names)
    }
    return ProfiledLeads(
        hits=is_hit[rows],
        states=states,
        values=told[[_attribute(name) for name in asked]].set_axis(list(asked), axis=1).reset_index(drop=True),
        groups=milestones.groups[rows],
    )


def _worked(milestones: Milestones, step: Step, horizon: pd.Timedelta) -> Flags:
    frame = milestones.frame
    if step.start is not Milestone.MQL or not touches_are_recorded(milestones):
        return np.ones(len(frame), dtype=bool)
    return np.asarray(frame[reached_at(Milestone.SAL)] - frame[reached_at(step.start)] < horizon)


def _known_at_start(
    history: CrmHistory, settings: Settings, step: Step, asked: Mapping[str, AttributeDeclaration]
) -> pd.DataFrame:
    """`lead_id`, how each lead stood to each criterion, and its attributes, just after it reached the step's start."""
    changes = history.stage_changes
    entries = changes.filter(changes.stage.isin(reached_stages(STAGE_OF[step.start])))
    first = entries.group_by("lead_id").aggregate(started_at=entries.entered_at.min())
    rows = first.join(history.leads.select("lead_id", "account_id"), "lead_id")
    of_criteria = {one.attribute: settings.crm.attributes[one.attribute] for one in settings.definitions.icp.criteria}
    numbered = rows.select(
        "lead_id",
        "account_id",
        snapshot_id=ibis.row_number().over(order_by=rows.lead_id).cast("int64"),
        # What is known at the entry itself is known just after it.
        as_of=rows.started_at + ibis.interval(microseconds=1),
    )
    values = attributes_as_known(history, numbered, {**asked, **of_criteria})
    known = numbered.select("snapshot_id", "lead_id").join(values, "snapshot_id")
    columns: dict[str, ir.Value] = {_attribute(name): known[name] for name in asked}
    for nth, criterion in enumerate(settings.definitions.icp.criteria):
        columns[_criterion(nth)] = is_met(criterion, known)
    found: pd.DataFrame = known.select("lead_id", **columns).order_by("lead_id").to_pyarrow().to_pandas()
    return found


def _attribute(name: str) -> str:
    return f"attribute__{name}"


def _criterion(nth: int) -> str:
    return f"criterion__{nth}"
