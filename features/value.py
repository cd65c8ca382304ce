"""What a win is worth."""

import math

from data_contracts.history import CrmHistory
from data_contracts.vocabulary import DealOutcome


def value_of_a_win(history: CrmHistory) -> float:
    """Mean amount of the won opportunities (currency of the settings); 1.0 where no amount is known.

    An expected value is then a number of wins, and still orders leads. The sum is exact before it is rounded, so the
    order in which an engine hands out the amounts does not matter.
    """
    opportunities = history.opportunities
    won = opportunities.filter(opportunities.outcome == DealOutcome.WON)
    amounts = won.filter(won.amount.notnull()).amount.to_pyarrow().to_pylist()
    return math.fsum(amounts) / len(amounts) if amounts else 1.0
