import duckdb
import pytest

from data_contracts.casting import kept_of, parsed_of, text_of


def value(given: object, wanted: str, delivered_type: str = "VARCHAR") -> object:
    """What the engine makes of `given`, delivered as `delivered_type`."""
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    sql = kept_of("parsed", wanted=wanted)
    read = parsed_of("given", delivered_type, wanted=wanted)
    delivered = f"SELECT CAST(? AS {delivered_type}) AS given"
    query = f"SELECT CAST({sql} AS VARCHAR) FROM (SELECT {read} AS parsed FROM ({delivered}))"
    return engine.execute(query, [given]).fetchone()[0]


@pytest.mark.parametrize(
    ("given", "time"),
    [
        ("2024-02-29", "2024-02-29 00:00:00"),
        ("2024-02-29 13:45", "2024-02-29 13:45:00"),
        ("2024-02-29T13:45:00Z", "2024-02-29 13:45:00"),
        ("2024-02-29T13:45:00.123", "2024-02-29 13:45:00.123"),
        ("2024-02-29T13:45:00+01:00", "2024-02-29 12:45:00"),
        ("2024-02-29 13:45:00.5-0530", "2024-02-29 19:15:00.5"),
        ("2024-03-01 00:30:00+02", "2024-02-29 22:30:00"),
        (" 2024-02-29\t", "2024-02-29 00:00:00"),
    ],
)
def test_a_time_becomes_utc_and_is_utc_where_it_has_no_offset(given, time):
    assert value(given, "timestamp") == time


@pytest.mark.parametrize(
    "given", ["2023-02-29", "31.12.2024", "12/31/2024", "24-01-05", "0001-01-01", "infinity", "soon", "1704067200", ""]
)
def test_what_is_no_time_is_missing(given):
    assert value(given, "timestamp") is None


@pytest.mark.parametrize(
    ("delivered_type", "given", "time"),
    [
        ("TIMESTAMP", "2024-02-29 13:45:00", "2024-02-29 13:45:00"),
        ("DATE", "2024-02-29", "2024-02-29 00:00:00"),
        ("TIMESTAMP_NS", "2024-02-29 13:45:00.123456789", "2024-02-29 13:45:00.123456"),
        ("TIMESTAMP WITH TIME ZONE", "2024-02-29 13:45:00+01:00", "2024-02-29 12:45:00"),
        ("BIGINT", "1704067200", None),
    ],
)
def test_a_time_may_be_delivered_as_a_time(delivered_type, given, time):
    assert value(given, "timestamp", delivered_type) == time


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("1234.5", "1234.5"),
        ("-1", "-1.0"),
        (" 7 ", "7.0"),
        ("1e3", "1000.0"),
        ("nan", None),
        ("inf", None),
        ("1,5", None),
    ],
)
def test_a_number_is_finite_and_has_a_decimal_point(given, number):
    assert value(given, "number") == number


@pytest.mark.parametrize(
    ("given", "integer"), [("12", "12"), ("12.0", "12"), ("12.5", None), ("0x10", None), ("x", None)]
)
def test_an_integer_is_never_rounded(given, integer):
    assert value(given, "integer") == integer


@pytest.mark.parametrize(("given", "truth"), [("true", "true"), ("No", "false"), ("1", "true"), ("maybe", None)])
def test_a_truth_value_is_read_from_its_usual_words(given, truth):
    assert value(given, "boolean") == truth


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (" a b ", "a b"),
        ("\ta\r\n", "a"),
        ("\u00a0Müller\ufeff", "Müller"),
        ("é", "é"),
        ("   ", None),
        ("", None),
        (None, None),
    ],
)
def test_text_loses_the_blanks_around_it_and_an_empty_one_is_missing(given, text):
    assert duckdb.execute(
        f"SELECT {text_of('given')} FROM (SELECT CAST(? AS VARCHAR) AS given)", [given]
    ).fetchone() == (text,)
