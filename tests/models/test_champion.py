"""A candidate held against the champion, on synthetic leads whose outcomes follow the features."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_contracts.gate import ChampionComparison
from data_contracts.releases import Candidate
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, Transition
from models.base_rate import base_rate_at, fit_base_rate_by_age
from models.champion import compare_with_champion
from models.estimators import logistic_setting
from models.evaluate import EvaluationPlan, log_loss_difference, model_figures
from models.fit import Fitter
from models.fitted import ScoringRelease
from models.metrics import Prediction
from models.recipe import Recipe
from models.split import at_day, learning_rows, split_at
from models.threads import in_one_thread
from tests.example_release import base_rate, release_of
from tests.models.conftest import COLUMNS
from tests.models.ways import made_by

SQL = Transition.MQL_TO_SQL
LOOSE, TIGHT = Recipe((logistic_setting(-1),)), Recipe((logistic_setting(-3),), calibrator="sigmoid")
TEST_FROM = dt.datetime(2025, 6, 1)
EARLY = dt.datetime(2025, 2, 1)
"""An extract before the candidate's test begins."""

LATE = dt.datetime(2025, 8, 1)
"""An extract while the candidate's test is under way."""


def made(table: LabelledTable, recipe: Recipe | None, *, as_of: dt.datetime, name: str) -> ScoringRelease:
    """A release made by `recipe` (None: without signal) of what `table` knew at `as_of`, tested from `TEST_FROM` on."""
    rows = learning_rows(table)
    known = rows[rows["outcome_known_at"] <= as_of]
    model = base_rate(SQL, columns=COLUMNS) if recipe is None else made_by(recipe, SQL)
    judged = tuple(each.model_copy(update={"test_from": TEST_FROM}) for each in model.summary.evaluations)
    told = {"evaluations": judged, "base_rate_by_age": fit_base_rate_by_age(known)}
    model = replace(model, columns=COLUMNS, summary=model.summary.model_copy(update=told))
    if recipe is not None:
        fitted = Fitter(COLUMNS, 0).make(recipe, known, at=None)
        model = replace(model, estimators=fitted.estimators, calibrator=fitted.calibrator)
    return release_of({SQL: model}, release_id=name, features=COLUMNS, extracted_at=as_of)


def against(
    table: LabelledTable,
    ours: Recipe | None,
    theirs: Recipe | None,
    *,
    champion_as_of: dt.datetime = EARLY,
    champion_of: LabelledTable | None = None,
) -> ChampionComparison:
    """A candidate made of `table` against a champion made of `champion_of` (the same table) at its extract."""
    candidate = made(table, ours, as_of=table.extracted_at, name="candidate")
    champion = made(champion_of or table, theirs, as_of=champion_as_of, name="champion")
    return compare_with_champion(candidate, champion, tables={SQL: table})


@in_one_thread
def said(table: LabelledTable, recipe: Recipe | None, asked: pd.DataFrame, *, at: dt.datetime) -> np.ndarray:
    """What `recipe`, made of what `table` knew at the moment `at`, says of the rows `asked`."""
    rows = learning_rows(table)
    known = rows[rows["outcome_known_at"] <= at]
    if recipe is None:
        return base_rate_at(fit_base_rate_by_age(known), asked)
    return Fitter(COLUMNS, 0).predicted(recipe, known, asked, at=None)


def entered_after(table: LabelledTable, rows: pd.DataFrame, moment: dt.datetime) -> pd.DataFrame:
    """The rows at entry of leads that entered after `moment`."""
    return at_day(rows[rows["as_of"] - pd.to_timedelta(rows["days_in_stage"], unit="D") > moment], ENTRY)


def turned_round(table: LabelledTable) -> LabelledTable:
    """The same leads with every label the other way round."""
    return replace(table, frame=table.frame.assign(converted=~table.frame["converted"].astype(bool)))


def test_a_recipe_is_not_held_against_itself(table):
    (recipe,) = against(table, TIGHT, TIGHT).recipes
    assert recipe.is_one_recipe
    assert recipe.candidate == recipe.champion == "logistic_regression (C=0.03), calibrator sigmoid"
    assert recipe.at_acting_age.model_dump() == {"value": 0.0, "low": 0.0, "high": 0.0}


@pytest.mark.parametrize(("ours", "theirs"), [(LOOSE, TIGHT), (TIGHT, None)])
def test_both_recipes_are_made_of_the_training_leads_and_judged_on_the_same_test(table, ours, theirs):
    (recipe,) = against(table, ours, theirs).recipes
    test = split_at(learning_rows(table), TEST_FROM).test
    for rows, found in ((at_day(test, ENTRY), recipe.at_acting_age), (test, recipe.at_all_ages)):
        expected = [said(table, each, rows, at=TEST_FROM) for each in (ours, theirs)]
        assert found == log_loss_difference(rows, *expected, seed=0)
    assert recipe.n_leads == len(at_day(test, ENTRY))
    assert (recipe.test_from, recipe.acting_day, recipe.is_one_recipe) == (TEST_FROM, ENTRY, False)


def test_the_difference_has_the_sign_of_who_is_better(table):
    (better,), (worse,) = (against(table, *pair).recipes for pair in ((TIGHT, None), (None, TIGHT)))
    assert better.at_acting_age.high < 0 < worse.at_acting_age.low
    assert better.at_acting_age.value == pytest.approx(-worse.at_acting_age.value)
    assert (worse.candidate, worse.champion) == ("base rate by age", better.candidate)


def test_the_champion_s_recipe_counts_whatever_its_own_leads_taught_it(table):
    honest = against(table, LOOSE, TIGHT).recipes
    assert against(table, LOOSE, TIGHT, champion_of=turned_round(table)).recipes == honest


def test_the_champion_in_use_is_judged_as_published_on_leads_that_entered_after_its_extract(table):
    (in_use,) = against(table, LOOSE, TIGHT).in_use
    rows = entered_after(table, learning_rows(table), EARLY)
    n_converted = int(rows["converted"].sum())
    assert (in_use.n_converted, in_use.n_not_converted) == (n_converted, len(rows) - n_converted)
    champion, by_age = (
        Prediction(name, probability, probability)
        for name, probability in (
            ("logistic_regression", said(table, TIGHT, rows, at=EARLY)),
            ("base_rate_by_age", said(table, None, rows, at=EARLY)),
        )
    )
    expected, _ = model_figures(rows, (champion, by_age), plan=EvaluationPlan(SQL, ENTRY, None, 0))
    assert in_use.at_acting_age == expected
    assert in_use.at_acting_age.gain.low > 0
    assert in_use.entered_after == EARLY


@pytest.mark.parametrize(("champion_as_of", "at"), [(EARLY, TEST_FROM), (LATE, LATE)], ids=["before", "during"])
def test_candidate_and_champion_in_use_meet_on_leads_that_neither_had_seen(table, champion_as_of, at):
    (in_use,) = against(table, LOOSE, TIGHT, champion_as_of=champion_as_of).in_use
    shared = entered_after(table, split_at(learning_rows(table), TEST_FROM).test, champion_as_of)
    published = said(table, TIGHT, shared, at=champion_as_of)
    assert in_use.n_shared == len(shared)
    assert in_use.difference == log_loss_difference(shared, said(table, LOOSE, shared, at=at), published, seed=0)


def test_a_champion_in_use_that_learnt_the_wrong_way_round_is_clearly_worse(table):
    (in_use,) = against(table, TIGHT, TIGHT, champion_of=turned_round(table)).in_use
    assert in_use.difference.high < 0
    assert in_use.at_acting_age.gain.high < 0


def test_with_fewer_than_100_mature_leads_of_either_outcome_the_champion_is_not_judged_in_use(table):
    (in_use,) = against(table, TIGHT, TIGHT, champion_as_of=dt.datetime(2025, 11, 1)).in_use
    assert 0 < min(in_use.n_converted, in_use.n_not_converted) < 100
    assert (in_use.at_acting_age, in_use.at_all_ages, in_use.difference) == (None, None, None)


def test_releases_under_different_configurations_are_not_compared(table):
    candidate = made(table, TIGHT, as_of=table.extracted_at, name="candidate")
    told = candidate.manifest.inputs.model_copy(update={"source": "olist"})
    champion = replace(candidate, manifest=candidate.manifest.model_copy(update={"inputs": told}))
    found = compare_with_champion(candidate, champion, tables={SQL: table})
    assert (found.recipes, found.in_use) == ((), ())
    assert found.not_compared_because == "it was made under another configuration (crm.source olist -> simulated)"


def test_a_recipe_that_this_version_cannot_read_is_not_compared_and_stops_no_training(table):
    candidate = made(table, TIGHT, as_of=table.extracted_at, name="candidate")
    model = candidate.transitions[SQL]
    old = Candidate(
        estimator="logistic_regression",
        parameters={"C": 0.3},
        calibrator="none",
        validation_log_loss=0.5,
        is_chosen=True,
    )
    before = replace(model, summary=model.summary.model_copy(update={"candidates": (old,)}))
    champion = ScoringRelease(candidate.manifest, {SQL: before})
    found = compare_with_champion(candidate, champion, tables={SQL: table})
    assert found.not_compared_because == "its recipe cannot be read by this version (KeyError: 'recent_days')"
