from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_contracts.snapshots import LabelledTable
from models.calibrate import calibrated
from models.estimators import LOGISTIC_SETTINGS, SETTINGS
from models.fit import Fitter, HeldOut
from models.select import Selection, Tried, select
from models.split import forward_folds, learning_rows
from tests.models.conftest import COLUMNS

pytestmark = pytest.mark.whole

FITTER = Fitter(COLUMNS, seed=0)


@pytest.fixture(scope="module")
def rows(table: LabelledTable) -> pd.DataFrame:
    return learning_rows(table)


@pytest.fixture(scope="module")
def selection(rows: pd.DataFrame) -> Selection:
    return select(rows, FITTER)


def test_every_setting_is_tried_and_the_least_log_loss_on_later_leads_is_chosen(selection: Selection) -> None:
    tried = {(one.estimator, tuple(one.parameters.items())) for one in selection.candidates}
    assert tried == {(setting.estimator, setting.parameters) for setting in SETTINGS}
    uncalibrated = [one for one in selection.candidates if one.calibrator == "none"]
    least = min(uncalibrated, key=lambda one: one.validation_log_loss)
    chosen = [one for one in selection.candidates if one.is_chosen]
    assert len(chosen) == 1
    assert (chosen[0].estimator, chosen[0].parameters) == (least.estimator, least.parameters)
    assert selection.best_logistic.setting in LOGISTIC_SETTINGS


def test_calibrators_are_tried_on_the_chosen_setting(selection: Selection) -> None:
    chosen = selection.best.setting
    calibrators = {
        one.calibrator
        for one in selection.candidates
        if one.estimator == chosen.estimator and one.parameters == dict(chosen.parameters)
    }
    assert calibrators == {"none", "sigmoid", "beta", "isotonic"}


def tried(n: int, *, distortion: float, seed: int = 0) -> Tried:
    """Predictions on later leads that are off by a power, and what perfect knowledge would make of them."""
    random = np.random.default_rng(seed)
    truth = random.beta(2, 4, n)
    outcome = (random.random(n) < truth).astype(np.int64)
    later = HeldOut(raw=truth**distortion, outcome=outcome, weight=np.ones(n), group=np.arange(n), lead=np.arange(n))
    learnt = replace(later, outcome=(random.random(n) < truth).astype(np.int64))
    calibrator = learnt.calibrator("sigmoid")
    assert calibrator is not None
    return Tried(later, {"none": later.raw, "sigmoid": calibrated(calibrator, later.raw)})


def test_a_calibrator_is_chosen_where_probabilities_are_off() -> None:
    assert tried(4_000, distortion=2.0).best_calibrator() == "sigmoid"


def test_no_calibrator_is_chosen_where_probabilities_are_right() -> None:
    assert [tried(2_000, distortion=1.0, seed=seed).best_calibrator() for seed in range(5)].count("none") >= 4


def test_the_same_evidence_from_one_account_over_and_over_is_no_more_evidence() -> None:
    few = tried(600, distortion=1.2, seed=0)
    again = np.tile(np.arange(600), 40)
    copies = HeldOut(
        few.later.raw[again],
        few.later.outcome[again],
        few.later.weight[again],
        few.later.group[again],
        few.later.lead[again],
    )
    repeated = Tried(copies, {name: p[again] for name, p in few.probabilities.items()})
    assert repeated.best_calibrator() == few.best_calibrator() == "none"


def test_a_history_too_short_for_later_leads_chooses_by_other_accounts_and_says_so(rows: pd.DataFrame) -> None:
    few = rows[rows["as_of"] < rows["as_of"].min() + pd.Timedelta(days=120)]
    few = few.assign(outcome_known_at=few["as_of"].max() + pd.Timedelta(days=1))
    assert forward_folds(few) == ()
    said: list[str] = []
    selection = select(few, FITTER, say=said.append)
    assert selection.validation == "grouped"
    assert {(one.estimator, tuple(one.parameters.items())) for one in selection.candidates} == {
        (setting.estimator, setting.parameters) for setting in SETTINGS
    }
    assert sum(one.is_chosen for one in selection.candidates) == 1
    assert said[0].startswith("history is too short to choose by later leads")


def test_a_history_that_is_long_enough_chooses_by_later_leads(selection: Selection) -> None:
    assert selection.validation == "forward"


def test_a_calibrator_needs_leads_and_not_snapshots() -> None:
    """1,200 leads are enough for an isotonic calibrator; 120 with twenty snapshots each are not."""
    many = tried(2_400, distortion=2.0).later
    assert many.calibrator("isotonic") is not None
    of_few = replace(many, lead=np.repeat(np.arange(120), 20), outcome=np.repeat(np.arange(120) % 2, 20))
    assert of_few.calibrator("isotonic") is None
