"""The figures of the shadow report beside the truth: what uncalled leads would have become, had they been called.

python -m benchmarks.shadow --seeds 3 --leads 20000

Simulated CRMs. The truth knows for each hand-off of either side the chance of an SQL, had sales called the lead then.
It is set against what the report says of called leads, and against what it says if uncalled leads are like called ones.
"""

import argparse
import datetime as dt
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from benchmarks.chain import settings_in
from data_contracts.check import open_checked
from data_contracts.shadow import ShadowFigure, Terms
from data_contracts.wording import estimate_text
from pipelines.ingest import ingest_history
from pipelines.shadow import AskedWeeks, chosen_on, first_training, hand_offs_of, with_outcomes
from pipelines.store import Store
from serving.shadow import ShadowPast, days_to_know, shadow_report
from serving.shadow_lists import HandOffs
from serving.shadow_rule import old_rule
from simulation import simulate
from simulation.hand_offs import truth_of_hand_offs

TRAIN_EVERY = 4


@dataclass(frozen=True, slots=True)
class BesideTruth:
    """SQLs a week on one set of terms: what the report says, and the truth of both sides, had all been called."""

    terms: Terms
    told: ShadowFigure
    rule: float
    model: float

    @property
    def covers(self) -> bool:
        """Whether the interval of the difference, if uncalled leads are like called ones, holds the true one."""
        low, high = self.told.if_alike.low, self.told.if_alike.high
        return low is not None and high is not None and low <= self.model - self.rule <= high


def beside_truth(
    folder: Path, *, n_leads: int, seed: int, weeks: int, rule: str | None
) -> tuple[list[BesideTruth], str, float]:
    """The figures of one simulated CRM, the verdict, and how many seconds the report took."""
    settings = settings_in(folder)
    simulate(settings.crm.data_folder, n_leads=n_leads, seed=seed)
    ingest_history(settings)
    started = time.perf_counter()
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        asked = AskedWeeks(history.extracted_at - dt.timedelta(weeks=weeks), weeks, TRAIN_EVERY)
        first = first_training(engine, history, settings, asked)
        told = old_rule(settings, written=rule)
        fitted = chosen_on(first)
        past, handed = hand_offs_of(engine, history, settings, rule=told, asked=asked, first=first, fitted=fitted)
        handed = with_outcomes(engine, history, settings, handed)
    report = shadow_report(past, handed, settings)
    took = time.perf_counter() - started
    days = days_to_know(settings.definitions, "SQLs")
    found = []
    for one, comparison in zip(handed, report.comparisons, strict=True):
        rule_true, model_true = _true_sqls(one, past, days=days, n_leads=n_leads, seed=seed)
        found.append(BesideTruth(one.terms, comparison.figures[0], rule_true, model_true))
    return found, report.verdict, took


def _true_sqls(one: HandOffs, past: ShadowPast, *, days: int, n_leads: int, seed: int) -> tuple[float, float]:
    """What both sides' hand-offs of the weeks that count would have brought in a week, had all been called."""
    weeks = past.mature(days=days).mature
    brought = []
    for side in (one.rule, one.model):
        rows = side[side["week"].isin(weeks)][["lead_id", "as_of"]]
        asked = pa.Table.from_pandas(pd.DataFrame(rows.astype({"lead_id": object})), preserve_index=False)
        true = truth_of_hand_offs(asked, n_leads=n_leads, seed=seed)
        if true.num_rows != len(rows):
            raise ValueError(f"{len(rows) - true.num_rows} leads are not of the simulation; its seed is another one")
        brought.append(float(true["p_mql_to_sql"].to_numpy().sum()) / len(weeks))
    return brought[0], brought[1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row a simulation and terms, each with its verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--rule", default=None)
    asked = parser.parse_args(arguments)
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            found, verdict, took = beside_truth(
                Path(folder), n_leads=asked.leads, seed=seed, weeks=asked.weeks, rule=asked.rule
            )
        print(f"seed {seed}, {took:.0f} s\n{verdict}")
        print(f"{'SQLs a week':<14}{'rule, true':>12}{'model, true':>12}{'difference':>12}  model less rule as told")
        for one in found:
            told = "; ".join(
                f"{name} {estimate_text(estimate, least=1)}"
                for name, estimate in (
                    ("called alone", one.told.known),
                    ("if alike", one.told.if_alike),
                    ("worst", one.told.worst),
                    ("best", one.told.best),
                )
                if estimate is not None
            )
            covers = "holds it" if one.covers else "misses it"
            print(f"{one.terms:<14}{one.rule:>12.1f}{one.model:>12.1f}{one.model - one.rule:>12.1f}  {told} ({covers})")
        print(flush=True)


if __name__ == "__main__":
    main()
