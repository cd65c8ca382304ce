"""The probability of a win of new MQLs against the truth, with and without the calibrator of the chain.

python -m benchmarks.chain --seeds 4 --leads 20000

Simulated CRMs; the truth is `simulation.wins.truth_of_wins`. The leads that are asked about are those that nobody
called, at their first entry into MQL: no model has learnt from any of them.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import logit, xlogy
from scipy.stats import spearmanr
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression

from data_contracts.check import open_checked
from data_contracts.releases import ChainSummary
from data_contracts.settings import Settings, StoreSettings, load_settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, OutcomeStatus, Transition
from data_contracts.wording import estimate_text
from features.build import build_training_table
from models.chain import win_probabilities
from models.chain_train import train_chain
from models.train import train_transition
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate
from simulation.wins import truth_of_wins

ROOT = Path(__file__).parents[1]
SAME_ENTRY = pd.Timedelta(hours=1)
"""The entry snapshot comes some minutes after the entry; a later entry, of a lead that came back, has no truth."""


@dataclass(frozen=True, slots=True)
class AgainstTruth:
    """Predicted probabilities of a win beside the true ones.

    Attributes
    ----------
    mean_predicted, mean_true
        Over all leads.
    slope
        Of the true probability on the predicted log-odds (fractional logistic regression); 1 is right.
    rank_correlation
        Spearman's.
    excess_loss
        Expected log loss beyond that of the truth itself (Kullback-Leibler divergence, nats a lead).
    """

    mean_predicted: float
    mean_true: float
    slope: float
    rank_correlation: float
    excess_loss: float

    @classmethod
    def of(cls, predicted: np.ndarray, true: np.ndarray) -> "AgainstTruth":
        """Those of one probability a lead."""
        twice = np.tile(logit(predicted), 2)[:, None]
        weight = np.concatenate([true, 1 - true])
        line = LogisticRegression(C=np.inf).fit(twice, np.repeat([1, 0], len(true)), sample_weight=weight)
        return cls(
            mean_predicted=float(predicted.mean()),
            mean_true=float(true.mean()),
            slope=float(line.coef_[0, 0]),
            rank_correlation=float(spearmanr(predicted, true).statistic),
            excess_loss=float(np.mean(_loss(true, predicted) - _loss(true, true))),
        )


def _loss(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.asarray(-xlogy(true, predicted) - xlogy(1 - true, 1 - predicted))


def against_truth(folder: Path, *, n_leads: int, seed: int) -> tuple[ChainSummary | None, Mapping[str, AgainstTruth]]:
    """What training says of the chain, and its probabilities beside the truth: the product, and calibrated."""
    settings = settings_in(folder)
    simulate(settings.crm.data_folder, n_leads=n_leads, seed=seed)
    ingest_history(settings)
    tables = _tables(settings)
    fitted = {step: train_transition(table, definitions=settings.definitions) for step, table in tables.items()}
    chain = train_chain(tables, fitted, definitions=settings.definitions)
    asked = _never_called(tables[Transition.MQL_TO_SQL], truth_of_wins(n_leads=n_leads, seed=seed).to_pandas())
    true = asked["p_mql_to_win"].to_numpy()
    chains = {"product": None, "calibrated": chain}
    found = {
        name: AgainstTruth.of(win_probabilities(fitted, asked, chain=each)["p_win"].to_numpy(), true)
        for name, each in chains.items()
    }
    return chain.summary if chain else None, found


def settings_in(folder: Path) -> Settings:
    """The shipped settings, with the export and the store in `folder`."""
    settings = load_settings(ROOT / "config" / "scoring.toml", data_folder=folder / "export")
    crm = settings.crm.model_copy(update={"sources_folder": ROOT / "config" / "sources"})
    return settings.model_copy(update={"crm": crm, "store": StoreSettings(folder=folder)})


def _tables(settings: Settings) -> dict[Transition, LabelledTable]:
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        return {
            step: build_training_table(engine, history, settings, transition=step)
            for step in settings.definitions.transitions
        }


def _never_called(table: LabelledTable, truth: pd.DataFrame) -> pd.DataFrame:
    frame = table.frame
    entries = frame[(frame["day"] == ENTRY) & (frame["outcome_status"] == OutcomeStatus.NEVER_CONTACTED)]
    known = entries.drop_duplicates("lead_id").merge(truth, on="lead_id", validate="one_to_one")
    return known[(known["as_of"] - known["mql_at"]).abs() < SAME_ENTRY]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row a simulation and variant, and the means over simulations with 95 % intervals (Student's t)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=21)
    parser.add_argument("--leads", type=int, default=20_000)
    asked = parser.parse_args(arguments)
    print(f"{'seed':<6}{'p_win':<12}{'predicted':>10}{'true':>8}{'slope':>8}{'rank':>8}{'excess loss':>13}")
    rows: dict[str, list[AgainstTruth]] = {}
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            summary, found = against_truth(Path(folder), n_leads=asked.leads, seed=seed)
        for name, one in found.items():
            rows.setdefault(name, []).append(one)
            print(
                f"{seed:<6}{name:<12}{one.mean_predicted:>10.3f}{one.mean_true:>8.3f}{one.slope:>8.2f}"
                f"{one.rank_correlation:>8.2f}{one.excess_loss:>13.4f}"
            )
        print(f"      {_told(summary)}")
        sys.stdout.flush()
    for name, each in rows.items():
        print(f"{name}: {_means(each)}")


def _told(summary: ChainSummary | None) -> str:
    if summary is None:
        return "too few wins to judge or calibrate"
    judged = summary.evaluations[0].model
    return (
        f"calibrator {summary.calibrator}; held against wins at entry: "
        f"slope {estimate_text(judged.calibration_slope)}, "
        f"intercept {estimate_text(judged.calibration_intercept)}"
    )


def _means(found: Sequence[AgainstTruth]) -> str:
    values = {
        "predicted less true": [one.mean_predicted - one.mean_true for one in found],
        "slope": [one.slope for one in found],
        "rank correlation": [one.rank_correlation for one in found],
        "excess loss": [one.excess_loss for one in found],
    }
    told = []
    for name, each in values.items():
        half = (
            student.ppf(0.975, len(each) - 1) * np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
        )
        told.append(f"{name} {np.mean(each):.3f} ± {half:.3f}")
    return ", ".join(told)


if __name__ == "__main__":
    main()
