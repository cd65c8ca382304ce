import datetime as dt

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
from models.association import associations, auc_estimate
from models.split import Split

N = 1_200
SAID = Attribute("something")
COLUMNS = (
    FeatureColumn("leak", "number", "g", SAID, ""),
    FeatureColumn("strong", "number", "g", SAID, ""),
    FeatureColumn("noise", "category", "g", SAID, ""),
    FeatureColumn("rest", "number", "g", SAID, ""),
)


def rows(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    log_odds = random.normal(0, 1.5, N)
    converted = random.random(N) < 1 / (1 + np.exp(-log_odds))
    return pd.DataFrame(
        {
            "converted": converted,
            "group_id": [f"A{i // 3}" for i in range(N)],
            "leak": np.where(converted & (random.random(N) < 0.95), 1.0, np.nan),
            "strong": log_odds,
            "noise": pd.Series(random.choice(["a", "b", None], N), dtype="str"),
            "rest": random.normal(size=N),
        }
    )


@pytest.fixture(scope="module")
def found():
    split = Split(rows(0), rows(1), test_from=dt.datetime(2026, 1, 1))
    return associations(split, COLUMNS, [["leak"], ["strong"], ["noise"]])


def test_a_column_alone_ranks_as_well_as_it_knows_the_outcome(found):
    leak, strong, noise = found.each
    assert leak.auc.low > 0.95
    assert strong.auc.low < 0.78 < strong.auc.high
    assert noise.auc.low < 0.5 < noise.auc.high


def test_what_a_column_adds_is_what_the_others_did_not_know(found):
    leak, strong, noise = found.each
    assert leak.gain_on_top.low > 0.2
    assert strong.gain_on_top.value < 0.05 < strong.gain.low
    assert noise.gain_on_top.high < 0.005
    assert leak.lead_over_others.low > 0.1
    assert strong.lead_over_others.high < 0
    assert found.auc_of_all.low > 0.95


def test_the_area_is_that_of_scikit_learn():
    test = rows(2)
    outcome = test["converted"].to_numpy(dtype=np.int64)
    score = test["strong"].round(0).to_numpy()
    estimate = auc_estimate(score, outcome, np.arange(N))
    assert estimate.value == pytest.approx(roc_auc_score(outcome, score))


def test_the_interval_of_an_area_covers_it_in_19_of_20_draws_and_is_wider_for_fewer_accounts():
    random = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        outcome = (random.random(150) < 0.4).astype(np.int64)
        score = random.normal(size=150) + 1.0 * outcome
        estimate = auc_estimate(score, outcome, np.arange(150))
        covered.append(estimate.low <= 0.7602 <= estimate.high)  # the normal distribution at 1 / sqrt(2)
    assert 0.92 <= np.mean(covered) <= 0.98
    once = auc_estimate(score, outcome, np.arange(150))
    twice = auc_estimate(np.tile(score, 2), np.tile(outcome, 2), np.tile(np.arange(150), 2))
    assert twice.high - twice.low == pytest.approx(once.high - once.low, rel=0.02)


def test_with_one_outcome_there_is_no_area():
    assert auc_estimate(np.arange(3.0), np.ones(3, dtype=np.int64), np.arange(3)).value is None
