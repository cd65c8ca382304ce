"""Time and memory of the features of a scoring run, on a history that is made inside DuckDB.

    .venv/bin/python -m benchmarks.bench_features --leads 200000 --activities 4000000 --memory-limit 4GB

Streams the feature table in record batches, as serving does, and prints leads, seconds and peak resident memory.
"""

import argparse
import datetime as dt
import resource
import tempfile
import time
from pathlib import Path

from ibis.backends.duckdb import Backend

from data_contracts.columns import TABLES
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from engines.duckdb import DuckDbEngine
from features.build import build_features
from features.snapshots import scoring_snapshots

AS_OF = dt.datetime(2026, 6, 30)  # noqa: DTZ001  times are UTC and naive throughout
ROWS_PER_BATCH = 100_000
MEAN_LEADS_PER_ACCOUNT = 4
HUGE_ACCOUNT_LEADS = 50_000

SETTINGS = {
    "definitions": {
        "version": "bench",
        "effective_from": "2026-01-01",
        "transitions": {"mql_to_sql": {"horizon_days": 30}, "sql_to_win": {"horizon_days": 180}},
        "icp": {"criteria": [{"name": "size", "attribute": "employees", "at_least": 50}]},
        "point_rule": {"threshold": 50, "activities": [{"kind": "webinar", "points": 10, "max_points": 30}]},
    },
    "policy": {"version": "bench", "teams": [{"name": "sales", "leads_per_week": 100}]},
    "store": {"folder": "."},
    "crm": {
        "source": "bench",
        "data_folder": ".",
        "attributes": {
            "employees": {"table": "accounts", "type": "number", "availability": "immutable", "meaning": "employees"},
            "seniority": {"table": "leads", "type": "category", "availability": "historised", "meaning": "seniority"},
        },
    },
}


def make_history(engine: Backend, *, n_leads: int, n_activities: int) -> CrmHistory:
    """A history of `n_leads`, one in twenty of them at one free-mail account, over the year before `AS_OF`."""
    n_accounts = n_leads // MEAN_LEADS_PER_ACCOUNT
    n_huge = min(HUGE_ACCOUNT_LEADS, n_leads // 20)
    start = "TIMESTAMP '2025-06-30'"
    kinds = "['email_sent','email_open','email_click','page_view','page_view','pricing_view','webinar','call']"
    statements = {
        "accounts": f"""
            SELECT 'A' || i AS account_id, {start} AS created_at, 10 ^ (4 * random()) AS employees
            FROM range({n_accounts}) t(i)""",
        # Squaring the uniform number makes some accounts larger than others, as they are.
        "leads": f"""
            SELECT 'L' || lpad(i::text, 8, '0') AS lead_id,
                   CASE WHEN i < {n_huge} THEN 'free-mail' ELSE 'A' || floor({n_accounts} * random() ^ 2)::int END
                     AS account_id,
                   {start} + to_seconds(300 * 86400 * random()) AS created_at,
                   'source ' || (i % 7) AS source, 'campaign ' || (i % 40) AS campaign, NULL::text AS current_stage,
                   NULL::text AS owner_id,
                   NULL::text AS merged_into, NULL::timestamp AS merged_at, 'level ' || (i % 5) AS seniority
            FROM range({n_leads}) t(i)""",
        "activities": f"""
            SELECT *, occurred_at AS recorded_at FROM (SELECT i::text AS activity_id,
                   'L' || lpad(floor({n_leads} * random())::int::text, 8, '0') AS lead_id,
                   {kinds}[1 + floor(8 * random())::int] AS kind, NULL::text AS direction,
                   {start} + to_seconds(365 * 86400 * random()) AS occurred_at
            FROM range({n_activities}) t(i))""",
        "stage_changes": """
            SELECT *, entered_at AS recorded_at FROM (SELECT lead_id, 'mql' AS stage,
                   created_at + to_days(1 + (30 * random())::int) AS entered_at,
                   NULL::text AS reason, NULL::text AS changed_by FROM leads WHERE random() < 0.5)""",
        "attribute_changes": f"""
            SELECT 'lead' AS object, lead_id AS object_id, 'seniority' AS attribute, 'level 0' AS old_value,
                   seniority AS new_value, {start} + to_seconds(365 * 86400 * random()) AS changed_at
            FROM leads WHERE random() < 0.2""",
        "opportunities": """
            SELECT '' AS opportunity_id, '' AS lead_id, 0.0 AS amount, now()::timestamp AS created_at,
                   now()::timestamp AS expected_close_at, now()::timestamp AS closed_at, '' AS outcome,
                   '' AS currency, '' AS loss_reason, '' AS win_reason, '' AS competitor, '' AS objection
            WHERE false""",
        "spend": """
            SELECT now()::timestamp AS period_start_at, '' AS source, '' AS campaign, 0.0 AS amount WHERE false""",
    }
    for name, select in statements.items():
        engine.raw_sql(f"CREATE TABLE {name} AS {select}")
    engine.raw_sql("CREATE TABLE unsettled (lead_id text, stage text, reason text, is_ending boolean)")
    tables = {name: engine.table(name) for name in TABLES}
    return CrmHistory(
        tables, engine.table("unsettled"), AS_OF, absent=(), fingerprint="bench", definitions_version="bench"
    )


def measure(history: CrmHistory, settings: Settings) -> tuple[int, float, float]:
    """Leads scored, seconds and processor seconds taken, the feature table streamed and dropped batch by batch."""
    started, worked = time.perf_counter(), time.process_time()
    snapshots = scoring_snapshots(history, settings.definitions, as_of=AS_OF)
    features = build_features(history, snapshots, settings=settings)
    n_leads = sum(batch.num_rows for batch in features.table.to_pyarrow_batches(chunk_size=ROWS_PER_BATCH))
    return n_leads, time.perf_counter() - started, time.process_time() - worked


def main() -> None:
    """Make the history in a temporary file, close it, measure on it as a fresh process would."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=200_000)
    parser.add_argument("--activities", type=int, default=4_000_000)
    parser.add_argument("--memory-limit", default="4GB")
    arguments = parser.parse_args()
    settings = Settings.model_validate(SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckDbEngine.opened(Path(folder) / "bench.duckdb", memory_limit=arguments.memory_limit).backend
        history = make_history(engine, n_leads=arguments.leads, n_activities=arguments.activities)
        engine.raw_sql("CHECKPOINT")
        made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        n_leads, seconds, worked = measure(history, settings)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{n_leads:,} leads, {arguments.activities:,} activities: {seconds:.1f} s ({worked:.1f} s of processor), "
        f"peak {peak:.2f} GiB (after making the history: {made:.2f} GiB), memory limit {arguments.memory_limit}"
    )


if __name__ == "__main__":
    main()
