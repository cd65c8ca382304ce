"""Every deal beside the lead it came from, one row a deal: what amounts are summed over."""

import ibis
import pandas as pd

from alignment.milestones import Milestones
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import Span
from data_contracts.vocabulary import DealOutcome, Stage

LEAD_ROW = "lead_row"
"""The column of the place of a deal's lead in `Milestones.frame`."""


def deals_of(history: CrmHistory, milestones: Milestones) -> pd.DataFrame:
    """The deals of the leads of `milestones`, in order of `opportunity_id`; no rows where the CRM has no deals.

    | column | holds |
    |---|---|
    | `opportunity_id`, `outcome` | as in the history |
    | `lead_row` | the place of its lead in `milestones.frame` |
    | `amount` | as the CRM has it now, in the settings' currency; missing where nobody knows |
    | `created_at` | UTC |
    | `closed_at` | of a closed one: where the CRM dates no close, since when its lead stands in won or lost |

    A deal whose own close and whose lead's are both undated has no `closed_at`. In a history as it stood at an earlier
    moment (`features.known_before`), deals that were open then have no amount: the CRM overwrites it.

    Parameters
    ----------
    history
        The one that `milestones` were computed from.
    """
    leads = pd.Index(milestones.frame["lead_id"])
    table = history.opportunities.select("opportunity_id", "lead_id", "amount", "created_at", "closed_at", "outcome")
    table = table.mutate(amount=table.amount.cast("float64")).order_by(ibis.asc("opportunity_id"))
    deals: pd.DataFrame = table.to_pyarrow().to_pandas()
    deals[LEAD_ROW] = leads.get_indexer(pd.Index(deals["lead_id"], dtype=leads.dtype))
    deals = deals[deals[LEAD_ROW] >= 0].reset_index(drop=True)
    created_at = deals["created_at"].astype("datetime64[us]")
    return deals.assign(created_at=created_at, closed_at=_closed_at(deals, milestones)).drop(columns="lead_id")


def won_within(deals: pd.DataFrame, span: Span) -> pd.DataFrame:
    """Those of `deals` that were won in `span`: their amounts are its revenue."""
    won = deals[(deals["outcome"] == DealOutcome.WON) & deals["closed_at"].notna()]
    return won[(won["closed_at"] >= span.start_at) & (won["closed_at"] < span.end_at)]


def _closed_at(deals: pd.DataFrame, milestones: Milestones) -> pd.Series:
    """When each closed deal was closed, by its own date or by its lead's."""
    leads = milestones.frame.iloc[deals[LEAD_ROW]].reset_index(drop=True)
    is_lost = (deals["outcome"] == DealOutcome.LOST) & (leads["stands"] == Stage.LOST)
    of_lead = leads["customer_at"].where(deals["outcome"] == DealOutcome.WON)
    of_lead = of_lead.fillna(leads["stands_since"].where(is_lost))
    closed_at = deals["closed_at"].astype("datetime64[us]").fillna(of_lead)
    return closed_at.where(deals["outcome"] != DealOutcome.OPEN)
