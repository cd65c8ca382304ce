import datetime as dt

import numpy as np
import pandas as pd

from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
from models.split import Split
from models.twins import twins_of

COLUMNS = (
    FeatureColumn("x", "number", "g", Attribute("x"), ""),
    FeatureColumn("w", "category", "g", Attribute("w"), ""),
)
N = 200


def rows(prefix: str, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    converted = random.random(N) < 0.4
    words = pd.Series(random.choice(["a", "b"], N), dtype="str")
    return pd.DataFrame(
        {"lead_id": [f"{prefix}{i}" for i in range(N)], "converted": converted, "x": random.normal(size=N), "w": words}
    )


def split(train: pd.DataFrame, test: pd.DataFrame) -> Split:
    return Split(train, test, test_from=dt.datetime(2026, 1, 1))


def test_a_lead_that_stands_twice_is_found_and_its_outcomes_agree():
    train, test = rows("A", 0), rows("B", 1)
    test.loc[:19, ["converted", "x", "w"]] = train.loc[:19, ["converted", "x", "w"]]
    found = twins_of(split(train, test), COLUMNS)
    assert (found.n_test, found.n_twins) == (N, 20)
    assert found.agreement_low is not None
    assert found.agreement_low > 0.9


def test_rows_that_are_alike_by_chance_agree_by_chance():
    train, test = rows("A", 0).assign(x=1.0), rows("B", 1).assign(x=1.0)
    found = twins_of(split(train, test), COLUMNS)
    assert found.n_twins == N
    assert found.agreement_low is not None
    assert found.agreement_low < 0.3


def test_a_lead_is_no_twin_of_itself_and_few_twins_say_nothing():
    train = rows("A", 0)
    found = twins_of(split(train, train.head(50)), COLUMNS)
    assert (found.n_twins, found.agreement) == (0, None)
