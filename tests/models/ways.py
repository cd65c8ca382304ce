"""Both tables of a chain made of synthetic leads: SQLs are won or not, and sales' work shows in them as `noise`."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from data_contracts.releases import Candidate
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, OutcomeStatus, Transition
from models.estimators import lightgbm_setting, logistic_setting
from models.fitted import FittedTransition
from models.recipe import Recipe
from tests.example_release import summary

HORIZON = pd.Timedelta(days=28)
PLAIN = Recipe((logistic_setting(-1),))
BLENDED = Recipe((logistic_setting(-1), lightgbm_setting(0, categories="native")), recent_days=180.0, young=True)


def both_tables(
    table: LabelledTable, *, sales_work: float = 0.0, rate: float = -0.5, seed: int = 0
) -> dict[Transition, LabelledTable]:
    """`table` of `mql_to_sql` with wins, and that of its SQLs.

    An SQL is won with log-odds of `rate` at two visits, plus what sales' work adds: on average `sales_work`. The column
    `noise` holds that work in an SQL, and nothing of the kind in an MQL.
    """
    random = np.random.default_rng(seed)
    sqls = table.frame[table.frame["converted_after_days"].notna()].drop_duplicates("lead_id")
    entered = sqls["as_of"] + pd.to_timedelta(sqls["converted_after_days"], unit="D")
    work = random.normal(sales_work, 1.0, len(sqls))
    is_won = random.random(len(sqls)) < expit(rate + 0.5 * (sqls["n_visits"] - 2) + work)
    wins = set(sqls.loc[is_won, "lead_id"])
    second = replace(
        table, transition=Transition.SQL_TO_WIN, frame=_sqls(sqls, entered, is_won, work, until=table.extracted_at)
    )
    return {Transition.MQL_TO_SQL: _with_wins(table, wins), Transition.SQL_TO_WIN: second}


def _with_wins(table: LabelledTable, wins: set[str]) -> LabelledTable:
    frame = table.frame
    won_known_at = frame["outcome_known_at"] + HORIZON
    is_won = frame["converted"] & frame["lead_id"].isin(wins)
    labelled = frame["outcome_status"].isin([OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED])
    status = np.select(
        [won_known_at > table.extracted_at, ~labelled, is_won],
        [OutcomeStatus.CENSORED, frame["outcome_status"], OutcomeStatus.CONVERTED],
        OutcomeStatus.NOT_CONVERTED,
    )
    won = np.where(is_won, frame["converted_after_days"] + 14.0, np.nan)
    told = frame.assign(won_status=[str(one) for one in status], won_known_at=won_known_at, won_after_days=won)
    return replace(table, frame=told)


def _sqls(sqls: pd.DataFrame, entered: pd.Series, is_won: pd.Series, work: np.ndarray, *, until: Any) -> pd.DataFrame:
    known_at = entered + HORIZON
    status = np.select(
        [known_at > until, is_won],
        [OutcomeStatus.CENSORED, OutcomeStatus.CONVERTED],
        OutcomeStatus.NOT_CONVERTED,
    )
    frame = sqls.assign(
        noise=work,
        day=ENTRY,
        days_in_stage=0.0,
        stage="sql",
        transition=str(Transition.SQL_TO_WIN),
        ordinal=1,
        weight=1.0,
        as_of=entered,
        outcome_known_at=known_at,
        outcome_status=[str(one) for one in status],
        converted=status == OutcomeStatus.CONVERTED,
        converted_after_days=np.where(is_won, 14.0, np.nan),
        left_after_days=np.where(is_won, np.nan, 14.0),
    )
    return frame[frame["as_of"] < until].sort_values(["as_of", "lead_id"], ignore_index=True)


def made_by(recipe: Recipe, transition: Transition) -> FittedTransition:
    """A transition of a release, of which only the recipe is known; None of its objects."""
    chosen = Candidate(
        estimator=recipe.estimator,
        parameters=recipe.parameters,
        calibrator=recipe.calibrator,
        validation_log_loss=0.5,
        is_chosen=True,
    )
    told = summary(transition, estimator=recipe.estimator).model_copy(update={"candidates": (chosen,)})
    return FittedTransition(summary=told, columns=(), estimators=(), calibrator=None)


def both_made_by(recipe: Recipe) -> dict[Transition, FittedTransition]:
    """Both transitions made by one recipe."""
    return {each: made_by(recipe, each) for each in (Transition.MQL_TO_SQL, Transition.SQL_TO_WIN)}
