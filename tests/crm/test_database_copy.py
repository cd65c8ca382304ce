import errno
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy

from crm import database_copy
from crm.database_copy import TABLES, CopiedTable, copy_database
from data_contracts.errors import SettingsError, SourceError, SourceUnreachableError, StoreError

LEADS = """
CREATE TABLE "Lead's ""list"" / 2024" ("Record ID" INTEGER, "we""ird: 100 % {x}" REAL, created DATE, "First Name" TEXT,
    Email TEXT, "Email ID" TEXT, Phone TEXT, StageName TEXT, photo BLOB);
INSERT INTO "Lead's ""list"" / 2024" VALUES
    (1, 0.1, '2024-03-01', 'Jane', 'jane@example.com', 'Jane@example.com', '0170 1', 'Köln', x'FF00'),
    (9007199254740993, NULL, 'no date', NULL, NULL, '', NULL, CAST(x'4BF66C6E' AS TEXT), NULL);
CREATE TABLE empty (id INTEGER, source TEXT);
CREATE VIEW won AS SELECT "Record ID" AS id FROM "Lead's ""list"" / 2024" WHERE created LIKE '2024%';
"""


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    return made(tmp_path / "crm.db", LEADS)


def made(path: Path, script: str) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()
    return path


def copied(crm: Path, folder: Path) -> dict[str, CopiedTable]:
    return {table.name: table for table in copy_database(f"sqlite:///{crm}", folder)}


def rows(folder: Path, file: str) -> list[dict[str, str | None]]:
    return pq.read_table(folder / TABLES / file).to_pylist()


def test_every_table_and_view_is_a_file_of_texts_whatever_it_and_its_columns_are_called(crm: Path, tmp_path: Path):
    tables = copied(crm, tmp_path / "copy")
    assert {table.file: table.n_rows for table in tables.values()} == {
        "Lead_s_list_2024.parquet": 2, "empty.parquet": 0, "won.parquet": 1,
    }  # fmt: skip
    first, second = rows(tmp_path / "copy", "Lead_s_list_2024.parquet")
    assert (first["Record ID"], second["Record ID"]) == ("1", "9007199254740993")
    assert (first['we"ird: 100 % {x}'], second['we"ird: 100 % {x}']) == ("0.1", None)
    assert (first["created"], second["created"]) == ("2024-03-01", "no date")
    assert (first["StageName"], second["StageName"]) == ("Köln", "Köln")  # the second in Latin-1
    assert rows(tmp_path / "copy", "won.parquet") == [{"id": "1"}]
    assert pq.read_schema(tmp_path / "copy" / TABLES / "empty.parquet").names == ["id", "source"]


def test_names_phones_and_binaries_are_left_out_and_addresses_keep_their_domain_alone(crm: Path, tmp_path: Path):
    (leads, *_) = copied(crm, tmp_path / "copy").values()
    assert leads.left_out == ("First Name", "Phone", "photo")
    first, second = rows(tmp_path / "copy", leads.file)
    assert first["Email"] == first["Email ID"]  # the same person
    assert str(first["Email"]).endswith("@example.com")
    assert "jane" not in str(first).lower()
    assert (second["Email"], second["Email ID"]) == (None, "")


def test_batches_hold_every_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_copy, "_BATCH_ROWS", 3)
    crm = made(tmp_path / "crm.db", "CREATE TABLE a (id); INSERT INTO a VALUES (1), (2), (3), (4), (5), (6), (7);")
    assert copied(crm, tmp_path / "copy")["a"].n_rows == 7
    assert [row["id"] for row in rows(tmp_path / "copy", "a.parquet")] == list("1234567")
    assert pq.ParquetFile(tmp_path / "copy" / TABLES / "a.parquet").num_row_groups == 3  # never more than 3 in memory


def test_names_that_make_one_file_name_make_several(tmp_path: Path):
    crm = made(tmp_path / "crm.db", 'CREATE TABLE "a-b" (x); CREATE TABLE "a b" (x); CREATE TABLE "_" (x);')
    assert {t.name: t.file for t in copied(crm, tmp_path / "copy").values()} == {
        "_": "table.parquet", "a b": "a_b.parquet", "a-b": "a_b_2.parquet",
    }  # fmt: skip


def test_the_database_is_only_read_and_the_copy_is_the_owners_alone(crm: Path, tmp_path: Path):
    before = crm.read_bytes()
    crm.chmod(0o400)
    copied(crm, tmp_path / "copy")
    assert crm.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"crm.db", "copy"}  # no journal either
    files = [tmp_path / "copy", *(tmp_path / "copy" / TABLES).iterdir()]
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
    with (
        pytest.raises(SourceError, match="attempt to write a readonly database"),
        database_copy._connected(sqlalchemy.make_url(f"sqlite:///{crm}")) as connection,
    ):
        connection.exec_driver_sql("CREATE TABLE mine (x)")


def test_all_tables_are_of_one_moment(tmp_path: Path):
    crm = made(tmp_path / "crm.db", "PRAGMA journal_mode = wal; CREATE TABLE a (x); CREATE TABLE b (x);")

    def somebody_writes(line: str) -> None:
        if line.startswith("copying b"):
            made(crm, "INSERT INTO b VALUES (1);")

    tables = copy_database(f"sqlite:///{crm}", tmp_path / "copy", say=somebody_writes)
    assert [table.n_rows for table in tables] == [0, 0]
    assert copied(crm, tmp_path / "copy")["b"].n_rows == 1


def test_tables_that_cannot_be_read_are_listed_together_and_the_copy_of_before_stands(crm: Path, tmp_path: Path):
    copied(crm, tmp_path / "copy")
    made(crm, 'DROP TABLE empty; CREATE VIEW bad AS SELECT * FROM gone; CREATE VIEW worse AS SELECT abs("x") FROM won;')
    made(crm, "CREATE VIEW late AS SELECT abs(CASE WHEN id = 1 THEN -9223372036854775808 END) AS x FROM won;")
    with pytest.raises(SourceError, match=r"(?s)2 of 5 tables and views.*- bad: no such table.*- late: integer overfl"):
        copied(crm, tmp_path / "copy")
    assert rows(tmp_path / "copy", "won.parquet") == [{"id": "1"}]
    assert rows(tmp_path / "copy", "empty.parquet") == []
    assert len(list((tmp_path / "copy").glob(".version-*"))) == 2 - 1  # and nothing half made beside it


def test_a_full_disk_leaves_the_copy_of_before(crm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    copied(crm, tmp_path / "copy")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(database_copy, "_write", full)
    with pytest.raises(StoreError, match="the disk is full; make room"):
        copied(crm, tmp_path / "copy")
    assert rows(tmp_path / "copy", "won.parquet") == [{"id": "1"}]


def test_a_folder_with_other_files_is_left_alone(crm: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir(mode=0o755)
    (tmp_path / "mine" / "leads.csv").write_text("id\n1\n")
    with pytest.raises(SettingsError, match=r"mine holds files that are no copy"):
        copied(crm, tmp_path / "mine")
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("address", "kind", "says"),
    [
        ("sqlite:///gone.db", SourceError, r"there is no database file .*gone\.db"),
        ("sqlite://", SourceError, "there is no database file"),
        ("nosuch://me:hunter2@host/crm", SettingsError, "there is no dialect 'nosuch'"),
        ("mysql+pymysql://me:hunter2@host/crm", SettingsError, r"driver of mysql\+pymysql is not installed"),
        ("sqlite:/hunter2", SettingsError, "cannot be read; write it like sqlite:///crm.db"),
        ("postgresql://me:hunter2@host:port/crm", SettingsError, "cannot be read; write it like"),
    ],
)
def test_an_address_that_leads_nowhere_says_so_without_a_password(
    address: str, kind: type[Exception], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=says) as raised:
        copy_database(address, tmp_path / "copy")
    assert "hunter2" not in str(raised.value)
    assert not (tmp_path / "copy").exists()


def test_a_file_that_is_no_database_and_one_without_tables_are_refused(tmp_path: Path):
    (tmp_path / "text.db").write_text("id,source\n" * 100)
    with pytest.raises(SourceError, match="file is not a database"):
        copied(tmp_path / "text.db", tmp_path / "copy")
    with pytest.raises(SourceError, match=r"no tables in its default schema; name another one with \?schema=NAME"):
        copied(made(tmp_path / "empty.db", ""), tmp_path / "copy")


@pytest.mark.parametrize("spelt", ["p@ss word", "p%40ss%20word", "p%40ss+word"])
@pytest.mark.parametrize(
    "place", ["postgresql://me:p%40ss%20word@host/crm", "sqlite:///x.db?sslpassword=p%40ss%20word"]
)
def test_a_driver_that_repeats_the_password_is_not_repeated(spelt: str, place: str):
    error = sqlalchemy.exc.OperationalError(
        "SELECT 1", {}, sqlite3.OperationalError(f"no way to me:{spelt}@host\nmore")
    )
    assert database_copy._said(error, sqlalchemy.make_url(place)) == "no way to me:…@host"


def test_a_driver_that_quotes_a_value_of_a_row_is_not_repeated():
    error = sqlalchemy.exc.DataError("SELECT 1", {}, sqlite3.DataError("no number: 'Jane Doe'"))
    assert database_copy._said(error, sqlalchemy.make_url("sqlite:///x.db")) == "no number: …"


def test_a_missing_driver_of_postgresql_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"psycopg is not installed .*pip install '\.\[postgres\]'"):
        copy_database("postgresql://me:hunter2@host/crm", tmp_path / "copy")


def test_a_server_that_does_not_answer_may_answer_later(tmp_path: Path):
    pytest.importorskip("psycopg")
    with pytest.raises(SourceUnreachableError, match=r"does not answer \(.*[Cc]onnection refused") as raised:
        copy_database("postgresql://me:hunter2@127.0.0.1:1/crm", tmp_path / "copy")
    assert "hunter2" not in str(raised.value)


def filled(url: str, statements: Sequence[str]) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
    return url


def test_postgresql_is_copied_from_a_schema_in_its_own_spelling(postgres_url: str, tmp_path: Path):
    filled(
        postgres_url,
        [
            "DROP SCHEMA IF EXISTS crm_copy CASCADE",
            "CREATE SCHEMA crm_copy",
            'CREATE TABLE crm_copy."Lead %" (id uuid, at timestamptz, far timestamp, ok bool, n numeric, '
            "tags text[], j json, photo bytea, phone text)",
            "INSERT INTO crm_copy.\"Lead %\" VALUES ('00000000-0000-0000-0000-000000000001', '2024-03-01 10:00+02',"
            " 'infinity', true, 1.50, '{a,b}', '{\"a\": 1}', 'x', '1')",
            "CREATE TABLE crm_copy.parted (id int) PARTITION BY LIST (id)",
            "CREATE TABLE crm_copy.part_1 PARTITION OF crm_copy.parted FOR VALUES IN (1)",
            "INSERT INTO crm_copy.parted VALUES (1)",
            'CREATE MATERIALIZED VIEW crm_copy.latest AS SELECT id FROM crm_copy."Lead %"',
        ],
    )
    leads, latest, parted = copy_database(f"{postgres_url}&schema=crm_copy", tmp_path / "copy")
    assert (leads.left_out, latest.n_rows, parted.n_rows) == (("photo", "phone"), 1, 1)
    assert rows(tmp_path / "copy", "Lead.parquet") == [
        {"id": "00000000-0000-0000-0000-000000000001", "at": "2024-03-01 08:00:00+00", "far": "infinity", "ok": "true",
         "n": "1.50", "tags": "{a,b}", "j": '{"a": 1}'},
    ]  # fmt: skip


def test_a_view_of_postgresql_that_fails_midway_hides_no_other_problem(postgres_url: str, tmp_path: Path):
    filled(
        postgres_url,
        [
            "DROP SCHEMA IF EXISTS crm_bad CASCADE",
            "CREATE SCHEMA crm_bad",
            "CREATE TABLE crm_bad.n AS SELECT generate_series(1, 12000) AS id",
            "CREATE VIEW crm_bad.a AS SELECT 1 / (11000 - id) AS x FROM crm_bad.n",
            "CREATE SEQUENCE crm_bad.s",
            "CREATE VIEW crm_bad.b AS SELECT nextval('crm_bad.s') AS x",
        ],
    )
    with pytest.raises(
        SourceError, match=r"(?s)2 of 3 .*- a: division by zero\n.*- b: cannot execute nextval\(\) in a read"
    ):
        copy_database(f"{postgres_url}&schema=crm_bad", tmp_path / "copy")
