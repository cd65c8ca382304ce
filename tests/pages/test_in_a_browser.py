"""The pages in a real browser: filters, sorting, keyboard, views, no request to anywhere, no barrier."""

from pathlib import Path

import pytest

from pages import today_page, works_page, write_site
from pages.frame import file_name
from tests import example_release
from tests.example_shadow import shadow_report
from tests.example_site import EVIL, NOTHING, frame, lead, nouns, pages_of_leads, score, today, waiting
from tests.pages.conftest import LOOKS

pytestmark = pytest.mark.slow

CARD = "# Card\n\n| what |  |\n|---|---|\n" + f"| {'a long word' * 40} | {'told' * 40} |\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    told = frame()
    rows = [
        lead("L-1", expected_value=9_000.0, p_next=0.9),
        lead("L-2", expected_value=100_000.0, p_next=0.8, source="Event", is_overdue=True),
        lead("L-3", expected_value=200.0, p_next=0.7, persona=None),
        waiting("L-8", 1),
        waiting("L-9", 2, source="Event"),
    ]
    pages = [
        today_page(nouns(today=today(*rows)), told),
        works_page(example_release.manifest(), shadow_report(), NOTHING, verdict=None, card=CARD, frame=told),
    ]
    scores = [score(days_ago=day, p_next=0.6 - day / 20) for day in range(4)]
    write_site(folder, [*pages, *pages_of_leads(lead("L-1", is_overdue=True), scores=scores)], told)
    return folder


@pytest.mark.parametrize("path", ["index.html", "works.html", f"leads/{file_name('L-1')}"])
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_is_free_of_barriers_errors_and_requests_at_each_width_and_scheme(visit, site, path, width, scheme):
    assert visit(site / path, width=width, scheme=scheme).barriers() == []


def test_a_filter_leaves_the_rows_with_the_value_and_says_how_many(visit, site):
    told = visit(site / "index.html")
    told.page.get_by_label("Source").first.select_option("Event")
    assert told.shown() == ["L-2"]
    assert told.page.get_by_text("1 of 3 rows").is_visible()
    told.page.get_by_label("Source").first.select_option("")
    assert told.shown() == ["L-1", "L-2", "L-3"]


def test_filters_work_together(visit, site):
    told = visit(site / "index.html")
    told.page.get_by_label("Source").first.select_option("Webinar")
    told.page.get_by_label("Persona").first.select_option("–")
    assert told.shown() == ["L-3"]


def test_a_heading_sorts_by_value_and_once_more_the_other_way(visit, site):
    told = visit(site / "index.html")
    worth = told.page.get_by_role("button", name="Expected value").first
    worth.click()
    assert told.shown() == ["L-3", "L-1", "L-2"]
    assert told.page.locator("th[aria-sort=ascending]").inner_text() == "Expected value"
    worth.click()
    assert told.shown() == ["L-2", "L-1", "L-3"]


def test_all_of_it_works_by_keyboard(visit, site):
    told = visit(site / "index.html")
    told.page.keyboard.press("Tab")
    assert told.page.evaluate("document.activeElement.className") == "skip"
    told.page.get_by_role("button", name="Expected value").first.focus()
    told.page.keyboard.press("Enter")
    assert told.shown() == ["L-3", "L-1", "L-2"]
    told.page.get_by_label("Source").first.focus()
    told.page.keyboard.type("E")
    assert told.shown() == ["L-2"]


def test_a_view_shows_the_sections_of_a_role_and_goes_along_to_the_next_page(visit, site):
    told = visit(site / "index.html")
    told.page.get_by_label("Shown for").select_option("seller")
    assert told.page.get_by_role("heading", name="Call first").is_visible()
    assert not told.page.get_by_role("heading", name="The model brings more").is_visible()
    told.page.get_by_role("link", name="Does it work?").click()
    assert told.page.get_by_label("Shown for").input_value() == "seller"


def test_without_script_everything_is_there(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("section").count() == page.locator("section:visible").count() == 3
    context.close()


def test_on_a_phone_a_lead_is_a_card_with_its_headings(visit, site):
    told = visit(site / "index.html", width=390)
    row = told.page.locator("table.cards tbody tr").first
    assert row.evaluate("row => getComputedStyle(row).display") == "grid"
    heading = "cell => getComputedStyle(cell, '::before').content"
    assert "Expected value" in row.locator("td[data-heading='Expected value']").evaluate(heading)


def test_on_paper_no_column_is_cut_off(visit, site):
    told = visit(site / "index.html", width=760)
    told.page.emulate_media(media="print")
    cut_off = "[...document.querySelectorAll('table')].filter(one => one.getBoundingClientRect().right > 760).length"
    assert told.page.evaluate(cut_off) == 0


def test_what_would_run_does_not(visit, tmp_path):
    told = frame(source=EVIL, release_id=EVIL)
    evil = today(
        *(lead(f"L-{name}") | {name: EVIL, "source": EVIL} for name in ("lead_id", "reason_1", "owner_id")), lead("L-1")
    )
    write_site(tmp_path, [today_page(nouns(today=evil), told)], told)
    seen = visit(tmp_path / "index.html")
    seen.page.get_by_label("Source").first.select_option(EVIL)
    assert seen.said == []
    assert EVIL in seen.page.locator("table").first.inner_text()
