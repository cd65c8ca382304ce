"""From the transitions of a release to the probability of a win."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data_contracts.scores import P_SQL, P_WIN, P_WIN_GIVEN_SQL
from data_contracts.snapshots import DAYS_IN_STAGE
from data_contracts.vocabulary import Stage, Transition
from models.fitted import FittedChain, FittedTransition

QUALIFIED_STAGES = (Stage.SQL, Stage.OPPORTUNITY)
"""Stages in which a lead has its SQL behind it."""


def win_probabilities(
    transitions: Mapping[Transition, FittedTransition],
    frame: pd.DataFrame,
    *,
    chain: FittedChain | None = None,
) -> pd.DataFrame:
    """The probabilities of each row of `frame`: `p_sql`, `p_win_given_sql`, and `p_win`.

    With both transitions, `p_win` is `p_sql * p_win_given_sql`: the probability of an SQL within the first horizon that
    is won within the second. A lead that is an SQL already has `p_sql` 1. `sql_to_win` was trained on SQLs only; for an
    earlier lead it extrapolates from what is known now, and the `chain` of the release mends the product. Then
    `p_win_given_sql` is what the mended `p_win` makes it, so that the three still go together. With `mql_to_win` alone,
    `p_win` is that model's and the other two are missing (NaN).

    Parameters
    ----------
    transitions
        The models of a release: `mql_to_sql` and `sql_to_win`, or `mql_to_win`.
    frame
        Features, and `stage`; where the chain mends anything `days_in_stage`.
    chain
        What mends the product for leads before SQL; None where nobody could judge it.
    """
    predicted = {transition: model.predict(frame) for transition, model in transitions.items()}
    return chained(predicted, frame, chain=chain)


def chained(
    predicted: Mapping[Transition, np.ndarray], frame: pd.DataFrame, *, chain: FittedChain | None = None
) -> pd.DataFrame:
    """As `win_probabilities`, from what the models of the transitions have `predicted` for each row of `frame`."""
    if Transition.MQL_TO_WIN in predicted:
        p_win = predicted[Transition.MQL_TO_WIN]
        missing = float("nan")
        return pd.DataFrame({P_SQL: missing, P_WIN_GIVEN_SQL: missing, P_WIN: p_win}, index=frame.index)
    is_qualified = frame["stage"].isin(QUALIFIED_STAGES)
    p_sql = pd.Series(predicted[Transition.MQL_TO_SQL], index=frame.index).mask(is_qualified, 1.0)
    chances = pd.DataFrame({P_SQL: p_sql, P_WIN_GIVEN_SQL: predicted[Transition.SQL_TO_WIN]}, index=frame.index)
    chances[P_WIN] = chances[P_SQL] * chances[P_WIN_GIVEN_SQL]
    if chain is not None and not chain.is_product:
        mended = chain.p_win(chances.assign(**{DAYS_IN_STAGE: frame[DAYS_IN_STAGE]}))
        chances[P_WIN] = chances[P_WIN].where(is_qualified, mended)
        chances[P_WIN_GIVEN_SQL] = chances[P_WIN_GIVEN_SQL].where(is_qualified, chances[P_WIN] / chances[P_SQL])
    return chances
