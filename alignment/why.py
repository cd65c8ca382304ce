"""Why customers buy and why they do not: how often each reason is said, whether that is rising, and against whom."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy.stats import norm

from alignment.chance import after_all_looks
from alignment.intervals import (
    difference_estimate,
    in_columns,
    independent_n,
    share_among,
    sums_by_group,
    without_each,
)
from alignment.milestones import Milestones
from alignment.said import NAMED, NONE, OF_LEADS, REST, said_of_all, undated_deals
from alignment.shrinkage import shrunken
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.why import COMPETITORS_SCHEMA, REASONS_SCHEMA, TREND_SCHEMA, Topic, Trend, Why

COMPARED_PERIODS = 4
"""The last period is held against so many before it: a quarter against a year, a month against a third of one."""

LEAST_EXPECTED = 5.0
"""Below so many expected in either, a test of two shares by the normal distribution says nothing (Cochran, 1954,
Biometrics 10:417)."""

MOST_CHANCE = 0.05


def why_of(history: CrmHistory, milestones: Milestones, *, every: Period = Period.QUARTER) -> Why:
    """What is said of deals and leads that ended in the last whole period and the four before it.

    A deal is of the period in which it closed, a lead without one of that in which it was lost or disqualified, each
    lead once a period with its last reason. Texts that few say are put together: they are no category, and may tell a
    person. What stood in a field once and was overwritten nobody knows.

    Parameters
    ----------
    history
        The one that `milestones` are of.
    """
    zone = milestones.time_zone
    last = Span.before(milestones.as_of, every, time_zone=zone)
    spans = tuple(last.earlier(n, time_zone=zone) for n in range(COMPARED_PERIODS, -1, -1))
    said = said_of_all(history, milestones, spans)
    compared = said[said["topic"] == Topic.COMPETITOR]
    return Why(
        reasons=pa.Table.from_pylist(list(_reasons(said, spans)), schema=REASONS_SCHEMA),
        trends=pa.Table.from_pylist(list(_trends(said, pd.Timestamp(last.first))), schema=TREND_SCHEMA),
        competitors=pa.Table.from_pylist(list(_competitors(compared)), schema=COMPETITORS_SCHEMA),
        naming_won=_naming(compared[compared["is_won"]]),
        naming_lost=_naming(compared[~compared["is_won"]]),
        spans=spans,
        silent=tuple(one for one, rows in _by_topic(said) if (rows["kind"] == NONE).all()),
        undated=undated_deals(history),
        as_of=milestones.as_of,
        definitions_version=milestones.definitions_version,
    )


def _by_topic(said: pd.DataFrame) -> Iterator[tuple[Topic, pd.DataFrame]]:
    for topic in Topic:
        rows = said[said["topic"] == topic]
        if len(rows):
            yield topic, rows


def _reasons(said: pd.DataFrame, spans: tuple[Span, ...]) -> Iterator[dict[str, Any]]:
    """Each reason that is said in any period, in each of them."""
    for span in spans:
        for topic, every_time in _by_topic(said):
            cells = every_time[["place", "kind", "reason"]].drop_duplicates().sort_values("place")
            rows = every_time[every_time["period"] == pd.Timestamp(span.first)]
            for cell in cells.itertuples():
                is_it = (rows["place"] == cell.place).to_numpy()
                among = rows if cell.kind == NONE else rows[rows["kind"] != NONE]
                share = share_among((among["place"] == cell.place).to_numpy(), among["group"].to_numpy())
                amounts = rows["amount"][is_it]
                has_deals = topic not in OF_LEADS
                yield {
                    "period": pd.Timestamp(span.first).to_pydatetime(),
                    "topic": topic,
                    "reason": cell.reason if cell.kind == NAMED else None,
                    "is_rest": cell.kind == REST,
                    "n": int(is_it.sum()),
                    **in_columns("share", share),
                    "amount": float(amounts.sum()) if has_deals else None,
                    "without_amount": int(amounts.isna().sum()) if has_deals else None,
                }


def _trends(said: pd.DataFrame, last: pd.Timestamp) -> Iterator[dict[str, Any]]:
    """Each named reason in the last period beside those before."""
    for topic, every_time in _by_topic(said):
        rows = every_time[every_time["kind"] != NONE]
        is_now = (rows["period"] == last).to_numpy()
        named = rows[rows["kind"] == NAMED][["place", "reason"]].drop_duplicates().sort_values("place")
        found = [_moved((rows["place"] == place).to_numpy(), is_now, rows) for place in named["place"]]
        asked = [each["p_value"] if np.isfinite(each["p_value"]) else None for each in found]
        for reason, each, p_value in zip(named["reason"], found, after_all_looks(asked), strict=True):
            moved = Trend.RISING if each["change"] and each["change"] > 0 else Trend.FALLING
            trend = Trend.TOO_FEW if p_value is None else moved if p_value < MOST_CHANCE else Trend.CHANCE
            yield {"topic": topic, "reason": reason} | each | {"p_value": p_value, "trend": trend}


def _moved(hits: npt.NDArray[np.bool_], is_now: npt.NDArray[np.bool_], rows: pd.DataFrame) -> dict[str, Any]:
    """The shares of one reason before and now, their difference, and its p-value; NaN where there are too few."""
    sums = sums_by_group(rows["group"].to_numpy(), hits & ~is_now, ~is_now, hits & is_now, is_now)
    n_before, said_before, n_now, said_now = sums.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        before, now = n_before / said_before, n_now / said_now
        others = without_each(sums)
        shares = others[:, [0, 2]] / others[:, [1, 3]]
    change = difference_estimate(now - before, shares[:, 1] - shares[:, 0])
    return {
        "n_before": int(n_before),
        "said_before": int(said_before),
        "n_now": int(n_now),
        "said_now": int(said_now),
        "share_before": float(before) if said_before else None,
        "share_now": float(now) if said_now else None,
        **in_columns("change", change),
        "p_value": _p_value(
            (n_before + n_now) / max(said_before + said_now, 1),
            float(now - before),
            (
                independent_n(float(before), shares[:, 0], n=float(said_before)),
                independent_n(float(now), shares[:, 1], n=float(said_now)),
            ),
        ),
    }


def _p_value(pooled: float, change: float, worth: tuple[float, float]) -> float:
    """Of two shares that are one, how often chance alone sets them so far apart; NaN where there are too few."""
    if min(worth) * min(pooled, 1 - pooled) < LEAST_EXPECTED:
        return float("nan")
    error = np.sqrt(pooled * (1 - pooled) * (1 / worth[0] + 1 / worth[1]))
    return float(2 * norm.sf(abs(change) / error))


def _competitors(compared: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Each competitor, the rest, and the deals that name none; nothing where no deal names any."""
    if (compared["kind"] == NONE).all():
        return
    cells = [rows for _, rows in compared.groupby("place", sort=True)]
    won, n = (np.array([each[what].sum() if what else len(each) for each in cells], float) for what in ("is_won", ""))
    is_named = np.array([each["kind"].iloc[0] == NAMED for each in cells])
    drawn = np.full(len(cells), np.nan)
    drawn[is_named] = shrunken(won[is_named], n[is_named])
    for rows, shrunken_rate in zip(cells, drawn, strict=True):
        is_won, kind = rows["is_won"].to_numpy(), rows["kind"].iloc[0]
        yield {
            "competitor": rows["reason"].iloc[0] if kind == NAMED else None,
            "is_rest": kind == REST,
            "won": int(is_won.sum()),
            "lost": int((~is_won).sum()),
            **in_columns("win_rate", share_among(is_won, rows["group"].to_numpy())),
            "shrunken_win_rate": float(shrunken_rate) if kind == NAMED else None,
            "amount_won": float(rows["amount"][is_won].sum()),
            "amount_lost": float(rows["amount"][~is_won].sum()),
        }


def _naming(compared: pd.DataFrame) -> Estimate:
    """Which share of these deals names a competitor."""
    return share_among((compared["kind"] != NONE).to_numpy(), compared["group"].to_numpy())
