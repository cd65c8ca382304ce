"""After the win: who bought again, who left, and what won deals leave after their costs."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from alignment.cohorts import JACKKNIFE_GROUP, Cell, beside_leads, cells_of, whole_days
from alignment.incidence import Followed, incidence
from alignment.intervals import UNKNOWN, Floats, Integers, difference_estimate, in_columns, sums_by_group, without_each
from alignment.milestones import Milestones
from alignment.profile_fit import fit_at, judgeable
from data_contracts.estimates import Estimate
from data_contracts.history import CrmHistory
from data_contracts.metrics.after_win import CHURN_SCHEMA, MARGIN_SCHEMA, REPEAT_SCHEMA, WITHIN_DAYS, AfterWin
from data_contracts.metrics.periods import Period
from data_contracts.snapshots import FIT_SHARE, Snapshots
from data_contracts.today import SOURCE
from data_contracts.vocabulary import DealOutcome, Stage
from features.stages import ordered_changes, reached_stages

LETTERS = "ABCD"
"""Of fit, the best first."""

NO_DEALS = "the CRM has no won deals"
NO_ACCOUNTS = "no lead has an account, and none has two won deals: a customer that came back would look like a new one"
NO_CHURN = "no won deal says that its customer left: give `churned_at` in the SELECT of opportunities"
NO_MARGIN = "no won deal has a margin: give `margin` in the SELECT of opportunities"


def after_win(milestones: Milestones, history: CrmHistory, *, every: Period = Period.YEAR, by: str = "") -> AfterWin:
    """What became of customers: repeat purchases, churn, and margins by source and fit.

    What the CRM does not have is missing, and says why: no churn at all is taken as not recorded, never as none.

    Parameters
    ----------
    milestones
        Of `history`; the deals of its leads are those that count.
    every, by
        As in `cohort_funnel`: of the cohorts of repeats and churn.

    Raises
    ------
    KeyError
        Where the leads have no column `by`.
    """
    deals = _won_deals(milestones, history, by=by)
    dated = deals[deals["closed_at"].notna()].reset_index(drop=True)
    is_alone = (milestones.frame["account_id"] == milestones.frame["lead_id"]).all()
    no_accounts = NO_ACCOUNTS if is_alone and not dated["lead_id"].duplicated().any() else ""
    told = {
        "repeats": NO_DEALS if dated.empty else no_accounts,
        "churn": NO_DEALS if dated.empty else "" if dated["churned_at"].notna().any() else NO_CHURN,
        "margin": NO_DEALS if deals.empty else "" if deals["margin"].notna().any() else NO_MARGIN,
    }
    buyers, served = (dated if not told[name] else dated.iloc[:0] for name in ("repeats", "churn"))
    margins = deals if not told["margin"] else deals.iloc[:0]
    fit = _fit_letters(milestones, history) if len(margins) else pd.Series(dtype=object)
    return AfterWin(
        repeats=_table(_repeats(buyers, milestones, every=every), REPEAT_SCHEMA),
        churn=_table(_churn(served, milestones, every=every), CHURN_SCHEMA),
        margin_by_source=_table(_margins(margins, margins[SOURCE].astype(object).fillna("")), MARGIN_SCHEMA),
        margin_by_fit=_table(_margins(margins, fit.reindex(margins["lead_id"]).fillna("")), MARGIN_SCHEMA),
        as_of=milestones.as_of,
        period=every,
        by=by,
        without_date=len(deals) - len(dated),
        why_not={name: why for name, why in told.items() if why},
    )


def _won_deals(milestones: Milestones, history: CrmHistory, *, by: str) -> pd.DataFrame:
    """The won deals of the leads, each with its account, source and group, in order of their close."""
    deals = history.opportunities
    won = deals.filter(deals.outcome == DealOutcome.WON.value)
    columns = ("lead_id", "opportunity_id", "amount", "margin", "created_at", "closed_at", "churned_at")
    frame: pd.DataFrame = won.select(*columns).to_pyarrow().to_pandas()
    times = {name: "datetime64[us]" for name in columns if name.endswith("_at")}
    frame = frame.astype(times | dict.fromkeys(("amount", "margin"), "float64"))
    # An end that is agreed on and has not come is none yet.
    frame["churned_at"] = frame["churned_at"].where(frame["churned_at"] < milestones.as_of)
    frame = beside_leads(frame, milestones, columns=("account_id", SOURCE), by=by)
    return frame.sort_values(["closed_at", "created_at", "opportunity_id"], ignore_index=True)


def _repeats(deals: pd.DataFrame, milestones: Milestones, *, every: Period) -> Iterator[dict[str, Any]]:
    """Rows of `REPEAT_SCHEMA`."""
    if deals.empty:
        return
    first = deals.drop_duplicates("account_id").set_index("account_id")
    first_won_at = deals["account_id"].map(first["closed_at"])
    day, first_day = (
        milestones.settings.policy.calendar.local_day(each) for each in (deals["closed_at"], first_won_at)
    )
    is_later = day > first_day
    is_again = is_later & (deals["created_at"] >= first_won_at)
    first = first.assign(
        again_at=deals[is_again].groupby("account_id")["closed_at"].min().reindex(first.index),
        has_other=deals[is_later].groupby("account_id").size().reindex(first.index).notna(),
    )
    for cell in cells_of(first, first["closed_at"], every=every, milestones=milestones):
        rows = cell.rows
        told = _followed(rows, "again_at", milestones.as_of)
        repeated = int(told.reached.sum())
        yield {
            **_of_cell(cell, milestones, every=every),
            "customers": len(rows),
            "repeated": repeated,
            "open_before": int((rows["has_other"] & rows["again_at"].isna()).sum()),
            "raw_rate": repeated / len(rows),
            **in_columns("repeat_rate", incidence(told).within(WITHIN_DAYS)),
        }


def _churn(deals: pd.DataFrame, milestones: Milestones, *, every: Period) -> Iterator[dict[str, Any]]:
    """Rows of `CHURN_SCHEMA`."""
    for cell in cells_of(deals, deals["closed_at"], every=every, milestones=milestones):
        told = _followed(cell.rows, "churned_at", milestones.as_of)
        churned = int(told.reached.sum())
        yield {
            **_of_cell(cell, milestones, every=every),
            "deals": len(cell.rows),
            "churned": churned,
            "raw_rate": churned / len(cell.rows),
            **in_columns("churn_rate", incidence(told).within(WITHIN_DAYS)),
        }


def _of_cell(cell: Cell, milestones: Milestones, *, every: Period) -> dict[str, Any]:
    is_mature = cell.is_mature(every, days=WITHIN_DAYS, milestones=milestones)
    return {"cohort": cell.cohort, "group": cell.group, "is_mature": is_mature}


def _followed(rows: pd.DataFrame, event: str, as_of: dt.datetime) -> Followed:
    happened = rows[event].notna()
    now = pd.Timestamp(as_of)
    return Followed(
        days=whole_days(rows[event].fillna(now) - rows["closed_at"]),
        watched=whole_days(now - rows["closed_at"]),
        reached=happened.to_numpy(),
        ended=np.zeros(len(rows), dtype=bool),
        groups=rows[JACKKNIFE_GROUP].to_numpy(),
    )


def _fit_letters(milestones: Milestones, history: CrmHistory) -> pd.Series:
    """By lead with won deals, the letter of its fit as it first got to MQL or beyond; None where nothing was known."""
    icp, _ = judgeable(milestones.settings.definitions.icp, milestones.settings)
    changes = ordered_changes(history.stage_changes).filter(ibis._.stage.isin(reached_stages(Stage.MQL)))
    reached = changes.group_by(reached_id="lead_id").aggregate(known_from=ibis._.known_from.min())
    won = history.leads.semi_join(history.opportunities.filter(ibis._.outcome == DealOutcome.WON.value), "lead_id")
    moments = won.left_join(reached, won.lead_id == reached.reached_id)
    moments = moments.select(
        "lead_id",
        snapshot_id=ibis.row_number().over(order_by=moments.lead_id).cast("int64"),
        # A value is known from just after its change.
        as_of=moments.known_from.fill_null(moments.created_at) + ibis.interval(microseconds=1),
        stage=ibis.literal(Stage.MQL.value),
    )
    fit = fit_at(history, Snapshots(moments), icp=icp, settings=milestones.settings)
    told = moments.select("lead_id", "snapshot_id").join(fit, "snapshot_id").select("lead_id", FIT_SHARE)
    frame = told.to_pyarrow().to_pandas()
    shares = frame[FIT_SHARE].astype("float64").to_numpy()
    letters = np.array(list(LETTERS), dtype=object)[(shares[:, None] < np.array(icp.fit_boundaries)).sum(axis=1)]
    return pd.Series(np.where(np.isnan(shares), None, letters), index=frame["lead_id"], dtype=object)


def _margins(deals: pd.DataFrame, group: pd.Series) -> Iterator[dict[str, Any]]:
    """Rows of `MARGIN_SCHEMA`, the largest margin first."""
    found: list[dict[str, Any]] = []
    for name, rows in deals.groupby(group.to_numpy(), sort=True):
        margin, amount = rows["margin"].to_numpy(), rows["amount"].to_numpy()
        groups = rows[JACKKNIFE_GROUP].to_numpy()
        has_margin, has_both = ~np.isnan(margin), ~np.isnan(margin) & ~np.isnan(amount)
        found.append(
            {
                "group": name or None,
                "deals": len(rows),
                "with_margin": int(has_margin.sum()),
                "with_both": int(has_both.sum()),
                "margin": float(margin[has_margin].sum()) if has_margin.any() else None,
                **in_columns("margin_share", _ratio(margin[has_both], amount[has_both], groups[has_both])),
                **in_columns(
                    "margin_per_deal", _ratio(margin[has_margin], np.ones(has_margin.sum()), groups[has_margin])
                ),
            }
        )
    yield from sorted(found, key=lambda row: (row["margin"] is None, -(row["margin"] or 0.0)))


def _ratio(above: Floats, below: Floats, groups: Integers) -> Estimate:
    """The sum of `above` by that of `below`, which may lie on both sides of 0; unknown where the latter is 0."""
    sums = sums_by_group(groups, above, below)
    total = sums.sum(axis=0)
    if not total[1]:
        return UNKNOWN
    others = without_each(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = others[:, 0] / others[:, 1]
    return difference_estimate(float(total[0] / total[1]), replicates[np.isfinite(replicates)])


def _table(rows: Iterator[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)
