"""What the engine says about a SELECT, in words that help and hold no value of any row."""

import traceback
from pathlib import Path

import duckdb
import pytest

from crm.select_errors import Select, explained
from crm.sql_source import SqlSource
from data_contracts.errors import SourceError, SourceUnreachableError, StoreError
from data_contracts.privacy import MASKED
from engines.duckdb import DuckDbEngine
from tests.crm.test_sql_source import CSV, source, write_select  # noqa: F401  (a fixture)

GOOD = "Jane,jane@example.com\n"


def refusal(of: SqlSource, engine: DuckDbEngine) -> SourceError:
    with pytest.raises(SourceError) as caught:
        of.read(engine)
    return caught.value


def refused_csv(of: SqlSource, engine: DuckDbEngine, content: str | bytes) -> str:
    """What is said about a `leads.csv` with this content; never a word of it."""
    as_bytes = content if isinstance(content, bytes) else content.encode()
    (of.data_folder / "leads.csv").write_bytes(as_bytes)
    problem = refusal(of, engine)
    assert not problem.may_pass
    message = "".join(traceback.format_exception(problem))
    assert "jane" not in message.lower()
    assert "bob" not in message.lower()
    return message


@pytest.mark.parametrize(("line", "found"), [("Bob", 1), ("Bob,bob@example.com,3", 3)])
@pytest.mark.parametrize("n_before", [1, 30_000])
def test_a_line_of_another_width_is_named_with_the_numbers_of_values(source, engine, line, found, n_before):  # noqa: F811
    message = refused_csv(source, engine, f"lead_id,created_at\n{GOOD * n_before}{line}\n")
    assert f"line {n_before + 2:,} of " in message
    assert f"leads.csv has {found} values where the header has 2; give every line as many values" in message


@pytest.mark.parametrize("n_before", [0, 30_000])
def test_a_line_in_another_encoding_is_named(source, engine, n_before):  # noqa: F811
    message = refused_csv(source, engine, f"lead_id,created_at\n{GOOD * n_before}José Bob,x\n".encode("latin-1"))
    assert f"line {n_before + 2:,} of " in message
    assert "leads.csv is not utf-8 encoded; save the file as UTF-8" in message


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        ("lead_id,created_at\r\nJane,1\nBob,2\r\n", "2 CR LF, 1 LF"),
        ("lead_id,created_at\nJane,1\nBob,2\rJane,3\n", "3 LF, 1 CR"),
        (f"lead_id,created_at\n{GOOD * 30_000}Bob,2\rJane,3\n", "30,002 LF, 1 CR"),
    ],
)
def test_mixed_line_ends_get_advice_about_line_ends(source, engine, content, kinds):  # noqa: F811
    message = refused_csv(source, engine, content)
    assert f"its lines end in different ways ({kinds}); save it with one kind of line end" in message


def test_a_blank_first_line_is_refused_because_the_header_would_be_data(source, engine):  # noqa: F811
    message = refused_csv(source, engine, "\r\nlead_id,created_at\r\nJane,1\r\n")
    assert "the first line of " in message
    assert "leads.csv is blank" in message
    assert "let the file begin with its header" in message
    skipping = CSV.replace("skip = 0", "skip = 1")
    write_select(source, "leads", f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {skipping})")
    assert source.read(engine).tables["leads"].columns == ("lead_id", "created_at", "source_row")


def test_a_value_that_does_not_fit_a_guessed_type_is_told_by_line_and_column(source, engine):  # noqa: F811
    write_select(source, "leads", "SELECT * FROM read_csv('{data_folder}/leads.csv', header = true)")
    message = refused_csv(source, engine, "lead_id,created_at\n" + "1,2026-01-01\n" * 30_000 + "jane@example.com,x\n")
    assert "line 30,002 of " in message
    assert "the value of column 'lead_id' does not fit its type; read it as text (all_varchar = true)" in message


@pytest.mark.parametrize("cast", ["lead_id::INTEGER", "strptime(lead_id, '%Y')"])
def test_a_cast_that_fails_quotes_no_value(source, engine, cast):  # noqa: F811
    write_select(source, "leads", f"SELECT {cast} AS lead_id FROM read_csv('{{data_folder}}/leads.csv', {CSV})")
    message = refused_csv(source, engine, "lead_id,created_at\nJane O'Brien,1\n")
    assert "Could not" in message
    assert "Brien" not in message


def test_a_wrong_column_is_named_with_its_place_and_the_columns_of_the_file(source, engine):  # noqa: F811
    select = "\n-- comment\nSELECT\n  lead_id,\n  created AS created_at\n"
    write_select(source, "leads", f"{select}FROM read_csv('{{data_folder}}/leads.csv', {CSV})")
    message = str(refusal(source, engine))
    assert 'leads.sql): Binder Error: Referenced column "created" not found' in message
    assert "(line 5, column 3)" in message
    assert "; leads.csv has lead_id, created_at; correct the SELECT, or export the column it asks for" in message


def test_the_place_is_that_in_the_file_whatever_the_data_folder_is_called(source, engine):  # noqa: F811
    select = f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {CSV}) WHERE created = 1"
    write_select(source, "leads", select)
    assert f"(line 1, column {select.index('created = 1') + 1})" in str(refusal(source, engine))


def test_the_header_of_a_file_without_one_is_masked_where_it_is_personal(source, engine):  # noqa: F811
    write_select(source, "leads", f"SELECT lead_id FROM read_csv('{{data_folder}}/leads.csv', {CSV})")
    message = refused_csv(source, engine, "L1,jane@example.com\nL2,bob@example.com\n")
    assert f"leads.csv has L1, {MASKED}; correct" in message


@pytest.mark.parametrize(
    "error",
    [
        duckdb.IOException('IO Error: Unable to connect to Postgres at "host=db password=hush": Connection refused'),
        duckdb.IOException("IO Error: Could not establish connection error for HTTP HEAD to 'https://x/y?token=hush'"),
        duckdb.HTTPException("HTTP Error: HTTP GET error on 'https://x/y?token=hush' (HTTP 503)"),
    ],
)
def test_what_does_not_answer_for_now_may_pass(engine, error):
    problem = explained(error, Select("leads (leads.sql)", "SELECT 1", Path("data")), engine.backend)
    assert isinstance(problem, SourceUnreachableError)
    assert problem.may_pass
    assert str(problem).startswith("leads (leads.sql): what it reads from does not answer (")
    assert str(problem).endswith("; run again later")
    assert "hush" not in str(problem)


@pytest.mark.parametrize(
    "error",
    [
        duckdb.HTTPException("HTTP Error: HTTP GET error on 'https://x/y?token=hush' (HTTP 404)"),
        duckdb.IOException('IO Error: No files found that match the pattern "/x?token=hush"'),
        duckdb.BinderException('Binder Error: Referenced column "timeout" not found: connection refused'),
    ],
)
def test_what_a_person_has_to_mend_does_not_pass(engine, error):
    problem = explained(error, Select("leads (leads.sql)", "SELECT 1", Path("data")), engine.backend)
    assert not isinstance(problem, SourceUnreachableError)
    assert not problem.may_pass
    assert "hush" not in str(problem)


def test_a_source_may_pass_only_where_nothing_is_left_to_mend(source, engine, monkeypatch):  # noqa: F811
    def without_answer(error, select, engine):
        return SourceUnreachableError(f"{select.where}: no answer")

    monkeypatch.setattr("crm.sql_source.explained", without_answer)
    write_select(source, "leads", "SELEC 1")
    assert isinstance(refusal(source, engine), SourceUnreachableError)
    (source.data_folder / "stages.csv").unlink()
    assert not refusal(source, engine).may_pass


def test_a_disk_that_is_full_while_reading_is_no_mistake_in_the_select(source, tmp_path):  # noqa: F811
    engine = DuckDbEngine.opened(tmp_path / "history.duckdb", memory_limit="60MB")
    engine.backend.con.execute("SET max_temp_directory_size = '1MB'; SET threads = 1")
    write_select(source, "leads", "SELECT md5(i::VARCHAR) AS lead_id FROM range(3_000_000) AS r(i) ORDER BY lead_id")
    with pytest.raises(StoreError, match=r"the disk is full: [\d.]+ GB are free"):
        source.read(engine)
