from dataclasses import replace

import pytest

from data_contracts.check import conserve
from data_contracts.check.deliver import receive
from data_contracts.check.keep import keep_tables
from data_contracts.check.refuse import counts, delivered_rows, keep_quarantine
from data_contracts.check.run import judge_tables
from data_contracts.errors import ContractError
from tests.data_contracts.raw_rows import LENIENT, change, engine_of, lead, raw

ROWS = {
    "leads": [lead("a"), lead("b", merged_into="a", merged_at="2026-03-01"), lead("c", "soon")],
    "stage_changes": [change("a"), change("nobody")],
}


def conserved(*, forget="", table="leads", **miscounted):
    """Keep a history in which a lead was merged and rows were refused, forget rows of a table, and count it again."""
    history = raw(ROWS)
    engine = engine_of(history)
    several, _ = judge_tables(
        engine, receive(history, LENIENT.crm), settings=LENIENT, extracted_at=history.extracted_at
    )
    keep_quarantine(engine, list(several.values()), extracted_at=history.extracted_at)
    checks = {name: counts(judged, delivered=delivered_rows(judged.table)) for name, judged in several.items()}
    checks["leads"] = replace(checks["leads"], **miscounted)
    kept = keep_tables(engine, several, crm=LENIENT.crm)
    if forget:
        engine.backend.con.execute(f"DELETE FROM {forget} WHERE {table}")
    conserve.refuse_lost_rows(engine, several, kept, checks=checks)
    return {name: (check.delivered, check.accepted, check.refused) for name, check in checks.items()}


def test_every_row_is_accepted_merged_away_or_refused():
    assert conserved() == {"leads": (3, 2, 1), "stage_changes": (2, 1, 1)}


@pytest.mark.parametrize(
    ("forget", "where", "told"),
    [
        ("leads", "lead_id = 'a'", "leads: 3 rows were judged, 1 accepted and 1 refused"),
        ("stage_changes", "true", "stage_changes: 2 rows were judged, 0 accepted and 1 refused"),
        ("quarantine", "\"table\" = 'leads'", "leads: 3 rows were judged, 2 accepted and 0 refused"),
        ("quarantine", "\"table\" = 'stage_changes'", "1 breaches were noted, 0 are in quarantine"),
    ],
)
def test_a_row_that_is_lost_stops_the_run(forget, where, told):
    with pytest.raises(ContractError, match=told):
        conserved(forget=forget, table=where)


def test_a_row_that_was_delivered_and_never_judged_stops_the_run():
    with pytest.raises(ContractError, match="leads: 4 rows were delivered and 3 judged"):
        conserved(delivered=4)
