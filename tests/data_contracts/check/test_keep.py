import json
from pathlib import Path

import pyarrow as pa
import pytest

from data_contracts.check import open_checked
from data_contracts.check.fingerprint import fingerprint
from data_contracts.columns import TABLES
from data_contracts.errors import SourceError
from engines.duckdb import DuckDbEngine
from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import (
    STRICT,
    activity,
    change,
    check,
    lead,
    many,
    raw,
    rows_of,
)

pytestmark = pytest.mark.whole


def content(checked):
    tables = dict(checked.history.tables) | {
        "quarantine": checked.quarantine.table,
        "unsettled": checked.history.unsettled,
    }
    return {name: sorted(rows_of(table), key=str) for name, table in tables.items()}


def test_what_was_checked_can_be_opened_again_as_it_was(tmp_path: Path):
    engine = DuckDbEngine.opened(tmp_path / "history.duckdb")
    rows = many(40) | {"activities": [activity("a0", "l0")]}
    rows["leads"][7]["created_at"] = "soon"
    checked = check(raw(rows, engine=engine), STRICT)
    before = content(checked)
    engine.close()

    reopened = DuckDbEngine.opened(tmp_path / "history.duckdb", read_only=True)
    again = open_checked(reopened)
    assert content(again) == before
    assert again.report == checked.report
    assert again.history.leads.columns == again.history.tables["leads"].columns
    with pytest.raises(AttributeError, match="invoices"):
        _ = again.history.invoices
    history = again.history
    assert (history.extracted_at, history.absent, history.fingerprint, history.definitions_version) == (
        checked.history.extracted_at,
        ("accounts", "opportunities", "attribute_changes", "spend", "sellers"),
        checked.report.fingerprint,
        "2026.1",
    )
    assert len(before["quarantine"]) == 2, "the lead and its stage change"
    raw_tables = {"raw_activities", "raw_leads", "raw_stage_changes"}
    assert reopened.tables() - raw_tables == {*TABLES, "check_report", "left_out", "quarantine", "unsettled"}


def test_an_engine_in_which_nothing_was_checked_says_so():
    with pytest.raises(SourceError, match="never checked"):
        open_checked(DuckDbEngine.opened())


def test_a_report_of_a_version_that_called_the_verdicts_otherwise_says_so(checked_before):
    told = json.loads(checked_before.table("check_report").to_pyarrow()["report"][0].as_py())
    assert told["verdicts"][0]["rule"] == "leads.lead_id.column_exists"
    told["expectations"] = told.pop("verdicts")
    checked_before.keep("check_report", pa.table({"report": [json.dumps(told)]}))
    with pytest.raises(SourceError, match="checked by another version of leadscore; run `leadscore check`"):
        open_checked(checked_before)


def test_a_history_of_a_version_whose_tables_had_fewer_columns_says_so(checked_before):
    checked_before.keep("opportunities", checked_before.table("opportunities").drop("margin").to_pyarrow())
    with pytest.raises(SourceError, match="checked by another version of leadscore; run `leadscore check`"):
        open_checked(checked_before)


def test_a_second_check_replaces_the_first(checked_before):
    second = check(raw(many(2), engine=checked_before), STRICT)
    assert len(rows_of(second.history.leads)) == 2
    assert len(rows_of(checked_before.table("check_report"))) == 1


def digest(engine, tables):
    """The fingerprint of a raw history, without the verdicts."""
    judge_rows(raw(tables, engine=engine))
    return fingerprint(engine, {name: engine.table(name) for name in TABLES})


FIRST = {"leads": [lead("a", source="x"), lead("b")], "stage_changes": [change("a"), change("b")]}


@pytest.fixture(scope="module")
def first_digest(engine):
    return digest(engine, FIRST)


def test_the_fingerprint_depends_on_what_was_accepted_and_not_on_its_order(engine, first_digest):
    refused = change("nobody")
    same = {"leads": FIRST["leads"][::-1], "stage_changes": [*FIRST["stage_changes"][::-1], refused]}
    assert digest(engine, same) == first_digest


@pytest.mark.parametrize(
    "leads",
    [
        [lead("a", source="x")],
        [lead("a", source="x"), lead("b", source="x")],
        [lead("a"), lead("b", source="x")],
        [lead("a", campaign="x"), lead("b")],
        [lead("a", role="x"), lead("b")],  # the column next to source, by name
        [lead("a", "2026-01-01T00:00:00.000001", source="x"), lead("b")],
    ],
)
def test_the_fingerprint_changes_with_any_accepted_value(engine, first_digest, leads):
    assert digest(engine, FIRST | {"leads": leads}) != first_digest


def test_the_fingerprint_does_not_depend_on_the_number_of_threads(engine):
    rows = many(5_000)
    found = set()
    for threads in (1, 4):
        engine.backend.con.execute(f"SET threads = {threads}")
        found.add(digest(engine, rows))
    engine.backend.con.execute("RESET threads")
    assert len(found) == 1
