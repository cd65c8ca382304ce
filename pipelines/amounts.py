"""Checked history and labelled tables in, what a win is expected to bring out."""

from collections.abc import Mapping

from data_contracts.amounts import AmountModel
from data_contracts.history import CrmHistory
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.revenue import wins_as_first_seen, won_revenue
from models.amounts import learn_amounts


def learn_amounts_of_wins(history: CrmHistory, tables: Mapping[Transition, LabelledTable]) -> AmountModel:
    """What a win is expected to bring, learnt from every win of `history` with the features in `tables`."""
    revenue = won_revenue(history)
    (columns, *_) = (table.columns for table in tables.values())
    return learn_amounts(revenue, wins_as_first_seen(revenue, tables), columns=columns)
