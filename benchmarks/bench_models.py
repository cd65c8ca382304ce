"""How fast models are fitted and predict. How fast they explain, `benchmarks.reasons` says.

.venv/bin/python -m benchmarks.bench_models --rows 1000000
"""

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
from models.design import design_batches
from models.estimators import (
    TREE_SIZES,
    fit_estimator,
    lightgbm_setting,
    logistic_setting,
    model_frame,
    raw_probabilities,
)

N_NUMBERS, N_CATEGORIES = 80, 6
FIT_ROWS = 50_000
COLUMNS = tuple(
    [FeatureColumn(f"number_{i}", "number", "bench", Attribute(""), "") for i in range(N_NUMBERS)]
    + [FeatureColumn(f"category_{i}", "category", "bench", Attribute(""), "") for i in range(N_CATEGORIES)]
)
T = TypeVar("T")


def leads(n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Features like those of a CRM (counts, amounts, missing values, words) and outcomes that depend on some."""
    random = np.random.default_rng(0)
    columns: dict[str, object] = {}
    for i, column in enumerate(COLUMNS):
        if column.type == "category":
            columns[column.name] = pd.Series(random.choice(list("abcdefghij"), n), dtype="str")
        elif i % 2:
            columns[column.name] = random.poisson(1.5, n).astype(float)
        else:
            columns[column.name] = np.where(random.random(n) < 0.2, np.nan, random.lognormal(size=n))
    frame = pd.DataFrame(columns)
    log_odds = 0.5 * frame["number_1"] - 0.4 * frame["number_3"] + 0.8 * (frame["category_0"] == "a") - 1.5
    return frame, (random.random(n) < 1 / (1 + np.exp(-log_odds))).to_numpy().astype(int)


def timed(what: str, do: Callable[[], T], *, rows: int) -> T:
    """What `do` returns; prints how long it took."""
    started = time.perf_counter()
    result = do()
    seconds = time.perf_counter() - started
    print(f"  {what:<38}{seconds:8.1f} s {rows / seconds:12,.0f} rows/s")
    return result


def main() -> None:
    """Time every setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="leads that are predicted")
    n = parser.parse_args().rows
    frame, outcome = leads(max(n, FIT_ROWS))
    features = timed("features as models read them", lambda: model_frame(frame.head(n), COLUMNS), rows=n)
    learnt = model_frame(frame.head(FIT_ROWS), COLUMNS)
    known = {"account": np.arange(FIT_ROWS), "outcome": outcome[:FIT_ROWS], "weight": np.ones(FIT_ROWS)}
    sizes = range(len(TREE_SIZES))
    trees = [lightgbm_setting(size, categories=words) for size in sizes for words in ("native", "one_hot")]
    for setting in (logistic_setting(-3), *trees):
        print(setting.estimator, dict(setting.parameters))

        def fit(chosen: object = setting) -> object:
            return fit_estimator(chosen, learnt, columns=COLUMNS, **known, seed=0)

        estimator = timed("fit", fit, rows=FIT_ROWS)
        timed("predict", lambda model=estimator: raw_probabilities(model, features), rows=n)
        if setting.estimator == "lightgbm":
            beside_the_booster(estimator, frame.head(n))


def beside_the_booster(estimator: Pipeline, frame: pd.DataFrame) -> None:
    """How long it takes from features in memory to probabilities, beside the same booster's predict on a ready matrix.

    In turn, in CPU seconds of one thread; the least of three of each.
    """
    booster = estimator.named_steps["classifier"].booster_
    ready = np.concatenate(
        [batch.matrix.copy() for batch in design_batches(estimator[:-1], model_frame(frame, COLUMNS))]
    )
    ours, raw = [], []
    for _ in range(3):
        ours.append(cpu_seconds(lambda: raw_probabilities(estimator, model_frame(frame, COLUMNS))))
        raw.append(cpu_seconds(lambda: booster.predict(ready, num_threads=1)))
    times = min(ours) / min(raw)
    print(f"  features to probabilities {min(ours):.2f} s, booster alone {min(raw):.2f} s: {times:.2f} times")


def cpu_seconds(do: Callable[[], object]) -> float:
    """CPU seconds that `do` takes."""
    started = time.process_time()
    do()
    return time.process_time() - started


if __name__ == "__main__":
    main()
