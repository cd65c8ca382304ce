"""One peer in a process of its own: `python -m benchmarks.models.peer NAME TASK_FOLDER ROW_SET OUT`.

It runs in the peers' environment and imports nothing of ours but what needs pandas only. It reads the files that
`tasks.write_task` wrote, and writes a column `probability` to `OUT`. What was chosen goes to `OUT` with the ending
`.txt`.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.naive_bayes import fit_and_predict, team_of

SEED = 0
N_THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))

N_TRIALS = 30
"""Random draws of LightGBM's parameters."""

REGULARISATION = tuple(10.0**power for power in np.arange(-4, 1.5, 0.5))
"""The values of C of the logistic regression."""

AUTOGLUON_SECONDS = 90

RARE_ROWS = 10
"""A category with fewer rows counts as rare in the one-hot coding of the logistic regression."""

LEARN, LATER = 1, 2
NEAREST = 1e-6


@dataclass(frozen=True)
class Rows:
    """What a peer is given."""

    train: pd.DataFrame
    test: pd.DataFrame
    numbers: list[str]
    categories: list[str]
    n_folds: int

    @cached_property
    def features(self) -> list[str]:
        """All of them, numbers first."""
        return [*self.numbers, *self.categories]

    @cached_property
    def outcome(self) -> np.ndarray:
        """1 for each row of `train` that converted."""
        return self.train["converted"].to_numpy(dtype=np.int64)

    @cached_property
    def weight(self) -> np.ndarray:
        """Of each row of `train`."""
        return self.train["weight"].to_numpy(dtype=np.float64)

    def with_codes(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The features of both sides, the categories as LightGBM takes them."""
        types = {name: pd.CategoricalDtype(sorted(self.train[name].dropna().unique())) for name in self.categories}
        return self.train[self.features].astype(types), self.test[self.features].astype(types)

    def with_words(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The features of both sides, a missing category as a word of its own."""
        words = dict.fromkeys(self.categories, "(missing)")
        return self.train[self.features].fillna(words), self.test[self.features].fillna(words)

    def forward_loss(self, predict: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
        """The log loss on the validation folds of what `predict` gives after learning from the rows before each.

        `predict` takes the positions of the rows to learn from and of those to predict.
        """
        losses, weights = [], []
        for fold in range(1, self.n_folds + 1):
            mark = self.train[f"fold_{fold}"].to_numpy()
            learn, later = np.flatnonzero(mark == LEARN), np.flatnonzero(mark == LATER)
            p = np.clip(predict(learn, later), NEAREST, 1 - NEAREST)
            outcome = self.outcome[later]
            losses.append(-(outcome * np.log(p) + (1 - outcome) * np.log(1 - p)))
            weights.append(self.weight[later])
        return float(np.average(np.concatenate(losses), weights=np.concatenate(weights)))


Found = tuple[np.ndarray, str]
"""The probabilities of the test rows, and what was chosen in a few words."""


def lightgbm_default(rows: Rows) -> Found:
    """LightGBM as it comes, categories as it takes them."""
    return _lightgbm(rows, {}), ""


def lightgbm_tuned(rows: Rows) -> Found:
    """LightGBM with the best of `N_TRIALS` random draws by the log loss on the validation folds."""
    random = np.random.default_rng(SEED)
    train, _ = rows.with_codes()
    best, least = None, np.inf
    for _ in range(N_TRIALS):
        drawn = _drawn(random)

        def predict(learn: np.ndarray, later: np.ndarray, chosen: Mapping[str, Any] = drawn) -> np.ndarray:
            model = _classifier(chosen).fit(train.iloc[learn], rows.outcome[learn], sample_weight=rows.weight[learn])
            return model.predict_proba(train.iloc[later])[:, 1]

        loss = rows.forward_loss(predict)
        if loss < least:
            best, least = drawn, loss
    return _lightgbm(rows, best), ", ".join(f"{name} {value:.3g}" for name, value in best.items())


def _drawn(random: np.random.Generator) -> dict[str, Any]:
    """Parameters drawn at random, those that work by their size on a logarithmic scale."""
    return {
        "num_leaves": int(np.exp(random.uniform(np.log(3), np.log(64)))),
        "n_estimators": int(np.exp(random.uniform(np.log(30), np.log(600)))),
        "learning_rate": float(np.exp(random.uniform(np.log(0.01), np.log(0.2)))),
        "min_child_samples": int(np.exp(random.uniform(np.log(5), np.log(200)))),
        "reg_lambda": float(np.exp(random.uniform(np.log(0.01), np.log(30)))),
        "subsample": float(random.uniform(0.5, 1.0)),
        "subsample_freq": 1,
        "colsample_bytree": float(random.uniform(0.4, 1.0)),
    }


def _lightgbm(rows: Rows, parameters: Mapping[str, Any]) -> np.ndarray:
    train, test = rows.with_codes()
    model = _classifier(parameters).fit(train, rows.outcome, sample_weight=rows.weight)
    return model.predict_proba(test)[:, 1]


def _classifier(parameters: Mapping[str, Any]) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=SEED, n_jobs=N_THREADS, verbose=-1, **parameters)


def logistic_plain(rows: Rows) -> Found:
    """Logistic regression as it comes, on one-hot categories and standardised numbers."""
    train, test = rows.with_words()
    model = _linear(rows, 1.0).fit(train, rows.outcome, classify__sample_weight=rows.weight)
    return model.predict_proba(test)[:, 1], ""


def logistic_regression(rows: Rows) -> Found:
    """Logistic regression on one-hot categories and standardised numbers; its C by the validation folds."""
    train, test = rows.with_words()

    def predict(learn: np.ndarray, later: np.ndarray, strength: float) -> np.ndarray:
        model = _linear(rows, strength)
        model.fit(train.iloc[learn], rows.outcome[learn], classify__sample_weight=rows.weight[learn])
        return model.predict_proba(train.iloc[later])[:, 1]

    losses = {c: rows.forward_loss(lambda learn, later, c=c: predict(learn, later, c)) for c in REGULARISATION}
    best = min(losses, key=losses.__getitem__)
    model = _linear(rows, best).fit(train, rows.outcome, classify__sample_weight=rows.weight)
    return model.predict_proba(test)[:, 1], f"C {best:.3g}"


def _linear(rows: Rows, strength: float) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    number = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    words = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE_ROWS)
    design = ColumnTransformer([("number", number, rows.numbers), ("category", words, rows.categories)])
    pipeline = make_pipeline(design, LogisticRegression(C=strength, max_iter=5000))
    pipeline.steps[-1] = ("classify", pipeline.steps[-1][1])
    return pipeline


def catboost_default(rows: Rows) -> Found:
    """CatBoost as it comes, categories as it takes them."""
    from catboost import CatBoostClassifier

    train, test = rows.with_words()
    model = CatBoostClassifier(
        random_seed=SEED,
        thread_count=N_THREADS,
        cat_features=rows.categories,
        allow_writing_files=False,
        verbose=False,
    )
    model.fit(train, rows.outcome, sample_weight=rows.weight)
    return model.predict_proba(test)[:, 1], ""


def autogluon(rows: Rows) -> Found:
    """AutoGluon with its default presets, for `AUTOGLUON_SECONDS`."""
    from autogluon.tabular import TabularPredictor

    train = rows.train[[*rows.features, "converted"]].assign(converted=rows.outcome)
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(
            label="converted", problem_type="binary", eval_metric="log_loss", path=folder, verbosity=0
        )
        predictor.fit(train, time_limit=AUTOGLUON_SECONDS, num_cpus=N_THREADS, num_gpus=0)
        probability = predictor.predict_proba(rows.test[rows.features])[1].to_numpy()
        models = ", ".join(predictor.leaderboard()["model"])
    return probability, f"best first: {models}"


def naive_bayes(rows: Rows) -> Found:
    """Naive Bayes as Odoo's CRM has it; by team where there is a feature of that name."""
    team = team_of(rows.categories)
    probability = fit_and_predict(rows.train, rows.test, numbers=rows.numbers, categories=rows.categories, team=team)
    return probability, ""


PEERS: Mapping[str, Callable[[Rows], Found]] = {
    "lightgbm": lightgbm_default,
    "lightgbm_tuned": lightgbm_tuned,
    "logistic_plain": logistic_plain,
    "logistic_regression": logistic_regression,
    "catboost": catboost_default,
    "autogluon": autogluon,
    "naive_bayes": naive_bayes,
}


def read_rows(folder: Path, row_set: str) -> Rows:
    """The rows of the task in `folder`. Features that are missing throughout or never differ are left out."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train = pd.read_parquet(folder / f"{row_set}.parquet")
    kinds = {one["name"]: one["type"] for one in task["features"] if train[one["name"]].nunique(dropna=False) > 1}
    return Rows(
        train=train,
        test=pd.read_parquet(folder / "test.parquet"),
        numbers=[name for name, kind in kinds.items() if kind == "number"],
        categories=[name for name, kind in kinds.items() if kind != "number"],
        n_folds=task["n_folds"][row_set],
    )


def main(arguments: list[str]) -> None:
    """Run one peer."""
    name, folder, row_set, out = arguments
    probability, chosen = PEERS[name](read_rows(Path(folder), row_set))
    pd.DataFrame({"probability": probability}).to_parquet(out, index=False)
    Path(out).with_suffix(".txt").write_text(chosen, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
