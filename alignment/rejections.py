"""Which reasons sales gives for turning hand-offs down, and which of them rise by more than noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import false_discovery_control, hypergeom

from alignment.cohorts import JACKKNIFE_GROUP
from alignment.handed_off import TURNED_DOWN, Flags, HandOffs
from alignment.intervals import GROUPS, Floats, difference_estimate, in_columns, share_estimate, without_each
from alignment.said import LEAST_SAID, MOST_SHOWN, one_spelling
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.rejections import (
    CHANCE,
    LEAST_TESTED,
    OTHER_REASONS,
    PERIODS_BEFORE,
    REJECTIONS_SCHEMA,
    Rejections,
)
from data_contracts.vocabulary import Stage

_NONE_GIVEN = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Decided:
    """Decisions by period and reason.

    Attributes
    ----------
    spans
        Every period from the first decision to the last.
    reasons
        Those that are told apart.
    by_group
        Hand-offs by jackknife group, period, and (reasons, then all decisions).
    by_account
        Accounts by period and (reasons, then all decisions): each once.
    """

    spans: tuple[Span, ...]
    reasons: tuple[str, ...]
    by_group: Floats
    by_account: Floats


def rejections(hand_offs: HandOffs, *, every: Period = Period.MONTH) -> Rejections:
    """The reasons for which hand-offs were turned down, by the period in which sales decided.

    A rise is tested on accounts, because the leads of one account are often turned down together: in how many of the
    accounts with a decision in the period the reason was given, against those of the periods before (Fisher's exact
    test, one-sided). Its size is told in hand-offs, with the jackknife's interval over accounts.

    Parameters
    ----------
    every
        The length of the periods.
    """
    rows = hand_offs.frame[_is_by_sales(hand_offs)].assign(reason=_reason_of)
    named, not_named = _named(rows["reason"], rows["lead_id"])
    decided = _counted(hand_offs, rows.assign(reason=named), every=every)
    told = [row for place in range(len(decided.spans)) for row in _rows(decided, place, hand_offs)]
    return Rejections(
        rows=pa.Table.from_pylist(told, schema=REJECTIONS_SCHEMA),
        as_of=hand_offs.as_of,
        period=every,
        not_named=not_named,
        definitions_version=hand_offs.milestones.definitions_version,
    )


def _is_by_sales(hand_offs: HandOffs) -> Flags:
    """Whether sales decided on each hand-off. Untouched leads that went to nurture by themselves were not looked at."""
    frame = hand_offs.frame
    was_looked_at = frame["touched_at"].notna() | frame["reason"].notna() | bool(hand_offs.unknown_because)
    is_decided = frame["decided_at"].notna() & (was_looked_at | (frame["decision"] != Stage.NURTURE))
    return hand_offs.counted & is_decided.to_numpy(dtype=bool)


def _reason_of(rows: pd.DataFrame) -> pd.Series:
    """Why each was turned down: empty where sales gave no reason, missing where it was not turned down."""
    reason = rows["reason"].astype(object)
    is_not = (rows["decision"] == Stage.SQL) | ~(rows["decision"].isin(TURNED_DOWN) | reason.notna())
    return reason.fillna(_NONE_GIVEN).mask(is_not)


def _named(reasons: pd.Series, leads: pd.Series) -> tuple[pd.Series, int]:
    """Each reason as it is called, and how many are not called by name."""
    texts = reasons.where(reasons != _NONE_GIVEN)
    spelt = one_spelling(pd.Series("", index=reasons.index), texts)
    said = pd.DataFrame({"name": spelt, "lead": leads}).dropna().groupby("name")["lead"].agg(["size", "nunique"])
    said = said.reset_index().sort_values(["size", "name"], ascending=[False, True])
    named = said["name"][said["nunique"] >= LEAST_SAID][:MOST_SHOWN]
    called = spelt.where(spelt.isin(named) | spelt.isna(), OTHER_REASONS).astype(object)
    return called.where(spelt.notna(), reasons), len(said) - len(named)


def _counted(hand_offs: HandOffs, rows: pd.DataFrame, *, every: Period) -> _Decided:
    zone = hand_offs.milestones.time_zone
    counts = rows["reason"].value_counts()
    last = {_NONE_GIVEN: 1, OTHER_REASONS: 2}
    reasons = tuple(sorted(counts.index.astype(str), key=lambda name: (last.get(name, 0), -counts[name], name)))
    starts = every.starts(rows["decided_at"], time_zone=zone)
    spans = _every_span(starts, every, zone)
    width = len(reasons) + 1
    place = starts.map({pd.Timestamp(span.first): nth for nth, span in enumerate(spans)}).to_numpy()
    which = rows["reason"].map({name: nth for nth, name in enumerate(reasons)})
    account = pd.factorize(hand_offs.milestones.frame["account_id"])[0][rows["place"].to_numpy()]
    facts = pd.DataFrame(
        {"group": rows[JACKKNIFE_GROUP].to_numpy(), "account": account, "period": place, "reason": which.array}
    )
    turned_down, every_one = facts.dropna(), facts.assign(reason=len(reasons))
    both = pd.concat([turned_down, every_one]).astype("int64")
    cell = (both["period"] * width + both["reason"]).to_numpy()
    n_cells = len(spans) * width
    by_group = np.bincount(both["group"].to_numpy() * n_cells + cell, minlength=GROUPS * n_cells)
    once = ~both[["account", "period", "reason"]].duplicated().to_numpy()
    return _Decided(
        spans=spans,
        reasons=reasons,
        by_group=by_group.reshape(GROUPS, len(spans), width).astype(np.float64),
        by_account=np.bincount(cell[once], minlength=n_cells).reshape(len(spans), width).astype(np.float64),
    )


def _every_span(starts: pd.Series, every: Period, zone: str) -> tuple[Span, ...]:
    if starts.empty:
        return ()
    spans = [Span.of(every, starts.min().date(), time_zone=zone)]
    while spans[-1].end <= starts.max().date():
        spans.append(Span.of(every, spans[-1].end, time_zone=zone))
    return tuple(spans)


def _rows(decided: _Decided, place: int, hand_offs: HandOffs) -> Iterator[dict[str, Any]]:
    """Each reason of the period at `place`."""
    before = slice(max(0, place - PERIODS_BEFORE), place)
    now = decided.by_group[:, place]
    earlier = decided.by_group[:, before].sum(axis=1)
    p_values = _p_values(decided.by_account[place], decided.by_account[before].sum(axis=0))
    q_values = _q_values(p_values)
    n, n_before = now.sum(axis=0), earlier.sum(axis=0)
    replicates = without_each(np.stack([now, earlier], axis=2))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = replicates / replicates[:, -1:]
    span = decided.spans[place]
    for nth, reason in enumerate(decided.reasons):
        row = {
            "period": pd.Timestamp(span.first).to_pydatetime(),
            "is_complete": span.end_at <= hand_offs.as_of,
            "reason": reason or None,
            "decided": int(n[-1]),
            "turned_down": int(n[:-1].sum()),
            "n": int(n[nth]),
            "decided_before": int(n_before[-1]),
            "n_before": int(n_before[nth]),
            "p_value": _known(p_values[nth]),
            "q_value": _known(q_values[nth]),
        }
        yield row | _compared(row, shares[:, nth])


def _compared(row: dict[str, Any], shares: Floats) -> dict[str, Any]:
    """The share now, that before, and their difference: `shares` by replicate, and (now, before)."""
    decided, before = row["decided"], row["decided_before"]
    share = share_estimate(row["n"] / decided if decided else float("nan"), shares[:, 0], n=decided)
    share_before = row["n_before"] / before if before else None
    value = float("nan") if share.value is None or share_before is None else share.value - share_before
    difference = difference_estimate(value, shares[:, 0] - shares[:, 1])
    is_above = difference.low is not None and difference.low > 0
    return {
        **in_columns("share", share),
        "share_before": share_before,
        **in_columns("difference", difference),
        "is_more_than_noise": is_above and row["q_value"] is not None and row["q_value"] < CHANCE,
    }


def _p_values(now: Floats, before: Floats) -> Floats:
    """How likely at least so many of the accounts would have each reason now, if nothing had changed.

    Of the accounts with the reason in the period, among all with it then or before; NaN where there is too little to
    compare. That depends on both together, which says nothing about a rise.
    """
    with_reason, accounts = now[:-1] + before[:-1], now[-1] + before[-1]
    is_tested = (with_reason >= LEAST_TESTED) & (before[-1] > 0)
    return np.where(is_tested, hypergeom.sf(now[:-1] - 1, accounts, with_reason, now[-1]), np.nan)


def _q_values(p_values: Floats) -> Floats:
    """The p-values, corrected for their number (Benjamini and Hochberg, 1995, J R Stat Soc B 57:289)."""
    is_tested = np.isfinite(p_values)
    corrected = np.full(len(p_values), np.nan)
    if is_tested.any():
        corrected[is_tested] = false_discovery_control(p_values[is_tested])
    return corrected


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
