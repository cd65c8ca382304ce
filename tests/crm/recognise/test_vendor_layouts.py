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
    "salesforce": {"call", "email", "meeting", "call_attempt", "campaign_member"},
    "pipedrive": {"call", "email", "meeting"},
}
OPTIONAL = {
    "hubspot": {
        "sellers.team": "teams",
        "opportunities.loss_reason": "closed_lost_reason",
        "opportunities.win_reason": "closed_won_reason",
    },
    "salesforce": {
        "sellers.team": "Department",
        "sellers.time_zone": "TimeZoneSidKey",
        "activities.campaign": "CampaignId",
        "opportunities.loss_reason": "Loss_Reason__c",
        "opportunities.competitor": "MainCompetitors__c",
    },
    "pipedrive": {
        "sellers.time_zone": "timezone_name",
        "opportunities.loss_reason": "lost_reason",
        "opportunities.margin": "Margin",
    },
}
"""By vendor, what is taken of the columns that only the shared numbers use."""

OF_SHARED_NUMBERS = ("sellers.", "activities.source", "activities.campaign", "opportunities.")
ALWAYS_TOLD = {"opportunities.outcome", "opportunities.closed_at", "opportunities.amount"}
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
    told = {one.what: one.value for one in found.guesses if one.what.startswith(OF_SHARED_NUMBERS)}
    assert {what: told.pop(what, "") for what in OPTIONAL[vendor]} == OPTIONAL[vendor]
    assert not [what for what in told if what not in ALWAYS_TOLD]


def test_of_sellers_the_copy_holds_teams_and_zones_and_nobody(simulated: Path, tmp_path: Path):
    write_layout("salesforce", simulated=simulated, into=tmp_path / "data")
    found = recognised(tmp_path / "data")
    assert not any(who in found.selects["sellers"] for who in ("Name", "Username"))
    read = "SELECT owner_id, team, time_zone FROM raw_sellers ORDER BY owner_id LIMIT 3"
    assert rows(found, read, data=tmp_path / "data", work=tmp_path / "s") == [
        ("U-001", "South", "America/New_York"),
        ("U-002", "North", "Europe/Berlin"),
        ("U-003", "South", "Europe/Stockholm"),
    ]


def test_of_several_teams_of_a_seller_the_primary_one_is_taken(simulated: Path, tmp_path: Path):
    write_layout("hubspot", simulated=simulated, into=tmp_path / "data")
    found = recognised(tmp_path / "data")
    assert guess(found, "sellers.team")[1] == "its name; of several teams the primary one"
    read = "SELECT DISTINCT team FROM raw_sellers ORDER BY team"
    assert rows(found, read, data=tmp_path / "data", work=tmp_path / "s") == [("North",), ("South",)]


def test_campaign_members_are_touches_once_they_responded(simulated: Path, tmp_path: Path):
    write_layout("salesforce", simulated=simulated, into=tmp_path / "data")
    found = recognised(tmp_path / "data")
    read = "SELECT DISTINCT kind, starts_with(campaign, '701Dn') FROM raw_activities WHERE campaign IS NOT NULL"
    assert rows(found, read, data=tmp_path / "data", work=tmp_path / "s") == [("campaign_member", True)]
    (kind,) = [kind for kind in found.kinds if kind.name == "campaign_member"]
    assert (str(kind.family), str(kind.direction), kind.counts_as_contact) == ("response", "inbound", False)


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
