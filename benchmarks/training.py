"""How long a training of a million snapshots takes, and how much memory, beside FLAML at the same log loss.

python -m benchmarks.training --leads 650000 --budgets 60 120 300 600

A simulated CRM of so many leads gives the snapshots of `mql_to_sql`. Ours chooses and fits on what was known before
the test, as `leadscore train` does, and says what every test row would be given. FLAML (Wang et al., 2021, "FLAML: a
fast and lightweight AutoML library", MLSys) gets the same rows and features and, until it is as good, each budget in
turn. Every run is a process of its own with one thread. FLAML's environment is made from `benchmarks/flaml.txt`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import xlogy

from benchmarks.flaml_peer import OUTCOME, PROBABILITY, TEST, TRAIN, WEIGHT
from benchmarks.models.environment import peers_python
from data_contracts.check import open_checked
from data_contracts.sayings import Attribute
from data_contracts.settings import StoreSettings, load_settings
from data_contracts.snapshots import FeatureColumn, LabelledTable
from data_contracts.vocabulary import Transition
from features.build import build_training_table
from models.split import default_test_from, learning_rows, split_at
from models.train import fit_on
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "benchmarks" / "flaml.txt"
FRAME, ABOUT, SAID = "frame.parquet", "about.json", "said.parquet"
AS_GOOD = 0.0005
"""Log loss within which two models count as equally good: less than an account more or less in the test moves it."""

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Effort:
    """What a run took and how good it was: log loss on the test rows, CPU and wall seconds, peak memory in GiB."""

    name: str
    log_loss: float
    cpu_seconds: float
    wall_seconds: float
    peak_gib: float


def main() -> None:
    """Make the rows where they are not there yet, run ours and FLAML, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=650_000)
    parser.add_argument("--budgets", type=int, nargs="+", default=[60, 120, 300, 600], metavar="SECONDS")
    parser.add_argument("--folder", type=Path, help="where to work; kept if given")
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.rows is not None:
        write_rows(asked.rows, n_leads=asked.leads)
    elif asked.ours is not None:
        say_ours(asked.ours)
    elif asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
        measure(asked.folder, n_leads=asked.leads, budgets=asked.budgets)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), n_leads=asked.leads, budgets=asked.budgets)


def measure(folder: Path, *, n_leads: int, budgets: Sequence[int]) -> None:
    """Print what ours took, then what FLAML took at each budget until it was as good."""
    python = peers_python(folder / ".venv", requirements=REQUIREMENTS)
    if not (folder / ABOUT).exists():
        # In a process of its own: a run's peak memory begins with that of the process that starts it.
        rows = [sys.executable, "-m", "benchmarks.training", "--rows", str(folder), "--leads", str(n_leads)]
        subprocess.run(rows, cwd=ROOT, check=True)
    print(f"{'model':<20}{'log loss':>10}{'CPU s':>8}{'wall s':>8}{'peak GiB':>10}", flush=True)
    ours = run("ours", [sys.executable, "-m", "benchmarks.training", "--ours", str(folder)], folder)
    for budget in budgets:
        command = [str(python), "-m", "benchmarks.flaml_peer", str(folder), str(budget)]
        theirs = run(f"FLAML, {budget} s", command, folder)
        if theirs.log_loss <= ours.log_loss + AS_GOOD:
            break


def write_rows(folder: Path, *, n_leads: int) -> None:
    """The table of a simulated CRM, and the features of its training and test rows as FLAML reads them."""
    table = _table(folder, n_leads=n_leads)
    rows = table.labelled()
    split = split_at(rows, default_test_from(rows))
    names = [column.name for column in table.columns]
    for file, part in ((TRAIN, split.train), (TEST, split.test)):
        outcome = part["converted"].astype(int)
        part[names].assign(**{OUTCOME: outcome, WEIGHT: part["weight"]}).to_parquet(folder / file, index=False)
    table.frame.to_parquet(folder / FRAME, index=False)
    about = {
        "columns": [[column.name, column.type] for column in table.columns],
        "horizon_days": table.horizon_days,
        "test_from": split.test_from.isoformat(),
    }
    (folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")
    print(f"{len(split.train):,} snapshots to learn from, {len(split.test):,} to judge, {len(names)} features")


def say_ours(folder: Path) -> None:
    """What our procedure, which knows what was known before the test, gives each test row."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    table = LabelledTable(
        transition=Transition.MQL_TO_SQL,
        horizon_days=about["horizon_days"],
        frame=pd.read_parquet(folder / FRAME),
        columns=tuple(FeatureColumn(name, kind, "", Attribute(name), "") for name, kind in about["columns"]),
        catalogue_digest="",
        counts={},
        extracted_at=pd.Timestamp(about["test_from"]).to_pydatetime(),
    )
    rows = learning_rows(table)
    fitted = fit_on(table, rows[rows["outcome_known_at"] <= table.extracted_at])
    said = fitted.predict(pd.read_parquet(folder / TEST))
    pd.DataFrame({PROBABILITY: said}).to_parquet(folder / SAID, index=False)


def run(name: str, command: Sequence[str], folder: Path) -> Effort:
    """What `command` took that leaves its probabilities in `folder`, printed as a line of the table."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | THREADS, stdout=sys.stderr)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name} failed: {' '.join(command)}")
    test = pd.read_parquet(folder / TEST, columns=[OUTCOME, WEIGHT])
    p = np.clip(pd.read_parquet(folder / SAID)[PROBABILITY].to_numpy(), 1e-6, 1 - 1e-6)
    loss = -(xlogy(test[OUTCOME], p) + xlogy(1 - test[OUTCOME], 1 - p))
    effort = Effort(
        name,
        log_loss=float(np.average(loss, weights=test[WEIGHT])),
        cpu_seconds=used.ru_utime + used.ru_stime,
        wall_seconds=time.perf_counter() - started,
        peak_gib=used.ru_maxrss / 2**20,
    )
    figures = f"{effort.log_loss:>10.4f}{effort.cpu_seconds:>8.0f}{effort.wall_seconds:>8.0f}{effort.peak_gib:>10.2f}"
    print(f"{name:<20}{figures}", flush=True)
    return effort


def _table(folder: Path, *, n_leads: int) -> LabelledTable:
    settings = load_settings(ROOT / "config" / "scoring.toml", data_folder=folder / "export")
    settings = settings.model_copy(update={"store": StoreSettings(folder=folder / "store")})
    simulate(settings.crm.data_folder, n_leads=n_leads, seed=1)
    ingest_history(settings)
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        return build_training_table(engine, history, settings, transition=Transition.MQL_TO_SQL)


if __name__ == "__main__":
    main()
