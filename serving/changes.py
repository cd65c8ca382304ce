"""Why a lead's score moved between two moments: the score made anew, with one cause after the other let in."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pyarrow as pa

from data_contracts.calls import CALL_LIST_SCHEMA
from data_contracts.history import CrmHistory
from data_contracts.score_changes import Cause, ScoreChanges, ScoreState, part_of, together
from features.catalogue import features_of
from features.known_before import known_before
from serving.calls import with_calls
from serving.one_score import Regime, score_alone

NOBODY = CALL_LIST_SCHEMA.empty_table()
"""A call list without leads."""

Step = tuple[tuple[Cause, ...], ScoreState]


def score_changes(
    near: CrmHistory, before: Mapping[str, Any], after: Mapping[str, Any], *, then: Regime | None, now: Regime
) -> ScoreChanges:
    """The difference between two scores of a lead, split into what caused it, in this order:

    | cause | the score made anew |
    |---|---|
    | corrected | at the first moment, by what today's history says of then |
    | time | at the second moment, from the facts of the first |
    | facts | from the facts of the second moment |
    | definitions | from features under the second settings |
    | model | by the second release |
    | threshold | under the second thresholds and their policy |

    A cause that is the same at both moments is left out. Each part is what its cause changes after those before it.
    They add up to the whole, because each starts where the last one ended. What the second score differs by from the
    one made anew was corrected as well.

    Parameters
    ----------
    near
        The history of the lead and of its account (`serving.asked_leads.around`).
    before, after
        Two scores of the lead, the earlier one first: rows of `PUBLISHED_SCORES_SCHEMA`.
    then, now
        What made them. Where the first release cannot score any more (`then` is None), the second one takes its place
        from the start: corrections, definitions, model and threshold cannot be told apart.

    Raises
    ------
    UnknownLeadError
        Where the lead was not open at one of the moments, by what today's history says of then.
    """
    start, end = state_of(before), state_of(after)
    made = list(_steps(near, before["lead_id"], start.as_of, end.as_of, then=then, now=now))
    states = [start, *(state for _, state in made)]
    parts = [part_of(causes, *pair) for (causes, _), pair in zip(made, pairwise(states), strict=True)]
    corrected_since = part_of(parts[0].causes, states[-1], end)
    return ScoreChanges(before["lead_id"], start, end, (together(parts[0], corrected_since), *parts[1:]))


def _steps(
    near: CrmHistory, lead_id: str, first: dt.datetime, second: dt.datetime, *, then: Regime | None, now: Regime
) -> Iterator[Step]:
    """The causes that are let in, one after the other, and the score that each leaves."""
    old = then or now
    known = known_before(near, first, attributes=old.settings.crm.attributes)

    def scored(history: CrmHistory, as_of: dt.datetime, regime: Regime) -> ScoreState:
        return state_of(published_alone(history, lead_id, regime=regime, as_of=as_of))

    yield (Cause.CORRECTED,) if then else _ALL_BUT_FACTS, scored(near, first, old)
    yield (Cause.TIME,), scored(known, second, old)
    yield (Cause.FACTS,), scored(near, second, old)
    if then is None:
        return
    if then.release.manifest.release_id != now.release.manifest.release_id:
        under_new, as_decided_then = replace(then, settings=now.settings), replace(now, thresholds=then.thresholds)
        if _can_score(under_new):
            yield (Cause.DEFINITIONS,), scored(near, second, under_new)
            yield (Cause.MODEL,), scored(near, second, as_decided_then)
        else:
            yield (Cause.DEFINITIONS, Cause.MODEL), scored(near, second, as_decided_then)
    if then.thresholds != now.thresholds:
        yield (Cause.THRESHOLD,), scored(near, second, now)


_ALL_BUT_FACTS = (Cause.CORRECTED, Cause.DEFINITIONS, Cause.MODEL, Cause.THRESHOLD)


def _can_score(regime: Regime) -> bool:
    """Whether the release finds its features and transitions under settings that it was not made under."""
    made = {feature.column.name for feature in features_of(regime.settings)}
    predicts = {model.transition: model.horizon_days for model in regime.release.manifest.transitions}
    asked = {name: agreed.horizon_days for name, agreed in regime.settings.definitions.transitions.items()}
    return predicts == asked and all(column.name in made for column in regime.release.manifest.features)


def published_alone(
    near: CrmHistory, lead_id: str, *, regime: Regime, as_of: dt.datetime, calls: pa.Table = NOBODY
) -> dict[str, Any]:
    """The lead's score at `as_of` with what it was made under: a row of `PUBLISHED_SCORES_SCHEMA`.

    `calls` is the call list of that moment, which decides what to do with the lead. Raises `UnknownLeadError` where the
    lead was not open then.
    """
    scored = pa.table(with_calls(score_alone(near, lead_id, regime=regime, as_of=as_of), calls))
    row: dict[str, Any] = scored.to_pylist()[0]
    thresholds = regime.thresholds
    made_under = {
        "thresholds_id": thresholds.thresholds_id,
        "data_fingerprint": near.fingerprint,
        "boundary": thresholds.boundaries.get(row["team"]),
    }
    return row | made_under


def state_of(row: Mapping[str, Any]) -> ScoreState:
    """The state that a row of `PUBLISHED_SCORES_SCHEMA` tells."""
    return ScoreState(
        **{name: row[name] for name in ("as_of", "release_id", "definitions_version", "thresholds_id", "stage")},
        **{name: row[name] for name in ("action", "p_sql", "p_win", "expected_value")},
        above_boundary=None if row["boundary"] is None else row["ranking_value"] - row["boundary"],
    )
