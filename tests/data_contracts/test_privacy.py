import ibis
import pyarrow as pa
import pytest

from data_contracts.privacy import MASKED, is_personal, is_personal_value, masked, masked_value
from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import STRICT, check, lead, many, raw, stopped_by


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jane@example.com", True),
        ("Jane Doe <jane@example.com>", True),
        ("+49 30 1234567", True),
        ("0049-30-1234567", True),
        ("(030) 123 45 67", True),
        ("555-123-4567", True),
        ("Manager", False),
        ("2026-01-15", False),
        ("01-02-2024", False),
        ("01.02.2024 10:30", False),
        ("1000-5000", False),
        ("10.000 - 50.000", False),
        ("4410123456", False),
        ("@acme", False),
    ],
)
def test_what_looks_like_an_email_address_or_a_phone_number_is_told_apart_and_masked(value, expected):
    assert is_personal(value) == expected
    assert masked(value) == (MASKED if expected else value)
    text = ibis.memtable(pa.table({"text": [value]})).text
    assert is_personal_value(text).to_pyarrow()[0].as_py() == expected
    assert masked_value(text).to_pyarrow()[0].as_py() == (MASKED if expected else value)


def test_a_word_that_nothing_maps_is_not_quoted_where_it_is_personal():
    rows = many(30)
    rows["stage_changes"][0]["stage"] = "jane@example.com"
    (breach,) = stopped_by(raw(rows))
    assert "jane" not in str(breach)
    assert f"'{MASKED}' (1 row) is not mapped" in str(breach)


def test_the_quarantine_says_what_is_wrong_with_a_personal_value_and_not_the_value():
    judged = judge_rows(raw({"leads": [lead("l0", "jane@example.com"), lead("l1", "31.12.2025")]}))
    values = {row["source_row"]: row["value"] for row in judged.quarantine}
    reasons = {row["source_row"]: row["reason"] for row in judged.quarantine}
    assert values == {1: MASKED, 2: "31.12.2025"}
    assert reasons[1].startswith(f"created_at '{MASKED}' is not a time")
    assert reasons[2].startswith("created_at '31.12.2025' is not a time")


def test_a_source_or_campaign_that_identifies_a_person_stops_the_run():
    rows = many(3)
    rows["leads"] = [row | {"source": "webinar", "campaign": "webinar"} for row in rows["leads"]]
    rows["leads"][1] |= {"source": "jane@example.com", "campaign": "jane@example.com"}
    assert sorted(str(breach) for breach in stopped_by(raw(rows))) == [
        f"leads: {column} looks like an email address or a phone number in 1 row; leave it out of the SELECT of leads, "
        "or empty such values there: what identifies a person never becomes a feature"
        for column in ("campaign", "source")
    ]


def test_a_file_without_a_header_does_not_give_away_its_first_row():
    rows = many(1) | {"leads": [{"lead_id": "l0", "jane@example.com": "x"}]}
    (breach,) = stopped_by(raw(rows))
    assert "jane" not in str(breach)
    assert f"column created_at is missing (there are {MASKED}, lead_id)" in str(breach)
    rows = many(1)
    rows["leads"][0]["jane@example.com"] = "x"
    warnings = check(raw(rows), STRICT).report.warnings
    assert f"leads: left out, because nobody declared them: {MASKED}" in warnings


def test_the_name_of_an_undeclared_attribute_is_not_quoted_where_it_is_personal():
    changed = {"object": "lead", "object_id": "l0", "attribute": "jane@example.com", "new_value": "x"}
    rows = many(1) | {"attribute_changes": [changed | {"changed_at": "2026-02-01"}]}
    warnings = check(raw(rows), STRICT).report.warnings
    assert not [warning for warning in warnings if "jane" in warning]
    assert [warning for warning in warnings if MASKED in warning]
