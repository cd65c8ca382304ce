"""Do as many hand-offs come as true probabilities let expect, while they mature and by grade?

python -m benchmarks.hand_offs_came --leads 20000 --seed 1

A simulated CRM of which each MQL is handed off at its entry, with its true probability: what is off is the own fault of
the closed loop. Weeks are looked at when they are one to ten weeks old.
"""

import argparse
import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alignment.closed_loop import closed_loop
from alignment.milestones import milestones_of
from benchmarks.chain import settings_in
from data_contracts.check import open_checked
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import Period, Span
from data_contracts.scores import SCORED_HAND_OFFS_SCHEMA
from data_contracts.settings import Settings
from features.known_before import known_before
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate

MOMENTS = ("2025-10-06", "2026-02-02", "2026-06-01")
N_WEEKS = 10
GRADES, EDGES = ["D", "C", "B", "A"], [0.0, 0.2, 0.4, 0.6, 1.0]
"""A grade is a range of the true probability."""

FILLED: Mapping[pa.DataType, Any] = {pa.string(): "x", pa.float64(): 0.0, pa.timestamp("us"): pd.Timestamp(0)}


def handed_off_at_entry(truth: pd.DataFrame) -> pa.Table:
    """Each MQL of the simulation's truth handed off at its entry, with the true probability of an SQL."""
    told = {
        "lead_id": truth["lead_id"],
        "handed_off_at": truth["mql_at"],
        "p_sql": truth["p_mql_to_sql"],
        "grade": pd.cut(truth["p_mql_to_sql"], EDGES, labels=GRADES).astype(str),
    }
    columns = [
        pa.array(told[field.name] if field.name in told else [FILLED[field.type]] * len(truth), field.type)
        for field in SCORED_HAND_OFFS_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=SCORED_HAND_OFFS_SCHEMA)


def by_week(history: CrmHistory, settings: Settings, handed_off: pa.Table) -> Iterator[dict[str, Any]]:
    """One row a moment and week before it: its age, what came, and what was expected by then."""
    for moment in map(dt.datetime.fromisoformat, MOMENTS):
        known = known_before(history, moment, attributes=settings.crm.attributes)
        milestones = milestones_of(known, settings)
        for weeks in range(1, N_WEEKS + 1):
            day = (moment - dt.timedelta(weeks=weeks)).date()
            span = Span.of(Period.WEEK, day, time_zone=milestones.time_zone)
            loop = closed_loop(known, milestones, handed_off=handed_off, span=span)
            yield {"weeks": weeks, "is_outside": loop.is_outside, **loop.rows.to_pylist()[0]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row an age of the hand-offs, and one a grade of a whole year."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_in(Path(folder))
        simulate(settings.crm.data_folder, n_leads=asked.leads, seed=asked.seed)
        truth = pq.read_table(settings.crm.data_folder / "truth" / "truth.parquet").to_pandas()
        ingest_history(settings)
        with Store.of(settings).open_history() as engine:
            history, handed_off = open_checked(engine).history, handed_off_at_entry(truth)
            weeks = pd.DataFrame(by_week(history, settings, handed_off))
            milestones = milestones_of(history, settings)
            year = Span.of(Period.YEAR, dt.date(2025, 1, 1), time_zone=milestones.time_zone)
            graded = closed_loop(history, milestones, handed_off=handed_off, span=year).rows.to_pandas()
    columns = ["handed_off", "touched", "came", "expected", "expected_low", "expected_high", "expected_in_all"]
    print(weeks.groupby("weeks")[[*columns[:4], "expected_in_all", "is_outside"]].sum().round(1).to_string())
    print(f"weeks outside what was expected: {weeks['is_outside'].sum()} of {len(weeks)}; 5 % were to be\n")
    print(graded[["grade", *columns]].round(1).to_string(index=False))


if __name__ == "__main__":
    main()
