"""Do the shared numbers and the plan cover the truth, and by how much is the plain count off?

python -m benchmarks.shared_numbers --crms 160

One simulated CRM of very many leads is dealt out, account by account, to small ones: as independent as if each
were simulated by itself, and one check is enough. Each is cut off at a moment when half of the last half-year's leads
are still open: the rates and the cycle are estimated from what was known then, and it is planned for. The truth is what
all leads come to, watched to the end. Beside each estimate stands the plain one: what has converted by then, of all;
beside each plan the product of averages.
"""

import argparse
import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd

from alignment.funnel import followed, horizon_days
from alignment.incidence import incidence
from alignment.intervals import Integers
from alignment.milestones import Milestones, milestones_of, reached_at
from benchmarks.chain import settings_in
from benchmarks.needed_flow import Planned, by_asked, by_part, plans_held
from data_contracts.check import open_checked
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.plan import Target
from features.known_before import known_before
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

CUT = dt.datetime.fromisoformat("2026-01-01")
SINCE = dt.datetime.fromisoformat("2025-07-01")
"""The leads that count started the step from here on, and before the cut."""

STEPS = (Step.LEAD_TO_MQL, Step.MQL_TO_SQL, Step.SQL_TO_CUSTOMER, Step.LEAD_TO_CUSTOMER)


def plans(n_leads: int) -> tuple[Planned, ...]:
    """What CRMs of `n_leads` are planned for: four months each.

    Two targets, of a few more customers than come anyhow and of twice as many, in months like those before; and the
    lower one in months in which a campaign brings more and worse leads from the first day on.
    """
    customers = round(n_leads * 20 / 4_000)
    autumn, winter = dt.datetime.fromisoformat("2025-09-01"), CUT
    until, until_spring = dt.date(2025, 12, 31), dt.date(2026, 4, 30)
    return (
        Planned(f"{customers}, as before", autumn, Target(customers=customers, by=until)),
        Planned(f"{2 * customers}, as before", autumn, Target(customers=2 * customers, by=until)),
        Planned(f"{customers}, worse campaign", winter, Target(customers=customers, by=until_spring)),
    )


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


def dealt(milestones: Milestones, n_crms: int, *, seed: int) -> Integers:
    """The CRM of each lead: its account is dealt out by chance, as many to each."""
    codes, accounts = pd.factorize(milestones.frame["account_id"], sort=True)
    return np.asarray((np.random.default_rng(seed).permutation(len(accounts)) % n_crms)[codes])


def rates_held(before: Milestones, after: Milestones, crm: Integers) -> pd.DataFrame:
    """One row a step: the truth, how often its interval covered it, and by how much both ways are off on average."""
    known = truth(after)
    rows = []
    for number in range(int(crm.max()) + 1):
        for one in judged(before.of(pd.Series(crm == number))):
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


def measured(folder: Path, *, n_crms: int, n_leads: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `rates_held` and `plans_held` return of `n_crms` CRMs of about `n_leads`."""
    settings = settings_in(folder)
    simulate(settings.crm.data_folder, n_leads=n_crms * n_leads, seed=seed)
    ingest_history(settings)
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        after = milestones_of(history, settings)
        rates, held = pd.DataFrame(), []
        for as_of, planned in groupby(plans(n_leads), key=attrgetter("as_of")):
            known = known_before(history, as_of, attributes=settings.crm.attributes)
            before = milestones_of(known, settings)
            crm = dealt(before, n_crms, seed=seed)
            held += [plans_held(known, before, after, plan=plan, crm=crm, seed=seed) for plan in planned]
            if as_of == CUT:
                rates = rates_held(before, after, crm)
    return rates, pd.concat(held, ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row a step, and one for each flow that a plan asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crms", type=int, default=160)
    parser.add_argument("--leads", type=int, default=4_000, help="of each CRM")
    parser.add_argument("--seed", type=int, default=1_000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rates, held = measured(Path(folder), n_crms=asked.crms, n_leads=asked.leads, seed=asked.seed)
    print(rates.round(4).to_string())
    print(f"covered: of {asked.crms} CRMs; 95 % were to be\n")
    print(by_part(held).round(4).to_string())
    print(f"what comes by the end of those under way, and the chance of new ones, of {asked.crms} CRMs\n")
    print(by_asked(held).round(3).to_string())
    print("how often the flow that is so sure reaches the target, with 95 % (Wilson)")


if __name__ == "__main__":
    main()
