"""The two models on the way to a win, made anew of what was known at a moment, and their product for unseen leads."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.scores import P_SQL, P_WIN_GIVEN_SQL
from data_contracts.settings import Definitions
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import OutcomeStatus, Transition
from models.base_rate import base_rate_at, fit_base_rate_by_age
from models.fit import N_CROSS_FITS, Fitter
from models.fitted import FittedTransition
from models.recipe import Recipe
from models.split import converted_or_not, learning_rows
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
        chosen = next((candidate for candidate in fitted.summary.candidates if candidate.is_chosen), None)
        is_model = fitted.summary.estimator != BASE_RATE_BY_AGE and chosen is not None
        return cls(table, learning_rows(table), Recipe.of(chosen) if is_model and chosen else None, seed)

    def without_young(self) -> "Link":
        """The same, learnt from leads whose horizon has passed only."""
        return replace(self, recipe=None if self.recipe is None else replace(self.recipe, young=False))

    def known(self, at: dt.datetime) -> pd.DataFrame:
        """The labelled rows whose outcome was known at the moment `at`."""
        return self.rows[self.rows["outcome_known_at"] <= at]

    def predicted(
        self, asked: pd.DataFrame, *, at: dt.datetime, unseen: Collection[str] = ()
    ) -> npt.NDArray[np.float64]:
        """What the recipe, made of what was known at `at` but of no account in `unseen`, says of each row `asked`."""
        known = self.known(at)
        known = known[~known["group_id"].isin(unseen)]
        if self.recipe is None:
            return base_rate_at(fit_base_rate_by_age(known), asked)
        young = YoungLeads.of(self.table).rows
        fitter = Fitter(self.table.columns, self.seed, YoungLeads(young[~young["group_id"].isin(unseen)]))
        return fitter.predicted(self.recipe, known, asked, at=at)


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

    def predicted(self, asked: pd.DataFrame, *, at: dt.datetime, unseen: Collection[str] = ()) -> pd.DataFrame:
        """The rows `asked` with `p_sql` and `p_win_given_sql`, as `Link.predicted` says them."""
        chances = {
            name: link.predicted(asked, at=at, unseen=unseen)
            for name, link in ((P_SQL, self.first), (P_WIN_GIVEN_SQL, self.second))
        }
        return asked.assign(**chances)

    def cross_predicted(self, rows: pd.DataFrame, *, at: dt.datetime) -> pd.DataFrame:
        """As `predicted`, each row by models of three quarters of the accounts, never of the row's own.

        Neither model has seen the account: a lead that was won is in the training of both. Young leads are left out.
        They are later than all of `rows`, whose horizons have passed, and would double the time.
        """
        mature = Chain(*(link.without_young() for link in (self.first, self.second)))
        dealt = StratifiedGroupKFold(N_CROSS_FITS).split(rows, converted_or_not(rows), groups=rows["group_id"])
        parts = []
        for _, held_out in dealt:
            asked = rows.iloc[held_out]
            parts.append(mature.predicted(asked, at=at, unseen=set(asked["group_id"])))
        return pd.concat(parts).loc[rows.index]
