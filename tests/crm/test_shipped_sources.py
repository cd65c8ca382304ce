import os
from pathlib import Path

import pytest

from crm.sql_source import SqlSource
from data_contracts.columns import TABLES
from data_contracts.history import RawHistory
from data_contracts.settings import Settings, load_settings
from data_contracts.vocabulary import Stage, Transition
from engines.duckdb import DuckDbEngine
from simulation import simulate
from tests.crm.asking import asked

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEADSCORE_DATA", ROOT.parent / "shared" / "data"))
CONFIGS = {"simulated": "scoring", "bpi2012": "bpi2012", "olist": "olist"}


def settings_of(source: str) -> Settings:
    return load_settings(ROOT / "config" / f"{CONFIGS[source]}.toml")


def read(source: str) -> RawHistory:
    folder = DATA / source
    if not folder.is_dir():
        pytest.skip(f"the real data of {source} are not here: put them into a folder and name it in LEADSCORE_DATA")
    return SqlSource(source, folder=ROOT / "config" / "sources" / source, data_folder=folder).read(
        DuckDbEngine.opened()
    )


@pytest.fixture(scope="module")
def bpi2012() -> RawHistory:
    """The log of the BPI Challenge 2012, which the tests only ask."""
    return read("bpi2012")


@pytest.fixture(scope="module")
def olist() -> RawHistory:
    """The Olist funnel, which the tests only ask."""
    return read("olist")


def ask(history: RawHistory, query: str) -> tuple:
    return asked(history, query)[0]


@pytest.mark.parametrize("source", CONFIGS)
def test_settings_name_their_source_and_both_name_canonical_tables_only(source: str):
    settings = settings_of(source)
    assert settings.crm.source == source
    selects = {file.stem for file in (ROOT / "config" / "sources" / source).glob("*.sql")}
    assert {"leads", "stage_changes", "extracted_at"} <= selects <= {*TABLES, "extracted_at"}


@pytest.mark.parametrize("source", CONFIGS)
def test_shipped_selects_read_csv_as_text_in_a_dialect_that_loses_no_line(source: str):
    options = "all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', skip = 0, comment = ''"
    texts = {file.name: file.read_text() for file in (ROOT / "config" / "sources" / source).glob("*.sql")}
    assert "read_csv(" in texts["leads.sql"]
    assert [name for name, text in texts.items() if text.count("read_csv(") != text.count(options)] == []


NOT_SIMULATED = {
    "leads": {"current_stage"},
    "opportunities": {"currency", "win_reason", "competitor", "objection", "margin", "churned_at"},
    "activities": {"source", "campaign"},
}
"""The simulated CRM has the history of stages, all its deals are in one currency, and it says neither why deals are won
and what they leave nor what brought a lead to an activity."""

SIMULATED = [name for name in TABLES if name != "sellers"]
"""Its sellers all work in one time zone, in the teams of the policy."""


def test_the_simulated_source_has_every_table_but_that_of_sellers_with_its_columns(
    engine: DuckDbEngine, tmp_path: Path
):
    simulate(tmp_path, n_leads=100, seed=1)
    raw = SqlSource("simulated", folder=ROOT / "config" / "sources" / "simulated", data_folder=tmp_path).read(engine)
    assert list(raw.tables) == SIMULATED
    for name in SIMULATED:
        columns = {column.name for column in TABLES[name].columns} - NOT_SIMULATED.get(name, set())
        assert columns <= set(raw.tables[name].columns), name
    for name, declared in settings_of("simulated").crm.attributes.items():
        assert name in raw.tables[declared.table].columns


def test_bpi2012_is_13087_applications_5015_offers_and_2246_loans(bpi2012: RawHistory):
    stages = settings_of("bpi2012").crm.stages
    counted = dict(asked(bpi2012, "SELECT stage, count(*) FROM raw_stage_changes GROUP BY stage"))
    by_stage = {stage: sum(n for word, n in counted.items() if stages[word] is stage) for stage in stages.values()}
    assert ask(bpi2012, "SELECT count(*), count(DISTINCT lead_id) FROM raw_leads") == (13_087, 13_087)
    assert (by_stage[Stage.MQL], by_stage[Stage.SQL], by_stage[Stage.WON]) == (13_087, 5_015, 2_246)
    assert by_stage[Stage.DISQUALIFIED] + by_stage[Stage.LOST] == 7_635 + 1_640  # declined + cancelled after an offer
    assert by_stage[Stage.NURTURE] == 2_807 - 1_640
    assert bpi2012.extracted_at.isoformat() == "2012-03-14T15:04:54.681000"


def test_bpi2012_has_no_event_of_the_win_or_the_loss_among_its_activities(bpi2012: RawHistory):
    kinds = {row[0] for row in asked(bpi2012, "SELECT DISTINCT kind FROM raw_activities")}
    crm = settings_of("bpi2012").crm
    assert kinds == {word for kind in crm.kinds.values() for word in kind.words}
    assert not {
        word for word in kinds if word.startswith(("A_REG", "A_APP", "A_ACT", "A_DEC", "A_CAN", "O_ACC", "O_DEC"))
    }
    directions = {row[0] for row in asked(bpi2012, "SELECT DISTINCT direction FROM raw_activities")}
    assert directions == set(crm.directions)
    outcomes = dict(asked(bpi2012, "SELECT outcome, count(*) FROM raw_opportunities GROUP BY 1"))
    assert outcomes == {"approved": 2_246, "declined or cancelled": 802 + 1_640, "open": 5_015 - 2_246 - 802 - 1_640}
    assert ask(bpi2012, "SELECT count(*) FROM raw_activities") == (118_250,)


def test_bpi2012_rows_keep_the_order_of_the_log(bpi2012: RawHistory):
    for table, time in (("stage_changes", "entered_at"), ("activities", "occurred_at")):
        back = (
            f"SELECT count(*) FROM (SELECT {time}::TIMESTAMPTZ < lag({time}::TIMESTAMPTZ) "
            f"OVER (PARTITION BY lead_id ORDER BY source_row) AS is_back FROM raw_{table}) WHERE is_back"
        )
        assert ask(bpi2012, back) == (0,), table
    assert ask(bpi2012, "SELECT max(source_row) FROM raw_leads") == (13_087,)


def test_bpi2012_is_still_open_a_minute_after_submission_for_the_leads_of_the_published_baseline(bpi2012: RawHistory):
    cohort = ask(
        bpi2012,
        """
        SELECT count(*), avg((offered_at <= entered_at + INTERVAL 21 DAY AND offered_at IS NOT NULL)::INTEGER)
        FROM (
            SELECT lead_id,
                min(entered_at::TIMESTAMPTZ) FILTER (stage = 'A_SUBMITTED') AS entered_at,
                min(entered_at::TIMESTAMPTZ) FILTER (stage = 'O_SENT') AS offered_at,
                min(entered_at::TIMESTAMPTZ) FILTER (stage LIKE '% before an offer') AS ended_at
            FROM raw_stage_changes GROUP BY lead_id
        )
        WHERE entered_at BETWEEN '2012-01-12' AND TIMESTAMPTZ '2012-03-14 15:04:54.681+00' - INTERVAL 21 DAY
            AND coalesce(ended_at > entered_at + INTERVAL 1 MINUTE, TRUE)
        """,
    )
    assert cohort[0] == 2_809
    assert cohort[1] == pytest.approx(0.516, abs=0.001)


def test_olist_is_8000_leads_and_842_deals_of_which_one_was_won_before_the_first_contact(olist: RawHistory):
    settings = settings_of("olist")
    assert settings.definitions.first_transition is Transition.MQL_TO_WIN
    assert ask(olist, "SELECT count(*), count(DISTINCT lead_id) FROM raw_leads") == (8_000, 8_000)
    words = dict(asked(olist, "SELECT stage, count(*) FROM raw_stage_changes GROUP BY 1"))
    assert words == {"first contact": 8_000, "won": 842}
    assert set(words) == set(settings.crm.stages)
    unread = "SELECT count(*) FROM raw_stage_changes WHERE try_cast(entered_at AS TIMESTAMP) IS NULL"
    assert ask(olist, unread) == (0,)
    early = (
        "SELECT count(*) FROM raw_stage_changes w JOIN raw_leads l USING (lead_id) "
        "WHERE w.stage = 'won' AND w.entered_at::TIMESTAMP < l.created_at::TIMESTAMP"
    )
    assert ask(olist, early) == (1,)
    assert ask(olist, "SELECT count(DISTINCT landing_page), count(*) - count(source) FROM raw_leads") == (495, 60)
    assert olist.extracted_at.isoformat() == "2018-11-14T18:04:00"


def test_olist_dates_that_cannot_be_read_reach_the_check_as_they_stand(tmp_path: Path, engine: DuckDbEngine):
    (tmp_path / "olist_marketing_qualified_leads_dataset.csv").write_text(
        "mql_id,first_contact_date,landing_page_id,origin\na,01-02-2018,p,social\nb,2018-02-30,p,\n"
    )
    (tmp_path / "olist_closed_deals_dataset.csv").write_text("mql_id,won_date\na,26-02-2018 19:58\nc,soon\n")
    folder = ROOT / "config" / "sources" / "olist"
    history = SqlSource("olist", folder=folder, data_folder=tmp_path).read(engine)
    rows = asked(history, "SELECT lead_id, stage, entered_at FROM raw_stage_changes ORDER BY source_row")
    assert rows == [
        ("a", "first contact", "2018-02-01 00:00:00"),
        ("b", "first contact", "2018-02-30"),
        ("a", "won", "2018-02-26 19:58:00"),
        ("c", "won", "soon"),
    ]
    assert history.extracted_at.isoformat() == "2018-02-26T19:58:00"
