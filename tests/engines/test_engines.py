"""What every engine promises: the same meaning of every operation."""

import datetime as dt
import hashlib
import math
import random

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from data_contracts.ports import Engine
from engines.duckdb import DuckDbEngine

ROWS = pa.table(
    {
        "name": pa.array(["b", "a", None, "", 'say "x", y\n', "ü\\N"]),
        "n": pa.array([1, 2, None, 4, 5, 6], pa.int64()),
        "share": pa.array([0.1, 1 / 3, None, math.inf, 1e-300, -0.0]),
        "at": pa.array(
            [dt.datetime(2024, 2, 29, 1, 2, 3, 456789), None, *[dt.datetime(1999, 1, 1)] * 4], pa.timestamp("us")
        ),
        "is_new": pa.array([True, False, None, True, True, False]),
    }
)


def rows_of(table):
    return sorted((tuple(row.values()) for row in table.to_pyarrow().to_pylist()), key=repr)


@pytest.mark.parametrize("shape", ["table", "reader", "expression"])
def test_what_is_kept_comes_back_as_it_was(engine: Engine, shape):
    given = {"table": ROWS, "reader": pa.RecordBatchReader.from_batches(ROWS.schema, ROWS.to_batches(max_chunksize=2))}
    rows = given[shape] if shape in given else engine.keep("given", ROWS).mutate(twice=ibis._.n * 2).drop("twice")
    kept = engine.keep("kept", rows)
    assert rows_of(kept) == sorted((tuple(row.values()) for row in ROWS.to_pylist()), key=repr)
    assert kept.schema().to_pyarrow().remove_metadata() == ROWS.schema
    assert rows_of(engine.table("kept")) == rows_of(kept)
    assert "kept" in engine.tables()


def test_a_table_may_be_kept_in_the_place_of_what_it_is_made_from(engine: Engine):
    kept = engine.keep("mine", pa.table({"n": [1, 2, 3]}))
    again = engine.keep("mine", kept.filter(kept.n > 1))
    assert rows_of(again) == [(2,), (3,)]


def test_a_table_without_rows_keeps_its_columns(engine: Engine):
    kept = engine.keep("nothing", ROWS.schema.empty_table())
    assert rows_of(kept) == []
    assert kept.columns == tuple(ROWS.schema.names)


def test_what_is_kept_for_now_is_forgotten_and_no_kept_table(engine: Engine):
    kept = engine.keep("lasting", pa.table({"n": [1, 2, 3]}))
    for_now = engine.keep_for_now("passing", kept.filter(kept.n > 1))
    for_now = engine.keep_for_now("passing", for_now.filter(for_now.n > 2))
    assert rows_of(for_now) == [(3,)]
    assert "passing" not in engine.tables()
    engine.forget()
    with pytest.raises(Exception, match=r"(?i)passing|for_now"):
        rows_of(for_now)
    assert rows_of(kept) == [(1,), (2,), (3,)]
    engine.forget()


def test_only_what_is_named_is_forgotten(engine: Engine):
    lasting = engine.keep("lasting", pa.table({"n": [1, 2, 3]}))
    one, other = (engine.keep_for_now(name, lasting.filter(lasting.n > 1)) for name in ("one", "other"))
    engine.forget(one.filter(one.n > 2), lasting)
    with pytest.raises(Exception, match=r"(?i)one|for_now"):
        rows_of(one)
    assert rows_of(other) == [(2,), (3,)]
    assert rows_of(lasting) == [(1,), (2,), (3,)]
    engine.forget()


def test_what_is_dropped_is_gone_and_a_name_that_nothing_bears_is_left_alone(engine: Engine):
    engine.keep("one", pa.table({"n": [1]}))
    engine.drop("one", "never was")
    assert "one" not in engine.tables()


def test_rows_get_the_same_numbers_whichever_way_they_are_numbered(engine: Engine):
    kept = engine.keep(
        "to_number", pa.table({"x": [f"x{n * 7919 % 1000}" for n in range(1000)], "y": [n % 3 for n in range(1000)]})
    )
    numbered = engine.keep_numbered("numbered", kept)
    assert numbered.columns == ("x", "y", "source_row")
    assert engine.numbered(kept).columns == ("source_row", "x", "y")
    again = engine.numbered(kept).select("x", "y", "source_row")
    assert rows_of(numbered) == rows_of(again)
    numbers = sorted(number for *_, number in rows_of(numbered))
    assert len(set(numbers)) == 1000
    assert numbers[0] == 1
    assert numbered.schema()["source_row"] == ibis.dtype("int64") or not numbered.schema()["source_row"].nullable
    engine.forget()


def test_rows_are_streamed_in_order_and_in_several_batches(engine: Engine):
    n = 150_000
    kept = engine.keep("many", pa.table({"n": range(n), "text": ["x" * 20] * n}))
    batches = list(engine.stream(kept.order_by("n")))
    assert [value for batch in batches for value in batch["n"].to_pylist()] == list(range(n))
    assert len(batches) > 1 or engine.kind == "duckdb"
    assert batches[0].schema.names == ["n", "text"]
    assert rows_of(ibis.memtable(pa.Table.from_batches(engine.stream(engine.keep("kept", ROWS))))) == rows_of(
        engine.table("kept")
    )


def test_nothing_to_stream_is_no_error(engine: Engine):
    assert sum(batch.num_rows for batch in engine.stream(engine.keep("empty", ROWS.schema.empty_table()))) == 0


def test_the_sum_of_digests_is_that_of_the_last_eight_bytes_lowest_first(engine: Engine):
    texts = ["", "abc", "ü", "x\x1fy\x1e", *(f"row {n}" for n in range(500)), "abc"]
    kept = engine.keep("texts", pa.table({"x": [*texts, None]}))
    found = kept.aggregate(n=engine.sum_of_digests(kept.x)).to_pyarrow().to_pylist()[0]["n"]
    digests = [hashlib.md5(text.encode()).digest() for text in texts]  # noqa: S324
    assert int(found) == sum(int.from_bytes(digest[8:], "little") for digest in digests)


def test_a_text_has_its_place_on_every_engine(engine: Engine):
    texts = ["", "abc", "ü", *(f"account {n}" for n in range(500))]
    kept = engine.keep("texts", pa.table({"x": texts}))
    found = kept.select("x", place=engine.place_of(kept.x)).to_pyarrow().to_pylist()
    digests = {text: hashlib.md5(text.encode()).digest() for text in texts}  # noqa: S324
    wanted = {text: int.from_bytes(digest[8:], "little") % 1_000_000 / 1e6 for text, digest in digests.items()}
    assert {row["x"]: row["place"] for row in found} == pytest.approx(wanted, abs=1e-12)
    assert 0.4 < sum(wanted.values()) / len(wanted) < 0.6


def tripled(rows: pa.Table) -> pa.Table:
    return pa.table({"n": pc.multiply(rows["n"], 3), "at": rows["at"]})


def test_a_function_of_a_batch_is_mapped_into_files(engine: Engine, tmp_path):
    times = [dt.datetime(2026, 1, 1 + n % 28) for n in range(1000)]
    kept = engine.keep("many", pa.table({"n": range(1000), "at": pa.array(times, pa.timestamp("us"))}))
    schema = pa.schema({"n": pa.int64(), "at": pa.timestamp("us")})
    (tmp_path / "mapped").mkdir()
    told = list(engine.map_batches(kept, tripled, schema=schema, order_by="n", into=tmp_path / "mapped"))
    found = pq.read_table(tmp_path / "mapped", schema=schema).sort_by("n")
    assert found["n"].to_pylist() == [3 * n for n in range(1000)]
    assert found["at"].to_pylist() == times
    assert told[-1] == 1000


ACCEPTED = {
    "2024-02-29": "2024-02-29 00:00:00",
    "2024/2/9": "2024-02-09 00:00:00",
    "2000-02-29": "2000-02-29 00:00:00",
    "2024-02-29 9:05": "2024-02-29 09:05:00",
    "2024-02-29T09:05:07": "2024-02-29 09:05:07",
    "2024-02-29   09:05:07": "2024-02-29 09:05:07",
    "2024-02-29T23:59:59.9999999": "2024-02-29 23:59:59.999999",
    "2024-02-29 09:05:07.5Z": "2024-02-29 09:05:07.500000",
    "2024-02-29T09:05Z": "2024-02-29 09:05:00",
    "2024-02-29 09:05:07+01": "2024-02-29 08:05:07",
    "2024-02-29 09:05:07-0130": "2024-02-29 10:35:07",
    "2024-03-01T00:05+00:30": "2024-02-29 23:35:00",
    "2024-02-29 09:05:07 UTC": "2024-02-29 09:05:07",
    "2024-02-29 09:05:07UTC": "2024-02-29 09:05:07",
    "2024-02-29 09:24:05 UTC": "2024-02-29 09:24:05",
    "0999-01-01": None,
    "9999-12-31 23:59:59.999999": "9999-12-31 23:59:59.999999",
}
REFUSED = (
    "",
    " ",
    "soon",
    "epoch",
    "infinity",
    "now",
    "today",
    "2024",
    "2024-02",
    "2024-02-30",
    "2023-02-29",
    "1900-02-29",
    "2024-04-31",
    "2024-13-01",
    "2024-00-10",
    "2024-1-0",
    "24-02-03",
    "24-1-1",
    "024-02-03",
    "02024-02-03",
    "12024-02-03",
    "-2024-02-03",
    "2024-02-03 BC",
    "2024-02-03 (BC)",
    "2024 02 03",
    "2024\\02\\03",
    "2024-02/03",
    "2024/02-03",
    "20240203",
    "2024-02-03T",
    "2024-02-03 9",
    "2024-02-03 24:00:00",
    "2024-02-03 24:00",
    "2024-02-03 09:60",
    "2024-02-03 09:05:60",
    "2024-02-03 09:05:07 CET",
    "2024-02-03 09:05:07 Etc/UTC",
    "2024-02-03 09:05:07 EST5EDT",
    "2024-02-03 09:05:07 GMT+5",
    "2024-02-03 09:05:07 UTC+1",
    "2024-02-03 09:05:07 NZ",
    "2024-02-03 09:05:07 Zulu",
    "2024-02-03 09:05:07 America/La_Paz",
    "2024-02-03 09:05:07+01:30:15",
    "2024-02-03 09:05:07+1",
    "2024-02-03 09:05:07z",
    "2024-02-03 09:05:07 +01",
    "2024-02-03Z",
    "2024-02-03 09:05:07 utc",
    "2024-02-03 09:05:07 PM",
    "2024-02-03 9:05 AM",
    "03.02.2024",
    "2/3/2024",
    "２024-02-03",
    "2024-02-03 09:05:07,5",
    "2024-02-03\u00a009:05",
    "2024-02-03 09:05:07 ",
    " 2024-02-03",
    "2024-02-03\n",
    "2024-W05-3",
    "2024-02-03v09:05",
)


def times_read(engine: Engine, texts, name="times"):
    kept = engine.keep(name, pa.table({"text": pa.array([*texts, None])}))
    batches = engine.stream(kept.select("text", time=engine.read_time(kept.text)))
    found = [row for batch in batches for row in batch.to_pylist()]
    return {row["text"]: row["time"] for row in found}


def test_the_accepted_times_are_read_in_utc(engine: Engine):
    found = times_read(engine, ACCEPTED)
    wanted = {text: dt.datetime.fromisoformat(time) if time else None for text, time in ACCEPTED.items()}
    assert found == wanted | {None: None}


def test_nothing_else_is_a_time(engine: Engine):
    assert {text: time for text, time in times_read(engine, REFUSED).items() if time is not None} == {}


def spelled_times(n: int, *, seed: int) -> list[str]:
    """Texts that are times, almost times, or broken times."""
    draw = random.Random(seed)  # noqa: S311
    texts = set()
    while len(texts) < n:
        between = draw.choice("---/")
        year = draw.choice(
            ["2024", "2023", "1900", "2000", "1999", "2100", "9999", "1000", "24", "0001", "12024", "999"]
        )
        month, day = str(draw.randint(0, 13)), str(draw.randint(0, 32))
        if draw.random() < 0.5:
            month, day = month.zfill(2), day.zfill(2)
        text = between.join([year, month, day])
        if draw.random() < 0.85:
            text += draw.choice([" ", "T", "  ", " ", "T", "\t", "T ", "", " T", "t"])
            text += ":".join(
                str(draw.choice([0, 5, 9, 12, 23, 24, 59, 60])).zfill(draw.choice([1, 2, 2, 3]))
                for _ in range(draw.choice([1, 2, 3, 3, 3]))
            )
            text += draw.choice(["", "", "", ".", ".5", ".123456", ".1234567", ".999999999", ",5"])
            text += draw.choice(
                [
                    "",
                    "",
                    "Z",
                    "+01",
                    "-05:30",
                    "+0545",
                    " UTC",
                    "UTC",
                    "z",
                    " Z",
                    "+1",
                    "+01:30:15",
                    "+99",
                    "+00:61",
                    " GMT0",
                ]
                + [" EST", " NZ", " UTC+1", " (BC)", " ", "+01:", "-", " Etc/UTC", "Z UTC", " America/La_Paz"]
            )
        if draw.random() < 0.1:
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice(["", " ", "0", "-", "x", ":"]) + text[at + 1 :]
        texts.add(text)
    return sorted(texts)


def test_generated_spellings_are_read_alike_on_every_engine(engine: Engine):
    texts = spelled_times(20_000, seed=1)
    expected = times_read(DuckDbEngine.opened(), texts)
    found = times_read(engine, texts)
    assert {text: (time, expected[text]) for text, time in found.items() if time != expected[text]} == {}
    assert sum(time is not None for time in found.values()) > 1000


def test_duckdb_reads_no_spelling_that_is_not_accepted():
    import re

    from engines.spellings import TIME

    texts = spelled_times(20_000, seed=2)
    found = times_read(DuckDbEngine.opened(), texts)
    accepted = re.compile(TIME.removesuffix("$"))
    wrong = [text for text in texts if (found[text] is not None) != (accepted.fullmatch(text) is not None)]
    over_the_edge = ("1000-1-", "1000-01-0", "9999-12-2", "9999-12-3")
    assert [text for text in wrong if not text.replace("/", "-").startswith(over_the_edge)] == []


NUMBERS = {
    "1": 1.0,
    "-1.5": -1.5,
    "+2": 2.0,
    "1.": 1.0,
    ".5": 0.5,
    "-.5": -0.5,
    "00012": 12.0,
    "1e5": 1e5,
    "1E+05": 1e5,
    "1e-7": 1e-7,
    "1.7976931348623157e308": 1.7976931348623157e308,
    "4.9e-324": 5e-324,
    "1e-400": 0.0,
    "0.1": 0.1,
    "123456789.123456789": 123456789.123456789,
    "0e999": 0.0,
    "9" * 120: float("9" * 120),
    "0." + "3" * 120: 1 / 3,
}
NO_NUMBERS = (
    "",
    " ",
    "-",
    ".",
    "e5",
    "1e",
    "1e5.5",
    "1_000",
    "1e1_0",
    "1,000",
    "1 000",
    "+-1",
    "--1",
    " 1",
    "1 ",
    "1\n",
    "0x10",
    "1d",
    "1f",
    "1.5L",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "1e309",
    "-1e400",
    "1e99999",
    "true",
    "١",
    "12abc",
    "€5",
    "1.2.3",
    "9" * 400,
    "\t1",
)


def test_numbers_are_read_to_the_last_bit_and_what_is_none_is_missing_or_not_finite(engine: Engine):
    kept = engine.keep("numbers", pa.table({"text": pa.array([*NUMBERS, *NO_NUMBERS, None])}))
    found = kept.select("text", number=engine.read_number(kept.text)).to_pyarrow().to_pylist()
    finite = {row["text"]: row["number"] for row in found if row["number"] is not None and math.isfinite(row["number"])}
    assert finite == NUMBERS
