"""Wins before SQL held against the champion's, on synthetic leads of which some SQLs are won."""

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from data_contracts.recalibration import P_WIN_BEFORE_SQL
from data_contracts.releases import ChainCalibrator
from data_contracts.vocabulary import ENTRY, Transition
from models.base_rate import base_rate_at, fit_base_rate_by_age
from models.chain import win_probabilities
from models.chain_links import Chain, way_to_a_win
from models.chain_train import CalibratedChain
from models.champion import compare_with_champion
from models.estimators import logistic_setting
from models.evaluate import EvaluationPlan, log_loss_difference, model_figures
from models.fit import Fitter
from models.fitted import ScoringRelease
from models.metrics import Prediction
from models.recipe import Recipe
from models.split import as_it_stood, at_day, learning_rows, split_at
from models.threads import in_one_thread
from models.win_calibrator import p_win_before_sql
from tests.example_history import settings
from tests.example_release import chain_summary, recalibration, release_of
from tests.models.conftest import COLUMNS
from tests.models.test_chain import raised
from tests.models.ways import PLAIN, both_tables, made_by

pytestmark = pytest.mark.whole

FIRST, SECOND = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN
TIGHT = Recipe((logistic_setting(-3),))
TEST_FROM, EARLY, LATE = dt.datetime(2025, 6, 1), dt.datetime(2025, 2, 1), dt.datetime(2025, 7, 1)
DEFINITIONS = settings().definitions


@pytest.fixture(scope="module")
def tables(make_table):
    """Most SQLs are won."""
    return both_tables(make_table(n_leads=2_400), rate=2.0)


@pytest.fixture(scope="module")
def wins(tables) -> pd.DataFrame:
    """The rows that are labelled with wins."""
    return learning_rows(way_to_a_win(tables[FIRST], DEFINITIONS))


@in_one_thread
def made(tables, recipe: Recipe, *, as_of: dt.datetime, calibrator: ChainCalibrator, name: str) -> ScoringRelease:
    """Both transitions by `recipe`, of what was known at `as_of`; the chain's test begins at `TEST_FROM`."""
    chain = chain_summary(calibrator)
    judged = [each.model_copy(update={"test_from": TEST_FROM}) for each in chain.evaluations]
    models = {}
    for step, table in tables.items():
        known = as_it_stood(learning_rows(table), as_of)
        model = made_by(recipe, step)
        told = {
            "base_rate_by_age": fit_base_rate_by_age(known),
            "evaluations": tuple(e.model_copy(update={"test_from": TEST_FROM}) for e in model.summary.evaluations),
        }
        fitted = Fitter(COLUMNS, 0).make(recipe, known, at=None)
        summary = model.summary.model_copy(update=told)
        models[step] = replace(model, columns=COLUMNS, summary=summary, estimators=fitted.estimators)
    chain = chain.model_copy(update={"evaluations": tuple(judged)})
    return release_of(models, release_id=name, features=COLUMNS, extracted_at=as_of, chain=chain)


def against(tables, *, ours: tuple[Recipe, ChainCalibrator], theirs: tuple[Recipe, ChainCalibrator], as_of=EARLY):
    """Both releases, and what is found of wins before SQL: recipes, and the champion in use."""
    candidate = made(tables, ours[0], calibrator=ours[1], as_of=tables[FIRST].extracted_at, name="candidate")
    champion = made(tables, theirs[0], calibrator=theirs[1], as_of=as_of, name="champion")
    return candidate, champion, *of_wins(tables, candidate, champion)


def of_wins(tables, candidate, champion):
    found = compare_with_champion(candidate, champion, tables=tables)
    return [next(one for one in part if one.transition == P_WIN_BEFORE_SQL) for part in (found.recipes, found.in_use)]


def entered_after(rows: pd.DataFrame, moment: dt.datetime) -> pd.DataFrame:
    return rows[rows["as_of"] - pd.to_timedelta(rows["days_in_stage"], unit="D") > moment]


@pytest.fixture(scope="module")
def alike(tables) -> tuple[ScoringRelease, ScoringRelease]:
    """Candidate and champion by one recipe without a calibrator."""
    return against(tables, ours=(PLAIN, "none"), theirs=(PLAIN, "none"))[:2]


def test_where_all_recipes_are_the_same_no_chain_is_made_anew(tables, wins, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a chain was trained")

    for name in ("predicted", "cross_predicted"):
        monkeypatch.setattr(Chain, name, refused)
    *_, recipe, in_use = against(tables, ours=(PLAIN, "sigmoid"), theirs=(PLAIN, "sigmoid"))
    assert recipe.is_one_recipe
    assert recipe.at_acting_age.model_dump() == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert recipe.candidate.endswith("; calibrator of both sigmoid")
    assert in_use.at_acting_age is not None, "the champion is judged all the same"
    assert (in_use.difference, in_use.n_shared) == (None, len(at_day(split_at(wins, TEST_FROM).test, ENTRY)))


@pytest.mark.parametrize(
    ("ours", "theirs"), [((PLAIN, "sigmoid"), (PLAIN, "none")), ((PLAIN, "none"), (TIGHT, "none"))]
)
def test_both_ways_to_a_win_are_made_of_the_training_leads_and_judged_on_the_same_test(tables, wins, ours, theirs):
    candidate, champion, recipe, in_use = against(tables, ours=ours, theirs=theirs)
    ways = [
        CalibratedChain(Chain.of(tables, release.transitions, seed=0), wins, calibrator)
        for release, (_, calibrator) in ((candidate, ours), (champion, theirs))
    ]
    test = split_at(wins, TEST_FROM).test
    acting = at_day(test, ENTRY)
    for rows, found in ((acting, recipe.at_acting_age), (test, recipe.at_all_ages)):
        said = [in_one_thread(way.predicted)(rows, at=TEST_FROM) for way in ways]
        assert found == log_loss_difference(rows, *said, seed=0)
    assert (recipe.n_leads, recipe.is_one_recipe) == (len(acting), False)
    said = in_one_thread(ways[0].predicted)(acting, at=TEST_FROM)
    published = win_probabilities(champion.transitions, acting, chain=champion.chain)["p_win"].to_numpy()
    assert in_use.difference == log_loss_difference(acting, said, published, seed=0)


def test_a_candidate_s_way_knows_no_more_than_a_champion_that_learnt_later(tables, wins):
    ours, theirs = (PLAIN, "none"), (TIGHT, "none")
    candidate, champion, _, in_use = against(tables, ours=ours, theirs=theirs, as_of=LATE)
    shared = at_day(entered_after(wins, LATE), ENTRY)
    way = CalibratedChain(Chain.of(tables, candidate.transitions, seed=0), wins, "none")
    published = win_probabilities(champion.transitions, shared, chain=champion.chain)["p_win"].to_numpy()
    said = in_one_thread(way.predicted)(shared, at=LATE)
    assert in_use.difference == log_loss_difference(shared, said, published, seed=0)


def test_the_champion_in_use_is_judged_on_wins_of_leads_that_entered_after_its_extract(tables, wins, alike):
    champion, (_, in_use) = alike[1], of_wins(tables, *alike)
    rows = at_day(entered_after(wins, EARLY), ENTRY)
    n_won = int(rows["converted"].sum())
    assert (in_use.n_converted, in_use.n_not_converted) == (n_won, len(rows) - n_won)
    assert (rows["outcome_known_at"] <= tables[FIRST].extracted_at).all(), "both horizons have passed"
    assert in_use.at_acting_age == figures(champion, rows, wins)


def figures(champion: ScoringRelease, rows: pd.DataFrame, wins: pd.DataFrame):
    said = win_probabilities(champion.transitions, rows, chain=champion.chain)["p_win"].to_numpy()
    by_age = base_rate_at(fit_base_rate_by_age(as_it_stood(wins, EARLY)), rows)
    predictions = [Prediction("chain", said, said), Prediction("base_rate_by_age", by_age, by_age)]
    return model_figures(rows, predictions, plan=EvaluationPlan(Transition.MQL_TO_WIN, ENTRY, None, 0))[0]


def test_what_is_judged_of_the_champion_has_its_calibrator_and_its_mend(tables, wins, alike):
    candidate, champion = alike
    chain = champion.manifest.chain.model_copy(update={"recalibration": recalibration("level", intercept=-0.3)})
    mended = replace(
        champion,
        manifest=champion.manifest.model_copy(update={"chain": chain}),
        win_calibrator=raised(-0.5).calibrator,
    )
    plain, other = (of_wins(tables, candidate, each)[1].at_acting_age for each in (champion, mended))
    assert other == figures(mended, at_day(entered_after(wins, EARLY), ENTRY), wins)
    assert other.calibration_intercept.value == pytest.approx(plain.calibration_intercept.value + 0.8, abs=1e-3)


def test_too_few_wins_to_judge_a_candidate_by_leave_the_transitions_alone(tables, alike):
    candidate, champion = alike
    unjudged = replace(candidate, manifest=candidate.manifest.model_copy(update={"chain": None}))
    found = compare_with_champion(unjudged, champion, tables=tables)
    assert [one.transition for one in found.recipes] == [one.transition for one in found.in_use] == [FIRST, SECOND]


def test_a_champion_whose_training_had_too_few_wins_published_the_product(tables, alike):
    candidate, champion = alike
    before = replace(champion, manifest=champion.manifest.model_copy(update={"chain": None}))
    recipe, in_use = of_wins(tables, candidate, before)
    assert recipe.is_one_recipe
    assert in_use == of_wins(tables, candidate, champion)[1]


def test_a_calibrator_of_too_few_wins_is_left_out(tables, wins):
    chain = Chain.of(tables, {step: made_by(PLAIN, step) for step in tables}, seed=0)
    few = wins[wins["outcome_known_at"] <= dt.datetime(2024, 6, 1)].head(60)
    asked, at = wins.tail(20), dt.datetime(2024, 9, 1)
    said = in_one_thread(CalibratedChain(chain, few, "sigmoid").predicted)(asked, at=at)
    assert said.tolist() == p_win_before_sql(in_one_thread(chain.predicted)(asked, at=at), None).tolist()
