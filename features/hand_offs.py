"""What became of leads after they were handed off: whether sales touched them, and whether they are closed since."""

import datetime as dt

import ibis.expr.types as ir
import pandas as pd

from data_contracts.calls import SinceHandOff
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.vocabulary import CLOSED_STAGES, Direction, Stage
from features.deeds import as_done


def since_hand_off(
    history: CrmHistory, handed_off: pd.DataFrame, *, settings: Settings, as_of: dt.datetime
) -> SinceHandOff:
    """What is known at `as_of` (UTC, naive) of each lead since it was handed off last.

    Parameters
    ----------
    handed_off
        `lead_id`, each once, and `handed_off_at`. Few enough to be named in a query.
    settings
        Their definitions say what counts as sales' touch.
    """
    if handed_off.empty:
        return SinceHandOff()
    contact = settings.definitions.contact
    stages, deeds = history.stage_changes, as_done(history.activities, settings.crm.kinds)
    deeds = deeds.filter(deeds.kind.isin(contact.kinds), deeds.direction == Direction.OUTBOUND.value)
    touching = [stage for stage in contact.stages if stage not in (Stage.LEAD, Stage.MQL)]
    entered = stages.filter(stages.stage.isin(touching))
    closed = stages.filter(stages.stage.isin(CLOSED_STAGES))
    touched = _later(entered, "entered_at", handed_off, as_of) | _later(deeds, "occurred_at", handed_off, as_of)
    return SinceHandOff(touched=touched, over=_later(closed, "entered_at", handed_off, as_of))


def _later(events: ir.Table, moment: str, handed_off: pd.DataFrame, as_of: dt.datetime) -> frozenset[str]:
    """The leads with one of `events`, known at `as_of`, at their hand-off or after it."""
    events = events.filter(events.lead_id.isin(handed_off["lead_id"].to_list()))
    known = events.filter(events[moment] < as_of, events.recorded_at < as_of)
    last = known.group_by("lead_id").aggregate(at=known[moment].max()).to_pyarrow().to_pandas()
    both = handed_off.merge(last, on="lead_id")
    return frozenset(both.loc[both["at"] >= both["handed_off_at"], "lead_id"])
