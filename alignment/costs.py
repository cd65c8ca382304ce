"""Spend divided by the leads that it is recorded beside, or why it cannot be."""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.funnel import horizon_days
from alignment.grouped import NOT_KNOWN, groups_of, in_order, span_numbers
from alignment.intervals import count_interval
from alignment.milestones import Milestones, reached_at
from alignment.spend import Spend, fits, spend_of
from data_contracts.history import CrmHistory
from data_contracts.metrics.costs import COHORT_CUSTOMERS, COST_OF, COSTED, COSTS_SCHEMA, Costs, NoCost, Scope
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.periods import Span
from data_contracts.metrics.sources import COUNTS
from data_contracts.today import CAMPAIGN, SOURCE


def costs(history: CrmHistory, milestones: Milestones, spans: Collection[Span], *, by: str = SOURCE) -> Costs:
    """What the leads of each group cost in each of `spans`, and all groups together.

    Parameters
    ----------
    milestones, spans
        As in `alignment.sources.sources`, which raises the same errors.
    by
        `source` or `campaign`: spend names nothing else.
    """
    if by not in (SOURCE, CAMPAIGN):
        raise KeyError(f"spend is recorded by {SOURCE} and {CAMPAIGN}, not by {by!r}")
    spans = in_order(spans)
    spend = spend_of(history, milestones)
    number = spend.numbers(spans)
    money = spend.frame.assign(span=number, group=spend.frame[by])[number >= 0]
    horizon = horizon_days(Step.LEAD_TO_CUSTOMER, milestones.settings.definitions)
    counting = _Counting(spend, spans, by, milestones.as_of, dt.timedelta(days=horizon))
    rows = list(counting.all_rows(money, _brought(milestones, spans, by, horizon=horizon)))
    rows.sort(key=lambda row: (row["period"], list(Scope).index(row["scope"]), row["group"] is None, row["group"]))
    return Costs(
        rows=pa.Table.from_pylist(rows, schema=COSTS_SCHEMA),
        spans=spans,
        without_leads=tuple(sorted(set(spend.frame[by]) - set(groups_of(milestones, by)) - {NOT_KNOWN})),
        longest_days=_whole(spend.longest_days().get(NOT_KNOWN)),
        as_of=milestones.as_of,
        by=by,
        currency=milestones.settings.crm.currency,
        definitions_version=milestones.definitions_version,
    )


def cost_of_all(history: CrmHistory, milestones: Milestones, span: Span) -> pa.Table:
    """The row of `Costs.rows` of all leads and all spend of `span`; none where there is nothing to tell."""
    rows = costs(history, milestones, [span]).rows
    return rows.filter(pa.array([one == Scope.ALL for one in rows["scope"].to_pylist()], pa.bool_()))


def _whole(days: float | None) -> int | None:
    return None if days is None or np.isnan(days) else int(days)


def _brought(milestones: Milestones, spans: tuple[Span, ...], by: str, *, horizon: int) -> pd.DataFrame:
    """Whatever counts, one row a time that it does: `span`, `group`, `what` and `account`."""
    frame = milestones.frame
    moments = {name: frame[reached_at(milestone)] for milestone, name in COUNTS.items() if name in COSTED}
    came, won = frame[reached_at(Milestone.LEAD)], frame[reached_at(Milestone.CUSTOMER)]
    moments[COHORT_CUSTOMERS] = came.where(won - came < dt.timedelta(days=horizon))
    groups = groups_of(milestones, by)
    told = [
        pd.DataFrame({"span": span_numbers(at, spans), "group": groups, "what": what, "account": frame["account_id"]})
        for what, at in moments.items()
    ]
    rows = pd.concat(told, ignore_index=True)
    return rows[rows["span"] >= 0]


@dataclass(frozen=True, slots=True)
class _Counting:
    """What every row needs to know."""

    spend: Spend
    spans: tuple[Span, ...]
    by: str
    as_of: dt.datetime
    horizon: dt.timedelta

    def all_rows(self, money: pd.DataFrame, brought: pd.DataFrame) -> Iterator[dict[str, Any]]:
        """The rows of every scope. An account that came by two sources is one account where they are together."""
        yield from self._rows(Scope.GROUP, money, brought)
        spent = pd.MultiIndex.from_frame(money[["span", "group"]])
        is_spent = pd.MultiIndex.from_frame(brought[["span", "group"]]).isin(spent)
        together = money.assign(group=NOT_KNOWN)
        yield from self._rows(Scope.WITH_SPEND, together, brought[is_spent].assign(group=NOT_KNOWN))
        yield from self._rows(Scope.ALL, together, brought.assign(group=NOT_KNOWN))

    def _rows(self, scope: Scope, money: pd.DataFrame, brought: pd.DataFrame) -> Iterator[dict[str, Any]]:
        counted: dict[Any, pd.Series] = {
            cell: rows.groupby(["what", "account"]).size() for cell, rows in brought.groupby(["span", "group"])
        }
        paid: dict[Any, pd.DataFrame] = dict(iter(money.groupby(["span", "group"])))
        every = [(place, NOT_KNOWN) for place in range(len(self.spans))] if scope is Scope.ALL else []
        lasts = self.spend.longest_days(self.by if scope is Scope.GROUP else "")
        for cell in dict.fromkeys([*counted, *paid, *every]):
            place, group = cell
            spend = paid.get(cell, money.iloc[:0])
            why_not = self._why_not(spend, self.spans[place], lasts.get(group), is_one=scope is Scope.GROUP)
            yield {
                "scope": scope,
                "group": group or None,
                **self._figures(counted.get(cell, _NOTHING), spend, self.spans[place], why_not=why_not),
            }

    def _why_not(self, spend: pd.DataFrame, span: Span, days: float | None, *, is_one: bool) -> NoCost | None:
        """The first reason that holds; `days` are the longest of a period of its spend, None where it has none ever."""
        lasts = np.nan if days is None else days
        reasons = (
            (NoCost.NO_SPEND, self.spend.frame.empty),
            (NoCost.NOT_OVER, span.end_at > self.as_of),
            (NoCost.NOT_RECORDED, days is None),
            (NoCost.NOT_NAMED, is_one and (spend["group"] == NOT_KNOWN).any()),
            (NoCost.LENGTH_UNKNOWN, np.isnan(lasts)),
            (NoCost.TOO_LONG, not fits(lasts, span)),
            (NoCost.NOT_RECORDED, spend.empty),
            (NoCost.PARTLY_RECORDED, not self.spend.covers(span)),
        )
        return next((why for why, holds in reasons if holds), None)

    def _figures(
        self, counted: pd.Series, spend: pd.DataFrame, span: Span, *, why_not: NoCost | None
    ) -> dict[str, Any]:
        is_mature = span.end_at + self.horizon <= self.as_of
        by_account = {what: counted[counted.index.get_level_values("what") == what] for what in COST_OF}
        counts = {what: int(each.sum()) for what, each in by_account.items()}
        money = None if spend.empty else float(spend["amount"].sum())
        told: dict[str, Any] = {
            "period": dt.datetime.combine(span.first, dt.time()),
            "spend": money,
            **counts,
            "is_mature": is_mature,
            "why_not": why_not,
        }
        if not is_mature:
            told[COHORT_CUSTOMERS] = None
        for what, name in COST_OF.items():
            if money is not None and why_not is None and told[what] is not None:
                told |= _cost(name, money, by_account[what])
        return told


_NOTHING = pd.Series([], dtype="int64", index=pd.MultiIndex.from_arrays([[], []], names=["what", "account"]))


def _cost(name: str, money: float, by_account: pd.Series) -> dict[str, float | None]:
    """The columns of one cost: of fewer it would be more."""
    fewest, most = count_interval(by_account.to_numpy(dtype="float64"))
    n = int(by_account.sum())
    return {
        name: money / n if n else None,
        f"{name}_low": money / most,
        f"{name}_high": money / fewest if fewest else None,
    }
