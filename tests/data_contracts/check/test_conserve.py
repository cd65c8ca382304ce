from dataclasses import replace

import pytest

from data_contracts.check import conserve
from data_contracts.check.deliver import receive
from data_contracts.check.judge_tables import judge_tables
from data_contracts.check.keep import keep_tables
from data_contracts.check.leave_out import keep_left_out
from data_contracts.check.refuse import counts, keep_quarantine
from data_contracts.errors import ContractError
from tests.data_contracts.raw_rows import LENIENT, change, engine_of, lead, raw

ROWS = {
    "leads": [lead("a"), lead("b", merged_into="a", merged_at="2026-03-01"), lead("c", "soon")],
    "stage_changes": [change("a"), change("nobody")],
}


@pytest.fixture(scope="module")
def kept():
    """The engine, what was judged, and what was kept of a history in which a lead was merged and rows were refused."""
    history = raw(ROWS)
    engine = engine_of(history)
    judged = judge_tables(engine, receive(history, LENIENT.crm), settings=LENIENT, extracted_at=history.extracted_at)
    keep_quarantine(engine, judged.quarantined)
    keep_left_out(engine, judged.left_out)
    return engine, judged.tables, keep_tables(engine, judged.tables, crm=LENIENT.crm)


@pytest.fixture
def conserved(kept):
    """Counts the history again, perhaps after rows of a table were deleted; the deletion is taken back."""
    engine, several, tables = kept

    def count(*, deleted_from="", where="", **miscounted):
        checks = {name: counts(table) for name, table in several.items()}
        checks["leads"] = replace(checks["leads"], **miscounted)
        if deleted_from:
            engine.backend.con.execute(f"DELETE FROM {deleted_from} WHERE {where}")
        conserve.refuse_lost_rows(engine, several, tables, checks=checks)
        return {name: (check.delivered, check.accepted, check.refused) for name, check in checks.items()}

    engine.backend.con.execute("BEGIN TRANSACTION")
    yield count
    engine.backend.con.execute("ROLLBACK")


def test_every_row_is_accepted_merged_away_or_refused(conserved):
    assert conserved() == {"leads": (3, 2, 1), "stage_changes": (2, 1, 1)}


@pytest.mark.parametrize(
    ("deleted_from", "where", "told"),
    [
        ("leads", "lead_id = 'a'", "leads: 3 rows were judged, 1 accepted and 1 refused"),
        ("stage_changes", "true", "stage_changes: 2 rows were judged, 0 accepted and 1 refused"),
        ("quarantine", "\"table\" = 'leads'", "leads: 3 rows were judged, 2 accepted and 0 refused"),
        ("quarantine", "\"table\" = 'stage_changes'", "1 breaches were noted, 0 are in quarantine"),
    ],
)
def test_a_row_that_is_lost_stops_the_run(conserved, deleted_from, where, told):
    with pytest.raises(ContractError, match=told):
        conserved(deleted_from=deleted_from, where=where)


def test_a_row_that_was_delivered_and_never_judged_stops_the_run(conserved):
    with pytest.raises(ContractError, match="leads: 4 rows were delivered and 3 judged"):
        conserved(delivered=4)


def test_a_row_that_is_said_to_be_left_out_and_is_not_kept_stops_the_run(conserved):
    told = "leads: 3 rows were judged, 2 accepted and 1 refused, 0 left out"
    with pytest.raises(ContractError, match=told):
        conserved(left_out={"robots": 1})
