"""What is to be done now: the call list with what is known of its leads, and what came of earlier hand-offs."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from data_contracts.calls import CallList
from data_contracts.expected_count import expected_count
from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.scores import P_NEXT_INTERVAL, P_SQL, P_WIN, P_WIN_GIVEN_SQL, REASONS, Action
from data_contracts.settings import Settings
from data_contracts.today import LISTED_SCHEMA, OWNER, P_NEXT, HandOffRecord, Overdue, OwnerRecord, Today
from data_contracts.vocabulary import Transition
from features.listed import said_of_leads
from features.since_hand_off import responses
from serving.next_step import p_next

DUE_WITHIN_DAYS = 28
"""Responses are counted over four weeks: enough of them for a share, and what a team did lately."""

MATURE_WITHIN_DAYS = 91
"""Outcomes are counted over a quarter of hand-offs."""

_SCORED = ["lead_id", "stage", "grade", P_SQL, P_WIN_GIVEN_SQL, P_WIN, *P_NEXT_INTERVAL, "expected_value"]
_SCORED += ["is_extrapolated", *REASONS]


def today(
    engine: Engine,
    history: CrmHistory,
    calls: CallList,
    *,
    scores: Path,
    handed_off: pa.Table,
    settings: Settings,
    warnings: Sequence[str] = (),
) -> Today:
    """What is to be done at the moment of `calls`.

    Parameters
    ----------
    engine
        Where the history lives, for the ids of the leads that are asked about.
    history
        The checked history that was scored.
    scores
        The folder of the scores that `calls` is of.
    handed_off
        What was published of hand-offs, of `SCORED_HAND_OFFS_SCHEMA`.
    settings
        Those that were scored under.
    warnings
        What a reader must not overlook.
    """
    as_of = calls.as_of
    listed = _listed(engine, history, calls, scores=scores, settings=settings)
    answered = _answered(history, handed_off, settings=settings, as_of=as_of)
    return Today(
        calls=calls,
        listed=listed,
        record=_record(answered, settings=settings, as_of=as_of) if len(answered) else None,
        overdue=_overdue(listed),
        by_owner=_by_owner(engine, history, answered, settings=settings, as_of=as_of),
        warnings=tuple(warnings),
    )


def _listed(engine: Engine, history: CrmHistory, calls: CallList, *, scores: Path, settings: Settings) -> pa.Table:
    """The leads to call, the best first, then those that wait, with what is known of each."""
    rows = calls.rows.filter(pc.is_in(calls.rows["action"], value_set=pa.array([Action.HAND_OFF, Action.WAIT])))
    asked = rows["lead_id"].combine_chunks()
    told = ds.dataset(scores, format="parquet").to_table(columns=_SCORED, filter=ds.field("lead_id").isin(asked))
    lead_ids = engine.keep_for_now("listed_leads", rows.select(["lead_id"]))
    said = said_of_leads(history, lead_ids, settings=settings)
    engine.forget(lead_ids)
    rows = _beside(_beside(rows, told), said)
    now = pa.scalar(calls.as_of, rows.schema.field("respond_by_at").type)
    is_late = pc.fill_null(pc.less(rows["respond_by_at"], now), False)
    rows = rows.append_column(P_NEXT, p_next(rows)).append_column("is_overdue", is_late)
    order = [("action", "ascending"), ("place", "ascending"), ("ranking_value", "descending"), ("lead_id", "ascending")]
    columns = [*LISTED_SCHEMA.names, *settings.pages.segments]
    return rows.sort_by(order).select(columns).cast(_with_segments(settings.pages.segments))


def _beside(rows: pa.Table, told: pa.Table) -> pa.Table:
    """`rows` with the columns of `told`, found by lead."""
    places = pc.index_in(rows["lead_id"], value_set=told["lead_id"].combine_chunks())
    for name in told.column_names:
        if name not in rows.column_names:
            rows = rows.append_column(name, told[name].take(places))
    return rows


def _with_segments(segments: Sequence[str]) -> pa.Schema:
    return pa.schema([*LISTED_SCHEMA, *(pa.field(name, pa.string()) for name in segments)])


def _answered(history: CrmHistory, handed_off: pa.Table, *, settings: Settings, as_of: dt.datetime) -> pd.DataFrame:
    """The hand-offs that still count, with sales' touch and the transition of each."""
    horizon = _horizon(settings)
    frame = handed_off.to_pandas()
    told = frame[frame["handed_off_at"] >= as_of - horizon - dt.timedelta(days=MATURE_WITHIN_DAYS)]
    return responses(history, told, settings=settings, as_of=as_of) if len(told) else told


def _record(answered: pd.DataFrame, *, settings: Settings, as_of: dt.datetime) -> HandOffRecord:
    since = as_of - dt.timedelta(days=DUE_WITHIN_DAYS)
    horizon = _horizon(settings)
    recent = answered[(answered["handed_off_at"] >= since) & (answered["handed_off_at"] < as_of)]
    due = recent[recent["respond_by_at"] < as_of]
    worked = answered[answered["touched_at"].notna() & (answered["handed_off_at"] <= as_of - horizon)]
    converted = worked["converted_at"] <= worked["handed_off_at"] + horizon
    first = P_SQL if settings.definitions.first_transition is Transition.MQL_TO_SQL else P_WIN
    return HandOffRecord(
        since=since,
        handed_off=len(recent),
        due=len(due),
        in_time=int(_is_in_time(due).sum()),
        mature_before=as_of - horizon,
        mature=len(worked),
        converted=int(converted.sum()),
        expected=expected_count(worked[first].to_numpy(dtype=np.float64)) if len(worked) else None,
    )


def _is_in_time(due: pd.DataFrame) -> pd.Series:
    return due["touched_at"] <= due["respond_by_at"]


def _overdue(listed: pa.Table) -> Overdue | None:
    late = listed.filter(listed["is_overdue"])
    if not late.num_rows:
        return None
    return Overdue(
        leads=late.num_rows,
        since_at=pc.min(late["respond_by_at"]).as_py(),
        expected_value=float(pc.sum(late["expected_value"]).as_py()),
    )


def _by_owner(
    engine: Engine, history: CrmHistory, answered: pd.DataFrame, *, settings: Settings, as_of: dt.datetime
) -> tuple[OwnerRecord, ...]:
    """Responses of each owner with enough hand-offs that are due; none unless the settings ask for them."""
    if not settings.pages.figures_by_owner or answered.empty:
        return ()
    since = as_of - dt.timedelta(days=DUE_WITHIN_DAYS)
    due = answered[(answered["handed_off_at"] >= since) & (answered["respond_by_at"] < as_of)]
    ids = engine.keep_for_now("due_leads", pa.table({"lead_id": pa.array(due["lead_id"].unique(), pa.string())}))
    owners = said_of_leads(history, ids, settings=settings).select(["lead_id", OWNER]).to_pandas()
    engine.forget(ids)
    owned = due.merge(owners, on="lead_id")
    return tuple(
        OwnerRecord(owner_id=str(owner), due=len(rows), in_time=int(_is_in_time(rows).sum()))
        for owner, rows in owned.groupby(OWNER)
        if len(rows) >= settings.pages.least_group
    )


def _horizon(settings: Settings) -> dt.timedelta:
    definitions = settings.definitions
    return dt.timedelta(days=definitions.transitions[definitions.first_transition].horizon_days)
