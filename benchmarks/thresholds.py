"""How many leads reach a boundary in each week of half a year, beside what was expected of it.

python -m benchmarks.thresholds --seeds 10

Simulated CRMs of which the last half-year is cut off: a release is trained on what was known before. Then its
thresholds are chosen anew in each of the 26 weeks, on what was known by then, and held against the leads that reach
them in the week after. In the last quarter twice as many leads come, and worse ones. Beside it stands the boundary of
the leads as they enter: the probability that as many entering leads a week had as sales can work, chosen once.

Under the thresholds of each week the call list is made every day (`benchmarks.queue`).
"""

import argparse
import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.chain import settings_in
from benchmarks.queue import QueueWeeks, open_scores, played
from data_contracts.check import open_checked
from data_contracts.history import CrmHistory
from data_contracts.past_scores import AMOUNT, P_FIRST, PastLeads, PastScores
from data_contracts.ports import Engine
from data_contracts.scores import P_SQL, P_WIN
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.thresholds import Thresholds
from data_contracts.vocabulary import ENTRY, Transition
from features.build import build_training_table
from features.known_before import known_before
from features.past import past_leads
from models.amounts import one_amount
from models.chain import win_probabilities
from models.fitted import FittedTransition
from models.past_scores import past_scores
from models.thresholds import PAST_WEEKS, ReleaseScores, choose_thresholds
from models.train import train_transition
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

WEEKS = 26
ENTRY_WEEKS = 12
"""The weeks of entering leads that the boundary beside is taken from."""


@dataclass(frozen=True, slots=True)
class HalfYear:
    """What was expected and what came, a figure a week; `as_they_enter` came under the boundary beside.

    `queue` is what became of those who came.
    """

    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    came: np.ndarray
    as_they_enter: np.ndarray
    queue: QueueWeeks

    @property
    def covered(self) -> float:
        """The share of the weeks that lay in their own range."""
        return float(np.mean((self.came >= self.low) & (self.came <= self.high)))


def half_year(folder: Path, *, n_leads: int, seed: int) -> HalfYear:
    """The weeks of one simulated CRM."""
    settings = settings_in(folder)
    simulate(settings.crm.data_folder, n_leads=n_leads, seed=seed)
    ingest_history(settings)
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        start = history.extracted_at - dt.timedelta(weeks=WEEKS)
        before = known_before(history, start, attributes=settings.crm.attributes)
        tables = {
            step: build_training_table(engine, before, settings, transition=step)
            for step in settings.definitions.transitions
        }
        fitted = {step: train_transition(table, definitions=settings.definitions) for step, table in tables.items()}
        past, later = _scores(engine, (before, history), settings, tables=tables, fitted=fitted)
        scores = pd.concat([past.frame, later.frame[later.frame["as_of"] >= start]], ignore_index=True)
        open_leads = open_scores(scores, later.leads, history)
        asked = ReleaseScores("", PastScores(scores, 1.0), True, "", start)
        by_week = [_known_thresholds(asked, later.leads, settings, week=week) for week in range(WEEKS)]
        queue = played(open_leads, history, by_week, start=start)
    beside = _entry_boundary(tables, fitted, settings)
    figures = _weeks(scores, later.leads, by_week, start=start, beside=beside)
    return HalfYear(*figures, queue=queue)


def _scores(
    engine: Engine,
    histories: tuple[CrmHistory, CrmHistory],
    settings: Settings,
    *,
    tables: dict[Transition, LabelledTable],
    fitted: dict[Transition, FittedTransition],
) -> tuple[PastScores, PastLeads]:
    """What models that had not seen them say of leads before the cut, and what the release says of those after."""
    before, whole = histories
    past = past_leads(engine, before, settings, weeks=PAST_WEEKS, most_moments=10**9)
    later = past_leads(engine, whole, settings, weeks=WEEKS, most_moments=10**9)
    chances = win_probabilities(fitted, later.frame)
    told = later.frame[["lead_id", "group_id", "as_of", "stage"]].assign(
        **{P_FIRST: chances[P_SQL].to_numpy(), P_WIN: chances[P_WIN].to_numpy(), AMOUNT: 1.0}
    )
    one = one_amount(pd.DataFrame(), "leads are ranked by their probability")
    return past_scores(past.frame, tables, fitted, chain=None, amounts=one), replace(later, frame=told)


def _entry_boundary(
    tables: dict[Transition, LabelledTable], fitted: dict[Transition, FittedTransition], settings: Settings
) -> float:
    frame = tables[Transition.MQL_TO_SQL].frame
    entries = frame[frame["day"] == ENTRY]
    latest = entries[entries["as_of"] >= entries["as_of"].max() - dt.timedelta(weeks=ENTRY_WEEKS)]
    probability = np.sort(fitted[Transition.MQL_TO_SQL].predict(latest))[::-1]
    return float(probability[min(len(probability), round(settings.policy.leads_per_week * ENTRY_WEEKS)) - 1])


def _known_thresholds(scores: ReleaseScores, leads: pd.DataFrame, settings: Settings, *, week: int) -> Thresholds:
    """The thresholds as they would have been chosen before the `week`, from what was known then."""
    now = scores.until + dt.timedelta(weeks=week)
    known = PastScores(scores.past.frame[scores.past.frame["as_of"] <= now], 1.0)
    return choose_thresholds(
        replace(scores, past=known, until=now), leads[leads["created_at"] < now], policy=settings.policy
    )


def _weeks(
    scores: pd.DataFrame, leads: pd.DataFrame, by_week: Sequence[Thresholds], *, start: dt.datetime, beside: float
) -> np.ndarray:
    ordered = scores.sort_values(["lead_id", "as_of"], kind="stable", ignore_index=True)
    highest = ordered.groupby("lead_id")[P_FIRST].cummax()
    ordered["before"] = highest.groupby(ordered["lead_id"]).shift(fill_value=-np.inf)
    free = ordered[ordered["lead_id"].isin(leads.loc[leads["suppressed_by"].isna(), "lead_id"])]
    rows = []
    for week, thresholds in enumerate(by_week):
        now = start + dt.timedelta(weeks=week)
        (team,) = thresholds.teams
        if team.expected is None or team.expected.leads.value is None:
            raise ValueError(f"no lead was open in the {PAST_WEEKS} weeks before {now}; simulate more leads")
        came = free[(free["as_of"] > now) & (free["as_of"] <= now + dt.timedelta(weeks=1))]
        crossed = [
            int(((came["before"] < boundary) & (came[P_FIRST] >= boundary)).sum())
            for boundary in (team.boundary, beside)
        ]
        rows.append((team.expected.leads.value, team.expected.weeks_low, team.expected.weeks_high, *crossed))
    return np.array(rows).T


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row a simulation, and the mean of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--leads", type=int, default=20_000)
    asked = parser.parse_args(arguments)
    print(f"{'seed':<6}{'expected':>9}{'came':>8}{'off by':>9}{'in range':>10}{'as they enter':>15}", end="")
    print(f"{'places':>8}{'handed off':>12}{'kept':>6}{'least used':>12}{'wait':>6}{'longest':>9}{'expired':>9}")
    found = []
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            one = half_year(Path(folder), n_leads=asked.leads, seed=seed)
        found.append(one)
        print(_line(str(seed), one), flush=True)
    if found:
        print(_line("all", _together(found)))


def _together(found: Sequence[HalfYear]) -> HalfYear:
    """All weeks one after the other."""
    whole = {
        field.name: np.concatenate([getattr(one, field.name) for one in found])
        for field in fields(HalfYear)
        if field.name != "queue"
    }
    queues = {
        field.name: np.concatenate([getattr(one.queue, field.name) for one in found]) for field in fields(QueueWeeks)
    }
    return HalfYear(**whole, queue=QueueWeeks(**queues))


def _line(name: str, one: HalfYear) -> str:
    off, queue = one.came.mean() / one.expected.mean() - 1, one.queue
    return (
        f"{name:<6}{one.expected.mean():>9.1f}{one.came.mean():>8.1f}{off:>9.1%}{one.covered:>10.0%}"
        f"{one.as_they_enter.mean():>15.1f}"
        f"{queue.places.mean():>8.1f}{queue.handed_off.mean():>12.1f}{'yes' if queue.is_kept else 'no':>6}"
        f"{queue.least_used:>12.0%}{queue.waiting.mean():>6.1f}{queue.oldest_days.max():>7.0f} d"
        f"{7 * queue.expired.mean():>9.1f}"
    )


if __name__ == "__main__":
    main()
