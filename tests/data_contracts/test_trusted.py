from pathlib import Path

import pytest

from data_contracts.check import check_history, open_checked
from data_contracts.columns import TABLES
from data_contracts.delivery import receive
from data_contracts.engine import open_engine
from data_contracts.errors import SourceError
from data_contracts.quarantine import refuse_rows
from data_contracts.rules import Judge
from data_contracts.trusted import fingerprint, settle
from data_contracts.typing_rows import type_rows
from data_contracts.workbench import workbench
from tests.data_contracts.raw_rows import LENIENT, activity, change, lead, many, raw, rows_of, settings, small_engine


def content(checked):
    tables = dict(checked.history.tables) | {
        "quarantine": checked.quarantine.table,
        "unsettled": checked.history.unsettled,
    }
    return {name: sorted(rows_of(table), key=str) for name, table in tables.items()}


def test_what_was_checked_can_be_opened_again_as_it_was(tmp_path: Path):
    engine = open_engine(tmp_path / "history.duckdb")
    rows = many(40) | {"activities": [activity("a0", "l0")]}
    rows["leads"][7]["created_at"] = "soon"
    checked = check_history(raw(rows, engine=engine), settings())
    before = content(checked)
    engine.disconnect()

    again = open_checked(open_engine(tmp_path / "history.duckdb", read_only=True))
    assert content(again) == before
    assert again.report == checked.report
    assert again.history.leads.columns == again.history.tables["leads"].columns
    with pytest.raises(AttributeError, match="invoices"):
        _ = again.history.invoices
    history = again.history
    assert (history.extracted_at, history.absent, history.fingerprint, history.definitions_version) == (
        checked.history.extracted_at,
        ("accounts", "opportunities", "attribute_changes", "spend"),
        checked.report.fingerprint,
        "2026.1",
    )
    assert len(before["quarantine"]) == 2, "the lead and its stage change"
    assert again.history.engine.list_tables() == sorted(
        [*TABLES, "check_report", "quarantine", "raw_activities", "raw_leads", "raw_stage_changes", "unsettled"]
    )


def test_an_engine_in_which_nothing_was_checked_says_so():
    with pytest.raises(SourceError, match="never checked"):
        open_checked(open_engine())


def test_a_second_check_replaces_the_first():
    engine = small_engine()
    check_history(raw(many(3), engine=engine), settings())
    second = check_history(raw(many(2), engine=engine), settings())
    assert len(rows_of(second.history.leads)) == 2
    assert len(rows_of(engine.table("check_report"))) == 1


def digest(engine, tables):
    """The fingerprint of a raw history, without the verdicts."""
    history = raw(tables, engine=engine)
    with workbench(engine):
        received = receive(history, LENIENT.crm)
        for table in received:
            type_rows(engine, table, crm=LENIENT.crm)
            judge = Judge(table.contract, extracted_at=history.extracted_at, are_leads_known=True)
            refuse_rows(engine, table, judge=judge)
        settle(engine, received, crm=LENIENT.crm)
        return fingerprint(engine)


def test_the_fingerprint_depends_on_what_was_accepted_and_not_on_its_order(engine):
    rows = {"leads": [lead("a", source="x"), lead("b")], "stage_changes": [change("a"), change("b")]}
    same = {"leads": rows["leads"][::-1], "stage_changes": [*rows["stage_changes"][::-1], change("nobody")]}
    assert digest(engine, rows) == digest(engine, same)


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
def test_the_fingerprint_changes_with_any_accepted_value(engine, leads):
    first = {"leads": [lead("a", source="x"), lead("b")], "stage_changes": [change("a")]}
    assert digest(engine, first) != digest(engine, first | {"leads": leads})


def test_the_fingerprint_does_not_depend_on_the_number_of_threads(engine):
    rows = many(5_000)
    found = set()
    for threads in (1, 4):
        engine.con.execute(f"SET threads = {threads}")
        found.add(digest(engine, rows))
    engine.con.execute("RESET threads")
    assert len(found) == 1
