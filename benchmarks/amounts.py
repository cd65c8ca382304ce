"""What a win brings by its lead's profile, beside one amount for all, and what later leads brought in sum.

python -m benchmarks.amounts --seeds 3
python -m benchmarks.amounts --seeds 0 --bpi2012 FOLDER

Simulated CRMs, in which the true mean amount of a win is known: 6,500 times the company's employees to the power 0.35,
seen with noise. First, as a training judges it: on the later half of the wins, learnt from those before.
Then expected revenue in sum: a release of what was known 36 weeks before the extract, and the probability of a win
times the amount of each contacted lead that entered MQL after it, by the month of its entry, beside what these leads
brought within both horizons. BPI 2012 is judged as a training does it; its profile holds the amount that was asked for.
"""

import argparse
import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.chain import ROOT, settings_in
from data_contracts.amounts import AmountModel
from data_contracts.check import open_checked
from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.scores import P_WIN
from data_contracts.settings import Settings, StoreSettings, load_settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, OutcomeStatus, Transition
from data_contracts.wording import estimate_text
from features.build import build_training_table
from features.known_before import known_before
from features.outcomes import LABELS
from features.revenue import won_revenue
from models.amounts import expected_amounts
from models.chain import win_probabilities
from models.chain_train import train_chain
from models.train import train_transition
from pipelines.amounts import learn_amounts_of_wins
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

Tables = Mapping[Transition, LabelledTable]

WEEKS = 36
TRUE_SCALE, TRUE_POWER = float(np.exp(8.6 + 0.6**2 / 2)), 0.35
"""Of the mean amount, by employees: as `simulation.funnel` draws the logarithm of an amount."""


def simulated(folder: Path, *, n_leads: int, seed: int) -> None:
    """Print all figures of one simulated CRM."""
    settings = settings_in(folder)
    simulate(settings.crm.data_folder, n_leads=n_leads, seed=seed)
    ingest_history(settings)
    print(f"\nsimulated, seed {seed}")
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        tables = _tables(engine, history, settings)
        amounts = learn_amounts_of_wins(history, tables)
        print_judged(amounts)
        entries = tables[Transition.MQL_TO_SQL].frame
        entries = entries[entries["day"] == ENTRY]
        _print_truth(amounts, entries, settings.crm.data_folder)
        start = history.extracted_at - dt.timedelta(weeks=WEEKS)
        before = known_before(history, start, attributes=settings.crm.attributes)
        earlier = _tables(engine, before, settings)
        known = learn_amounts_of_wins(before, earlier)
        later = entries[(entries["as_of"] >= start) & entries["won_status"].isin(LABELS)]
        brought = won_revenue(history).set_index("lead_id")["revenue"]
    _print_sums(_with_chances(later, earlier, settings), known, brought)


def _tables(engine: Engine, history: CrmHistory, settings: Settings) -> Tables:
    return {
        step: build_training_table(engine, history, settings, transition=step)
        for step in settings.definitions.transitions
    }


def print_judged(amounts: AmountModel) -> None:
    """What a training says of its amounts."""
    print(f"  {amounts.n_deals} wins with an amount, mean {amounts.mean:,.0f}: {amounts.said}")
    if (told := amounts.comparison) is None:
        return
    print(f"  judged on {told.n_judged}, the first after {told.n_learnt}, gain {estimate_text(told.gain, least=4)}")
    for name, error, total in (
        ("by the profile", told.error, told.total),
        ("one for all", told.error_of_one, told.total_of_one),
    ):
        error_text, total_text = estimate_text(error, least=0), estimate_text(total, least=2)
        print(f"  {name:<16} mean absolute error {error_text:<28} expected / brought {total_text}")


def _print_truth(amounts: AmountModel, entries: pd.DataFrame, data_folder: Path) -> None:
    """The amounts of all leads as they enter MQL beside the true means, which follow from their employees."""
    accounts = (
        pd.read_csv(data_folder / "accounts.csv").drop_duplicates("AccountId").set_index("AccountId")["Employees"]
    )
    known = entries[entries["account_id"].isin(accounts.index[accounts.notna()])]
    true = TRUE_SCALE * known["account_id"].map(accounts).to_numpy(dtype=np.float64) ** TRUE_POWER
    given = expected_amounts(amounts, known)
    for name, said in (("by the profile", given), ("one for all", np.full(len(given), amounts.mean))):
        rmse = np.sqrt(np.mean((said - true) ** 2))
        order = 0.0 if np.ptp(said) == 0 else spearmanr(said, true).statistic
        print(
            f"  {name:<16} against the true mean of {len(true):,} leads: mean {said.mean():,.0f} (true "
            f"{true.mean():,.0f}), root mean square error {rmse:,.0f}, rank correlation {order:.2f}"
        )


def _with_chances(later: pd.DataFrame, tables: Tables, settings: Settings) -> pd.DataFrame:
    """`later` with the probability of a win by models of `tables`."""
    fitted = {step: train_transition(table, definitions=settings.definitions) for step, table in tables.items()}
    chain = train_chain(tables, fitted, definitions=settings.definitions)
    return later.assign(**{P_WIN: win_probabilities(fitted, later, chain=chain)[P_WIN].to_numpy()})


def _print_sums(leads: pd.DataFrame, amounts: AmountModel, brought: pd.Series) -> None:
    is_won = leads["won_status"] == OutcomeStatus.CONVERTED.value
    told = pd.DataFrame(
        {
            "month": leads["as_of"].dt.to_period("M").astype(str).to_numpy(),
            "leads": 1,
            "won": is_won.to_numpy(dtype=int),
            "expected_wins": leads[P_WIN].to_numpy(),
            "by_profile": leads[P_WIN].to_numpy() * expected_amounts(amounts, leads),
            "by_one": leads[P_WIN].to_numpy() * amounts.mean,
            "brought": leads["lead_id"].map(brought).where(is_won).fillna(0.0).to_numpy(dtype=np.float64),
        }
    )
    sums = told.groupby("month").sum()
    sums.loc["all"] = sums.sum()
    sums = sums.assign(**{f"{name}_ratio": sums[name] / sums["brought"] for name in ("by_profile", "by_one")})
    print(f"  amounts known 36 weeks before: {amounts.said}")
    header = ("entered in", "leads", "won", "expected", "brought", "expected by the profile", "expected by one amount")
    print(("  {:<12}{:>7}{:>6}{:>10}{:>13}{:>25}{:>25}").format(*header))
    for row in sums.reset_index().to_dict("records"):
        ratios = (f"{row[name]:,.0f} ({row[f'{name}_ratio']:.2f})" for name in ("by_profile", "by_one"))
        told_of_one = (f"{row['leads']:.0f}", f"{row['won']:.0f}", f"{row['expected_wins']:.1f}")
        print(
            "  {:<12}{:>7}{:>6}{:>10}{:>13}{:>25}{:>25}".format(
                row["month"], *told_of_one, f"{row['brought']:,.0f}", *ratios
            )
        )


def bpi2012(folder: Path, *, data_folder: Path) -> None:
    """Print what a training says of the amounts of BPI 2012."""
    settings = load_settings(ROOT / "config" / "bpi2012.toml", data_folder=data_folder)
    crm = settings.crm.model_copy(update={"sources_folder": ROOT / "config" / "sources"})
    settings = settings.model_copy(update={"crm": crm, "store": StoreSettings(folder=folder)})
    ingest_history(settings)
    print("\nBPI 2012")
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        print_judged(learn_amounts_of_wins(history, _tables(engine, history, settings)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of each history."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=21)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--bpi2012", type=Path, default=None)
    asked = parser.parse_args(arguments)
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            simulated(Path(folder), n_leads=asked.leads, seed=seed)
    if asked.bpi2012 is not None:
        with tempfile.TemporaryDirectory() as folder:
            bpi2012(Path(folder), data_folder=asked.bpi2012)


if __name__ == "__main__":
    main()
