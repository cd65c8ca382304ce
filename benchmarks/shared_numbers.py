"""Do the shared numbers cover the truth, and by how much is the plain count off?

python -m benchmarks.shared_numbers --seeds 60

Simulated CRMs of few leads, each cut off at a moment when half of the last half-year's leads are still open: the rates
and the cycle are estimated from what was known then. The truth is what the same leads come to in one simulated CRM
of very many, watched to the end. Beside each estimate stands the plain one: what has converted by then, of all.
"""

import argparse
import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from alignment.funnel import followed, horizon_days
from alignment.incidence import incidence
from alignment.milestones import Milestones, milestones_of, reached_at
from benchmarks.chain import settings_in
from data_contracts.check import open_checked
from data_contracts.metrics.funnel import Step
from data_contracts.settings import Settings
from features.known_before import known_before
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

CUT = dt.datetime.fromisoformat("2026-01-01")
SINCE = dt.datetime.fromisoformat("2025-07-01")
"""The leads that count started the step from here on, and before the cut."""

STEPS = (Step.LEAD_TO_MQL, Step.MQL_TO_SQL, Step.SQL_TO_CUSTOMER, Step.LEAD_TO_CUSTOMER)


@dataclass(frozen=True, slots=True)
class Judged:
    """One step in one simulated CRM: the rate within the horizon and the median of days, estimated and plain."""

    step: Step
    rate: float
    low: float
    high: float
    plain_rate: float
    days: float | None
    plain_days: float


def judged(milestones: Milestones) -> Iterator[Judged]:
    """Every step, by the leads that started it within the half-year before the moment of `milestones`."""
    for step in STEPS:
        told = _started(milestones, step, until=milestones.as_of)
        drawn = incidence(told)
        rate = drawn.within(horizon_days(step, milestones.settings.definitions))
        if rate.value is None or rate.low is None or rate.high is None:
            raise ValueError(f"{step}: nobody was watched for its horizon")
        yield Judged(
            step,
            rate.value,
            rate.low,
            rate.high,
            plain_rate=float(told.reached.mean()),
            days=drawn.quantile(0.5),
            plain_days=float(np.median(told.days[told.reached] + 0.5)) if told.reached.any() else float("nan"),
        )


def truth(milestones: Milestones) -> dict[Step, tuple[float, float]]:
    """The rate within the horizon and the median of days of each step, of the same leads watched to the end."""
    found = {}
    for step in STEPS:
        told = _started(milestones, step, until=CUT)
        within = told.reached & (told.days < horizon_days(step, milestones.settings.definitions))
        found[step] = float(within.mean()), float(np.median(told.days[told.reached] + 0.5))
    return found


def _started(milestones: Milestones, step: Step, *, until: dt.datetime):
    told, leads = followed(milestones, step)
    start = leads[reached_at(step.start)]
    return told.of(((start >= SINCE) & (start < until)).to_numpy())


def simulated(folder: Path, *, n_leads: int, seed: int, cut: dt.datetime | None) -> Milestones:
    """The milestones of a simulated CRM, as known at `cut` or at its end."""
    settings: Settings = settings_in(folder)
    simulate(settings.crm.data_folder, n_leads=n_leads, seed=seed)
    ingest_history(settings)
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        if cut is not None:
            history = known_before(history, cut, attributes=settings.crm.attributes)
        return milestones_of(history, settings)


def measured(*, n_seeds: int, n_leads: int, truth_leads: int) -> pd.DataFrame:
    """One row a step: the truth, how often its interval covered it, and by how much both ways are off on average."""
    with tempfile.TemporaryDirectory() as folder:
        known = truth(simulated(Path(folder), n_leads=truth_leads, seed=1_000, cut=None))
    rows = []
    for seed in range(n_seeds):
        with tempfile.TemporaryDirectory() as folder:
            found = list(judged(simulated(Path(folder), n_leads=n_leads, seed=seed, cut=CUT)))
        for one in found:
            rate, days = known[one.step]
            rows.append(
                {
                    "step": one.step.said,
                    "truth": rate,
                    "covered": one.low <= rate <= one.high,
                    "off": one.rate - rate,
                    "plain_off": one.plain_rate - rate,
                    "true_days": days,
                    "days_off": (one.days or np.nan) - days,
                    "plain_days_off": one.plain_days - days,
                }
            )
    return pd.DataFrame(rows).groupby("step", sort=False).mean()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--leads", type=int, default=4_000)
    parser.add_argument("--truth-leads", type=int, default=200_000)
    asked = parser.parse_args(arguments)
    told = measured(n_seeds=asked.seeds, n_leads=asked.leads, truth_leads=asked.truth_leads)
    print(told.round(4).to_string())
    print(f"covered: of {asked.seeds} seeds; 95 % were to be")


if __name__ == "__main__":
    main()
