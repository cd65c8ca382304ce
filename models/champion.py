"""A candidate held against the champion: their recipes on the same leads, and the champion as it was published."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE, CHAIN, ESTIMATORS
from data_contracts.evaluations import ModelFigures
from data_contracts.gate import LEAST_MATURE, ChampionComparison, ChampionInUse, RecipeComparison
from data_contracts.progress import Say, silent
from data_contracts.recalibration import P_WIN_BEFORE_SQL
from data_contracts.releases import ChainCalibrator
from data_contracts.scores import P_WIN
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from models.base_rate import base_rate_at
from models.baselines import base_rate_by_age_prediction
from models.chain import win_probabilities
from models.chain_links import STEPS, Chain, Link, way_to_a_win
from models.chain_train import CalibratedChain
from models.evaluate import EvaluationPlan, log_loss_difference, model_figures
from models.evidence import evidence_of
from models.fitted import ScoringRelease
from models.gate import differing_parts
from models.metrics import Prediction
from models.split import Split, as_it_stood, at_day, learning_rows, split_at
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
    - **Wins before SQL.** Where two transitions lead to a win, what is published of it is compared as well, on the test
      of the candidate's chain. A recipe is here that of both transitions and the calibrator of their product.
    - **The champion in use.** What it published is judged on leads that entered after its extract. Beside it stands the
      candidate's recipe on those of them that are in its test, made of what was known when its test begins, or at the
      champion's extract where that is later: neither knows more of the past than the other.

    Nothing is made anew where both recipes are the same, but for a transition whose champion in use can be judged.
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
        links = {step: _links(table, candidate, champion) for step, table in tables.items()}
        matches = [_of_transition(*pair, candidate, champion) for pair in links.values()]
        matches += _of_wins(links, candidate, champion)
    except (KeyError, ValueError, TypeError) as error:
        because = f"its recipe cannot be read by this version ({type(error).__name__}: {error})"
        return ChampionComparison(champion_id=champion_id, not_compared_because=because)
    say(f"holding the release against {champion_id}, which is in force")
    return ChampionComparison(
        champion_id=champion_id,
        recipes=tuple(match.recipes() for match in matches),
        in_use=tuple(match.in_use() for match in matches),
    )


Published = Callable[[pd.DataFrame], tuple[Prediction, Prediction]]
"""What a release gives each row, and beside it the base rate by age that it is held against."""


class Procedure(Protocol):
    """How the probability of an outcome is made anew of what was known at a moment."""

    def predicted(self, asked: pd.DataFrame, *, at: dt.datetime) -> npt.NDArray[np.float64]:
        """What it says of each row `asked`."""
        ...


@dataclass(frozen=True, slots=True)
class _Match:
    """One probability of both releases: their recipes, the candidate's split, and what the champion published.

    Attributes
    ----------
    name
        The transition, or `P_WIN_BEFORE_SQL`.
    rows
        All that are labelled with its outcome.
    entered
        When each lead was first seen (UTC, naive), by its id.
    in_words
        Both recipes, ours first.
    published
        What the champion says.
    champion_as_of
        The champion's extract.
    """

    name: str
    transition: Transition
    rows: pd.DataFrame
    entered: pd.Series
    split: Split
    acting_day: int
    ours: Procedure
    theirs: Procedure
    in_words: tuple[str, str]
    is_one_recipe: bool
    published: Published
    champion_as_of: dt.datetime
    seed: int

    def recipes(self) -> RecipeComparison:
        """Both recipes made of the training leads and judged on the test."""
        test = self.split.test
        at_acting_age = at_all_ages = SAME
        if not self.is_one_recipe:
            ours, theirs = (each.predicted(test, at=self.split.test_from) for each in (self.ours, self.theirs))
            is_acting = (test["day"] == self.acting_day).to_numpy()
            acting = at_day(test, self.acting_day)
            at_acting_age = log_loss_difference(acting, ours[is_acting], theirs[is_acting], seed=self.seed)
            at_all_ages = log_loss_difference(test, ours, theirs, seed=self.seed)
        return RecipeComparison(
            transition=self.name,
            candidate=self.in_words[0],
            champion=self.in_words[1],
            is_one_recipe=self.is_one_recipe,
            test_from=self.split.test_from,
            acting_day=self.acting_day,
            n_leads=int(at_day(test, self.acting_day)["lead_id"].nunique()),
            at_acting_age=at_acting_age,
            at_all_ages=at_all_ages,
        )

    def in_use(self) -> ChampionInUse:
        """The champion as it was published, on leads that entered after its extract."""
        later = self._entered_later(self.rows)
        known = evidence_of(at_day(later, self.acting_day))
        is_enough = known.n_rarer >= LEAST_MATURE
        shared = at_day(self._entered_later(self.split.test), self.acting_day)
        return ChampionInUse(
            transition=self.name,
            entered_after=self.champion_as_of,
            acting_day=self.acting_day,
            n_converted=known.n_converted,
            n_not_converted=known.n_not_converted,
            at_acting_age=self._figures(later, self.acting_day) if is_enough else None,
            at_all_ages=self._figures(later, None) if is_enough else None,
            n_shared=int(shared["lead_id"].nunique()),
            difference=self._difference(shared) if evidence_of(shared).n_rarer >= LEAST_MATURE else None,
        )

    def _entered_later(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The `rows` of leads of which nothing was seen before the champion's extract."""
        return rows[rows["lead_id"].isin(self.entered.index[self.entered > self.champion_as_of])]

    def _figures(self, later: pd.DataFrame, day: int | None) -> ModelFigures:
        """The champion's figures on the rows `later` of `day`."""
        asked = at_day(later, day)
        plan = EvaluationPlan(self.transition, day, None, self.seed)
        return model_figures(asked, self.published(asked), plan=plan)[0]

    def _difference(self, shared: pd.DataFrame) -> Estimate | None:
        """Log loss of the candidate's recipe, made of what neither release knew later, less the champion's.

        None for wins before SQL where both recipes are the same: the chain is not trained once more for that.
        """
        if self.is_one_recipe and self.name == P_WIN_BEFORE_SQL:
            return None
        ours = self.ours.predicted(shared, at=max(self.split.test_from, self.champion_as_of))
        return log_loss_difference(shared, ours, self.published(shared)[0].probability, seed=self.seed)


def _links(table: LabelledTable, candidate: ScoringRelease, champion: ScoringRelease) -> tuple[Link, Link]:
    """How both make the transition of `table`. Raises `KeyError` where the champion has no such transition."""
    fitted, held = (release.transitions[table.transition] for release in (candidate, champion))
    ours = Link.of(table, fitted, seed=candidate.manifest.inputs.seed)
    return ours, Link.of(replace(table, columns=held.columns), held, seed=ours.seed)


def _of_transition(ours: Link, theirs: Link, candidate: ScoringRelease, champion: ScoringRelease) -> _Match:
    """That of the transition which both links make."""
    table = ours.table
    fitted, held = (release.transitions[table.transition] for release in (candidate, champion))

    def published(asked: pd.DataFrame) -> tuple[Prediction, Prediction]:
        by_age = base_rate_at(held.summary.base_rate_by_age, asked)
        return _said(held.summary.estimator, held.predict(asked)), _said(BASE_RATE_BY_AGE, by_age)

    return _Match(
        name=table.transition,
        transition=table.transition,
        rows=ours.rows,
        entered=table.frame.groupby("lead_id")["as_of"].min(),
        split=split_at(ours.rows, fitted.summary.at_acting_age.test_from),
        acting_day=fitted.summary.acting_day,
        ours=ours,
        theirs=theirs,
        in_words=(_in_words(ours), _in_words(theirs)),
        is_one_recipe=_is_one_recipe(ours, theirs),
        published=published,
        champion_as_of=champion.manifest.as_of,
        seed=ours.seed,
    )


def _of_wins(
    links: Mapping[Transition, tuple[Link, Link]], candidate: ScoringRelease, champion: ScoringRelease
) -> list[_Match]:
    """That of wins before SQL; none where one transition leads to a win, or too few are known to judge at that age."""
    judged, champion_as_of = candidate.manifest.chain, champion.manifest.as_of
    if judged is None or judged.at_acting_age is None:
        return []
    first = links[Transition.MQL_TO_SQL][0].table
    rows = learning_rows(way_to_a_win(first, candidate.manifest.configuration.definitions))
    known = as_it_stood(rows, champion_as_of)
    if not evidence_of(known).n_rarer:
        return []
    ours, theirs = (
        CalibratedChain(Chain(*(links[step][place] for step in STEPS)), rows, _calibrator(release))
        for place, release in enumerate((candidate, champion))
    )

    return [
        _Match(
            name=P_WIN_BEFORE_SQL,
            transition=Transition.MQL_TO_WIN,
            rows=rows,
            entered=first.frame.groupby("lead_id")["as_of"].min(),
            split=split_at(rows, judged.evaluations[0].test_from),
            acting_day=judged.acting_day,
            ours=ours,
            theirs=theirs,
            in_words=(_chain_in_words(ours), _chain_in_words(theirs)),
            is_one_recipe=ours.calibrator == theirs.calibrator and all(_is_one_recipe(*links[step]) for step in STEPS),
            published=_published_wins(champion, known),
            champion_as_of=champion_as_of,
            seed=candidate.manifest.inputs.seed,
        )
    ]


def _published_wins(champion: ScoringRelease, known: pd.DataFrame) -> Published:
    """What `champion` gives leads before SQL; the base rate by age is that of the wins `known` at its extract."""

    def published(asked: pd.DataFrame) -> tuple[Prediction, Prediction]:
        chances = win_probabilities(champion.transitions, asked, chain=champion.chain)
        return _said(CHAIN, chances[P_WIN].to_numpy()), base_rate_by_age_prediction(known, asked)

    return published


def _calibrator(release: ScoringRelease) -> ChainCalibrator:
    """That of the product; none where nobody could judge it."""
    return "none" if release.manifest.chain is None else release.manifest.chain.calibrator


def _said(name: str, probability: npt.NDArray[np.float64]) -> Prediction:
    return Prediction(name, probability, probability)


def _is_one_recipe(ours: Link, theirs: Link) -> bool:
    return ours.recipe == theirs.recipe and ours.table.columns == theirs.table.columns


def _in_words(link: Link) -> str:
    if link.recipe is None:
        return ESTIMATORS[BASE_RATE_BY_AGE]
    return f"{link.recipe.described()}, calibrator {link.recipe.calibrator}"


def _chain_in_words(way: CalibratedChain) -> str:
    return f"{_in_words(way.chain.first)}, then {_in_words(way.chain.second)}; calibrator of both {way.calibrator}"
