import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data_contracts.history import RawHistory
from data_contracts.settings import load_settings
from simulation import SimulationSummary, laws, simulate
from simulation.clock import END, HOUR, START
from simulation.export import activities_table
from simulation.funnel import tell
from simulation.people import DUPLICATE_SHARE, draw_groups, draw_people
from tests.crm.asking import views_of

SETTINGS = load_settings(Path(__file__).parents[2] / "config" / "scoring.toml")
KIND_OF = {word: name for name, kind in SETTINGS.crm.kinds.items() for word in kind.words}
EXPORTED_AT = START + pd.Timedelta(seconds=END)

CLEAN = """
WITH stages AS (
    SELECT DISTINCT lead_id, stage, try_cast(entered_at AS TIMESTAMP) AS entered_at, reason
    FROM raw_stage_changes
    WHERE lead_id LIKE 'L-0%' AND try_cast(entered_at AS TIMESTAMP) BETWEEN '2024-07-01' AND '2026-06-30 18:00:00'
),
leads AS (
    SELECT lead_id, any_value(account_id) AS account_id, any_value(try_cast(created_at AS TIMESTAMP)) AS created_at,
        any_value(merged_into) AS merged_into, any_value(try_cast(merged_at AS TIMESTAMP)) AS merged_at,
        any_value(rating) AS rating, any_value(campaign) AS campaign
    FROM raw_leads WHERE lead_id LIKE 'L-0%' GROUP BY lead_id
),
firsts AS (
    SELECT lead_id, min(entered_at) FILTER (stage = 'Marketing Qualified') AS mql_at,
        min(entered_at) FILTER (stage = 'Sales Qualified') AS sql_at,
        min(entered_at) FILTER (stage = 'Closed Won') AS won_at,
        count(*) FILTER (stage = 'Marketing Qualified') AS n_mql
    FROM stages GROUP BY lead_id
),
calls AS (
    SELECT lead_id, min(occurred_at) AS called_at FROM raw_activities
    WHERE kind = 'Call' AND occurred_at IS NOT NULL GROUP BY lead_id
)
"""


@pytest.fixture(scope="module")
def truth(simulated: SimulationSummary) -> pd.DataFrame:
    return pq.read_table(simulated.folder / "truth" / "truth.parquet").to_pandas()


def ask(raw: RawHistory, select: str) -> pd.DataFrame:
    return views_of(raw).execute(CLEAN + select).fetch_df()


def share(raw: RawHistory, condition: str, *, of: str, where: str = "TRUE") -> float:
    return float(ask(raw, f"SELECT avg(({condition})::INTEGER) AS it FROM {of} WHERE {where}")["it"][0])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path):
    simulate(tmp_path / "one", n_leads=300, seed=3)
    simulate(tmp_path / "two", n_leads=5_000, seed=4)  # to be replaced, with all of its parts
    simulate(tmp_path / "two", n_leads=300, seed=3)
    simulate(tmp_path / "three", n_leads=300, seed=4)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert files(tmp_path / "one")["leads.csv"] != files(tmp_path / "three")["leads.csv"]


@pytest.mark.parametrize("n_leads", [1, 2, 40])
def test_few_leads_can_be_simulated(tmp_path: Path, n_leads: int):
    summary = simulate(tmp_path, n_leads=n_leads, seed=1)
    assert summary.n_leads == n_leads
    assert len(pd.read_csv(tmp_path / "leads.csv")["Id"].unique()) >= n_leads


def test_no_leads_cannot_be_simulated(tmp_path: Path):
    with pytest.raises(ValueError, match="n_leads is 0; simulate at least one lead"):
        simulate(tmp_path, n_leads=0, seed=1)


def test_progress_is_told_chunk_by_chunk(tmp_path: Path):
    told: list[str] = []
    simulate(tmp_path, n_leads=21_000, seed=1, say=told.append)
    assert len(told) == 2
    assert told[-1] == "21,000 of 21,000 leads"


def test_an_export_that_was_broken_off_has_no_time_of_export(tmp_path: Path):
    simulate(tmp_path, n_leads=10, seed=1)

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, n_leads=10, seed=2, say=stop)
    assert not (tmp_path / "export.json").exists()


def test_the_export_is_csv_parquet_and_json_with_the_time_of_export(simulated: SimulationSummary):
    names = {path.suffix for path in simulated.folder.rglob("*") if path.is_file()}
    assert names == {".csv", ".parquet", ".json", ".jsonl"}
    assert len(list((simulated.folder / "activities").glob("*.parquet"))) > 1
    assert json.loads((simulated.folder / "export.json").read_text())["exported_at"] == "2026-06-30T18:00:00Z"


def test_the_export_holds_invented_names_and_the_source_leaves_them_out(simulated: SimulationSummary, raw: RawHistory):
    leads = pd.read_csv(simulated.folder / "leads.csv")
    assert leads["Email"].str.endswith("@example.invalid").all()
    assert (leads["FirstName"] == "Invented").all()
    for table in raw.tables:
        names = "regexp_matches(concat_ws('|', *COLUMNS(*)), '@|Invented|Example Company|person[0-9]')"
        assert share(raw, names, of=f"raw_{table}") == 0, table


def test_the_settings_hold_every_word_of_the_simulated_crm(raw: RawHistory):
    crm = SETTINGS.crm
    assert set(crm.stages) == set(laws.STAGES) == words(raw, "stage_changes", "stage")
    assert set(KIND_OF) == set(laws.KINDS) == words(raw, "activities", "kind")
    assert set(crm.directions) == set(laws.DIRECTIONS) == words(raw, "activities", "direction")
    assert set(crm.outcomes) == set(laws.OUTCOMES) == words(raw, "opportunities", "outcome")


def words(raw: RawHistory, table: str, column: str) -> set[str]:
    return set(ask(raw, f"SELECT DISTINCT {column} AS word FROM raw_{table}")["word"].dropna())


def read(raw: RawHistory, table: str) -> pd.DataFrame:
    return views_of(raw).execute(f"SELECT * FROM raw_{table} ORDER BY source_row").fetch_df()


def test_calls_end_with_an_answer_or_without_one_and_nothing_else_does(raw: RawHistory):
    assert words(raw, "activities", "outcome") == set(laws.CALL_OUTCOMES)
    assert share(raw, "(kind = 'Call') = (outcome IS NOT NULL)", of="raw_activities") == 1
    unanswered = share(raw, "outcome = 'No answer'", of="raw_activities", where="kind = 'Call'")
    assert unanswered == pytest.approx(laws.NO_ANSWER_SHARE, abs=0.05)
    assert share(raw, "duration_seconds < 30", of="raw_activities", where="outcome = 'No answer'") == 1
    assert share(raw, "duration_seconds >= 20", of="raw_activities", where="outcome = 'Connected'") == 1


def test_who_answers_a_call_is_drawn_from_random_numbers_of_its_own():
    rng = np.random.default_rng(1)
    story = tell(rng, draw_people(rng, draw_groups(rng, 50)))
    one, other = (activities_table(story, first_activity=0, calls_rng=np.random.default_rng(seed)) for seed in (1, 2))
    ours = ["CallOutcome", "DurationSeconds"]
    assert one.drop_columns(ours).equals(other.drop_columns(ours))
    assert not one.equals(other)


def test_the_settings_hold_the_point_rule_that_the_simulation_used():
    rule = SETTINGS.definitions.point_rule
    assert rule is not None
    ours = {KIND_OF[laws.KINDS[kind]]: points for kind, points in laws.POINTS.items()}
    assert {one.kind: (one.points, one.max_points) for one in rule.activities} == ours
    assert min(one.within_days for one in rule.activities) > END / (24 * HOUR)
    seniority = dict(zip(laws.SENIORITIES, laws.SENIORITY_POINTS, strict=True))
    industry = dict(zip(laws.INDUSTRIES, laws.INDUSTRY_POINTS, strict=True))
    given = {value: one.points for one in rule.attributes for value in one.one_of}
    assert given == {value: points for value, points in (seniority | industry).items() if points}
    assert rule.threshold == laws.MQL_POINTS


def test_the_horizons_in_the_settings_are_those_of_the_truth():
    horizons = [one.horizon_days for one in SETTINGS.definitions.transitions.values()]
    assert horizons == [laws.HORIZON_SQL_DAYS, laws.HORIZON_WIN_DAYS]


def test_attributes_that_were_overwritten_after_the_outcome_are_in_the_source_and_not_declared(raw: RawHistory):
    bait = {"rating", "employees_range", "customer_since"}
    assert bait <= {*raw.tables["leads"].columns, *raw.tables["accounts"].columns}
    assert bait.isdisjoint(SETTINGS.crm.attributes)
    won = "firsts JOIN leads USING (lead_id)"
    assert share(raw, "rating = 'Hot'", of=won, where="won_at IS NOT NULL") == 1.0
    assert share(raw, "rating = 'Hot'", of=won, where="sql_at IS NULL") == 0.0
    customers = ask(raw, f"SELECT DISTINCT account_id FROM {won} WHERE won_at IS NOT NULL AND account_id IS NOT NULL")
    shown = ask(raw, "SELECT DISTINCT account_id FROM raw_accounts WHERE customer_since IS NOT NULL")
    assert set(shown["account_id"].dropna()) == set(customers["account_id"])


def test_stages_come_in_order(raw: RawHistory):
    wrong = ask(
        raw,
        """SELECT count(*) FILTER (mql_at <= created_at) AS mql_early, count(*) FILTER (sql_at <= mql_at) AS sql_early,
            count(*) FILTER (won_at <= sql_at) AS won_early,
            count(*) FILTER (sql_at IS NOT NULL AND NOT coalesce(called_at <= sql_at, FALSE)) AS never_called
        FROM firsts JOIN leads USING (lead_id) LEFT JOIN calls USING (lead_id)""",
    )
    assert wrong.iloc[0].to_dict() == {"mql_early": 0, "sql_early": 0, "won_early": 0, "never_called": 0}


def test_nothing_lies_after_the_export_but_planted_rows(raw: RawHistory):
    assert raw.extracted_at == EXPORTED_AT
    latest = ask(raw, "SELECT max(occurred_at) AS happened, max(recorded_at) AS recorded FROM raw_activities")
    assert latest.iloc[0].max() <= EXPORTED_AT
    later = "try_cast(entered_at AS TIMESTAMP) > '2026-06-30 18:00:00'"
    planted = ask(
        raw, f"SELECT DISTINCT year(try_cast(entered_at AS TIMESTAMP)) AS y FROM raw_stage_changes WHERE {later}"
    )
    assert planted["y"].tolist() == [2062]


def test_about_one_row_in_a_hundred_is_defective_and_no_clean_row_is_missing(
    simulated: SimulationSummary, raw: RawHistory
):
    planted = {
        "leads": "lead_id IS NULL OR lead_id NOT LIKE 'L-0%'",
        "stage_changes": "lead_id IS NULL OR lead_id = 'L-DELETED' OR try_cast(entered_at AS TIMESTAMP) IS NULL "
        "OR year(try_cast(entered_at AS TIMESTAMP)) IN (2019, 2062)",
        "activities": "lead_id IS NULL OR lead_id = 'L-DELETED' OR activity_id IS NULL OR occurred_at IS NULL",
    }
    for table, condition in planted.items():
        assert 0.002 < share(raw, condition, of=f"raw_{table}") < 0.012, table
    numbers = ask(raw, "SELECT count(*) AS n, max(lead_id) AS last FROM leads").iloc[0]
    assert (numbers["n"], numbers["last"]) == (simulated.n_leads, "L-0023999")


def test_shares_are_those_of_an_ordinary_funnel(simulated: SimulationSummary, raw: RawHistory):
    assert simulated.n_accounts == pytest.approx(simulated.n_leads / 3, rel=0.05)
    assert share(raw, "account_id IS NULL", of="leads") == pytest.approx(0.12, abs=0.01)
    assert simulated.n_mql / simulated.n_leads == pytest.approx(0.69, abs=0.03)
    assert 1 - simulated.n_contacted / simulated.n_mql == pytest.approx(0.70, abs=0.03)
    called = "firsts JOIN calls USING (lead_id)"
    waits = "called_at - mql_at <= INTERVAL 24 HOUR"
    assert share(raw, waits, of=called, where="n_mql = 1") == pytest.approx(0.52, abs=0.05)
    mature = "mql_at < TIMESTAMP '2026-05-31' AND n_mql = 1 AND called_at <= mql_at + INTERVAL 30 DAY"
    converts = "coalesce(sql_at <= mql_at + INTERVAL 30 DAY, FALSE)"
    assert share(raw, converts, of=called, where=mature) == pytest.approx(0.32, abs=0.04)
    wins = "coalesce(won_at <= sql_at + INTERVAL 120 DAY, FALSE)"
    assert share(raw, wins, of="firsts", where="sql_at < TIMESTAMP '2026-03-02'") == pytest.approx(0.28, abs=0.04)
    assert simulated.n_sql > 1_400
    assert simulated.n_won > 350
    late = share(raw, "recorded_at > occurred_at", of="raw_activities", where="kind NOT IN ('Sent Email')")
    assert late == pytest.approx(0.05, abs=0.01)
    assert simulated.rows["activities"] / simulated.n_leads == pytest.approx(20, abs=1)


def test_sales_calls_those_with_more_points_on_working_days(raw: RawHistory, truth: pd.DataFrame):
    weekdays = ask(raw, "SELECT DISTINCT isodow(called_at) AS day, hour(called_at) AS hour FROM calls")
    assert set(weekdays["day"]) == {1, 2, 3, 4, 5}
    assert set(weekdays["hour"]) == set(range(8, 18))
    senior = ask(raw, "SELECT lead_id, any_value(seniority) AS seniority FROM raw_leads GROUP BY lead_id")
    called = truth.merge(senior, on="lead_id").groupby("seniority")["was_contacted"].mean()
    assert called["C-Level"] > called["Staff"] + 0.1


def test_some_leads_recycle_from_nurture_and_some_duplicates_are_merged(raw: RawHistory):
    assert share(raw, "n_mql > 1", of="firsts", where="n_mql > 0") > 0.02
    between = ask(
        raw,
        """SELECT count(*) AS n FROM firsts f WHERE n_mql > 1 AND NOT EXISTS (
            SELECT 1 FROM stages s WHERE s.lead_id = f.lead_id AND s.stage = 'Nurture' AND s.entered_at > f.mql_at)""",
    )
    assert between["n"][0] == 0
    merged = "merged_into IS NOT NULL"
    assert DUPLICATE_SHARE / 3 < share(raw, merged, of="leads") < DUPLICATE_SHARE
    assert share(raw, "merged_at > created_at", of="leads", where=merged) == 1.0
    moved = ask(raw, f"SELECT count(*) AS n FROM stages WHERE lead_id IN (SELECT lead_id FROM leads WHERE {merged})")
    assert moved["n"][0] == 0


def test_every_turn_in_the_field_history_starts_where_the_one_before_ended(raw: RawHistory):
    turns = read(raw, "attribute_changes").sort_values(["attribute", "object_id", "changed_at"])
    before = turns.groupby(["attribute", "object_id"])["new_value"].shift()
    follows = before.notna()
    assert follows.sum() > 100
    assert (turns["old_value"][follows] == before[follows]).all()
    last = turns.drop_duplicates(["attribute", "object_id"], keep="last").set_index("object_id")
    leads = read(raw, "leads").drop_duplicates("lead_id").set_index("lead_id")["buying_timeline"]
    stated = last[last["attribute"] == "buying_timeline"]["new_value"]
    assert (leads.reindex(stated.index) == stated).all()
    untold = leads.drop(stated.index)
    assert untold[untold.index.str.startswith("L-0", na=False)].isna().all()
    accounts = read(raw, "accounts").drop_duplicates("account_id").set_index("account_id")["employees"]
    counted = last[last["attribute"] == "employees"]["new_value"]
    assert (accounts.reindex(counted.index) == counted).all()


def test_spend_covers_every_paid_campaign_and_follows_its_leads(raw: RawHistory):
    spent = read(raw, "spend")
    paid = {campaign.name for campaign in laws.CAMPAIGNS if campaign.cost_per_lead > 0}
    assert set(spent["campaign"]) == paid
    total = spent[spent["amount"].astype(float) > 0].astype({"amount": float}).groupby("campaign")["amount"].sum()
    leads = ask(raw, "SELECT campaign, count(*) AS n FROM leads GROUP BY campaign").set_index("campaign")["n"]
    for campaign in laws.CAMPAIGNS:
        if campaign.name in paid:
            assert total[campaign.name] / leads[campaign.name] == pytest.approx(campaign.cost_per_lead, rel=0.15)


def test_truth_has_one_row_a_lead_that_became_an_mql_and_agrees_with_the_export(
    simulated: SimulationSummary, raw: RawHistory, truth: pd.DataFrame
):
    assert truth["lead_id"].is_unique
    assert len(truth) == simulated.n_mql
    shown = ask(
        raw,
        "SELECT lead_id, firsts.mql_at AS shown_mql_at, firsts.sql_at AS shown_sql_at, called_at "
        "FROM firsts LEFT JOIN calls USING (lead_id) WHERE mql_at IS NOT NULL",
    )
    both = truth.merge(shown, on="lead_id", how="outer", validate="1:1")
    assert (both["mql_at"] == both["shown_mql_at"]).all()
    assert both["sql_at"].equals(both["shown_sql_at"])
    mature = both[both["mql_at"] < EXPORTED_AT - pd.Timedelta(days=35)]  # calls may be logged some days late
    in_time = mature["called_at"] <= mature["mql_at"] + pd.Timedelta(days=30)
    assert (in_time == mature["was_contacted"]).mean() > 0.999
    assert truth["p_mql_to_sql"].between(0, 1, inclusive="neither").all()
    assert (truth["p_sql_to_win"].notna() == truth["sql_at"].notna()).all()


def test_late_leads_have_no_outcome_yet(raw: RawHistory):
    converts = "sql_at IS NOT NULL"
    early = share(raw, converts, of="firsts", where="mql_at < TIMESTAMP '2026-05-01'")
    late = share(raw, converts, of="firsts", where="mql_at > TIMESTAMP '2026-06-20'")
    assert late < early / 3


def test_one_campaign_brings_more_and_worse_leads_from_2026(raw: RawHistory, truth: pd.DataFrame):
    leads = ask(raw, "SELECT lead_id, campaign, created_at FROM leads ORDER BY created_at")
    drifts = leads["campaign"] == laws.CAMPAIGNS[laws.DRIFTING_CAMPAIGN].name
    after = leads["created_at"] >= START + pd.Timedelta(seconds=laws.DRIFT_FROM)
    assert drifts[after].mean() > 1.3 * drifts[~after].mean()
    p = leads[drifts].merge(truth, on="lead_id").set_index("created_at")["p_mql_to_sql"]
    others = leads[~drifts].merge(truth, on="lead_id").set_index("created_at")["p_mql_to_sql"]
    assert p["2026":].mean() < 0.75 * p[:"2025"].mean()
    assert others["2026":].mean() == pytest.approx(others[:"2025"].mean(), rel=0.1)


def calibration(p: np.ndarray, happened: np.ndarray) -> tuple[float, float, float]:
    """Standardised gap of the mean, slope of the outcome on the log-odds of `p`, and the slope's standard error."""
    gap = (happened.sum() - p.sum()) / np.sqrt((p * (1 - p)).sum())
    x = np.column_stack([np.ones_like(p), np.log(p / (1 - p))])
    weights = np.zeros(2)
    for _ in range(20):  # Newton's method for the logistic regression
        fitted = 1 / (1 + np.exp(-x @ weights))
        information = x.T @ (x * (fitted * (1 - fitted))[:, None])
        weights = weights + np.linalg.solve(information, x.T @ (happened - fitted))
    return gap, weights[1], float(np.sqrt(np.linalg.inv(information)[1, 1]))


def auc(p: np.ndarray, happened: np.ndarray) -> float:
    ranks = pd.Series(p).rank().to_numpy()
    n = happened.sum()
    return float((ranks[happened].sum() - n * (n + 1) / 2) / (n * (len(p) - n)))


@pytest.mark.slow
def test_the_true_probabilities_are_what_happens(tmp_path: Path):
    simulate(tmp_path, n_leads=150_000, seed=5)
    truth = pq.read_table(tmp_path / "truth" / "truth.parquet").to_pandas()
    stages = pd.read_csv(tmp_path / "stage_history.csv", usecols=["LeadId", "NewStage", "ChangedDate"])
    won = stages[stages["NewStage"] == "Closed Won"].drop_duplicates("LeadId").set_index("LeadId")["ChangedDate"]
    truth["won_at"] = pd.to_datetime(truth["lead_id"].map(won), errors="coerce").dt.tz_localize(None)

    asked = truth[truth["was_contacted"] & (truth["mql_at"] < EXPORTED_AT - pd.Timedelta(days=30))]
    converted = (asked["sql_at"] <= asked["mql_at"] + pd.Timedelta(days=30)).to_numpy()
    p_sql = asked["p_mql_to_sql"].to_numpy()
    gap, slope, error = calibration(p_sql, converted)
    assert len(asked) > 28_000
    assert abs(gap) < 3.5
    assert abs(slope - 1) < 3.5 * error < 0.07
    assert 0.75 < auc(p_sql, converted) < 0.82

    sqls = truth[truth["sql_at"] < EXPORTED_AT - pd.Timedelta(days=125)]  # some wins are logged late
    is_won = (sqls["won_at"] <= sqls["sql_at"] + pd.Timedelta(days=120)).to_numpy()
    p_win = sqls["p_sql_to_win"].to_numpy()
    gap, slope, error = calibration(p_win, is_won)
    assert len(sqls) > 8_000
    assert abs(gap) < 3.5
    assert abs(slope - 1) < 3.5 * error < 0.15
    assert 0.70 < auc(p_win, is_won) < 0.78
