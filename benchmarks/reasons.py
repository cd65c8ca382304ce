"""Reasons beside SHAP's, under resampled accounts, and how fast they are.

python -m benchmarks.reasons --leads 14000 --resamples 20 --rows 1000000

Agreement and stability are those of later MQLs of a simulated CRM, one row a lead, by models of the earlier ones. A
reason is what a seller reads: a direction, and a feature with its value. Its family (opened pricing, in whichever
window) is told apart, because resampled accounts often choose another window to say much the same. Intervals are over
accounts.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from benchmarks import bench_models
from data_contracts.check import open_checked
from data_contracts.releases import TransitionSummary
from data_contracts.settings import StoreSettings, load_settings
from data_contracts.snapshots import FeatureColumn, LabelledTable
from data_contracts.vocabulary import Transition
from features.build import build_training_table
from models.design import design_batches
from models.estimators import TREE_SIZES, fit_estimator, lightgbm_setting, logistic_setting, model_frame
from models.explain import compile_explainer, design_origin
from models.fit import Fitter
from models.fitted import FittedTransition
from models.recipe import Recipe
from models.split import Split, default_test_from, learning_rows, split_at
from models.threads import in_one_thread
from pipelines.ingest import ingest_history
from pipelines.store import Store
from serving.phrases import phrasings
from serving.reasons import Reasoner
from simulation import simulate

ROOT = Path(__file__).parents[1]
SEED = 0
N_INTERVAL = 1_000
"""Resamples of accounts that an interval is made of."""

SPEED_ROWS, SHAP_ROWS, N_ROUNDS = 50_000, 1_000, 3
"""Leads that are timed, those that SHAP is timed on, and how often in turn; the least time of each counts."""

LOGISTIC = logistic_setting(-3)
TREES = {f"{leaves} leaves, {trees} trees": lightgbm_setting(size, categories="native")
         for size, (leaves, trees, _) in enumerate(TREE_SIZES)}  # fmt: skip
RECIPES: Mapping[str, Recipe] = {
    "logistic regression": Recipe((LOGISTIC,)),
    **{name: Recipe((setting,)) for name, setting in TREES.items()},
    "blend with 4 leaves, 60 trees": Recipe((LOGISTIC, next(iter(TREES.values())))),
}

Texts = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two lists of reasons agree, one entry a lead.

    Attributes
    ----------
    same_first
        1 where the first reason is the same, otherwise 0.
    overlap
        The share of the reasons of the one that are among those of the other. 1 where neither has any.
    """

    same_first: Floats
    overlap: Floats

    @classmethod
    def of(cls, one: Texts, other: Texts) -> "Agreement":
        """That of `one` with `other`, a row of reasons a lead."""
        is_said = ~pd.isna(one)
        is_shared = is_said & (one[:, :, None] == other[:, None, :]).any(axis=2)
        n_said = is_said.sum(axis=1)
        overlap = np.where(n_said, is_shared.sum(axis=1) / np.maximum(n_said, 1), 1.0)
        return cls((one[:, 0] == other[:, 0]).astype(np.float64), overlap)


def simulated_split(folder: Path, *, n_leads: int, seed: int) -> tuple[LabelledTable, Split]:
    """The labelled MQLs of a simulation, and their split in time; its store is in `folder`."""
    settings = load_settings(ROOT / "config" / "scoring.toml", data_folder=folder / "export")
    crm = settings.crm.model_copy(update={"sources_folder": ROOT / "config" / "sources"})
    settings = settings.model_copy(update={"crm": crm, "store": StoreSettings(folder=folder)})
    simulate(crm.data_folder, n_leads=n_leads, seed=seed)
    ingest_history(settings)
    with Store.of(settings).open_history() as engine:
        table = build_training_table(engine, open_checked(engine).history, settings, transition=Transition.MQL_TO_SQL)
    rows = learning_rows(table)
    return table, split_at(rows, default_test_from(rows))


def contributions_of(estimators: Sequence[Pipeline], rows: pd.DataFrame, columns: Sequence[FeatureColumn]) -> Floats:
    """Ours, of each of `rows` (first axis), by feature."""
    features = model_frame(rows, columns)
    each = [compile_explainer(one, columns).split(one[:-1].transform(features)).contributions for one in estimators]
    return np.asarray(np.mean(each, axis=0))


def shap_of(estimator: Pipeline, rows: pd.DataFrame, columns: Sequence[FeatureColumn]) -> Floats:
    """SHAP values of each of `rows`, by feature, as LightGBM itself gives them."""
    design = estimator[:-1].transform(model_frame(rows, columns))
    values = estimator[-1].booster_.predict(design, pred_contrib=True, num_threads=1)[:, :-1]
    origin = design_origin(estimator.named_steps["features"], [column.name for column in columns])
    return np.stack([values[:, origin == place].sum(axis=1) for place in range(len(columns))], axis=1)


def reasons_of(
    contributions: Floats, rows: pd.DataFrame, columns: Sequence[FeatureColumn], *, by_family: bool = False
) -> Texts:
    """What sellers read of each of `rows`; with `by_family`, its family's name in place of feature and value."""
    told = phrasings(columns)
    if by_family:
        told = {name: replace(one, words=_always(one.family)) for name, one in told.items()}
    named = pd.DataFrame(contributions, index=rows.index, columns=list(told))
    return Reasoner.of(told).reasons(named, rows)


def _always(words: str) -> Callable[[object], str]:
    return lambda _: words


def resampled_accounts(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The rows of as many accounts as `rows` have, drawn with replacement, in order of `as_of`."""
    code, accounts = pd.factorize(rows["group_id"])
    times = np.bincount(random.integers(0, len(accounts), len(accounts)), minlength=len(accounts))
    return rows.iloc[np.repeat(np.arange(len(rows)), times[code])]


def mean_text(values: Floats, account: npt.NDArray[np.object_]) -> str:
    """The mean of `values`, one a lead, with its 95 % interval over resampled accounts."""
    code, accounts = pd.factorize(account)
    total, n = np.bincount(code, weights=values), np.bincount(code)
    random = np.random.default_rng(SEED)
    drawn = random.integers(0, len(accounts), (N_INTERVAL, len(accounts)))
    low, high = np.quantile(total[drawn].sum(axis=1) / n[drawn].sum(axis=1), [0.025, 0.975])
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


@in_one_thread
def agreement_with_shap(split: Split, columns: tuple[FeatureColumn, ...]) -> Iterator[str]:
    """A line for each size of trees."""
    leads = split.test.drop_duplicates("lead_id")
    account = leads["group_id"].to_numpy()
    yield f"{'first as SHAP has it':<32}{'feature':<24}{'reason':<24}share of the reasons   ({len(leads):,} leads)"
    for name in TREES:
        (estimator,) = Fitter(columns, SEED).make(RECIPES[name], split.train, at=None).estimators
        ours, theirs = contributions_of([estimator], leads, columns), shap_of(estimator, leads, columns)
        same = (np.abs(ours).argmax(axis=1) == np.abs(theirs).argmax(axis=1)).astype(np.float64)
        found = Agreement.of(reasons_of(ours, leads, columns), reasons_of(theirs, leads, columns))
        told = [mean_text(each, account) for each in (same, found.same_first, found.overlap)]
        yield f"{name:<32}{told[0]:<24}{told[1]:<24}{told[2]}"


@in_one_thread
def stability(split: Split, columns: tuple[FeatureColumn, ...], *, n_resamples: int) -> Iterator[str]:
    """A line for each recipe: reasons of models of resampled accounts beside those of the model of all of them."""
    leads = split.test.drop_duplicates("lead_id")
    head = ("same first reason", "same first family", "share of reasons kept", "share of families kept")
    yield f"{f'over {n_resamples} resamples of accounts':<32}" + "".join(f"{name:<26}" for name in head)
    for name, recipe in RECIPES.items():
        random, fitter = np.random.default_rng(SEED), Fitter(columns, SEED)

        drawn = (resampled_accounts(split.train, random) for _ in range(n_resamples))
        whole, *others = (
            contributions_of(fitter.make(recipe, rows, at=None).estimators, leads, columns)
            for rows in itertools.chain([split.train], drawn)
        )
        told = []
        for by_family in (False, True):
            first, *rest = (reasons_of(one, leads, columns, by_family=by_family) for one in (whole, *others))
            found = [Agreement.of(first, one) for one in rest]
            told.append(
                [_range_text([getattr(one, part).mean() for one in found]) for part in ("same_first", "overlap")]
            )
        yield f"{name:<32}" + "".join(f"{text:<26}" for pair in zip(*told, strict=True) for text in pair)


def _range_text(shares: Sequence[float]) -> str:
    return f"{np.mean(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})"


@in_one_thread
def speed(n_rows: int) -> Iterator[str]:
    """A line for each size of trees: leads a CPU second, of made-up leads with 86 features that are in memory."""
    columns, n_fit = bench_models.COLUMNS, bench_models.FIT_ROWS
    frame, outcome = bench_models.leads(max(n_rows, n_fit))
    known = {"account": np.arange(n_fit), "outcome": outcome[:n_fit], "weight": np.ones(n_fit)}
    yield (
        f"{'leads a CPU second':<32}{'SHAP':>10}{'ours':>10}{'times':>8}{'with reasons':>14}{'times':>8}"
        f"   (reasons: {n_rows:,} leads)"
    )
    for name, setting in list(TREES.items())[1:]:
        estimator = fit_estimator(setting, model_frame(frame.head(n_fit), columns), columns=columns, **known, seed=SEED)
        shap, ours = _rates(estimator, frame.head(SPEED_ROWS), columns)
        scored = n_rows / cpu_seconds(lambda made=estimator: _score(made, frame.head(n_rows), columns))
        yield f"{name:<32}{shap:>10,.0f}{ours:>10,.0f}{ours / shap:>8.1f}{scored:>14,.0f}{scored / shap:>8.1f}"


def _rates(estimator: Pipeline, frame: pd.DataFrame, columns: Sequence[FeatureColumn]) -> tuple[float, float]:
    """Leads that SHAP and we split a CPU second, both from designs that are ready, in turn."""
    designs = [batch.matrix.copy() for batch in design_batches(estimator[:-1], model_frame(frame, columns))]
    explainer, booster, few = compile_explainer(estimator, columns), estimator[-1].booster_, designs[0][:SHAP_ROWS]
    shap, ours = [], []
    for _ in range(N_ROUNDS):
        shap.append(cpu_seconds(lambda: booster.predict(few, pred_contrib=True, num_threads=1)))
        ours.append(cpu_seconds(lambda: [explainer.split(design) for design in designs]))
    return len(few) / min(shap), len(frame) / min(ours)


def _score(estimator: Pipeline, frame: pd.DataFrame, columns: tuple[FeatureColumn, ...]) -> None:
    """Probabilities and reasons of every row, as many at once as a scoring takes."""
    # Nothing else of a summary takes part.
    summary = TransitionSummary.model_construct(transition=Transition.MQL_TO_SQL, recalibration=None)
    model, reasoner = FittedTransition(summary, columns, (estimator,), None), Reasoner.of(phrasings(columns))
    for start in range(0, len(frame), SPEED_ROWS):
        leads = frame.iloc[start : start + SPEED_ROWS]
        reasoner.reasons(model.explained(leads).contributions, leads)


def cpu_seconds(do: Callable[[], object]) -> float:
    """CPU seconds that `do` takes."""
    started = time.process_time()
    do()
    return time.process_time() - started


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=14_000, help="leads of the simulated CRM")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    parser.add_argument("--resamples", type=int, default=20, help="models of resampled accounts")
    parser.add_argument("--rows", type=int, default=1_000_000, help="leads that are scored with reasons")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        table, split = simulated_split(Path(folder), n_leads=asked.leads, seed=asked.seed)
    for lines in (
        agreement_with_shap(split, table.columns),
        stability(split, table.columns, n_resamples=asked.resamples),
        speed(asked.rows),
    ):
        for line in lines:
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
