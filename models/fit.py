"""From labelled rows to estimators, and to a calibrator that learns from predictions for unseen accounts."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from data_contracts.snapshots import FeatureColumn
from models.calibrate import CalibratorName, blended, calibrated, fit_calibrator
from models.estimators import (
    Design,
    Setting,
    design_kind,
    fit_design,
    fit_on_design,
    logistic_setting,
    model_frame,
    raw_probabilities,
)
from models.recipe import Recipe
from models.split import converted_or_not, days_until, latest, sampled
from models.young import YoungLeads

N_CROSS_FITS = 4
"""Parts into which accounts are dealt for calibration. Each part is predicted by a model of the other three, which has
seen 75 % of the accounts."""

CALIBRATION_ROWS = 40_000
"""Rows that a calibrator learns from at most, of a random sample of accounts: it has a handful of parameters."""

GUESSING = logistic_setting(-3)
"""The estimator, fitted on mature leads, that says how likely an open young lead is to convert."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Uncalibrated predictions for rows that the predicting model did not learn from, and what became of the rows."""

    raw: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    lead: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["HeldOut"]) -> "HeldOut":
        """All `parts` one after the other."""
        return cls(
            raw=np.concatenate([part.raw for part in parts]),
            outcome=np.concatenate([part.outcome for part in parts]),
            weight=np.concatenate([part.weight for part in parts]),
            group=np.concatenate([part.group for part in parts]),
            lead=np.concatenate([part.lead for part in parts]),
        )

    @classmethod
    def of(cls, rows: pd.DataFrame, raw: np.ndarray) -> "HeldOut":
        """The predictions `raw` for the labelled `rows`, one each."""
        return cls(
            raw=raw,
            outcome=converted_or_not(rows),
            weight=_weights(rows),
            group=rows["group_id"].to_numpy(),
            lead=rows["lead_id"].to_numpy(),
        )

    def at(self, rows: np.ndarray) -> "HeldOut":
        """The same of some rows, by their places."""
        return HeldOut(self.raw[rows], self.outcome[rows], self.weight[rows], self.group[rows], self.lead[rows])

    def calibrator(self, name: CalibratorName) -> BaseEstimator | None:
        """The calibrator called `name`, learnt from these predictions; None where they are too few."""
        return fit_calibrator(name, self.raw, outcome=self.outcome, weight=self.weight, lead=self.lead)


@dataclass(frozen=True, slots=True)
class Made:
    """What a recipe makes of some rows: estimators whose mean log-odds are taken, and what calibrates them.

    The calibrator is None where the recipe names none, or the rows are too few for the one it names.
    """

    estimators: tuple[Pipeline, ...]
    calibrator: BaseEstimator | None


Designs = dict[str, Design]
"""The designs of the same rows, by kind."""


@dataclass(frozen=True, slots=True)
class Fitter:
    """Makes models over `columns`; `seed` decides whatever is drawn.

    Attributes
    ----------
    young
        The young leads that recipes may learn from; None where the time of the rows plays no part.
    guessed
        How likely open young leads are to convert, by moment and days of the latest rows: every recipe asks for it.
    """

    columns: tuple[FeatureColumn, ...]
    seed: int
    young: YoungLeads | None = None
    guessed: dict[tuple[dt.datetime, float | None], np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    def make(self, recipe: Recipe, rows: pd.DataFrame, *, at: dt.datetime | None) -> Made:
        """What `recipe` makes of the labelled `rows`, as known at the moment `at`."""
        learnt = self.learnt(recipe, rows, at=at)
        calibrator = None
        if recipe.calibrator != "none":
            calibrator = self.seen_by_calibrator(recipe.settings, learnt).calibrator(recipe.calibrator)
        return Made(tuple(self._fit(setting, learnt) for setting in recipe.settings), calibrator)

    def predicted(
        self, recipe: Recipe, train: pd.DataFrame, test: pd.DataFrame, *, at: dt.datetime | None
    ) -> np.ndarray:
        """What `recipe`, made of `train` as known at the moment `at`, says of each row of `test`, calibrated."""
        made = self.make(recipe, train, at=at)
        return calibrated(made.calibrator, self._raw(made.estimators, test))

    def learnt(self, recipe: Recipe, rows: pd.DataFrame, *, at: dt.datetime | None) -> pd.DataFrame:
        """The rows that `recipe` learns from: the latest of `rows`, and young leads as known at `at` where it says so.

        Old ones weigh less where it says so. `rows` are all that are labelled at `at`, in order of `as_of`.
        """
        taken = self._taken(recipe, rows, at=at)
        return taken if recipe.half_life_days is None else _faded(taken, half_life_days=recipe.half_life_days)

    def _taken(self, recipe: Recipe, rows: pd.DataFrame, *, at: dt.datetime | None) -> pd.DataFrame:
        """The rows that `recipe` learns from, with the weights of their days."""
        recent = rows if recipe.recent_days is None else latest(rows, days=recipe.recent_days)
        if not recipe.young or self.young is None or at is None:
            return recent
        known = self.young.at(at, since=recent["as_of"].min())
        key = (at, recipe.recent_days)
        if key not in self.guessed:
            estimators = [] if known.open_rows.empty else [self._fit(GUESSING, recent)]
            self.guessed[key] = self._raw(estimators, known.open_rows) if estimators else np.empty(0)
        return known.joined(recent, p_open=self.guessed[key])

    def held_out(
        self, setting: Setting, learnt: pd.DataFrame, test: pd.DataFrame, *, designs: Designs | None = None
    ) -> HeldOut:
        """What a model with `setting` that was fitted on the rows `learnt` predicts for `test`.

        Their `designs` are used, and added to, where they are kept.
        """
        return HeldOut.of(test, self._raw((self._fit(setting, learnt, designs=designs),), test))

    def seen_by_calibrator(self, settings: Sequence[Setting], learnt: pd.DataFrame) -> HeldOut:
        """What a calibrator of models with `settings` learns from: cross-predictions of the rows `learnt`."""
        return self.cross_predictions(settings, sampled(learnt, most_rows=CALIBRATION_ROWS))

    def cross_predictions(self, settings: Sequence[Setting], learnt: pd.DataFrame) -> HeldOut:
        """Predictions for the rows `learnt`, in their order, each by models of three quarters of the accounts.

        A row's own account is never among these.

        Calibrators learn from them. Predictions of earlier models for later rows would be at hand. But those models
        learnt from less, so they are more overconfident than the one that is calibrated in the end. Their calibrator
        would make it timid.
        """
        dealt = StratifiedGroupKFold(N_CROSS_FITS).split(learnt, converted_or_not(learnt), groups=learnt["group_id"])
        raw = np.empty(len(learnt))
        for train, test in dealt:
            estimators = [self._fit(setting, learnt.iloc[train]) for setting in settings]
            raw[test] = self._raw(estimators, learnt.iloc[test])
        return HeldOut.of(learnt, raw)

    def _raw(self, estimators: Sequence[Pipeline], rows: pd.DataFrame) -> np.ndarray:
        features = model_frame(rows, self.columns)
        return blended([raw_probabilities(estimator, features) for estimator in estimators])

    def _fit(self, setting: Setting, rows: pd.DataFrame, *, designs: Designs | None = None) -> Pipeline:
        kept = {} if designs is None else designs
        if (kind := design_kind(setting)) not in kept:
            features, account = model_frame(rows, self.columns), rows["group_id"].to_numpy()
            kept[kind] = fit_design(setting, features, columns=self.columns, account=account)
        return fit_on_design(
            setting,
            kept[kind],
            columns=self.columns,
            outcome=converted_or_not(rows),
            weight=_weights(rows),
            seed=self.seed,
        )


def _faded(rows: pd.DataFrame, *, half_life_days: float) -> pd.DataFrame:
    """`rows`, of which each weighs half as much as one that is so many days later."""
    age = days_until(rows["as_of"].max().to_pydatetime(), rows)
    return rows.assign(weight=rows["weight"] * 0.5 ** (age / half_life_days))


def _weights(rows: pd.DataFrame) -> np.ndarray:
    return rows["weight"].to_numpy(dtype=np.float64)
