import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm.sql_source import SqlSource
from data_contracts.errors import SourceError
from engines.duckdb import DuckDbEngine
from tests.crm.asking import asked

CSV = "all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', skip = 0, comment = ''"
LEADS = "lead_id,created_at\nL1,2026-01-01\nL2,soon\n"
STAGES = "lead_id,stage,entered_at\nL1,mql,2026-01-02\n"


@pytest.fixture
def source(tmp_path: Path) -> SqlSource:
    """A small source whose data folder has a quote in its name."""
    made = SqlSource("small", folder=tmp_path / "sources", data_folder=tmp_path / "what 'they' sent")
    made.folder.mkdir()
    made.data_folder.mkdir()
    (made.data_folder / "leads.csv").write_text(LEADS)
    (made.data_folder / "stages.csv").write_text(STAGES)
    write_select(made, "leads", f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {CSV})")
    write_select(made, "stage_changes", f"SELECT * FROM read_csv('{{data_folder}}/stages.csv', {CSV})")
    write_select(made, "extracted_at", "SELECT TIMESTAMP '2026-02-01 00:00:00'")
    return made


def write_select(source: SqlSource, name: str, select: str) -> None:
    (source.folder / f"{name}.sql").write_text(select)


def rows(history, table: str) -> list[tuple]:
    return asked(history, f"SELECT source_row, * EXCLUDE (source_row) FROM raw_{table} ORDER BY source_row")


def tables(engine: DuckDbEngine) -> list[str]:
    query = "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1"
    return [row[0] for row in engine.backend.con.execute(query).fetchall()]


def test_rows_come_as_text_numbered_in_source_order(source: SqlSource, engine: DuckDbEngine):
    history = source.read(engine)
    assert rows(history, "leads") == [(1, "L1", "2026-01-01"), (2, "L2", "soon")]
    assert history.extracted_at == dt.datetime.fromisoformat("2026-02-01")
    assert (set(history.tables), history.source) == ({"leads", "stage_changes"}, "small")


def test_source_rows_follow_a_large_file_that_is_read_in_parallel(source: SqlSource, engine: DuckDbEngine):
    numbers = pa.table({"lead_id": pa.array(range(400_000)).cast(pa.string())})
    pq.write_table(numbers, source.data_folder / "leads.parquet", row_group_size=10_000)
    write_select(source, "leads", "SELECT * FROM read_parquet('{data_folder}/leads.parquet')")
    history = source.read(engine)
    out_of_order = "SELECT count(*) FROM raw_leads WHERE lead_id::BIGINT + 1 <> source_row"
    assert asked(history, out_of_order)[0] == (0,)


def test_a_semicolon_and_a_comment_at_the_end_of_a_select_are_no_error(source: SqlSource, engine: DuckDbEngine):
    write_select(source, "leads", f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {CSV}) -- all of them\n;\n")
    assert len(rows(source.read(engine), "leads")) == 2


def test_reading_again_gives_what_is_there_then(source: SqlSource, engine: DuckDbEngine):
    write_select(source, "spend", "SELECT 1 AS amount")
    assert "spend" in source.read(engine).tables
    (source.folder / "spend.sql").unlink()
    (source.data_folder / "leads.csv").write_text(LEADS + "L3,2026-01-03\n")
    history = source.read(engine)
    assert set(history.tables) == {"leads", "stage_changes"}
    assert len(rows(history, "leads")) == 2 + 1


def test_what_is_looked_up_is_read_from_the_files_and_not_kept(source: SqlSource, engine: DuckDbEngine):
    history = source.look_up(engine)
    assert (history.extracted_at, tables(engine)) == (dt.datetime.fromisoformat("2026-02-01"), [])
    (source.data_folder / "leads.csv").write_text(LEADS + "L3,2026-01-03\n")
    assert history.tables["leads"].lead_id.to_pyarrow().to_pylist() == ["L1", "L2", "L3"]


def test_an_edited_select_has_another_digest_and_the_same_one_the_same(source: SqlSource, engine: DuckDbEngine):
    first = source.read(engine).select_digests
    assert set(first) == {"leads", "stage_changes"}
    write_select(source, "leads", f"SELECT *, 1 AS x FROM read_csv('{{data_folder}}/leads.csv', {CSV})")
    second = source.read(engine).select_digests
    assert (second["leads"] != first["leads"], second["stage_changes"]) == (True, first["stage_changes"])


@pytest.mark.parametrize("type_name", ["TIMESTAMPTZ", ""])
def test_a_time_of_extract_with_an_offset_becomes_utc(source: SqlSource, engine: DuckDbEngine, type_name: str):
    write_select(source, "extracted_at", f"SELECT {type_name} '2026-02-01 01:30:00+02:00'")
    assert source.read(engine).extracted_at == dt.datetime.fromisoformat("2026-01-31T23:30")


@pytest.mark.parametrize(
    "select",
    ["SELECT NULL", "SELECT DATE '2026-02-01', DATE '2026-02-02'", "SELECT TIMESTAMP '2026-02-01' FROM range(2)"],
)
def test_a_time_of_extract_that_is_not_one_time_is_refused(source: SqlSource, engine: DuckDbEngine, select: str):
    write_select(source, "extracted_at", select)
    with pytest.raises(SourceError, match=r"extracted_at .* gives .*; make it one row with one time"):
        source.read(engine)


@pytest.mark.parametrize("line", ["L3", "L3,2026-01-03,x"])
@pytest.mark.parametrize("n_before", [0, 1, 3, 30_000])
def test_a_line_with_too_few_or_too_many_values_is_an_error(
    source: SqlSource, engine: DuckDbEngine, line: str, n_before: int
):
    good = "L0,2026-01-01\n"
    (source.data_folder / "leads.csv").write_text(f"lead_id,created_at\n{good * n_before}{line}\n{good * 2}")
    with pytest.raises(SourceError, match=r"leads \(.*leads\.sql\): .*; give every line as many values as the header"):
        source.read(engine)


def test_a_line_that_looks_like_a_comment_is_a_row(source: SqlSource, engine: DuckDbEngine):
    (source.data_folder / "leads.csv").write_text("lead_id,created_at\n#1,2026-01-01\nL2,2026-01-02\n")
    assert [row[1] for row in rows(source.read(engine), "leads")] == ["#1", "L2"]


def test_a_file_in_another_encoding_is_an_error_that_says_how_to_name_it(source: SqlSource, engine: DuckDbEngine):
    (source.data_folder / "leads.csv").write_text("lead_id,created_at\nJosé,2026-01-01\n", encoding="latin-1")
    with pytest.raises(SourceError, match=r"leads .* not utf-8 encoded.*encoding = 'latin-1'"):
        source.read(engine)
    encoded = CSV + ", encoding = 'latin-1'"
    write_select(source, "leads", f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {encoded})")
    assert rows(source.read(engine), "leads")[0][1] == "José"


def test_the_problems_of_all_tables_are_listed_at_once_and_no_table_is_left(source: SqlSource, engine: DuckDbEngine):
    write_select(source, "accounts", "SELECT * FROM read_csv('{data_folder}/accounts.csv')")
    write_select(source, "activities", "SELECT * FROM read_csv('{data_folder}/activities.csv')")
    write_select(source, "opportunities", "SELEC 1")
    write_select(source, "spend", "SELECT budget FROM read_csv('{data_folder}/leads.csv')")
    write_select(source, "attribute_changes", "SELECT 1 AS source_row")
    (source.data_folder / "activities.csv").write_text("")
    with pytest.raises(SourceError) as caught:
        source.read(engine)
    lines = str(caught.value).splitlines()
    assert lines[0] == "source 'small' cannot be read, 5 problem(s):"
    assert "accounts.csv; export it, or delete the .sql" in lines[1]
    assert "activities.csv is empty (0 bytes); export it again" in lines[2]
    assert "opportunities.sql): Parser Error" in lines[3]
    assert "gives a column source_row, which is ours" in lines[4]
    assert 'spend.sql): Binder Error: Referenced column "budget" not found' in lines[5]
    assert len(lines) == 1 + 5
    assert tables(engine) == []


def test_what_is_wrong_with_the_folders_is_listed_at_once(source: SqlSource, engine: DuckDbEngine):
    (source.folder / "stage_changes.sql").unlink()
    write_select(source, "contacts", "SELECT 1")
    write_select(source, "spend", " \n")
    (source.folder / "accounts.sql").write_text("SELECT 'José'", encoding="latin-1")
    lost = SqlSource("small", folder=source.folder, data_folder=source.data_folder / "nowhere")
    with pytest.raises(SourceError) as caught:
        lost.read(engine)
    message = str(caught.value)
    assert "'contacts' is not a canonical table; name the file after one of accounts, leads, activities," in message
    assert "stage_changes.sql is missing; every source needs it" in message
    assert "nowhere; export into it, or say with --data where it is" in message
    assert "accounts.sql is not UTF-8" in message
    assert "spend.sql is empty; write a SELECT or delete it" in message
    assert "5 problem(s)" in message


def test_a_missing_source_folder_is_an_error(source: SqlSource, engine: DuckDbEngine):
    with pytest.raises(SourceError, match=r"there is no folder .*elsewhere; make it and put in <table>\.sql"):
        SqlSource("small", folder=source.folder / "elsewhere", data_folder=source.data_folder).read(engine)


def test_a_required_table_without_rows_is_an_error(source: SqlSource, engine: DuckDbEngine):
    (source.data_folder / "leads.csv").write_text("lead_id,created_at\n")
    with pytest.raises(SourceError, match=r"leads .*: there are no rows; look into the exported files"):
        source.read(engine)
