"""What became of the hand-offs that were published, by grade, beside what their scores said."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.funnel import followed, horizon_days
from alignment.incidence import incidence
from alignment.intervals import Floats
from alignment.milestones import Milestones, reached_at
from data_contracts.expected_count import expected_count
from data_contracts.history import CrmHistory
from data_contracts.metrics.closed_loop import CLOSED_LOOP_SCHEMA, RATINGS_SCHEMA, ClosedLoop
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.periods import Span
from data_contracts.privacy import masked
from data_contracts.scores import P_SQL, P_WIN
from data_contracts.vocabulary import KindFamily, Stage, Transition
from features.known import MICROSECONDS_PER_DAY
from features.outcomes import entries_of
from features.since_hand_off import first_since, responses


def closed_loop(history: CrmHistory, milestones: Milestones, *, handed_off: pa.Table, span: Span) -> ClosedLoop:
    """What became of the hand-offs of `span`, as known at the extract of `history`.

    Parameters
    ----------
    milestones
        Of the same history: how soon conversions come is measured on all of its leads that sales touched.
    handed_off
        What was published of hand-offs, of `SCORED_HAND_OFFS_SCHEMA`.
    """
    frame = handed_off.to_pandas()
    within = (frame["handed_off_at"] >= span.start_at) & (frame["handed_off_at"] < span.end_at)
    told = _fates(history, frame[within & (frame["handed_off_at"] < milestones.as_of)], milestones)
    return ClosedLoop(
        span=span,
        as_of=milestones.as_of,
        rows=pa.Table.from_pylist(list(_rows(told)), schema=CLOSED_LOOP_SCHEMA),
        ratings=_ratings(history, told, milestones),
        assumed_because=milestones.settings.definitions.contact.assume_contacted_because,
    )


def _fates(history: CrmHistory, frame: pd.DataFrame, milestones: Milestones) -> pd.DataFrame:
    """Each hand-off with what came of it, the probability at the hand-off, and as much of it as is due by now."""
    settings, as_of = milestones.settings, milestones.as_of
    first = settings.definitions.first_transition
    told = responses(history, frame, settings=settings, as_of=as_of)
    told["is_gone"] = ~told["lead_id"].isin(_still_there(history, told["lead_id"]))
    for name, stages in (
        ("turned_down_at", (Stage.DISQUALIFIED, Stage.LOST)),
        ("nurtured_at", (Stage.NURTURE,)),
        ("won_at", (Stage.WON,)),
    ):
        told[name] = first_since(told, entries_of(history.stage_changes, stages), as_of=as_of)
    step = Step.MQL_TO_SQL if first is Transition.MQL_TO_SQL else Step.MQL_TO_CUSTOMER
    horizon = pd.Timedelta(days=horizon_days(step, settings.definitions))
    until = told["handed_off_at"] + horizon
    told["came"] = told["converted_at"].notna() & (told["converted_at"] <= until)
    if settings.definitions.contact.assume_contacted_because:
        told["touched_at"] = told["handed_off_at"].mask(told["is_gone"])
    told["is_in_time"] = told["came"] | (told["touched_at"] <= until)
    told["p"] = told[P_SQL if first is Transition.MQL_TO_SQL else P_WIN].astype("float64")
    since = told["touched_at"].fillna(told["handed_off_at"])
    days = (pd.Timestamp(as_of) - since).astype("timedelta64[us]").astype("int64")
    told["due"] = told["p"] * share_come(milestones, step, days=days.to_numpy() / MICROSECONDS_PER_DAY)
    return told


def _still_there(history: CrmHistory, asked: pd.Series) -> pd.Series:
    """The leads of those asked for that the history still has: merged, deleted and left-out ones it has no more."""
    leads = history.leads.filter(history.leads.lead_id.isin(asked.unique().tolist()))
    there: pd.Series = leads.select("lead_id").to_pyarrow().to_pandas()["lead_id"]
    return there


def share_come(milestones: Milestones, step: Step, *, days: Floats) -> Floats:
    """Of all that take `step` within its horizon once sales touched them, the share that has so many days after.

    They are counted from the touch: who is touched by now was touched early, and so comes sooner than others. Where
    nothing records touches, they are those from the start of `step`, of all that take it.

    The share is 1 from the horizon on, and where nobody took it yet.
    """
    horizon = horizon_days(step, milestones.settings.definitions)
    if not milestones.settings.definitions.contact.assume_contacted_because:
        frame = milestones.frame
        from_touch = frame.assign(**{reached_at(step.start): frame[reached_at(Milestone.SAL)]})
        milestones = replace(milestones, frame=from_touch)
    told, _ = followed(milestones, step)
    curve = incidence(told).curve[:horizon]
    if not len(curve) or not curve[-1]:
        return np.ones(len(days))
    share = np.concatenate([[0.0], curve]) / curve[-1]
    return np.asarray(np.interp(days, np.arange(len(share)), share, right=1.0))


def _rows(told: pd.DataFrame) -> Iterator[dict[str, Any]]:
    if told.empty:
        return
    yield {"grade": None, **_counted(told)}
    for grade, rows in told.groupby("grade", sort=True):
        yield {"grade": grade, **_counted(rows)}


def _counted(rows: pd.DataFrame) -> dict[str, Any]:
    came = rows["came"]
    touched = rows["touched_at"].notna() | came
    turned_down = touched & ~came & rows["turned_down_at"].notna()
    nurtured = touched & ~came & ~turned_down & rows["nurtured_at"].notna()
    in_time = rows[rows["is_in_time"]]
    due = expected_count(in_time["due"].to_numpy()) if len(in_time) else None
    return {
        "handed_off": len(rows),
        "touched": int(touched.sum()),
        "not_touched": int((~touched & ~rows["is_gone"]).sum()),
        "gone": int((~touched & rows["is_gone"]).sum()),
        "came": int(came.sum()),
        "turned_down": int(turned_down.sum()),
        "nurtured": int(nurtured.sum()),
        "open": int((touched & ~came & ~turned_down & ~nurtured).sum()),
        "won": int(rows["won_at"].notna().sum()),
        "expected": due.value if due else None,
        "expected_low": due.low if due else None,
        "expected_high": due.high if due else None,
        "expected_in_all": float(in_time["p"].sum()) if due else None,
    }


def _ratings(history: CrmHistory, told: pd.DataFrame, milestones: Milestones) -> pa.Table | str:
    """How sales rated the hand-offs, by grade, or why nobody can say."""
    kinds = milestones.settings.crm.kinds
    rating = [name for name, declared in kinds.items() if declared.family is KindFamily.ASSESSMENT]
    if not rating:
        return "No kind of activity is declared with the family `assessment`: ratings of a lead are not read."
    deeds = history.activities
    deeds = deeds.filter(
        deeds.kind.isin(rating),
        deeds.outcome.notnull(),
        deeds.lead_id.isin(told["lead_id"].unique().tolist()),
        ibis.greatest(deeds.occurred_at, deeds.recorded_at) < milestones.as_of,
    )
    rated = deeds.select("lead_id", "occurred_at", "outcome").to_pyarrow().to_pandas()
    both = told[["lead_id", "grade", "handed_off_at"]].reset_index().merge(rated, on="lead_id")
    both = both[both["occurred_at"] >= both["handed_off_at"]].sort_values(["index", "occurred_at"])
    if both.empty:
        return "Sales rated none of these hand-offs."
    last = both.groupby("index").tail(1).assign(rating=lambda rows: rows["outcome"].map(masked))
    counts = last.groupby(["grade", "rating"], dropna=False).size().rename("hand_offs").reset_index()
    return pa.Table.from_pandas(counts, schema=RATINGS_SCHEMA, preserve_index=False)
