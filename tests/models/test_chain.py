import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from data_contracts.recalibration import Recalibration
from data_contracts.vocabulary import Transition
from models.chain import win_probabilities
from models.fitted import FittedChain
from models.win_calibrator import WinCalibrator, p_win_before_sql
from tests.example_release import base_rate, chain_summary, fitted, leads, recalibration

CHAIN = {
    Transition.MQL_TO_SQL: fitted(Transition.MQL_TO_SQL),
    Transition.SQL_TO_WIN: fitted(Transition.SQL_TO_WIN, seed=7),
}


@pytest.fixture
def frame() -> pd.DataFrame:
    return leads(6, seed=3).assign(stage=["lead", "mql", "sal", "sql", "opportunity", "mql"])


def test_a_win_is_an_sql_that_is_won(frame: pd.DataFrame) -> None:
    found = win_probabilities(CHAIN, frame)
    before = [0, 1, 2, 5]
    p_sql, p_win = (CHAIN[transition].predict(frame) for transition in CHAIN)
    assert found["p_sql"].iloc[before].tolist() == p_sql[before].tolist()
    assert found["p_win_given_sql"].tolist() == p_win.tolist()
    assert found["p_win"].iloc[before].tolist() == (p_sql * p_win)[before].tolist()


def test_an_sql_has_its_sql_behind_it(frame: pd.DataFrame) -> None:
    found = win_probabilities(CHAIN, frame).iloc[[3, 4]]
    assert found["p_sql"].tolist() == [1.0, 1.0]
    assert found["p_win"].tolist() == found["p_win_given_sql"].tolist()


def test_a_win_is_never_likelier_than_the_sql_it_needs(frame: pd.DataFrame) -> None:
    found = win_probabilities(CHAIN, frame)
    assert (found["p_win"] <= found["p_sql"]).all()


def test_a_crm_without_sqls_has_the_win_alone(frame: pd.DataFrame) -> None:
    model = fitted(Transition.MQL_TO_WIN)
    found = win_probabilities({Transition.MQL_TO_WIN: model}, frame)
    assert found[["p_sql", "p_win_given_sql"]].isna().all(axis=None)
    assert found["p_win"].tolist() == model.predict(frame).tolist()


def test_a_base_rate_takes_its_place_in_the_chain(frame: pd.DataFrame) -> None:
    found = win_probabilities({**CHAIN, Transition.SQL_TO_WIN: base_rate(Transition.SQL_TO_WIN)}, frame)
    assert np.unique(found["p_win_given_sql"]).tolist() == [0.25]


def test_rows_keep_their_index(frame: pd.DataFrame) -> None:
    shuffled = frame.sample(frac=1, random_state=0)
    assert win_probabilities(CHAIN, shuffled).index.equals(shuffled.index)


def raised(by: float, *, mend: Recalibration | None = None) -> FittedChain:
    """A chain whose calibrator raises the log-odds of every product by so much."""
    model = LogisticRegression()
    model.classes_, model.n_features_in_ = np.array([0, 1]), 1
    model.coef_, model.intercept_ = np.array([[1.0]]), np.array([by])
    summary = chain_summary("sigmoid").model_copy(update={"recalibration": mend})
    return FittedChain(summary, WinCalibrator("sigmoid", model))


def test_a_calibrator_mends_the_wins_of_leads_before_sql_and_of_no_other(frame: pd.DataFrame) -> None:
    frame = frame.assign(days_in_stage=1.0)
    plain, mended = win_probabilities(CHAIN, frame), win_probabilities(CHAIN, frame, chain=raised(0.5))
    before = [0, 1, 2, 5]
    assert (
        mended["p_win"].iloc[before].tolist()
        == p_win_before_sql(plain.iloc[before].assign(days_in_stage=1.0), raised(0.5).calibrator).tolist()
    )
    assert (mended["p_win"].iloc[before] > plain["p_win"].iloc[before]).all()
    pd.testing.assert_frame_equal(mended.iloc[[3, 4]], plain.iloc[[3, 4]])
    assert mended["p_sql"].tolist() == plain["p_sql"].tolist(), "the hand-off does not move"


@pytest.mark.parametrize("by", [0.5, 9.0])
def test_the_three_probabilities_go_together_when_a_win_is_mended(frame: pd.DataFrame, by: float) -> None:
    found = win_probabilities(CHAIN, frame.assign(days_in_stage=1.0), chain=raised(by))
    assert (found["p_win"] <= found["p_sql"]).all()
    assert (found["p_win_given_sql"] <= 1).all()
    np.testing.assert_allclose(found["p_sql"] * found["p_win_given_sql"], found["p_win"], rtol=1e-12)


def test_a_base_rate_on_either_side_is_mended_too(frame: pd.DataFrame) -> None:
    for transition in CHAIN:
        models = {**CHAIN, transition: base_rate(transition)}
        found = win_probabilities(models, frame.assign(days_in_stage=1.0), chain=raised(0.5))
        assert found["p_win"].between(0, 1, inclusive="neither").all()


def test_a_mend_between_trainings_moves_the_calibrated_win_along_its_line(frame: pd.DataFrame) -> None:
    frame, mend = frame.assign(days_in_stage=1.0), recalibration("level_and_slope", intercept=-0.4, slope=0.8)
    trained, mended = (win_probabilities(CHAIN, frame, chain=raised(0.5, mend=each)) for each in (None, mend))
    before = [0, 1, 2, 5]
    on_the_line = expit(-0.4 + 0.8 * logit(trained["p_win"].iloc[before]))
    np.testing.assert_allclose(
        mended["p_win"].iloc[before], np.minimum(on_the_line, trained["p_sql"].iloc[before]), rtol=1e-9
    )
    pd.testing.assert_frame_equal(mended.iloc[[3, 4]], trained.iloc[[3, 4]])
    assert mended["p_sql"].tolist() == trained["p_sql"].tolist()


@pytest.mark.parametrize("by", [-2.0, 0.5, 9.0])
def test_a_product_without_calibrator_is_mended_and_stays_below_its_sql(frame: pd.DataFrame, by: float) -> None:
    mend = recalibration("level", intercept=by)
    plain = FittedChain(chain_summary("none").model_copy(update={"recalibration": mend}), None)
    found = win_probabilities(CHAIN, frame.assign(days_in_stage=1.0), chain=plain)
    product = win_probabilities(CHAIN, frame)
    before = [0, 1, 2, 5]
    assert ((found["p_win"] > product["p_win"]) == (by > 0)).iloc[before].all()
    assert (found["p_win"] <= found["p_sql"]).all()
    np.testing.assert_allclose(found["p_sql"] * found["p_win_given_sql"], found["p_win"], rtol=1e-12)


def test_a_chain_that_mends_nothing_leaves_the_product_to_the_last_bit(frame: pd.DataFrame) -> None:
    nothing = FittedChain(chain_summary("none").model_copy(update={"recalibration": recalibration("none")}), None)
    pd.testing.assert_frame_equal(win_probabilities(CHAIN, frame, chain=nothing), win_probabilities(CHAIN, frame))
