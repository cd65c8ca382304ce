import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from models.win_calibrator import MOST_DAYS, fit_win_calibrator, p_win_before_sql

NAMES = ("sigmoid", "beta", "sigmoid_by_age")


def leads(n: int, *, intercept: float = 0.0, by_age: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Leads whose true log-odds of a win are those of the product, and `intercept` and so much of age on top."""
    random = np.random.default_rng(seed)
    p_sql, p_win_given_sql = random.uniform(0.05, 0.9, n), random.uniform(0.05, 0.6, n)
    days = random.choice([0.0, 1.0, 7.0, 28.0], n)
    p_win = expit(logit(p_sql * p_win_given_sql) + intercept + by_age * np.log1p(days))
    return pd.DataFrame(
        {
            "p_sql": p_sql,
            "p_win_given_sql": p_win_given_sql,
            "days_in_stage": days,
            "p_win": p_win,
            "converted": random.random(n) < p_win,
            "weight": 1.0,
            "lead_id": np.arange(n),
            "group_id": np.arange(n),
        }
    )


def test_without_a_calibrator_a_win_is_the_product():
    rows = leads(5)
    assert p_win_before_sql(rows, None).tolist() == (rows["p_sql"] * rows["p_win_given_sql"]).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_level_that_is_too_low_is_mended(name):
    rows, fresh = leads(20_000, intercept=1.0), leads(5_000, intercept=1.0, seed=1)
    found = p_win_before_sql(fresh, fit_win_calibrator(name, rows))
    assert found.mean() == pytest.approx(np.minimum(fresh["p_win"], fresh["p_sql"]).mean(), abs=0.01)
    assert np.corrcoef(found, fresh["p_win"])[0, 1] > 0.97


def test_one_that_knows_the_age_mends_what_differs_with_age():
    rows = leads(40_000, intercept=1.0, by_age=-0.5)
    calibrators = {name: fit_win_calibrator(name, rows) for name in NAMES}
    off = {name: np.abs(p_win_before_sql(rows, one) - rows["p_win"]).mean() for name, one in calibrators.items()}
    assert off["sigmoid_by_age"] < 0.01
    assert off["sigmoid"] > 3 * off["sigmoid_by_age"]


@pytest.mark.parametrize("name", NAMES)
def test_a_win_is_never_likelier_than_the_sql_it_needs(name):
    rows = leads(2_000, intercept=4.0)
    calibrator = fit_win_calibrator(name, rows)
    found = p_win_before_sql(rows, calibrator)
    assert (found <= rows["p_sql"]).all()
    assert (found == rows["p_sql"]).any(), "what is mended would be likelier without the limit"


@pytest.mark.parametrize("name", NAMES)
def test_a_calibrator_that_would_turn_the_ranking_round_is_none(name):
    rows = leads(2_000)
    assert fit_win_calibrator(name, rows.assign(converted=rows["p_win"] < 0.1)) is None


@pytest.mark.parametrize("name", NAMES)
def test_fewer_than_fifty_wins_give_none(name):
    rows = leads(2_000)
    n_so_far = rows["converted"].cumsum()
    assert fit_win_calibrator(name, rows.assign(converted=rows["converted"] & (n_so_far <= 49))) is None
    assert fit_win_calibrator(name, rows.assign(converted=rows["converted"] & (n_so_far <= 50))) is not None


def test_none_is_none():
    assert fit_win_calibrator("none", leads(2_000)) is None


def test_age_counts_no_further_than_something_was_seen_and_a_missing_one_is_none():
    calibrator = fit_win_calibrator("sigmoid_by_age", leads(5_000, intercept=1.0, by_age=-0.5))
    one = leads(1)
    found = {
        days: p_win_before_sql(one.assign(days_in_stage=days), calibrator)[0]
        for days in (0.0, np.nan, MOST_DAYS, 10 * MOST_DAYS)
    }
    assert found[10 * MOST_DAYS] == found[MOST_DAYS] < found[0.0]
    assert p_win_before_sql(one.assign(days_in_stage=np.nan), calibrator)[0] == found[0.0]
