"""The two models on the way to a win, made anew of what was known at a moment, and their product for unseen leads."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedGroupKFold

from data_contracts.definitions import Definitions
from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.scores import P_SQL, P_WIN_GIVEN_SQL
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import OutcomeStatus, Transition
from models.base_rate import base_rate_at, fit_base_rate_by_age
from models.calibrate import CalibratorName, blended, calibrated, clipped, fit_calibrator
from models.estimators import model_frame, raw_probabilities
from models.fit import N_CROSS_FITS, Fitter
from models.fitted import FittedTransition
from models.recipe import Recipe
from models.split import as_it_stood, converted_or_not, learning_rows
from models.young import YoungLeads

STEPS = (Transition.MQL_TO_SQL, Transition.SQL_TO_WIN)
"""The transitions of the chain, in order."""


def way_to_a_win(table: LabelledTable, definitions: Definitions) -> LabelledTable:
    """`table` of `mql_to_sql` with other outcomes: an SQL within the first horizon that is won within the second."""
    frame = table.frame
    return replace(
        table,
        transition=Transition.MQL_TO_WIN,
        horizon_days=sum(definitions.transitions[step].horizon_days for step in STEPS),
        frame=frame.assign(
            outcome_status=frame["won_status"],
            converted=(frame["won_status"] == OutcomeStatus.CONVERTED).to_numpy(dtype=bool),
            outcome_known_at=frame["won_known_at"],
            converted_after_days=frame["won_after_days"],
        ),
        counts={status: int((frame["won_status"] == status).sum()) for status in OutcomeStatus},
    )


@dataclass(frozen=True, slots=True)
class Link:
    """One transition of the chain, to be made anew.

    Attributes
    ----------
    table
        What it is learnt from.
    rows
        Its labelled rows.
    recipe
        What was chosen for it; None where the base rate by age is published.
    """

    table: LabelledTable
    rows: pd.DataFrame
    recipe: Recipe | None
    seed: int

    @classmethod
    def of(cls, table: LabelledTable, fitted: FittedTransition, *, seed: int) -> "Link":
        """That of `fitted`, which was learnt from `table`."""
        chosen = fitted.summary.chosen
        is_model = fitted.summary.estimator != BASE_RATE_BY_AGE and chosen is not None
        return cls(table, learning_rows(table), Recipe.of(chosen) if is_model and chosen else None, seed)

    def known(self, at: dt.datetime) -> pd.DataFrame:
        """The labelled rows whose outcome was known at the moment `at`, as it stood then."""
        return as_it_stood(self.rows, at)

    def predicted(self, asked: pd.DataFrame, *, at: dt.datetime) -> npt.NDArray[np.float64]:
        """What the recipe, made of what was known at `at`, says of each row `asked`; young leads as known then."""
        known = self.known(at)
        if self.recipe is None:
            return base_rate_at(fit_base_rate_by_age(known), asked)
        fitter = Fitter(self.table.columns, self.seed, YoungLeads.of(self.table, self.rows))
        return fitter.predicted(self.recipe, known, asked, at=at)

    def cross_predicted(
        self, asked: pd.DataFrame, *, at: dt.datetime, part: Mapping[str, int]
    ) -> npt.NDArray[np.float64]:
        """The same of each row `asked`, from models that have not seen the accounts of the row's own part.

        `part` is the number of each account, below `N_CROSS_FITS`. What the models say is calibrated, where the recipe
        says so, by what was predicted for the accounts of the other parts. Young leads are left out: they are later
        than all of `asked`, whose horizons have passed, and would double the time.
        """
        known = self.known(at)
        known_part = known["group_id"].map(part).fillna(-1).to_numpy()
        asked_part = asked["group_id"].map(part).to_numpy()
        found, of_known = np.empty(len(asked)), np.full(len(known), np.nan)
        for number in range(N_CROSS_FITS):
            learnt, is_asked, is_held_out = known[known_part != number], asked_part == number, known_part == number
            if self.recipe is None:
                found[is_asked] = base_rate_at(fit_base_rate_by_age(learnt), asked[is_asked])
                continue
            plain = replace(self.recipe, young=False, calibrator="none")
            made = Fitter(self.table.columns, self.seed).make(plain, learnt, at=at)
            found[is_asked], of_known[is_held_out] = (
                blended([raw_probabilities(one, model_frame(rows, self.table.columns)) for one in made.estimators])
                for rows in (asked[is_asked], known[is_held_out])
            )
        if self.recipe is None or self.recipe.calibrator == "none":
            return clipped(found)
        for number in range(N_CROSS_FITS):
            others = ~np.isin(known_part, (number, -1))
            calibrator = _calibrator(self.recipe.calibrator, known[others], of_known[others])
            found[asked_part == number] = calibrated(calibrator, found[asked_part == number])
        return found


def _calibrator(name: CalibratorName, rows: pd.DataFrame, raw: npt.NDArray[np.float64]) -> BaseEstimator | None:
    return fit_calibrator(
        name,
        raw,
        outcome=converted_or_not(rows),
        weight=rows["weight"].to_numpy(dtype=np.float64),
        lead=rows["lead_id"].to_numpy(),
    )


@dataclass(frozen=True, slots=True)
class Chain:
    """Both links, `mql_to_sql` first."""

    first: Link
    second: Link

    @classmethod
    def of(
        cls,
        tables: Mapping[Transition, LabelledTable],
        fitted: Mapping[Transition, FittedTransition],
        *,
        seed: int,
    ) -> "Chain":
        """That of a release's two transitions."""
        return cls(*(Link.of(tables[step], fitted[step], seed=seed) for step in STEPS))

    def predicted(self, asked: pd.DataFrame, *, at: dt.datetime) -> pd.DataFrame:
        """The rows `asked` with `p_sql` and `p_win_given_sql`, as `Link.predicted` says them."""
        return asked.assign(
            **{P_SQL: self.first.predicted(asked, at=at), P_WIN_GIVEN_SQL: self.second.predicted(asked, at=at)}
        )

    def cross_predicted(self, rows: pd.DataFrame, *, at: dt.datetime) -> pd.DataFrame:
        """The same, each row from models of three quarters of the accounts, never of the row's own.

        Neither model has seen the account: a lead that was won is in the training of both.
        """
        dealt = StratifiedGroupKFold(N_CROSS_FITS).split(rows, converted_or_not(rows), groups=rows["group_id"])
        part = {account: n for n, (_, held) in enumerate(dealt) for account in rows["group_id"].iloc[held].unique()}
        return rows.assign(
            **{
                name: link.cross_predicted(rows, at=at, part=part)
                for name, link in ((P_SQL, self.first), (P_WIN_GIVEN_SQL, self.second))
            }
        )
