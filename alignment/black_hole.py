"""Leads that were handed off and that nobody touched since: all of them, by age, owner and what they are worth."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.handed_off import HandOffs
from data_contracts.metrics.black_hole import AGE_BAND, AGE_BANDS, BLACK_HOLE_SCHEMA, SUMMARY_SCHEMA, BlackHole
from data_contracts.snapshots import TEAM
from data_contracts.today import OWNER, PERSONA, SOURCE
from features.known import MICROSECONDS_PER_DAY

SCORE = ("lead_id", "grade", "expected_value")
"""What is read of scores."""


def black_hole(hand_offs: HandOffs, *, scores: pa.Table | None = None) -> BlackHole:
    """The leads whose last hand-off sales neither touched nor decided on.

    A lead that skipped MQL was taken by sales, one that went to nurture untouched is marketing's again: they are not in
    it. How often that happens is told by `response`.

    Parameters
    ----------
    scores
        `lead_id`, each once, `grade` and `expected_value`, as the last run of scoring published them; None without one.

    Raises
    ------
    ValueError
        Where `scores` lacks a column, or has a lead twice.
    """
    frame = hand_offs.frame
    open_ = frame["next_handed_off_at"].isna() & frame["touched_at"].isna() & frame["decided_at"].isna()
    open_ &= not hand_offs.unknown_because
    settled = hand_offs.of((open_ & ~frame["is_unsettled"]).to_numpy(dtype=bool))
    rows = _rows(settled, _checked(scores))
    return BlackHole(
        rows=pa.Table.from_pandas(rows, schema=BLACK_HOLE_SCHEMA, preserve_index=False),
        summary=pa.Table.from_pylist(list(_summary(rows, hand_offs)), schema=SUMMARY_SCHEMA),
        as_of=hand_offs.as_of,
        unsettled=int((open_ & frame["is_unsettled"]).sum()),
        unknown_because=hand_offs.unknown_because,
    )


def _checked(scores: pa.Table | None) -> pd.DataFrame:
    if scores is None:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in SCORE})
    if lacking := [name for name in SCORE if name not in scores.column_names]:
        raise ValueError(f"scores lack {', '.join(lacking)}; there are {', '.join(scores.column_names)}")
    twice = [lead for lead, n in Counter(scores["lead_id"].to_pylist()).items() if n > 1]
    if twice:
        raise ValueError(f"scores have {len(twice)} leads more than once, such as {twice[0]!r}; hand over one run's")
    found: pd.DataFrame = scores.select(list(SCORE)).to_pandas()
    return found


def _rows(hand_offs: HandOffs, scores: pd.DataFrame) -> pd.DataFrame:
    frame, as_of = hand_offs.frame, pd.Timestamp(hand_offs.as_of)
    age = (as_of - frame["handed_off_at"]).astype("timedelta64[us]").astype("int64") / MICROSECONDS_PER_DAY
    ends = [end for end in AGE_BANDS.values() if end is not None]
    band = np.array(list(AGE_BANDS))[np.searchsorted(ends, age, side="right")]
    told: dict[str, Any] = {
        "age_days": age,
        AGE_BAND: band,
        "is_overdue": frame["respond_by_at"] < as_of,
        "hours_overdue": _hours_overdue(hand_offs),
        "n_hand_offs": frame["nth"],
        **{name: hand_offs.told(name).astype(object) for name in (OWNER, TEAM, SOURCE, PERSONA)},
    }
    rows = frame[["lead_id", "handed_off_at", "respond_by_at"]].assign(**told)
    rows = rows.merge(scores, on="lead_id", how="left", validate="one_to_one")
    rows = rows.assign(expected_value=rows["expected_value"].astype("float64"))
    return rows.sort_values(["expected_value", "age_days", "lead_id"], ascending=[False, False, True])


def _hours_overdue(hand_offs: HandOffs) -> pd.Series:
    """Whatever was watched beyond the time to respond: a touch was owed within it."""
    owed = hand_offs.settings.policy.respond_within_working_hours
    return (hand_offs.frame["watched_hours"] - owed).clip(lower=0.0)


def _summary(rows: pd.DataFrame, hand_offs: HandOffs) -> Iterator[dict[str, Any]]:
    for band in AGE_BANDS:
        yield _summed(rows[rows[AGE_BAND] == band], AGE_BAND, band)
    yield from _by(rows, TEAM, least=1)
    pages = hand_offs.settings.pages
    if pages.figures_by_owner:
        yield from _by(rows, OWNER, least=pages.least_group)


def _by(rows: pd.DataFrame, by: str, *, least: int) -> Iterator[dict[str, Any]]:
    """One row a group that has `least` leads; the one of which nothing is known comes last, however few it has."""
    for group, found in rows[rows[by].notna()].groupby(by, sort=True):
        if len(found) >= least:
            yield _summed(found, by, str(group))
    if rows[by].isna().any():
        yield _summed(rows[rows[by].isna()], by, None)


def _summed(rows: pd.DataFrame, by: str, group: str | None) -> dict[str, Any]:
    value = rows["expected_value"]
    scored = int(value.notna().sum())
    return {
        "by": by,
        "group": group,
        "leads": len(rows),
        "overdue": int(rows["is_overdue"].sum()),
        "scored": scored,
        "expected_value": float(value.sum()) if scored else None,
    }
