from pathlib import Path

import duckdb
import pytest

from crm.recognise import look_at
from data_contracts.errors import SourceError
from tests.crm.recognise.exports_by_hand import written


def columns(folder: Path, table: int = 0) -> list[str]:
    return [column.name for column in look_at(folder).tables[table].columns]


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_what_stands_between_values_is_told_by_the_lines(tmp_path: Path, between: str):
    lines = [["id", "text"], ["1", '"a,b;c"'], ["2", "d"]]
    written(tmp_path, {"a.csv": "\n".join(between.join(line) for line in lines) + "\n"})
    (table,) = look_at(tmp_path).tables
    assert (table.n_rows, [column.name for column in table.columns]) == (2, ["id", "text"])


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid;x\r\n1;2\r\n")
    assert columns(tmp_path) == ["id", "x"]


def test_a_file_that_is_not_utf8_is_read_as_latin_1_and_its_select_says_so(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes("id,ort\n1,Köln\n".encode("latin-1"))
    (table,) = look_at(tmp_path).tables
    assert table.column("ort").words == (("Köln", 1),)
    assert "encoding = 'latin-1'" in table.reader


def test_a_folder_of_parts_is_one_table_and_lines_of_json_are_one(tmp_path: Path):
    for part in (1, 2):
        (tmp_path / "acts").mkdir(exist_ok=True)
        duckdb.sql(f"SELECT {part} AS id, 'call' AS type").write_parquet(str(tmp_path / "acts" / f"{part}.parquet"))
    written(tmp_path, {"fields.jsonl": '{"a": 1}\n{"a": 2, "b": "x"}\n'})
    told = {table.name: (table.file, table.n_rows) for table in look_at(tmp_path).tables}
    assert told == {"acts": ("acts/*.parquet", 2), "fields": ("fields.jsonl", 2)}


@pytest.mark.parametrize("name", ["it's.csv", 'a"b.csv', "a*.csv", "a[1].csv", "{data_folder}.csv", "a\nb.csv"])
def test_a_file_whose_name_no_select_could_hold_is_passed_over_with_the_reason(tmp_path: Path, name: str):
    written(tmp_path, {name: "id\n1\n", "good.csv": "id,x\n1,2\n"})
    export = look_at(tmp_path)
    assert [table.name for table in export.tables] == ["good"]
    ((file, why),) = export.passed_over
    assert file == name
    assert "rename it" in why


def test_a_column_may_be_called_anything(tmp_path: Path):
    name = 'x""; DROP TABLE t0; --\n'
    written(tmp_path, {"a.csv": f'id,"{name}"\n1,2\n'})
    assert columns(tmp_path) == ["id", 'x"; DROP TABLE t0; --\n']


def test_a_line_with_too_many_values_is_an_error_and_no_row_is_lost(tmp_path: Path):
    written(tmp_path, {"a.csv": "id,x\n1,2\n3,4,5\n"})
    with pytest.raises(SourceError, match=r"a\.csv: line 3.* has 3 values where the header has 2"):
        look_at(tmp_path)


def test_a_folder_without_a_table_says_what_is_in_it(tmp_path: Path):
    written(tmp_path, {"deals.xlsx": "PK", "empty.csv": ""})
    with pytest.raises(SourceError, match=r"no CSV, Parquet or JSON.*deals\.xlsx: .*empty\.csv: it is empty"):
        look_at(tmp_path)
    with pytest.raises(SourceError, match="there is no data folder"):
        look_at(tmp_path / "gone")


def test_values_tell_numbers_times_words_and_persons(tmp_path: Path):
    written(
        tmp_path, {"a.csv": "n,t,w,p\n" + "".join(f"{i}.5,2024-01-{i:02d},w{i % 2},a{i}@x.com\n" for i in range(1, 9))}
    )
    n, t, w, p = look_at(tmp_path).tables[0].columns
    assert n.is_number
    assert t.times is not None
    assert not t.times.has_clock
    assert [word for word, _ in w.words] == ["w0", "w1"]
    assert (p.is_personal, w.is_personal, t.is_personal) == (True, False, False)
