"""How often noise is called signal: features that know nothing, in histories that look like life.

python -m benchmarks.noise --seeds 200
"""

import argparse
import datetime as dt
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import beta

from data_contracts.definitions import Definitions, SnapshotPlan, TransitionDefinition
from data_contracts.errors import TooFewOutcomesError
from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.sayings import Attribute
from data_contracts.snapshots import DAYS_IN_STAGE, FIT_SHARE, POINTS, FeatureColumn, LabelledTable
from data_contracts.vocabulary import HALF_WEIGHT_DAYS, OutcomeStatus, Transition
from models.train import train_transition

HORIZON_DAYS = 28
HISTORY_DAYS = 540
FROM = dt.datetime(2024, 1, 1)  # noqa: DTZ001  times are UTC without a zone
EXTRACTED_AT = FROM + dt.timedelta(days=HISTORY_DAYS)
MEAN_LOG_ODDS = -1.0
"""Of converting within the horizon of the entry, about: a quarter of the leads."""

Verdict = Literal["alarm", "quiet", "refused"]
"""Noise was called signal; it was not; or there were too few outcomes to learn anything."""

N_NUMBERS = 8
COLUMNS = (
    *(FeatureColumn(f"noise_{i}", "number", "noise", Attribute("nothing"), "never missing") for i in range(N_NUMBERS)),
    FeatureColumn("word", "category", "noise", Attribute("nothing"), "never missing"),
    FeatureColumn(DAYS_IN_STAGE, "number", "funnel", Attribute("days in the stage", "days"), "never missing"),
)
DEFINITIONS = Definitions(
    version="noise",
    effective_from=dt.date(2024, 1, 1),
    transitions={Transition.MQL_TO_WIN: TransitionDefinition(horizon_days=HORIZON_DAYS)},
    snapshots=SnapshotPlan(up_to_days=56),
)


@dataclass(frozen=True, slots=True)
class World:
    """A history in which no feature knows anything.

    Attributes
    ----------
    n_leads, n_accounts
        How many of either; leads are dealt to accounts at random.
    days
        When leads are looked at, in days since they entered.
    halving_days
        After so many days the hazard of converting is half of what it was.
    drift
        Standard deviation of the monthly steps of the rate's log-odds.
    account_spread
        Standard deviation of what an account adds to the log-odds of its leads.
    memory
        Correlation of a feature between two looks at the same lead.
    """

    n_leads: int = 1_000
    n_accounts: int = 700
    days: tuple[int, ...] = (0, 1, 3, 7, 14)
    halving_days: float = 7.0
    drift: float = 0.0
    account_spread: float = 0.5
    memory: float = 1.0


WORLDS: Mapping[str, World] = {
    "age": World(),
    "drift": World(drift=0.35),
    "few accounts": World(n_accounts=50, account_spread=0.8),
    "weekly snapshots": World(days=DEFINITIONS.snapshots.days, halving_days=21.0, drift=0.15, memory=0.8),
}
"""What noise hides behind: a rate that falls with age, one that drifts, few accounts that differ, many looks."""


def noise_table(world: World, *, seed: int) -> LabelledTable:
    """Labelled snapshots of `world`: outcomes follow from age, month and account, and from no feature."""
    random = np.random.default_rng(seed)
    leads, converts_after = _leads(world, random)
    values = random.normal(size=(len(leads), N_NUMBERS))
    frames = []
    for day in world.days:
        is_open = converts_after > day
        frames.append(_snapshots(leads, converts_after, day=day).assign(**_features(values, random))[is_open])
        values = world.memory * values + np.sqrt(1 - world.memory**2) * random.normal(size=values.shape)
    frame = pd.concat(frames, ignore_index=True).sort_values(["as_of", "lead_id"], ignore_index=True)
    frame = frame[frame["outcome_known_at"] <= EXTRACTED_AT]
    frame["weight"] = 1.0 / (1.0 + frame["day"] / HALF_WEIGHT_DAYS)
    frame["snapshot_id"] = np.arange(len(frame))
    return LabelledTable(
        transition=Transition.MQL_TO_WIN,
        horizon_days=HORIZON_DAYS,
        frame=frame.reset_index(drop=True),
        columns=COLUMNS,
        catalogue_digest="noise",
        counts={status: int((frame["outcome_status"] == status).sum()) for status in OutcomeStatus},
        extracted_at=EXTRACTED_AT,
    )


def _leads(world: World, random: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """The leads, and after how many days each converts (infinite where never)."""
    n = world.n_leads
    account = random.integers(0, world.n_accounts, n)
    entered_days = np.sort(random.uniform(0, HISTORY_DAYS, n))
    months = np.cumsum(random.normal(0, world.drift, HISTORY_DAYS // 30 + 1))
    accounts = random.normal(0, world.account_spread, world.n_accounts)
    chance = expit(MEAN_LOG_ODDS + months[(entered_days // 30).astype(int)] + accounts[account])
    decay = 0.5 ** (np.arange(HORIZON_DAYS + max(world.days) + 1) / world.halving_days)
    hazard = chance[:, None] * decay / decay[:HORIZON_DAYS].sum()
    happens = random.random(hazard.shape) < hazard
    converts_after = np.where(happens.any(axis=1), happens.argmax(axis=1) + random.random(n), np.inf)
    leads = pd.DataFrame(
        {
            "lead_id": [f"L{i:06d}" for i in range(n)],
            "group_id": [f"A{i:06d}" for i in account],
            "entered_at": FROM + pd.to_timedelta(entered_days, unit="D").floor("s"),
        }
    )
    return leads, converts_after


def _features(values: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    words = random.choice(["alpha", "beta", "gamma", "delta"], len(values), p=[0.5, 0.3, 0.15, 0.05])
    numbers = {f"noise_{i}": values[:, i] for i in range(N_NUMBERS)}
    return numbers | {"word": pd.array(words, dtype=pd.StringDtype(na_value=np.nan))}


def _snapshots(leads: pd.DataFrame, converts_after: np.ndarray, *, day: int) -> pd.DataFrame:
    as_of = leads["entered_at"] + dt.timedelta(days=day)
    converted = converts_after <= day + HORIZON_DAYS
    return leads[["lead_id", "group_id"]].assign(
        account_id=leads["group_id"],
        transition=str(Transition.MQL_TO_WIN),
        day=day,
        stage="mql",
        spell_started_at=leads["entered_at"],
        as_of=as_of,
        outcome_status=np.where(converted, OutcomeStatus.CONVERTED.value, OutcomeStatus.NOT_CONVERTED.value),
        converted=converted,
        outcome_known_at=as_of + dt.timedelta(days=HORIZON_DAYS),
        contacted_after_days=0.0,
        touched_after_days=np.nan,
        converted_after_days=np.where(converted, converts_after - day, np.nan),
        left_after_days=np.nan,
        **{DAYS_IN_STAGE: float(day), POINTS: np.nan, FIT_SHARE: np.nan},
    )


def verdict_on(seed: int, *, world: World) -> Verdict:
    """What is made of one history of `world`."""
    try:
        fitted = train_transition(noise_table(world, seed=seed), definitions=DEFINITIONS)
    except TooFewOutcomesError:
        return "refused"
    return "quiet" if fitted.summary.estimator == BASE_RATE_BY_AGE else "alarm"


def clopper_pearson(n_found: int, n: int) -> tuple[float, float]:
    """The exact 95 % interval of a share seen `n_found` times among `n` (Clopper and Pearson, 1934, Biometrika 26:404).

    >>> low, high = clopper_pearson(0, 20)
    >>> low, round(high, 3)
    (0.0, 0.168)
    """
    low = beta.ppf(0.025, n_found, n - n_found + 1) if n_found else 0.0
    high = beta.ppf(0.975, n_found + 1, n - n_found) if n_found < n else 1.0
    return float(low), float(high)


def verdicts(world: World, *, seeds: Iterable[int], n_processes: int = 1) -> Counter[Verdict]:
    """How often each verdict is given on the histories of `seeds`."""
    if n_processes == 1:
        return Counter(verdict_on(seed, world=world) for seed in seeds)
    with multiprocessing.get_context("spawn").Pool(n_processes) as pool:
        return Counter(pool.imap_unordered(partial(verdict_on, world=world), seeds))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table of alarms by world."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200, help="histories of each world")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args(arguments)
    print(f"{'world':<20}{'judged':>8}{'refused':>9}{'alarms':>8}{'share':>8}   95 % interval (Clopper-Pearson)")
    for name, world in WORLDS.items():
        found = verdicts(world, seeds=range(asked.seeds), n_processes=asked.processes)
        n_judged = asked.seeds - found["refused"]
        low, high = clopper_pearson(found["alarm"], n_judged)
        counts = f"{n_judged:>8}{found['refused']:>9}{found['alarm']:>8}{found['alarm'] / n_judged:>8.1%}"
        print(f"{name:<20}{counts}   {low:.1%} to {high:.1%}", flush=True)


if __name__ == "__main__":
    main()
