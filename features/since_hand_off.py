"""What became of leads after they were handed off: whether sales touched them, how far they came, which are closed."""

import datetime as dt

import ibis.expr.types as ir
import pandas as pd

from data_contracts.calls import SinceHandOff
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.vocabulary import CLOSED_STAGES
from features.outcomes import entries_of, sales_touches
from features.stages import reached_stages


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


def responses(history: CrmHistory, handed_off: pd.DataFrame, *, settings: Settings, as_of: dt.datetime) -> pd.DataFrame:
    """`handed_off` with `touched_at` and `converted_at` of each hand-off, as known at `as_of` (UTC, naive).

    These are the first touch of sales, and the first entry of the stage that the first transition leads to (or of a
    later one), at the hand-off or after it; missing where there was none.

    Parameters
    ----------
    handed_off
        One row a hand-off: `lead_id` and `handed_off_at`. Few enough leads to be named in a query.
    settings
        Their definitions say what counts as sales' touch.
    """
    first = settings.definitions.first_transition
    touches = sales_touches(history, settings=settings, transition=first)
    reached = entries_of(history.stage_changes, reached_stages(first.to_stage))
    told = handed_off.reset_index(drop=True)
    for name, events in (("touched_at", touches), ("converted_at", reached)):
        told[name] = first_since(told, events, as_of=as_of)
    return told


def first_since(handed_off: pd.DataFrame, events: ir.Table, *, as_of: dt.datetime) -> pd.Series:
    """The moment of the first of `events` at each hand-off or after it, as known at `as_of`; missing without one.

    Parameters
    ----------
    handed_off
        As for `responses`, with an index of its own.
    events
        `lead_id`, `happened_at` and `known_from`, as `features.outcomes.entries_of` gives them.
    """
    happened = _known(events, handed_off, as_of).select("lead_id", "happened_at").to_pyarrow().to_pandas()
    both = handed_off[["lead_id", "handed_off_at"]].reset_index().merge(happened, on="lead_id")
    since = both[both["happened_at"] >= both["handed_off_at"]]
    return since.groupby("index")["happened_at"].min().reindex(handed_off.index)


def _known(events: ir.Table, handed_off: pd.DataFrame, as_of: dt.datetime) -> ir.Table:
    """Those of `events` of the leads that were known at `as_of`."""
    events = events.filter(events.lead_id.isin(handed_off["lead_id"].unique().tolist()))
    return events.filter(events.known_from < as_of)


def _later(events: ir.Table, handed_off: pd.DataFrame, as_of: dt.datetime) -> frozenset[str]:
    """The leads with one of `events`, known at `as_of`, at their hand-off or after it."""
    known = _known(events, handed_off, as_of)
    last = known.group_by("lead_id").aggregate(at=known.happened_at.max()).to_pyarrow().to_pandas()
    both = handed_off.merge(last, on="lead_id")
    return frozenset(both.loc[both["at"] >= both["handed_off_at"], "lead_id"])
