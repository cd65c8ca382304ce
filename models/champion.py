"""A candidate held against the champion: their recipes on the same leads, and the champion as it was published."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE, ESTIMATORS
from data_contracts.gate import LEAST_MATURE, ChampionComparison, ChampionInUse, RecipeComparison
from data_contracts.progress import Say, silent
from data_contracts.releases import ModelFigures
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from models.base_rate import base_rate_at
from models.chain_links import Link
from models.evaluate import EvaluationPlan, log_loss_difference, model_figures
from models.evidence import evidence_of
from models.fitted import FittedTransition, ScoringRelease
from models.gate import differing_parts
from models.metrics import Prediction
from models.split import Split, at_day, split_at
from models.threads import in_one_thread

SAME = Estimate(value=0.0, low=0.0, high=0.0)
"""The difference of a recipe from itself: nothing is drawn in between."""


@in_one_thread
def compare_with_champion(
    candidate: ScoringRelease,
    champion: ScoringRelease,
    *,
    tables: Mapping[Transition, LabelledTable],
    say: Say = silent,
) -> ChampionComparison:
    """How `candidate` stands against `champion`, by transition.

    - **Recipes.** Figures of two releases are of different leads and seasons. So the champion's recipe (its features,
      estimator, parameters and calibrator) is made anew of the candidate's training leads, and both are judged on the
      candidate's test. What a transition without signal publishes, the base rate by age, is a recipe as well.
    - **The champion in use.** What it published is judged on leads that entered after its extract. Beside it stands the
      candidate's recipe on those of them that are in its test, made of what was known when its test begins, or at the
      champion's extract where that is later: neither knows more of the past than the other.

    Nothing is compared where both were made under different configurations, or the champion's recipe is one that this
    version does not know. The release does not depend on what is found here.

    Parameters
    ----------
    candidate
        Made of `tables`.
    champion
        The release in force.
    tables
        By transition, what the candidate was learnt from.
    say
        Is told in a few words what is done.
    """
    champion_id = champion.manifest.release_id
    if differing := differing_parts(candidate.manifest, champion.manifest):
        because = f"it was made under another configuration ({', '.join(differing)})"
        return ChampionComparison(champion_id=champion_id, not_compared_because=because)
    try:
        matches = [_Match.of(table, candidate, champion) for table in tables.values()]
    except (KeyError, ValueError, TypeError) as error:
        because = f"its recipe cannot be read by this version ({type(error).__name__}: {error})"
        return ChampionComparison(champion_id=champion_id, not_compared_because=because)
    say(f"holding the release against {champion_id}, which is in force")
    return ChampionComparison(
        champion_id=champion_id,
        recipes=tuple(match.recipes() for match in matches),
        in_use=tuple(match.in_use() for match in matches),
    )


@dataclass(frozen=True, slots=True)
class _Match:
    """One transition of both releases: their recipes, the candidate's split, and the champion's model as published.

    `champion_as_of` is the champion's extract.
    """

    ours: Link
    theirs: Link
    split: Split
    acting_day: int
    champion: FittedTransition
    champion_as_of: dt.datetime

    @classmethod
    def of(cls, table: LabelledTable, candidate: ScoringRelease, champion: ScoringRelease) -> "_Match":
        """That of the transition of `table`. Raises `KeyError` where the champion has no such transition."""
        fitted, held = (release.transitions[table.transition] for release in (candidate, champion))
        seed = candidate.manifest.inputs.seed
        ours = Link.of(table, fitted, seed=seed)
        return cls(
            ours=ours,
            theirs=Link.of(replace(table, columns=held.columns), held, seed=seed),
            split=split_at(ours.rows, fitted.summary.at_acting_age.test_from),
            acting_day=fitted.summary.acting_day,
            champion=held,
            champion_as_of=champion.manifest.as_of,
        )

    def recipes(self) -> RecipeComparison:
        """Both recipes made of the training leads and judged on the test."""
        test = self.split.test
        at_acting_age = at_all_ages = SAME
        if not self._is_one_recipe:
            ours, theirs = (link.predicted(test, at=self.split.test_from) for link in (self.ours, self.theirs))
            is_acting = (test["day"] == self.acting_day).to_numpy()
            acting = at_day(test, self.acting_day)
            at_acting_age = log_loss_difference(acting, ours[is_acting], theirs[is_acting], seed=self.ours.seed)
            at_all_ages = log_loss_difference(test, ours, theirs, seed=self.ours.seed)
        return RecipeComparison(
            transition=self.ours.table.transition,
            candidate=_in_words(self.ours),
            champion=_in_words(self.theirs),
            is_one_recipe=self._is_one_recipe,
            test_from=self.split.test_from,
            acting_day=self.acting_day,
            n_leads=int(at_day(test, self.acting_day)["lead_id"].nunique()),
            at_acting_age=at_acting_age,
            at_all_ages=at_all_ages,
        )

    def in_use(self) -> ChampionInUse:
        """The champion as it was published, on leads that entered after its extract."""
        later = self._entered_later(self.ours.rows)
        known = evidence_of(at_day(later, self.acting_day))
        is_enough = known.n_rarer >= LEAST_MATURE
        shared = at_day(self._entered_later(self.split.test), self.acting_day)
        return ChampionInUse(
            transition=self.ours.table.transition,
            entered_after=self.champion_as_of,
            acting_day=self.acting_day,
            n_converted=known.n_converted,
            n_not_converted=known.n_not_converted,
            at_acting_age=self._published(later, self.acting_day) if is_enough else None,
            at_all_ages=self._published(later, None) if is_enough else None,
            n_shared=int(shared["lead_id"].nunique()),
            difference=self._difference(shared) if evidence_of(shared).n_rarer >= LEAST_MATURE else None,
        )

    @property
    def _is_one_recipe(self) -> bool:
        return self.ours.recipe == self.theirs.recipe and self.ours.table.columns == self.theirs.table.columns

    def _entered_later(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The `rows` of leads of which nothing was seen before the champion's extract."""
        first = self.ours.table.frame.groupby("lead_id")["as_of"].min()
        return rows[rows["lead_id"].isin(first.index[first > self.champion_as_of])]

    def _published(self, later: pd.DataFrame, day: int | None) -> ModelFigures:
        """The champion's figures on the rows `later` of `day`, beside the base rate by age that it carries."""
        asked = at_day(later, day)
        said, by_age = self.champion.predict(asked), base_rate_at(self.champion.summary.base_rate_by_age, asked)
        plan = EvaluationPlan(self.ours.table.transition, day, None, self.ours.seed)
        published, _ = model_figures(
            asked,
            (Prediction(self.champion.summary.estimator, said, said), Prediction(BASE_RATE_BY_AGE, by_age, by_age)),
            plan=plan,
        )
        return published

    def _difference(self, shared: pd.DataFrame) -> Estimate:
        ours = self.ours.predicted(shared, at=max(self.split.test_from, self.champion_as_of))
        return log_loss_difference(shared, ours, self.champion.predict(shared), seed=self.ours.seed)


def _in_words(link: Link) -> str:
    if link.recipe is None:
        return ESTIMATORS[BASE_RATE_BY_AGE]
    return f"{link.recipe.described()}, calibrator {link.recipe.calibrator}"
