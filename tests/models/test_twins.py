import numpy as np
import pandas as pd

from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
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


def together(*parts: pd.DataFrame) -> pd.DataFrame:
    """All `parts`, each later than the one before."""
    return pd.concat(parts, ignore_index=True)


def test_a_lead_that_stands_twice_is_found_and_its_outcomes_agree():
    earlier, later = rows("A", 0), rows("B", 1)
    later.loc[:19, ["converted", "x", "w"]] = earlier.loc[:19, ["converted", "x", "w"]]
    found = twins_of(together(earlier, later), COLUMNS)
    assert (found.n_leads, found.n_twins) == (N + N, 20)
    assert found.agreement_low is not None
    assert found.agreement_low > 0.9


def test_many_snapshots_of_a_lead_that_stands_twice_are_one_pair():
    earlier, later = rows("A", 0), rows("B", 1)
    later[["converted", "x", "w"]] = earlier[["converted", "x", "w"]]
    moved = [part.assign(x=part["x"] + 1) for part in (earlier, later)]
    assert twins_of(together(earlier, moved[0], later, moved[1]), COLUMNS).n_twins == N


def test_rows_that_are_alike_by_chance_agree_by_chance():
    found = twins_of(together(rows("A", 0).assign(x=1.0), rows("B", 1).assign(x=1.0)), COLUMNS)
    assert found.n_twins == N + N - 2, "of two words, the first lead with each is nobody's twin"
    assert found.agreement_low is not None
    assert found.agreement_low < 0.3


def test_a_lead_is_no_twin_of_itself_and_few_twins_say_nothing():
    earlier = rows("A", 0)
    found = twins_of(together(earlier, earlier.head(50)), COLUMNS)
    assert (found.n_twins, found.agreement) == (0, None)
