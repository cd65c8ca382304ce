"""A copy of the CRM that lives in the database of the history: its SELECTs are PostgreSQL's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.sql_source import SqlSource
from data_contracts.errors import SourceError
from data_contracts.settings import Settings, StoreSettings, load_settings
from engines.duckdb import DuckDbEngine
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate
from tests.some_engines import require_spark

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What 300 leads of the simulated CRM left in files."""
    folder = tmp_path_factory.mktemp("crm")
    simulate(folder, n_leads=300, seed=5)
    return folder


@pytest.fixture
def on_files(export: Path, tmp_path: Path) -> Settings:
    """Settings for the files, with DuckDB."""
    settings = load_settings(ROOT / "config/scoring.toml", data_folder=export)
    crm = settings.crm.model_copy(update={"sources_folder": ROOT / "config" / "sources"})
    return settings.model_copy(update={"crm": crm, "store": StoreSettings(folder=tmp_path / "files")})


@pytest.fixture
def in_database(on_files: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The same for a copy in PostgreSQL; there is no folder of files."""
    pytest.importorskip("psycopg")
    monkeypatch.setenv("LEADSCORE_POSTGRES_URL", postgres_url)
    sources = tmp_path / "sources"
    (sources / "simulated").mkdir(parents=True)
    for name, select in copied(on_files, postgres_url):
        (sources / "simulated" / f"{name}.sql").write_text(select)
    crm = {"sources_folder": sources, "data_folder": tmp_path / "no files"}
    engine = {"kind": "postgres", "selects": "engine", "postgres_schema": "of_the_copy"}
    return on_files.model_copy(
        update={
            "crm": on_files.crm.model_copy(update=crm),
            "store": StoreSettings(folder=tmp_path / "database"),
            "engine": on_files.engine.model_copy(update=engine),
        }
    )


def copied(settings: Settings, url: str) -> Iterator[tuple[str, str]]:
    """Copies the files into the schema `crm_copy`, and gives a SELECT for each canonical table."""
    from engines.postgres import PostgresEngine

    reader, database = DuckDbEngine.opened(), PostgresEngine.opened(url, schema="crm_copy")
    folder = settings.crm.sources_folder / "simulated"
    raw = SqlSource("simulated", folder=folder, data_folder=settings.crm.data_folder).read(reader)
    for name, table in raw.tables.items():
        kept = database.keep(name, table.drop("source_row").to_pyarrow())
        yield name, f"SELECT {', '.join(kept.columns)} FROM crm_copy.{name} -- the copy"
    yield "extracted_at", f"SELECT TIMESTAMPTZ '{raw.extracted_at.isoformat()}+00'"
    database.close()
    reader.close()


def test_the_copy_gives_the_history_of_the_files(on_files, in_database):
    from_files, from_copy = ingest_history(on_files), ingest_history(in_database)
    assert from_copy.fingerprint == from_files.fingerprint
    assert [(t.table, t.accepted, t.refused, t.breaches) for t in from_copy.tables] == [
        (t.table, t.accepted, t.refused, t.breaches) for t in from_files.tables
    ]
    with Store.of(in_database).checked_history() as checked:
        assert checked.history.leads.count().to_pyarrow().as_py() > 250
    assert len(Store.of(in_database).quarantined(rule="", limit=3)) == 3


def test_a_select_that_the_engine_refuses_is_named_without_what_it_read(in_database):
    select = in_database.crm.sources_folder / "simulated" / "leads.sql"
    select.write_text("SELECT lead_id::int AS lead_id, created_at FROM crm_copy.leads")
    with pytest.raises(SourceError, match=r"leads \(.*leads\.sql\): postgres refuses it \(InvalidTextRep") as caught:
        ingest_history(in_database)
    assert "L-0" not in str(caught.value), "the engine's words quote the value"


def test_a_select_over_files_still_needs_their_folder(in_database):
    select = in_database.crm.sources_folder / "simulated" / "leads.sql"
    select.write_text("SELECT * FROM read_csv('{data_folder}/leads.csv')")
    with pytest.raises(SourceError, match="there is no data folder"):
        ingest_history(in_database)


@pytest.fixture
def on_spark(on_files: Settings, export: Path, tmp_path: Path) -> Settings:
    """The same for Parquet files that Spark reads itself."""
    require_spark()
    sources, data = tmp_path / "spark_sources", tmp_path / "parquet"
    (sources / "simulated").mkdir(parents=True)
    data.mkdir()
    reader = DuckDbEngine.opened()
    raw = SqlSource(
        "simulated", folder=on_files.crm.sources_folder / "simulated", data_folder=on_files.crm.data_folder
    ).read(reader)
    for name, table in raw.tables.items():
        table.drop("source_row").to_parquet(data / f"{name}.parquet")
        (sources / "simulated" / f"{name}.sql").write_text(f"SELECT * FROM parquet.`{{data_folder}}/{name}.parquet`")
    moment = f"SELECT TIMESTAMP '{raw.extracted_at.isoformat(sep=' ')}'"
    (sources / "simulated" / "extracted_at.sql").write_text(moment)
    reader.close()
    crm = {"sources_folder": sources, "data_folder": data}
    engine = {"kind": "spark", "selects": "engine"}
    return on_files.model_copy(
        update={
            "crm": on_files.crm.model_copy(update=crm),
            "store": StoreSettings(folder=tmp_path / "spark"),
            "engine": on_files.engine.model_copy(update=engine),
        }
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Spark's own
def test_parquet_files_that_spark_reads_give_the_history_of_the_files(on_files, on_spark):
    from_files, on_workers = ingest_history(on_files), ingest_history(on_spark)
    assert on_workers.fingerprint == from_files.fingerprint
    assert [(t.table, t.accepted, t.refused, t.breaches) for t in on_workers.tables] == [
        (t.table, t.accepted, t.refused, t.breaches) for t in from_files.tables
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Spark's own
def test_a_file_that_spark_would_read_and_is_not_there_is_named(on_spark):
    (on_spark.crm.data_folder / "leads.parquet").unlink()
    with pytest.raises(SourceError, match=r"there is no file .*leads\.parquet; export it"):
        ingest_history(on_spark)
