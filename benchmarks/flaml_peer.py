"""FLAML in a process of its own: `python -m benchmarks.flaml_peer FOLDER SECONDS`, in an environment of its own.

It reads the rows that `benchmarks.training` wrote to FOLDER and leaves there what it says of each test row.
"""

import sys
from pathlib import Path

import pandas as pd

TRAIN, TEST = "train.parquet", "test.parquet"
OUTCOME, WEIGHT, PROBABILITY = "converted", "weight", "probability"


def main(folder: Path, *, seconds: float) -> None:
    """Fit for so many seconds, and predict the test rows."""
    from flaml import AutoML

    train, test = pd.read_parquet(folder / TRAIN), pd.read_parquet(folder / TEST)
    features = [name for name in train.columns if name not in (OUTCOME, WEIGHT)]
    words = {
        name: pd.CategoricalDtype(sorted(train[name].dropna().unique()))
        for name in features
        if not pd.api.types.is_numeric_dtype(train[name])
    }
    model = AutoML()
    model.fit(
        train[features].astype(words),
        train[OUTCOME],
        sample_weight=train[WEIGHT],
        task="classification",
        metric="log_loss",
        time_budget=seconds,
        n_jobs=1,
        seed=0,
        verbose=0,
    )
    said = model.predict_proba(test[features].astype(words))[:, 1]
    pd.DataFrame({PROBABILITY: said}).to_parquet(folder / "said.parquet", index=False)
    print(f"FLAML chose {model.best_estimator}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), seconds=float(sys.argv[2]))
