"""A business-to-business CRM with known truth, written as the raw files of an export."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation import export
from simulation.clock import END, EXPORTED_AT
from simulation.files import RawFiles
from simulation.funnel import Story, tell
from simulation.people import Groups, draw_groups, draw_people

LEADS_AT_A_TIME = 20_000
"""Leads are simulated in chunks of about so many, which bounds memory."""

_CALLS = 1
"""Names the random numbers of how calls end: a stream of their own."""


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was written: the folder, rows by raw file (defective ones included), and how far the leads came.

    `n_mql`, `n_sql` and `n_won` count leads that reached the stage by the export, `n_contacted` those of the MQLs whom
    sales called within 30 days.
    """

    folder: Path
    rows: Mapping[str, int]
    n_leads: int
    n_accounts: int
    n_mql: int
    n_contacted: int
    n_sql: int
    n_won: int


def simulate(folder: Path, *, n_leads: int, seed: int, say: Callable[[str], None] | None = None) -> SimulationSummary:
    """A CRM export of `n_leads` leads over two years until 2026-06-30, written into `folder`.

    The raw files (`leads.csv`, `accounts.csv`, `stage_history.csv`, `opportunities.csv`, `spend.csv`,
    `activities/part-*.parquet`, `field_history.jsonl`, `export.json`) replace those of an earlier run. The same
    `n_leads` and `seed` give the same bytes. About 1 % of the rows are defective copies of others.

    The truth is in `truth/truth.parquet`, for tests only. One row is a lead that became an MQL; duplicates have none.

    | column | holds |
    |---|---|
    | `lead_id`, `mql_at` | the lead, and its first entry into MQL |
    | `p_mql_to_sql` | probability of an SQL within 30 days of it, given that sales calls within these 30 days |
    | `was_contacted` | whether sales does call, if need be after the export |
    | `sql_at`, `p_sql_to_win` | its SQL, and the probability of a win within 120 days of it; missing without an SQL |

    A probability knows all that the simulation draws before the call, or before the SQL, also what the CRM never shows.

    `say` is told how far it is, after each chunk of leads. Raises `ValueError` where `n_leads` is not positive.
    """
    if n_leads < 1:
        raise ValueError(f"n_leads is {n_leads}; simulate at least one lead")
    export_time = folder / "export.json"
    export_time.unlink(missing_ok=True)  # written last: an export that was broken off has none and is refused
    groups = draw_groups(np.random.default_rng([seed, 0]), n_leads)
    with RawFiles(folder) as files:
        truth, n_won = _write_records(files, groups, seed=seed, say=say)
    _write_truth(folder, truth)
    exported = {"system": "simulated CRM", "exported_at": f"{EXPORTED_AT.isoformat()}Z"}
    export_time.write_text(json.dumps(exported) + "\n", encoding="utf-8")
    return SimulationSummary(
        folder=folder,
        rows=files.rows,
        n_leads=n_leads,
        n_accounts=int(groups.has_account.sum()),
        n_mql=truth.num_rows,
        n_contacted=pc.sum(truth["was_contacted"]).as_py() or 0,
        n_sql=len(truth) - truth["sql_at"].null_count,
        n_won=n_won,
    )


def _write_records(
    files: RawFiles, groups: Groups, *, seed: int, say: Callable[[str], None] | None
) -> tuple[pa.Table, int]:
    """The truth about all leads, whose records are written, and how many were won by the export."""
    n_leads = int(groups.n_people.sum())
    truths, n_new, n_won = [], [], 0
    for number, chunk in enumerate(groups.chunks(LEADS_AT_A_TIME), start=1):
        calls_rng = np.random.default_rng([seed, number, _CALLS])
        story = _write_chunk(files, chunk, rng=np.random.default_rng([seed, number]), calls_rng=calls_rng)
        truths.append(export.truth_table(story))
        n_new.append(export.leads_by_month(story))
        n_won += int((story.deals.won_at < END).sum())
        if say is not None:
            say(f"{story.people.first_lead + story.people.n_leads:,} of {n_leads:,} leads")
    rng = np.random.default_rng([seed, len(truths) + 1])
    files.add("spend", export.spend_table(np.sum(n_new, axis=0), rng), rng=rng)
    return pa.concat_tables(truths), n_won


def _write_chunk(files: RawFiles, chunk: Groups, *, rng: np.random.Generator, calls_rng: np.random.Generator) -> Story:
    """The story of one chunk of leads, written."""
    story = tell(rng, draw_people(rng, chunk))
    merged_at = export.merged_at(story, rng)
    first_activity = files.rows.get("activities", 0)
    files.add("leads", export.leads_table(story, rng, merged_at=merged_at), rng=rng)
    files.add("accounts", export.accounts_table(story, rng), rng=rng)
    activities = export.activities_table(story, first_activity=first_activity, calls_rng=calls_rng)
    files.add_activities(activities, rng=rng)
    files.add("stage_history", export.stage_history_table(story, merged_at=merged_at), rng=rng)
    files.add("opportunities", export.opportunities_table(story, rng), rng=rng)
    files.add_field_changes(export.field_history_table(story, rng))
    return story


def _write_truth(folder: Path, truth: pa.Table) -> None:
    (folder / "truth").mkdir(exist_ok=True)
    pq.write_table(truth, folder / "truth" / "truth.parquet")
