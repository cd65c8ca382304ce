"""What a release would have said of the leads of the past weeks, each lead by models that never saw its account."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.amounts import AmountModel
from data_contracts.past_scores import AMOUNT, P_FIRST, PastScores
from data_contracts.scores import P_SQL, P_WIN, P_WIN_GIVEN_SQL
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from models.amounts import expected_amounts
from models.calibrate import mended
from models.chain_links import Link
from models.fit import N_CROSS_FITS
from models.fitted import FittedChain, FittedTransition
from models.threads import in_one_thread
from models.train import SEED


@in_one_thread
def past_scores(
    asked: pd.DataFrame,
    tables: Mapping[Transition, LabelledTable],
    fitted: Mapping[Transition, FittedTransition],
    *,
    chain: FittedChain | None,
    amounts: AmountModel,
    sampled_share: float = 1.0,
    seed: int = SEED,
) -> PastScores:
    """The probabilities of each row of `asked` from models of three quarters of the accounts, never of the row's own.

    A model that has seen what became of a lead is too sure of it. So a boundary chosen by the release's own models
    would let too few new leads through, or too many.

    Parameters
    ----------
    asked
        Features at the moments of `features.snapshots.past_snapshots`.
    tables, fitted
        By transition: what each was learnt from, and its model. The recipes, and what was mended since, are theirs.
        Without `sql_to_win`, `p_win` is missing (NaN).
    chain
        What mends the probability of a win before SQL.
    amounts
        What a win is expected to bring. It has seen all accounts: it says nothing of whether a lead is won.
    sampled_share
        The share of the accounts that is in `asked`.
    seed
        Of how accounts are dealt.
    """
    at = max(table.extracted_at for table in tables.values())
    part = _dealt(asked, tables, seed=seed)
    predicted = {
        transition: _cross_predicted(asked, tables[transition], model, at=at, part=part, seed=seed)
        for transition, model in fitted.items()
    }
    return PastScores(_told(asked, predicted, chain=chain, amounts=amounts), sampled_share)


@in_one_thread
def later_scores(
    asked: pd.DataFrame,
    tables: Mapping[Transition, LabelledTable],
    fitted: Mapping[Transition, FittedTransition],
    *,
    amounts: AmountModel,
    seed: int = SEED,
) -> pd.DataFrame:
    """The columns of `PastScores.frame` of rows later than all of `tables`, by models made of `tables`.

    Their recipes are those of `fitted`, which may have been learnt from an earlier table. Without `sql_to_win` in it,
    `p_win` is missing (NaN).
    """
    predicted = {
        transition: Link.of(tables[transition], model, seed=seed).predicted(asked, at=tables[transition].extracted_at)
        for transition, model in fitted.items()
    }
    return _told(asked, predicted, chain=None, amounts=amounts)


def _told(
    asked: pd.DataFrame,
    predicted: Mapping[Transition, npt.NDArray[np.float64]],
    *,
    chain: FittedChain | None,
    amounts: AmountModel,
) -> pd.DataFrame:
    """The columns of `PastScores.frame`, from what the models of the transitions `predicted` of each row of `asked`."""
    told = asked[["lead_id", "group_id", "as_of", "stage"]].reset_index(drop=True)
    told[AMOUNT] = expected_amounts(amounts, asked)
    if Transition.MQL_TO_WIN in predicted:
        p_win = predicted[Transition.MQL_TO_WIN]
        return told.assign(**{P_FIRST: p_win, P_WIN: p_win})
    if Transition.SQL_TO_WIN not in predicted:
        return told.assign(**{P_FIRST: predicted[Transition.MQL_TO_SQL], P_WIN: np.full(len(told), np.nan)})
    both = asked.assign(**{P_SQL: predicted[Transition.MQL_TO_SQL], P_WIN_GIVEN_SQL: predicted[Transition.SQL_TO_WIN]})
    p_win = (both[P_SQL] * both[P_WIN_GIVEN_SQL]).to_numpy() if chain is None else chain.p_win(both)
    return told.assign(**{P_FIRST: both[P_SQL].to_numpy(), P_WIN: p_win})


def _dealt(asked: pd.DataFrame, tables: Mapping[Transition, LabelledTable], *, seed: int) -> dict[str, int]:
    """The part of each account, dealt at random; those with outcomes come first, so that every part has its share."""
    labelled = [table.labelled()["group_id"] for table in tables.values()]
    known = pd.concat(labelled).drop_duplicates().sort_values()
    others = asked.loc[~asked["group_id"].isin(known), "group_id"].drop_duplicates().sort_values()
    random = np.random.default_rng(seed)
    accounts = [account for each in (known, others) for account in random.permutation(each.to_numpy(dtype=object))]
    return {account: place % N_CROSS_FITS for place, account in enumerate(accounts)}


def _cross_predicted(
    asked: pd.DataFrame,
    table: LabelledTable,
    model: FittedTransition,
    *,
    at: dt.datetime,
    part: Mapping[str, int],
    seed: int,
) -> npt.NDArray[np.float64]:
    found = Link.of(table, model, seed=seed).cross_predicted(asked, at=at, part=part)
    return mended(found, model.summary.recalibration)
