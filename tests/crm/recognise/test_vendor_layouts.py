"""HubSpot, Salesforce and Pipedrive: the simulated CRM in their columns, so that the truth is known."""

import sqlite3
from pathlib import Path

import pytest

from benchmarks.crm_layouts import LAYOUTS, write_layout
from crm.database_copy import TABLES, copy_database
from crm.recognise import look_at
from data_contracts.vocabulary import Stage
from simulation import simulate
from tests.crm.recognise.exports_by_hand import guess, recognised, rows

pytestmark = pytest.mark.whole

KINDS = {
    "hubspot": {"call", "email", "meeting", "call_attempt"},
    "salesforce": {"call", "email", "meeting", "call_attempt"},
    "pipedrive": {"call", "email", "meeting"},
}
LEADS = {"hubspot": "contacts.csv", "salesforce": "Lead.csv", "pipedrive": "deals.csv"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, n_leads=600, seed=3)
    return folder


@pytest.mark.parametrize("vendor", LAYOUTS)
def test_a_vendors_export_is_recognised_and_its_stages_are_the_true_ones(vendor: str, simulated: Path, tmp_path: Path):
    true = write_layout(vendor, simulated=simulated, into=tmp_path / "data")
    found = recognised(tmp_path / "data")
    assert guess(found, "leads")[0].startswith(LEADS[vendor])
    assert {kind.name for kind in found.kinds} == KINDS[vendor]
    words = {stage: [word for word, its in found.stages.items() if its is stage] for stage in Stage}
    counted = "SELECT stage, count(DISTINCT lead_id) FROM raw_stage_changes GROUP BY stage"
    by_word = dict(rows(found, counted, data=tmp_path / "data", work=tmp_path / "s"))
    reached = {stage: sum(by_word.get(word, 0) for word in words[stage]) for stage in Stage}
    assert set(true) == ({"mql", "won"} if vendor == "pipedrive" else {"mql", "sql", "won"})
    assert {name: reached[Stage(name)] for name in true} == true
    assert "opportunities" in found.selects
    assert not any("mail" in one.name or "name" in one.name for one in found.attributes)


def test_a_database_with_a_vendors_tables_is_recognised_as_the_files_are(simulated: Path, tmp_path: Path):
    write_layout("hubspot", simulated=simulated, into=tmp_path / "data")
    export = look_at(tmp_path / "data")
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        for table in export.tables:
            connection.execute(f"CREATE TABLE {table.name} ({', '.join(column.sql for column in table.columns)})")
            values = ", ".join("?" * len(table.columns))
            connection.executemany(f"INSERT INTO {table.name} VALUES ({values})", export.rows(f"FROM {table.view}"))
    connection.close()
    copied = copy_database(f"sqlite:///{tmp_path / 'crm.db'}", tmp_path / "copy")
    assert [table.left_out for table in copied if table.name == "contacts"] == [("firstname", "lastname")]
    files, database = recognised(tmp_path / "data"), recognised(tmp_path / "copy" / TABLES)
    for what in ("stages", "kinds", "attributes", "directions", "outcomes", "horizons", "questions"):
        assert getattr(database, what) == getattr(files, what), what
    assert set(database.selects) == set(files.selects)
