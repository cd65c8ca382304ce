"""Only contacted leads have an outcome: how wrong models are about all leads, with and without a correction.

python -m benchmarks.chosen --seeds 4 --leads 14000

Each simulated CRM knows the probability that every lead, contacted or not, would have become an SQL if called. The
models are learnt on all labelled leads, and asked about each lead as it first entered; those of the contacted that
they learnt from are among them. Bounds are those of the training's report, with the truth of the same test period.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from data_contracts.check import open_checked
from data_contracts.contact import ContactReport
from data_contracts.settings import StoreSettings, load_settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.build import build_training_table
from models.calibrate import clipped
from models.contact import (
    HAS_REACHED,
    contact_report,
    entries_of,
    standing_for_all,
    weighted_for_contact,
    with_chances,
)
from models.fit import Fitter
from models.recipe import Recipe
from models.select import select
from models.split import default_test_from, learning_rows
from models.threads import in_one_thread
from models.young import YoungLeads
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

ROOT = Path(__file__).parents[1]
SEED = 0
"""Of the training; the simulations have their own."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Errors:
    """How far predictions are from the true probabilities of some leads.

    Attributes
    ----------
    bias, rmse
        Mean of predicted less true, and the root of the mean square of that.
    rank
        Spearman's correlation.
    slope
        Of the true probability on the predicted log-odds: 1 is right, below 1 predictions are too extreme.
    """

    bias: float
    rmse: float
    rank: float
    slope: float

    @classmethod
    def of(cls, predicted: Floats, true: Floats) -> "Errors":
        """Those of `predicted`."""
        return cls(
            bias=float(np.mean(predicted - true)),
            rmse=float(np.sqrt(np.mean((predicted - true) ** 2))),
            rank=float(pd.Series(predicted).corr(pd.Series(true), method="spearman")),
            slope=slope_of(predicted, true),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One simulation.

    Attributes
    ----------
    errors
        By leads and model.
    true_rate
        Mean true probability of the leads of the test period.
    short
        The share of all contacted leads that became SQLs less the mean of their true probabilities: what the labels
        themselves are off by.
    """

    errors: Mapping[tuple[str, str], Errors]
    report: ContactReport
    true_rate: float
    short: float


def slope_of(predicted: Floats, true: Floats) -> float:
    """Calibration slope, by a logistic regression of fractions."""
    x = np.tile(logit(clipped(predicted)), 2)[:, None]
    y = np.repeat([1, 0], len(predicted))
    fitted = LogisticRegression(C=np.inf).fit(x, y, sample_weight=np.concatenate([true, 1 - true]))
    return float(fitted.coef_[0, 0])


def first_passes(folder: Path, *, seed: int, n_leads: int) -> LabelledTable:
    """The labelled table of a simulation, of leads at their first entry, with `true_p`; its store is in `folder`."""
    settings = load_settings(ROOT / "config" / "scoring.toml", data_folder=folder / "export")
    crm = settings.crm.model_copy(update={"sources_folder": ROOT / "config" / "sources"})
    settings = settings.model_copy(update={"crm": crm, "store": StoreSettings(folder=folder)})
    simulate(crm.data_folder, n_leads=n_leads, seed=seed)
    ingest_history(settings)
    with Store.of(settings).open_history() as engine:
        table = build_training_table(engine, open_checked(engine).history, settings, transition=Transition.MQL_TO_SQL)
    truth = pd.read_parquet(crm.data_folder / "truth" / "truth.parquet")[["lead_id", "mql_at", "p_mql_to_sql"]]
    truth = truth.rename(columns={"p_mql_to_sql": "true_p"})
    frame = table.frame.merge(truth.astype({"lead_id": table.frame["lead_id"].dtype}), on="lead_id")
    is_first = (frame["spell_started_at"] - frame["mql_at"]).dt.total_seconds().abs() < 3600
    return replace(table, frame=frame[is_first])


@in_one_thread
def compare(table: LabelledTable) -> Comparison:
    """What a plain and a weighted model say of all leads of `table`, contacted and not, against the truth."""
    rows = learning_rows(table)
    recipe = select(rows, Fitter(table.columns, SEED, YoungLeads.of(table))).best
    report = contact_report(table, recipe, test_from=default_test_from(rows), seed=SEED)
    if report is None:
        raise ValueError("too few leads were contacted, or never contacted; simulate more")
    entries = with_chances(entries_of(table), seed=SEED)
    true, contacted = entries["true_p"].to_numpy(), entries["converted"].to_numpy(dtype=bool)
    errors = {}
    for name, predicted in _models(table, entries, recipe).items():
        for leads, kept in (("all", np.ones(len(true), dtype=bool)), ("never contacted", ~contacted)):
            errors[leads, name] = Errors.of(predicted[kept], true[kept])
    is_test = entries["as_of"] >= report.test_from
    short = float(entries.loc[contacted, HAS_REACHED].mean() - true[contacted].mean())
    return Comparison(errors, report, true_rate=float(true[is_test].mean()), short=short)


def _models(table: LabelledTable, entries: pd.DataFrame, recipe: Recipe) -> dict[str, Floats]:
    """By model, what it says of each of `entries`."""
    train = standing_for_all(table, entries)
    fitter = Fitter(table.columns, SEED)
    return {
        "plain": fitter.predicted(recipe, train, entries, at=None),
        "weighted": fitter.predicted(recipe, weighted_for_contact(train), entries, at=None),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4, help="simulations")
    parser.add_argument("--first-seed", type=int, default=21)
    parser.add_argument("--leads", type=int, default=14_000, help="leads of each")
    asked = parser.parse_args(arguments)
    found = []
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            one = compare(first_passes(Path(folder), seed=seed, n_leads=asked.leads))
        found.append(one)
        print(f"\nseed {seed}, true rate of the test period {one.true_rate:.3f}\n{one.report}")
        sys.stdout.flush()
    _print_errors(found)
    _print_bounds(found)


def _print_errors(found: Sequence[Comparison]) -> None:
    """The mean over the simulations and its standard deviation, by leads and model; then what weights change."""
    names = ("bias", "rmse", "rank", "slope")
    print(f"\nmean ± standard deviation over {len(found)} simulations")
    print(f"{'leads':<18}{'model':<22}" + "".join(f"{name:>18}" for name in names))
    for leads, model in found[0].errors:
        values = {name: [getattr(one.errors[leads, model], name) for one in found] for name in names}
        print(f"{leads:<18}{model:<22}" + "".join(_spread(values[name]) for name in names))
        if model == "weighted":
            plain = {name: [getattr(one.errors[leads, "plain"], name) for one in found] for name in names}
            less = {name: np.subtract(values[name], plain[name]) for name in names}
            print(f"{leads:<18}{'weighted less plain':<22}" + "".join(_spread(less[name]) for name in names))


def _spread(values: Sequence[float] | Floats) -> str:
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):>10.3f} ± {deviation:.3f}"


def _print_bounds(found: Sequence[Comparison]) -> None:
    rates = [(one.report.rate, one.true_rate) for one in found]
    within = sum(_value(r.lowest.value) <= true <= _value(r.highest.value) for r, true in rates)
    alike = sum(_value(r.if_alike.low) <= true <= _value(r.if_alike.high) for r, true in rates)
    off = [_value(r.if_alike.value) - true for r, true in rates]
    print(f"\ntruth within the bounds: {within} of {len(found)}; within the interval of the narrow figure: {alike}")
    print(f"narrow figure less truth: {_spread(off).strip()}")
    contacted = [_value(r.contacted.value) - true for r, true in rates]
    print(f"rate of the contacted less truth: {_spread(contacted).strip()}")
    print(f"contacted leads that became SQLs less their true share: {_spread([one.short for one in found]).strip()}")


def _value(figure: float | None) -> float:
    if figure is None:
        raise ValueError("the report lacks a figure")
    return figure


if __name__ == "__main__":
    main()
