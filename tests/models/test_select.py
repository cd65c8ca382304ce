"""Each step of the search keeps what clearly gains, on leads that were not learnt from."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import models.select
from data_contracts.sayings import Criterion
from data_contracts.snapshots import FeatureColumn, LabelledTable
from models.calibrate import CALIBRATORS, calibrated
from models.fit import Fitter, HeldOut
from models.recipe import Recipe
from models.select import Selection, mean_loss, paired_gain, select
from models.split import forward_folds, learning_rows, sampled
from models.young import YoungLeads
from tests.models.conftest import COLUMNS, Truth, synthetic_table

FITTER = Fitter(COLUMNS, seed=0)


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


@pytest.fixture(scope="module")
def selection(rows: pd.DataFrame, table: LabelledTable) -> Selection:
    return select(rows, Fitter(COLUMNS, seed=0, young=YoungLeads.of(table, rows)))


def tried(selection: Selection, estimator: str) -> list:
    return [one for one in selection.candidates if one.estimator == estimator]


@pytest.mark.whole
def test_a_chosen_penalty_is_never_at_the_edge_of_those_tried(selection: Selection) -> None:
    chosen = selection.best_logistic.settings[0]
    penalties = sorted({one.parameters["C"] for one in tried(selection, "logistic_regression")})
    assert penalties[0] < dict(chosen.parameters)["C"] < penalties[-1]


@pytest.mark.whole
def test_doubt_goes_to_the_tighter_penalty(selection: Selection) -> None:
    alike = [
        one
        for one in tried(selection, "logistic_regression")
        if one.calibrator == "none"
        and {**one.parameters, "C": None} == {**selection.best_logistic.parameters, "C": None}
    ]
    losses = {one.parameters["C"]: one.validation_log_loss for one in alike}
    chosen = dict(selection.best_logistic.settings[0].parameters)["C"]
    tighter = max(penalty for penalty in losses if penalty < chosen)
    assert losses[tighter] >= losses[chosen]


@pytest.mark.whole
def test_features_that_say_nothing_are_shrunk_though_no_step_clearly_gains() -> None:
    rows = learning_rows(synthetic_table(Truth(n_leads=900, strength=0.0)))
    (logistic,) = select(rows, FITTER).best_logistic.settings
    assert dict(logistic.parameters)["C"] < 0.03


@pytest.mark.whole
def test_every_kind_of_step_is_taken(selection: Selection) -> None:
    assert {one.estimator for one in selection.candidates} == {"logistic_regression", "lightgbm", "blend"}
    told = [one.parameters for one in selection.candidates]
    assert {parameters["young"] for parameters in told} == {"left out", "weighted"}
    assert {parameters["recent_days"] for parameters in told} >= {"all", 180.0}
    assert {parameters["half_life_days"] for parameters in told} >= {"never", 180.0}
    assert {parameters["categories"] for parameters in told if "categories" in parameters} == {"native", "one_hot"}


@pytest.mark.whole
def test_what_was_true_before_a_change_is_forgotten(rows: pd.DataFrame) -> None:
    """In the first year, visits counted the other way round."""
    is_old = rows["as_of"] < rows["as_of"].min() + pd.Timedelta(days=365)
    turned = rows.assign(n_visits=rows["n_visits"].where(~is_old, 4 - rows["n_visits"]))
    selection = select(turned, FITTER)
    for recipe in (selection.best, selection.best_logistic):
        assert recipe.recent_days or recipe.half_life_days


@pytest.mark.whole
def test_nothing_is_forgotten_where_nothing_changed(selection: Selection) -> None:
    for recipe in (selection.best, selection.best_logistic):
        assert (recipe.recent_days, recipe.half_life_days) == (None, None)


@pytest.mark.whole
def test_a_memory_is_tried_though_the_first_history_is_shorter(selection: Selection, rows: pd.DataFrame) -> None:
    first = forward_folds(rows)[0].train["as_of"]
    assert first.max() - first.min() < pd.Timedelta(days=365)
    assert 365.0 in {one.parameters["recent_days"] for one in selection.candidates}


@pytest.mark.whole
def test_agreed_directions_are_given_up_only_where_they_clearly_lose(rows: pd.DataFrame) -> None:
    """Here the criterion was met by those that did not convert: both teams were wrong about it."""
    met = FeatureColumn("is_met", "number", "icp_fit", Criterion("size", reads="employees", at_least=50), "not known")
    chosen = {}
    for name, is_met in {"wrong": ~rows["converted"], "right": rows["converted"]}.items():
        fitter = Fitter((COLUMNS[0], met), seed=0)
        tried = select(rows.assign(is_met=is_met * 1.0), fitter).candidates
        trees = [one for one in tried if one.estimator == "lightgbm" and one.calibrator == "none"]
        chosen[name] = min(trees, key=lambda one: one.validation_log_loss).parameters["directions"]
    assert chosen == {"wrong": "free", "right": "agreed"}


@pytest.mark.whole
def test_one_recipe_is_chosen_and_none_is_far_better(selection: Selection) -> None:
    chosen = [one for one in selection.candidates if one.is_chosen]
    assert len(chosen) == 1
    assert (chosen[0].estimator, chosen[0].parameters) == (selection.best.estimator, selection.best.parameters)
    least = min(one.validation_log_loss for one in selection.candidates)
    assert chosen[0].validation_log_loss == pytest.approx(least, abs=0.003)


@pytest.mark.whole
def test_what_was_tried_differs_from_the_chosen_one_by_a_known_error(selection: Selection) -> None:
    (chosen,) = [one for one in selection.candidates if one.is_chosen]
    assert (chosen.difference, chosen.standard_error) == (0, 0)
    for one in selection.candidates:
        assert one.difference == pytest.approx(one.validation_log_loss - chosen.validation_log_loss)
        assert one.is_chosen or one.standard_error > 0


@pytest.mark.whole
def test_calibrators_are_tried_on_the_chosen_recipe(selection: Selection) -> None:
    of_chosen = {one.calibrator for one in selection.candidates if one.parameters == selection.best.parameters}
    assert of_chosen == set(CALIBRATORS)


@pytest.mark.whole
def test_a_history_too_short_for_later_leads_chooses_by_other_accounts_and_says_so(rows: pd.DataFrame) -> None:
    few = rows[rows["as_of"] < rows["as_of"].min() + pd.Timedelta(days=120)]
    few = few.assign(outcome_known_at=few["as_of"].max() + pd.Timedelta(days=1))
    assert forward_folds(few) == ()
    said: list[str] = []
    selection = select(few, FITTER, say=said.append)
    assert selection.validation == "grouped"
    for name, kept in (("recent_days", "all"), ("half_life_days", "never")):
        assert {one.parameters[name] for one in selection.candidates} == {kept}, "time plays no part"
    assert {one.parameters["young"] for one in selection.candidates} == {"left out"}
    assert sum(one.is_chosen for one in selection.candidates) == 1
    assert said[0].startswith("history is too short to choose by later leads")
    assert re.fullmatch(r"chose .*, calibrator \w+, among \d+ recipes in \d+ s", said[-1])


@pytest.mark.whole
def test_a_history_that_is_long_enough_chooses_by_later_leads(selection: Selection) -> None:
    assert selection.validation == "forward"


@pytest.mark.whole
def test_a_recipe_of_recent_rows_loses_what_a_fresh_fit_of_them_loses(
    selection: Selection, rows: pd.DataFrame, table: LabelledTable
) -> None:
    """What is worked out once for several recipes belongs to the same rows."""
    fitter = Fitter(COLUMNS, seed=0, young=YoungLeads.of(table, rows))
    recent = [
        one for one in selection.candidates if one.parameters["recent_days"] == 180.0 and one.calibrator == "none"
    ]
    assert recent
    for candidate in recent:
        recipe = Recipe.of(candidate)
        made = [
            HeldOut.of(fold.test, fitter.predicted(recipe, fold.train, fold.test, at=fold.test_from))
            for fold in forward_folds(rows)
        ]
        fresh = HeldOut.joined(made)
        assert mean_loss(fresh.raw, fresh) == pytest.approx(candidate.validation_log_loss, abs=1e-12)


@pytest.mark.whole
def test_recipes_are_tried_on_a_sample_of_accounts_where_rows_are_many(
    rows: pd.DataFrame, table: LabelledTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.select, "SEARCH_ROWS", 2_000)
    said: list[str] = []
    young = YoungLeads.of(table, rows)
    selection = select(rows, Fitter(COLUMNS, seed=0, young=young), say=said.append)
    told = re.fullmatch(r"trying recipes on ([\d,]+) of the snapshots", said[0])
    assert told is not None
    assert 1_900 < int(told[1].replace(",", "")) <= 2_000 < len(rows)
    few = sampled(rows, most_rows=2_000)
    assert selection.candidates == select(few, Fitter(COLUMNS, seed=0, young=young.beside(few, of=rows))).candidates


def distorted(n: int, *, distortion: float, seed: int = 0) -> tuple[HeldOut, np.ndarray]:
    """Predictions on later leads that are off by a power, and what a calibrator makes of them."""
    random = np.random.default_rng(seed)
    truth = random.beta(2, 4, n)
    outcome = (random.random(n) < truth).astype(np.int64)
    later = HeldOut(raw=truth**distortion, outcome=outcome, weight=np.ones(n), group=np.arange(n), lead=np.arange(n))
    learnt = replace(later, outcome=(random.random(n) < truth).astype(np.int64))
    calibrator = learnt.calibrator("sigmoid")
    assert calibrator is not None
    return later, calibrated(calibrator, later.raw)


def test_a_gain_is_clear_where_probabilities_were_off() -> None:
    later, mended = distorted(4_000, distortion=2.0)
    assert paired_gain(later.raw, mended, later).exceeds(2)


def test_a_gain_is_not_clear_where_probabilities_were_right() -> None:
    pairs = [distorted(2_000, distortion=1.0, seed=seed) for seed in range(5)]
    gains = [paired_gain(later.raw, mended, later) for later, mended in pairs]
    assert [gain.exceeds(1) for gain in gains].count(False) >= 4


def test_the_same_evidence_from_one_account_over_and_over_is_no_more_evidence() -> None:
    later, mended = distorted(600, distortion=1.2)
    again = np.tile(np.arange(600), 40)
    copies = HeldOut(later.raw[again], later.outcome[again], later.weight[again], later.group[again], later.lead[again])
    once, often = paired_gain(later.raw, mended, later), paired_gain(copies.raw, mended[again], copies)
    assert often.value == pytest.approx(once.value)
    assert often.standard_error == pytest.approx(once.standard_error)


def test_a_calibrator_needs_leads_and_not_snapshots() -> None:
    """1,200 leads are enough for an isotonic calibrator; 120 with twenty snapshots each are not."""
    many, _ = distorted(2_400, distortion=2.0)
    assert many.calibrator("isotonic") is not None
    of_few = replace(many, lead=np.repeat(np.arange(120), 20), outcome=np.repeat(np.arange(120) % 2, 20))
    assert of_few.calibrator("isotonic") is None
