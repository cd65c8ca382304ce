"""Which recipe: the one that does best on leads that it did not learn from, later ones if there are any.

The search goes step by step. Each step keeps what it tries where that gains beyond one standard error of the paired
difference; beyond two where it forgets history, because what is forgotten is gone if the drift turns.

| step | tries |
|---|---|
| young leads | whether to learn from leads whose horizon has not passed, with one estimator of each kind |
| old leads | for each kind, the latest year, half-year or quarter alone; or weights that halve every so often |
| logistic regression | looser penalties while they clearly gain, otherwise tighter ones while they gain at all |
| LightGBM | larger trees while they clearly gain, words natively or as indicators, agreed directions or none |
| blend | the mean log-odds of the best of both kinds, learning from what either learns from |
| calibrator | none, sigmoid, beta, isotonic, Venn-Abers |

A step ends where the folds cannot tell what it tries apart. More than `SEARCH_ROWS` rows do not tell better than a
sample of their accounts; the final fit learns from all of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.special import xlogy

from data_contracts.progress import Say, silent
from data_contracts.releases import Candidate, Validation
from models.calibrate import CALIBRATORS, CalibratorName, blended, calibrated
from models.estimators import (
    TREE_SIZES,
    Categories,
    Directions,
    has_direction,
    lightgbm_setting,
    logistic_setting,
)
from models.evidence import evidence_of
from models.fit import Designs, Fitter, HeldOut
from models.recipe import Recipe
from models.split import Fold, Split, forward_folds, grouped_folds, latest, sampled

FIRST_PENALTY = -3
LOOSEST_PENALTY, TIGHTEST_PENALTY = 4, -9
"""Powers of the square root of ten: the search begins at C = 0.03 and ends at C = 100 and 0.00003 at the latest."""

CLEAR, FORGETTING = 1.0, 2.0
"""Standard errors of a paired difference by which a step must gain."""

MEMORIES = (365.0, 180.0, 90.0)
"""Days that are learnt from where older rows are left out, and after which a row weighs half where old ones fade.

They are lengths of time, not shares of the rows. A share that was right for the short history of a fold is another
length for the whole."""

LEAST_RECENT_OUTCOMES = 50
"""Leads of either outcome that the days of a memory must hold in every fold."""

SEARCH_ROWS = 40_000
"""Labelled snapshots that recipes are tried on. Of 141,000 of a simulated CRM, the recipe chosen on 40,000 had a log
loss of .4739 on later leads, on 60,000 of .4740, on 20,000 of .4772."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen: over all recipes, and among the logistic regressions; with all that was tried.

    `validation` says on which leads: `forward` on later ones, `grouped` on other accounts of the same time.
    """

    best: Recipe
    best_logistic: Recipe
    candidates: tuple[Candidate, ...]
    validation: Validation


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much one log loss lies below another on the same rows, and the standard error of that."""

    value: float
    standard_error: float

    def exceeds(self, n_errors: float) -> bool:
        """Whether it is more than so many standard errors above 0."""
        return self.value > n_errors * self.standard_error


def select(rows: pd.DataFrame, fitter: Fitter, *, say: Say = silent) -> Selection:
    """The recipe with the least log loss on leads that it did not learn from, as far as the folds can tell.

    The leads are later ones. Where history is too short for a single such fold, they are those of other accounts, and
    the selection says so: no model is ever taken untried.

    `rows` are labelled, in order of `as_of`.
    """
    tried = sampled(rows, most_rows=SEARCH_ROWS)
    if len(tried) < len(rows):
        young = None if fitter.young is None else fitter.young.beside(tried, of=rows)
        fitter, rows = Fitter(fitter.columns, fitter.seed, young), tried
        say(f"trying recipes on {len(rows):,} of the snapshots")
    folds: Sequence[Fold] = forward_folds(rows)
    validation: Validation = "forward" if folds else "grouped"
    if not folds:
        say("history is too short to choose by later leads; choosing by other accounts of the same time")
        folds = grouped_folds(rows)
    started = time.perf_counter()
    search = _Search(folds, fitter, say)
    best, best_logistic = search.run()
    candidates = search.candidates(chosen=best)
    took = time.perf_counter() - started
    say(f"chose {best.described()}, calibrator {best.calibrator}, among {len(candidates)} recipes in {took:.0f} s")
    return Selection(best=best, best_logistic=best_logistic, candidates=candidates, validation=validation)


def paired_gain(before: np.ndarray, after: np.ndarray, later: HeldOut) -> Gain:
    """By how much the probabilities `after` lower the log loss of `before` on the rows `later`.

    Accounts are the independent observations: the snapshots of one go together.
    """
    gains, weight = _losses(before, later.outcome) - _losses(after, later.outcome), later.weight
    gain = float(np.average(gains, weights=weight))
    _, account = np.unique(later.group, return_inverse=True)
    error = np.sqrt(np.sum(np.bincount(account, weight * (gains - gain)) ** 2)) / weight.sum()
    return Gain(gain, float(error))


@dataclass(frozen=True, slots=True)
class _Search:
    folds: Sequence[Fold]
    fitter: Fitter
    say: Say
    later: dict[Recipe, list[HeldOut]] = field(default_factory=dict)
    """What each recipe without a calibrator predicted, fold by fold."""
    crossed: dict[Recipe, list[HeldOut]] = field(default_factory=dict)
    """The same for the rows that it learnt from in each fold, as a calibrator is to learn from them."""
    calibrated: dict[Recipe, np.ndarray] = field(default_factory=dict)
    """What each recipe with a calibrator predicted, all folds one after the other."""
    designs: dict[tuple[int, bool, float | None], Designs] = field(default_factory=dict)
    """What estimators read of the rows that are learnt from: by fold, whether with young leads, and days."""

    def run(self) -> tuple[Recipe, Recipe]:
        """The best recipe, and the best logistic regression."""
        young = self._uses_young()
        logistic = self._best_penalty(self._forgetting(Recipe((logistic_setting(FIRST_PENALTY),), young=young)))
        trees = self._best_trees(self._forgetting(Recipe((lightgbm_setting(0, categories="native"),), young=young)))
        best = min((logistic, trees), key=self._loss)
        both = (*logistic.settings, *trees.settings)
        best = self._better(best, [replace(logistic, settings=both), replace(trees, settings=both)])
        return self._with_calibrator(best), self._with_calibrator(logistic)

    def candidates(self, *, chosen: Recipe) -> tuple[Candidate, ...]:
        """Everything that was tried, with its log loss, and by how much that differs from the chosen one's."""
        later = self._joined(chosen.with_calibrator("none"))
        tried = {recipe: _clipped_raw(self._joined(recipe)) for recipe in self.later} | self.calibrated
        gains = {recipe: paired_gain(found, tried[chosen], later) for recipe, found in tried.items()}
        return tuple(
            Candidate(
                estimator=recipe.estimator,
                parameters=recipe.parameters,
                calibrator=recipe.calibrator,
                validation_log_loss=mean_loss(found, later),
                is_chosen=recipe == chosen,
                difference=gains[recipe].value,
                standard_error=gains[recipe].standard_error,
            )
            for recipe, found in tried.items()
        )

    def _uses_young(self) -> bool:
        """Whether young leads help, judged by one estimator of each kind, both together."""
        if self.fitter.young is None or not all(isinstance(fold, Split) for fold in self.folds):
            return False
        plain = [
            Recipe((setting,))
            for setting in (logistic_setting(FIRST_PENALTY), lightgbm_setting(0, categories="native"))
        ]
        gains = [self._gain(recipe, replace(recipe, young=True)) for recipe in plain]
        return sum(gain.value for gain in gains) > sum(gain.standard_error for gain in gains)

    def _best_penalty(self, first: Recipe) -> Recipe:
        """`first` with a penalty that no tighter one equals, and no looser one clearly beats: never one at the edge.

        Doubt goes to the tighter penalty. Folds learn from less than the final fit and cannot tell neighbours apart
        where outcomes are few; there a penalty that is too loose costs more than one that is too tight.
        """

        def recipe(penalty: int) -> Recipe:
            return replace(first, settings=(logistic_setting(penalty),))

        def gain(before: int, after: int) -> Gain:
            return self._gain(recipe(before), recipe(after))

        best = FIRST_PENALTY
        while best != LOOSEST_PENALTY and gain(best, best + 1).exceeds(CLEAR):
            best += 1
        while best != TIGHTEST_PENALTY and gain(best, best - 1).exceeds(0):
            best -= 1
        return recipe(best)

    def _best_trees(self, first: Recipe) -> Recipe:
        """The recipe `first` with the smallest LightGBM that a larger one does not clearly beat.

        Of both ways to read words, the better one. It keeps to the directions of the agreed profile, where there are
        any, unless it clearly loses by that.
        """

        def recipe(size: int, categories: Categories = "native", directions: Directions = "agreed") -> Recipe:
            return replace(first, settings=(lightgbm_setting(size, categories=categories, directions=directions),))

        size = 0
        while size + 1 < len(TREE_SIZES) and self._gain(recipe(size), recipe(size + 1)).exceeds(CLEAR):
            size += 1
        categories: Categories = "native"
        if any(column.type == "category" for column in self.fitter.columns):
            best = self._better(recipe(size), [recipe(size, "one_hot")])
            categories = "native" if best == recipe(size) else "one_hot"
        best = recipe(size, categories)
        is_directed = any(map(has_direction, self.fitter.columns))
        return self._better(best, [recipe(size, categories, "free")]) if is_directed else best

    def _forgetting(self, recipe: Recipe) -> Recipe:
        """`recipe`; or what it is when it learns from the latest days alone, or lets old ones fade, if that gains.

        A memory is tried if the history of some fold is longer, and each has enough outcomes within it.
        """
        if not all(isinstance(fold, Split) for fold in self.folds):
            return recipe
        memories = [days for days in MEMORIES if _can_forget([fold.train for fold in self.folds], days=days)]
        windows = [replace(recipe, recent_days=days) for days in memories]
        fading = [replace(recipe, half_life_days=days) for days in memories]
        return self._better(recipe, [*windows, *fading], n_errors=FORGETTING)

    def _with_calibrator(self, recipe: Recipe) -> Recipe:
        """`recipe` with the calibrator of least log loss; none unless it clearly gains.

        Each fold's calibrator learns from its training rows, as `Fitter.make` will learn the final one.
        """
        self.say(f"trying calibrators after {recipe.described()}")
        seen = self._crossed(recipe)
        found: dict[CalibratorName, np.ndarray] = {"none": _clipped_raw(self._joined(recipe))}
        for name in CALIBRATORS[1:]:
            fitted = [part.calibrator(name) for part in seen]
            if any(calibrator is not None for calibrator in fitted):
                pairs = zip(fitted, self._later(recipe), strict=True)
                found[name] = np.concatenate([calibrated(calibrator, part.raw) for calibrator, part in pairs])
                self.calibrated[recipe.with_calibrator(name)] = found[name]
        later = self._joined(recipe)
        best = min(found, key=lambda name: mean_loss(found[name], later))
        return recipe.with_calibrator(best if paired_gain(found["none"], found[best], later).exceeds(CLEAR) else "none")

    def _better(self, best: Recipe, others: Sequence[Recipe], *, n_errors: float = CLEAR) -> Recipe:
        """`best`, or the one of `others` with the least log loss where it clearly gains over it."""
        tried = min(others, key=self._loss, default=best)
        return tried if self._gain(best, tried).exceeds(n_errors) else best

    def _gain(self, before: Recipe, after: Recipe) -> Gain:
        later = self._joined(before)
        return paired_gain(_clipped_raw(later), _clipped_raw(self._joined(after)), later)

    def _loss(self, recipe: Recipe) -> float:
        joined = self._joined(recipe)
        return mean_loss(_clipped_raw(joined), joined)

    def _joined(self, recipe: Recipe) -> HeldOut:
        return HeldOut.joined(self._later(recipe))

    def _later(self, recipe: Recipe) -> list[HeldOut]:
        """What `recipe` predicts for later leads, fold by fold."""
        if recipe not in self.later:
            self.later[recipe] = self._fold_by_fold(recipe, self._held_out, self._later)
            self.say(f"tried {recipe.described()}: log loss {self._loss(recipe):.4f}")
        return self.later[recipe]

    def _crossed(self, recipe: Recipe) -> list[HeldOut]:
        """What `recipe` predicts for the accounts that it learns from, each held out once, fold by fold."""
        if recipe not in self.crossed:
            self.crossed[recipe] = self._fold_by_fold(recipe, self._cross_predicted, self._crossed)
        return self.crossed[recipe]

    def _fold_by_fold(
        self, recipe: Recipe, made: Callable[[Recipe, int], HeldOut], known: Callable[[Recipe], list[HeldOut]]
    ) -> list[HeldOut]:
        """What is `made` of each fold; of a blend what is `known` of its parts, fitted once whatever they belong to."""
        if len(recipe.settings) == 1:
            return [made(recipe, number) for number in range(len(self.folds))]
        parts = [known(replace(recipe, settings=(setting,))) for setting in recipe.settings]
        return [replace(fold[0], raw=blended([part.raw for part in fold])) for fold in zip(*parts, strict=True)]

    def _held_out(self, recipe: Recipe, number: int) -> HeldOut:
        designs = self.designs.setdefault((number, recipe.young, recipe.recent_days), {})
        learnt, test = self._learnt(recipe, number), self.folds[number].test
        return self.fitter.held_out(recipe.settings[0], learnt, test, designs=designs)

    def _cross_predicted(self, recipe: Recipe, number: int) -> HeldOut:
        return self.fitter.seen_by_calibrator(recipe.settings, self._learnt(recipe, number))

    def _learnt(self, recipe: Recipe, number: int) -> pd.DataFrame:
        fold = self.folds[number]
        return self.fitter.learnt(recipe, fold.train, at=fold.test_from if isinstance(fold, Split) else None)


def _can_forget(histories: Sequence[pd.DataFrame], *, days: float) -> bool:
    """Whether there is anything older than so many days, and enough outcomes that are not in each of `histories`."""
    recent = [latest(rows, days=days) for rows in histories]
    has_older = any(len(few) < len(rows) for few, rows in zip(recent, histories, strict=True))
    return has_older and all(evidence_of(few).n_rarer >= LEAST_RECENT_OUTCOMES for few in recent)


def _clipped_raw(held_out: HeldOut) -> np.ndarray:
    """Uncalibrated probabilities as they would be published."""
    return calibrated(None, held_out.raw)


def mean_loss(probability: np.ndarray, later: HeldOut) -> float:
    """The weighted log loss of `probability` on the rows `later`."""
    return float(np.average(_losses(probability, later.outcome), weights=later.weight))


def _losses(probability: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    return np.asarray(-(xlogy(outcome, probability) + xlogy(1 - outcome, 1 - probability)))
