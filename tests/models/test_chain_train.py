from dataclasses import replace

import numpy as np
import pytest

from data_contracts.vocabulary import Stage, Transition
from models.chain_links import Chain, way_to_a_win
from models.chain_train import train_chain
from models.split import default_test_from, learning_rows
from tests.example_release import base_rate
from tests.models.ways import BLENDED, PLAIN, both_made_by, both_tables

FIRST, SECOND = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


@pytest.fixture(scope="module")
def far_off(make_table):
    """SQLs are won because of what sales does, and an MQL has nothing of it yet: the product is far too low."""
    return both_tables(make_table(n_leads=2_400), sales_work=2.0)


@pytest.fixture(scope="module")
def trained(far_off, definitions):
    return train_chain(far_off, both_made_by(PLAIN), definitions=definitions)


def test_a_product_that_is_too_low_is_told_and_mended(trained):
    at_entry = trained.summary.at_acting_age
    assert trained.summary.calibrator != "none"
    assert trained.calibrator.name == trained.summary.calibrator
    assert at_entry.baseline("product").calibration_intercept.low > 0.1
    intercept = at_entry.model.calibration_intercept
    assert intercept.low < 0.2
    assert intercept.high > -0.2
    assert at_entry.model.log_loss.value < at_entry.baseline("product").log_loss.value


def test_it_is_judged_by_age_and_by_stage_on_the_latest_quarter(trained, far_off, definitions):
    found = trained.summary.evaluations
    rows = learning_rows(way_to_a_win(far_off[FIRST], definitions))
    assert [(one.day, one.stage) for one in found] == [
        (0, None),
        (7, None),
        (14, None),
        (None, None),
        (None, Stage.MQL),
    ]
    assert {one.test_from for one in found} == {default_test_from(rows)}
    assert {one.transition for one in found} == {Transition.MQL_TO_WIN}
    assert found[0].models[1].model == "base_rate_by_age"
    assert trained.summary.n_labelled == rows["lead_id"].nunique()
    assert trained.summary.n_won == rows.loc[rows["converted"], "lead_id"].nunique()


def test_stages_are_judged_by_themselves(far_off, definitions):
    frame = far_off[FIRST].frame
    staged = frame.assign(stage=np.where(frame["day"] == 0, "mql", "sal"))
    tables = far_off | {FIRST: replace(far_off[FIRST], frame=staged)}
    found = train_chain(tables, both_made_by(PLAIN), definitions=definitions).summary.evaluations
    at_entry, mql, sal = found[0], found[-2], found[-1]
    assert (mql.stage, sal.stage) == (Stage.MQL, Stage.SAL)
    assert mql.n_test == at_entry.n_test
    assert mql.model.log_loss.value == pytest.approx(at_entry.model.log_loss.value)
    assert sal.n_test == found[-3].n_test - mql.n_test


def test_models_judged_know_nothing_that_was_learnt_later(far_off, trained, definitions, monkeypatch):
    """Every model of the judgement is asked as of the start of the test; the last calibrator, as of the extract."""
    moments = []
    for name in ("predicted", "cross_predicted"):
        monkeypatch.setattr(Chain, name, _noting(getattr(Chain, name), moments))
    train_chain(far_off, both_made_by(PLAIN), definitions=definitions)
    test_from = trained.summary.evaluations[0].test_from
    assert moments == [test_from, test_from, far_off[FIRST].extracted_at]


def _noting(ask, moments):
    def noting(chain, rows, *, at):
        moments.append(at)
        return ask(chain, rows, at=at)

    return noting


def test_outcomes_of_the_test_change_no_calibrator_that_is_judged(far_off, trained, definitions):
    test_from = trained.summary.evaluations[0].test_from
    frame = far_off[FIRST].frame
    is_later = (frame["won_known_at"] > test_from) & (frame["won_status"] == "not_converted") & frame["converted"]
    turned = frame.assign(won_status=frame["won_status"].where(~is_later, "converted"))
    tables = far_off | {FIRST: replace(far_off[FIRST], frame=turned)}
    again = train_chain(tables, both_made_by(PLAIN), definitions=definitions).summary
    assert again.calibrator == trained.summary.calibrator
    assert again.evaluations[0].test_base_rate > trained.summary.evaluations[0].test_base_rate
    ours, theirs = (one.evaluations[0].reliability for one in (again, trained.summary))
    assert [part.predicted for part in ours] == [part.predicted for part in theirs]


def test_a_base_rate_takes_its_place_on_either_side(far_off, definitions):
    for transition in (FIRST, SECOND):
        told: list[str] = []
        models = both_made_by(PLAIN) | {transition: base_rate(transition)}
        found = train_chain(far_off, models, definitions=definitions, say=told.append)
        assert found.summary.evaluations[-2].day is None
        assert told == [
            f"p_win before SQL: judged on {_n_judged(found):,} leads, calibrator {found.summary.calibrator}"
        ]


def _n_judged(found):
    return next(one.n_test_leads for one in found.summary.evaluations if one.day is None)


def test_a_recipe_with_young_leads_and_two_estimators_is_made_anew(make_table, definitions):
    tables = both_tables(make_table(n_leads=1_500, seed=11), sales_work=1.0)
    assert train_chain(tables, both_made_by(BLENDED), definitions=definitions).summary.evaluations


def test_one_transition_is_no_chain(far_off, definitions):
    assert train_chain({}, {Transition.MQL_TO_WIN: base_rate(Transition.MQL_TO_WIN)}, definitions=definitions) is None


def test_too_few_wins_are_said_and_nothing_is_judged(make_table, definitions):
    told: list[str] = []
    tables = both_tables(make_table(n_leads=1_500, seed=11), rate=-6.0)
    assert train_chain(tables, both_made_by(PLAIN), definitions=definitions, say=told.append) is None
    [line] = told
    assert line.startswith("p_win before SQL: not held against wins, because too few are known (")


def test_the_same_seed_gives_the_same_chain(far_off, trained, definitions):
    again = train_chain(far_off, both_made_by(PLAIN), definitions=definitions)
    assert again.summary == trained.summary
    assert again.calibrator.fitted.coef_.tolist() == trained.calibrator.fitted.coef_.tolist()
