"""The pages of the leads on the call list, from a finished run."""

import datetime as dt
import re

import pytest

from data_contracts.scores import Action
from data_contracts.settings import load_settings
from pages.frame import file_name
from pipelines.page_writing import write_pages
from pipelines.score import call_list_of

pytestmark = pytest.mark.whole

MADE_AT = dt.datetime(2026, 6, 30, 19)


@pytest.fixture
def settings(work):
    return load_settings(work / "config/scoring.toml")


@pytest.fixture
def on_the_list(settings):
    rows = call_list_of(settings).rows.to_pylist()
    return [row["lead_id"] for row in rows if row["action"] == Action.HAND_OFF]


def test_each_lead_to_call_has_a_page_that_today_links_to(settings, on_the_list):
    said = []
    first = write_pages(settings, made_at=MADE_AT, say=said.append).first_page
    folder = first.parent / "leads"
    assert {path.name for path in folder.iterdir()} == {file_name(lead_id) for lead_id in on_the_list}
    links = set(re.findall(r'href="(leads/[^"]+)"', first.read_text(encoding="utf-8")))
    assert links == {f"leads/{file_name(lead_id)}" for lead_id in on_the_list}
    assert any(f"the way of {len(on_the_list)} lead" in one for one in said)
    for lead_id in on_the_list:
        page = (folder / file_name(lead_id)).read_text(encoding="utf-8")
        assert page.count("<summary>13 PublishReceipt") == 1
        assert f"<code>leadscore trace {lead_id}</code>" in page
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}


def test_a_source_that_breaks_off_in_the_middle_stops_no_page(settings, on_the_list):
    with (settings.crm.data_folder / "leads.csv").open("a", encoding="utf-8") as file:
        file.write('a,b,c,"\n')
    folder = write_pages(settings, made_at=MADE_AT).first_page.parent
    page = (folder / "leads" / file_name(on_the_list[0])).read_text(encoding="utf-8")
    assert "the source cannot be read any more" in page
    assert "what stands in the CRM now" in page


def test_ways_that_cannot_be_made_anew_are_said_on_the_pages(settings, on_the_list, monkeypatch):
    """As when the features of the code are no longer those that the release learnt from."""
    monkeypatch.setattr("serving.trace.catalogue_digest", lambda settings: "other")
    folder = write_pages(settings, made_at=MADE_AT).first_page.parent
    page = (folder / "leads" / file_name(on_the_list[0])).read_text(encoding="utf-8")
    assert "Its way cannot be made anew: release" in page
    assert "the one in force is other" in page
