"""What a win is worth."""

from data_contracts.history import CrmHistory
from data_contracts.vocabulary import DealOutcome


def value_of_a_win(history: CrmHistory) -> float:
    """Mean amount of the won opportunities (currency of the settings); 1.0 where no amount is known.

    An expected value is then a number of wins, and still orders leads.
    """
    opportunities = history.opportunities
    won = opportunities.filter(opportunities.outcome == DealOutcome.WON)
    mean = won.amount.mean().to_pyarrow().as_py()
    return 1.0 if mean is None else float(mean)
