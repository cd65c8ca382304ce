import numpy as np
import pandas as pd
import pytest

from data_contracts.vocabulary import Transition
from models.chain import win_probabilities
from tests.example_release import base_rate, fitted, leads

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
