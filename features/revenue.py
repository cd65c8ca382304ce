"""What won leads brought, and what was known of them when they were first seen."""

import math
from collections.abc import Mapping

import ibis
import pandas as pd

from data_contracts.history import CrmHistory
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, DealOutcome, Transition


def won_revenue(history: CrmHistory) -> pd.DataFrame:
    """What each won lead brought: the sum of the amounts of its won deals, in the currency of the settings.

    Amounts are in that currency since the check (`data_contracts.check.keep.in_one_currency`). A sum is exact before it
    is rounded, so it does not matter in which order an engine hands out the deals.

    Returns
    -------
    DataFrame
        `lead_id`, `won_at` (when its first deal was closed, or created where no close is dated; UTC, naive) and
        `revenue`, one row a lead, in order of the lead. A lead of whose won deals no amount is known has no row.
    """
    deals = history.opportunities
    won = deals.filter(deals.outcome == DealOutcome.WON.value, deals.amount.notnull())
    told = won.select("lead_id", "amount", won_at=ibis.coalesce(won.closed_at, won.created_at))
    frame: pd.DataFrame = told.to_pyarrow().to_pandas()
    by_lead = frame.groupby("lead_id", sort=True)
    return pd.DataFrame({"won_at": by_lead["won_at"].min(), "revenue": by_lead["amount"].agg(math.fsum)}).reset_index()


def wins_as_first_seen(revenue: pd.DataFrame, tables: Mapping[Transition, LabelledTable]) -> pd.DataFrame:
    """The features of each won lead as it first entered a stage at which wins are predicted, beside what it brought.

    A lead that entered none of them before its win was known of too late, and is left out.

    Parameters
    ----------
    revenue
        What `won_revenue` returns.
    tables
        The labelled tables of a release. The features in them are as known at their snapshots.

    Returns
    -------
    DataFrame
        The columns of the tables, `won_at` and `revenue`; one row a lead, in order of the win.
    """
    entries = [table.frame[table.frame["day"] == ENTRY] for table in tables.values()]
    seen = pd.concat([each[each["lead_id"].isin(revenue["lead_id"])] for each in entries], ignore_index=True)
    first = seen.sort_values(["as_of", "lead_id"], kind="stable").drop_duplicates("lead_id")
    rows = first.merge(revenue.astype({"lead_id": first["lead_id"].dtype}), on="lead_id")
    rows = rows[rows["as_of"] < rows["won_at"]]
    return rows.sort_values(["won_at", "lead_id"], kind="stable", ignore_index=True)
