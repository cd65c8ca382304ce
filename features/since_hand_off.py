"""What became of leads after they were handed off: whether sales touched them, and whether they are closed since."""

import datetime as dt

import ibis.expr.types as ir
import pandas as pd

from data_contracts.calls import SinceHandOff
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.vocabulary import CLOSED_STAGES
from features.outcomes import entries_of, sales_touches


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
    first = settings.definitions.first_transition
    touches = sales_touches(history, settings=settings, transition=first)
    closed = entries_of(history.stage_changes, CLOSED_STAGES)
    return SinceHandOff(
        touched=_later(touches, handed_off, as_of),
        over=_later(closed, handed_off, as_of),
    )


def _later(events: ir.Table, handed_off: pd.DataFrame, as_of: dt.datetime) -> frozenset[str]:
    """The leads with one of `events`, known at `as_of`, at their hand-off or after it."""
    events = events.filter(events.lead_id.isin(handed_off["lead_id"].to_list()))
    known = events.filter(events.known_from < as_of)
    last = known.group_by("lead_id").aggregate(at=known.happened_at.max()).to_pyarrow().to_pandas()
    both = handed_off.merge(last, on="lead_id")
    return frozenset(both.loc[both["at"] >= both["handed_off_at"], "lead_id"])
